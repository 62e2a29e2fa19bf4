//! Unions that stay readable when the server adds a kind.

/// Writes how a union is read, and the name of its tag.
///
/// `keep`: the union occurs in responses, where one unexpected value must not cost the caller the complete
/// response, so that what doesn't fit is preserved in `Unknown`. `refuse`: it is only sent, where a mistake
/// is named.
macro_rules! tagged_union {
    (
        $name:ident by $tag:literal, $policy:ident what does not fit {
            $($value:literal => $case:ident $(($fields:ident))?,)+
        }
    ) => {
        impl $name {
            #[doc = concat!("The `", $tag, "` on the wire.")]
            pub fn tag(&self) -> &str {
                match self {
                    $(Self::$case { .. } => $value,)+
                    Self::Unknown(raw) => raw.text($tag).unwrap_or_default(),
                }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::fields::read_object(deserializer)
            }
        }

        impl crate::fields::FromFields for $name {
            fn from_fields<E: serde::de::Error>(
                fields: crate::fields::Fields<'_>,
            ) -> Result<Self, E> {
                match fields.text($tag) {
                    $(Some($value) => {
                        crate::tagged_union::tagged_union!(@read $policy, fields, $case $(($fields))?)
                    })+
                    None => crate::tagged_union::tagged_union!(@untagged $policy, fields, $tag),
                    Some(_) => Ok(Self::Unknown(fields.keep())),
                }
            }
        }
    };
    (@read $policy:ident, $object:ident, $case:ident) => {
        Ok(Self::$case)
    };
    (@read keep, $object:ident, $case:ident ($fields:ident)) => {
        Ok($object.read_or_keep(Self::$case, Self::Unknown))
    };
    (@read refuse, $object:ident, $case:ident ($fields:ident)) => {
        $object.read(Self::$case)
    };
    (@untagged keep, $object:ident, $tag:literal) => {
        Ok(Self::Unknown($object.keep()))
    };
    (@untagged refuse, $object:ident, $tag:literal) => {
        Err(serde::de::Error::missing_field($tag))
    };
}
pub(crate) use tagged_union;

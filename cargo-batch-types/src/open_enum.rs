//! Enums that stay readable when the server adds a value.

use std::fmt;

/// A value newer than this crate, as the server spells it.
///
/// It can't be created by hand, so a known value is never hidden in an `Unknown` variant: convert from text
/// with the enum's own `From<&str>`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnknownValue(Box<str>);

impl UnknownValue {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// Returns the value as the server spells it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Writes an enum of known strings with a variant that preserves every other one.
macro_rules! open_enum {
    (
        $(#[$docs:meta])*
        pub enum $name:ident {
            $($(#[$case_docs:meta])* $case:ident = $text:literal,)+
        }
    ) => {
        $(#[$docs])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$case_docs])* $case,)+
            /// A value newer than this crate.
            Unknown(crate::UnknownValue),
        }

        impl $name {
            /// Every value this crate knows.
            pub const KNOWN: &[Self] = &[$(Self::$case),+];

            /// Returns the value as the API spells it.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$case => $text,)+
                    Self::Unknown(value) => value.as_str(),
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$case,)+
                    _ => Self::Unknown(crate::UnknownValue::new(text)),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                text.as_str().into()
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(text.into())
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str(concat!("a string (", stringify!($name), ")"))
                    }
                    fn visit_str<E>(self, text: &str) -> Result<$name, E> {
                        Ok(text.into())
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }

        #[cfg(feature = "schemars")]
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                // `examples`, not `enum`: an open enum has more values than are known.
                schemars::json_schema!({ "type": "string", "examples": [$($text),+] })
            }
        }
    };
}
pub(crate) use open_enum;

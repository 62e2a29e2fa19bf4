//! Values the API takes alone or as a list.

/// Writes a type that holds one string or several, and remembers which form it came in.
macro_rules! one_or_many {
    ($(#[$docs:meta])* pub struct $name:ident;) => {
        $(#[$docs])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[serde(untagged)]
        pub enum $name {
            /// One, written as it is.
            One(String),
            /// Several, written as a list.
            Many(Vec<String>),
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct OneOrMany;
                impl<'de> serde::de::Visitor<'de> for OneOrMany {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a string or a list of strings")
                    }
                    fn visit_str<E>(self, text: &str) -> Result<$name, E> {
                        Ok($name::One(text.to_owned()))
                    }
                    fn visit_seq<A: serde::de::SeqAccess<'de>>(
                        self,
                        items: A,
                    ) -> Result<$name, A::Error> {
                        let items = serde::de::value::SeqAccessDeserializer::new(items);
                        serde::Deserialize::deserialize(items).map($name::Many)
                    }
                }
                deserializer.deserialize_any(OneOrMany)
            }
        }

        impl $name {
            /// Returns all values as a slice, a single one as a slice of one.
            pub fn as_slice(&self) -> &[String] {
                match self {
                    Self::One(value) => std::slice::from_ref(value),
                    Self::Many(values) => values,
                }
            }
        }

        impl From<&str> for $name {
            fn from(value: &str) -> Self {
                Self::One(value.to_owned())
            }
        }

        impl From<String> for $name {
            fn from(value: String) -> Self {
                Self::One(value)
            }
        }

        impl<T: Into<String>> From<Vec<T>> for $name {
            fn from(values: Vec<T>) -> Self {
                values.into_iter().collect()
            }
        }

        impl<T: Into<String>, const N: usize> From<[T; N]> for $name {
            fn from(values: [T; N]) -> Self {
                values.into_iter().collect()
            }
        }

        impl<T: Into<String>> FromIterator<T> for $name {
            fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
                Self::Many(values.into_iter().map(Into::into).collect())
            }
        }
    };
}
pub(crate) use one_or_many;

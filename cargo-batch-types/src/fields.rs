//! The fields of an object that is read before its type is known.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::{MapAccessDeserializer, MapDeserializer, SeqAccessDeserializer};
use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

use crate::RawObject;
use crate::decode::from_value;

/// The fields in their order, until the tag is found and they are read as its kind.
///
/// Text, which is most of the content, stays where it is in the response: a list of batches is
/// read as fast as enums without a variant for unknown kinds.
pub(crate) struct Fields<'de>(Vec<(Cow<'de, str>, Field<'de>)>);

/// A value: text as it is in the response, anything else as serde_json has it.
pub(crate) enum Field<'de> {
    Text(Cow<'de, str>),
    Other(Value),
}

impl<'de> Fields<'de> {
    /// Returns a field that is text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(key, field)| match field {
            Field::Text(text) if key == name => Some(text.as_ref()),
            _ => None,
        })
    }

    /// Reads the fields as a known kind, or preserves them when they don't have its form.
    pub fn read_or_keep<T: DeserializeOwned, U>(
        self,
        known: fn(T) -> U,
        unknown: fn(RawObject) -> U,
    ) -> U {
        if let Ok(value) = T::deserialize(&self) {
            return known(value);
        }
        // Here each occurs once, also one that was written twice.
        let kept = self.keep();
        match T::deserialize(kept.as_map()) {
            Ok(value) => known(value),
            Err(_) => unknown(kept),
        }
    }

    /// Preserves the fields, to be written as they were received.
    pub fn keep(self) -> RawObject {
        let fields = self.0.into_iter().map(|(name, field)| match field {
            Field::Text(text) => (name.into_owned(), Value::String(text.into_owned())),
            Field::Other(value) => (name.into_owned(), value),
        });
        RawObject::from(fields.collect::<Map<_, _>>())
    }

    /// Reads the fields as a known kind; the error names the field.
    ///
    /// # Errors
    /// When they don't have its form.
    pub fn read<T: DeserializeOwned, U, E: Error>(self, known: fn(T) -> U) -> Result<U, E> {
        let kept = Value::Object(self.keep().into_map());
        from_value(&kept)
            .map(known)
            .map_err(|error| match error.field_path() {
                "." => E::custom(error.reason()),
                path => E::custom(format_args!("{path}: {}", error.reason())),
            })
    }
}

/// A type that is read from the fields of an object.
pub(crate) trait FromFields: Sized {
    /// Reads it.
    ///
    /// # Errors
    /// When they don't fit.
    fn from_fields<E: Error>(fields: Fields<'_>) -> Result<Self, E>;
}

// ---- into fields ----

/// Reads an object. What doesn't fit is an error of its visitor, which has the position of the object.
///
/// # Errors
/// When it isn't an object, or its fields don't fit.
pub(crate) fn read_object<'de, T: FromFields, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);
    impl<'de, T: FromFields> Visitor<'de> for Object<T> {
        type Value = T;
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<T, A::Error> {
            let mut fields = Vec::with_capacity(map.size_hint().unwrap_or(4).min(16));
            while let Some((Key(key), field)) = map.next_entry()? {
                fields.push((key, field));
            }
            T::from_fields(Fields(fields))
        }
    }
    deserializer.deserialize_map(Object(PhantomData))
}

/// Text that is borrowed where the reader can lend it.
#[derive(serde::Deserialize)]
#[serde(transparent)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

impl<'de> Deserialize<'de> for Field<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Field<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Field::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Field::Text(Cow::Owned(text.to_owned())))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
                Ok(Field::Other(value.into()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Field::Other(value.into()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Field::Other(value.into()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Field::Other(value.into()))
            }
            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Field::Other(Value::Null))
            }
            fn visit_none<E>(self) -> Result<Self::Value, E> {
                Ok(Field::Other(Value::Null))
            }
            fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
                Field::deserialize(inner)
            }
            fn visit_seq<A: SeqAccess<'de>>(self, items: A) -> Result<Self::Value, A::Error> {
                Value::deserialize(SeqAccessDeserializer::new(items)).map(Field::Other)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                // Also where a number is a map to serde (serde_json's `arbitrary_precision`).
                Value::deserialize(MapAccessDeserializer::new(map)).map(Field::Other)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

// ---- out of fields ----

impl<'de> Deserializer<'de> for &'de Fields<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        let fields = self.0.iter().map(|(name, field)| (name.as_ref(), field));
        visitor.visit_map(MapDeserializer::new(fields))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option
        unit unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, serde_json::Error> for &'de Field<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for &'de Field<'de> {
    type Error = serde_json::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Field::Text(text) => visitor.visit_borrowed_str(text),
            Field::Other(value) => value.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self {
            Field::Other(Value::Null) => visitor.visit_none(),
            some => visitor.visit_some(some),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

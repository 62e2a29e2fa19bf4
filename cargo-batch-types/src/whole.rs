//! Whole numbers, however they are written: `3` and `3.0` are the same number in JSON.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Reads a whole number.
pub fn number<'de, T: Integer, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Whole::deserialize(deserializer).map(|Whole(number)| number)
}

/// Reads a whole number, or null.
pub fn optional<'de, T: Integer, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(|Whole(number)| number))
}

/// The integers that fields have.
pub trait Integer: TryFrom<u64> + TryFrom<i64> {}

impl<T: TryFrom<u64> + TryFrom<i64>> Integer for T {}

struct Whole<T>(T);

impl<'de, T: Integer> Deserialize<'de> for Whole<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number<T>(PhantomData<T>);
        impl<T: Integer> Visitor<'_> for Number<T> {
            type Value = Whole<T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a whole number")
            }
            fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
                T::try_from(number)
                    .map(Whole)
                    .map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
            }
            fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
                T::try_from(number)
                    .map(Whole)
                    .map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
            }
            fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
                /// Up to here every whole number is a float of its own.
                const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
                if number.fract() == 0.0 && number.abs() <= EXACT {
                    self.visit_i64(number as i64)
                } else {
                    Err(E::invalid_value(Unexpected::Float(number), &self))
                }
            }
        }
        // The hint keeps serde_json's `arbitrary_precision` from handing out a map.
        deserializer.deserialize_u64(Number(PhantomData))
    }
}

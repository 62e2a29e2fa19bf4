//! Values that servers write in another form than the documented one: numbers and booleans as text,
//! text as numbers, `null`, empty text, dates without an offset.
//!
//! The documented form is tried first, so reading it costs no more than without the others.

use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Utc};
use serde::de::value::MapAccessDeserializer;
use serde::de::{
    Deserialize, Deserializer, Error, Expected, IgnoredAny, MapAccess, SeqAccess, Unexpected,
    Visitor,
};
use serde_json::Value;

/// A value that is read from more than one form.
pub trait Lenient: Sized {
    /// What an error says was expected.
    const EXPECTED: &'static str;

    /// Reads text.
    fn of_text(text: &str) -> Option<Self>;

    /// Reads a whole number that isn't negative.
    fn of_unsigned(_: u64) -> Option<Self> {
        None
    }

    /// Reads a whole number.
    fn of_signed(_: i64) -> Option<Self> {
        None
    }

    /// Reads any other number.
    fn of_float(_: f64) -> Option<Self> {
        None
    }

    /// Reads a boolean.
    fn of_bool(_: bool) -> Option<Self> {
        None
    }
}

/// Reads a whole number, also one that is written as `3.0`, and nothing else.
pub fn whole<'de, T: Lenient, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    present(deserializer, Forms::strict())
}

/// Reads a whole number as [`whole`] does, or `null`.
pub fn optional_whole<'de, T: Lenient, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(Forms::strict())
}

/// Reads a value or nothing, which is `null` or blank text.
pub fn optional<'de, T: Lenient, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    deserializer.deserialize_any(Forms::lenient())
}

/// Reads a date or nothing, which is also the beginning of a server's calendar (0001-01-01, 1900-01-01,
/// 1970-01-01): they write it for no date.
pub fn optional_date<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<DateTime<Utc>>, D::Error> {
    let stands_for_none =
        |date: &DateTime<Utc>| date.year() <= 1900 || *date == DateTime::UNIX_EPOCH;
    Ok(optional(deserializer)?.filter(|date| !stands_for_none(date)))
}

/// Reads a value; its default where there is `null` or blank text.
pub fn or_default<'de, T: Lenient + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    let read = deserializer.deserialize_any(Forms::lenient())?;
    Ok(read.unwrap_or_default())
}

/// Reads a value.
pub fn required<'de, T: Lenient, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    present(deserializer, Forms::lenient())
}

/// Reads a value, and not nothing: an error of the visitor, which has the position of the value.
fn present<'de, T: Lenient, D: Deserializer<'de>>(
    deserializer: D,
    forms: Forms<T>,
) -> Result<T, D::Error> {
    let read = deserializer.deserialize_any(Forms {
        is_required: true,
        ..forms
    })?;
    read.ok_or_else(|| D::Error::custom(T::EXPECTED))
}

struct Forms<T> {
    /// Text is not a number, nor anything else.
    is_strict: bool,
    /// Nothing is no value.
    is_required: bool,
    value: PhantomData<T>,
}

impl<T: Lenient> Forms<T> {
    fn lenient() -> Self {
        Self {
            is_strict: false,
            is_required: false,
            value: PhantomData,
        }
    }

    fn strict() -> Self {
        Self {
            is_strict: true,
            is_required: false,
            value: PhantomData,
        }
    }

    fn nothing<E: Error>(&self, found: Unexpected<'_>) -> Result<Option<T>, E> {
        match (self.is_required, self.is_strict) {
            (false, _) => Ok(None),
            (true, true) => Err(E::invalid_type(found, &T::EXPECTED)),
            (true, false) => Err(E::invalid_value(Unexpected::Other("nothing"), &T::EXPECTED)),
        }
    }

    fn checked<E: Error>(&self, read: Option<T>, found: Unexpected<'_>) -> Result<Option<T>, E> {
        match read {
            Some(value) => Ok(Some(value)),
            None => Err(E::invalid_value(found, self as &dyn Expected)),
        }
    }
}

impl<'de, T: Lenient> Visitor<'de> for Forms<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        if self.is_strict {
            return Err(E::invalid_type(Unexpected::Str(text), &self));
        }
        match T::of_text(text) {
            None if text.trim().is_empty() => self.nothing(Unexpected::Str(text)),
            read => self.checked(read, Unexpected::Str(text)),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        self.checked(T::of_unsigned(number), Unexpected::Unsigned(number))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        self.checked(T::of_signed(number), Unexpected::Signed(number))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        self.checked(T::of_float(number), Unexpected::Float(number))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        self.checked(T::of_bool(value), Unexpected::Bool(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        self.nothing(Unexpected::Unit)
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        self.nothing(Unexpected::Unit)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<Self::Value, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        // To its end: after its beginning the error would be about the first item.
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Err(A::Error::invalid_type(Unexpected::Seq, &self))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        // A number is a map to serde where serde_json's `arbitrary_precision` is on.
        match Value::deserialize(MapAccessDeserializer::new(map))? {
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), ..) => self.visit_u64(number),
                (_, Some(number), _) => self.visit_i64(number),
                (.., Some(number)) => self.visit_f64(number),
                _ => Err(A::Error::invalid_type(Unexpected::Other("number"), &self)),
            },
            _ => Err(A::Error::invalid_type(Unexpected::Map, &self)),
        }
    }
}

/// Writes how an integer is read.
macro_rules! whole_number {
    ($name:ident) => {
        impl Lenient for $name {
            const EXPECTED: &'static str = "a whole number";

            fn of_text(text: &str) -> Option<Self> {
                let text = text.trim();
                text.parse()
                    .ok()
                    .or_else(|| Self::of_float(text.parse().ok()?))
            }

            fn of_unsigned(number: u64) -> Option<Self> {
                number.try_into().ok()
            }

            fn of_signed(number: i64) -> Option<Self> {
                number.try_into().ok()
            }

            /// `3.0` is the number 3 in JSON.
            fn of_float(number: f64) -> Option<Self> {
                /// Up to here every whole number is a float of its own.
                const EXACT: f64 = (1_u64 << f64::MANTISSA_DIGITS) as f64;
                let is_whole = number.fract() == 0.0 && number.abs() <= EXACT;
                is_whole.then_some(number as i64)?.try_into().ok()
            }
        }
    };
}
whole_number!(u64);
whole_number!(i64);

impl Lenient for f64 {
    const EXPECTED: &'static str = "a number";

    fn of_text(text: &str) -> Option<Self> {
        text.trim()
            .parse()
            .ok()
            .filter(|number: &f64| number.is_finite())
    }

    fn of_unsigned(number: u64) -> Option<Self> {
        Some(number as f64)
    }

    fn of_signed(number: i64) -> Option<Self> {
        Some(number as f64)
    }

    fn of_float(number: f64) -> Option<Self> {
        Some(number)
    }
}

impl Lenient for bool {
    const EXPECTED: &'static str = "a boolean";

    fn of_text(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" => Some(true),
            "false" | "0" => Some(false),
            _ => None,
        }
    }

    fn of_unsigned(number: u64) -> Option<Self> {
        match number {
            0 | 1 => Some(number == 1),
            _ => None,
        }
    }

    fn of_bool(value: bool) -> Option<Self> {
        Some(value)
    }
}

impl Lenient for String {
    const EXPECTED: &'static str = "a string";

    fn of_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }

    fn of_unsigned(number: u64) -> Option<Self> {
        Some(number.to_string())
    }

    fn of_signed(number: i64) -> Option<Self> {
        Some(number.to_string())
    }

    fn of_float(number: f64) -> Option<Self> {
        Some(number.to_string())
    }

    fn of_bool(value: bool) -> Option<Self> {
        Some(value.to_string())
    }
}

impl Lenient for DateTime<Utc> {
    const EXPECTED: &'static str = "a date such as 2026-01-02T03:04:05Z";

    fn of_text(text: &str) -> Option<Self> {
        text.parse().ok().or_else(|| unusual_date(text.trim()))
    }

    fn of_unsigned(number: u64) -> Option<Self> {
        Self::of_signed(number.try_into().ok()?)
    }

    /// Seconds since 1970, or milliseconds where that would be beyond the year 5000.
    fn of_signed(number: i64) -> Option<Self> {
        const BEYOND: u64 = 100_000_000_000;
        match number.unsigned_abs() < BEYOND {
            true => Self::from_timestamp(number, 0),
            false => Self::from_timestamp_millis(number),
        }
    }

    fn of_float(number: f64) -> Option<Self> {
        Self::of_signed(number as i64)
    }
}

/// A date without an offset is one of UTC; a day is its beginning.
fn unusual_date(text: &str) -> Option<DateTime<Utc>> {
    const FORMS: [&str; 3] = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%dT%H:%M",
    ];
    // What databases write for no date is none of the calendar.
    if text.starts_with("0000-00-00") {
        return Some(DateTime::UNIX_EPOCH);
    }
    let time = FORMS
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    let day = || {
        NaiveDate::parse_from_str(text, "%Y-%m-%d")
            .ok()?
            .and_hms_opt(0, 0, 0)
    };
    let of_mail = || DateTime::parse_from_rfc2822(text).ok();
    let number = || DateTime::of_signed(text.parse().ok()?);
    time.or_else(day)
        .map(|time| time.and_utc())
        .or_else(|| of_mail().map(|time| time.to_utc()))
        .or_else(number)
}

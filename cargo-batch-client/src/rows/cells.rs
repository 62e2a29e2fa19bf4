//! A record as serde reads from it: its cells are text unless a type needs something else.

use std::cell::RefCell;
use std::fmt;

use serde::de::value::{BorrowedStrDeserializer, MapAccessDeserializer};
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, Error as _, Expected, IgnoredAny, MapAccess,
    SeqAccess, Unexpected, VariantAccess, Visitor,
};
use serde::forward_to_deserialize_any;

/// The names of the columns.
#[derive(Debug, Default)]
pub(crate) struct Header {
    /// One after the other, with a byte between them: the end of each is distinct.
    names: String,
    ends: Vec<usize>,
    /// Which of them occur more than once; empty where none does.
    doubled: Vec<bool>,
}

impl Header {
    pub fn new<'a>(cells: impl Iterator<Item = &'a str> + Clone) -> Self {
        let mut header = Self::default();
        for name in cells.clone() {
            header.names.push_str(name);
            header.ends.push(header.names.len());
            header.names.push('\n');
        }
        let mut columns = std::collections::HashMap::new();
        for name in cells.clone() {
            *columns.entry(name).or_insert(0) += 1;
        }
        if columns.len() < header.len() {
            header.doubled = cells.map(|name| columns[name] > 1).collect();
        }
        header
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }

    #[inline] // Called for every cell, as `cell` is.
    pub fn name(&self, column: usize) -> &str {
        let start = match column {
            0 => 0,
            column => self.ends[column - 1] + 1,
        };
        &self.names[start..self.ends[column]]
    }

    /// Returns the names that occur more than once.
    pub fn doubled(&self) -> Vec<&str> {
        let columns = (0..self.len()).filter(|&column| self.is_doubled(column));
        let mut names: Vec<&str> = columns.map(|column| self.name(column)).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    fn is_doubled(&self, column: usize) -> bool {
        self.doubled.get(column) == Some(&true)
    }
}

/// The cells of a row beside the names of their columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'de> {
    pub header: &'de Header,
    /// All cells without anything between them.
    pub text: &'de str,
    pub ends: &'de [usize],
    /// The columns whose cells are [values](Scalar) for a type that takes anything; may be shorter.
    pub valued: &'de [bool],
}

impl<'de> Record<'de> {
    #[inline]
    pub fn cell(&self, column: usize) -> &'de str {
        let start = match column {
            0 => 0,
            column => self.ends[column - 1],
        };
        let cell = &self.text[start..self.ends[column]];
        match cell.is_empty() {
            // Empty cells in a row would be the same place; the ends of names are not.
            true => {
                let name = self.header.name(column);
                &name[name.len()..]
            }
            false => cell,
        }
    }

    /// Returns the column of a cell that a type was given.
    pub fn column(&self, place: Place) -> Option<usize> {
        (0..self.ends.len()).find(|&column| Place::of(self.cell(column)) == place)
    }

    fn access(self) -> Access<'de> {
        Access {
            record: self,
            next: 0,
        }
    }
}

impl<'de> Deserializer<'de> for Record<'de> {
    type Error = CellError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_map(self.access())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        match self.ends.len() {
            1 => visitor.visit_enum(MapAccessDeserializer::new(self.access())),
            _ => Err(CellError::invalid_value(
                Unexpected::Map,
                &"a row with a single column",
            )),
        }
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        let mut access = self.access();
        let value = visitor.visit_seq(&mut access)?;
        match access.next == self.ends.len() {
            true => Ok(value),
            false => Err(CellError::invalid_length(
                self.ends.len(),
                &format!("{} columns", access.next).as_str(),
            )),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.deserialize_seq(visitor)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct map struct identifier ignored_any
    }
}

/// The cells of a record that are not read yet.
struct Access<'de> {
    record: Record<'de>,
    next: usize,
}

impl<'de> Access<'de> {
    fn value<S: DeserializeSeed<'de>>(
        &self,
        column: usize,
        seed: S,
    ) -> Result<S::Value, CellError> {
        seed.deserialize(Cell {
            text: self.record.cell(column),
            is_valued: self.record.valued.get(column) == Some(&true),
        })
        .map_err(|error| error.at(column))
    }
}

impl<'de> MapAccess<'de> for Access<'de> {
    type Error = CellError;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, CellError> {
        if self.next == self.record.ends.len() {
            return Ok(None);
        }
        let name = self.record.header.name(self.next);
        let key = seed
            .deserialize(BorrowedStrDeserializer::new(name))
            .map_err(|error: CellError| error.at(self.next))?;
        self.next += 1;
        Ok(Some(key))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, CellError> {
        let column = self.next.saturating_sub(1);
        match self.record.header.is_doubled(column) {
            true => seed.deserialize(Doubled),
            false => self.value(column, seed),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.record.ends.len() - self.next)
    }
}

impl<'de> SeqAccess<'de> for &mut Access<'de> {
    type Error = CellError;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, CellError> {
        if self.next == self.record.ends.len() {
            return Ok(None);
        }
        self.next += 1;
        self.value(self.next - 1, seed).map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.record.ends.len() - self.next)
    }
}

/// One cell.
#[derive(Clone, Copy)]
struct Cell<'de> {
    text: &'de str,
    is_valued: bool,
}

/// What a cell is besides its text, where it is written as JSON writes it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    Nothing,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    /// A list or an object.
    Nested,
}

impl Scalar {
    pub fn of(text: &str) -> Option<Self> {
        let is_json = || serde_json::from_str::<IgnoredAny>(text).is_ok();
        match text.as_bytes() {
            [] => Some(Self::Nothing),
            b"true" => Some(Self::Bool(true)),
            b"false" => Some(Self::Bool(false)),
            [b'{' | b'[', ..] if is_json() => Some(Self::Nested),
            // `01234` and `+336…` aren't numbers of JSON.
            [b'-' | b'0'..=b'9', ..] if text.ends_with(|last: char| last.is_ascii_digit()) => {
                if !is_json() {
                    return None;
                }
                let float = || text.parse().ok().filter(|float: &f64| float.is_finite());
                let unsigned = text.parse().ok().map(Self::Unsigned);
                unsigned
                    .or_else(|| text.parse().ok().map(Self::Signed))
                    .or_else(|| float().map(Self::Float))
            }
            _ => None,
        }
    }

    fn unexpected(unexpected: Unexpected) -> Option<Self> {
        match unexpected {
            Unexpected::Unit | Unexpected::Option => Some(Self::Nothing),
            Unexpected::Bool(value) => Some(Self::Bool(value)),
            Unexpected::Unsigned(value) => Some(Self::Unsigned(value)),
            Unexpected::Signed(value) => Some(Self::Signed(value)),
            Unexpected::Float(value) => Some(Self::Float(value)),
            Unexpected::Seq | Unexpected::Map => Some(Self::Nested),
            _ => None,
        }
    }
}

impl<'de> Cell<'de> {
    /// Returns the error of a cell that isn't what the visitor expects.
    fn invalid<V: Visitor<'de>>(self, visitor: &V) -> CellError {
        match self.text.is_empty() {
            true => CellError::invalid_value(Unexpected::Other("an empty cell"), visitor),
            false => CellError::invalid_value(Unexpected::Str(self.text), visitor),
        }
    }

    /// Reads a list or an object, which a cell can hold as JSON.
    fn nested<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        let is_nested = self.text.starts_with(['{', '[']);
        if !is_nested {
            return visitor.visit_borrowed_str(self.text);
        }
        let mut json = serde_json::Deserializer::from_str(self.text);
        let value = json.deserialize_any(visitor).map_err(CellError::custom)?;
        json.end().map_err(CellError::custom)?;
        Ok(value)
    }
}

/// Reads cells of types that are parsed from their text.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
            match self.text.parse::<$type>() {
                Ok(value) => visitor.$visit(value),
                Err(_) => Err(self.invalid(&visitor)),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Cell<'de> {
    type Error = CellError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        if !self.is_valued {
            return visitor.visit_borrowed_str(self.text);
        }
        match Scalar::of(self.text) {
            None => visitor.visit_borrowed_str(self.text),
            Some(Scalar::Nothing) => visitor.visit_unit(),
            Some(Scalar::Bool(value)) => visitor.visit_bool(value),
            Some(Scalar::Unsigned(value)) => visitor.visit_u64(value),
            Some(Scalar::Signed(value)) => visitor.visit_i64(value),
            Some(Scalar::Float(value)) => visitor.visit_f64(value),
            Some(Scalar::Nested) => self.nested(visitor),
        }
    }

    parsed! {
        deserialize_i8 visit_i8 i8
        deserialize_i16 visit_i16 i16
        deserialize_i32 visit_i32 i32
        deserialize_i64 visit_i64 i64
        deserialize_i128 visit_i128 i128
        deserialize_u8 visit_u8 u8
        deserialize_u16 visit_u16 u16
        deserialize_u32 visit_u32 u32
        deserialize_u64 visit_u64 u64
        deserialize_u128 visit_u128 u128
        deserialize_f32 visit_f32 f32
        deserialize_f64 visit_f64 f64
        deserialize_char visit_char char
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        // Spreadsheets write them in upper case.
        match self.text {
            text if text.eq_ignore_ascii_case("true") => visitor.visit_bool(true),
            text if text.eq_ignore_ascii_case("false") => visitor.visit_bool(false),
            _ => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_borrowed_str(self.text)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_borrowed_bytes(self.text.as_bytes())
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_borrowed_bytes(self.text.as_bytes())
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        match self.text.is_empty() {
            true => visitor.visit_none(),
            false => visitor.visit_some(self),
        }
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        match self.text.is_empty() {
            true => visitor.visit_unit(),
            false => Err(self.invalid(&visitor)),
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        self.nested(visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.nested(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.nested(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        self.nested(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        self.nested(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_enum(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_unit()
    }
}

/// Variants by their name.
impl<'de> EnumAccess<'de> for Cell<'de> {
    type Error = CellError;
    type Variant = Unit;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Unit), CellError> {
        let name = BorrowedStrDeserializer::<CellError>::new(self.text);
        Ok((seed.deserialize(name)?, Unit))
    }
}

/// A variant without anything in it.
struct Unit;

impl<'de> VariantAccess<'de> for Unit {
    type Error = CellError;

    fn unit_variant(self) -> Result<(), CellError> {
        Ok(())
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(
        self,
        _seed: S,
    ) -> Result<S::Value, CellError> {
        Err(CellError::invalid_type(
            Unexpected::UnitVariant,
            &"newtype variant",
        ))
    }

    fn tuple_variant<V: Visitor<'de>>(
        self,
        _length: usize,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        Err(CellError::invalid_type(Unexpected::UnitVariant, &visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, CellError> {
        Err(CellError::invalid_type(Unexpected::UnitVariant, &visitor))
    }
}

/// A cell of a column whose name occurs twice in the header: a type that needs it gets an error, also where
/// serde has stored it for later.
struct Doubled;

/// Neither text nor anything else that a column is read as.
const REFUSED: &[u8] = b"\xFF\0doubled\0\xFF";

impl<'de> Deserializer<'de> for Doubled {
    type Error = CellError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_borrowed_bytes(REFUSED)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, CellError> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, CellError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf
        unit unit_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// The address of a cell's text: by it the cell is recognised in an error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    address: usize,
    length: usize,
}

impl Place {
    fn of(text: &str) -> Self {
        Self {
            address: text.as_ptr().addr(),
            length: text.len(),
        }
    }
}

/// What a type refused while it was read, maybe to try something else.
#[derive(Clone, Copy, Debug)]
pub enum Refused {
    /// Text that isn't the type it should be.
    Text(Place),
    /// A value where text may be wanted.
    Value(Scalar),
    /// A column whose name occurs twice in the header.
    Doubled,
}

thread_local! {
    // An untagged enum drops the errors of the variants that don't fit, and serde creates errors of nothing
    // but what was expected: there is no other way to learn of them.
    static REFUSALS: RefCell<Vec<Refused>> = const { RefCell::new(Vec::new()) };
}

/// Takes what was refused on this thread since the last call.
pub fn refusals() -> Vec<Refused> {
    REFUSALS.with(|refusals| std::mem::take(&mut *refusals.borrow_mut()))
}

fn note(refused: Refused) {
    REFUSALS.with(|refusals| refusals.borrow_mut().push(refused));
}

/// What serde calls the types that are never read from text, and so don't need text instead of a value.
const VALUES: [&str; 14] = [
    "i8",
    "i16",
    "i32",
    "i64",
    "i128",
    "u8",
    "u16",
    "u32",
    "u64",
    "u128",
    "f32",
    "f64",
    "a boolean",
    "unit",
];

/// Why a record isn't what it should be.
#[derive(Debug)]
pub struct CellError {
    what: String,
    column: Option<usize>,
    place: Option<Place>,
}

impl CellError {
    fn at(mut self, column: usize) -> Self {
        self.column.get_or_insert(column);
        self
    }

    /// Returns the message, with the name of the column.
    pub fn explain(self, record: Record) -> String {
        let place = || record.column(self.place?);
        match self.column.or_else(place) {
            Some(column) => format!("column `{}`: {}", record.header.name(column), self.what),
            None => self.what,
        }
    }
}

impl fmt::Display for CellError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for CellError {}

impl serde::de::Error for CellError {
    fn custom<T: fmt::Display>(what: T) -> Self {
        Self {
            what: what.to_string(),
            column: None,
            place: None,
        }
    }

    fn invalid_type(unexpected: Unexpected, expected: &dyn Expected) -> Self {
        let place = match unexpected {
            Unexpected::Str(text) => Some(Place::of(text)),
            _ => None,
        };
        let expected = expected.to_string();
        match (place, Scalar::unexpected(unexpected)) {
            (Some(place), _) => note(Refused::Text(place)),
            (None, Some(value)) if !VALUES.contains(&expected.as_str()) => {
                note(Refused::Value(value));
            }
            (None, _) if unexpected == Unexpected::Bytes(REFUSED) => note(Refused::Doubled),
            (None, _) => {}
        }
        Self {
            place,
            ..Self::custom(format_args!(
                "invalid type: {unexpected}, expected {expected}"
            ))
        }
    }

    fn invalid_value(unexpected: Unexpected, expected: &dyn Expected) -> Self {
        if unexpected == Unexpected::Bytes(REFUSED) {
            note(Refused::Doubled);
        }
        let place = match unexpected {
            Unexpected::Str(text) => Some(Place::of(text)),
            _ => None,
        };
        Self {
            place,
            ..Self::custom(format_args!(
                "invalid value: {unexpected}, expected {expected}"
            ))
        }
    }
}

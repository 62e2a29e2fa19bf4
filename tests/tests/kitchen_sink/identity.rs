//! What the table of identities consists of.

pub struct Identity {
    pub fields: &'static [&'static str],
    pub ids: &'static [&'static str],
    pub distinctness: Distinctness,
}

#[derive(Debug, PartialEq)]
pub enum Distinctness {
    Unique,
    Repeatable,
    Shared,
    Opaque,
}

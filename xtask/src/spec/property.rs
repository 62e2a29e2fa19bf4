//! Fields of schemas and parameters of operations, which are alike.

use serde_json::Value;

use super::{naming, prose, reference};

/// A field or a parameter.
#[derive(Clone, Debug, PartialEq)]
pub struct Property {
    /// Its name on the wire.
    pub wire: String,
    /// Its name in Rust.
    pub rust: String,
    /// What it is, as documentation.
    pub description: String,
    /// It should no longer be used.
    pub deprecated: bool,
    /// It is always there.
    pub required: bool,
    /// What it holds.
    pub kind: Kind,
}

/// What a value is, as far as the generator distinguishes values.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Any JSON.
    Any,
    Text,
    /// A date with a time.
    Moment,
    /// A whole number.
    Whole {
        signed: bool,
    },
    Number,
    Truth,
    /// An item of a list that can be null. A field that can be null can also be absent, which is the same.
    Nullable(Box<Kind>),
    List(Box<Kind>),
    /// Values by name.
    Map(Box<Kind>),
    /// What the named schema says.
    Schema(String),
}

impl Property {
    /// Reads the field of an object.
    pub fn field(wire: &str, schema: &Value, required: bool) -> Self {
        Self {
            wire: wire.to_owned(),
            rust: naming::field(wire, schema),
            description: text(&schema["description"]),
            deprecated: schema["deprecated"] == true,
            required,
            kind: Kind::read(schema),
        }
    }

    /// Reads a parameter of an operation.
    pub fn parameter(parameter: &Value) -> Self {
        Self {
            wire: parameter["name"].as_str().unwrap_or_default().to_owned(),
            rust: naming::parameter(parameter),
            description: text(&parameter["description"]),
            deprecated: parameter["deprecated"] == true,
            required: parameter["required"] == true,
            kind: Kind::read(&parameter["schema"]),
        }
    }

    /// Returns the name of the function that sets it, or of the argument that it is: an id's type says already
    /// that it is one.
    pub fn setter(&self) -> &str {
        self.rust.strip_suffix("_uuid").unwrap_or(&self.rust)
    }
}

impl Kind {
    /// Reads a schema.
    pub fn read(schema: &Value) -> Self {
        if let Some(name) = reference(schema) {
            return Self::Schema(name.to_owned());
        }
        match schema["type"].as_str() {
            Some("string") if schema["format"] == "date-time" => Self::Moment,
            Some("string") => Self::Text,
            Some("integer") => Self::Whole {
                signed: schema["minimum"].as_i64().is_none_or(|least| least < 0),
            },
            Some("number") => Self::Number,
            Some("boolean") => Self::Truth,
            Some("array") => {
                let items = Self::read(&schema["items"]);
                Self::List(Box::new(match schema["items"]["nullable"] == true {
                    true => Self::Nullable(Box::new(items)),
                    false => items,
                }))
            }
            Some("object") => match &schema["additionalProperties"] {
                values @ Value::Object(_) => Self::Map(Box::new(Self::read(values))),
                _ => Self::Map(Box::new(Self::Any)),
            },
            _ => Self::Any,
        }
    }
}

/// A description as documentation.
pub fn text(node: &Value) -> String {
    prose::escaped(node.as_str().unwrap_or_default())
}

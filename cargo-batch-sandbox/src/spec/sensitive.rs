//! Which fields of requests are secrets, as the specification marks them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::Value;

use super::document;

static FIELDS: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let document = document();
    let mut found = Found {
        document: &document,
        seen: BTreeSet::new(),
        fields: BTreeSet::new(),
    };
    let paths = document["paths"].as_object().into_iter().flatten();
    for operation in paths.flat_map(|(_, methods)| methods.as_object().into_iter().flatten()) {
        found.look_into(&operation.1["requestBody"]);
    }
    found.fields
});

/// The names of the fields of requests that are secrets.
pub fn sensitive() -> &'static BTreeSet<String> {
    &FIELDS
}

struct Found<'a> {
    document: &'a Value,
    /// The schemas that have been looked into.
    seen: BTreeSet<&'a str>,
    fields: BTreeSet<String>,
}

impl<'a> Found<'a> {
    fn look_into(&mut self, value: &'a Value) {
        match value {
            Value::Object(object) => {
                let properties = object.get("properties").and_then(Value::as_object);
                for (name, schema) in properties.into_iter().flatten() {
                    if self.is_sensitive(schema) {
                        self.fields.insert(name.clone());
                    }
                }
                let reference = object.get("$ref").and_then(Value::as_str);
                if let Some(reference) = reference
                    && self.seen.insert(reference)
                {
                    self.look_into(referred(self.document, reference));
                }
                object.values().for_each(|value| self.look_into(value));
            }
            Value::Array(items) => items.iter().for_each(|value| self.look_into(value)),
            _ => {}
        }
    }

    /// Whether a schema is marked, or one it is made from.
    fn is_sensitive(&self, schema: &Value) -> bool {
        let parts = schema["allOf"].as_array().into_iter().flatten();
        schema["x-sensitive"] == true
            || schema["$ref"]
                .as_str()
                .is_some_and(|reference| self.is_sensitive(referred(self.document, reference)))
            || parts.into_iter().any(|part| self.is_sensitive(part))
    }
}

fn referred<'a>(document: &'a Value, reference: &str) -> &'a Value {
    let pointer = reference.strip_prefix('#').unwrap_or_default();
    document.pointer(pointer).unwrap_or(&Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_those_that_the_specification_marks() {
        let fields: Vec<&String> = sensitive().iter().collect();
        assert_eq!(fields, ["webhookSecret", "webhookUrl"]);
    }
}

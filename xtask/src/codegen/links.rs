//! Code spans in descriptions as links to what they name in Rust.
//!
//! A span is a field or a value of the schema that is described, `Schema.field` or `Schema.value` of another schema,
//! a schema, or an operation. In the description of an operation it can also be one of its parameters, a field of its
//! request or response, or one of its reasons. A span that names nothing stays as it is.

use super::rust::{camel, field, ident, snake};
use crate::model::{Api, Schema, Shape};
use crate::spec::{Operation, Property, prose};

/// Returns the API with the names in its descriptions linked: schemas for the types crate, operations for the client.
pub fn linked(api: &Api) -> Api {
    let types = Links {
        api,
        types: "crate",
        client: None,
    };
    let client = Links {
        api,
        types: "types",
        client: Some("Client"),
    };
    Api {
        schemas: api.schemas.iter().map(|it| types.schema(it)).collect(),
        operations: api
            .operations
            .iter()
            .map(|it| client.operation(it))
            .collect(),
        ..api.clone()
    }
}

/// How a crate refers to what is generated.
struct Links<'a> {
    api: &'a Api,
    /// The module that has the types.
    types: &'static str,
    /// The type that has the operations, unless they are in another crate.
    client: Option<&'static str>,
}

impl Links<'_> {
    fn schema(&self, schema: &Schema) -> Schema {
        let mut linked = schema.clone();
        let own = |text: &str| self.text(text, |name| item(schema, name, "Self"));
        linked.description = own(&schema.description);
        match &mut linked.shape {
            Shape::Object { fields, .. } => {
                for field in fields {
                    field.description = own(&field.description);
                }
            }
            Shape::OpenEnum { values, .. } => {
                for value in values {
                    value.description = own(&value.description);
                }
            }
            Shape::TaggedUnion { variants, .. } => {
                for variant in variants {
                    // The description is that of the schema with the fields, which isn't `Self` here.
                    let fields = variant
                        .schema
                        .as_deref()
                        .and_then(|name| self.api.schema(name));
                    variant.description = self.text(&variant.description, |name| {
                        let fields = fields?;
                        item(fields, name, &self.path(fields))
                    });
                }
            }
            _ => {}
        }
        for meaning in linked.flags.values_mut() {
            *meaning = own(meaning);
        }
        for (_, meaning) in linked.omissions.values_mut() {
            *meaning = own(meaning);
        }
        linked
    }

    fn operation(&self, operation: &Operation) -> Operation {
        let schema = |name: &Option<String>| self.api.schema(name.as_deref()?);
        let schemas = [
            schema(&operation.request),
            self.api.reasons(operation),
            schema(&operation.response),
        ];
        let own = |text: &str| {
            self.text(text, |name| {
                let of_schemas = || {
                    let schemas = schemas.iter().flatten();
                    schemas
                        .copied()
                        .find_map(|it| item(it, name, &self.path(it)))
                };
                parameter(operation, name).or_else(of_schemas)
            })
        };
        let mut linked = operation.clone();
        linked.description = own(&prose::escaped(&operation.description));
        for parameter in &mut linked.parameters {
            parameter.property.description = own(&parameter.property.description);
        }
        linked
    }

    fn text(&self, text: &str, own: impl Fn(&str) -> Option<String>) -> String {
        prose::with_code(text, |name| own(name).or_else(|| self.other(name)))
    }

    /// `Schema.field`, `Schema.value`, a schema, or an operation.
    fn other(&self, name: &str) -> Option<String> {
        if let Some((schema, name)) = name.split_once('.') {
            let schema = self.api.schema(schema)?;
            let link = item(schema, name, &self.path(schema))?;
            return Some(link.replacen("[`", &format!("[`{}::", schema.name), 1));
        }
        if let Some(schema) = self.api.schema(name) {
            return Some(link(name, &self.path(schema)));
        }
        let operation = self.api.operations.iter().find(|it| it.id == name)?;
        let method = snake(&operation.id);
        Some(match self.client {
            Some(client) => link(&operation.id, &format!("{client}::{method}")),
            None => format!("`Client::{method}`"),
        })
    }

    fn path(&self, schema: &Schema) -> String {
        format!("{}::{}", self.types, ident(&schema.name))
    }
}

/// The field or variant of a schema that has the name on the wire.
fn item(schema: &Schema, wire: &str, owner: &str) -> Option<String> {
    let name = match &schema.shape {
        Shape::Object { fields, .. } => {
            let property = fields.iter().find(|it| it.wire == wire)?;
            field(&property.rust)
        }
        Shape::OpenEnum { values, .. } => {
            ident(&values.iter().find(|it| it.value == wire)?.variant)
        }
        Shape::TaggedUnion { variants, .. } => {
            ident(&variants.iter().find(|it| it.value == wire)?.variant)
        }
        _ => return None,
    }
    .to_string();
    Some(link(&name, &format!("{owner}::{name}")))
}

/// A parameter of an operation: what is required is an argument, which has no page to link to.
fn parameter(operation: &Operation, wire: &str) -> Option<String> {
    let mut parameters = operation.parameters.iter().map(|it| &it.property);
    let is_named = |it: &&Property| it.wire.strip_suffix("[]").unwrap_or(&it.wire) == wire;
    let property = parameters.find(is_named)?;
    Some(match property.required {
        true => format!("`{}`", field(&property.rust)),
        false => {
            let setter = super::field::setter(property).to_string();
            link(&setter, &format!("{}::{setter}", camel(&operation.id)))
        }
    })
}

/// A link of rustdoc.
pub fn link(text: &str, target: &str) -> String {
    match text == target {
        true => format!("[`{text}`]"),
        false => format!("[`{text}`]({target})"),
    }
}

//! How names of the wire become names of Rust, and `x-rust-name` for those that can't.

use heck::{ToSnakeCase, ToUpperCamelCase};
use serde_json::Value;

use super::Document;

/// The extension that names something in Rust.
pub const RUST_NAME: &str = "x-rust-name";

/// Returns the name of a type.
pub fn schema(name: &str, schema: &Value) -> String {
    let own = schema[RUST_NAME].as_str();
    own.unwrap_or(name).to_owned()
}

/// Returns the name of the field that a property becomes.
pub fn field(name: &str, property: &Value) -> String {
    match property[RUST_NAME].as_str() {
        Some(own) => own.to_owned(),
        None => name.to_snake_case(),
    }
}

/// Returns the name of a parameter: `statuses` of `statuses[]`.
pub fn parameter(parameter: &Value) -> String {
    let name = parameter["name"].as_str().unwrap_or_default();
    field(name.strip_suffix("[]").unwrap_or(name), parameter)
}

/// Returns the name of the variant that a value of an enum, or a kind of a union, becomes.
pub fn variant(schema: &Value, value: &str) -> String {
    match schema[RUST_NAME][value].as_str() {
        Some(own) => own.to_owned(),
        None => value.to_upper_camel_case(),
    }
}

/// Returns the name of the method of an operation.
pub fn operation(operation: &Value) -> Option<&str> {
    let own = operation[RUST_NAME].as_str();
    own.or_else(|| operation["operationId"].as_str())
}

/// Whether it can name an item, a field or a method of Rust; keywords can, as `r#type`.
pub fn is_identifier(name: &str) -> bool {
    syn::parse_str::<syn::Ident>(name).is_ok()
        || syn::parse_str::<syn::Ident>(&format!("r#{name}")).is_ok()
}

/// Gives the schemas another name, wherever they are referred to.
pub fn rename_schemas(document: &Document, rename: &impl Fn(&str, &Value) -> String) -> Value {
    const PREFIX: &str = "#/components/schemas/";
    fn walk(node: &mut Value, key: &str, rename: &impl Fn(&str) -> Option<String>) {
        match node {
            Value::Object(map) => map.iter_mut().for_each(|(inside, value)| match value {
                _ if inside.starts_with("x-")
                    && !["properties", "mapping", "schemas"].contains(&key) => {}
                Value::String(target) if inside == "$ref" || key == "mapping" => {
                    if let Some(name) = target.strip_prefix(PREFIX).and_then(rename) {
                        *target = format!("{PREFIX}{name}");
                    }
                }
                _ => walk(value, inside, rename),
            }),
            Value::Array(items) => items.iter_mut().for_each(|item| walk(item, "", rename)),
            _ => {}
        }
    }
    let new_name = |name: &str| Some(rename(name, document.schema(name)?));
    let mut root = document.root().clone();
    walk(&mut root, "", &new_name);
    if let Some(schemas) = root["components"]["schemas"].as_object_mut() {
        let old = std::mem::take(schemas);
        let renamed = old
            .into_iter()
            .map(|(name, schema)| (rename(&name, &schema), schema));
        schemas.extend(renamed);
    }
    root
}

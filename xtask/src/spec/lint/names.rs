//! Names of the wire become names of Rust, each another one.
//!
//! Names that generated code uses for something else are found when it is generated.

use std::collections::BTreeMap;

use heck::{ToSnakeCase, ToUpperCamelCase};
use serde_json::Value;

use super::{every_schema, object, strings};
use crate::spec::naming::{self, RUST_NAME};
use crate::spec::{Document, Operation, Place, Problem};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |place: &Place, message: String| problems.push(document.problem(place, message));
    let mut types = BTreeMap::new();
    for (name, schema) in document.schemas() {
        let place = Place::schema(name);
        let rust = naming::schema(name, schema);
        if rust.to_upper_camel_case() != rust || !is_word(&rust) {
            say(
                &place,
                format!(
                    "`{rust}` can't be the name of a type: use UpperCamelCase, here or in `{RUST_NAME}`"
                ),
            );
        }
        if let Some(other) = types.insert(rust.clone(), name) {
            say(
                &place,
                format!("`{name}` is `{rust}` in Rust, which is taken by {other}"),
            );
        }
        named_values(&place, schema, &mut say);
        if schema.get("discriminator").is_some() {
            let mapping = place.join("discriminator").join("mapping");
            let values = object(&schema["discriminator"]["mapping"]).map(|(value, _)| &**value);
            variants(schema, values, &mapping, &mut say);
            for (value, _) in object(&schema["discriminator"]["mapping"]) {
                let function = naming::variant(schema, value).to_snake_case();
                if !naming::is_identifier(&function) {
                    say(
                        &mapping.join(value),
                        format!(
                            "`{function}` can't be the name of a constructor: give `{value}` another name in \
                                 `{RUST_NAME}` of the union"
                        ),
                    );
                }
            }
        }
    }
    every_schema(document, &mut |place, schema| {
        if !schema["enum"].is_null() && place.parent() == Place::schema("any").parent() {
            let values = strings(&schema["enum"]).into_iter();
            variants(schema, values, &place.join("enum"), &mut say);
        }
        let mut fields = BTreeMap::from([("new".to_owned(), "the constructor")]);
        for (name, property) in object(&schema["properties"]) {
            let place = place.join("properties").join(name);
            let field = naming::field(name, property);
            let own = property.get(RUST_NAME);
            if own.is_some_and(|own| !own.is_string()) || !is_snake(&field) {
                say(
                    &place,
                    format!(
                        "`{name}` can't be the name of a field: give it a snake_case `{RUST_NAME}`"
                    ),
                );
                continue;
            }
            let setter = field.strip_suffix("_uuid").unwrap_or(&field).to_owned();
            if !naming::is_identifier(&setter) || !naming::is_identifier(&field) {
                say(
                    &place,
                    format!(
                        "`{setter}` is a word of Rust that can't name a field: give it another in `{RUST_NAME}`"
                    ),
                );
            }
            if let Some(other) = fields.insert(setter.clone(), name) {
                say(
                    &place,
                    format!(
                        "`{name}` is set by `{setter}`, which is taken by {other}: give one another name in \
                         `{RUST_NAME}`"
                    ),
                );
            }
        }
    });
    for (name, about) in object(&document.root()["x-modules"]) {
        let place = Place::root().join("x-modules").join(name);
        if !is_file(name) {
            say(
                &place,
                format!("`{name}` can't be the name of a file: use a snake_case word"),
            );
        }
        if about.as_str().is_none_or(|about| about.trim().is_empty()) {
            say(&place, "it says what the file is about".to_owned());
        }
    }
    // What is wrong with an operation otherwise is said by the rules of operations.
    for operation in Operation::all(document).unwrap_or_default() {
        let tags = document.root()["tags"].as_array().into_iter().flatten();
        if !is_file(&operation.tag) || !tags.clone().any(|tag| tag["name"] == *operation.tag) {
            say(
                &operation.place.join("tags"),
                format!(
                    "`{}` must be a snake_case word, and one of the top-level `tags`",
                    operation.tag
                ),
            );
        }
        if !is_file(&operation.id) {
            say(
                &operation.place.join("operationId"),
                format!(
                    "`{}` can't be the name of a method: use snake_case, here or in `{RUST_NAME}`",
                    operation.id
                ),
            );
        }
    }
    problems
}

/// `x-rust-name` of an enum or a union names its values, of any other schema the type.
fn named_values(place: &Place, schema: &Value, say: &mut impl FnMut(&Place, String)) {
    let place = place.join(RUST_NAME);
    match &schema[RUST_NAME] {
        Value::Null | Value::String(_) => {}
        Value::Object(names) => {
            let values = strings(&schema["enum"]);
            let mapping = &schema["discriminator"]["mapping"];
            for (value, name) in names {
                if !values.contains(&value.as_str()) && mapping.get(value).is_none() {
                    say(&place.join(value), format!("`{value}` is no value of the enum, and no kind of the union"));
                }
                let is_variant = |name: &str| name.to_upper_camel_case() == name;
                if !name.as_str().is_some_and(is_variant) {
                    say(&place.join(value), "the name of a variant is UpperCamelCase".to_owned());
                }
            }
        }
        _ => say(
            &place,
            "it is the name of the type, or for an enum or a union the names of its values: `{ '+1': PlusOne }`"
                .to_owned(),
        ),
    }
}

/// Each value names a variant, and in a union a constructor.
fn variants<'a>(
    schema: &Value,
    values: impl Iterator<Item = &'a str>,
    place: &Place,
    say: &mut impl FnMut(&Place, String),
) {
    let mut seen = BTreeMap::from([("Unknown".to_owned(), "what keeps unknown ones")]);
    for value in values {
        let variant = naming::variant(schema, value);
        if !is_word(&variant) || variant == "Self" {
            say(
                place,
                format!(
                    "`{value}` can't be the name of a variant: it begins with a letter; give it a name in `{RUST_NAME}`"
                ),
            );
        }
        if let Some(other) = seen.insert(variant.clone(), value) {
            say(
                place,
                format!(
                    "`{value}` gives the variant `{variant}`, which is taken by {other}: give it a name in `{RUST_NAME}`"
                ),
            );
        }
    }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

fn is_snake(name: &str) -> bool {
    name.to_snake_case() == name
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A file that is also a module, or a method.
fn is_file(name: &str) -> bool {
    is_snake(name) && syn::parse_str::<syn::Ident>(name).is_ok()
}

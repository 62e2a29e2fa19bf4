//! Names of the wire become names of Rust, each another one.

use std::collections::BTreeMap;

use super::{every_schema, object, strings};
use crate::spec::{Document, Operation, Place, Problem};
use heck::{ToSnakeCase, ToUpperCamelCase};

/// Names that generated code uses for something else.
const TAKEN_TYPES: [&str; 15] = [
    "Box",
    "Clone",
    "Debug",
    "DecodeError",
    "Default",
    "InvalidId",
    "NotARecord",
    "Option",
    "Outcome",
    "RawObject",
    "Result",
    "String",
    "Unknown",
    "UnknownValue",
    "Vec",
];

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |place: &Place, message: String| problems.push(document.problem(place, message));
    for (name, schema) in document.schemas() {
        let place = Place::schema(name);
        if name.to_upper_camel_case() != *name || !is_word(name) || TAKEN_TYPES.contains(&&**name) {
            say(
                &place,
                format!(
                    "`{name}` can't be the name of a type: use UpperCamelCase, and no name of Rust"
                ),
            );
        }
        if schema.get("discriminator").is_some() {
            let mapping = place.join("discriminator").join("mapping");
            let values = object(&schema["discriminator"]["mapping"]).map(|(value, _)| &**value);
            variants(values, &mapping, &mut say);
        }
    }
    every_schema(document, &mut |place, schema| {
        if !schema["enum"].is_null() {
            variants(
                strings(&schema["enum"]).into_iter(),
                &place.join("enum"),
                &mut say,
            );
        }
        let mut fields = BTreeMap::from([("new".to_owned(), "the constructor")]);
        for (name, _) in object(&schema["properties"]) {
            let place = place.join("properties").join(name);
            if !is_word(name) || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
                say(
                    &place,
                    format!("`{name}` can't be the name of a field: use camelCase"),
                );
            }
            let field = name.to_snake_case();
            let setter = field.strip_suffix("_uuid").unwrap_or(&field).to_owned();
            if ["self", "super", "crate"].contains(&&*setter) {
                say(
                    &place,
                    format!("`{setter}` is a word of Rust that can't name a field"),
                );
            }
            if let Some(other) = fields.insert(setter.clone(), name) {
                say(
                    &place,
                    format!("`{name}` is set by `{setter}`, which is taken by {other}"),
                );
            }
        }
    });
    for (name, _) in object(&document.root()["x-modules"]) {
        if !is_file(name) {
            say(
                &Place::root().join("x-modules").join(name),
                format!("`{name}` can't be the name of a file: use a snake_case word"),
            );
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
                    "`{}` can't be the name of a method: use snake_case",
                    operation.id
                ),
            );
        }
    }
    problems
}

/// Each value names a variant, and in a union a constructor.
fn variants<'a>(
    values: impl Iterator<Item = &'a str>,
    place: &Place,
    say: &mut impl FnMut(&Place, String),
) {
    let mut seen = BTreeMap::from([("Unknown".to_owned(), "what keeps unknown ones")]);
    for value in values {
        let variant = value.to_upper_camel_case();
        if !is_word(&variant) || variant == "Self" {
            say(
                place,
                format!("`{value}` can't be the name of a variant: it begins with a letter"),
            );
        }
        if let Some(other) = seen.insert(variant.clone(), value) {
            say(
                place,
                format!("`{value}` gives the variant `{variant}`, which is taken by {other}"),
            );
        }
    }
}

fn is_word(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric())
}

/// A file that is also a module, or a method.
fn is_file(name: &str) -> bool {
    name.to_snake_case() == name
        && is_word(&name.replace('_', ""))
        && syn::parse_str::<syn::Ident>(name).is_ok()
}

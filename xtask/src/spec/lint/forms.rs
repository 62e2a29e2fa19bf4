//! Schemas have just the forms that have a form in Rust.
//!
//! A list of what is allowed, since the generator panics on some other forms, and gives the rest a type
//! that holds anything.

use serde_json::Value;

use super::{every_schema, object, strings};
use crate::spec::{Document, Place, Problem};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    every_schema(document, &mut |place, schema| {
        let mut say = |place: &Place, message: String| {
            problems.push(document.problem(place, message));
        };
        match form(place, schema) {
            Err(message) => say(place, message),
            Ok(keys) => {
                for (key, _) in object(schema) {
                    let common = ["description", "nullable"].contains(&key.as_str())
                        || (key == "deprecated" && is_property(place));
                    if !common && !key.starts_with("x-") && !keys.contains(&key.as_str()) {
                        let message = "it has no effect on what is generated here: leave it out";
                        say(&place.join(key), message.to_owned());
                    }
                }
            }
        }
        for name in strings(&schema["required"]) {
            if schema["properties"][name]["nullable"] == true {
                say(
                    &place.join("properties").join(name),
                    "what may be null may be absent, too: take it out of `required`".to_owned(),
                );
            }
        }
        if schema["x-sensitive"] == true && (!is_named(place) || schema["type"] != "string") {
            say(
                &place.join("x-sensitive"),
                "only a named schema of type `string` is hidden: give the secret one".to_owned(),
            );
        }
        for (name, field) in object(&schema["properties"]) {
            let Some(omission) = field.get("x-omission") else {
                continue;
            };
            let is_name = |name: &String| {
                !name.is_empty()
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
            };
            let is_name = omission.as_object().is_some_and(|one| {
                one.len() == 1
                    && one
                        .iter()
                        .all(|(name, meaning)| is_name(name) && meaning.is_string())
            });
            if !is_name || !is_named(place) || strings(&schema["required"]).contains(&name.as_str())
            {
                say(
                    &place.join("properties").join(name).join("x-omission"),
                    "an optional field of a named object has an omission: the name of the constructor that \
                     leaves it out, with what that means"
                        .to_owned(),
                );
            }
        }
        if let Some(flags) = schema.get("x-flags") {
            let is_free = |name: &String| {
                name.bytes().all(|byte| byte.is_ascii_lowercase())
                    && schema["properties"].get(name).is_none()
            };
            let is_right = is_named(place)
                && flags.as_object().is_some_and(|flags| {
                    flags
                        .iter()
                        .all(|(name, meaning)| is_free(name) && meaning.is_string())
                });
            if !is_right {
                say(
                    &place.join("x-flags"),
                    "a named object has flags: names in lower case that are no properties, each with \
                     what it means"
                        .to_owned(),
                );
            }
        }
        if schema.get("x-terminal").is_some() && schema.get("enum").is_none() {
            say(
                &place.join("x-terminal"),
                "only an enum has values that are terminal".to_owned(),
            );
        }
    });
    problems
}

/// The keys that a schema of this form can have, beside those that all can.
fn form(place: &Place, schema: &Value) -> Result<&'static [&'static str], String> {
    if schema.get("$ref").is_some() {
        return Ok(&["$ref"]);
    }
    if schema.get("allOf").is_some() {
        return Ok(&["allOf"]);
    }
    if schema.get("oneOf").is_some() {
        if !is_named(place) {
            return Err("a union must be a named schema of its own".to_owned());
        }
        return match schema["x-one-or-many"] == true {
            true => one_or_many(schema).map(|()| &["oneOf"] as &[_]),
            false => Ok(&["oneOf", "discriminator"]),
        };
    }
    match schema["type"].as_str() {
        Some("string") => string(place, schema),
        Some("integer" | "number") => Ok(&["type", "minimum", "maximum"]),
        Some("boolean") => Ok(&["type"]),
        Some("array") if schema["items"].is_object() => Ok(&["type", "items"]),
        Some("array") => Err("an array needs `items`".to_owned()),
        Some("object") => object_form(place, schema),
        Some(other) => Err(format!(
            "`{other}` is no type: it is string, integer, number, boolean, array or object"
        )),
        // The rules of composition say what is wrong with these.
        None if schema.get("anyOf").is_some() || schema.get("not").is_some() => {
            Ok(&["anyOf", "not", "discriminator"])
        }
        None if is_item(place) => Ok(&[]),
        None => Err("the schema needs a `type`, a `$ref`, `allOf` or `oneOf`".to_owned()),
    }
}

fn string(place: &Place, schema: &Value) -> Result<&'static [&'static str], String> {
    match schema["format"].as_str() {
        None | Some("date-time") => {}
        Some("uuid" | "uri") if is_named(place) => {}
        Some("uuid") => {
            return Err("an id must be a named schema of its own: it becomes a type".to_owned());
        }
        Some(other) => {
            return Err(format!(
                "the format `{other}` has no form in Rust here: use date-time, or none"
            ));
        }
    }
    Ok(&["type", "format", "enum"])
}

fn object_form(place: &Place, schema: &Value) -> Result<&'static [&'static str], String> {
    let more = &schema["additionalProperties"];
    if object(&schema["properties"]).next().is_none() {
        return match more {
            Value::Bool(true) => Ok(&["type", "additionalProperties"]),
            Value::Object(_) if more["type"] == "string" => Ok(&["type", "additionalProperties"]),
            Value::Object(_) => Err(
                "a map has text values, or any (`additionalProperties: true`): maps of other types are not generated"
                    .to_owned(),
            ),
            _ => Err(
                "an object needs `properties`, or `additionalProperties` that are `true` or \
                      text"
                    .to_owned(),
            ),
        };
    }
    let within = place.parent().unwrap_or_default();
    let common = within.key() == "allOf" && within.parent().is_some_and(|at| is_named(&at));
    if !is_named(place) && !common {
        return Err(
            "an object with properties must be a named schema of its own: it becomes a struct"
                .to_owned(),
        );
    }
    if more.is_object() || *more == Value::Bool(true) {
        return Err(
            "an object has either `properties` or other fields, not both: those without a name would be lost".to_owned(),
        );
    }
    Ok(&["type", "properties", "required", "additionalProperties"])
}

fn one_or_many(schema: &Value) -> Result<(), String> {
    let forms: Vec<&Value> = schema["oneOf"].as_array().into_iter().flatten().collect();
    match forms.as_slice() {
        [one, many]
            if one["type"] == "string"
                && many["type"] == "array"
                && many["items"]["type"] == "string" =>
        {
            Ok(())
        }
        _ => Err("`x-one-or-many` is a string, then an array of strings".to_owned()),
    }
}

/// Is it what a list holds, and not a field of that name?
fn is_item(place: &Place) -> bool {
    place.key() == "items"
        && place
            .parent()
            .is_some_and(|within| within.key() != "properties")
}

/// Is it a field, which can be deprecated?
fn is_property(place: &Place) -> bool {
    place
        .parent()
        .is_some_and(|within| within.key() == "properties")
}

/// Returns whether it is directly under `components.schemas`.
fn is_named(place: &Place) -> bool {
    place.parent() == Place::schema("any").parent()
}

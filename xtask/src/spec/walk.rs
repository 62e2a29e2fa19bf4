//! Going through schemas.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Document, Place, reference};

/// Calls `visit` for every schema at or below `schema`, with its place.
pub fn each_schema(place: &Place, schema: &Value, visit: &mut impl FnMut(&Place, &Value)) {
    visit(place, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        each_schema(&place.join("properties").join(name), property, visit);
    }
    for key in ["items", "additionalProperties"] {
        if let Some(inner @ Value::Object(_)) = schema.get(key) {
            each_schema(&place.join(key), inner, visit);
        }
    }
    for key in ["allOf", "oneOf", "anyOf"] {
        for (i, inner) in schema[key].as_array().into_iter().flatten().enumerate() {
            each_schema(&place.join(key).join(&i.to_string()), inner, visit);
        }
    }
}

/// Calls `visit` for every reference in the document, with the place of its text: each `$ref`, and
/// each target of a discriminator's mapping.
pub fn each_reference(document: &Document, visit: &mut impl FnMut(&Place, &str)) {
    fn walk(place: &Place, node: &Value, visit: &mut impl FnMut(&Place, &str)) {
        match node {
            Value::Object(map) => {
                let is_mapping = place.key() == "mapping"
                    && place
                        .parent()
                        .is_some_and(|within| within.key() == "discriminator");
                // Extensions contain text of any form.
                for (key, value) in map
                    .iter()
                    .filter(|(key, _)| !key.starts_with("x-") || is_named(place))
                {
                    let inside = place.join(key);
                    match value {
                        Value::String(target) if key == "$ref" || is_mapping => {
                            visit(&inside, target);
                        }
                        _ => walk(&inside, value, visit),
                    }
                }
            }
            Value::Array(items) => {
                for (i, item) in items.iter().enumerate() {
                    walk(&place.join(&i.to_string()), item, visit);
                }
            }
            _ => {}
        }
    }
    walk(&Place::root(), document.root(), visit);
}

/// Whether the keys of an object are names that the API gives, and no keywords of OpenAPI.
fn is_named(place: &Place) -> bool {
    ["properties", "mapping", "schemas"].contains(&place.key())
}

/// The schemas that are referred to from anywhere but a union's list of variants, each with the first
/// such place.
pub fn used_outside_unions(document: &Document) -> BTreeMap<String, Place> {
    let mut used = BTreeMap::new();
    each_reference(document, &mut |place, target| {
        let parent = place.parent().unwrap_or_default();
        let list = parent.parent().unwrap_or_default();
        if parent.key() != "mapping" && list.key() != "oneOf" {
            let name = target.rsplit('/').next().unwrap_or_default();
            used.entry(name.to_owned()).or_insert(parent);
        }
    });
    used
}

/// The named schemas that can be met in `roots`, themselves included.
pub fn reachable(document: &Document, roots: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open: Vec<String> = roots.into_iter().collect();
    while let Some(name) = open.pop() {
        let Some(schema) = document.schema(&name) else {
            continue;
        };
        if !found.insert(name.clone()) {
            continue;
        }
        each_schema(&Place::schema(&name), schema, &mut |_, schema| {
            open.extend(reference(schema).map(str::to_owned));
        });
    }
    found
}

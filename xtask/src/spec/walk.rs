//! Going through schemas.

use std::collections::BTreeSet;

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

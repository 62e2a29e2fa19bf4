//! Every `$ref` leads somewhere, and every named schema is used.

use std::collections::HashSet;

use serde_json::Value;

use crate::spec::{Document, Place, Problem};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut used = HashSet::new();
    walk(
        &Place::root(),
        document.root(),
        &mut |place, target| match target.strip_prefix("#/components/schemas/") {
            Some(name) if document.schema(name).is_some() => {
                used.insert(name.to_owned());
            }
            _ => problems.push(document.problem(
                place,
                format!("`{target}` leads nowhere: name a schema under components.schemas"),
            )),
        },
    );
    for name in document
        .schemas()
        .keys()
        .filter(|name| !used.contains(*name))
    {
        problems.push(document.problem(
            &Place::schema(name),
            "nothing refers to this schema: use it or delete it",
        ));
    }
    problems
}

fn walk(place: &Place, node: &Value, visit: &mut impl FnMut(&Place, &str)) {
    match node {
        Value::Object(map) => {
            for (key, value) in map {
                let inside = place.join(key);
                match value {
                    Value::String(target) if key == "$ref" || place.key() == "mapping" => {
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

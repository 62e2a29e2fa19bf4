//! A type that holds itself has no size: only lists and maps can lead back to where they stand.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::{Document, Place, Problem, reference};

pub fn check(document: &Document) -> Vec<Problem> {
    let held: BTreeMap<&str, Vec<&str>> = document
        .schemas()
        .iter()
        .map(|(name, schema)| {
            let mut found = Vec::new();
            held(schema, &mut found);
            (name.as_str(), found)
        })
        .collect();
    let cycles = held.keys().filter_map(|name| {
        let way = way_back(name, &held)?;
        Some(document.problem(
            &Place::schema(name),
            format!(
                "it holds itself ({}): put a list in between",
                way.join(" > ")
            ),
        ))
    });
    cycles.collect()
}

/// The schemas that a value of this one holds directly, not in a list or a map.
fn held<'a>(schema: &'a Value, found: &mut Vec<&'a str>) {
    if let Some(name) = reference(schema) {
        found.push(name);
        return;
    }
    for (_, property) in super::object(&schema["properties"]) {
        held(property, found);
    }
    for key in ["allOf", "oneOf"] {
        for part in schema[key].as_array().into_iter().flatten() {
            held(part, found);
        }
    }
}

/// The shortest way from a schema to itself.
fn way_back<'a>(start: &'a str, held: &BTreeMap<&str, Vec<&'a str>>) -> Option<Vec<&'a str>> {
    let mut seen = vec![start];
    let mut ways = vec![vec![start]];
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            let last = way.last().copied().unwrap_or(start);
            for next in held.get(last).into_iter().flatten() {
                let mut way = way.clone();
                way.push(next);
                if *next == start {
                    return Some(way);
                }
                if !seen.contains(next) {
                    seen.push(next);
                    longer.push(way);
                }
            }
        }
        ways = longer;
    }
    None
}

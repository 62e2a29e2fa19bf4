//! A type that holds itself has no size: only lists and maps can contain themselves. One that holds
//! others a hundred deep is more than the compiler follows.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::spec::{Document, Place, Problem, reference};

pub fn check(document: &Document) -> Vec<Problem> {
    let places: BTreeMap<&str, Vec<(Place, &str)>> = document
        .schemas()
        .iter()
        .map(|(name, schema)| {
            let mut found = Vec::new();
            held(&Place::schema(name), schema, &mut found);
            (name.as_str(), found)
        })
        .collect();
    let held: BTreeMap<&str, Vec<&str>> = places
        .iter()
        .map(|(name, held)| (*name, held.iter().map(|(_, name)| *name).collect()))
        .collect();
    let cycles = held.keys().filter_map(|name| {
        let way = way_back(name, &held)?;
        let step = places[name]
            .iter()
            .find(|(_, next)| Some(next) == way.get(1));
        Some(document.problem(
            &step.map_or_else(|| Place::schema(name), |(place, _)| place.clone()),
            format!(
                "it holds itself ({}): put a list in between",
                way.join(" > ")
            ),
        ))
    });
    let cycles: Vec<Problem> = cycles.collect();
    if cycles.is_empty() {
        too_deep(document, &held)
    } else {
        cycles
    }
}

/// How deep types may hold each other: each level costs the compiler several of its 128.
const DEPTH: usize = 24;

/// The schemas at which a level too many begins.
fn too_deep(document: &Document, held: &BTreeMap<&str, Vec<&str>>) -> Vec<Problem> {
    let mut levels: BTreeMap<&str, usize> = BTreeMap::new();
    // Without cycles each round settles at least one more schema.
    loop {
        let known = levels.len();
        for (name, inner) in held {
            let inner = inner.iter().filter(|inner| held.contains_key(*inner));
            let depths: Option<Vec<usize>> =
                inner.map(|inner| levels.get(inner).copied()).collect();
            if let Some(depths) = depths {
                levels.insert(name, depths.into_iter().max().unwrap_or(0) + 1);
            }
        }
        if levels.len() == known {
            break;
        }
    }
    let first = levels.into_iter().filter(|(_, level)| *level == DEPTH + 1);
    let message = format!(
        "it holds types {DEPTH} deep, which is more than Rust can be asked for: put a list in between"
    );
    first
        .map(|(name, _)| document.problem(&Place::schema(name), message.clone()))
        .collect()
}

/// The schemas that a value of this one holds directly, not in a list or a map.
fn held<'a>(place: &Place, schema: &'a Value, found: &mut Vec<(Place, &'a str)>) {
    if let Some(name) = reference(schema) {
        found.push((place.clone(), name));
        return;
    }
    for (name, property) in super::object(&schema["properties"]) {
        held(&place.join("properties").join(name), property, found);
    }
    for key in ["allOf", "oneOf"] {
        for (i, part) in schema[key].as_array().into_iter().flatten().enumerate() {
            held(&place.join(key).join(&i.to_string()), part, found);
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

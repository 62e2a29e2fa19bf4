//! The variants of a union are distinguished by a tag, and composition has just the forms that have a form in Rust.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{every_schema, object, strings};
use crate::spec::{Document, Place, Problem, reference, used_outside_unions};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    every_schema(document, &mut |place, schema| {
        if schema.get("oneOf").is_some() && schema["x-one-or-many"] != true {
            problems.extend(union(document, place, schema));
        }
        if let Some(parts) = schema["allOf"].as_array() {
            problems.extend(composition(document, place, parts));
        }
    });
    problems.extend(outside(document));
    problems.extend(two_tags(document));
    problems
}

/// A union takes its tag out of its variants and writes it itself: a variant of two unions would lose both tags,
/// and be given one.
fn two_tags(document: &Document) -> Vec<Problem> {
    let mut first: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut problems = Vec::new();
    for (union, schema) in document.schemas() {
        let Some(tag) = schema["discriminator"]["propertyName"].as_str() else {
            continue;
        };
        let members = schema["oneOf"].as_array().into_iter().flatten();
        for (i, name) in members
            .enumerate()
            .filter_map(|(i, member)| Some((i, reference(member)?)))
        {
            let (other, known) = *first.entry(name).or_insert((union, tag));
            if known != tag {
                let place = Place::schema(union).join("oneOf").join(&i.to_string());
                let message = format!(
                    "`{name}` is distinguished by `{tag}` here, and by `{known}` in `{other}`: give each union a schema of \
                     its own"
                );
                problems.push(document.problem(&place, message));
            }
        }
    }
    problems
}

fn union(document: &Document, place: &Place, schema: &Value) -> Vec<Problem> {
    let Some(tag) = schema["discriminator"]["propertyName"].as_str() else {
        return vec![document.problem(
            place,
            "a union needs a `discriminator` with a `propertyName` and a `mapping`: nothing else \
             tells its variants apart",
        )];
    };
    let mut problems = Vec::new();
    let members: BTreeSet<&str> = schema["oneOf"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(reference)
        .collect();
    if members.len() != schema["oneOf"].as_array().map_or(0, Vec::len) {
        problems.push(document.problem(
            &place.join("oneOf"),
            "each variant is a `$ref` to a named schema, another one each",
        ));
    }
    let mut mapped = BTreeSet::new();
    let mapping = place.join("discriminator").join("mapping");
    for (value, target) in object(&schema["discriminator"]["mapping"]) {
        let name = target
            .as_str()
            .and_then(|target| target.rsplit('/').next())
            .unwrap_or_default();
        mapped.insert(name);
        let declared = tag_values(document, name, tag);
        if !declared.contains(&value.as_str()) {
            problems.push(document.problem(
                &mapping.join(value),
                format!("`{name}` does not list `{value}` in the enum of a required `{tag}`"),
            ));
        }
    }
    if members != mapped {
        problems.push(document.problem(
            &mapping,
            format!("`oneOf` names {members:?}, the mapping {mapped:?}: they must be the same"),
        ));
    }
    for name in &members {
        for value in tag_values(document, name, tag) {
            if schema["discriminator"]["mapping"].get(value).is_none() {
                problems.push(document.problem(
                    &mapping,
                    format!("`{name}` allows the {tag} `{value}`, which is not mapped"),
                ));
            }
        }
    }
    problems
}

/// A variant that is also used outside its union has to know its tag without the union: there must be
/// just one, and something beside it.
fn outside(document: &Document) -> Vec<Problem> {
    let used = used_outside_unions(document);
    let mut tags: BTreeMap<&str, BTreeSet<(&str, &str)>> = BTreeMap::new();
    for union in document.schemas().values() {
        let Some(tag) = union["discriminator"]["propertyName"].as_str() else {
            continue;
        };
        for name in union["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(reference)
        {
            for value in tag_values(document, name, tag) {
                tags.entry(name).or_default().insert((tag, value));
            }
        }
    }
    let found = tags.into_iter().filter_map(|(name, tags)| {
        let place = used.get(name)?;
        let schema = document.schema(name)?;
        let only_a_tag = schema["properties"]
            .as_object()
            .is_some_and(|properties| properties.len() == 1);
        if tags.len() == 1 && !only_a_tag {
            return None;
        }
        let tags: Vec<String> = tags
            .iter()
            .map(|(tag, value)| format!("{tag}: {value}"))
            .collect();
        let message = if only_a_tag {
            format!(
                "`{name}` is nothing but its tag: refer to its union, or to a schema of its own"
            )
        } else {
            format!(
                "`{name}` is more than one kind ({}), so that nothing says which is meant outside \
                 its union: refer to the union, or to a schema of its own",
                tags.join(", ")
            )
        };
        Some(document.problem(place, message))
    });
    found.collect()
}

/// The values of a variant's tag; none when the tag is missing or not required.
fn tag_values<'a>(document: &'a Document, name: &str, tag: &str) -> Vec<&'a str> {
    let Some(schema) = document.schema(name) else {
        return Vec::new();
    };
    // A variant is an object, or an object with a union of its own flattened in.
    let object = schema["allOf"].get(0).unwrap_or(schema);
    if !strings(&object["required"]).contains(&tag) {
        return Vec::new();
    }
    strings(&object["properties"][tag]["enum"])
}

fn composition(document: &Document, place: &Place, parts: &[Value]) -> Vec<Problem> {
    let fits = match parts {
        [only] => only.get("$ref").is_some(),
        [common, union] => {
            common.get("properties").is_some()
                && reference(union)
                    .and_then(|name| document.schema(name))
                    .is_some_and(|schema| schema.get("discriminator").is_some())
        }
        _ => false,
    };
    if fits {
        return Vec::new();
    }
    vec![document.problem(
        &place.join("allOf"),
        "`allOf` is either one reference, or an inline object followed by a reference to a union \
         with a discriminator",
    )]
}

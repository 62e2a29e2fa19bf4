//! Differences between operations.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Change, keys, kind};
use crate::spec::{Document, naming, raw, reference};

/// An operation: its method and path, and how it is written.
struct Written<'a> {
    call: String,
    value: &'a Value,
}

fn read(document: &Document) -> BTreeMap<&str, Written<'_>> {
    let operations = raw(document).into_iter();
    let operations = operations.filter_map(|(_, method, path, value)| {
        let call = format!("{} {path}", method.to_uppercase());
        Some((naming::operation(value)?, Written { call, value }))
    });
    operations.collect()
}

/// Each with its summary.
pub fn all(document: &Document) -> Vec<String> {
    let operations = read(document);
    let lines = operations
        .iter()
        .map(|(id, it)| format!("`{id}`: {}", it.summary()));
    lines.collect()
}

impl Written<'_> {
    fn summary(&self) -> &str {
        self.value["summary"].as_str().unwrap_or_default().trim()
    }
}

fn new(id: &str, operation: &Written) -> Change {
    Change::fine(format!("operation `{id}` is new: {}", operation.summary()))
}

pub fn compare(before: &Document, after: &Document) -> Vec<Change> {
    let (before, after) = (read(before), read(after));
    let keys = keys(before.keys().copied(), after.keys().copied());
    let mut changes = Vec::new();
    for id in keys.gone {
        changes.push(Change::breaking(format!("operation `{id}` is gone")));
    }
    for id in keys.new {
        changes.push(new(id, &after[id]));
    }
    for id in keys.both {
        differences(id, &before[id], &after[id], &mut changes);
    }
    changes
}

fn differences(id: &str, before: &Written, after: &Written, changes: &mut Vec<Change>) {
    if before.call != after.call {
        let (old, new) = (&before.call, &after.call);
        // Nobody wrote the path in their code; but older releases call the old one.
        changes.push(Change::fine(format!(
            "operation `{id}` is now `{new}`, was `{old}`"
        )));
    }
    let tag = |written: &Written| {
        written.value["tags"][0]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let (old, new) = (tag(before), tag(after));
    if old != new {
        // Its builder is in the module of the tag.
        changes.push(Change::breaking(format!(
            "operation `{id}` is in `{new}` now, not in `{old}`"
        )));
    }
    deprecation(
        &format!("operation `{id}`"),
        before.value,
        after.value,
        changes,
    );
    parameters(id, before.value, after.value, changes);
    for (what, old, new) in [
        ("takes", body(before.value), body(after.value)),
        (
            "answers",
            answer(before.value, "2XX"),
            answer(after.value, "2XX"),
        ),
        (
            "fails with",
            answer(before.value, "4XX"),
            answer(after.value, "4XX"),
        ),
    ] {
        if old != new {
            changes.push(Change::breaking(format!(
                "operation `{id}` {what} {new} now, not {old}"
            )));
        }
    }
    for behaviour in ["x-waiter", "x-pagination"] {
        if before.value.get(behaviour) != after.value.get(behaviour) {
            changes.push(Change::fine(format!(
                "operation `{id}` behaves differently: `{behaviour}`"
            )));
        }
    }
}

fn parameters(id: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    let read = |value: &Value| -> Map<String, Value> {
        let list = value["parameters"].as_array();
        let named = list.into_iter().flatten().filter_map(|parameter| {
            Some((parameter["name"].as_str()?.to_owned(), parameter.clone()))
        });
        named.collect()
    };
    let (before, after) = (read(before), read(after));
    let keys = keys(
        before.keys().map(String::as_str),
        after.keys().map(String::as_str),
    );
    let required = |parameter: &Value| parameter["required"].as_bool().unwrap_or(false);
    for name in keys.gone {
        let what = format!("parameter `{name}` of `{id}` is gone");
        changes.push(Change::breaking(what));
    }
    for name in keys.new {
        changes.push(match required(&after[name]) {
            true => Change::breaking(format!("parameter `{name}` of `{id}` is new, and required")),
            false => Change::fine(format!("parameter `{name}` of `{id}` is new")),
        });
    }
    for name in keys.both {
        let (old, new) = (&before[name], &after[name]);
        let (was, is) = (naming::parameter(old), naming::parameter(new));
        if was != is {
            let what = format!("parameter `{name}` of `{id}` is `{is}` in Rust now, not `{was}`");
            changes.push(Change::breaking(what));
        }
        deprecation(&format!("parameter `{name}` of `{id}`"), old, new, changes);
        let (was, is) = (kind(&old["schema"]), kind(&new["schema"]));
        if was != is {
            let what = format!("parameter `{name}` of `{id}` is {is} now, not {was}");
            changes.push(Change::breaking(what));
        }
        if required(old) != required(new) {
            let is = if required(new) {
                "required"
            } else {
                "optional"
            };
            let what = format!("parameter `{name}` of `{id}` is {is} now");
            changes.push(Change::breaking(what));
        }
    }
}

/// What is deprecated still works, with a warning.
pub fn deprecation(what: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    match (before["deprecated"] == true, after["deprecated"] == true) {
        (false, true) => changes.push(Change::fine(format!("{what} is deprecated"))),
        (true, false) => changes.push(Change::fine(format!("{what} is no longer deprecated"))),
        _ => {}
    }
}

fn body(operation: &Value) -> String {
    let content = &operation["requestBody"]["content"];
    match content.get("multipart/form-data") {
        Some(_) => "a form".to_owned(),
        None => named(&content["application/json"]["schema"]),
    }
}

fn answer(operation: &Value, status: &str) -> String {
    named(&operation["responses"][status]["content"]["application/json"]["schema"])
}

fn named(schema: &Value) -> String {
    match reference(schema) {
        Some(name) => format!("`{name}`"),
        None => "nothing".to_owned(),
    }
}

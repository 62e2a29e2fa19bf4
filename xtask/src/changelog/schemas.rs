//! Differences between schemas.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::operations::deprecation;
use super::{Change, keys, kind};
use crate::spec::{Document, naming, raw, reachable, reference};

pub fn compare(before: &Document, after: &Document) -> Vec<Change> {
    let (old, new) = (before.schemas(), after.schemas());
    let keys = keys(
        old.keys().map(String::as_str),
        new.keys().map(String::as_str),
    );
    let sent = sent(after);
    let mut changes = Vec::new();
    for name in keys.gone {
        changes.push(Change::breaking(format!("type `{name}` is gone")));
    }
    for name in keys.new {
        changes.push(Change::fine(format!("type `{name}` is new")));
    }
    for name in keys.both {
        let pair = Pair {
            name,
            old: &old[name],
            new: &new[name],
        };
        pair.fields(sent.contains(name), &mut changes);
        pair.values(&mut changes);
        pair.kinds(&mut changes);
        pair.form(&mut changes);
    }
    changes
}

/// The schemas that are met in what is sent.
fn sent(document: &Document) -> BTreeSet<String> {
    let bodies = raw(document)
        .into_iter()
        .filter_map(|(_, _, _, operation)| {
            let content = &operation["requestBody"]["content"];
            reference(&content["application/json"]["schema"]).map(str::to_owned)
        });
    reachable(document, bodies)
}

/// A schema, then and now.
struct Pair<'a> {
    name: &'a str,
    old: &'a Value,
    new: &'a Value,
}

impl Pair<'_> {
    fn fields(&self, sent: bool, changes: &mut Vec<Change>) {
        let name = self.name;
        let (old, new) = (fields(self.old), fields(self.new));
        let keys = keys(old.keys().copied(), new.keys().copied());
        for field in keys.gone {
            changes.push(Change::breaking(format!("field `{name}.{field}` is gone")));
        }
        for field in keys.new {
            let what = format!("field `{name}.{field}` is new");
            changes.push(match sent && !new[field].optional {
                true => Change::breaking(format!("{what}, and required")),
                false => Change::fine(what),
            });
        }
        for field in keys.both {
            let (old, new) = (&old[field], &new[field]);
            if old.rust != new.rust {
                let what = format!(
                    "field `{name}.{field}` is `{}` in Rust now, not `{}`",
                    new.rust, old.rust
                );
                changes.push(Change::breaking(what));
            }
            deprecation(
                &format!("field `{name}.{field}`"),
                old.schema,
                new.schema,
                changes,
            );
            if old.kind != new.kind {
                let what = format!(
                    "field `{name}.{field}` is {} now, not {}",
                    new.kind, old.kind
                );
                changes.push(Change::breaking(what));
            }
            if old.optional != new.optional {
                let is = if new.optional { "optional" } else { "required" };
                let what = format!("field `{name}.{field}` is {is} now");
                changes.push(Change::breaking(what));
            }
        }
    }

    /// Of an enum.
    fn values(&self, changes: &mut Vec<Change>) {
        let reasons = self.new.get("x-advice").is_some() || self.old.get("x-advice").is_some();
        let what = if reasons { "reason" } else { "value" };
        let keys = keys(texts(self.old, "enum"), texts(self.new, "enum"));
        self.listed(what, &keys, changes);
        self.renamed(what, &keys, changes);
        let name = self.name;
        let terminal = [self.old, self.new].map(|it| texts(it, "x-terminal").collect::<Vec<_>>());
        let differs = |value: &&&str| terminal[0].contains(*value) != terminal[1].contains(*value);
        for value in keys.both.iter().filter(differs) {
            let now = match terminal[1].contains(value) {
                true => "ends a batch or run now",
                false => "no longer ends a batch or run",
            };
            let what = format!("value `{value}` of `{name}` {now}");
            changes.push(Change::breaking(what));
        }
    }

    /// Of a union.
    fn kinds(&self, changes: &mut Vec<Change>) {
        let (old, new) = (mapping(self.old), mapping(self.new));
        let keys = keys(old.keys().copied(), new.keys().copied());
        self.listed("kind", &keys, changes);
        self.renamed("kind", &keys, changes);
        let is_alone = |mapping: &BTreeMap<&str, &str>, schema: &str| {
            mapping.values().filter(|target| **target == schema).count() == 1
        };
        let shared: BTreeSet<&str> = old
            .values()
            .copied()
            .filter(|schema| {
                is_alone(&old, schema)
                    && new.values().any(|it| it == schema)
                    && !is_alone(&new, schema)
            })
            .collect();
        for schema in shared {
            let what = format!(
                "`{schema}` is of several kinds of `{}` now, so it can't be turned into one",
                self.name
            );
            changes.push(Change::breaking(what));
        }
        for kind in keys.both {
            let (was, is) = (old[kind], new[kind]);
            if was != is {
                let what = format!("kind `{kind}` of `{}` is {is} now, not {was}", self.name);
                changes.push(Change::breaking(what));
            }
        }
    }

    /// Values and kinds with another name in Rust.
    fn renamed(&self, what: &str, keys: &super::Keys, changes: &mut Vec<Change>) {
        for key in &keys.both {
            let (was, is) = (
                naming::variant(self.old, key),
                naming::variant(self.new, key),
            );
            if was != is {
                let what = format!(
                    "{what} `{key}` of `{}` is `{is}` in Rust now, not `{was}`",
                    self.name
                );
                changes.push(Change::breaking(what));
            }
        }
    }

    fn listed(&self, what: &str, keys: &super::Keys, changes: &mut Vec<Change>) {
        let name = self.name;
        for key in &keys.gone {
            let what = format!("{what} `{key}` of `{name}` is gone");
            changes.push(Change::breaking(what));
        }
        for key in &keys.new {
            changes.push(Change::fine(format!("{what} `{key}` of `{name}` is new")));
        }
    }

    /// What it is at all.
    fn form(&self, changes: &mut Vec<Change>) {
        let (was, is) = (form(self.old), form(self.new));
        if was != is {
            let what = format!("type `{}` is {is} now, not {was}", self.name);
            changes.push(Change::breaking(what));
        }
    }
}

struct Field<'a> {
    schema: &'a Value,
    rust: String,
    kind: String,
    optional: bool,
}

/// The fields of an object, also of one that is put together with `allOf`.
fn fields(schema: &Value) -> BTreeMap<&str, Field<'_>> {
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let mut found = BTreeMap::new();
    for part in parts.chain([schema]) {
        let required: Vec<&str> = texts(part, "required").collect();
        for (name, field) in part["properties"].as_object().into_iter().flatten() {
            let nullable = field["nullable"].as_bool().unwrap_or(false);
            let optional = nullable || !required.contains(&name.as_str());
            let (kind, rust) = (kind(field), naming::field(name, field));
            found.insert(
                name.as_str(),
                Field {
                    schema: field,
                    rust,
                    kind,
                    optional,
                },
            );
        }
    }
    found
}

fn texts<'a>(schema: &'a Value, key: &str) -> impl Iterator<Item = &'a str> {
    let list = schema[key].as_array().into_iter().flatten();
    list.filter_map(Value::as_str)
}

fn mapping(schema: &Value) -> BTreeMap<&str, &str> {
    let mapping = schema["discriminator"]["mapping"].as_object();
    let targets = mapping.into_iter().flatten().filter_map(|(kind, target)| {
        let target = target.as_str()?;
        Some((kind.as_str(), target.rsplit('/').next().unwrap_or(target)))
    });
    targets.collect()
}

fn form(schema: &Value) -> String {
    if schema.get("oneOf").is_some() {
        let tag = schema["discriminator"]["propertyName"].as_str();
        return format!("a union by `{}`", tag.unwrap_or_default());
    }
    if let Some(parts) = schema["allOf"].as_array() {
        let parts = parts.iter().filter_map(reference).collect::<Vec<_>>();
        return format!("an object with {}", parts.join(", "));
    }
    let mut form = match schema.get("enum") {
        Some(_) => "an enum".to_owned(),
        None => kind(schema),
    };
    for bound in ["minimum", "maximum"] {
        if let Some(value) = schema.get(bound) {
            form.push_str(&format!(", {bound} {value}"));
        }
    }
    if schema["x-sensitive"] == true {
        form.push_str(", a secret");
    }
    form
}

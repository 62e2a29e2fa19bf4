//! Differences that decide whether credits are spent twice, in terms of money: they are told first, as nothing else of
//! a new version says them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Change, keys};
use crate::spec::{Document, naming, raw};

pub fn compare(before: &Document, after: &Document) -> Vec<Change> {
    let mut changes = Vec::new();
    let (old, new) = (operations(before), operations(after));
    for id in keys(old.keys().copied(), new.keys().copied()).both {
        repeats(id, old[id], new[id], &mut changes);
        creations(id, old[id], new[id], &mut changes);
    }
    let (old, new) = (before.schemas(), after.schemas());
    let names = keys(
        old.keys().map(String::as_str),
        new.keys().map(String::as_str),
    );
    for name in names.both {
        reasons(name, &old[name], &new[name], &mut changes);
        identities(name, &old[name], &new[name], &mut changes);
    }
    changes
}

fn operations(document: &Document) -> BTreeMap<&str, &Value> {
    let operations = raw(document).into_iter();
    operations
        .filter_map(|(_, _, _, value)| Some((naming::operation(value)?, value)))
        .collect()
}

/// `x-idempotent`
fn repeats(id: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    let what = match (
        before["x-idempotent"] == true,
        after["x-idempotent"] == true,
    ) {
        (false, true) => format!(
            "`{id}` is sent again now when it isn't known whether it arrived: whatever it costs can be spent twice"
        ),
        (true, false) => format!(
            "`{id}` is no longer sent again when it isn't known whether it arrived: nothing is spent twice, and a lost \
             response is an error"
        ),
        _ => return,
    };
    changes.push(Change::money(what));
}

/// `x-creates`
fn creations(id: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    let what = match (before["x-creates"].as_str(), after["x-creates"].as_str()) {
        (None, Some(path)) => format!(
            "`{id}` is known to spend credits: what it creates is recognised by `{path}`, and not taken for another's"
        ),
        (Some(_), None) => format!(
            "`{id}` no longer counts as one that spends credits: what it creates can be taken for another's, and paid \
             for twice"
        ),
        (Some(old), Some(new)) if old != new => {
            format!(
                "what `{id}` creates, and credits are spent on, is recognised by `{new}` now, not by `{old}`"
            )
        }
        _ => return,
    };
    changes.push(Change::money(what));
}

/// `x-ambiguous`
fn reasons(name: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    let listed = |schema: &Value, key: &str| -> BTreeSet<String> {
        let list = schema[key].as_array().into_iter().flatten();
        list.filter_map(|value| value.as_str().map(str::to_owned))
            .collect()
    };
    let (old, new) = (listed(before, "x-ambiguous"), listed(after, "x-ambiguous"));
    for reason in new.difference(&old) {
        changes.push(Change::money(format!(
            "after the reason `{reason}` of `{name}` something may exist that credits are spent on: it isn't simply \
             created again"
        )));
    }
    // A reason that is gone is told as such.
    for reason in old
        .difference(&new)
        .filter(|reason| listed(after, "enum").contains(*reason))
    {
        changes.push(Change::money(format!(
            "the reason `{reason}` of `{name}` means now that nothing was created: it is created again, and paid for \
             twice if that isn't so"
        )));
    }
}

/// `x-identity`
fn identities(name: &str, before: &Value, after: &Value, changes: &mut Vec<Change>) {
    let kinds = |schema: &Value| {
        schema["x-identity"]
            .as_object()
            .cloned()
            .unwrap_or_default()
    };
    let (old, new) = (kinds(before), kinds(after));
    for kind in keys(
        old.keys().map(String::as_str),
        new.keys().map(String::as_str),
    )
    .both
    {
        let (was, is) = (recognised(&old[kind]), recognised(&new[kind]));
        if was != is {
            changes.push(Change::money(format!(
                "what was created from the kind `{kind}` of `{name}`, and paid for, is {is} now; it was {was}"
            )));
        }
    }
}

/// By what something of a kind is recognised, in words.
fn recognised(identity: &Value) -> String {
    let list = |key: &str| {
        let names = identity[key].as_array().into_iter().flatten();
        let names: Vec<String> = names
            .filter_map(|name| Some(format!("`{}`", name.as_str()?)))
            .collect();
        names.join(", ")
    };
    let (fields, ids) = (list("fields"), list("ids"));
    let distinctness = identity["distinctness"].as_str().unwrap_or_default();
    let mut text = match fields.is_empty() {
        true => format!("not recognised ({distinctness})"),
        false => format!("recognised by {fields} ({distinctness})"),
    };
    if !ids.is_empty() {
        text.push_str(&format!(" and told apart by {ids}"));
    }
    text
}

//! Differences that decide whether credits are spent twice, in terms of money: they come first, as nothing else of a
//! new version shows them.

use super::{Change, pairs};
use crate::model::{Api, Identity, Schema, Shape};
use crate::spec::Operation;

pub fn compare(before: &Api, after: &Api) -> Vec<Change> {
    let mut said = Vec::new();
    for (old, new) in pairs(before, after) {
        said.extend(retries(old, new));
        said.extend(creations(old, new));
    }
    for new in &after.schemas {
        if let Some(old) = before.schema(&new.name) {
            reasons(old, new, &mut said);
            identities(old, new, &mut said);
        }
    }
    said.into_iter().map(Change::money).collect()
}

/// `x-idempotent`
fn retries(before: &Operation, after: &Operation) -> Option<String> {
    let call = format!("`Client::{}`", after.id);
    match (before.idempotent, after.idempotent) {
        (false, true) => Some(format!(
            "{call} is now retried when it isn't known whether the request reached the server: whatever it costs can be \
             spent twice"
        )),
        (true, false) => Some(format!(
            "{call} is no longer retried when it isn't known whether the request reached the server: nothing is spent \
             twice, and a lost response is an error"
        )),
        _ => None,
    }
}

/// `x-creates`
fn creations(before: &Operation, after: &Operation) -> Option<String> {
    let call = format!("`Client::{}`", after.id);
    let path = |operation: &Operation| Some(operation.creates.as_ref()?.join("."));
    match (path(before), path(after)) {
        (None, Some(path)) => Some(format!(
            "{call} is now known to spend credits: what it creates is identified by `{path}`, and not taken for what \
             another request created"
        )),
        (Some(_), None) => Some(format!(
            "{call} no longer counts as one that spends credits: what it creates can be taken for what another request \
             created, and be paid for twice"
        )),
        (Some(old), Some(new)) if old != new => Some(format!(
            "what {call} creates, and spends credits on, is now identified by `{new}`; it was identified by `{old}`"
        )),
        _ => None,
    }
}

/// `x-ambiguous`
fn reasons(before: &Schema, after: &Schema, said: &mut Vec<String>) {
    let Shape::OpenEnum {
        values, ambiguous, ..
    } = &after.shape
    else {
        return;
    };
    let old: &[String] = match &before.shape {
        Shape::OpenEnum { ambiguous, .. } => ambiguous,
        _ => &[],
    };
    let name = &after.name;
    for reason in ambiguous.iter().filter(|reason| !old.contains(reason)) {
        said.push(format!(
            "after `{name}::{reason}` something may exist that credits are spent on: its creation is not simply repeated"
        ));
    }
    // A reason that is gone is reported as such.
    let remains = |reason: &&String| values.iter().any(|value| value.variant == **reason);
    let decided = old.iter().filter(|reason| !ambiguous.contains(reason));
    for reason in decided.filter(remains) {
        said.push(format!(
            "`{name}::{reason}` now means that nothing was created: the creation is repeated, and paid for twice if that \
             isn't so"
        ));
    }
}

/// `x-identity`
fn identities(before: &Schema, after: &Schema, said: &mut Vec<String>) {
    for new in &after.identities {
        let mut olds = before.identities.iter();
        let Some(old) = olds.find(|old| old.variant == new.variant) else {
            continue;
        };
        let (was, is) = (fingerprint(old), fingerprint(new));
        if was != is {
            said.push(format!(
                "a batch of `{}::{}`, which credits were spent on, now has {is}; it had {was}",
                after.name, new.variant
            ));
        }
    }
}

/// What something of a kind is recognised by, in words.
fn fingerprint(identity: &Identity) -> String {
    let list = |names: &[String]| {
        let names = names.iter();
        let names = names.map(|it| format!("`{}`", it.trim_start_matches('/').replace('/', ".")));
        names.collect::<Vec<_>>().join(", ")
    };
    let Identity {
        fields,
        ids,
        distinctness,
        ..
    } = identity;
    let mut text = match fields.is_empty() {
        true => format!("no fingerprint ({distinctness})"),
        false => format!("the fingerprint {} ({distinctness})", list(fields)),
    };
    if !ids.is_empty() {
        text.push_str(&format!(" and the ids {}", list(ids)));
    }
    text
}

//! Differences that no signature shows: what is sent where, how it is waited for and paged, what ends, what is advised.

use heck::ToUpperCamelCase;

use super::{Change, pairs};
use crate::model::{Api, EnumValue, Schema, Shape};
use crate::spec::{Operation, Pagination, Waiter};

pub fn compare(before: &Api, after: &Api) -> Vec<Change> {
    let mut changes = Vec::new();
    let (old, new) = (&before.server.url, &after.server.url);
    if old != new {
        let what = format!("`BASE_URL` is now `{new}`; it was `{old}`");
        changes.push(Change::breaking(what));
    }
    for (old, new) in pairs(before, after) {
        calls(old, new, &mut changes);
    }
    for new in &after.schemas {
        if let Some(old) = before.schema(&new.name) {
            fields(old, new, &mut changes);
            values(old, new, &mut changes);
        }
    }
    changes
}

/// What a program doesn't see of a call, but older releases send to another place.
fn calls(before: &Operation, after: &Operation, changes: &mut Vec<Change>) {
    let mut differs = |what: &str, was: Option<String>, is: Option<String>| {
        // What only one of them has is an item of its public API.
        if let (Some(was), Some(is)) = (was, is)
            && was != is
        {
            let what = format!(
                "`Client::{}` is now {what} {is}; it was {what} {was}",
                after.id
            );
            changes.push(Change::compatible(what));
        }
    };
    let call = |it: &Operation| Some(format!("`{} {}`", it.method, it.path));
    differs("sent as", call(before), call(after));
    let polls = |it: &Operation| it.waiter.as_ref().map(interval);
    differs("polled", polls(before), polls(after));
    let pages = |it: &Operation| it.pagination.as_ref().map(size);
    differs("read in pages", pages(before), pages(after));
    for new in &after.parameters {
        let mut olds = before.parameters.iter().map(|old| &old.property);
        let Some(old) = olds.find(|old| old.rust == new.property.rust) else {
            continue;
        };
        if old.wire != new.property.wire {
            let (owner, setter) = (after.id.to_upper_camel_case(), new.property.setter());
            changes.push(Change::compatible(format!(
                "`{owner}::{setter}` is now sent as `{}`; it was sent as `{}`",
                new.property.wire, old.wire
            )));
        }
    }
}

fn interval(waiter: &Waiter) -> String {
    let mut text = format!("every {} s", waiter.interval);
    if let (Some(interval), Some(after)) = (waiter.slow_interval, waiter.slow_after) {
        text.push_str(&format!(", and every {interval} s after {after} s"));
    }
    if let Some(runs) = waiter.slow_from {
        text.push_str(&format!(" from {runs} runs on"));
    }
    text
}

fn size(paging: &Pagination) -> String {
    let total = match &paging.total {
        Some(_) => "with",
        None => "without",
    };
    format!("of {} items, {total} a total", paging.page_size)
}

/// Names in JSON.
fn fields(before: &Schema, after: &Schema, changes: &mut Vec<Change>) {
    let (Shape::Object { fields: olds, .. }, Shape::Object { fields, .. }) =
        (&before.shape, &after.shape)
    else {
        return;
    };
    for new in fields {
        let old = olds.iter().find(|old| old.rust == new.rust);
        if let Some(old) = old.filter(|old| old.wire != new.wire) {
            changes.push(Change::breaking(format!(
                "`{}::{}` is now `{}` in JSON; it was `{}`",
                after.name, new.rust, new.wire, old.wire
            )));
        }
    }
}

/// What the values of an enum say beside their names.
fn values(before: &Schema, after: &Schema, changes: &mut Vec<Change>) {
    let name = &after.name;
    let (
        Shape::OpenEnum {
            values: olds,
            terminal: ended,
            ..
        },
        Shape::OpenEnum {
            values, terminal, ..
        },
    ) = (&before.shape, &after.shape)
    else {
        return;
    };
    for EnumValue {
        variant, advice, ..
    } in values
    {
        let Some(old) = olds.iter().find(|old| old.variant == *variant) else {
            continue;
        };
        if ended.contains(variant) != terminal.contains(variant) {
            let now = match terminal.contains(variant) {
                true => "now ends a batch or run",
                false => "no longer ends a batch or run",
            };
            changes.push(Change::breaking(format!("`{name}::{variant}` {now}")));
        }
        if old.advice != *advice {
            let advice = advice.as_deref().unwrap_or("none").trim_end_matches('.');
            let what = format!("the advice on `{name}::{variant}` is now: {advice}");
            changes.push(Change::compatible(what));
        }
    }
}

//! Differences between two public APIs: an item that is gone or has another form breaks, a new one doesn't.
//!
//! One thing of the specification is several items: a field and its setter, a kind with its variant and constructor,
//! an operation with all it has. Such a subject is one difference, in the words of its first item.

use std::collections::{BTreeMap, BTreeSet};

use heck::{ToSnakeCase, ToUpperCamelCase};
use quote::ToTokens;

use super::Change;
use crate::model::{Api, Shape};
use crate::public_api::{Class, PublicItem};

/// The types of the client that have an item for each operation.
const OF_ALL_OPERATIONS: [&str; 2] = ["Client", "Reason"];

/// The names on the wire of what a subject is.
type Wires = BTreeMap<String, String>;

/// What makes an item the same in both versions.
type Key<'a> = (Class, Option<&'a str>, &'a str);

/// Returns the names on the wire of all fields and parameters.
pub fn wires(api: &Api) -> Wires {
    let mut wires = Wires::new();
    for schema in &api.schemas {
        if let Shape::Object { fields, .. } = &schema.shape {
            let each = fields.iter();
            wires.extend(each.map(|it| (member(&schema.name, &it.rust), it.wire.clone())));
        }
    }
    for operation in &api.operations {
        let owner = operation.id.to_upper_camel_case();
        let each = operation.parameters.iter().map(|it| &it.property);
        wires.extend(each.map(|it| (member(&owner, it.setter()), it.wire.clone())));
    }
    wires
}

/// Returns the differences between the items of a crate.
pub fn compare(before: &[PublicItem], after: &[PublicItem], wires: &[Wires; 2]) -> Vec<Change> {
    let (old, new) = (Side::new(before, after), Side::new(after, before));
    let mut subjects: BTreeMap<String, Subject> = BTreeMap::new();
    let mut remaining = BTreeSet::new();
    for (key, item) in &old.items {
        match new.items.get(key) {
            None => subjects
                .entry(old.subject(item))
                .or_default()
                .gone
                .push(item),
            Some(now) if item != now => {
                let subject = subjects.entry(new.subject(now)).or_default();
                subject.changed.push((item, now));
            }
            Some(now) if now.class == Class::Field => drop(remaining.insert(new.subject(now))),
            Some(_) => {}
        }
    }
    let added = new
        .items
        .iter()
        .filter(|(key, _)| !old.items.contains_key(*key));
    for (_, item) in added {
        subjects
            .entry(new.subject(item))
            .or_default()
            .new
            .push(item);
    }
    for (name, subject) in &mut subjects {
        subject.remains = remaining.contains(name);
        subject.gone.sort_by_key(|item| rank(item));
        subject.new.sort_by_key(|item| rank(item));
        subject.changed.sort_by_key(|(item, _)| rank(item));
    }
    let mut changes = renamed(&mut subjects, wires);
    changes.extend(subjects.values().flat_map(Subject::changes));
    changes
}

/// The items of a version.
struct Side<'a> {
    items: BTreeMap<Key<'a>, &'a PublicItem>,
    /// The types that the other version lacks: what belongs to them isn't reported besides.
    alone: BTreeSet<&'a str>,
}

impl<'a> Side<'a> {
    fn new(items: &'a [PublicItem], others: &'a [PublicItem]) -> Self {
        fn types(items: &[PublicItem]) -> impl Iterator<Item = &str> {
            let types = items.iter().filter(|item| item.class == Class::Type);
            types.map(|item| item.name.as_str())
        }
        let others: BTreeSet<&str> = types(others).collect();
        Self {
            items: items.iter().map(|item| (key(item), item)).collect(),
            alone: types(items).filter(|name| !others.contains(name)).collect(),
        }
    }

    /// Returns what an item is reported as a part of.
    fn subject(&self, item: &PublicItem) -> String {
        let Some(owner) = &item.owner else {
            return plain(&item.name);
        };
        if self.alone.contains(owner.as_str()) {
            return plain(owner);
        }
        if item.class == Class::Implementation {
            // A conversion comes with the variant that holds what is converted, or with a type.
            let held = item
                .name
                .strip_prefix("From<")
                .and_then(|it| it.strip_suffix('>'));
            let form = held.map(|held| format!("({held})"));
            let holds = |it: &&&PublicItem| {
                (it.class, &it.owner) == (Class::Variant, &item.owner)
                    && form.as_ref() == Some(&it.form)
            };
            if let Some(variant) = self.items.values().find(holds) {
                return self.subject(variant);
            }
            let mut words = item.name.split(|c: char| !c.is_alphanumeric() && c != '_');
            let word = words.find(|word| self.alone.contains(word));
            return word.map_or_else(|| item.line.clone(), plain);
        }
        if OF_ALL_OPERATIONS.contains(&owner.as_str()) {
            return plain(&item.name);
        }
        let field = format!("{}_uuid", item.name);
        let sets_id = item.class == Class::Function
            && self
                .items
                .contains_key(&(Class::Field, Some(owner.as_str()), field.as_str()));
        member(owner, if sets_id { &field } else { &item.name })
    }
}

fn key(item: &PublicItem) -> Key<'_> {
    (item.class, item.owner.as_deref(), &item.name)
}

/// The same for a field and its setter, a variant and its constructor.
fn member(owner: &str, name: &str) -> String {
    format!("{owner}::{}", plain(name))
}

fn plain(name: &str) -> String {
    name.trim_start_matches("r#").to_snake_case()
}

/// Which item of a subject says best what it is: that of lowest rank.
fn rank(item: &PublicItem) -> (bool, Class) {
    (item.owner.as_deref() != Some("Client"), item.class)
}

/// What is different about one thing.
#[derive(Default)]
struct Subject<'a> {
    gone: Vec<&'a PublicItem>,
    new: Vec<&'a PublicItem>,
    changed: Vec<(&'a PublicItem, &'a PublicItem)>,
    /// The field is the same.
    remains: bool,
}

impl Subject<'_> {
    fn changes(&self) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut changed = self.changed.iter();
        let reformed = changed.find(|(old, new)| is_reformed(old, new));
        if let Some((old, new)) = reformed {
            let (is, was) = match old.form == new.form {
                true => (code(&new.path), code(&old.path)),
                false => (form(new), form(old)),
            };
            let what = format!("{} is now {is}; it was {was}", called(old));
            changes.push(Change::breaking(what));
        }
        for (old, new) in &self.changed {
            changes.extend(derived(old, new));
        }
        let mut changed = self.changed.iter();
        if let Some((_, new)) = changed.find(|(old, new)| old.deprecated != new.deprecated) {
            let is = if new.deprecated { "is" } else { "is no longer" };
            let what = format!("{} {is} deprecated", called(new));
            changes.push(Change::compatible(what));
        }
        // A setter, or a conversion, comes and goes with the form of what it is for.
        let follows = [Class::Function, Class::Implementation];
        let first = |items: &[&PublicItem]| {
            let mut items = items.iter();
            let item = items.find(|it| reformed.is_none() || !follows.contains(&it.class))?;
            let method = match self.remains && item.class == Class::Function {
                true => "the method ",
                false => "",
            };
            Some((format!("{method}{}", called(item)), summary(&item.docs)))
        };
        if let Some((called, _)) = first(&self.gone) {
            changes.push(Change::breaking(format!("{called} is gone")));
        }
        if let Some((called, about)) = first(&self.new) {
            let gap = if about.is_empty() { "" } else { ": " };
            changes.push(Change::compatible(format!("{called} is new{gap}{about}")));
        }
        changes
    }

    /// Returns the name on the wire, where there are only items that are gone, or only new ones.
    fn wire(&self, items: &[&PublicItem], key: &str, wires: &Wires) -> Option<(String, String)> {
        let alone = self.changed.is_empty() && (self.gone.is_empty() || self.new.is_empty());
        let owner = items.first().filter(|_| alone)?.owner.clone()?;
        let mut values = items.iter().map(|item| &item.form);
        let value = values.find(|form| form.starts_with('"'));
        Some((owner, value.or_else(|| wires.get(key))?.clone()))
    }
}

/// Takes out what has another name, but the same on the wire.
fn renamed(subjects: &mut BTreeMap<String, Subject>, wires: &[Wires; 2]) -> Vec<Change> {
    let new: BTreeMap<(String, String), String> = subjects
        .iter()
        .filter_map(|(key, it)| Some((it.wire(&it.new, key, &wires[1])?, key.clone())))
        .collect();
    let old = subjects.iter().filter_map(|(key, it)| {
        let wire = it.wire(&it.gone, key, &wires[0])?;
        Some((key.clone(), new.get(&wire)?.clone()))
    });
    let renamed: Vec<(String, String)> = old.collect();
    let mut changes = Vec::new();
    for (old, new) in renamed {
        if let (Some(old), Some(new)) = (subjects.remove(&old), subjects.remove(&new)) {
            let (was, is) = (called(old.gone[0]), called(new.new[0]));
            changes.push(Change::breaking(format!("{was} is now called {is}")));
        }
    }
    changes
}

fn is_reformed(old: &PublicItem, new: &PublicItem) -> bool {
    if old.class == Class::Function && old.form != new.form {
        let ((was, mut before), (is, mut after)) = (signature(&old.form), signature(&new.form));
        let moved = before != after;
        before.sort();
        after.sort();
        // A call doesn't name its arguments, but their order means something.
        return was != is || (moved && before == after);
    }
    old.form != new.form || (old.class == Class::Type && old.path != new.path)
}

/// A signature without the names of its arguments, and these.
fn signature(form: &str) -> (String, Vec<String>) {
    let Ok(mut signature) = syn::parse_str::<syn::Signature>(form) else {
        return (form.to_owned(), Vec::new());
    };
    let mut names = Vec::new();
    for input in &mut signature.inputs {
        if let syn::FnArg::Typed(argument) = input {
            names.push(argument.pat.to_token_stream().to_string());
            *argument.pat = syn::parse_quote!(_);
        }
    }
    (signature.to_token_stream().to_string(), names)
}

fn derived(old: &PublicItem, new: &PublicItem) -> Vec<Change> {
    let lacking = |one: &PublicItem, other: &PublicItem| {
        let traits = one.derives.difference(&other.derives);
        traits.map(|it| code(it)).collect::<Vec<_>>().join(", ")
    };
    let (lost, gained) = (lacking(old, new), lacking(new, old));
    let mut changes = Vec::new();
    if !lost.is_empty() {
        let what = format!("{} no longer implements {lost}", called(old));
        changes.push(Change::breaking(what));
    }
    if !gained.is_empty() {
        let what = format!("{} now implements {gained}", called(new));
        changes.push(Change::compatible(what));
    }
    changes
}

/// The name as it is written in a program.
fn called(item: &PublicItem) -> String {
    match (&item.owner, item.class) {
        (_, Class::Implementation) => code(&item.line),
        (None, Class::Constant) => code(&item.path),
        (Some(owner), Class::Union) => code(owner),
        (Some(owner), _) => code(&format!("{owner}::{}", item.name)),
        (None, _) => code(&item.name),
    }
}

/// What an item is, in words or in Rust.
fn form(item: &PublicItem) -> String {
    match (item.class, item.form.as_str()) {
        (Class::Type, "struct") => "a struct".to_owned(),
        (Class::Type, "enum") => "an enum".to_owned(),
        (Class::Type, "open_enum") => "an enum of texts".to_owned(),
        (Class::Type, "id") => "an id".to_owned(),
        (Class::Type, "one_or_many") => "one text or several".to_owned(),
        (Class::Type, "sensitive") => "a text that is redacted".to_owned(),
        (Class::Union, rule) => match rule.strip_suffix(", keep") {
            Some(rule) => format!("told apart {rule}, and keeps what doesn't fit"),
            None => format!("told apart {rule} what doesn't fit"),
        },
        (Class::Variant, "") => "without fields".to_owned(),
        (_, form) => code(form),
    }
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

/// The first sentence of some documentation.
fn summary(docs: &str) -> String {
    let lines: Vec<&str> = docs.lines().take_while(|line| !line.is_empty()).collect();
    let text = lines.join(" ");
    let text = match text.strip_prefix("Sets `") {
        Some(rest) => rest.split_once("`. ").map_or("", |(_, text)| text),
        None => &text,
    };
    let ends = text.match_indices(". ").map(|(at, _)| &text[..at]);
    let mut ends = ends.filter(|text| !text.ends_with("e.g") && !text.ends_with("i.e"));
    ends.next().unwrap_or(text).trim_end_matches('.').to_owned()
}

//! The permitted values on the wire, independent of how a schema states them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::spec::Place;

/// More forms of one value than this are not distinguished.
const MOST_FORMS: usize = 256;

/// A schema as written, and where.
#[derive(Clone, Debug)]
pub(super) struct Node<'a> {
    pub(super) place: Place,
    pub(super) value: &'a Value,
}

/// One of several may hold; of each, all nodes hold.
pub(super) type Schema<'a> = Vec<Vec<Node<'a>>>;

/// A kind of value without parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Text,
    Integer,
    Number,
    Boolean,
}

/// What is said of values of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Scalar {
    pub(super) place: Place,
    /// The only permitted values.
    pub(super) values: Option<BTreeSet<String>>,
    pub(super) format: Option<String>,
    pub(super) limits: BTreeMap<&'static str, String>,
}

/// What is said of objects of one form.
#[derive(Clone, Debug, Default)]
pub(super) struct Object<'a> {
    pub(super) place: Place,
    pub(super) fields: BTreeMap<&'a str, Schema<'a>>,
    pub(super) required: BTreeSet<&'a str>,
    /// The schema of its other fields.
    pub(super) others: Option<Schema<'a>>,
    /// It has no other fields.
    pub(super) closed: bool,
    /// Unions that it is a variant of: the tag, its values here, and the union.
    pub(super) tags: BTreeMap<&'a str, (BTreeSet<String>, Place)>,
}

impl Kind {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Boolean => "boolean",
        }
    }
}

impl Object<'_> {
    /// Nothing is said of it but that it is an object.
    pub(super) fn is_open(&self) -> bool {
        self.fields.is_empty() && self.required.is_empty() && self.tags.is_empty() && !self.closed
    }
}

/// What is said of lists.
#[derive(Clone, Debug, Default)]
pub(super) struct List<'a> {
    pub(super) place: Place,
    pub(super) items: Schema<'a>,
    pub(super) limits: BTreeMap<&'static str, String>,
}

/// The permitted values, one level deep.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape<'a> {
    pub(super) any: bool,
    pub(super) null: bool,
    pub(super) scalars: BTreeMap<Kind, Scalar>,
    pub(super) list: Option<List<'a>>,
    pub(super) objects: Vec<Object<'a>>,
    /// Keywords that aren't compared.
    pub(super) unread: BTreeSet<String>,
}

impl<'a> Shape<'a> {
    pub(super) fn anything() -> Self {
        Self {
            any: true,
            null: true,
            ..Self::default()
        }
    }

    pub(super) fn unread(what: &str) -> Self {
        Self {
            unread: [what.to_owned()].into(),
            ..Self::anything()
        }
    }

    /// Returns what both permit.
    pub(super) fn and(self, other: Self) -> Self {
        let unread = &self.unread | &other.unread;
        let null = self.null && other.null;
        let (mut one, mut two) = match (self.any, other.any) {
            (true, _) => {
                return Self {
                    unread,
                    null,
                    ..other
                };
            }
            (_, true) => {
                return Self {
                    unread,
                    null,
                    ..self
                };
            }
            _ => (self, other),
        };
        // An integer is a number.
        one.narrow_to(&two);
        two.narrow_to(&one);
        let mut scalars = BTreeMap::new();
        for (kind, one) in one.scalars {
            scalars.extend(two.scalars.remove(&kind).map(|two| (kind, one.and(two))));
        }
        let list = one.list.zip(two.list).map(|(one, two)| List {
            items: all(&one.items, &two.items),
            limits: one.limits.into_iter().chain(two.limits).collect(),
            place: one.place,
        });
        let pairs = one
            .objects
            .iter()
            .flat_map(|one| two.objects.iter().map(move |two| one.and(two)));
        let mut shape = Self {
            any: false,
            null,
            scalars,
            list,
            objects: pairs.take(MOST_FORMS + 1).collect(),
            unread,
        };
        shape.cut();
        shape
    }

    fn narrow_to(&mut self, other: &Self) {
        let is_narrow = |shape: &Self| shape.scalars.contains_key(&Kind::Integer);
        if is_narrow(other) && !is_narrow(self) {
            let number = self.scalars.remove(&Kind::Number);
            self.scalars
                .extend(number.map(|number| (Kind::Integer, number)));
        }
    }

    /// Returns what either permits.
    pub(super) fn or(mut self, mut other: Self) -> Self {
        if self.any || other.any {
            return Self {
                unread: &self.unread | &other.unread,
                ..Self::anything()
            };
        }
        for (kind, two) in other.scalars {
            match self.scalars.remove(&kind) {
                Some(one) => self.scalars.insert(kind, one.or(two)),
                None => self.scalars.insert(kind, two),
            };
        }
        self.list = match (self.list, other.list) {
            (Some(one), Some(two)) => Some(List {
                place: one.place,
                items: either(one.items, two.items),
                limits: common(one.limits, &two.limits),
            }),
            (one, two) => one.or(two),
        };
        self.null |= other.null;
        self.objects.append(&mut other.objects);
        self.unread.append(&mut other.unread);
        self.cut();
        self
    }

    fn cut(&mut self) {
        if self.objects.len() > MOST_FORMS {
            self.objects.truncate(MOST_FORMS);
            self.unread.insert(format!("more than {MOST_FORMS} forms"));
        }
    }
}

impl Scalar {
    fn and(self, other: Self) -> Self {
        let (narrow, values) = match (self.values, other.values) {
            (Some(one), Some(two)) => (true, Some(&one & &two)),
            (Some(one), None) => (true, Some(one)),
            (None, two) => (two.is_none(), two),
        };
        Self {
            place: if narrow { self.place } else { other.place },
            values,
            format: self.format.or(other.format),
            limits: self.limits.into_iter().chain(other.limits).collect(),
        }
    }

    fn or(self, other: Self) -> Self {
        Self {
            place: self.place,
            values: self.values.zip(other.values).map(|(one, two)| &one | &two),
            format: self
                .format
                .filter(|format| Some(format) == other.format.as_ref()),
            limits: common(self.limits, &other.limits),
        }
    }
}

impl<'a> Object<'a> {
    fn and(&self, other: &Self) -> Self {
        let mut both = self.clone();
        for (name, schema) in &other.fields {
            let schema = match both.fields.get(name) {
                Some(known) => all(known, schema),
                None => schema.clone(),
            };
            both.fields.insert(name, schema);
        }
        if self.fields.is_empty() && !other.fields.is_empty() {
            both.place = other.place.clone();
        }
        both.required.extend(&other.required);
        both.others = match (both.others, other.others.clone()) {
            (Some(one), Some(two)) => Some(all(&one, &two)),
            (one, two) => one.or(two),
        };
        both.closed |= other.closed;
        both.tags.extend(other.tags.clone());
        both
    }

    /// Merges objects that nothing distinguishes into one.
    pub(super) fn merged(objects: &[&Self]) -> Self {
        let mut all = objects.iter().copied();
        let mut merged = all.next().cloned().unwrap_or_default();
        for object in all {
            for (name, schema) in &object.fields {
                let known = merged.fields.remove(name).unwrap_or_default();
                merged.fields.insert(name, either(known, schema.clone()));
            }
            merged
                .required
                .retain(|name| object.required.contains(name));
            merged.others = merged.others.or(object.others.clone());
            merged.closed &= object.closed;
        }
        merged
    }
}

/// All nodes of both, for each pair of possibilities.
fn all<'a>(one: &Schema<'a>, two: &Schema<'a>) -> Schema<'a> {
    let pairs = one
        .iter()
        .flat_map(|one| two.iter().map(move |two| (one, two)));
    let joined = pairs.map(|(one, two)| {
        let mut nodes = one.clone();
        let more = two
            .iter()
            .filter(|node| !one.iter().any(|known| known.place == node.place));
        nodes.extend(more.cloned());
        nodes
    });
    joined.take(MOST_FORMS).collect()
}

fn either<'a>(mut one: Schema<'a>, two: Schema<'a>) -> Schema<'a> {
    for nodes in two {
        if !one.iter().any(|known| places(known).eq(places(&nodes))) {
            one.push(nodes);
        }
    }
    one
}

/// Where the nodes of a schema are written.
pub(super) fn places<'n>(nodes: &'n [Node<'_>]) -> impl Iterator<Item = &'n Place> {
    nodes.iter().map(|node| &node.place)
}

fn common(
    one: BTreeMap<&'static str, String>,
    two: &BTreeMap<&'static str, String>,
) -> BTreeMap<&'static str, String> {
    one.into_iter()
        .filter(|(key, value)| two.get(key) == Some(value))
        .collect()
}

//! The comparison of two schemas, at all depths.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::difference::Side::{self, Differs, OursOnly, VendorOnly};
use super::difference::Weight::{self, Behavior, Breaks, Money, New};
use super::difference::{Difference, Found};
use super::reader::Reader;
use super::shape::{Kind, List, Object, Scalar, Schema, Shape, places};
use crate::spec::{Document, Place};

/// The direction of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    Sent,
    Received,
    /// Received with a failure: it decides whether something was created.
    Error,
}

/// The addresses of a schema's nodes.
type Key = Vec<usize>;

/// The comparison of what one operation sends and receives.
pub(super) struct Schemas<'c, 'a> {
    document: &'c Document,
    ours: Reader<'a>,
    theirs: Reader<'a>,
    operation: &'c str,
    /// The weight if this operation no longer works.
    pub(super) worst: Weight,
    /// The compared pairs, as schemas may contain themselves.
    seen: HashSet<(Key, Key, Way)>,
    found: &'c mut Found,
}

impl<'c, 'a> Schemas<'c, 'a> {
    pub(super) fn new(
        document: &'c Document,
        ours: Reader<'a>,
        theirs: Reader<'a>,
        operation: &'c str,
        found: &'c mut Found,
    ) -> Self {
        Self {
            document,
            ours,
            theirs,
            operation,
            worst: Breaks,
            seen: HashSet::new(),
            found,
        }
    }

    pub(super) fn say(&mut self, weight: Weight, side: Side, what: String, place: &Place) {
        self.found.add(Difference {
            weight,
            side,
            what,
            line: self.document.problem(place, "").line,
            operations: vec![self.operation.to_owned()],
        });
    }

    /// Whether a parameter is written differently by different styles.
    pub(super) fn is_compound(&self, schema: &Schema<'a>) -> bool {
        let shape = self.ours.shape(schema);
        shape.list.is_some() || !shape.objects.is_empty()
    }

    /// Compares what must be sent.
    pub(super) fn required(&mut self, label: &str, ours: bool, theirs: bool, place: &Place) {
        match (ours, theirs) {
            (false, true) => self.say(self.worst, Differs, format!("{label} is required"), place),
            (true, false) => self.say(New, Differs, format!("{label} may be left out"), place),
            _ => {}
        }
    }

    /// Compares what one value may be.
    pub(super) fn compare(&mut self, ours: &Schema<'a>, theirs: &Schema<'a>, way: Way) {
        let key = (key(ours), key(theirs), way);
        if self.seen.contains(&key) {
            return;
        }
        let (one, two) = (self.ours.shape(ours), self.theirs.shape(theirs));
        if two.null && !one.null && !two.any && way != Way::Sent {
            let place = first_place(ours);
            let what = format!("{} may be null", self.ours.label(&place));
            self.say(self.worst_of(way), Differs, what, &place);
        }
        self.values((ours, &one), (theirs, &two), way);
    }

    /// Compares the values other than null.
    fn values(
        &mut self,
        (ours, one): (&Schema<'a>, &Shape<'a>),
        (theirs, two): (&Schema<'a>, &Shape<'a>),
        way: Way,
    ) {
        if !self.seen.insert((key(ours), key(theirs), way)) {
            return;
        }
        let place = first_place(ours);
        let label = self.ours.label(&place);
        for words in &two.unread {
            self.say(
                Behavior,
                VendorOnly,
                format!("{label} has `{words}`, which isn't compared"),
                &place,
            );
        }
        match (one.any, two.any) {
            (true, true) => {}
            (true, false) => self.say(
                New,
                VendorOnly,
                format!("{label} is {}", describe(two)),
                &place,
            ),
            (false, true) => self.say(
                New,
                OursOnly,
                format!("{label} is {}, the vendor doesn't say", describe(one)),
                &place,
            ),
            (false, false) => self.kinds(&label, &place, one, two, way),
        }
    }

    fn kinds(
        &mut self,
        label: &str,
        place: &Place,
        ours: &Shape<'a>,
        theirs: &Shape<'a>,
        way: Way,
    ) {
        let (our_names, their_names) = (names(ours), names(theirs));
        let covers = |many: &BTreeSet<&str>, one: &str| {
            many.contains(one) || (one == "integer" && many.contains("number"))
        };
        let broken = match way {
            Way::Sent => our_names.iter().any(|name| !covers(&their_names, name)),
            Way::Received | Way::Error => their_names.iter().any(|name| !covers(&our_names, name)),
        };
        if our_names != their_names && !their_names.is_empty() {
            let weight = if broken { self.worst_of(way) } else { New };
            let (is, was) = (describe(theirs), describe(ours));
            self.say(
                weight,
                Differs,
                format!("{label} is {is}, ours {was}{}", said(way)),
                place,
            );
        }
        for (kind, ours) in &ours.scalars {
            let theirs = theirs.scalars.get(kind).or_else(|| {
                theirs
                    .scalars
                    .get(&Kind::Number)
                    .filter(|_| *kind == Kind::Integer)
            });
            if let Some(theirs) = theirs {
                self.scalars(ours, theirs, way);
            }
        }
        if let (Some(ours), Some(theirs)) = (&ours.list, &theirs.list) {
            self.lists(ours, theirs, way);
        }
        if !ours.objects.is_empty() && !theirs.objects.is_empty() {
            let (ours, theirs): (Vec<_>, Vec<_>) = (
                ours.objects.iter().collect(),
                theirs.objects.iter().collect(),
            );
            self.objects(label, place, &ours, &theirs, &[], way);
        }
    }

    fn scalars(&mut self, ours: &Scalar, theirs: &Scalar, way: Way) {
        let label = self.ours.label(&ours.place);
        match (&ours.values, &theirs.values) {
            (Some(one), Some(two)) => {
                let schema = self.document.get(&ours.place);
                let waits = schema.is_some_and(|schema| schema.get("x-terminal").is_some());
                let place = ours.place.join("enum");
                for value in two - one {
                    let weight = match way {
                        Way::Sent => New,
                        Way::Error => self.worst_of(way),
                        Way::Received if waits => Breaks,
                        Way::Received => Behavior,
                    };
                    self.say(
                        weight,
                        VendorOnly,
                        format!("value `{value}` of {label}{}", said(way)),
                        &place,
                    );
                }
                for value in one - two {
                    let weight = if way == Way::Sent {
                        self.worst
                    } else {
                        Behavior
                    };
                    let index = self.document.get(&place).and_then(|values| {
                        values.as_array()?.iter().position(|known| *known == *value)
                    });
                    let place = index.map_or(place.clone(), |index| place.join(&index.to_string()));
                    self.say(
                        weight,
                        OursOnly,
                        format!("value `{value}` of {label}{}", said(way)),
                        &place,
                    );
                }
            }
            (None, Some(values)) => {
                let weight = if way == Way::Sent { self.worst } else { New };
                let values: Vec<_> = values.iter().map(String::as_str).collect();
                self.say(
                    weight,
                    VendorOnly,
                    format!("{label} is one of {}{}", values.join(", "), said(way)),
                    &ours.place,
                );
            }
            (Some(_), None) => self.say(
                New,
                OursOnly,
                format!("the values of {label}{}", said(way)),
                &ours.place,
            ),
            (None, None) => {}
        }
        let is_file = |scalar: &Scalar| scalar.format.as_deref() == Some("binary");
        if ours.format != theirs.format && !is_file(ours) {
            // What doesn't have the format can't be read.
            let weight = match (way, &ours.format) {
                (Way::Received | Way::Error, Some(_)) => self.worst_of(way),
                _ => New,
            };
            let name = |scalar: &Scalar| {
                scalar
                    .format
                    .clone()
                    .unwrap_or_else(|| "any text".to_owned())
            };
            self.say(
                weight,
                Differs,
                format!(
                    "{label} is {}, ours {}{}",
                    name(theirs),
                    name(ours),
                    said(way)
                ),
                &ours.place,
            );
        }
        self.limits(&label, &ours.place, &ours.limits, &theirs.limits, way);
    }

    fn limits(
        &mut self,
        label: &str,
        place: &Place,
        ours: &BTreeMap<&'static str, String>,
        theirs: &BTreeMap<&'static str, String>,
        way: Way,
    ) {
        let keys: BTreeSet<_> = ours.keys().chain(theirs.keys()).collect();
        for key in keys {
            let (side, text) = match (ours.get(key), theirs.get(key)) {
                (one, two) if one == two => continue,
                (_, Some(two)) if ours.contains_key(key) => (Differs, two),
                (_, Some(two)) => (VendorOnly, two),
                (Some(one), None) => (OursOnly, one),
                (None, None) => continue,
            };
            let weight = match (way, side) {
                (Way::Sent, VendorOnly | Differs) => Behavior,
                (Way::Received | Way::Error, Differs) => Behavior,
                _ => New,
            };
            self.say(
                weight,
                side,
                format!("`{key}: {text}` of {label}{}", said(way)),
                place,
            );
        }
    }

    fn lists(&mut self, ours: &List<'a>, theirs: &List<'a>, way: Way) {
        let label = self.ours.label(&ours.place);
        self.limits(&label, &ours.place, &ours.limits, &theirs.limits, way);
        self.compare(&ours.items, &theirs.items, way);
    }

    /// Compares forms of an object, which are distinguished by a tag; its field is added to `used`.
    fn objects(
        &mut self,
        label: &str,
        place: &Place,
        ours: &[&Object<'a>],
        theirs: &[&Object<'a>],
        used: &[&'a str],
        way: Way,
    ) {
        let tag = ours.first().and_then(|first| {
            let mut tags = first.tags.iter().filter(|(tag, _)| !used.contains(*tag));
            tags.find(|(tag, _)| ours.iter().all(|object| object.tags.contains_key(*tag)))
        });
        let Some((tag, (_, union))) = tag else {
            return self.fields(
                label,
                place,
                &Object::merged(ours),
                &Object::merged(theirs),
                used,
                way,
            );
        };
        let kinds = |reader: &Reader<'a>, objects: &[&'_ Object<'a>]| {
            let mut kinds: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (i, object) in objects.iter().enumerate() {
                for kind in reader.constants(object, tag).into_iter().flatten() {
                    kinds.entry(kind).or_default().push(i);
                }
            }
            kinds
        };
        let (one, two) = (kinds(&self.ours, ours), kinds(&self.theirs, theirs));
        let name = self.ours.label(union);
        if two.is_empty() {
            let open = theirs.iter().all(|object| object.is_open());
            let weight = if open { New } else { self.worst_of(way) };
            return self.say(
                weight,
                OursOnly,
                format!("the kinds of {name}, told apart by `{tag}`{}", said(way)),
                union,
            );
        }
        if theirs
            .iter()
            .any(|object| self.theirs.constants(object, tag).is_none())
        {
            self.say(
                Behavior,
                VendorOnly,
                format!("a form of {name} without a value of `{tag}`{}", said(way)),
                union,
            );
        }
        for kind in two.keys().filter(|kind| !one.contains_key(*kind)) {
            let weight = if way == Way::Sent { New } else { Behavior };
            self.say(
                weight,
                VendorOnly,
                format!("kind `{kind}` of {name}{}", said(way)),
                union,
            );
        }
        let used: Vec<&str> = used.iter().copied().chain([*tag]).collect();
        for (kind, ours_of) in &one {
            let Some(theirs_of) = two.get(kind) else {
                let weight = if way == Way::Sent {
                    self.worst
                } else {
                    Behavior
                };
                let mapped = union.join("discriminator").join("mapping").join(kind);
                self.say(
                    weight,
                    OursOnly,
                    format!("kind `{kind}` of {name}{}", said(way)),
                    &mapped,
                );
                continue;
            };
            let ours: Vec<_> = ours_of.iter().map(|i| ours[*i]).collect();
            let theirs: Vec<_> = theirs_of.iter().map(|i| theirs[*i]).collect();
            self.objects(label, place, &ours, &theirs, &used, way);
        }
    }

    fn fields(
        &mut self,
        label: &str,
        place: &Place,
        ours: &Object<'a>,
        theirs: &Object<'a>,
        used: &[&str],
        way: Way,
    ) {
        if theirs.is_open() && !ours.is_open() && theirs.others.is_none() {
            return self.say(
                New,
                OursOnly,
                format!(
                    "the fields of {label}, of which the vendor says no more{}",
                    said(way)
                ),
                place,
            );
        }
        let in_object = self.ours.label(&ours.place);
        // A map of ours contains what the vendor names, whatever its values are.
        if ours.is_open() && !theirs.is_open() {
            let names: Vec<_> = theirs.fields.keys().copied().collect();
            let what = format!("fields {} of {in_object}{}", names.join(", "), said(way));
            return self.say(New, VendorOnly, what, &ours.place);
        }
        for (name, their) in theirs
            .fields
            .iter()
            .filter(|(name, _)| !used.contains(*name))
        {
            let required = theirs.required.contains(name);
            match ours.fields.get(name) {
                Some(our) => {
                    self.field((our, ours.required.contains(name)), (their, required), way)
                }
                None => {
                    let (weight, word) = match (way, required) {
                        (Way::Sent, true) => (self.worst, "required field"),
                        _ => (New, "field"),
                    };
                    let is = describe(&self.theirs.shape(their));
                    let label = self.ours.label(&ours.place.join("properties").join(name));
                    let what = format!("{word} {label} ({is}){}", said(way));
                    self.say(weight, VendorOnly, what, &ours.place.join("properties"));
                }
            }
        }
        for name in theirs
            .required
            .iter()
            .filter(|name| !theirs.fields.contains_key(*name) && !used.contains(*name))
        {
            if way == Way::Sent && !ours.required.contains(name) {
                let label = self.ours.label(&ours.place.join("properties").join(name));
                self.say(
                    self.worst,
                    VendorOnly,
                    format!("required field {label}{}", said(way)),
                    &ours.place,
                );
            }
        }
        for (name, our) in ours.fields.iter().filter(|(name, _)| !used.contains(*name)) {
            if !theirs.fields.contains_key(name) && !theirs.required.contains(name) {
                let needed = ours.required.contains(name) && !self.ours.shape(our).null;
                let weight = match way {
                    Way::Sent => self.worst,
                    Way::Received | Way::Error if needed => self.worst_of(way),
                    Way::Received | Way::Error => New,
                };
                let place = first_place(our);
                self.say(
                    weight,
                    OursOnly,
                    format!("field {}{}", self.ours.label(&place), said(way)),
                    &place,
                );
            }
        }
        match (&ours.others, &theirs.others) {
            (Some(ours), Some(theirs)) => self.compare(ours, theirs, way),
            (Some(_), None) if theirs.closed => {
                self.say(
                    self.worst,
                    OursOnly,
                    format!("further fields of {in_object}{}", said(way)),
                    &ours.place,
                );
            }
            (None, Some(theirs))
                if theirs
                    .iter()
                    .flatten()
                    .any(|node| node.value.as_object().is_some_and(|map| !map.is_empty())) =>
            {
                self.say(
                    New,
                    VendorOnly,
                    format!("further fields of {in_object}{}", said(way)),
                    &ours.place,
                );
            }
            _ => {}
        }
    }

    fn field(
        &mut self,
        (ours, our_required): (&Schema<'a>, bool),
        (theirs, their_required): (&Schema<'a>, bool),
        way: Way,
    ) {
        let place = first_place(ours);
        let label = format!("field {}", self.ours.label(&place));
        let (one, two) = (self.ours.shape(ours), self.theirs.shape(theirs));
        match way {
            Way::Sent => self.required(&label, our_required, their_required, &place),
            // Null and absent read the same.
            Way::Received | Way::Error => {
                let what = match (
                    !our_required || one.null,
                    !their_required,
                    two.null && !two.any,
                ) {
                    (false, true, _) => Some((self.worst_of(way), "may be absent")),
                    (false, _, true) => Some((self.worst_of(way), "may be null")),
                    (true, false, false) => Some((New, "is always there")),
                    _ => None,
                };
                if let Some((weight, what)) = what {
                    self.say(weight, Differs, format!("{label} {what}"), &place);
                }
            }
        }
        let deprecated = |schema: &Schema<'a>| {
            schema
                .iter()
                .flatten()
                .any(|node| node.value["deprecated"] == true)
        };
        if deprecated(theirs) && !deprecated(ours) {
            self.say(
                Behavior,
                VendorOnly,
                format!("{label} is deprecated"),
                &place,
            );
        }
        self.values((ours, &one), (theirs, &two), way);
    }

    fn worst_of(&self, way: Way) -> Weight {
        match (self.worst, way) {
            // An error says whether something was created.
            (Money, _) => Money,
            // An error that isn't understood is an error all the same.
            (_, Way::Error) => Behavior,
            (worst, _) => worst,
        }
    }
}

fn key(schema: &Schema<'_>) -> Key {
    let nodes = schema.iter().flatten();
    nodes
        .map(|node| std::ptr::from_ref(node.value).addr())
        .collect()
}

fn said(way: Way) -> &'static str {
    match way {
        Way::Sent => ", sent",
        Way::Received => ", received",
        Way::Error => ", received with an error",
    }
}

fn first_place(schema: &Schema<'_>) -> Place {
    let mut places = schema.iter().flat_map(|nodes| places(nodes));
    places.next().cloned().unwrap_or_default()
}

fn names(shape: &Shape<'_>) -> BTreeSet<&'static str> {
    let scalars = shape.scalars.keys().map(|kind| kind.name());
    let list = shape.list.iter().map(|_| "list");
    let objects = shape.objects.iter().map(|_| "object");
    scalars.chain(list).chain(objects).collect()
}

/// Describes a value briefly.
fn describe(shape: &Shape<'_>) -> String {
    if shape.any {
        return "any value".to_owned();
    }
    let names = names(shape)
        .into_iter()
        .map(|name| match shape.scalars.get(&Kind::Text) {
            Some(Scalar {
                format: Some(format),
                ..
            }) if name == "text" => format!("text ({format})"),
            _ => name.to_owned(),
        });
    let mut names: Vec<_> = names.collect();
    if names.is_empty() {
        names.push("nothing".to_owned());
    }
    names.join(" or ")
}

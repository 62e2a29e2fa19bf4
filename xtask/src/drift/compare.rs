//! The comparison of two documents, operation by operation.

use std::collections::BTreeMap;

use serde_json::Value;

use super::difference::Side::{Differs, OursOnly, VendorOnly};
use super::difference::Weight::{self, Behavior, Breaks, Money, New};
use super::difference::{Difference, Found};
use super::operations::{Body, Operation, Parameter};
use super::reader::Reader;
use super::schemas::{Schemas, Way};
use crate::spec::{Document, Place};

/// Returns all differences, worst first.
pub fn compare(vendor: &Value, ours: &Document) -> Vec<Difference> {
    let (theirs, our_reader) = (Reader { root: vendor }, Reader { root: ours.root() });
    let mut found = Found::default();
    let mut say = |weight, side, what: String, place: Option<&Place>| {
        let line = place.and_then(|place| ours.problem(place, "").line);
        found.add(Difference {
            weight,
            side,
            what,
            line,
            operations: Vec::new(),
        });
    };

    let (our_host, our_path) = our_reader.servers().first().copied().unwrap_or_default();
    let all_ours = our_reader.operations(our_path, our_path);
    let servers = theirs.servers();
    let same = servers
        .iter()
        .find(|(host, _)| *host == our_host || host.is_empty());
    let server = same.or(servers.first()).copied();
    let mut all_theirs = theirs.operations(server.map_or(our_path, |(_, path)| path), our_path);
    let known = |all: &[Operation<'_>]| {
        all.iter()
            .any(|their| all_ours.iter().any(|our| our.key == their.key))
    };
    let mut moved = same.is_none();
    // Another version of all paths is one difference.
    if !known(&all_theirs) {
        let under_ours = theirs.operations(our_path, our_path);
        if known(&under_ours) {
            (all_theirs, moved) = (under_ours, true);
        }
    }
    if let (true, Some((host, path))) = (moved, server) {
        let place = Place::root().join("servers");
        say(
            Money,
            Differs,
            format!("the server is {host}{path}"),
            Some(&place),
        );
    }
    for name in vendor["webhooks"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
    {
        say(New, VendorOnly, format!("webhook {name}"), None);
    }
    for theirs in &all_theirs {
        if !all_ours.iter().any(|ours| ours.key == theirs.key) {
            say(New, VendorOnly, format!("operation {}", theirs.name), None);
        }
    }
    for ours in &all_ours {
        if !all_theirs.iter().any(|theirs| theirs.key == ours.key) {
            let path = ours.key.split_once(' ').map(|(_, path)| path);
            let others = all_theirs
                .iter()
                .filter_map(|theirs| theirs.key.split_once(' '))
                .filter(|(_, other)| Some(*other) == path);
            let others: Vec<_> = others.map(|(method, _)| method).collect();
            let instead = match others.is_empty() {
                true => String::new(),
                false => format!(" (the vendor has {} there)", others.join(", ")),
            };
            say(
                breaks(ours),
                OursOnly,
                format!("operation {}{instead}", ours.name),
                Some(&ours.place),
            );
        }
    }
    for our in &all_ours {
        if let Some(their) = all_theirs.iter().find(|theirs| theirs.key == our.key) {
            let schemas = Schemas::new(ours, our_reader, theirs, &our.name, &mut found);
            Pair {
                ours: our,
                theirs: their,
                schemas,
            }
            .compare();
        }
    }
    found.sorted()
}

/// Returns the weight of a difference in a request or its response.
fn breaks(operation: &Operation<'_>) -> Weight {
    match operation.value.get("x-creates") {
        Some(_) => Money,
        None => Breaks,
    }
}

/// An operation of both documents.
struct Pair<'c, 'a> {
    ours: &'c Operation<'a>,
    theirs: &'c Operation<'a>,
    schemas: Schemas<'c, 'a>,
}

impl<'a> Pair<'_, 'a> {
    fn compare(&mut self) {
        let (name, place) = (&self.ours.name, &self.ours.place);
        let worst = breaks(self.ours);
        self.schemas.worst = worst;
        if self.theirs.value["deprecated"] == true && self.ours.value["deprecated"] != true {
            self.schemas
                .say(Behavior, VendorOnly, format!("{name} is deprecated"), place);
        }
        if self.ours.security != self.theirs.security {
            let ways = self
                .theirs
                .security
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>();
            let ways = if ways.is_empty() {
                "nothing".to_owned()
            } else {
                ways.join(", or ")
            };
            let place = if self.ours.value.get("security").is_some() {
                place.clone()
            } else {
                Place::root().join("security")
            };
            self.schemas.say(
                worst,
                Differs,
                format!("requests are authorized by {ways}"),
                &place,
            );
        }
        if self.theirs.value["callbacks"].is_object() {
            self.schemas
                .say(New, VendorOnly, format!("callbacks of {name}"), place);
        }
        self.parameters(worst);
        self.request(worst);
        self.responses(worst);
    }

    fn parameters(&mut self, worst: Weight) {
        let (ours, theirs) = (&self.ours.parameters, &self.theirs.parameters);
        let operation = &self.ours.name;
        let label = |parameter: &Parameter<'_>| {
            let location = parameter.key.0.as_str();
            let location = if location == "query" {
                ""
            } else {
                &format!("{location} ")
            };
            format!("{location}parameter {} of {operation}", parameter.name)
        };
        for their in theirs {
            match ours.iter().find(|our| our.key == their.key) {
                None if their.required => {
                    self.schemas.say(
                        worst,
                        VendorOnly,
                        format!("required {}", label(their)),
                        &self.ours.place,
                    );
                }
                None => self
                    .schemas
                    .say(New, VendorOnly, label(their), &self.ours.place),
                Some(our) => {
                    if our.name != their.name && our.key.0 == "query" {
                        self.schemas.say(
                            worst,
                            Differs,
                            format!("{} is written `{}`", label(our), their.name),
                            &our.place,
                        );
                    }
                    self.schemas
                        .required(&label(our), our.required, their.required, &our.place);
                    if their.deprecated && !our.deprecated {
                        self.schemas.say(
                            Behavior,
                            VendorOnly,
                            format!("{} is deprecated", label(our)),
                            &our.place,
                        );
                    }
                    self.schemas.compare(&our.schema, &their.schema, Way::Sent);
                    if our.style != their.style && self.schemas.is_compound(&our.schema) {
                        let (style, explode) = &their.style;
                        let explode = if *explode { "" } else { ", not exploded" };
                        self.schemas.say(
                            worst,
                            Differs,
                            format!("{} is written as {style}{explode}", label(our)),
                            &our.place,
                        );
                    }
                }
            }
        }
        for our in ours {
            if !theirs.iter().any(|their| our.key == their.key) {
                self.schemas.say(worst, OursOnly, label(our), &our.place);
            }
        }
    }

    fn request(&mut self, worst: Weight) {
        let name = &self.ours.name;
        match (&self.ours.body, &self.theirs.body) {
            (None, None) => {}
            (None, Some(body)) if body.required => {
                self.schemas.say(
                    worst,
                    VendorOnly,
                    format!("required body of {name}"),
                    &self.ours.place,
                );
            }
            (None, Some(_)) => {
                self.schemas
                    .say(New, VendorOnly, format!("body of {name}"), &self.ours.place)
            }
            (Some(body), None) => {
                self.schemas
                    .say(worst, OursOnly, format!("body of {name}"), &body.place)
            }
            (Some(ours), Some(theirs)) => {
                self.content(&format!("body of {name}"), ours, theirs, Way::Sent, worst)
            }
        }
    }

    fn responses(&mut self, worst: Weight) {
        let name = &self.ours.name;
        let is_success = |status: &str| status.starts_with('2');
        let has_success = self
            .theirs
            .responses
            .keys()
            .any(|status| is_success(status));
        if !has_success && !self.theirs.responses.contains_key("default") {
            self.schemas.say(
                New,
                OursOnly,
                format!("a response of success to {name}"),
                &self.ours.place,
            );
        }
        for (status, (_, theirs)) in &self.theirs.responses {
            let class = match status.as_str() {
                "default" if has_success => "4XX".to_owned(),
                "default" => "2XX".to_owned(),
                other => format!("{}XX", other.get(..1).unwrap_or_default()),
            };
            let ours = self
                .ours
                .responses
                .get(status)
                .or_else(|| self.ours.responses.get(&class));
            let label = format!("response {status} to {name}");
            match (ours, theirs) {
                (None, _) => self.schemas.say(New, VendorOnly, label, &self.ours.place),
                (Some((_, Some(ours))), Some(theirs)) => {
                    let way = if is_success(&class) {
                        Way::Received
                    } else {
                        Way::Error
                    };
                    let worst = if is_success(&class) { worst } else { Breaks };
                    self.content(&label, ours, theirs, way, worst);
                }
                // The vendor's document doesn't describe the bodies of errors, and any body is accepted.
                (Some(_), None) if !is_success(&class) => {}
                (Some((place, Some(_))), None) => {
                    self.schemas
                        .say(worst, Differs, format!("{label} has no body"), place)
                }
                (Some((place, None)), Some(_)) => {
                    self.schemas
                        .say(New, VendorOnly, format!("body of {label}"), place)
                }
                (Some((_, None)), None) => {}
            }
        }
    }

    fn content(
        &mut self,
        label: &str,
        ours: &Body<'a>,
        theirs: &Body<'a>,
        way: Way,
        worst: Weight,
    ) {
        let both: BTreeMap<_, _> = ours
            .content
            .iter()
            .filter(|(media_type, _)| theirs.content.contains_key(*media_type))
            .collect();
        if both.is_empty() {
            let types: Vec<_> = theirs.content.keys().copied().collect();
            self.schemas.say(
                worst,
                Differs,
                format!("{label} is {}", types.join(", ")),
                &ours.place,
            );
        }
        for (media_type, schema) in both {
            self.schemas
                .compare(schema, &theirs.content[media_type], way);
        }
    }
}

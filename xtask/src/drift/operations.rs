//! The operations of a document, by what is on the wire.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::reader::Reader;
use super::shape::{Node, Schema};
use crate::spec::Place;

const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// An operation as it is on the wire.
pub(super) struct Operation<'a> {
    /// `POST /v1/orchestration/batches/{}`: names of path parameters are nothing to the wire.
    pub(super) key: String,
    /// `POST /orchestration/batches/{uuid}`.
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) value: &'a Value,
    pub(super) parameters: Vec<Parameter<'a>>,
    pub(super) body: Option<Body<'a>>,
    /// `200`, `2XX` or `default`, and its body.
    pub(super) responses: BTreeMap<String, (Place, Option<Body<'a>>)>,
    /// The ways to authenticate.
    pub(super) security: BTreeSet<String>,
}

/// A parameter.
pub(super) struct Parameter<'a> {
    /// Its location, and its name there: lists are `uuids` and `uuids[]`, path parameters have a number.
    pub(super) key: (String, String),
    pub(super) name: String,
    pub(super) place: Place,
    pub(super) required: bool,
    pub(super) deprecated: bool,
    /// How a list or an object is written.
    pub(super) style: (String, bool),
    pub(super) schema: Schema<'a>,
}

/// A body that is sent or received.
pub(super) struct Body<'a> {
    pub(super) required: bool,
    pub(super) place: Place,
    /// By media type.
    pub(super) content: BTreeMap<&'a str, Schema<'a>>,
}

impl<'a> Reader<'a> {
    /// The URL of the server that a request goes to, without what is after its host, and that rest.
    pub(super) fn servers(&self) -> Vec<(&'a str, &'a str)> {
        let urls = self.root["servers"].as_array().into_iter().flatten();
        let urls = urls.filter_map(|server| server["url"].as_str());
        urls.map(|url| {
            let url = url.trim_end_matches('/');
            let host = url.find("://").map_or(0, |at| at + 3);
            let path = url
                .get(host..)
                .and_then(|rest| rest.find('/'))
                .map_or(url.len(), |at| at + host);
            url.split_at(if host == 0 { 0 } else { path })
        })
        .collect()
    }

    /// Returns all operations; `prefix` is the path of the server, and `usual` that of ours, which isn't shown.
    pub(super) fn operations(&self, prefix: &str, usual: &str) -> Vec<Operation<'a>> {
        let mut found = Vec::new();
        for (path, item) in self.root["paths"].as_object().into_iter().flatten() {
            let item = self.follow(Node {
                place: Place::root().join("paths").join(path),
                value: item,
            });
            for (method, value) in item.value.as_object().into_iter().flatten() {
                if METHODS.contains(&method.as_str()) {
                    let node = Node {
                        place: item.place.join(method),
                        value,
                    };
                    let path = format!("{prefix}{path}");
                    found.push(self.operation(&path, usual, method, &item, node));
                }
            }
        }
        found
    }

    fn operation(
        &self,
        path: &str,
        usual: &str,
        method: &str,
        item: &Node<'a>,
        node: Node<'a>,
    ) -> Operation<'a> {
        let method = method.to_uppercase();
        let names = placeholders(path);
        let blank = names
            .iter()
            .fold(path.trim_end_matches('/').to_owned(), |path, name| {
                path.replace(&format!("{{{name}}}"), "{}")
            });
        let Node { place, value } = node;
        // Those of the operation replace those of the path.
        let mut parameters: Vec<Parameter<'a>> = Vec::new();
        for within in [
            item.clone(),
            Node {
                place: place.clone(),
                value,
            },
        ] {
            for (i, value) in within.value["parameters"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
            {
                let place = within.place.join("parameters").join(&i.to_string());
                if let Some(parameter) = self.parameter(&names, Node { place, value }) {
                    parameters.retain(|known| known.key != parameter.key);
                    parameters.push(parameter);
                }
            }
        }
        let responses = value["responses"].as_object().into_iter().flatten();
        let responses = responses.map(|(status, value)| {
            let response = self.follow(Node {
                place: place.join("responses").join(status),
                value,
            });
            (
                status.to_uppercase().replace("DEFAULT", "default"),
                (response.place.clone(), self.body(response)),
            )
        });
        Operation {
            key: format!("{method} {blank}"),
            name: format!("{method} {}", path.strip_prefix(usual).unwrap_or(path)),
            parameters,
            body: value.get("requestBody").and_then(|value| {
                self.body(self.follow(Node {
                    place: place.join("requestBody"),
                    value,
                }))
            }),
            responses: responses.collect(),
            security: self.security(value.get("security").or(self.root.get("security"))),
            place,
            value,
        }
    }

    fn parameter(&self, names: &[&str], node: Node<'a>) -> Option<Parameter<'a>> {
        let Node { place, value } = self.follow(node);
        let (location, name) = (value["in"].as_str()?, value["name"].as_str()?);
        let known = match location {
            "path" => names.iter().position(|known| *known == name)?.to_string(),
            "header" => name.to_lowercase(),
            _ => name.strip_suffix("[]").unwrap_or(name).to_owned(),
        };
        // OpenAPI describes these elsewhere.
        if location == "header"
            && ["accept", "content-type", "authorization"].contains(&known.as_str())
        {
            return None;
        }
        let style = value["style"].as_str().unwrap_or(match location {
            "query" | "cookie" => "form",
            _ => "simple",
        });
        let schema = match value.get("schema") {
            Some(schema) => vec![vec![Node {
                place: place.join("schema"),
                value: schema,
            }]],
            None => vec![vec![Node {
                place: place.clone(),
                value: &Value::Bool(true),
            }]],
        };
        Some(Parameter {
            key: (location.to_owned(), known),
            name: name.to_owned(),
            required: value["required"] == true,
            deprecated: value["deprecated"] == true,
            style: match value["content"]
                .as_object()
                .and_then(|content| content.keys().next())
            {
                Some(media_type) => (media_type.clone(), false),
                None => (
                    style.to_owned(),
                    value["explode"].as_bool().unwrap_or(style == "form"),
                ),
            },
            schema,
            place,
        })
    }

    /// Returns `None` if there is no content.
    fn body(&self, node: Node<'a>) -> Option<Body<'a>> {
        let content = node.value["content"]
            .as_object()
            .filter(|content| !content.is_empty())?;
        let content = content.iter().map(|(media_type, value)| {
            let place = node.place.join("content").join(media_type);
            let schema = match value.get("schema") {
                Some(schema) => Node {
                    place: place.join("schema"),
                    value: schema,
                },
                None => Node {
                    place,
                    value: &Value::Bool(true),
                },
            };
            let media_type = media_type.split(';').next().unwrap_or_default().trim();
            (media_type, vec![vec![schema]])
        });
        Some(Body {
            required: node.value["required"] == true,
            content: content.collect(),
            place: node.place,
        })
    }

    fn security(&self, value: Option<&Value>) -> BTreeSet<String> {
        let schemes = &self.root["components"]["securitySchemes"];
        let ways = value.and_then(Value::as_array).into_iter().flatten();
        ways.map(|way| {
            let names = way.as_object().into_iter().flatten().map(|(name, _)| {
                let scheme = &schemes[name.as_str()];
                let words = ["type", "scheme", "in", "name"]
                    .into_iter()
                    .filter_map(|key| scheme[key].as_str());
                words.collect::<Vec<_>>().join(" ").to_lowercase()
            });
            match names.collect::<Vec<_>>().join(" and ") {
                none if none.is_empty() => "nothing".to_owned(),
                names => names,
            }
        })
        .collect()
    }

    /// Resolves a chain of references; a dangling one stays.
    fn follow(&self, node: Node<'a>) -> Node<'a> {
        let mut node = node;
        for _ in 0..16 {
            match node.value["$ref"]
                .as_str()
                .and_then(|target| self.resolve(target))
            {
                Some(next) => node = next,
                None => break,
            }
        }
        node
    }

    /// Returns the name of a place in a report: by its schema and the way into it, or by its operation.
    pub(super) fn label(&self, place: &Place) -> String {
        let keys: Vec<&str> = place.keys().collect();
        match keys.as_slice() {
            ["paths", path, method, "parameters", index, ..] => {
                let operation = &self.root["paths"][*path][*method];
                let parameter = index
                    .parse()
                    .ok()
                    .and_then(|index: usize| operation["parameters"][index]["name"].as_str());
                format!(
                    "parameter {} of {} {path}",
                    parameter.unwrap_or_default(),
                    method.to_uppercase()
                )
            }
            ["paths", path, method, "requestBody", rest @ ..] => {
                format!("body{} of {} {path}", way(rest), method.to_uppercase())
            }
            ["paths", path, method, "responses", status, rest @ ..] => format!(
                "response {status}{} to {} {path}",
                way(rest),
                method.to_uppercase()
            ),
            ["components", _, name, rest @ ..] => format!("`{name}{}`", way(rest)),
            _ => format!("`{place}`"),
        }
    }
}

/// Returns the path from a schema to one within.
fn way(keys: &[&str]) -> String {
    let mut way = String::new();
    let mut keys = keys.iter();
    while let Some(key) = keys.next() {
        match *key {
            "properties" => way.push_str(&format!(".{}", keys.next().unwrap_or(&""))),
            "items" => way.push_str("[]"),
            "additionalProperties" => way.push_str("{}"),
            "allOf" | "oneOf" | "anyOf" | "content" => {
                keys.next();
            }
            _ => {}
        }
    }
    way
}

/// Returns the names in the braces of a path.
fn placeholders(path: &str) -> Vec<&str> {
    let after = path.split('{').skip(1);
    after
        .filter_map(|rest| rest.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

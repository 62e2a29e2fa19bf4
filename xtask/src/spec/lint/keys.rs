//! Keys that are not read are refused everywhere: what is written must have an effect.

use serde_json::Value;

use super::{every_schema, object};
use crate::spec::operation::raw;
use crate::spec::{Document, Place, Problem};

const ROOT: &[&str] = &[
    "openapi",
    "info",
    "servers",
    "security",
    "tags",
    "x-modules",
    "paths",
    "components",
];
const INFO: &[&str] = &["title", "version", "description"];
const SERVER: &[&str] = &["url", "description"];
const TAG: &[&str] = &["name", "description"];
const COMPONENTS: &[&str] = &["schemas", "securitySchemes"];
pub const METHODS: &[&str] = &["get", "post", "put", "patch", "delete"];
const OPERATION: &[&str] = &[
    "operationId",
    "tags",
    "summary",
    "description",
    "deprecated",
    "parameters",
    "requestBody",
    "responses",
    "x-creates",
    "x-hand-written",
    "x-idempotent",
    "x-pagination",
    "x-rust-name",
    "x-see-also",
    "x-waiter",
];
const PARAMETER: &[&str] = &[
    "name",
    "in",
    "required",
    "description",
    "deprecated",
    "schema",
    "style",
    "explode",
    "x-rust-name",
];
const BODY: &[&str] = &["required", "description", "content"];
const RESPONSE: &[&str] = &["description", "content"];
const MEDIA_TYPE: &[&str] = &["schema"];

/// Extensions of the schemas under `components.schemas`.
const NAMED: &[&str] = &[
    "x-advice",
    "x-ambiguous",
    "x-enum-descriptions",
    "x-flags",
    "x-identity",
    "x-module",
    "x-one-or-many",
    "x-rust-name",
    "x-sensitive",
    "x-terminal",
];
/// Extensions of properties; what a secret and a reference to one is, is said by the rule of forms.
const PROPERTY: &[&str] = &[
    "x-enum-descriptions",
    "x-omission",
    "x-rust-name",
    "x-sensitive",
    "x-flags",
];
/// Extensions that only an enum has a use for.
const OF_ENUMS: &[&str] = &[
    "x-advice",
    "x-ambiguous",
    "x-enum-descriptions",
    "x-terminal",
];

pub fn check(document: &Document) -> Vec<Problem> {
    let mut keys = Keys {
        document,
        problems: Vec::new(),
    };
    let root = document.root();
    let at = |key: &str| Place::root().join(key);
    keys.only(&Place::root(), root, ROOT);
    keys.only(&at("info"), &root["info"], INFO);
    keys.each(&at("servers"), &root["servers"], SERVER);
    keys.each(&at("tags"), &root["tags"], TAG);
    keys.only(&at("components"), &root["components"], COMPONENTS);
    for (path, item) in object(&root["paths"]) {
        keys.only(&at("paths").join(path), item, METHODS);
    }
    for (place, _, _, operation) in raw(document) {
        keys.only(&place, operation, OPERATION);
        keys.each(
            &place.join("parameters"),
            &operation["parameters"],
            PARAMETER,
        );
        let body = &operation["requestBody"];
        keys.only(&place.join("requestBody"), body, BODY);
        keys.content(&place.join("requestBody"), body);
        for (status, response) in object(&operation["responses"]) {
            let place = place.join("responses").join(status);
            keys.only(&place, response, RESPONSE);
            keys.content(&place, response);
        }
    }
    keys.extensions();
    keys.problems
}

struct Keys<'a> {
    document: &'a Document,
    problems: Vec<Problem>,
}

impl Keys<'_> {
    fn only(&mut self, place: &Place, node: &Value, known: &[&str]) {
        for (key, _) in object(node) {
            if !known.contains(&key.as_str()) {
                let message = format!("nothing is generated from it: leave it out{}", cure(key));
                self.problems
                    .push(self.document.problem(&place.join(key), message));
            }
        }
    }

    fn each(&mut self, place: &Place, list: &Value, known: &[&str]) {
        for (i, node) in list.as_array().into_iter().flatten().enumerate() {
            self.only(&place.join(&i.to_string()), node, known);
        }
    }

    fn content(&mut self, place: &Place, node: &Value) {
        for (media_type, content) in object(&node["content"]) {
            self.only(&place.join("content").join(media_type), content, MEDIA_TYPE);
        }
    }

    fn extensions(&mut self) {
        let document = self.document;
        every_schema(document, &mut |place, schema| {
            let within = place.parent().unwrap_or_default();
            let known = match () {
                () if within.parent()
                    == Place::schema("any").parent().and_then(|at| at.parent()) =>
                {
                    NAMED
                }
                () if within.key() == "properties" => PROPERTY,
                () => &[],
            };
            for (key, _) in object(schema).filter(|(key, _)| key.starts_with("x-")) {
                let message = match key.as_str() {
                    key if !known.contains(&key) => "it has no effect here: leave it out",
                    key if OF_ENUMS.contains(&key) && schema.get("enum").is_none() => {
                        "only an enum has values"
                    }
                    "x-flags" if schema.get("properties").is_none() => {
                        "only an object with properties has flags"
                    }
                    "x-identity" if schema.get("discriminator").is_none() => {
                        "only a union has kinds to recognise"
                    }
                    _ => continue,
                };
                self.problems
                    .push(document.problem(&place.join(key), message));
            }
        });
    }
}

/// What to do instead, where there is something.
fn cure(key: &str) -> &'static str {
    match key {
        "parameters" => "; parameters are written with each operation",
        "$ref" => "; only schemas are referred to: write it here",
        "head" | "options" | "trace" => "; the methods are GET, POST, PUT, PATCH and DELETE",
        "security" => "; every operation takes the bearer token",
        "headers" => "; all headers of a response are in `Response::headers`",
        "servers" => "; there is one server, at the top",
        "content" => "; a parameter has a `schema`",
        "requestBodies" | "responses" => "; bodies are written with each operation",
        _ => "",
    }
}

//! From the specification as people write it to one that typify turns into good Rust.
//!
//! One idea: names that typify must not generate, this crate emits itself, and tells progenitor to
//! refer to. Those are string enums (typify's are closed), unions (typify ignores the
//! discriminator), ids (typify's say little when text isn't one), one-or-many values and sensitive
//! strings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use crate::spec::{Document, Operation, Problem, reachable, reference, used_outside_unions};

/// The specification, taken apart for generation.
#[derive(Debug)]
pub struct Lowered {
    /// What progenitor sees.
    pub spec: openapiv3::OpenAPI,
    /// All operations, those that progenitor can't generate included.
    pub operations: Vec<Operation>,
    /// Schemas with their Rust home, in the order they are written.
    pub schemas: Vec<Schema>,
}

/// A named schema that has a Rust type.
#[derive(Clone, Debug)]
pub struct Schema {
    /// `Batch`.
    pub name: String,
    /// The generated file it goes to.
    pub module: String,
    /// What it is, in words.
    pub description: String,
    /// How its Rust comes to be.
    pub shape: Shape,
    /// It can be part of a request, so it is pleasant to build.
    pub sent: bool,
    /// It can be part of a response, so it reads whatever the server sends.
    pub answered: bool,
    /// It holds a floating point number, so it is not `Eq`.
    pub float: bool,
    /// The tag it writes itself: it is a variant that is also used where no union writes it.
    pub own_tag: Option<Tag>,
    /// `x-flags`: what a request says to this library only, by name, with what it means.
    pub flags: BTreeMap<String, String>,
    /// `x-omission`: optional fields that the constructor asks for, with the name of the constructor that leaves
    /// them out, and what that means.
    pub omissions: BTreeMap<String, (String, String)>,
}

/// What tells a variant from the others of its union.
#[derive(Clone, Debug)]
pub struct Tag {
    /// `kind`.
    pub name: String,
    /// `objectProperty`.
    pub value: String,
}

/// Who writes a type, and from what.
#[derive(Clone, Debug)]
pub enum Shape {
    /// typify: an object, a map. Wire names of the fields as they are written, and
    /// the one into which a union is flattened.
    Typify {
        fields: Vec<String>,
        flattened: Option<String>,
    },
    /// An enum that keeps values it doesn't know.
    OpenEnum {
        values: Vec<EnumValue>,
        terminal: Vec<String>,
        /// Reasons after which something may exist all the same.
        ambiguous: Vec<String>,
    },
    /// A union told apart by a tag, which keeps kinds it doesn't know.
    TaggedUnion { tag: String, variants: Vec<Variant> },
    /// A uuid of a kind of thing.
    Id,
    /// One string or several.
    OneOrMany,
    /// A string that is never shown.
    Sensitive,
}

/// A value of an open enum.
#[derive(Clone, Debug)]
pub struct EnumValue {
    /// As on the wire.
    pub value: String,
    /// What it means.
    pub description: String,
    /// What a caller does about it, for the reasons of errors.
    pub advice: Option<String>,
}

/// A variant of a tagged union.
#[derive(Clone, Debug)]
pub struct Variant {
    /// The tag's value.
    pub value: String,
    /// What it is.
    pub description: String,
    /// The schema of its fields; none when the tag says it all.
    pub schema: Option<String>,
    /// The fields' own type writes the tag, so the union doesn't.
    pub writes_tag: bool,
}

/// Takes the specification apart.
pub fn lower(document: &Document) -> Result<Lowered, Vec<Problem>> {
    let operations = Operation::all(document)?;
    let sent = reachable(
        document,
        operations.iter().filter_map(|op| op.request.clone()),
    );
    let answered = reachable(
        document,
        operations
            .iter()
            .flat_map(|op| [op.response.clone(), op.error.clone()]),
    );
    let floats = floats(document);
    let own_tags = own_tags(document);

    let mut bodies: Map<String, Value> = document.schemas().clone();
    let flattened = flatten_unions(document, &mut bodies);
    strip_tags(document, &mut bodies);
    bodies.values_mut().for_each(open_objects);
    bodies.values_mut().for_each(optional_lists);
    bodies.values_mut().for_each(whole_numbers);
    let tag_only = tag_only(document, &bodies);

    let schemas = document
        .schemas()
        .iter()
        .filter(|(name, _)| !tag_only.contains(*name))
        .map(|(name, schema)| Schema {
            name: name.clone(),
            module: text(&schema["x-module"]),
            description: text(&schema["description"]),
            shape: shape(
                document,
                &bodies[name],
                schema,
                flattened.get(name),
                &tag_only,
                &own_tags,
            ),
            sent: sent.contains(name),
            answered: answered.contains(name),
            float: floats.contains(name),
            own_tag: own_tags.get(name).cloned(),
            flags: flags(schema),
            omissions: omissions(schema),
        })
        .collect();

    for name in &tag_only {
        bodies.remove(name);
    }
    let mut root = document.root().clone();
    root["components"]["schemas"] = Value::Object(bodies);
    for operation in &operations {
        lower_operation(&mut root["paths"], operation);
    }
    let spec = serde_json::from_value(root)
        .map_err(|error| vec![document.problem(&Default::default(), error.to_string())])?;
    Ok(Lowered {
        spec,
        operations,
        schemas,
    })
}

fn shape(
    document: &Document,
    body: &Value,
    schema: &Value,
    flattened: Option<&String>,
    tag_only: &BTreeSet<String>,
    own_tags: &BTreeMap<String, Tag>,
) -> Shape {
    if let Some(values) = schema["enum"].as_array() {
        let values = values
            .iter()
            .filter_map(Value::as_str)
            .map(|value| EnumValue {
                value: value.to_owned(),
                description: text(&schema["x-enum-descriptions"][value]),
                advice: schema["x-advice"][value]
                    .as_str()
                    .map(|advice| advice.trim().to_owned()),
            });
        let strings = |key: &str| {
            schema[key]
                .as_array()
                .into_iter()
                .flatten()
                .map(text)
                .collect()
        };
        let terminal = strings("x-terminal");
        Shape::OpenEnum {
            values: values.collect(),
            terminal,
            ambiguous: strings("x-ambiguous"),
        }
    } else if let Some(tag) = schema["discriminator"]["propertyName"].as_str() {
        let mapping = schema["discriminator"]["mapping"]
            .as_object()
            .into_iter()
            .flatten();
        let variants = mapping.map(|(value, target)| {
            let name = text(target)
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            let schema = document.schema(&name).unwrap_or(&Value::Null);
            // Where several values share a variant, each says what it means beside the tag.
            let own = &schema["properties"][tag]["x-enum-descriptions"][value];
            Variant {
                value: value.clone(),
                description: text(if own.is_string() {
                    own
                } else {
                    &schema["description"]
                }),
                writes_tag: own_tags.contains_key(&name),
                schema: (!tag_only.contains(&name)).then_some(name),
            }
        });
        Shape::TaggedUnion {
            tag: tag.to_owned(),
            variants: variants.collect(),
        }
    } else if schema["x-one-or-many"] == true {
        Shape::OneOrMany
    } else if schema["format"] == "uuid" {
        Shape::Id
    } else if schema["x-sensitive"] == true {
        Shape::Sensitive
    } else {
        let fields = body["properties"].as_object().into_iter().flatten();
        Shape::Typify {
            fields: fields.map(|(name, _)| name.clone()).collect(),
            flattened: flattened.cloned(),
        }
    }
}

/// `allOf: [object, union]` becomes the object with one more field, named like the tag and holding
/// the union; its `#[serde(flatten)]` is added when the struct is written.
fn flatten_unions(
    document: &Document,
    bodies: &mut Map<String, Value>,
) -> BTreeMap<String, String> {
    let mut flattened = BTreeMap::new();
    for (name, body) in bodies.iter_mut() {
        let Some([common, union]) = body["allOf"].as_array().map(Vec::as_slice) else {
            continue;
        };
        let Some(tag) = reference(union)
            .and_then(|union| document.schema(union))
            .and_then(|union| union["discriminator"]["propertyName"].as_str())
        else {
            continue;
        };
        let mut object = common.clone();
        object["description"] = body["description"].clone();
        object["properties"][tag] = json!({
            "description": "What sets this kind apart; its members stand beside the others on the wire.",
            "allOf": [union],
        });
        match object["required"].as_array_mut() {
            Some(required) => required.push(tag.into()),
            None => object["required"] = json!([tag]),
        }
        *body = object;
        flattened.insert(name.clone(), tag.to_owned());
    }
    flattened
}

/// A union writes and reads its tag itself, so the variants don't hold it.
fn strip_tags(document: &Document, bodies: &mut Map<String, Value>) {
    for (name, tag) in variants(document) {
        let Some(body) = bodies.get_mut(&name) else {
            continue;
        };
        if let Some(properties) = body["properties"].as_object_mut() {
            // Only the inline tag: a flattened union's field has the name of *its* tag.
            if properties
                .get(&tag)
                .is_some_and(|property| property.get("enum").is_some())
            {
                properties.shift_remove(&tag);
                if let Some(required) = body["required"].as_array_mut() {
                    required.retain(|name| *name != tag);
                }
            }
        }
    }
}

/// Variants that have nothing but their tag need no type.
fn tag_only(document: &Document, bodies: &Map<String, Value>) -> BTreeSet<String> {
    variants(document)
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| {
            bodies.get(name).is_some_and(|body| {
                body["properties"]
                    .as_object()
                    .is_some_and(serde_json::Map::is_empty)
            })
        })
        .collect()
}

/// The variants that are also used outside their unions; the rules see to it that each has one tag.
fn flags(schema: &Value) -> BTreeMap<String, String> {
    let flags = schema["x-flags"].as_object().into_iter().flatten();
    let text = |text: &Value| text.as_str().unwrap_or_default().trim().to_owned();
    flags
        .map(|(name, meaning)| (name.clone(), text(meaning)))
        .collect()
}

fn omissions(schema: &Value) -> BTreeMap<String, (String, String)> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields
        .filter_map(|(field, schema)| {
            let (name, meaning) = schema["x-omission"].as_object()?.iter().next()?;
            Some((field.clone(), (name.clone(), text(meaning))))
        })
        .collect()
}

fn own_tags(document: &Document) -> BTreeMap<String, Tag> {
    let outside = used_outside_unions(document);
    let mut tags = BTreeMap::new();
    for union in document.schemas().values() {
        let mapping = &union["discriminator"]["mapping"];
        for (value, target) in mapping.as_object().into_iter().flatten() {
            let target = text(target);
            let name = target.rsplit('/').next().unwrap_or_default();
            if outside.contains_key(name) {
                let tag = Tag {
                    name: text(&union["discriminator"]["propertyName"]),
                    value: value.clone(),
                };
                tags.insert(name.to_owned(), tag);
            }
        }
    }
    tags
}

/// Every variant of every union, with the union's tag.
fn variants(document: &Document) -> Vec<(String, String)> {
    let unions = document.schemas().values().filter_map(|schema| {
        let tag = schema["discriminator"]["propertyName"].as_str()?;
        Some((tag, schema["oneOf"].as_array()?))
    });
    unions
        .flat_map(|(tag, members)| {
            members
                .iter()
                .filter_map(reference)
                .map(|name| (name.to_owned(), tag.to_owned()))
        })
        .collect()
}

/// What a *server* refuses (`additionalProperties: false`), a client still reads.
fn open_objects(node: &mut Value) {
    match node {
        Value::Object(map) => {
            if map.get("additionalProperties") == Some(&Value::Bool(false)) {
                map.shift_remove("additionalProperties");
            }
            map.values_mut().for_each(open_objects);
        }
        Value::Array(items) => items.iter_mut().for_each(open_objects),
        _ => {}
    }
}

/// typify takes the narrowest type that bounds allow, down to `NonZeroU16`: a count stays a `u64`, and
/// the server looks after its bounds.
fn whole_numbers(node: &mut Value) {
    match node {
        Value::Object(map) => {
            if map.get("type").is_some_and(|kind| kind == "integer") {
                map.shift_remove("maximum");
                if map.get("minimum").and_then(Value::as_i64) >= Some(0) {
                    map.insert("minimum".to_owned(), 0.into());
                }
            }
            map.values_mut().for_each(whole_numbers);
        }
        Value::Array(items) => items.iter_mut().for_each(whole_numbers),
        _ => {}
    }
}

/// typify makes an empty list of one that is left out, and leaves an empty one out. In a request that
/// is another request: `uuids: []` selects nothing, no `uuids` selects everything.
fn optional_lists(body: &mut Value) {
    let required = body["required"].as_array().cloned().unwrap_or_default();
    for (name, property) in body["properties"].as_object_mut().into_iter().flatten() {
        let collection = property["type"] == "array" || property["type"] == "object";
        if collection && !required.iter().any(|required| required == name) {
            property["nullable"] = true.into();
        }
    }
}

/// progenitor loses the status of an error whose body isn't its schema, and can't send multipart:
/// errors are read by the client's own runtime, and the upload is written by hand.
fn lower_operation(paths: &mut Value, operation: &Operation) {
    let item = &mut paths[&operation.path];
    let method = operation.method.to_lowercase();
    if operation.multipart {
        if let Some(item) = item.as_object_mut() {
            item.shift_remove(&method);
        }
    } else if let Some(responses) = item[&method]["responses"].as_object_mut() {
        responses.retain(|status, _| status == "2XX");
    }
}

/// The schemas that hold a floating point number anywhere below them.
fn floats(document: &Document) -> BTreeSet<String> {
    fn own(node: &Value) -> bool {
        match node {
            Value::Object(map) => {
                map.get("type").is_some_and(|kind| kind == "number") || map.values().any(own)
            }
            Value::Array(items) => items.iter().any(own),
            _ => false,
        }
    }
    let names = document.schemas().keys();
    names
        .filter(|name| {
            reachable(document, [(*name).clone()])
                .iter()
                .any(|name| document.schema(name).is_some_and(own))
        })
        .cloned()
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().to_owned()
}

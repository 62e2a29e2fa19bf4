//! From the specification as people write it to one that typify turns into good Rust.
//!
//! One idea: names that typify must not generate, this crate emits itself, and tells progenitor to
//! refer to. Those are string enums (typify's are closed), unions (typify ignores the
//! discriminator), ids (typify's say little when text isn't one), one-or-many values and sensitive
//! strings.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::prose;
use crate::spec::{
    Document, Operation, Place, Problem, each_schema, naming, reachable, reference,
    used_outside_unions,
};

/// The specification, taken apart for generation.
#[derive(Clone, Debug)]
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
    /// Its field in Rust.
    pub field: String,
    /// `objectProperty`.
    pub value: String,
}

/// A field of a struct.
#[derive(Clone, Debug)]
pub struct FieldName {
    /// As on the wire.
    pub wire: String,
    /// In Rust.
    pub rust: String,
    /// What it is, in words.
    pub description: String,
    /// It should no longer be used.
    pub deprecated: bool,
}

/// Who writes a type, and from what.
#[derive(Clone, Debug)]
pub enum Shape {
    /// typify: an object, a map. The fields as they are written (typify is asked by their number), and
    /// the one into which a union is flattened.
    Typify {
        fields: Vec<FieldName>,
        flattened: Option<String>,
    },
    /// An enum that keeps values it doesn't know.
    OpenEnum {
        values: Vec<EnumValue>,
        /// Variants after which nothing changes.
        terminal: Vec<String>,
        /// Variants after which something may exist all the same.
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
    /// Its variant.
    pub variant: String,
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
    /// Its variant in Rust.
    pub variant: String,
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
            .flat_map(|op| [op.response.clone(), op.error.clone()])
            .flatten(),
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
    let mut fields: BTreeMap<String, Vec<FieldName>> = bodies
        .iter_mut()
        .map(|(name, body)| (name.clone(), hide_properties(body)))
        .collect();

    let schemas = document
        .schemas()
        .iter()
        .filter(|(name, _)| !tag_only.contains(*name))
        .map(|(name, schema)| Schema {
            name: name.clone(),
            module: text(&schema["x-module"]),
            description: prose::escaped(&text(&schema["description"])),
            shape: shape(
                document,
                fields.remove(name).unwrap_or_default(),
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
    let mut paths = json!({});
    let generated = operations
        .iter()
        .filter(|operation| operation.hand_written.is_none());
    for operation in generated {
        let node = document.get(&operation.place).unwrap_or(&Value::Null);
        let (path, node) = lower_operation(operation, node);
        paths[path][operation.method.to_lowercase()] = node;
    }
    let root = json!({
        "openapi": document.root()["openapi"],
        "info": document.root()["info"],
        "paths": paths,
        "components": { "schemas": bodies },
    });
    let spec = serde_json::from_value(root)
        .map_err(|error| vec![document.problem(&Place::root(), error.to_string())])?;
    Ok(Lowered {
        spec,
        operations,
        schemas,
    })
}

fn shape(
    document: &Document,
    fields: Vec<FieldName>,
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
                variant: naming::variant(schema, value),
                description: prose::escaped(&text(&schema["x-enum-descriptions"][value])),
                advice: schema["x-advice"][value]
                    .as_str()
                    .map(|advice| advice.trim().to_owned()),
            });
        let variants = |key: &str| {
            let values = schema[key].as_array().into_iter().flatten();
            values
                .filter_map(Value::as_str)
                .map(|value| naming::variant(schema, value))
                .collect()
        };
        Shape::OpenEnum {
            values: values.collect(),
            terminal: variants("x-terminal"),
            ambiguous: variants("x-ambiguous"),
        }
    } else if let Some(tag) = schema["discriminator"]["propertyName"].as_str() {
        let mapping = schema["discriminator"]["mapping"]
            .as_object()
            .into_iter()
            .flatten();
        let union = schema;
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
                variant: naming::variant(union, value),
                description: prose::escaped(&text(if own.is_string() {
                    own
                } else {
                    &schema["description"]
                })),
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
        Shape::Typify {
            fields,
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

/// Properties by number: typify can't dislike those, and the names are given back when its fields are read.
fn hide_properties(body: &mut Value) -> Vec<FieldName> {
    let Some(properties) = body["properties"].as_object_mut() else {
        return Vec::new();
    };
    let mut fields = Vec::new();
    let mut hidden = Map::new();
    let mut numbers = BTreeMap::new();
    for (i, (wire, property)) in std::mem::take(properties).into_iter().enumerate() {
        fields.push(FieldName {
            rust: naming::field(&wire, &property),
            description: prose::escaped(&text(&property["description"])),
            deprecated: property["deprecated"] == true,
            wire: wire.clone(),
        });
        numbers.insert(wire, format!("p{i}"));
        hidden.insert(format!("p{i}"), property);
    }
    *properties = hidden;
    for name in body["required"].as_array_mut().into_iter().flatten() {
        if let Some(number) = name.as_str().and_then(|name| numbers.get(name)) {
            *name = number.as_str().into();
        }
    }
    fields
}

fn flags(schema: &Value) -> BTreeMap<String, String> {
    let flags = schema["x-flags"].as_object().into_iter().flatten();
    flags
        .map(|(name, meaning)| (name.clone(), prose::escaped(&text(meaning))))
        .collect()
}

fn omissions(schema: &Value) -> BTreeMap<String, (String, String)> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    fields
        .filter_map(|(field, schema)| {
            let (name, meaning) = schema["x-omission"].as_object()?.iter().next()?;
            Some((
                field.clone(),
                (name.clone(), prose::escaped(&text(meaning))),
            ))
        })
        .collect()
}

/// The variants that are also used outside their unions; the rules see to it that each has one tag.
fn own_tags(document: &Document) -> BTreeMap<String, Tag> {
    let outside = used_outside_unions(document);
    let mut tags = BTreeMap::new();
    for union in document.schemas().values() {
        let mapping = &union["discriminator"]["mapping"];
        for (value, target) in mapping.as_object().into_iter().flatten() {
            let target = text(target);
            let name = target.rsplit('/').next().unwrap_or_default();
            if outside.contains_key(name) {
                let tag = text(&union["discriminator"]["propertyName"]);
                let schema = document.schema(name).unwrap_or(&Value::Null);
                let object = schema["allOf"].get(0).unwrap_or(schema);
                let tag = Tag {
                    field: naming::field(&tag, &object["properties"][&tag]),
                    name: tag,
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

impl Lowered {
    /// The same with one operation, to find the one at fault.
    pub fn only_operation(&self, operation: &Operation) -> Self {
        let mut one = self.clone();
        one.operations = vec![operation.clone()];
        one.spec.paths.paths = one
            .spec
            .paths
            .paths
            .into_iter()
            .filter_map(|(path, item)| {
                let openapiv3::ReferenceOr::Item(item) = item else {
                    return None;
                };
                let mut own = openapiv3::PathItem::default();
                for (method, node) in item.iter() {
                    if node.operation_id.as_ref() == Some(&operation.id) {
                        let slot = match method {
                            "get" => &mut own.get,
                            "put" => &mut own.put,
                            "post" => &mut own.post,
                            "delete" => &mut own.delete,
                            _ => &mut own.patch,
                        };
                        *slot = Some(node.clone());
                    }
                }
                let is_own = own.iter().next().is_some();
                is_own.then_some((path, openapiv3::ReferenceOr::Item(own)))
            })
            .collect();
        one
    }

    /// The same with some of the schemas.
    pub fn only_schemas(&self, names: &BTreeSet<String>) -> Self {
        let mut some = self.clone();
        some.operations.clear();
        some.spec.paths.paths.clear();
        some.schemas.retain(|schema| names.contains(&schema.name));
        if let Some(components) = &mut some.spec.components {
            components.schemas.retain(|name, _| names.contains(name));
        }
        some
    }
}

/// A parameter as progenitor is asked for it: by a number, so that no name can mean anything to it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// `p003`; in the order of the names, since progenitor sorts.
    pub number: String,
    /// The parameter, by its place among the parameters of the operation.
    pub index: usize,
}

/// The parameters of an operation by number.
pub fn asked(node: &Value) -> Vec<Asked> {
    let parameters = node["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate();
    let mut names: Vec<(String, usize)> = parameters
        .map(|(index, parameter)| (naming::parameter(parameter), index))
        .collect();
    names.sort();
    let numbered = names.into_iter().enumerate();
    numbered
        .map(|(i, (_, index))| Asked {
            number: format!("p{i:03}"),
            index,
        })
        .collect()
}

/// progenitor loses the status of an error whose body isn't its schema, so errors are read by the client's own
/// runtime; and it is told nothing but what it is to write.
fn lower_operation(operation: &Operation, node: &Value) -> (String, Value) {
    let mut path = operation.path.clone();
    let mut parameters = Vec::new();
    for Asked { number, index } in asked(node) {
        let parameter = &node["parameters"][index];
        if parameter["in"] == "path" {
            let name = parameter["name"].as_str().unwrap_or_default();
            path = path.replace(&format!("{{{name}}}"), &format!("{{{number}}}"));
        }
        let mut schema = parameter["schema"].clone();
        whole_numbers(&mut schema);
        let mut asked = json!({
            "name": number,
            "in": parameter["in"],
            "required": parameter["required"] == true,
            "schema": schema,
        });
        if schema_is_list(&parameter["schema"]) {
            asked["style"] = "form".into();
            asked["explode"] = true.into();
        }
        parameters.push(asked);
    }
    let mut lowered = json!({
        "operationId": operation.id,
        "parameters": parameters,
        "responses": { "2XX": node["responses"]["2XX"] },
    });
    if let Some(body) = node.get("requestBody") {
        lowered["requestBody"] = body.clone();
    }
    (path, lowered)
}

fn schema_is_list(schema: &Value) -> bool {
    schema["type"] == "array"
}

/// The schemas that hold a floating point number anywhere below them.
fn floats(document: &Document) -> BTreeSet<String> {
    let own = |name: &String| {
        let mut found = false;
        if let Some(schema) = document.schema(name) {
            each_schema(&Place::root(), schema, &mut |_, schema| {
                found |= schema["type"] == "number"
            });
        }
        found
    };
    let names = document.schemas().keys();
    names
        .filter(|name| reachable(document, [(*name).clone()]).iter().any(own))
        .cloned()
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().trim().to_owned()
}

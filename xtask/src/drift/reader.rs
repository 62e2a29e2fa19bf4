//! From schemas as written, in OpenAPI 3.0 or 3.1, to the values that they permit.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::shape::{Kind, List, Node, Object, Scalar, Schema, Shape};
use crate::spec::Place;

/// Keywords that are read, or don't change the permitted values.
const READ: [&str; 34] = [
    "$ref",
    "$defs",
    "definitions",
    "$comment",
    "$schema",
    "$id",
    "type",
    "enum",
    "const",
    "format",
    "nullable",
    "properties",
    "required",
    "additionalProperties",
    "unevaluatedProperties",
    "patternProperties",
    "propertyNames",
    "items",
    "allOf",
    "anyOf",
    "oneOf",
    "discriminator",
    "title",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "externalDocs",
    "xml",
    "contentMediaType",
    "contentEncoding",
    "readOnly",
    "writeOnly",
];

const LIMITS: [&str; 13] = [
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
];

/// A document whose schemas are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    pub(super) root: &'a Value,
}

impl<'a> Reader<'a> {
    /// Returns the node that `#/components/…` points to.
    pub(super) fn resolve(&self, target: &str) -> Option<Node<'a>> {
        let pointer = target.strip_prefix('#')?;
        let keys = pointer.split('/').skip(1);
        let place = keys.fold(Place::root(), |place, key| {
            place.join(&key.replace("~1", "/").replace("~0", "~"))
        });
        Some(Node {
            place,
            value: self.root.pointer(pointer)?,
        })
    }

    /// Returns the values that a schema permits.
    pub(super) fn shape(&self, schema: &Schema<'a>) -> Shape<'a> {
        let all = schema.iter().map(|nodes| {
            let nodes = nodes.iter().map(|node| self.node(node, &mut Vec::new()));
            nodes.fold(Shape::anything(), Shape::and)
        });
        all.reduce(Shape::or).unwrap_or_default()
    }

    /// The only values that a field of an object has.
    pub(super) fn constants(&self, object: &Object<'a>, field: &str) -> Option<BTreeSet<String>> {
        match object.tags.get(field) {
            Some((values, _)) => Some(values.clone()),
            None => {
                self.shape(object.fields.get(field)?)
                    .scalars
                    .remove(&Kind::Text)?
                    .values
            }
        }
    }

    fn node(&self, node: &Node<'a>, within: &mut Vec<*const Value>) -> Shape<'a> {
        let map = match node.value {
            Value::Bool(true) => return Shape::anything(),
            Value::Bool(false) => return Shape::default(),
            Value::Object(map) => map,
            _ => return Shape::unread("a schema that is no object"),
        };
        if within.contains(&std::ptr::from_ref(node.value)) {
            return Shape::unread("a schema that is made of itself");
        }
        within.push(node.value);
        let mut shape = own(node, map);
        if let Some(target) = map.get("$ref") {
            shape = shape.and(
                match target.as_str().and_then(|target| self.resolve(target)) {
                    Some(target) => self.node(&target, within),
                    None => Shape::unread(&format!("$ref: {target}")),
                },
            );
        }
        for part in parts(node, "allOf") {
            shape = shape.and(self.node(&part, within));
        }
        for key in ["anyOf", "oneOf"] {
            let variants: Vec<_> = parts(node, key).collect();
            if !variants.is_empty() {
                let shapes = variants
                    .iter()
                    .map(|part| self.variant(node, map, part, within));
                shape = shape.and(shapes.reduce(Shape::or).unwrap_or_default());
            }
        }
        shape.null |= map.get("nullable") == Some(&Value::Bool(true));
        within.pop();
        shape
    }

    /// Returns a form of a union, with the tag values that identify it.
    fn variant(
        &self,
        union: &Node<'a>,
        map: &'a Map<String, Value>,
        part: &Node<'a>,
        within: &mut Vec<*const Value>,
    ) -> Shape<'a> {
        let mut shape = self.node(part, within);
        let Some(discriminator) = map.get("discriminator") else {
            return shape;
        };
        let Some(field) = discriminator["propertyName"].as_str() else {
            return shape;
        };
        let target = part.value["$ref"].as_str().unwrap_or_default();
        let name = target.rsplit('/').next().unwrap_or_default();
        let mapping = discriminator["mapping"].as_object().into_iter().flatten();
        let mapped: BTreeSet<String> = mapping
            .filter(|(_, to)| *to == target || *to == name)
            .map(|(value, _)| value.clone())
            .collect();
        for object in &mut shape.objects {
            let values = match mapped.is_empty() {
                false => mapped.clone(),
                true => self
                    .constants(object, field)
                    .unwrap_or_else(|| [name.to_owned()].into()),
            };
            object.tags.insert(field, (values, union.place.clone()));
        }
        shape
    }
}

fn parts<'a>(node: &Node<'a>, key: &str) -> impl Iterator<Item = Node<'a>> {
    let place = node.place.join(key);
    let list = node.value[key].as_array().into_iter().flatten();
    list.enumerate().map(move |(i, value)| Node {
        place: place.join(&i.to_string()),
        value,
    })
}

/// Returns what a schema itself says, without those it refers to.
fn own<'a>(node: &Node<'a>, map: &'a Map<String, Value>) -> Shape<'a> {
    let mut shape = Shape::default();
    let mut types: BTreeSet<&str> = match &map.get("type") {
        Some(Value::String(one)) => [one.as_str()].into(),
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => BTreeSet::new(),
    };
    let values: Option<Vec<&Value>> = match (map.get("const"), map.get("enum")) {
        (Some(only), _) => Some(vec![only]),
        (None, Some(Value::Array(values))) => Some(values.iter().collect()),
        (None, _) => None,
    };
    if types.is_empty() {
        let says = |keys: &[&str]| keys.iter().any(|key| map.contains_key(*key));
        types.extend(values.iter().flatten().map(|value| type_of(value)));
        if says(&[
            "properties",
            "required",
            "additionalProperties",
            "patternProperties",
        ]) {
            types.insert("object");
        }
        if says(&["items"]) {
            types.insert("array");
        }
    }
    shape.any = types.is_empty();
    for name in types {
        let kind = match name {
            "null" => {
                shape.null = true;
                continue;
            }
            "object" => {
                shape.objects.push(object(node, map));
                continue;
            }
            "array" => {
                shape.list = Some(List {
                    place: node.place.clone(),
                    items: list_items(node, map),
                    limits: limits(map, name),
                });
                continue;
            }
            "string" => Kind::Text,
            "integer" => Kind::Integer,
            "number" => Kind::Number,
            "boolean" => Kind::Boolean,
            other => {
                shape.unread.insert(format!("type: {other}"));
                continue;
            }
        };
        let is_ours =
            |value: &&&Value| type_of(value) == name || (name == "number" && value.is_number());
        let values: Option<BTreeSet<String>> = values.as_ref().map(|values| {
            values
                .iter()
                .filter(is_ours)
                .map(|value| plain(value))
                .collect()
        });
        // OpenAPI 3.1 marks a file by what is in it, 3.0 by its format.
        let format =
            match map.contains_key("contentMediaType") || map.contains_key("contentEncoding") {
                true => Some("binary"),
                false => map.get("format").and_then(Value::as_str),
            };
        let format = format.filter(|_| kind == Kind::Text).map(str::to_owned);
        let mut limits = limits(map, name);
        if format.is_some() {
            // Some tools write out what the format says already.
            limits.remove("pattern");
        }
        shape.scalars.insert(
            kind,
            Scalar {
                place: node.place.clone(),
                values,
                format,
                limits,
            },
        );
    }
    shape.null |= values.is_some_and(|values| values.iter().any(|value| value.is_null()))
        && !map.contains_key("type");
    if shape.any {
        shape = Shape {
            unread: std::mem::take(&mut shape.unread),
            ..Shape::anything()
        };
        let limits = LIMITS.iter().filter(|key| map.contains_key(**key));
        shape
            .unread
            .extend(limits.map(|key| format!("{key} without a type")));
    }
    let known = |key: &str| key.starts_with("x-") || READ.contains(&key) || LIMITS.contains(&key);
    shape
        .unread
        .extend(map.keys().filter(|key| !known(key)).cloned());
    shape
}

fn object<'a>(node: &Node<'a>, map: &'a Map<String, Value>) -> Object<'a> {
    let at = |place: Place, value| vec![vec![Node { place, value }]];
    let properties = map.get("properties").and_then(Value::as_object);
    let fields = properties.into_iter().flatten().map(|(name, value)| {
        (
            name.as_str(),
            at(node.place.join("properties").join(name), value),
        )
    });
    let required = map.get("required").and_then(Value::as_array);
    let additional = ["additionalProperties", "unevaluatedProperties"]
        .into_iter()
        .find_map(|key| Some((key, map.get(key)?)));
    let patterns = map.get("patternProperties").and_then(Value::as_object);
    let patterns: Schema<'a> = patterns
        .into_iter()
        .flatten()
        .map(|(pattern, value)| {
            vec![Node {
                place: node.place.join("patternProperties").join(pattern),
                value,
            }]
        })
        .collect();
    Object {
        place: node.place.clone(),
        fields: fields.collect(),
        required: required
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect(),
        closed: additional.is_some_and(|(_, value)| *value == false) && patterns.is_empty(),
        others: match additional {
            Some((key, value)) if value.is_object() => Some(at(node.place.join(key), value)),
            _ => Some(patterns).filter(|patterns| !patterns.is_empty()),
        },
        tags: BTreeMap::new(),
    }
}

fn list_items<'a>(node: &Node<'a>, map: &'a Map<String, Value>) -> Schema<'a> {
    match map.get("items") {
        Some(value) => vec![vec![Node {
            place: node.place.join("items"),
            value,
        }]],
        None => vec![vec![]],
    }
}

/// Returns the bounds in one form: `exclusiveMinimum` is a number in 3.1 and a mark of `minimum` in 3.0.
fn limits(map: &Map<String, Value>, name: &str) -> BTreeMap<&'static str, String> {
    let mut limits = BTreeMap::new();
    for key in LIMITS {
        let about = match key {
            "minLength" | "maxLength" | "pattern" => "string",
            "minItems" | "maxItems" | "uniqueItems" => "array",
            "minProperties" | "maxProperties" => "object",
            _ => "a number",
        };
        if about == name || (about == "a number" && ["integer", "number"].contains(&name)) {
            limits.extend(map.get(key).map(|value| (key, value.clone())));
        }
    }
    for (bound, exclusive, step) in [
        ("minimum", "exclusiveMinimum", 1),
        ("maximum", "exclusiveMaximum", -1),
    ] {
        let open = match limits.get(exclusive) {
            Some(Value::Bool(true)) => limits.remove(bound),
            Some(Value::Number(number)) => Some(number.clone().into()),
            _ => None,
        };
        limits.remove(exclusive);
        match open {
            Some(open) if name == "integer" && open.is_i64() => {
                limits.insert(
                    bound,
                    (open.as_i64().unwrap_or_default().saturating_add(step)).into(),
                );
            }
            Some(open) => {
                limits.insert(exclusive, open);
            }
            None => {}
        }
    }
    // What a double holds exactly is no bound of the API: it is what one tool writes for any integer.
    let safe = 2_f64.powi(53) - 1.0;
    limits.retain(|_, value| {
        value.as_f64().is_none_or(|value| value.abs() < safe) && *value != false
    });
    limits
        .into_iter()
        .map(|(key, value)| (key, plain(&value)))
        .collect()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn plain(value: &Value) -> String {
    // 1.0 and 1 are the same number.
    let integer = value
        .as_f64()
        .filter(|number| number.fract() == 0.0 && number.abs() < 1e15);
    match (value, integer) {
        (Value::String(text), _) => text.clone(),
        (_, Some(integer)) => format!("{integer:.0}"),
        _ => value.to_string(),
    }
}

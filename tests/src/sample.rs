//! JSON that a schema of the specification permits, created from the schema.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use xtask::spec::{Document, reference, used_outside_unions};

/// Creates samples of schemas.
pub struct Samples<'a> {
    document: &'a Document,
    choose: Choose<'a>,
}

/// What a sample has of all that its schema allows.
enum Choose<'a> {
    /// Nothing optional.
    Least,
    /// Everything optional, the first of all alternatives.
    Most,
    /// Whatever bytes say; all zeros are the simplest.
    Any {
        bytes: &'a [u8],
        next: Cell<usize>,
        /// Also what a newer server may add, and null for what may be absent.
        newer: bool,
    },
}

impl Choose<'_> {
    /// One of so many alternatives, where it is for the bytes to say.
    fn among(&self, count: usize) -> Option<usize> {
        let Self::Any { bytes, next, .. } = self else {
            return None;
        };
        let byte = bytes.get(next.replace(next.get() + 1)).unwrap_or(&0);
        Some(usize::from(*byte) % count.max(1))
    }

    fn of<T: Clone>(&self, alternatives: &[T]) -> T {
        alternatives[self.among(alternatives.len()).unwrap_or(0)].clone()
    }

    fn takes_optional(&self) -> bool {
        match self.among(2) {
            Some(choice) => choice == 1,
            None => matches!(self, Self::Most),
        }
    }

    fn length(&self) -> usize {
        self.among(3)
            .unwrap_or(usize::from(matches!(self, Self::Most)))
    }

    /// Once in a while, where there may be something new.
    fn is_newer(&self) -> bool {
        matches!(self, Self::Any { newer: true, .. }) && self.among(6) == Some(5)
    }
}

/// A field of a schema, as far as a sample can do without it.
pub struct Field {
    /// Its name on the wire.
    pub name: String,
    /// It may be absent.
    pub optional: bool,
    /// It may be null.
    pub nullable: bool,
}

impl<'a> Samples<'a> {
    /// Samples with nothing optional.
    pub fn minimal(document: &'a Document) -> Self {
        Self {
            document,
            choose: Choose::Least,
        }
    }

    /// Samples with everything optional.
    pub fn full(document: &'a Document) -> Self {
        Self {
            document,
            choose: Choose::Most,
        }
    }

    /// Samples with whatever bytes choose; `newer`: also with fields, kinds and values that the
    /// specification doesn't know, and null for what may be absent.
    pub fn any(document: &'a Document, bytes: &'a [u8], newer: bool) -> Self {
        Self {
            document,
            choose: Choose::Any {
                bytes,
                next: Cell::new(0),
                newer,
            },
        }
    }

    /// The samples of a named schema's Rust type: one, or one for each kind where there are kinds.
    ///
    /// The variant of a union comes without its tag, which the union's type holds.
    pub fn of(&self, name: &str) -> Vec<Value> {
        let schema = self.schema(name);
        let mut samples = match self.union_within(schema) {
            Some(union) if !matches!(self.choose, Choose::Any { .. }) => self
                .kinds(union)
                .map(|kind| self.make(schema, Some(&kind)))
                .collect(),
            _ => vec![self.make(schema, None)],
        };
        for tag in self.tags_of(name) {
            samples
                .iter_mut()
                .filter_map(Value::as_object_mut)
                .for_each(|sample| {
                    sample.shift_remove(&tag);
                });
        }
        samples
    }

    /// The fields that the schema itself names, the tag of its union left out.
    pub fn fields(&self, name: &str) -> Vec<Field> {
        let schema = self.schema(name);
        let object = if schema["allOf"].is_array() {
            &schema["allOf"][0]
        } else {
            schema
        };
        let required = object["required"].as_array().cloned().unwrap_or_default();
        let tags = self.tags_of(name);
        let properties = object["properties"].as_object().into_iter().flatten();
        properties
            .filter(|(name, _)| !tags.contains(name))
            .map(|(name, property)| Field {
                name: name.clone(),
                optional: !required.contains(&json!(name)),
                nullable: property["nullable"] == true,
            })
            .collect()
    }

    fn schema(&self, name: &str) -> &'a Value {
        self.document
            .schema(name)
            .unwrap_or_else(|| panic!("no schema is called {name}"))
    }

    /// The schema that the text of a `$ref` or of a mapping points to.
    fn target(&self, target: &Value) -> &'a Value {
        self.schema(
            target
                .as_str()
                .and_then(|target| target.rsplit('/').next())
                .unwrap_or_default(),
        )
    }

    /// The union that a schema is, or that is flattened into it.
    fn union_within(&self, schema: &'a Value) -> Option<&'a Value> {
        if schema.get("discriminator").is_some() {
            return Some(schema);
        }
        match schema["allOf"].as_array()?.as_slice() {
            [_, union] => Some(self.schema(reference(union)?)),
            _ => None,
        }
    }

    fn kinds(&self, union: &'a Value) -> impl Iterator<Item = String> {
        union["discriminator"]["mapping"]
            .as_object()
            .into_iter()
            .flat_map(|map| map.keys().cloned())
    }

    /// The tags by which unions tell this variant; one that is flattened into it stays, and so does
    /// the tag of a variant that is also used outside its union, which it holds itself.
    fn tags_of(&self, name: &str) -> Vec<String> {
        if used_outside_unions(self.document).contains_key(name) {
            return Vec::new();
        }
        let unions = self.document.schemas().values().filter(|schema| {
            schema["oneOf"]
                .as_array()
                .into_iter()
                .flatten()
                .any(|one| reference(one) == Some(name))
        });
        unions
            .filter_map(|union| union["discriminator"]["propertyName"].as_str())
            .map(str::to_owned)
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    fn make(&self, schema: &'a Value, kind: Option<&str>) -> Value {
        if let Some(target) = schema.get("$ref") {
            return self.make(self.target(target), kind);
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let parts = parts.iter().map(|part| self.make(part, kind));
            return merge(parts);
        }
        if let Some(tag) = schema["discriminator"]["propertyName"].as_str() {
            let mapping = schema["discriminator"]["mapping"]
                .as_object()
                .into_iter()
                .flatten();
            let mapping: BTreeMap<&str, &Value> = mapping
                .map(|(value, target)| (value.as_str(), target))
                .collect();
            if self.choose.is_newer() {
                return json!({ tag: "added tomorrow", "deep": [{ "free": null }, 0.5] });
            }
            let kinds: Vec<String> = self.kinds(schema).collect();
            let other = self.choose.of(&kinds);
            // A kind that this union doesn't have is meant for one further out.
            let kind = kind
                .filter(|kind| mapping.contains_key(kind))
                .unwrap_or(&other);
            let mut sample = self.make(self.target(mapping[kind]), None);
            sample[tag] = kind.into();
            return sample;
        }
        if let Some(alternatives) = schema["oneOf"].as_array() {
            let one = self.choose.among(alternatives.len()).unwrap_or(0);
            return self.make(&alternatives[one], None);
        }
        if let Some(values) = schema["enum"].as_array() {
            // A single value is the tag of one kind of many.
            if values.len() > 1 && self.choose.is_newer() {
                return "added tomorrow".into();
            }
            return self.choose.of(values);
        }
        match (schema["type"].as_str(), schema["format"].as_str()) {
            (Some("string"), Some("uuid")) => {
                let others = [
                    "67e55044-10b1-426f-9247-bb680e5fe0c8",
                    "00000000-0000-0000-0000-000000000000",
                ];
                self.choose.of(&others).into()
            }
            (Some("string"), Some("date-time")) => {
                let others = [
                    "2026-01-02T03:04:05Z",
                    "2026-01-02T03:04:05.678Z",
                    "1969-12-31T23:59:59Z",
                ];
                self.choose.of(&others).into()
            }
            (Some("string"), _) => {
                let others = ["text", "", "\u{0}\"\\\n\u{1f600}", "null"];
                self.choose.of(&others).into()
            }
            (Some("integer"), _) => self.choose.of(&[3, 1, 0, u32::MAX]).into(),
            (Some("number"), _) => self.choose.of(&[1.5, -0.25, 1e300]).into(),
            (Some("boolean"), _) => self.choose.of(&[true, false]).into(),
            (Some("array"), _) => (0..self.choose.length())
                .map(|_| self.make(&schema["items"], None))
                .collect(),
            (Some("object"), _) => self.object(schema),
            _ => json!({ "anything": [1, null] }),
        }
    }

    fn object(&self, schema: &'a Value) -> Value {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut sample = Map::new();
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            let optional = !required.contains(&json!(name));
            if optional && self.choose.is_newer() {
                sample.insert(name.clone(), Value::Null);
            } else if !optional || self.choose.takes_optional() {
                sample.insert(name.clone(), self.make(property, None));
            }
        }
        // A map consists of fields that no specification names.
        if schema["additionalProperties"].is_null() && self.choose.is_newer() {
            let new = json!({ "kind": "new", "deep": [1, null] });
            sample.insert("addedTomorrow".into(), new);
        }
        if self.choose.takes_optional() {
            match &schema["additionalProperties"] {
                Value::Bool(true) => {
                    sample.insert("freeForm".into(), json!({ "deep": [null, 1.5, "text"] }));
                }
                inner @ Value::Object(_) => {
                    sample.insert("freeForm".into(), self.make(inner, None));
                }
                _ => {}
            }
        }
        sample.into()
    }
}

fn merge(parts: impl Iterator<Item = Value>) -> Value {
    let mut parts: Vec<Value> = parts.collect();
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let fields = parts.into_iter().flat_map(|part| match part {
        Value::Object(fields) => fields,
        other => panic!("only objects can be put together, not {other}"),
    });
    Value::Object(fields.collect())
}

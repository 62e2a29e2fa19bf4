//! Named schemas, and which form each has in Rust.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::spec::property::text;
use crate::spec::{
    Document, Kind, Operation, Place, Property, each_schema, naming, reachable, reference,
    used_outside_unions,
};

/// A named schema that has a Rust type.
#[derive(Clone, Debug)]
pub struct Schema {
    /// `Batch`.
    pub name: String,
    /// The generated file it goes to.
    pub module: String,
    /// What it is, as documentation.
    pub description: String,
    /// Its form.
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
    /// `x-identity`: by what the batches of each kind of data are recognised.
    pub identities: Vec<Identity>,
}

/// What distinguishes a variant from the others of its union.
#[derive(Clone, Debug)]
pub struct Tag {
    /// `kind`.
    pub name: String,
    /// Its field in Rust.
    pub field: String,
    /// `objectProperty`.
    pub value: String,
}

/// What a schema becomes.
#[derive(Clone, Debug)]
pub enum Shape {
    /// A struct. One of its fields can be a union whose fields are among the others on the wire.
    Object {
        fields: Vec<Property>,
        flattened: Option<String>,
    },
    /// A struct around one value.
    Newtype(Kind),
    /// The body of an error that has a reason of that schema, a message, and nothing else.
    ErrorBody { reason: String },
    /// An enum that preserves unknown values.
    OpenEnum {
        values: Vec<EnumValue>,
        /// Variants after which nothing changes.
        terminal: Vec<String>,
        /// Variants after which something may exist all the same.
        ambiguous: Vec<String>,
    },
    /// A union with a tag, which preserves unknown kinds.
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

/// By what the batches of a kind of data are recognised.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The variant of the kind.
    pub variant: String,
    /// The fields that are given back.
    pub fields: Vec<String>,
    /// The ids in them, as JSON pointers.
    pub ids: Vec<String>,
    /// `unique`.
    pub distinctness: String,
}

impl Schema {
    /// Returns the fields of an object; none of anything else.
    pub fn fields(&self) -> &[Property] {
        match &self.shape {
            Shape::Object { fields, .. } => fields,
            _ => &[],
        }
    }

    /// Returns the field of that name on the wire.
    pub fn field(&self, wire: &str) -> Option<&Property> {
        self.fields().iter().find(|field| field.wire == wire)
    }

    /// Reads all schemas that have a type: all but the variants that have nothing but their tag.
    pub fn all(document: &Document, operations: &[Operation]) -> Vec<Self> {
        let requests = operations.iter().filter_map(|it| it.request.clone());
        let sent = reachable(document, requests);
        let responses = operations.iter().flat_map(|it| [&it.response, &it.error]);
        let answered = reachable(document, responses.flatten().cloned());
        let floats = floats(document);
        let unions = Unions::read(document);
        let schemas = document.schemas().iter();
        let typed = schemas.filter(|(name, _)| !unions.tag_only.contains(*name));
        typed
            .map(|(name, schema)| Self {
                name: name.clone(),
                module: schema["x-module"].as_str().unwrap_or_default().to_owned(),
                description: text(&schema["description"]),
                shape: unions.shape(document, name, schema),
                sent: sent.contains(name),
                answered: answered.contains(name),
                float: floats.contains(name),
                own_tag: unions.own_tags.get(name).cloned(),
                flags: texts(&schema["x-flags"]),
                omissions: omissions(schema),
                identities: identities(document, name, schema),
            })
            .collect()
    }
}

/// What only all unions together say of a schema.
struct Unions {
    /// The tag of the union that a variant is of.
    tags: BTreeMap<String, String>,
    /// The variants that are also used outside their unions; the rules see to it that each has one tag.
    own_tags: BTreeMap<String, Tag>,
    /// The variants that have nothing but their tag need no type.
    tag_only: BTreeSet<String>,
}

impl Unions {
    fn read(document: &Document) -> Self {
        let outside = used_outside_unions(document);
        let mut unions = Self {
            tags: BTreeMap::new(),
            own_tags: BTreeMap::new(),
            tag_only: BTreeSet::new(),
        };
        for union in document.schemas().values() {
            let Some(tag) = union["discriminator"]["propertyName"].as_str() else {
                continue;
            };
            for (value, name) in mapping(union) {
                let schema = document.schema(name).unwrap_or(&Value::Null);
                unions.tags.insert(name.to_owned(), tag.to_owned());
                if fields(document, schema, Some(tag)).0.is_empty() {
                    unions.tag_only.insert(name.to_owned());
                }
                if outside.contains_key(name) {
                    let object = schema["allOf"].get(0).unwrap_or(schema);
                    let own = Tag {
                        name: tag.to_owned(),
                        field: naming::field(tag, &object["properties"][tag]),
                        value: value.to_owned(),
                    };
                    unions.own_tags.insert(name.to_owned(), own);
                }
            }
        }
        unions
    }

    fn shape(&self, document: &Document, name: &str, schema: &Value) -> Shape {
        if let Some(values) = schema["enum"].as_array() {
            return open_enum(schema, values);
        }
        if let Some(tag) = schema["discriminator"]["propertyName"].as_str() {
            let variants = mapping(schema);
            return Shape::TaggedUnion {
                tag: tag.to_owned(),
                variants: variants
                    .map(|(value, name)| self.variant(document, schema, tag, value, name))
                    .collect(),
            };
        }
        if schema["x-one-or-many"] == true {
            return Shape::OneOrMany;
        }
        if schema["format"] == "uuid" {
            return Shape::Id;
        }
        if schema["x-sensitive"] == true {
            return Shape::Sensitive;
        }
        let tag = self.tags.get(name).map(String::as_str);
        match fields(document, schema, tag) {
            (fields, _) if fields.is_empty() => Shape::Newtype(Kind::read(schema)),
            (fields, flattened) => match reason(name, &fields) {
                Some(reason) => Shape::ErrorBody { reason },
                None => Shape::Object { fields, flattened },
            },
        }
    }

    fn variant(
        &self,
        document: &Document,
        union: &Value,
        tag: &str,
        value: &str,
        name: &str,
    ) -> Variant {
        let schema = document.schema(name).unwrap_or(&Value::Null);
        // Where several values share a variant, each says what it means beside the tag.
        let own = &schema["properties"][tag]["x-enum-descriptions"][value];
        Variant {
            value: value.to_owned(),
            variant: naming::variant(union, value),
            description: text(if own.is_string() {
                own
            } else {
                &schema["description"]
            }),
            writes_tag: self.own_tags.contains_key(name),
            schema: (!self.tag_only.contains(name)).then(|| name.to_owned()),
        }
    }
}

/// The kinds of a union, each with the name of its schema.
fn mapping(union: &Value) -> impl Iterator<Item = (&str, &str)> {
    let mapping = union["discriminator"]["mapping"].as_object();
    mapping.into_iter().flatten().map(|(value, target)| {
        let target = target.as_str().unwrap_or_default();
        (
            value.as_str(),
            target.rsplit('/').next().unwrap_or_default(),
        )
    })
}

/// The fields of an object, without the tag that its union writes; and the one that is a union, as
/// `allOf: [object, union]` says it: that has the name of the union's own tag.
fn fields(
    document: &Document,
    schema: &Value,
    tag: Option<&str>,
) -> (Vec<Property>, Option<String>) {
    let union = match schema["allOf"].as_array().map(Vec::as_slice) {
        Some([_, union]) => reference(union),
        _ => None,
    };
    let flattened = union.and_then(|name| {
        let tag = document.schema(name)?["discriminator"]["propertyName"].as_str()?;
        let field = Property {
            required: true,
            description:
                "The kind, with the fields that belong to it. On the wire they are in the same object as the other fields."
                    .to_owned(),
            kind: Kind::Schema(name.to_owned()),
            ..Property::field(tag, &Value::Null, true)
        };
        Some(field)
    });
    let object = match flattened {
        Some(_) => &schema["allOf"][0],
        None => schema,
    };
    let required = object["required"].as_array().into_iter().flatten();
    let required: Vec<&str> = required.filter_map(Value::as_str).collect();
    let properties = object["properties"].as_object().into_iter().flatten();
    let is_tag = |name: &str, field: &Value| tag == Some(name) && field.get("enum").is_some();
    let mut fields: Vec<Property> = properties
        .filter(|(name, field)| {
            !is_tag(name, field) && flattened.as_ref().is_none_or(|it| it.wire != **name)
        })
        .map(|(name, field)| Property::field(name, field, required.contains(&name.as_str())))
        .collect();
    let name = flattened.as_ref().map(|field| field.wire.clone());
    fields.extend(flattened);
    (fields, name)
}

/// The reason of a schema that has that and a message, both of which can be missing.
fn reason(name: &str, fields: &[Property]) -> Option<String> {
    let [reason, message] = fields else {
        return None;
    };
    let own = format!("{name}Reason");
    let is_alike = (reason.wire.as_str(), message.wire.as_str()) == ("reason", "errorMessage")
        && reason.kind == Kind::Schema(own.clone())
        && message.kind == Kind::Text
        && fields
            .iter()
            .all(|field| !field.required && !field.deprecated);
    is_alike.then_some(own)
}

fn open_enum(schema: &Value, values: &[Value]) -> Shape {
    let variants = |key: &str| {
        let values = schema[key].as_array().into_iter().flatten();
        let values = values.filter_map(Value::as_str);
        values.map(|value| naming::variant(schema, value)).collect()
    };
    let values = values.iter().filter_map(Value::as_str);
    Shape::OpenEnum {
        values: values
            .map(|value| EnumValue {
                value: value.to_owned(),
                variant: naming::variant(schema, value),
                description: text(&schema["x-enum-descriptions"][value]),
                advice: schema["x-advice"][value]
                    .as_str()
                    .map(|advice| advice.trim().to_owned()),
            })
            .collect(),
        terminal: variants("x-terminal"),
        ambiguous: variants("x-ambiguous"),
    }
}

/// Names, each with what it means.
fn texts(node: &Value) -> BTreeMap<String, String> {
    let names = node.as_object().into_iter().flatten();
    names
        .map(|(name, meaning)| (name.clone(), text(meaning)))
        .collect()
}

fn omissions(schema: &Value) -> BTreeMap<String, (String, String)> {
    let fields = schema["properties"].as_object().into_iter().flatten();
    let omissions = fields.filter_map(|(field, schema)| {
        let omission = texts(&schema["x-omission"]).into_iter().next()?;
        Some((field.clone(), omission))
    });
    omissions.collect()
}

fn identities(document: &Document, name: &str, schema: &Value) -> Vec<Identity> {
    let kinds = schema["x-identity"].as_object().into_iter().flatten();
    let known = document.schema(&format!("{name}Kind"));
    let identity = |(kind, identity): (&String, &Value)| {
        let list = |key: &str| -> Vec<&str> {
            let list = identity[key].as_array().into_iter().flatten();
            list.filter_map(Value::as_str).collect()
        };
        Some(Identity {
            variant: naming::variant(known?, kind),
            fields: list("fields").into_iter().map(str::to_owned).collect(),
            ids: list("ids")
                .into_iter()
                .map(|path| format!("/{}", path.replace('.', "/")))
                .collect(),
            distinctness: identity["distinctness"].as_str()?.to_owned(),
        })
    };
    kinds.filter_map(identity).collect()
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
    let names = names.filter(|name| reachable(document, [(*name).clone()]).iter().any(own));
    names.cloned().collect()
}

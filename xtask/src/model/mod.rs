//! The specification as types: all that is generated comes of these.

mod schema;

use std::collections::BTreeMap;

use serde_json::Value;

pub use schema::{EnumValue, Identity, Schema, Shape, Tag, Variant};

use crate::spec::property::text;
use crate::spec::{Document, Kind, Operation, Problem};

/// The API.
#[derive(Clone, Debug)]
pub struct Api {
    /// Where it is.
    pub server: Server,
    /// All operations, in the order they are written.
    pub operations: Vec<Operation>,
    /// The schemas that have a type in Rust, in the order they are written.
    pub schemas: Vec<Schema>,
    /// What each generated file is about.
    pub modules: BTreeMap<String, String>,
    /// What each tag is about.
    pub tags: BTreeMap<String, String>,
}

/// The server of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its URL, without a slash at its end.
    pub url: String,
    /// Its description.
    pub description: String,
}

/// An operation that creates something which data of its own tells apart.
#[derive(Clone, Debug)]
pub struct Creation<'a> {
    /// The operation.
    pub operation: &'a Operation,
    /// The schema of what is created.
    pub created: &'a Schema,
    /// The fields of the response that lead there, by their names in Rust.
    pub fields: Vec<&'a str>,
}

impl Creation<'_> {
    /// Returns the schema of the request's body.
    pub fn request(&self) -> Option<&str> {
        self.operation.request.as_deref()
    }
}

impl Api {
    /// Reads a specification that the rules have nothing against.
    ///
    /// # Errors
    /// What an operation lacks.
    pub fn read(document: &Document) -> Result<Self, Vec<Problem>> {
        let operations = Operation::all(document)?;
        let modules = document.root()["x-modules"].as_object();
        let tags = document.root()["tags"].as_array();
        Ok(Self {
            server: Server::read(&document.root()["servers"][0]),
            schemas: Schema::all(document, &operations),
            operations,
            modules: modules
                .into_iter()
                .flatten()
                .map(|(name, about)| (name.clone(), text(about)))
                .collect(),
            tags: tags
                .into_iter()
                .flatten()
                .map(|tag| (text(&tag["name"]), text(&tag["description"])))
                .collect(),
        })
    }

    /// Returns the schema of that name.
    pub fn schema(&self, name: &str) -> Option<&Schema> {
        self.schemas.iter().find(|schema| schema.name == name)
    }

    /// Returns the operations that create what is recognised by `x-identity`.
    pub fn creations(&self) -> Vec<Creation<'_>> {
        let operations = self.operations.iter();
        operations.filter_map(|it| self.creation(it)).collect()
    }

    fn creation<'a>(&'a self, operation: &'a Operation) -> Option<Creation<'a>> {
        let (_, path) = operation.creates.as_deref()?.split_last()?;
        let mut created = self.schema(operation.response.as_ref()?)?;
        let mut fields = Vec::new();
        for wire in path {
            let field = created.field(wire)?;
            let Kind::Schema(name) = &field.kind else {
                return None;
            };
            fields.push(field.rust.as_str());
            created = self.schema(name)?;
        }
        let identified = |kind: &Kind| match kind {
            Kind::Schema(name) => self
                .schema(name)
                .is_some_and(|schema| !schema.identities.is_empty()),
            _ => false,
        };
        let is_recognised = created.fields().iter().any(|field| identified(&field.kind));
        is_recognised.then_some(Creation {
            operation,
            created,
            fields,
        })
    }

    /// Returns the reasons for which an operation is refused, where there is a list of them.
    pub fn reasons(&self, operation: &Operation) -> Option<&Schema> {
        self.schema(&format!("{}Reason", operation.error.as_ref()?))
    }
}

impl Server {
    fn read(server: &Value) -> Self {
        Self {
            url: server["url"].as_str().unwrap_or_default().to_owned(),
            description: match text(&server["description"]) {
                none if none.is_empty() => "The API.".to_owned(),
                description => description,
            },
        }
    }
}

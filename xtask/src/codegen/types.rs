//! The types crate: a type for each schema.

use std::collections::{BTreeMap, BTreeSet};

use quote::quote;

use super::Chunk;
use super::emitted::{constructor_name, id, one_or_many, open_enum, sensitive, tagged_union};
use super::progenitor::{Answers, Type};
use super::rust::{docs, ident, print};
use super::structs::{Constructors, Struct, equality};
use crate::model::{Api, Schema, Shape};

/// The Rust of every schema, in the order of the specification.
pub fn generate(api: &Api, answers: &Answers) -> Vec<Chunk> {
    let structs: BTreeMap<&str, Struct> = api
        .schemas
        .iter()
        .filter_map(|schema| {
            let name = schema.name.as_str();
            Some((name, Struct::new(schema, answers.schema(name))?))
        })
        .collect();
    let unions: BTreeMap<String, Constructors> = api
        .schemas
        .iter()
        .filter_map(|schema| Some((schema.name.clone(), constructors(schema, &structs)?)))
        .collect();
    let kept = kept(api, &structs);
    let text = |schema: &Schema| match &schema.shape {
        Shape::OpenEnum {
            values, terminal, ..
        } => open_enum(schema, values, terminal),
        Shape::TaggedUnion { tag, variants } => {
            tagged_union(schema, tag, variants, &unions[&schema.name])
        }
        Shape::OneOrMany => one_or_many(schema),
        Shape::Id => id(schema),
        Shape::Sensitive => sensitive(schema),
        Shape::Object { .. } => {
            let name = schema.name.as_str();
            print(structs[name].write(&unions, kept.contains(name)))
        }
        Shape::ErrorBody { reason } => error_body(schema, reason),
        Shape::Newtype(_) => newtype(schema, answers.schema(&schema.name)),
    };
    let chunks = api.schemas.iter().map(|schema| Chunk {
        module: schema.module.clone(),
        name: schema.name.clone(),
        text: text(schema),
    });
    chunks.collect()
}

/// The schemas of which there is something within a union.
fn kept<'a>(api: &'a Api, structs: &BTreeMap<&str, Struct>) -> BTreeSet<&'a str> {
    let mut kept = BTreeSet::new();
    let mut next: Vec<&str> = api.schemas.iter().flat_map(variants).collect();
    while let Some(name) = next.pop() {
        if !kept.insert(name) {
            continue;
        }
        let Some(outer) = structs.get(name) else {
            continue;
        };
        let inner = api.schemas.iter().map(|schema| schema.name.as_str());
        next.extend(inner.filter(|inner| outer.holds(inner)));
    }
    kept
}

/// The forms of a union.
fn variants(schema: &Schema) -> impl Iterator<Item = &str> {
    let variants = match &schema.shape {
        Shape::TaggedUnion { variants, .. } => variants.as_slice(),
        _ => &[],
    };
    variants
        .iter()
        .filter_map(|variant| variant.schema.as_deref())
}

fn constructors(schema: &Schema, structs: &BTreeMap<&str, Struct>) -> Option<Constructors> {
    let Shape::TaggedUnion { variants, .. } = &schema.shape else {
        return None;
    };
    let each = variants.iter().map(|variant| {
        let fields = variant.schema.as_deref().and_then(|name| structs.get(name));
        (
            constructor_name(variant),
            fields.map(Struct::arguments).unwrap_or_default(),
        )
    });
    Some(each.collect())
}

/// Another name for what the bodies of most errors are.
fn error_body(schema: &Schema, reason: &str) -> String {
    let (name, reason, text) = (
        ident(&schema.name),
        ident(reason),
        docs(&schema.description),
    );
    print(quote!(#text pub type #name = crate::ErrorBody<#reason>;))
}

/// A struct around one value, a map as a rule.
fn newtype(schema: &Schema, types: &[Type]) -> String {
    let (name, equality) = (ident(&schema.name), equality(schema));
    let (text, kind) = (docs(&schema.description), types.first());
    print(quote! {
        #text
        #[derive(Clone, Debug, Default, #equality serde::Serialize, serde::Deserialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[serde(transparent)]
        pub struct #name(pub #kind);
        impl std::ops::Deref for #name {
            type Target = #kind;
            fn deref(&self) -> &#kind {
                &self.0
            }
        }
        impl From<#name> for #kind {
            fn from(value: #name) -> Self {
                value.0
            }
        }
        impl From<#kind> for #name {
            fn from(value: #kind) -> Self {
                Self(value)
            }
        }
    })
}

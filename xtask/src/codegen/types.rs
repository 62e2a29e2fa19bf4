//! The types crate: typify's items where they serve, our own where they don't.

use std::collections::{BTreeMap, BTreeSet};

use progenitor_impl::{GenerationSettings, Generator};
use quote::ToTokens;
use syn::visit_mut::VisitMut;

use super::Chunk;
use super::emitted::{constructor_name, id, one_or_many, open_enum, sensitive, tagged_union};
use super::lower::{Lowered, Schema, Shape};
use super::rust::{ShortPaths, docs, print};
use super::structs::{Constructors, Struct, equality};

/// The Rust of every schema, in the order of the specification.
pub fn generate(lowered: &Lowered) -> Result<Vec<Chunk>, String> {
    let items = typify(lowered)?;
    let mut structs = BTreeMap::new();
    for schema in &lowered.schemas {
        if let Some(item) = items.structs.get(&schema.name)
            && let Some(read) = Struct::read(schema, item)
        {
            structs.insert(schema.name.clone(), read);
        }
    }
    let unions: BTreeMap<String, Constructors> = lowered
        .schemas
        .iter()
        .filter_map(|schema| Some((schema.name.clone(), constructors(schema, &structs)?)))
        .collect();
    let kept = kept(lowered, &structs);
    let chunks = lowered.schemas.iter().map(|schema| {
        let text = match &schema.shape {
            Shape::OpenEnum {
                values, terminal, ..
            } => open_enum(schema, values, terminal),
            Shape::TaggedUnion { tag, variants } => {
                tagged_union(schema, tag, variants, &unions[&schema.name])
            }
            Shape::OneOrMany => one_or_many(schema),
            Shape::Id => id(schema),
            Shape::Sensitive => sensitive(schema),
            Shape::Typify { .. } => match structs.get(&schema.name) {
                Some(fields) => print(fields.write(&unions, kept.contains(schema.name.as_str()))),
                None => items.newtype(schema)?,
            },
        };
        Ok(Chunk {
            module: schema.module.clone(),
            name: schema.name.clone(),
            text,
        })
    });
    chunks.collect()
}

/// The schemas of which there is something within a union.
fn kept<'a>(lowered: &'a Lowered, structs: &BTreeMap<String, Struct>) -> BTreeSet<&'a str> {
    let mut kept = BTreeSet::new();
    let mut next: Vec<&str> = lowered.schemas.iter().flat_map(variants).collect();
    while let Some(name) = next.pop() {
        if !kept.insert(name) {
            continue;
        }
        let Some(outer) = structs.get(name) else {
            continue;
        };
        let inner = lowered.schemas.iter().map(|schema| schema.name.as_str());
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

fn constructors(schema: &Schema, structs: &BTreeMap<String, Struct>) -> Option<Constructors> {
    let Shape::TaggedUnion { variants, .. } = &schema.shape else {
        return None;
    };
    let each = variants.iter().map(|variant| {
        let fields = variant.schema.as_ref().and_then(|name| structs.get(name));
        (
            constructor_name(variant),
            variant.value.clone(),
            fields.map(Struct::arguments).unwrap_or_default(),
        )
    });
    Some(each.collect())
}

/// What typify made of the schemas that are left to it.
struct Items {
    structs: BTreeMap<String, syn::ItemStruct>,
    impls: Vec<syn::ItemImpl>,
}

fn typify(lowered: &Lowered) -> Result<Items, String> {
    let mut settings = GenerationSettings::new();
    settings.with_map_type("::std::collections::BTreeMap");
    for schema in lowered
        .schemas
        .iter()
        .filter(|schema| !matches!(schema.shape, Shape::Typify { .. }))
    {
        settings.with_replacement(
            &schema.name,
            format!("::cargo_batch_types::{}", schema.name),
            std::iter::empty(),
        );
    }
    let mut generator = Generator::new(&settings);
    generator
        .generate_tokens(&lowered.spec)
        .map_err(|error| format!("progenitor: {error}"))?;
    let file: syn::File = syn::parse2(generator.get_type_space().to_stream())
        .map_err(|error| format!("progenitor wrote something that is not Rust: {error}"))?;
    let mut items = Items {
        structs: BTreeMap::new(),
        impls: Vec::new(),
    };
    for item in file.items {
        match item {
            syn::Item::Struct(item) => {
                items.structs.insert(item.ident.to_string(), item);
            }
            syn::Item::Impl(item) => items.impls.push(item),
            // Its conversion error belongs to builders and patterns, which are not generated.
            syn::Item::Mod(item) if item.ident == "error" => {}
            syn::Item::Enum(item) => {
                return Err(format!(
                    "typify wrote the closed enum `{}`: name it under components.schemas",
                    item.ident
                ));
            }
            other => {
                return Err(format!(
                    "typify wrote an item this generator doesn't know: {}",
                    other.to_token_stream()
                ));
            }
        }
    }
    let known: Vec<&String> = lowered.schemas.iter().map(|schema| &schema.name).collect();
    if let Some(extra) = items.structs.keys().find(|name| !known.contains(name)) {
        return Err(format!(
            "typify named an inline type `{extra}`: give it a name under components.schemas"
        ));
    }
    Ok(items)
}

impl Items {
    /// A struct around one value (a map), with the conversions typify gives it.
    fn newtype(&self, schema: &Schema) -> Result<String, String> {
        let missing = || format!("typify wrote no type for `{}`", schema.name);
        let mut item = self
            .structs
            .get(&schema.name)
            .cloned()
            .ok_or_else(missing)?;
        let equality = equality(schema);
        let text = docs(&schema.description);
        item.attrs.clear();
        let impls = self.impls.iter().filter(|item| {
            let own = item.self_ty.to_token_stream().to_string() == schema.name;
            own || mentions(item, &schema.name)
        });
        let mut file: syn::File = syn::parse_quote! {
            #text
            #[derive(Clone, Debug, Default, #equality serde::Serialize, serde::Deserialize)]
            #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
            #[serde(transparent)]
            #item
            #(#impls)*
        };
        ShortPaths { types: None }.visit_file_mut(&mut file);
        Ok(print(file.into_token_stream()))
    }
}

/// `impl From<Name> for Other` belongs to `Name` too.
fn mentions(item: &syn::ItemImpl, name: &str) -> bool {
    let Some((path, _)) = item.trait_.as_ref() else {
        return false;
    };
    path.segments
        .last()
        .is_some_and(|part| match &part.arguments {
            syn::PathArguments::AngleBracketed(arguments) => {
                arguments.to_token_stream().to_string() == format!("< {name} >")
            }
            _ => false,
        })
}

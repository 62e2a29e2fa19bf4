//! The types that typify must not write: open enums, tagged unions, one-or-many, sensitive strings.

use proc_macro2::Ident;
use quote::{format_ident, quote};

use super::field::taken;
use super::links::link;
use super::rust::{docs, ident, print, snake};
use super::structs::{Constructors, equality};
use crate::model::{EnumValue, Schema, Variant};

/// An enum that preserves unknown values; the macro of the types crate writes its impls.
pub fn open_enum(schema: &Schema, values: &[EnumValue], terminal: &[String]) -> String {
    let name = &schema.name;
    let mut text = String::from("crate::open_enum! {\n");
    let mut line = |indent: &str, line: &str| text.push_str(&format!("{indent}{line}\n"));
    for doc in schema.description.lines() {
        line("    ", format!("/// {doc}").trim_end());
    }
    line("    ", &format!("pub enum {name} {{"));
    for EnumValue {
        value,
        variant,
        description,
        ..
    } in values
    {
        for doc in description.lines() {
            line("        ", format!("/// {doc}").trim_end());
        }
        line("        ", &format!("{} = {value:?},", ident(variant)));
    }
    line("    ", "}");
    text.push_str("}\n");

    let name = ident(name);
    if !terminal.is_empty() {
        let ends = terminal.iter().map(|variant| ident(variant));
        text.push_str(&print(quote! {
            impl #name {
                /// Returns whether the status is terminal: nothing changes after it. `false` for an unknown status.
                pub fn is_terminal(&self) -> bool {
                    matches!(self, #(Self::#ends)|*)
                }
            }
        }));
    }
    let advised: Vec<_> = values
        .iter()
        .filter_map(|value| Some((value, value.advice.as_ref()?)))
        .collect();
    if !advised.is_empty() {
        let arms = advised.iter().map(|(value, advice)| {
            let variant = ident(&value.variant);
            quote!(Self::#variant => #advice,)
        });
        text.push_str(&print(quote! {
            impl #name {
                /// Returns what to do about the reason, as one sentence; `None` for a reason that is newer than this
                /// crate.
                pub fn advice(&self) -> Option<&'static str> {
                    Some(match self {
                        #(#arms)*
                        Self::Unknown(_) => return None,
                    })
                }
            }
        }));
    }
    text
}

/// A union with a tag, which preserves unknown kinds.
pub fn tagged_union(
    schema: &Schema,
    tag: &str,
    variants: &[Variant],
    constructors: &Constructors,
) -> String {
    let name = ident(&schema.name);
    let text = docs(&schema.description);
    let equality = equality(schema);
    // serde wants those last whose tag it doesn't write.
    let (own, tagged): (Vec<_>, Vec<_>) = variants.iter().partition(|variant| variant.writes_tag);
    let cases = tagged.into_iter().chain(own).map(|variant| {
        let (text, value, case) = (
            docs(&variant.description),
            &variant.value,
            ident(&variant.variant),
        );
        let fields = variant
            .schema
            .as_deref()
            .map(ident)
            .map(|fields| quote!((#fields)));
        let serde = match variant.writes_tag {
            true => quote!(#[serde(untagged)]),
            false => quote!(#[serde(rename = #value)]),
        };
        quote!(#text #serde #case #fields,)
    });
    let unknown = docs(if schema.answered {
        "A kind that is newer than this crate, or a known kind with unexpected fields. It is preserved as \
         received and serialized unchanged."
    } else {
        "A kind that is newer than this crate. It is sent unchanged."
    });
    let constructors = schema.sent.then(|| {
        let each = variants
            .iter()
            .zip(constructors)
            .map(|(variant, (function, arguments))| {
                let case = ident(&variant.variant);
                let text = docs(&format!(
                    "Creates the variant {}. {}",
                    link(&case.to_string(), &format!("Self::{case}")),
                    variant.description,
                ));
                let parameters = taken(arguments);
                let value = variant.schema.as_deref().map(ident).map(|fields| {
                    let names = arguments.iter().map(|argument| &argument.name);
                    quote!((#fields::new(#(#names),*)))
                });
                quote!(#text pub fn #function(#parameters) -> Self { Self::#case #value })
            });
        quote!(impl #name { #(#each)* })
    });
    let mut written = print(quote! {
        #text
        #[derive(Clone, Debug, #equality serde::Serialize)]
        #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
        #[serde(tag = #tag)]
        #[non_exhaustive]
        pub enum #name {
            #(#cases)*
            #unknown
            #[serde(untagged)]
            Unknown(crate::RawObject),
        }
        #constructors
    });
    written.push_str(&reading(schema, tag, variants));
    written
}

/// The call of the macro that reads a union and names its tag.
fn reading(schema: &Schema, tag: &str, variants: &[Variant]) -> String {
    let policy = if schema.answered { "keep" } else { "refuse" };
    let mut text = format!(
        "crate::tagged_union! {{\n    {} by {tag:?}, {policy} what does not fit {{\n",
        schema.name
    );
    for variant in variants {
        let (value, case) = (&variant.value, ident(&variant.variant));
        let fields = variant
            .schema
            .as_ref()
            .map(|fields| format!("({fields})"))
            .unwrap_or_default();
        text.push_str(&format!("        {value:?} => {case}{fields},\n"));
    }
    text.push_str("    }\n}\n");
    for variant in unique(variants) {
        let (fields, case) = (
            variant.schema.as_deref().map(ident),
            ident(&variant.variant),
        );
        let name = ident(&schema.name);
        text.push_str(&print(quote! {
            impl From<#fields> for #name {
                fn from(value: #fields) -> Self { Self::#case(value) }
            }
        }));
    }
    text
}

/// The variants whose fields no other variant has: only those follow from their fields.
fn unique(variants: &[Variant]) -> impl Iterator<Item = &Variant> {
    variants.iter().filter(|variant| {
        let others = variants
            .iter()
            .filter(|other| other.schema == variant.schema);
        variant.schema.is_some() && others.count() == 1
    })
}

/// Returns the name of the function that creates a variant.
pub fn constructor_name(variant: &Variant) -> Ident {
    snake(&variant.variant)
}

/// One string or several.
pub fn one_or_many(schema: &Schema) -> String {
    macro_call("one_or_many", schema)
}

/// The id of a kind of thing.
pub fn id(schema: &Schema) -> String {
    macro_call("id", schema)
}

/// A string that is never shown.
pub fn sensitive(schema: &Schema) -> String {
    macro_call("sensitive", schema)
}

fn macro_call(name: &str, schema: &Schema) -> String {
    let docs: String = schema
        .description
        .lines()
        .map(|line| format!("    {}\n", format!("/// {line}").trim_end()))
        .collect();
    let (name, kind) = (format_ident!("{name}"), &schema.name);
    format!("crate::{name}! {{\n{docs}    pub struct {kind};\n}}\n")
}

//! The reasons of error responses, typed by operation.

use proc_macro2::Ident;
use quote::quote;

use super::Chunk;
use super::rust::{camel, docs, ident, print, shouting};
use crate::model::{Api, Shape};

/// The reasons of all operations in one enum, typed by operation.
pub fn generate(api: &Api) -> Chunk {
    let typed = api.operations.iter().filter_map(|operation| {
        let schema = api.reasons(operation)?;
        let Shape::OpenEnum { ambiguous, .. } = &schema.shape else {
            return None;
        };
        let (case, id) = (camel(&operation.id), shouting(&operation.id));
        Some((case, id, ident(&schema.name), ambiguous))
    });
    let typed: Vec<_> = typed.collect();
    let cases = typed.iter().map(|(case, _, reason, _)| {
        let text = docs(&format!(
            "A reason of [`Client::{method}`](crate::Client::{method}).",
            method = heck::ToSnakeCase::to_snake_case(case.to_string().as_str())
        ));
        quote!(#text #case(types::#reason),)
    });
    let reads = typed.iter().map(|(case, id, ..)| {
        quote!(if operation.id == operations::#id.id { return Self::#case(text.into()); })
    });
    let texts = typed
        .iter()
        .map(|(case, ..)| quote!(Self::#case(reason) => reason.as_str(),));
    let operations = typed
        .iter()
        .map(|(case, id, ..)| quote!(Self::#case(_) => Some(&operations::#id),));
    // Where several operations share an enum, it converts to the variant of the one that it is named after, or of the
    // first: one more operation must not take the conversion away, nor change what it gives.
    let owner = |reason: &Ident| {
        let sharing = || typed.iter().filter(|(.., other, _)| other == reason);
        let named = |case: &Ident| reason.to_string().starts_with(&case.to_string());
        let longest = sharing().filter(|(case, ..)| named(case));
        let longest = longest.max_by_key(|(case, ..)| case.to_string().len());
        longest.or_else(|| sharing().next()).map(|(case, ..)| case)
    };
    let own = typed.iter();
    let own = own.filter(|(case, _, reason, _)| owner(reason) == Some(case));
    let conversions = own.map(|(case, _, reason, _)| {
        let is_shared = typed.iter().filter(|(.., other, _)| other == reason).count() > 1;
        let text = is_shared.then(|| {
            docs(&format!(
                "Several operations have these reasons: it becomes that of [`{case}`](Self::{case})."
            ))
        });
        quote! {
            impl From<types::#reason> for Reason {
                #text
                fn from(reason: types::#reason) -> Self {
                    Self::#case(reason)
                }
            }
        }
    });
    let advice = typed
        .iter()
        .map(|(case, ..)| quote!(Self::#case(reason) => reason.advice(),));
    let unknown = typed
        .iter()
        .map(|(case, _, reason, _)| quote!(Self::#case(types::#reason::Unknown(_))));
    let ambiguous: Vec<_> = typed
        .iter()
        .flat_map(|(case, _, reason, values)| {
            values.iter().map(move |value| {
                let value = ident(value);
                quote!(Self::#case(types::#reason::#value))
            })
        })
        .collect();
    let is_ambiguous = match ambiguous.is_empty() {
        true => quote!(false),
        false => quote!(matches!(self, #(#ambiguous)|*)),
    };
    let text = print(quote! {
        /// The reason of an error response, typed by operation.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            #(#cases)*
            /// A reason of an operation that documents none.
            Other(String),
        }
        impl Reason {
            /// Reads the `reason` of an error response.
            pub(crate) fn read(operation: &Operation, text: &str) -> Self {
                #(#reads)*
                Self::Other(text.to_owned())
            }
            /// Returns the reason as the server spells it.
            pub fn as_str(&self) -> &str {
                match self {
                    #(#texts)*
                    Self::Other(text) => text,
                }
            }
            /// Returns the operation that failed; `None` if it documents no reasons.
            pub fn operation(&self) -> Option<&'static Operation> {
                match self {
                    #(#operations)*
                    Self::Other(_) => None,
                }
            }
            /// Returns what to do about the reason, as one sentence; `None` if the specification does not say.
            pub fn advice(&self) -> Option<&'static str> {
                match self {
                    #(#advice)*
                    Self::Other(_) => None,
                }
            }
            /// Returns whether the specification lists the reason for the operation.
            pub fn is_known(&self) -> bool {
                !matches!(self, #(#unknown |)* Self::Other(_))
            }
            /// Returns whether a batch or a run may have been created, although the server returned an error.
            pub fn is_ambiguous(&self) -> bool {
                #is_ambiguous
            }
        }
        #(#conversions)*
    });
    Chunk {
        module: "reasons".into(),
        name: "Reason".into(),
        text,
    }
}

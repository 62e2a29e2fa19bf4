//! The operation table: what the specification says of behaviour, as plain data.

use quote::quote;

use super::Chunk;
use super::lower::{Lowered, Shape};
use super::prose;
use super::rust::{camel, docs, ident, print, shouting};
use crate::spec::{Document, Operation, Pagination, Waiter, naming};

/// One constant for each operation, and the list of all.
pub fn table(lowered: &Lowered) -> Chunk {
    let rows = lowered.operations.iter().map(row);
    let names = lowered
        .operations
        .iter()
        .map(|operation| shouting(&operation.id));
    let text = print(quote! {
        #(#rows)*
        /// Every operation, in the order of the specification.
        pub const ALL: &[&Operation] = &[#(&#names),*];
    });
    Chunk {
        module: "operations".into(),
        name: "operation table".into(),
        text,
    }
}

fn row(operation: &Operation) -> proc_macro2::TokenStream {
    let Operation {
        id,
        method,
        path,
        idempotent,
        ..
    } = operation;
    let (name, method) = (shouting(id), ident(method));
    let text = docs(&prose::escaped(&operation.summary));
    let creates = option(operation.creates.as_ref().map(|path| quote!(&[#(#path),*])));
    let waiter = option(operation.waiter.as_ref().map(|waiter| {
        let Waiter {
            interval,
            status,
            finished_at,
            success,
            failure,
            ..
        } = waiter;
        let slow = option(waiter.slow_interval.map(|slow| {
            let (after, from) = (
                waiter.slow_after.unwrap_or(0),
                waiter.slow_from.unwrap_or(0),
            );
            quote!(Slow {
                interval: Duration::from_secs(#slow),
                after: Duration::from_secs(#after),
                from_runs: #from,
            })
        }));
        quote!(Waiter {
            interval: Duration::from_secs(#interval),
            slow: #slow,
            status: #status,
            finished_at: #finished_at,
            success: &[#(#success),*],
            failure: &[#(#failure),*],
        })
    }));
    let pagination = option(operation.pagination.as_ref().map(|pagination| {
        let Pagination {
            limit,
            offset,
            items,
            page_size,
            ..
        } = pagination;
        let total = option(pagination.total.as_ref().map(|total| quote!(#total)));
        quote!(Pagination {
            limit: #limit,
            offset: #offset,
            items: #items,
            total: #total,
            page_size: #page_size,
        })
    }));
    quote! {
        #text
        pub const #name: Operation = Operation {
            id: #id,
            method: Method::#method,
            path: #path,
            idempotent: #idempotent,
            creates: #creates,
            waiter: #waiter,
            pagination: #pagination,
        };
    }
}

fn option(value: Option<proc_macro2::TokenStream>) -> proc_macro2::TokenStream {
    match value {
        Some(value) => quote!(Some(#value)),
        None => quote!(None),
    }
}

/// The reasons of all operations in one enum, typed by operation.
pub fn reasons(lowered: &Lowered) -> Chunk {
    let typed: Vec<_> = lowered
        .operations
        .iter()
        .filter_map(|operation| {
            let reason = format!("{}Reason", operation.error.as_ref()?);
            let schema = lowered
                .schemas
                .iter()
                .find(|schema| schema.name == reason)?;
            let Shape::OpenEnum { ambiguous, .. } = &schema.shape else {
                return None;
            };
            Some((
                camel(&operation.id),
                shouting(&operation.id),
                ident(&schema.name),
                ambiguous,
            ))
        })
        .collect();
    let cases = typed.iter().map(|(case, _, reason, _)| {
        let text = docs(&format!(
            "Of [`Client::{}`](crate::Client).",
            heck::ToSnakeCase::to_snake_case(case.to_string().as_str())
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
    // Reasons that several operations share don't say which of them failed.
    let is_own = |reason| {
        typed
            .iter()
            .filter(|(.., other, _)| other == reason)
            .count()
            == 1
    };
    let own = typed.iter().filter(|(.., reason, _)| is_own(reason));
    let conversions = own.map(|(case, _, reason, _)| {
        quote! {
            impl From<types::#reason> for Reason {
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
        /// Why the server refused, typed by the operation that was refused.
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason {
            #(#cases)*
            /// Of an operation that documents no reasons.
            Other(String),
        }
        impl Reason {
            /// Reads the `reason` of an error answer.
            pub(crate) fn read(operation: &Operation, text: &str) -> Self {
                #(#reads)*
                Self::Other(text.to_owned())
            }
            /// The reason as the server spells it.
            pub fn as_str(&self) -> &str {
                match self {
                    #(#texts)*
                    Self::Other(text) => text,
                }
            }
            /// Returns the operation that was refused, unless it documents no reasons.
            pub fn operation(&self) -> Option<&'static Operation> {
                match self {
                    #(#operations)*
                    Self::Other(_) => None,
                }
            }
            /// What to do about it, in a sentence, where the specification knows.
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
            /// Returns whether something may exist all the same, although the server refused.
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

/// By what the batches of each kind of data are recognised.
pub fn identities(document: &Document) -> Chunk {
    let unions = document.schemas().iter().filter_map(|(name, schema)| {
        let kinds = schema["x-identity"].as_object()?;
        let kind = format!("{name}Kind");
        let known = document.schema(&kind)?;
        let kind = ident(&kind);
        let rows = kinds.iter().map(|(value, identity)| {
            let list = |key: &str| identity[key].as_array().into_iter().flatten();
            let fields: Vec<&str> = list("fields").filter_map(|field| field.as_str()).collect();
            let ids: Vec<String> = list("ids")
                .filter_map(|path| Some(format!("/{}", path.as_str()?.replace('.', "/"))))
                .collect();
            let distinctness = camel(identity["distinctness"].as_str().unwrap_or_default());
            let value = ident(&naming::variant(known, value));
            quote! {
                types::#kind::#value => Identity {
                    fields: &[#(#fields),*],
                    ids: &[#(#ids),*],
                    distinctness: Distinctness::#distinctness,
                },
            }
        });
        Some(quote! {
            /// Returns how a batch is recognised by data of this kind; `None` for one that is newer than
            /// this crate.
            pub(crate) fn identity(kind: &types::#kind) -> Option<Identity> {
                Some(match kind {
                    #(#rows)*
                    _ => return None,
                })
            }
        })
    });
    Chunk {
        module: "identities".into(),
        name: "identities".into(),
        text: print(quote!(#(#unions)*)),
    }
}

//! The operation table: what the specification says of behaviour, as plain data.

use quote::quote;

use super::Chunk;
use super::lower::{Lowered, Shape};
use super::rust::{camel, docs, ident, print, shouting};
use crate::spec::{Operation, Pagination, Waiter};

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
    let text = docs(&operation.summary);
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
            let reason = format!("{}Reason", operation.error);
            let schema = lowered
                .schemas
                .iter()
                .find(|schema| schema.name == reason)?;
            matches!(schema.shape, Shape::OpenEnum { .. }).then(|| {
                (
                    camel(&operation.id),
                    shouting(&operation.id),
                    ident(&schema.name),
                )
            })
        })
        .collect();
    let cases = typed.iter().map(|(case, _, reason)| {
        let text = docs(&format!(
            "Of [`Client::{}`](crate::Client).",
            heck::ToSnakeCase::to_snake_case(case.to_string().as_str())
        ));
        quote!(#text #case(types::#reason),)
    });
    let reads = typed.iter().map(|(case, id, _)| {
        quote!(if operation.id == operations::#id.id { return Self::#case(text.into()); })
    });
    let texts = typed
        .iter()
        .map(|(case, ..)| quote!(Self::#case(reason) => reason.as_str(),));
    let advice = typed
        .iter()
        .map(|(case, ..)| quote!(Self::#case(reason) => reason.advice(),));
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
            /// What to do about it, in a sentence, where the specification knows.
            pub fn advice(&self) -> Option<&'static str> {
                match self {
                    #(#advice)*
                    Self::Other(_) => None,
                }
            }
        }
    });
    Chunk {
        module: "reasons".into(),
        name: "Reason".into(),
        text,
    }
}

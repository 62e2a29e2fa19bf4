//! The operation table: what the specification says of behaviour, as plain data.

use quote::quote;

use super::Chunk;
use super::rust::{docs, ident, print, shouting};
use crate::model::Api;
use crate::spec::{Operation, prose};

/// One constant for each operation, and the list of all.
pub fn generate(api: &Api) -> Chunk {
    let rows = api.operations.iter().map(row);
    let names = api
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
        let interval = waiter.interval;
        let slow = option(waiter.slow_interval.map(|slow| {
            let (after, from) = (
                waiter.slow_after.unwrap_or(0),
                waiter.slow_from.unwrap_or(0),
            );
            quote!(SlowPolling {
                interval: Duration::from_secs(#slow),
                after: Duration::from_secs(#after),
                from_runs: #from,
            })
        }));
        quote!(Waiter {
            interval: Duration::from_secs(#interval),
            slow: #slow,
        })
    }));
    let pagination = option(operation.pagination.as_ref().map(|pagination| {
        let page_size = pagination.page_size;
        quote!(Pagination { page_size: #page_size })
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

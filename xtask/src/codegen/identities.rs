//! By what batches are recognised, from the data that is given back with them.

use quote::quote;

use super::Chunk;
use super::rust::{camel, ident, print};
use crate::model::{Api, Identity};

/// A function that says it for every kind of data.
pub fn generate(api: &Api) -> Chunk {
    let unions = api.schemas.iter().filter(|it| !it.identities.is_empty());
    let unions = unions.map(|schema| {
        let kind = ident(&format!("{}Kind", schema.name));
        let rows = schema.identities.iter().map(|identity| {
            let Identity {
                variant,
                fields,
                ids,
                distinctness,
            } = identity;
            let (variant, distinctness) = (ident(variant), camel(distinctness));
            quote! {
                types::#kind::#variant => Identity {
                    fields: &[#(#fields),*],
                    ids: &[#(#ids),*],
                    distinctness: Distinctness::#distinctness,
                },
            }
        });
        quote! {
            /// Returns how a batch is recognised by data of this kind; `None` for one that is newer than
            /// this crate.
            pub(crate) fn identity(kind: &types::#kind) -> Option<Identity> {
                Some(match kind {
                    #(#rows)*
                    _ => return None,
                })
            }
        }
    });
    Chunk {
        module: "identities".into(),
        name: "identities".into(),
        text: print(quote!(#(#unions)*)),
    }
}

//! Requests that create batches, in one enum: it is saved with a creation, and sent by it.

use std::collections::BTreeMap;

use quote::quote;

use super::Chunk;
use super::rust::{camel, docs, field, ident, print, shouting, snake};
use crate::model::{Api, Creation};
use crate::spec::{Document, Problem};

/// Generates the enum; it is empty where nothing that is recognised is created.
///
/// # Errors
/// A creation that its request alone doesn't describe.
pub fn generate(document: &Document, api: &Api) -> Result<Chunk, Vec<Problem>> {
    let creations = api.creations();
    let problems = undescribed(document, &creations);
    if !problems.is_empty() {
        return Err(problems);
    }
    let text = match creations.is_empty() {
        true => String::new(),
        false => print(creation_request(&creations)),
    };
    Ok(Chunk {
        module: "creations".into(),
        name: "creations".into(),
        text,
    })
}

fn creation_request(creations: &[Creation<'_>]) -> proc_macro2::TokenStream {
    let requests = creations
        .iter()
        .filter_map(|it| Some((it, camel(&it.operation.id), ident(it.request()?))));
    let requests: Vec<_> = requests.collect();
    let variants = requests.iter().map(|(creation, variant, request)| {
        let id = &creation.operation.id;
        let text = docs(&format!("Of [`{id}`](crate::Client::{id})."));
        quote!(#text #[serde(rename = #id)] #variant(types::#request),)
    });
    let operations = requests.iter().map(|(creation, variant, _)| {
        let constant = shouting(&creation.operation.id);
        quote!(Self::#variant(_) => &operations::#constant,)
    });
    let sent = requests.iter().map(|(creation, variant, _)| {
        let function = snake(&creation.operation.id);
        let fields = creation.fields.iter().map(|name| field(name));
        quote!(Self::#variant(request) => Ok(client.#function(request).await? #(.#fields)*),)
    });
    let conversions = requests.iter().map(|(_, variant, request)| {
        quote! {
            impl From<types::#request> for CreationRequest {
                fn from(request: types::#request) -> Self {
                    Self::#variant(request)
                }
            }
            impl TryFrom<CreationRequest> for types::#request {
                type Error = CreationRequest;
                fn try_from(request: CreationRequest) -> Result<Self, CreationRequest> {
                    match request {
                        CreationRequest::#variant(request) => Ok(request),
                        #[allow(unreachable_patterns)]
                        other => Err(other),
                    }
                }
            }
        }
    });
    let created = creations.first().map(|it| ident(&it.created.name));
    quote! {
        /// The request of an operation that creates a batch.
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "operation", content = "body")]
        #[non_exhaustive]
        pub enum CreationRequest { #(#variants)* }
        impl CreationRequest {
            /// Returns the operation that it is a request of.
            pub(crate) fn operation(&self) -> &'static Operation {
                match self { #(#operations)* }
            }
            /// Sends the request, and returns what it created.
            pub(crate) async fn send(self, client: &Client) -> Result<types::#created, Error> {
                match self { #(#sent)* }
            }
        }
        #(#conversions)*
    }
}

/// A creation is saved, sent and recognised by the body of its request alone, whose type says which operation it is of.
fn undescribed(document: &Document, creations: &[Creation<'_>]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut first: BTreeMap<&str, &str> = BTreeMap::new();
    for creation in creations {
        let operation = creation.operation;
        let mut say = |key: &str, message: String| {
            problems.push(document.problem(&operation.place.join(key), message));
        };
        if operation.parameters.iter().any(|it| it.property.required) {
            say(
                "parameters",
                "what creates is saved as the body of its request: a parameter that is required belongs there, or is \
                 optional"
                    .to_owned(),
            );
        }
        let Some(request) = creation.request() else {
            say(
                "x-creates",
                "what creates is saved as the body of its request: it needs a JSON body".to_owned(),
            );
            continue;
        };
        let owner = *first.entry(request).or_insert(&operation.id);
        if owner != operation.id {
            say(
                "requestBody",
                format!(
                    "`{request}` is the request of `{owner}`, too, which creates as well: which of them is meant must be \
                     seen by its type, so give it a schema of its own"
                ),
            );
        }
    }
    problems
}

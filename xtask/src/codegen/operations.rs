//! Operations of the client: a method that takes what is required, and a request that is awaited or sent.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::Chunk;
use super::field::{Field, taken};
use super::progenitor::{Answers, Request, Type};
use super::rust::{camel, code, docs, ident, print, shouting, snake};
use crate::model::{Api, Schema, Shape};
use crate::spec::{Document, Kind, Operation, Pagination, Problem, Property, prose};

/// The Rust of every operation that isn't written by hand.
///
/// # Errors
/// A parameter has the name of something that every operation has.
pub fn generate(
    document: &Document,
    api: &Api,
    answers: &Answers,
) -> Result<Vec<Chunk>, Vec<Problem>> {
    let mut problems = Vec::new();
    let mut chunks = Vec::new();
    let mut listed = BTreeSet::new();
    for operation in &api.operations {
        let (None, Some(request)) = (&operation.hand_written, answers.operation(&operation.id))
        else {
            continue;
        };
        problems.extend(taken_names(document, operation));
        let text = Emitter::new(api, operation, request).write(&mut listed);
        chunks.push(Chunk {
            module: operation.tag.clone(),
            name: operation.id.clone(),
            text: print(text),
        });
    }
    match problems.is_empty() {
        true => Ok(chunks),
        false => Err(problems),
    }
}

/// What every operation has beside its parameters.
const OWN: [&str; 3] = ["client", "send", "send_as"];
/// What it has when it is paged.
const PAGED: [&str; 3] = ["pages", "items", "received"];

fn taken_names(document: &Document, operation: &Operation) -> Vec<Problem> {
    let paged: &[&str] = if operation.pagination.is_some() {
        &PAGED
    } else {
        &[]
    };
    let is_taken = |name: &str| OWN.contains(&name) || paged.contains(&name);
    let parameters = operation.parameters.iter().enumerate();
    let taken =
        parameters.filter(|(_, it)| is_taken(it.property.setter()) || is_taken(&it.property.rust));
    let problems = taken.map(|(place, it)| {
        let message = format!(
            "`{}` is the name of something else in the generated code: give it another with `x-rust-name`",
            it.property.setter()
        );
        let place = operation.place.join("parameters").join(&place.to_string());
        document.problem(&place, message)
    });
    problems.collect()
}

/// What is written of an operation.
struct Emitter<'a> {
    api: &'a Api,
    operation: &'a Operation,
    request: &'a Request,
    /// The parameters, and the body at last.
    fields: Vec<Field>,
    /// `GetBatch`
    name: Ident,
    /// `GET_BATCH`
    constant: Ident,
    /// `types::GetBatchResponse`
    response: TokenStream,
}

impl<'a> Emitter<'a> {
    fn new(api: &'a Api, operation: &'a Operation, request: &'a Request) -> Self {
        let parameters = operation.parameters.iter().zip(&request.types);
        let mut fields: Vec<Field> = parameters
            .map(|(it, kind)| Field::new(&it.property, kind.within("types")))
            .collect();
        fields.extend(operation.request.as_ref().map(|schema| {
            let body = Property {
                wire: "body".to_owned(),
                rust: "body".to_owned(),
                description: "The request.".to_owned(),
                deprecated: false,
                required: true,
                kind: Kind::Schema(schema.clone()),
            };
            Field::new(&body, Type::Named(format!("types::{schema}")))
        }));
        let response = match &operation.response {
            Some(name) => {
                let name = ident(name);
                quote!(types::#name)
            }
            None => quote!(()),
        };
        Self {
            api,
            operation,
            request,
            fields,
            name: camel(&operation.id),
            constant: shouting(&operation.id),
            response,
        }
    }

    fn write(&self, listed: &mut BTreeSet<String>) -> TokenStream {
        let (method, request, sending) = (self.method(), self.structure(), self.sending());
        let setters = self.setters();
        let pages = self.operation.pagination.as_ref().and_then(|paging| {
            let item = self.item(paging)?;
            Some(self.pages(paging, item))
        });
        let mut items = self.items();
        items.retain(|item| listed.insert(item.name.clone()));
        let identities = items
            .into_iter()
            .filter_map(|item| identity(self.api, item));
        quote!(#method #request #setters #sending #pages #(#identities)*)
    }

    /// `client.get_batch(uuid)`: what is required is an argument.
    fn method(&self) -> TokenStream {
        let Self { name, .. } = self;
        let function = snake(&self.operation.id);
        let required = self.fields.iter().filter(|field| field.is_required());
        let taken = taken(&required.map(Field::argument).collect::<Vec<_>>());
        let given = self.fields.iter().map(Field::initial);
        let text = docs(&self.documentation());
        let deprecated = self
            .operation
            .deprecated
            .then(|| quote!(#[deprecated = "by the API"]));
        quote! {
            impl Client {
                #text
                #deprecated
                pub fn #function(&self, #taken) -> #name {
                    #name { client: self.clone(), #(#given)* }
                }
            }
        }
    }

    /// The documentation of an operation; its behaviour is quoted from the specification.
    fn documentation(&self) -> String {
        let Operation {
            method,
            path,
            summary,
            description,
            ..
        } = self.operation;
        let repeat = if self.operation.idempotent {
            "Idempotent: sending it again does no harm."
        } else {
            "Not idempotent: it is never sent again unless it provably did not arrive."
        };
        let reasons = match self.api.reasons(self.operation) {
            Some(reasons) => format!("The reasons are [`types::{}`]", reasons.name),
            None => "The API documents no reasons for this operation".to_owned(),
        };
        format!(
            "{summary}.\n\n{description}\n\n{call}. {repeat}\n\nAwait it for the answer, or \
             [`send`]({name}::send) it for the answer with its status and headers.\n\n# Errors\n\n{reasons}; see \
             [`Error`].",
            summary = prose::escaped(summary),
            description = prose::escaped(description),
            call = code(&format!("{method} {path}")),
            name = self.name,
        )
    }

    fn structure(&self) -> TokenStream {
        let Self { name, fields, .. } = self;
        let summary = prose::escaped(&self.operation.summary);
        let text = docs(&format!("{summary}: awaited, or sent with `send`."));
        let fields = fields
            .iter()
            .map(|Field { name, kind, .. }| quote!(pub(crate) #name: #kind,));
        quote! {
            #text
            #[derive(Clone, Debug)]
            #[must_use = "a request does nothing until it is awaited or sent"]
            pub struct #name {
                pub(crate) client: Client,
                #(#fields)*
            }
        }
    }

    fn setters(&self) -> Option<TokenStream> {
        let name = &self.name;
        let optional = self.fields.iter().filter(|field| !field.is_required());
        let setters: Vec<_> = optional.map(Field::setter).collect();
        (!setters.is_empty()).then(|| quote!(impl #name { #(#setters)* }))
    }

    fn sending(&self) -> TokenStream {
        let Self {
            name,
            constant,
            response,
            ..
        } = self;
        let text = docs(match self.operation.response {
            Some(_) => {
                "Sends the request; the answer comes with its status, its headers and as it was\nreceived."
            }
            None => {
                "Sends the request; the response has a status and headers, and nothing to read."
            }
        });
        let awaited = match self.operation.response {
            Some(_) => quote!(Ok(self.send().await?.into_inner())),
            None => quote!(self.send().await.map(|_| ())),
        };
        let is_asked = self.operation.creates.is_some() && self.operation.request.is_some();
        let omission = is_asked.then(
            || quote!(crate::creation::omission::check(&operations::#constant, &self.body)?;),
        );
        let (url, chain) = (self.url(), &self.request.chain);
        quote! {
            impl #name {
                #text
                pub async fn send(self) -> Result<Response<#response>, Error> {
                    self.send_as().await
                }
                /// Sends the request and reads the answer as a type of your own, for what is newer than this crate.
                pub async fn send_as<T: serde::de::DeserializeOwned>(self) -> Result<Response<T>, Error> {
                    #omission
                    let client = &self.client;
                    #url
                    let request = || {
                        #chain
                            .build()
                            .map_err(|error| Error::unbuildable(&operations::#constant, error))
                    };
                    client.call(&operations::#constant, &request).await
                }
            }
            impl IntoFuture for #name {
                type Output = Result<#response, Error>;
                type IntoFuture = Pending<#response>;
                fn into_future(self) -> Self::IntoFuture {
                    Pending::new(async move { #awaited })
                }
            }
        }
    }

    /// The URL without its query: an id is written as it is, other text so that it stays one part of the path.
    fn url(&self) -> TokenStream {
        let (constant, url) = (&self.constant, &self.request.url);
        let (mut texts, mut parts) = (Vec::new(), vec![quote!(client.baseurl)]);
        for place in &self.request.segments {
            let name = &self.fields[*place].name;
            match &self.operation.parameters[*place].property.kind {
                Kind::Schema(schema) if self.is_id(schema) => parts.push(quote!(self.#name)),
                _ => {
                    texts.push(quote!(let #name = operations::#constant.segment(&self.#name)?;));
                    parts.push(quote!(#name));
                }
            }
        }
        quote!(#(#texts)* let url = format!(#url, #(#parts),*);)
    }

    fn is_id(&self, schema: &str) -> bool {
        is_id(self.api, schema)
    }

    fn response(&self) -> Option<&'a Schema> {
        self.api.schema(self.operation.response.as_ref()?)
    }

    /// Returns the schema of what the pages hold.
    fn item(&self, paging: &Pagination) -> Option<&'a Schema> {
        item_of(self.api, &self.response()?.field(&paging.items)?.kind)
    }

    /// Returns the schemas of what the lists of the response hold, paged or not.
    fn items(&self) -> Vec<&'a Schema> {
        let kinds: Vec<&Kind> = match self.response().map(|response| &response.shape) {
            Some(Shape::Object { fields, .. }) => fields.iter().map(|field| &field.kind).collect(),
            Some(Shape::Newtype(kind)) => vec![kind],
            _ => Vec::new(),
        };
        let items = kinds.into_iter();
        items.filter_map(|kind| item_of(self.api, kind)).collect()
    }

    fn pages(&self, paging: &Pagination, item: &Schema) -> TokenStream {
        let Self { name, constant, .. } = self;
        let item = ident(&item.name);
        let member = |wire: &str| -> (TokenStream, bool) {
            if paging.location == "query" {
                let mut fields = self.fields.iter();
                let field = fields.find(|field| field.wire == wire);
                let is_required = field.is_some_and(Field::is_required);
                let name = field.map(|field| &field.name);
                return (quote!(#name), is_required);
            }
            let body = self.operation.request.as_ref();
            let field = body
                .and_then(|body| self.api.schema(body))
                .and_then(|body| body.field(wire));
            let name = field.map(|field| super::rust::field(&field.rust));
            (
                quote!(body.#name),
                field.is_some_and(|field| field.required),
            )
        };
        let given = |(_, is_required): &(_, bool), value: TokenStream| match is_required {
            true => value,
            false => quote!(Some(#value)),
        };
        let read = |(member, is_required): &(TokenStream, bool)| match is_required {
            true => quote!(Some(self.#member)),
            false => quote!(self.#member),
        };
        let (limit, offset) = (member(&paging.limit), member(&paging.offset));
        let (old_limit, old_offset) = (read(&limit), read(&offset));
        let (new_limit, new_offset) =
            (given(&limit, quote!(limit)), given(&offset, quote!(offset)));
        let (limit, offset) = (limit.0, offset.0);
        let items = &paging.items;
        let rust = |wire: &str| Some(super::rust::field(&self.response()?.field(wire)?.rust));
        let list = rust(items);
        let total = match paging.total.as_deref().and_then(rust) {
            Some(total) => quote!(page.#total),
            None => quote!(None),
        };
        quote! {
            impl #name {
                /// Returns all pages of the list, from the offset on, as a stream; `limit` is the size of a page.
                pub fn pages(self) -> Pages<types::#item> {
                    let (limit, offset) = (#old_limit, #old_offset);
                    Pages::new(&operations::#constant, limit, offset, move |offset, limit| {
                        let mut request = self.clone();
                        request.#offset = #new_offset;
                        request.#limit = #new_limit;
                        request.received()
                    })
                }
                /// Returns all items of the list, from the offset on, as a stream; `limit` is the size of a page.
                pub fn items(self) -> Items<types::#item> {
                    self.pages().items()
                }
                /// Requests one page, which is read item by item where it can't be read as a whole.
                pub(crate) async fn received(self) -> Result<Received<types::#item>, Error> {
                    Received::read(self.await, #items, |page| (page.#list, #total))
                }
            }
        }
    }
}

/// Returns the schema of what a list holds.
fn item_of<'a>(api: &'a Api, kind: &Kind) -> Option<&'a Schema> {
    let Kind::List(items) = kind else {
        return None;
    };
    match &**items {
        Kind::Schema(name) => api.schema(name),
        Kind::Nullable(item) => match &**item {
            Kind::Schema(name) => api.schema(name),
            _ => None,
        },
        _ => None,
    }
}

fn is_id(api: &Api, schema: &str) -> bool {
    let schema = api.schema(schema);
    schema.is_some_and(|schema| matches!(schema.shape, Shape::Id))
}

/// Returns what tells the items of a list apart, where they have a `uuid` of their own.
fn identity(api: &Api, item: &Schema) -> Option<TokenStream> {
    let own = item.field("uuid").filter(|own| own.required)?;
    let Kind::Schema(id) = &own.kind else {
        return None;
    };
    let (item, uuid) = (ident(&item.name), super::rust::field(&own.rust));
    is_id(api, id).then(|| {
        let id = ident(id);
        quote! {
            impl crate::pages::HasId for types::#item {
                type Id = types::#id;
                fn id(&self) -> types::#id {
                    self.#uuid
                }
            }
        }
    })
}

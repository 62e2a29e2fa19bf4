//! Operations of the client: a method that takes what is required, and a request that is awaited or sent.

use std::collections::BTreeSet;

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::Chunk;
use super::field::{Field, taken};
use super::links::link;
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
const OWN: [&str; 4] = ["client", "send", "send_as", "sent"];
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
        let (setters, limit) = (self.setters(), self.limit());
        let pages = self.operation.pagination.as_ref().and_then(|paging| {
            let item = self.item(paging)?;
            Some(self.pages(paging, item))
        });
        let mut items = self.items();
        items.retain(|item| listed.insert(item.name.clone()));
        let identities = items
            .into_iter()
            .filter_map(|item| identity(self.api, item));
        quote!(#method #request #setters #limit #sending #pages #(#identities)*)
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
        let see_also: String = self
            .operation
            .see_also
            .iter()
            .map(|it| {
                format!(
                    "Prefer {} to {}.\n",
                    link(&it.item, &self.target(&it.item)),
                    prose::escaped(&it.to)
                )
            })
            .collect();
        let repeat = if self.operation.idempotent {
            "The operation is idempotent: it is retried as [`RetryPolicy`](crate::RetryPolicy) permits."
        } else {
            "The operation is not idempotent: it is retried only when the request is known not to have reached \
             the server, or when the status is 429."
        };
        let name = &self.name;
        let awaited = match self.operation.response {
            Some(_) => format!(
                "`.await` the request for the response body, or call [`send`]({name}::send) for the body with \
                 status and headers."
            ),
            None => format!(
                "`.await` the request, or call [`send`]({name}::send) for the status and headers of the response."
            ),
        };
        format!(
            "{summary}.\n\n{see_also}\n{description}\n\n{call}. {repeat}\n\n{awaited}\n\n{errors}",
            summary = prose::escaped(summary),
            call = code(&format!("{method} {path}")),
            errors = self.errors(),
        )
    }

    /// Where a method is: the types of the generated file are in its scope, and so is `Client`.
    fn target(&self, method: &str) -> String {
        match method.split_once("::") {
            Some((owner, _)) if owner == "Client" || self.name == owner => method.to_owned(),
            _ => format!("crate::{method}"),
        }
    }

    /// The kinds of errors, and the reasons of the operation.
    fn errors(&self) -> String {
        let kind = |name: &str| link(name, &format!("crate::ErrorKind::{name}"));
        let reasons = match self.api.reasons(self.operation) {
            Some(reasons) => format!(
                "with a reason of [`types::{reasons}`] in [`Reason::{name}`](crate::Reason::{name})",
                reasons = reasons.name,
                name = self.name,
            ),
            None => "for which the API documents no reasons".to_owned(),
        };
        let created = self.operation.creates.as_ref().map(|path| {
            format!(
                "\n\nAfter an error for which [`Error::is_ambiguous`] is true, the {} may exist and spend credits.",
                path.first().map_or("result", String::as_str),
            )
        });
        format!(
            "# Errors\n\nAn [`Error`] of one of these kinds:\n\n\
             - {}: the server returned an error, {reasons}.\n\
             - {}: there is no token, or the server did not accept it.\n\
             - {}: there was no connection; the request has not reached the server.\n\
             - {}: the connection was lost, or a timeout elapsed.\n\
             - {}: the response could not be read.\n\
             - {}: the request could not be built; nothing was sent.{}",
            kind("Status"),
            kind("Unauthorized"),
            kind("Connect"),
            kind("Interrupted"),
            kind("InvalidResponse"),
            kind("InvalidRequest"),
            created.unwrap_or_default(),
        )
    }

    fn structure(&self) -> TokenStream {
        let Self { name, fields, .. } = self;
        let method = snake(&self.operation.id);
        let text = docs(&format!("The request of [`Client::{method}`]."));
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
        let setters: Vec<_> = optional.map(|field| field.setter(false)).collect();
        (!setters.is_empty()).then(|| quote!(impl #name { #(#setters)* }))
    }

    /// What creates a batch can be limited to so many records.
    fn limit(&self) -> Option<TokenStream> {
        let (name, creates) = (&self.name, self.operation.creates.as_ref()?);
        let creates_batch = creates.first().is_some_and(|field| field == "batch");
        (creates_batch && self.operation.request.is_some()).then(|| {
            quote! {
                impl #name {
                    /// Sets how many records the batch may have at most. By default there is no limit.
                    ///
                    /// They are counted right before every attempt, by a [preview](Client::preview) unless they are in
                    /// the request. Where there are more, nothing is sent, and the call ends with
                    /// [`TooManyRecords`](crate::ErrorKind::TooManyRecords); where their number can't be known, with
                    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest). A filter is sent with it as its `limit`
                    /// besides.
                    pub fn max_records(mut self, most: u64) -> Self {
                        (self.client, self.body) = self.client.limited(self.body, most);
                        self
                    }
                }
            }
        })
    }

    fn sending(&self) -> TokenStream {
        let Self {
            name,
            constant,
            response,
            ..
        } = self;
        let returned = match self.operation.response {
            Some(_) => {
                "Sends the request and returns the response body with its status and headers."
            }
            None => {
                "Sends the request and returns the status and headers of the response, whose body is not read."
            }
        };
        let sent = docs(&format!("{returned}\n\n{}", self.errors()));
        let sent_as = docs(
            "Sends the request and deserializes the response body as `T`, for fields that are newer than this crate.\n\n\
             # Errors\n\nThose of [`send`](Self::send).",
        );
        let polled = docs(&format!(
            "Sends the request and returns {}.\n\n# Errors\n\nThose of [`send`](Self::send).",
            match self.operation.response {
                Some(_) => "the response body",
                None => "once it has succeeded",
            },
        ));
        let awaited = match self.operation.response {
            Some(_) => quote!(Ok(self.sent::<#response>().await?.into_inner())),
            None => quote!(self.sent::<()>().await.map(|_| ())),
        };
        let is_asked = self.operation.creates.is_some() && self.operation.request.is_some();
        let omission = is_asked.then(
            || quote!(crate::creation::omission::check(&operations::#constant, &self.body)?;),
        );
        let ((segments, url), chain) = (self.url(), &self.request.chain);
        quote! {
            impl #name {
                #sent
                pub async fn send(self) -> Result<Response<#response>, Error> {
                    self.sent().await
                }
                #sent_as
                pub async fn send_as<T: serde::de::DeserializeOwned>(self) -> Result<Response<T>, Error> {
                    self.sent().await
                }
                /// By reference: what is passed from one future to the next is copied each time.
                async fn sent<T: serde::de::DeserializeOwned>(&self) -> Result<Response<T>, Error> {
                    #omission
                    let client = &self.client;
                    #segments
                    let request = || {
                        let url = #url;
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
                #polled
                fn into_future(self) -> Self::IntoFuture {
                    Pending::new(async move { #awaited })
                }
            }
        }
    }

    /// The URL without its query: an id is written as it is, other text so that it stays one part of the path.
    /// With it the texts that are escaped for it, which may fail.
    fn url(&self) -> (TokenStream, TokenStream) {
        let (constant, url) = (&self.constant, &self.request.url);
        // progenitor begins with the base URL.
        let path = url.strip_prefix("{}").unwrap_or(url);
        let (mut texts, mut parts) = (Vec::new(), Vec::new());
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
        let url = quote!(client.url(format_args!(#path #(, #parts)*)));
        (quote!(#(#texts)*), url)
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
        let text = |what: &str| {
            docs(&format!(
                "Returns all {what} of the list as a stream, from the offset of the request on.\n\nA page has as many \
                 items as the limit of the request, by default {}.",
                paging.page_size
            ))
        };
        let (pages_text, items_text) = (text("pages"), text("items"));
        let rust = |wire: &str| Some(super::rust::field(&self.response()?.field(wire)?.rust));
        let list = rust(items);
        let total = match paging.total.as_deref().and_then(rust) {
            Some(total) => quote!(page.#total),
            None => quote!(None),
        };
        quote! {
            impl #name {
                #pages_text
                pub fn pages(self) -> Pages<types::#item> {
                    let (limit, offset) = (#old_limit, #old_offset);
                    Pages::new(&operations::#constant, limit, offset, move |offset, limit| {
                        let mut request = self.clone();
                        request.#offset = #new_offset;
                        request.#limit = #new_limit;
                        request.received()
                    })
                }
                #items_text
                pub fn items(self) -> Items<types::#item> {
                    self.pages().items()
                }
                /// Requests one page. Its items are read individually if the page can't be read at once.
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

/// Returns what distinguishes the items of a list, where they have a `uuid` of their own.
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

//! The client crate: progenitor's builders, with the end of each request handed to our runtime.
//!
//! progenitor writes how a request is put together from its parameters, and that is kept. What comes
//! after (hooks that can only answer with a `reqwest::Error`, error bodies that lose their status,
//! decoding that names no field) is replaced by one call into the runtime, and the required
//! parameters become arguments, so that forgetting one doesn't compile.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Group, Ident, Literal, TokenStream, TokenTree};
use progenitor_impl::{GenerationSettings, Generator, InterfaceStyle};
use quote::{ToTokens, quote};
use serde_json::Value;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};

use super::Chunk;
use super::lower::{Lowered, Shape, asked};
use super::prose;
use super::rust::{ShortPaths, camel, code, docs, print, shouting, snake};
use super::structs::{conversion, inner};
use crate::spec::{Document, Operation, naming};

/// What can't be generated, and of which parameter where one is at fault.
pub struct Fault {
    /// The parameter, by its place among those of the operation.
    pub parameter: Option<usize>,
    /// What is wrong, and what to do.
    pub message: String,
}

impl From<String> for Fault {
    fn from(message: String) -> Self {
        Self {
            parameter: None,
            message,
        }
    }
}

/// The Rust of every operation that progenitor can generate.
pub fn generate(document: &Document, lowered: &Lowered) -> Result<Vec<Chunk>, Fault> {
    let mut builders = progenitor(lowered)?;
    let mut chunks = Vec::new();
    for operation in lowered
        .operations
        .iter()
        .filter(|operation| operation.hand_written.is_none())
    {
        let name = camel(&operation.id);
        let items = builders
            .remove(&name.to_string())
            .ok_or_else(|| format!("progenitor wrote no builder `{name}`"))?;
        let parameters = parameters(document, lowered, operation, &items);
        let has_reasons = operation.error.as_ref().is_some_and(|error| {
            let reason = format!("{error}Reason");
            lowered.schemas.iter().any(|schema| schema.name == reason)
        });
        let text = write(operation, &name, &parameters, items, has_reasons)?;
        let (module, name) = (operation.tag.clone(), operation.id.clone());
        chunks.push(Chunk { module, name, text });
    }
    Ok(chunks)
}

/// The struct and impl of each builder, by name.
fn progenitor(lowered: &Lowered) -> Result<BTreeMap<String, Vec<syn::Item>>, String> {
    let mut settings = GenerationSettings::new();
    settings.with_interface(InterfaceStyle::Builder);
    for schema in &lowered.schemas {
        settings.with_replacement(
            &schema.name,
            format!("::cargo_batch_types::{}", schema.name),
            std::iter::empty(),
        );
    }
    let tokens = Generator::new(&settings)
        .generate_tokens(&lowered.spec)
        .map_err(|error| format!("progenitor: {error}"))?;
    let file: syn::File = syn::parse2(tokens)
        .map_err(|error| format!("progenitor wrote something that is not Rust: {error}"))?;
    refuse_inline_types(&file)?;
    let mut builders: BTreeMap<String, Vec<syn::Item>> = BTreeMap::new();
    for item in module(&file, "builder")? {
        let name = match item {
            syn::Item::Struct(item) => item.ident.to_string(),
            syn::Item::Impl(item) => match &*item.self_ty {
                syn::Type::Path(path) => path
                    .path
                    .segments
                    .last()
                    .map(|part| part.ident.to_string())
                    .unwrap_or_default(),
                _ => continue,
            },
            _ => continue,
        };
        builders.entry(name).or_default().push(item.clone());
    }
    Ok(builders)
}

/// A type that is written in the middle of an operation would be generated into the client.
fn refuse_inline_types(file: &syn::File) -> Result<(), String> {
    let inline = module(file, "types")?.iter().find_map(|item| match item {
        syn::Item::Struct(item) => Some(&item.ident),
        syn::Item::Enum(item) => Some(&item.ident),
        _ => None,
    });
    match inline {
        Some(name) => Err(format!(
            "an operation has the inline type `{name}`: name it under components.schemas"
        )),
        None => Ok(()),
    }
}

fn module<'a>(file: &'a syn::File, name: &str) -> Result<&'a [syn::Item], String> {
    let mut found = file.items.iter().filter_map(|item| match item {
        syn::Item::Mod(item) if item.ident == name => item.content.as_ref().map(|(_, items)| items),
        _ => None,
    });
    match (found.next(), found.next()) {
        (Some(items), None) => Ok(items),
        _ => Err(format!(
            "progenitor wrote not exactly one `mod {name}`: its output has changed"
        )),
    }
}

fn write(
    operation: &Operation,
    name: &Ident,
    parameters: &[Parameter],
    items: Vec<syn::Item>,
    has_reasons: bool,
) -> Result<String, Fault> {
    let method = method(operation, name, parameters, has_reasons);
    let summary = prose::escaped(&operation.summary);
    let mut file: syn::File = syn::parse_quote!(#(#items)*);
    let mut hand_over = HandOver {
        operation: shouting(&operation.id),
        creates: operation.creates.is_some() && operation.request.is_some(),
        parameters,
        summary: &summary,
        handed_over: 0,
    };
    hand_over.visit_file_mut(&mut file);
    if hand_over.handed_over != 1 {
        return Err(format!("`{name}::send` has a form this generator doesn't know").into());
    }
    ShortPaths {
        types: Some(super::rust::ident("types")),
    }
    .visit_file_mut(&mut file);
    let items = file.to_token_stream();
    let (answer, text) = match &operation.response {
        Some(answer) => {
            let answer = super::rust::ident(answer);
            let text = docs(
                "Sends the request; the answer comes with its status, its headers and as it was\nreceived.",
            );
            (quote!(types::#answer), text)
        }
        None => {
            let text = docs(
                "Sends the request; the response has a status and headers, and nothing to read.",
            );
            (quote!(()), text)
        }
    };
    let builder = quote! {
        #items
        impl #name<'_> {
            #text
            pub async fn send(self) -> Result<Response<#answer>, Error> {
                self.send_as().await
            }
        }
    };
    refuse_bound(&builder, parameters)?;
    let awaited = match &operation.response {
        Some(_) => quote!(Ok(self.send().await?.into_inner())),
        None => quote!(self.send().await.map(|_| ())),
    };
    let builder = give_names(builder, parameters);
    Ok(print(quote! {
        #method
        #builder
        impl<'a> IntoFuture for #name<'a> {
            type Output = Result<#answer, Error>;
            type IntoFuture = crate::call::Pending<'a, #answer>;
            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move { #awaited })
            }
        }
    }))
}

/// A path, query or body parameter.
struct Parameter {
    /// Its name in Rust.
    name: Ident,
    /// What progenitor knows it by.
    number: Ident,
    /// Its name on the wire; none for the body.
    wire: Option<String>,
    required: bool,
    /// What a required one is taken as, and what makes its type of that.
    taken: TokenStream,
    given: TokenStream,
    /// It is a uuid, which needs no escapes in a path.
    id: bool,
    /// It is part of the path.
    in_path: bool,
    deprecated: bool,
    description: String,
}

fn parameters(
    document: &Document,
    lowered: &Lowered,
    operation: &Operation,
    items: &[syn::Item],
) -> Vec<Parameter> {
    let is_id = |name: &str| {
        let mut schemas = lowered.schemas.iter();
        schemas.any(|schema| schema.name == name && matches!(schema.shape, Shape::Id))
    };
    let node = document.get(&operation.place).unwrap_or(&Value::Null);
    let mut numbered = asked(node);
    numbered.sort_by_key(|asked| asked.index);
    let listed = numbered.into_iter().map(|asked| {
        let parameter = &node["parameters"][asked.index];
        let name = super::rust::field(&naming::parameter(parameter));
        let number = super::rust::ident(&asked.number);
        let kind = kind(items, &number);
        let (taken, mut given) = conversion(&kind, &quote!(#name));
        if inner("Vec", &kind).is_some() {
            // The setter takes whatever becomes a list, so the list is to be named.
            given = quote!(#name.into_iter().map(Into::into).collect::<#kind>());
        }
        let text = |key: &str| {
            parameter[key]
                .as_str()
                .unwrap_or_default()
                .trim()
                .to_owned()
        };
        Parameter {
            name,
            number,
            wire: Some(text("name")),
            required: parameter["required"] == true,
            taken,
            given,
            id: crate::spec::reference(&parameter["schema"]).is_some_and(is_id),
            in_path: parameter["in"] == "path",
            deprecated: parameter["deprecated"] == true,
            description: prose::escaped(&text("description")),
        }
    });
    let body = operation.request.as_ref().map(|schema| {
        let schema = super::rust::ident(schema);
        Parameter {
            name: super::rust::ident("body"),
            number: super::rust::ident("body"),
            wire: None,
            required: true,
            taken: quote!(impl Into<types::#schema>),
            given: quote!(body.into()),
            id: false,
            in_path: false,
            deprecated: false,
            description: "The request.".to_owned(),
        }
    });
    listed.chain(body).collect()
}

/// The type that progenitor gave to a parameter: `T` of its field, which is a `Result<T, String>`.
fn kind(items: &[syn::Item], number: &Ident) -> syn::Type {
    let fields = items.iter().filter_map(|item| match item {
        syn::Item::Struct(item) => Some(item.fields.iter()),
        _ => None,
    });
    let field = fields
        .flatten()
        .find(|field| field.ident.as_ref() == Some(number));
    let mut kind = field.map_or_else(|| syn::parse_quote!(()), |field| field.ty.clone());
    kind = inner("Result", &kind).cloned().unwrap_or(kind);
    ShortPaths {
        types: Some(super::rust::ident("types")),
    }
    .visit_type_mut(&mut kind);
    kind
}

/// Puts the parameters' names where progenitor wrote their numbers.
fn give_names(tokens: TokenStream, parameters: &[Parameter]) -> TokenStream {
    let given = |token| match token {
        TokenTree::Group(group) => {
            let mut inner = Group::new(group.delimiter(), give_names(group.stream(), parameters));
            inner.set_span(group.span());
            TokenTree::Group(inner)
        }
        TokenTree::Ident(ident) => match parameters
            .iter()
            .find(|parameter| parameter.number == ident)
        {
            Some(parameter) => TokenTree::Ident(parameter.name.clone()),
            None => TokenTree::Ident(ident),
        },
        TokenTree::Literal(literal) => match syn::parse_str::<syn::LitStr>(&literal.to_string()) {
            Ok(text) => {
                let mut text = text.value();
                for parameter in parameters {
                    let (number, name) = (parameter.number.to_string(), parameter.name.to_string());
                    match &parameter.wire {
                        Some(wire) if text == number => text = wire.clone(),
                        Some(_) => text = text.replace(&number, name.trim_start_matches("r#")),
                        None => {}
                    }
                }
                TokenTree::Literal(Literal::string(&text))
            }
            Err(_) => TokenTree::Literal(literal),
        },
        other => other,
    };
    tokens.into_iter().map(given).collect()
}

/// Progenitor knows the parameters by number, so what else is bound has a name that they can't have.
fn refuse_bound(builder: &TokenStream, parameters: &[Parameter]) -> Result<(), Fault> {
    let mut bound = Bound::default();
    let file: syn::File = syn::parse2(builder.clone()).map_err(|error| error.to_string())?;
    bound.visit_file(&file);
    let is_bound = |it: &Parameter| it.wire.is_some() && bound.0.contains(&it.name.to_string());
    match parameters.iter().position(is_bound) {
        Some(index) => Err(Fault {
            parameter: Some(index),
            message: format!(
                "`{}` is the name of something else in the generated code: give it another with `x-rust-name`",
                parameters[index].name
            ),
        }),
        None => Ok(()),
    }
}

/// The names that a builder has a use of its own for: its fields, its methods, and what their code binds.
#[derive(Default)]
struct Bound(BTreeSet<String>);

impl Visit<'_> for Bound {
    fn visit_field(&mut self, field: &syn::Field) {
        self.0.extend(field.ident.as_ref().map(ToString::to_string));
    }

    fn visit_impl_item_fn(&mut self, function: &syn::ImplItemFn) {
        self.0.insert(function.sig.ident.to_string());
        visit::visit_block(self, &function.block);
    }

    fn visit_pat_ident(&mut self, pattern: &syn::PatIdent) {
        self.0.insert(pattern.ident.to_string());
    }

    fn visit_item_impl(&mut self, item: &syn::ItemImpl) {
        if item.trait_.is_none() {
            visit::visit_item_impl(self, item);
        }
    }

    /// Nothing of a request is put together in what is called with an error.
    fn visit_expr_closure(&mut self, _: &syn::ExprClosure) {}
}

/// `client.get_batch(uuid)`: what is required is an argument.
fn method(
    operation: &Operation,
    name: &Ident,
    parameters: &[Parameter],
    has_reasons: bool,
) -> TokenStream {
    let function = snake(&operation.id);
    let required: Vec<_> = parameters
        .iter()
        .filter(|parameter| parameter.required)
        .collect();
    let taken = required
        .iter()
        .map(|Parameter { name, taken, .. }| quote!(#name: #taken));
    let given = required
        .iter()
        .map(|Parameter { name, given, .. }| quote!(.#name(#given)));
    let text = docs(&method_docs(operation, has_reasons));
    let deprecated = operation
        .deprecated
        .then(|| quote!(#[deprecated = "by the API"]));
    quote! {
        impl Client {
            #text
            #deprecated
            pub fn #function(&self, #(#taken),*) -> #name<'_> {
                #name::new(self)#(#given)*
            }
        }
    }
}

/// The documentation of an operation; its behaviour is quoted from the specification.
fn method_docs(operation: &Operation, has_reasons: bool) -> String {
    let Operation {
        method,
        path,
        error,
        ..
    } = operation;
    let (summary, description) = (
        prose::escaped(&operation.summary),
        prose::escaped(&operation.description),
    );
    let repeat = if operation.idempotent {
        "Idempotent: sending it again does no harm."
    } else {
        "Not idempotent: it is never sent again unless it provably did not arrive."
    };
    let reasons = match error {
        Some(error) if has_reasons => format!("The reasons are [`types::{error}Reason`]"),
        _ => "The API documents no reasons for this operation".to_owned(),
    };
    format!(
        "{summary}.\n\n{description}\n\n{call}. {repeat}\n\nAwait it for the answer, or \
         [`send`](Self::send) it for the answer with its status and headers.\n\n# Errors\n\n{reasons}; see \
         [`Error`].",
        call = code(&format!("{method} {path}")),
    )
    .replace("[`send`](Self::send)", &format!("[`send`]({}::send)", camel(&operation.id)))
}

/// Rewrites a builder so that its `send` ends in our runtime.
struct HandOver<'a> {
    operation: Ident,
    /// It spends credits on what its body says.
    creates: bool,
    parameters: &'a [Parameter],
    summary: &'a str,
    handed_over: usize,
}

impl VisitMut for HandOver<'_> {
    fn visit_item_struct_mut(&mut self, item: &mut syn::ItemStruct) {
        item.attrs
            .retain(|attribute| !attribute.path().is_ident("doc"));
        let text = format!(" {}: awaited, or sent with `send`.", self.summary);
        item.attrs.insert(0, syn::parse_quote!(#[doc = #text]));
        item.attrs.push(
            syn::parse_quote!(#[must_use = "a request does nothing until it is awaited or sent"]),
        );
        // The hand-written pages go on where a request's own limit and offset stand.
        for field in &mut item.fields {
            field.vis = syn::parse_quote!(pub(crate));
        }
        visit_mut::visit_item_struct_mut(self, item);
    }

    fn visit_impl_item_fn_mut(&mut self, function: &mut syn::ImplItemFn) {
        let name = function.sig.ident.to_string();
        function
            .attrs
            .retain(|attribute| !attribute.path().is_ident("doc"));
        let text = match self
            .parameters
            .iter()
            .find(|parameter| parameter.number == name.as_str())
        {
            // Given to the method that makes the builder.
            Some(parameter) if parameter.required => {
                function.vis = syn::parse_quote!(pub(crate));
                None
            }
            Some(parameter) => {
                if parameter.deprecated {
                    function
                        .attrs
                        .push(syn::parse_quote!(#[deprecated = "by the API"]));
                }
                Some(parameter.description.clone())
            }
            None if name == "new" => {
                function.vis = syn::parse_quote!(pub(crate));
                None
            }
            None => Some(
                "Sends the request and reads the answer as a type of your own, for what is newer \
                 than this crate."
                    .to_owned(),
            ),
        };
        for line in text.iter().flat_map(|text| text.lines()) {
            let line = format!(" {}", line.trim_end());
            function.attrs.push(syn::parse_quote!(#[doc = #line]));
        }
        if name == "send" {
            self.hand_over(function);
        }
        visit_mut::visit_impl_item_fn_mut(self, function);
    }

    /// progenitor's constructor for a parameter that doesn't convert.
    fn visit_expr_mut(&mut self, expression: &mut syn::Expr) {
        visit_mut::visit_expr_mut(self, expression);
        if let syn::Expr::Path(path) = expression
            && path
                .path
                .segments
                .iter()
                .map(|part| part.ident.to_string())
                .eq(["Error", "InvalidRequest"])
        {
            let operation = &self.operation;
            *expression =
                syn::parse_quote!(|why| Error::invalid_request(&operations::#operation, why));
        }
    }

    /// `format!("{}/batches/{}", client.baseurl, encode_path(&uuid.to_string()))`
    fn visit_macro_mut(&mut self, item: &mut syn::Macro) {
        let parser = Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
        if item.path.is_ident("format")
            && let Ok(mut arguments) = item.parse_body_with(parser)
        {
            for argument in &mut arguments {
                for id in self.parameters.iter().filter(|parameter| parameter.in_path) {
                    let name = &id.number;
                    let escaped = quote!(encode_path(&#name.to_string())).to_string();
                    if argument.to_token_stream().to_string() == escaped {
                        *argument = syn::parse_quote!(#name);
                    }
                }
            }
            item.tokens = arguments.to_token_stream();
        }
        visit_mut::visit_macro_mut(self, item);
    }

    /// "conversion to `:: std :: vec :: Vec < :: cargo_batch_types :: X >` for x failed"
    fn visit_lit_str_mut(&mut self, literal: &mut syn::LitStr) {
        let text = literal.value();
        if text.contains(" :: ") || text.contains("`:: ") {
            let tidy = text
                .replace(" :: ", "::")
                .replace(":: ", "::")
                .replace(" < ", "<")
                .replace(" >", ">")
                .replace("::cargo_batch_types::", "")
                .replace("::std::vec::", "")
                .replace("::std::string::", "");
            *literal = syn::LitStr::new(&tidy, literal.span());
        }
    }

    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_mut::visit_path_mut(self, path);
        if path
            .segments
            .first()
            .is_some_and(|part| part.ident == "super")
        {
            path.segments = path.segments.iter().skip(1).cloned().collect();
        }
    }
}

impl HandOver<'_> {
    /// Everything from `let mut request = ...build()?` on becomes a call of the runtime.
    fn hand_over(&mut self, function: &mut syn::ImplItemFn) {
        let operation = &self.operation;
        // `send` itself is written beside it, with the answer's own type.
        function.sig.ident = syn::parse_quote!(send_as);
        function.sig.generics = syn::parse_quote!(<T: serde::de::DeserializeOwned>);
        function.sig.output = syn::parse_quote!(-> Result<Response<T>, Error>);
        let statements = std::mem::take(&mut function.block.stmts);
        for statement in statements {
            match &statement {
                syn::Stmt::Local(local) => match binding(local).as_deref() {
                    Some("url") => {
                        let texts = self.parameters.iter().filter(|it| it.in_path && !it.id);
                        for name in texts.map(|it| &it.number) {
                            function.block.stmts.push(syn::parse_quote! {
                                let #name = operations::#operation.segment(#name)?;
                            });
                        }
                        function.block.stmts.push(statement);
                    }
                    Some("header_map") => {} // `api-version`, which this API doesn't know.
                    Some("request") => {
                        let Some(init) = &local.init else { return };
                        let Some(mut chain) = request_chain(&init.expr) else {
                            return;
                        };
                        Lend.visit_expr_mut(&mut chain);
                        if self.creates {
                            function.block.stmts.push(syn::parse_quote! {
                                crate::creation::omission::check(&operations::#operation, &body)?;
                            });
                        }
                        // A closure, for every attempt to have a request of its own.
                        function.block.stmts.push(syn::parse_quote! {
                            let request = || #chain
                                .build()
                                .map_err(|error| Error::unbuildable(&operations::#operation, error));
                        });
                        function.block.stmts.push(syn::Stmt::Expr(
                            syn::parse_quote!(client.call(&operations::#operation, &request).await),
                            None,
                        ));
                        self.handed_over += 1;
                        return;
                    }
                    _ => function.block.stmts.push(statement),
                },
                syn::Stmt::Expr(expression, _)
                    if expression
                        .to_token_stream()
                        .to_string()
                        .starts_with("header_map") => {}
                _ => function.block.stmts.push(statement),
            }
        }
    }
}

/// Lends the URL to the request, which would take it.
struct Lend;

impl VisitMut for Lend {
    fn visit_expr_method_call_mut(&mut self, call: &mut syn::ExprMethodCall) {
        visit_mut::visit_expr_method_call_mut(self, call);
        for argument in &mut call.args {
            if matches!(argument, syn::Expr::Path(path) if path.path.is_ident("url")) {
                *argument = syn::parse_quote!(&url);
            }
        }
    }
}

fn binding(local: &syn::Local) -> Option<String> {
    match &local.pat {
        syn::Pat::Ident(name) => Some(name.ident.to_string()),
        _ => None,
    }
}

/// The chain of calls that makes a request, without the version header and without `.build()?`.
fn request_chain(expression: &syn::Expr) -> Option<syn::Expr> {
    let syn::Expr::Try(tried) = expression else {
        return None;
    };
    let syn::Expr::MethodCall(build) = &*tried.expr else {
        return None;
    };
    if build.method != "build" {
        return None;
    }
    match &*build.receiver {
        syn::Expr::MethodCall(headers) if headers.method == "headers" => {
            Some((*headers.receiver).clone())
        }
        other => Some(other.clone()),
    }
}

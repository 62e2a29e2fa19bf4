//! progenitor and typify: which Rust type each field and parameter has, and how a request is put together.
//!
//! They are asked once, with a document written for them: names that mean nothing (`S7` for a schema, `p3` for a
//! property, `a4_007` for a parameter, `o4` for an operation), and types without bounds, defaults or descriptions. So no
//! name of the API meets their rules, and what comes back is read as data and tokens.

use std::collections::BTreeMap;

use proc_macro2::{Group, TokenStream, TokenTree};
use progenitor_impl::{GenerationSettings, Generator, InterfaceStyle};
use quote::{ToTokens, quote};
use serde_json::{Map, Value, json};
use syn::punctuated::Punctuated;
use typify_impl::{TypeDetails, TypeId, TypeSpace};

use crate::model::{Api, Shape};
use crate::spec::{Kind, Operation, Property};

/// A type of Rust.
#[derive(Clone, Debug, PartialEq)]
pub enum Type {
    /// `u64`, `String`.
    Builtin(String),
    /// That of a schema.
    Named(String),
    List(Box<Type>),
    Map(Box<Type>),
    Option(Box<Type>),
}

/// What they say of an API.
#[derive(Debug, Default)]
pub struct Answers {
    /// The types of a schema's fields, in their order; of a struct around one value the one.
    schemas: BTreeMap<String, Vec<Type>>,
    operations: BTreeMap<String, Request>,
}

/// How a request is put together.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The types of the parameters, in their order.
    pub types: Vec<Type>,
    /// `"{}/batches/{}"`
    pub url: String,
    /// The parameters in it after the base URL, by their index among all.
    pub segments: Vec<usize>,
    /// `client.client.get(url).query(..)`, in which `url` is the URL, and `self` has the parameters.
    pub chain: TokenStream,
}

impl Answers {
    /// Returns the types of a schema's fields.
    pub fn schema(&self, name: &str) -> &[Type] {
        self.schemas.get(name).map_or(&[], Vec::as_slice)
    }

    /// Returns how the request of an operation is put together.
    pub fn operation(&self, id: &str) -> Option<&Request> {
        self.operations.get(id)
    }
}

/// Asks about all schemas, and the operations that aren't written by hand.
///
/// # Errors
/// What they can't generate. The rules of the specification refuse that before, so this names no place.
pub fn ask(api: &Api) -> Result<Answers, String> {
    let names = Names::new(api);
    let spec = serde_json::from_value(names.document()).map_err(|error| error.to_string())?;
    let mut settings = GenerationSettings::new();
    settings.with_interface(InterfaceStyle::Positional);
    for (number, schema) in api.schemas.iter().enumerate() {
        if !is_asked(&schema.shape) {
            let name = format!("S{number}");
            settings.with_replacement(&name, format!("::ours::{name}"), std::iter::empty());
        }
    }
    let mut generator = Generator::new(&settings);
    let tokens = generator
        .generate_tokens(&spec)
        .map_err(|error| format!("progenitor: {error}"))?;
    let mut answers = Answers::default();
    names.read_types(generator.get_type_space(), &mut answers)?;
    names.read_requests(tokens, &mut answers)?;
    Ok(answers)
}

/// Whether typify is asked for what is in it.
fn is_asked(shape: &Shape) -> bool {
    matches!(shape, Shape::Object { .. } | Shape::Newtype(_))
}

/// The names that things have while they are asked about.
struct Names<'a> {
    api: &'a Api,
    operations: Vec<&'a Operation>,
}

impl<'a> Names<'a> {
    fn new(api: &'a Api) -> Self {
        let operations = api.operations.iter();
        let operations = operations.filter(|operation| operation.hand_written.is_none());
        Self {
            api,
            operations: operations.collect(),
        }
    }

    fn document(&self) -> Value {
        let schemas = self.api.schemas.iter().enumerate();
        let mut schemas: Map<String, Value> = schemas
            .map(|(number, schema)| {
                let asked = match &schema.shape {
                    Shape::Object { fields, .. } => self.object(fields, |i| format!("p{i}")),
                    Shape::Newtype(kind) => self.kind(kind),
                    _ => json!({ "type": "string" }),
                };
                (format!("S{number}"), asked)
            })
            .collect();
        let mut paths = json!({});
        for (number, operation) in self.operations.iter().enumerate() {
            let parameters = operation.parameters.iter().map(|it| it.property.clone());
            let parameters: Vec<Property> = parameters.collect();
            if !parameters.is_empty() {
                // They are the fields of a struct like any other.
                let object = self.object(&parameters, |i| parameter(number, i));
                schemas.insert(format!("Parameters{number}"), object);
            }
            let (path, node) = self.operation(number, operation);
            paths[path][operation.method.to_lowercase()] = node;
        }
        json!({
            "openapi": "3.0.3",
            "info": { "title": "-", "version": "-" },
            "paths": paths,
            "components": { "schemas": schemas },
        })
    }

    fn operation(&self, number: usize, operation: &Operation) -> (String, Value) {
        let mut path = operation.path.clone();
        let mut parameters = Vec::new();
        for (i, asked) in operation.parameters.iter().enumerate() {
            let name = parameter(number, i);
            if asked.in_path {
                path = path.replace(
                    &format!("{{{}}}", asked.property.wire),
                    &format!("{{{name}}}"),
                );
            }
            parameters.push(json!({
                "name": name,
                "in": if asked.in_path { "path" } else { "query" },
                "required": asked.property.required,
                "style": if asked.in_path { "simple" } else { "form" },
                "schema": self.kind(&asked.property.kind),
            }));
        }
        let json = |name: &String| {
            let schema = self.kind(&Kind::Schema(name.clone()));
            json!({ "application/json": { "schema": schema } })
        };
        let mut node = json!({
            "operationId": format!("o{number}"),
            "parameters": parameters,
            "responses": { "2XX": { "description": "-" } },
        });
        if let Some(response) = &operation.response {
            node["responses"]["2XX"]["content"] = json(response);
        }
        if let Some(request) = &operation.request {
            node["requestBody"] = json!({ "required": true, "content": json(request) });
        }
        (path, node)
    }

    fn object(&self, fields: &[Property], name: impl Fn(usize) -> String) -> Value {
        let properties = fields.iter().enumerate().map(|(i, field)| {
            let mut kind = self.kind(&field.kind);
            if !field.required && matches!(field.kind, Kind::List(_) | Kind::Map(_)) {
                // typify reads an omitted list as an empty one, and omits an empty one. In a request
                // that is another request: `uuids: []` selects nothing, no `uuids` selects everything.
                kind["nullable"] = true.into();
            }
            (name(i), kind)
        });
        let properties: Map<String, Value> = properties.collect();
        let required = fields
            .iter()
            .enumerate()
            .filter(|(_, field)| field.required);
        let required: Vec<String> = required.map(|(i, _)| name(i)).collect();
        json!({ "type": "object", "properties": properties, "required": required })
    }

    fn kind(&self, kind: &Kind) -> Value {
        match kind {
            Kind::Any => json!({}),
            Kind::Text => json!({ "type": "string" }),
            Kind::Moment => json!({ "type": "string", "format": "date-time" }),
            Kind::Whole { signed: true } => json!({ "type": "integer" }),
            Kind::Whole { signed: false } => json!({ "type": "integer", "minimum": 0 }),
            Kind::Number => json!({ "type": "number" }),
            Kind::Truth => json!({ "type": "boolean" }),
            Kind::Nullable(inner) => json!({ "nullable": true, "allOf": [self.kind(inner)] }),
            Kind::List(items) => json!({ "type": "array", "items": self.kind(items) }),
            Kind::Map(values) => {
                json!({ "type": "object", "additionalProperties": self.kind(values) })
            }
            Kind::Schema(name) => {
                let number = self.api.schemas.iter().position(|it| it.name == *name);
                json!({ "$ref": format!("#/components/schemas/S{}", number.unwrap_or_default()) })
            }
        }
    }

    fn read_types(&self, space: &TypeSpace, answers: &mut Answers) -> Result<(), String> {
        for kind in space.iter_types() {
            let name = kind.name();
            let types = match kind.details() {
                TypeDetails::Struct(item) => {
                    let mut fields = Vec::new();
                    for field in item.properties_info() {
                        let place = number(field.name).ok_or_else(|| inline(&name))?;
                        fields.push((place, self.read_type(space, &field.type_id)?));
                    }
                    fields.sort_by_key(|(place, _)| *place);
                    fields.into_iter().map(|(_, kind)| kind).collect()
                }
                TypeDetails::Newtype(item) => vec![self.read_type(space, &item.inner())?],
                TypeDetails::Enum(_) => return Err(inline(&name)),
                _ => continue,
            };
            if let Some(operation) = self.of_parameters(&name) {
                let request = answers.operations.entry(operation.id.clone()).or_default();
                request.types = types;
            } else {
                let schema = self.schema(&name).ok_or_else(|| inline(&name))?;
                answers.schemas.insert(schema.to_owned(), types);
            }
        }
        Ok(())
    }

    fn read_type(&self, space: &TypeSpace, id: &TypeId) -> Result<Type, String> {
        let kind = space.get_type(id).map_err(|error| error.to_string())?;
        let inner = |id: &TypeId| Ok::<_, String>(Box::new(self.read_type(space, id)?));
        let named = |name: &str| match self.schema(name) {
            Some(name) => Ok(Type::Named(name.to_owned())),
            None => Err(inline(name)),
        };
        match kind.details() {
            TypeDetails::Option(id) => Ok(Type::Option(inner(&id)?)),
            TypeDetails::Vec(id) => Ok(Type::List(inner(&id)?)),
            TypeDetails::Map(_, id) => Ok(Type::Map(inner(&id)?)),
            TypeDetails::String => Ok(Type::Builtin("String".to_owned())),
            TypeDetails::Builtin(name) => match name.strip_prefix("::ours::") {
                Some(name) => named(name),
                None => Ok(Type::Builtin(name.trim_start_matches(':').to_owned())),
            },
            _ => named(&kind.name()),
        }
    }

    fn read_requests(&self, tokens: TokenStream, answers: &mut Answers) -> Result<(), String> {
        let file: syn::File = syn::parse2(tokens)
            .map_err(|error| format!("progenitor wrote something that is not Rust: {error}"))?;
        let functions = file.items.into_iter().flat_map(|item| match item {
            syn::Item::Impl(item) if item.trait_.is_none() => item.items,
            _ => Vec::new(),
        });
        for function in functions {
            let syn::ImplItem::Fn(function) = function else {
                continue;
            };
            let name = function.sig.ident.to_string();
            let Some(operation) = name
                .strip_prefix('o')
                .and_then(|number| self.operations.get(number.parse::<usize>().ok()?))
            else {
                continue;
            };
            let request = answers.operations.entry(operation.id.clone()).or_default();
            read_request(&function.block.stmts, operation, request).ok_or_else(|| {
                format!(
                    "progenitor puts the request of `{}` together in a way this generator doesn't know",
                    operation.id
                )
            })?;
        }
        Ok(())
    }

    /// The schema that is called so.
    fn schema(&self, name: &str) -> Option<&'a str> {
        let number: usize = name.strip_prefix('S')?.parse().ok()?;
        Some(&self.api.schemas.get(number)?.name)
    }

    /// The operation of which those are the parameters.
    fn of_parameters(&self, name: &str) -> Option<&'a Operation> {
        let number: usize = name.strip_prefix("Parameters")?.parse().ok()?;
        self.operations.get(number).copied()
    }
}

/// A parameter; progenitor sorts them as text.
fn parameter(operation: usize, place: usize) -> String {
    format!("a{operation}_{place:03}")
}

/// The place of a property among its like: 7 of `p7` and of `a4_007`.
fn number(name: &str) -> Option<usize> {
    name.rsplit(['p', '_']).next()?.parse().ok()
}

fn inline(name: &str) -> String {
    format!(
        "typify generates `{name}` for something without a name: name it under components.schemas"
    )
}

/// Reads from `let url = ..` to `let mut request = ..build()?`.
fn read_request(
    statements: &[syn::Stmt],
    operation: &Operation,
    request: &mut Request,
) -> Option<()> {
    let bound = |name: &str| {
        statements.iter().find_map(|statement| match statement {
            syn::Stmt::Local(local) if last_word(&local.pat.to_token_stream())? == name => {
                Some(&*local.init.as_ref()?.expr)
            }
            _ => None,
        })
    };
    // `format!("{}/batches/{}", self.baseurl, encode_path(&a4_000.to_string()))`
    let syn::Expr::Macro(url) = bound("url")? else {
        return None;
    };
    let parser = Punctuated::<syn::Expr, syn::Token![,]>::parse_terminated;
    let mut arguments = url.mac.parse_body_with(parser).ok()?.into_iter();
    let url: syn::LitStr = syn::parse2(arguments.next()?.into_token_stream()).ok()?;
    request.url = url.value();
    let segments = arguments.skip(1).map(|argument| {
        let words = argument.to_token_stream().into_iter();
        words
            .flat_map(words_of)
            .find_map(|word| number(word.strip_prefix('a')?))
    });
    request.segments = segments.collect::<Option<_>>()?;
    // `self.client.get(url).header(ACCEPT, ..).query(..).json(&body).headers(header_map).build()?`
    let syn::Expr::Try(built) = bound("request")? else {
        return None;
    };
    let syn::Expr::MethodCall(build) = &*built.expr else {
        return None;
    };
    let mut chain = build.receiver.clone();
    // Of every request: `api-version`, which this API doesn't know, and what it accepts.
    without_headers(&mut chain);
    request.chain = given_names(chain.to_token_stream(), operation);
    Some(())
}

fn last_word(tokens: &TokenStream) -> Option<String> {
    tokens.clone().into_iter().last().map(|it| it.to_string())
}

fn words_of(token: TokenTree) -> Vec<String> {
    match token {
        TokenTree::Ident(word) => vec![word.to_string()],
        TokenTree::Group(group) => group.stream().into_iter().flat_map(words_of).collect(),
        _ => Vec::new(),
    }
}

fn without_headers(chain: &mut Box<syn::Expr>) {
    while let syn::Expr::MethodCall(call) = &**chain
        && ["header", "headers"].contains(&call.method.to_string().as_str())
    {
        *chain = call.receiver.clone();
    }
    if let syn::Expr::MethodCall(call) = &mut **chain {
        without_headers(&mut call.receiver);
    }
}

/// Puts names where progenitor wrote its own: `self.limit` for `a4_007`, `"limit"` for `"a4_007"`.
fn given_names(tokens: TokenStream, operation: &Operation) -> TokenStream {
    let property = |word: &str| {
        let place = number(word.strip_prefix('a')?)?;
        Some(&operation.parameters.get(place)?.property)
    };
    let mut is_member = false;
    let given = tokens.into_iter().map(|token| {
        let was_member = std::mem::replace(&mut is_member, is_dot(&token));
        match &token {
            TokenTree::Group(group) => {
                let inner = given_names(group.stream(), operation);
                let mut group = Group::new(group.delimiter(), inner);
                group.set_span(group.span());
                TokenTree::Group(group).into()
            }
            TokenTree::Ident(word) if was_member => quote!(#word),
            TokenTree::Ident(word) if word == "self" => quote!(client),
            TokenTree::Ident(word) if word == "url" => quote!(url),
            TokenTree::Ident(word) if word == "body" => quote!(self.body),
            TokenTree::Ident(word) => match property(&word.to_string()) {
                Some(property) => {
                    let name = super::rust::field(&property.rust);
                    quote!(self.#name)
                }
                None => quote!(#word),
            },
            TokenTree::Literal(literal) => match property(literal.to_string().trim_matches('"')) {
                Some(Property { wire, .. }) => quote!(#wire),
                None => quote!(#literal),
            },
            other => quote!(#other),
        }
    });
    given.collect()
}

fn is_dot(token: &TokenTree) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == '.')
}

impl Type {
    /// Returns what an optional one holds, and itself where it isn't optional.
    pub fn required(&self) -> &Self {
        match self {
            Self::Option(inner) => inner,
            other => other,
        }
    }

    /// Returns whether it is this one of Rust's own.
    pub fn is(&self, name: &str) -> bool {
        matches!(self, Self::Builtin(own) if own == name)
    }

    /// Returns whether it is that of this schema.
    pub fn is_named(&self, schema: &str) -> bool {
        matches!(self, Self::Named(own) if own == schema)
    }

    /// Returns whether it is a date.
    pub fn is_date(&self) -> bool {
        matches!(self, Self::Builtin(own) if own.starts_with("chrono::"))
    }

    /// Returns whether it holds what a schema describes.
    pub fn holds(&self, schema: &str) -> bool {
        match self {
            Self::Builtin(_) => false,
            Self::Named(name) => name == schema,
            Self::List(inner) | Self::Map(inner) | Self::Option(inner) => inner.holds(schema),
        }
    }

    /// Returns it with the types of schemas in a module of that name.
    pub fn within(&self, module: &str) -> Self {
        let inner = |inner: &Self| Box::new(inner.within(module));
        match self {
            Self::Builtin(_) => self.clone(),
            Self::Named(name) => Self::Named(format!("{module}::{name}")),
            Self::List(of) => Self::List(inner(of)),
            Self::Map(of) => Self::Map(inner(of)),
            Self::Option(of) => Self::Option(inner(of)),
        }
    }
}

impl ToTokens for Type {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let parsed = |name: &str| -> TokenStream { name.parse().unwrap_or_default() };
        tokens.extend(match self {
            Self::Builtin(name) if self.is_date() && name.ends_with("Utc>") => {
                quote!(chrono::DateTime<chrono::Utc>)
            }
            Self::Builtin(name) | Self::Named(name) => parsed(name),
            Self::List(items) => quote!(Vec<#items>),
            Self::Map(values) if values.is("serde_json::Value") => {
                quote!(serde_json::Map<String, serde_json::Value>)
            }
            Self::Map(values) => quote!(std::collections::BTreeMap<String, #values>),
            Self::Option(inner) => quote!(Option<#inner>),
        });
    }
}

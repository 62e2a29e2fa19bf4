//! Fields of structs and parameters of operations: how they are declared, taken by constructors, and set by name.

use proc_macro2::{Ident, TokenStream};
use quote::quote;

use super::links::link;
use super::progenitor::Type;
use super::rust::{code, docs, field, snake};
use crate::spec::Property;

/// A field of a struct.
#[derive(Clone)]
pub struct Field {
    /// Its name in Rust.
    pub name: Ident,
    /// Its name on the wire.
    pub wire: String,
    /// Its type.
    pub kind: Type,
    /// It is a union whose fields are among the others on the wire.
    pub flattened: bool,
    setter: Ident,
    docs: String,
    deprecated: bool,
}

/// A parameter of a constructor: how it is taken, and how it becomes the field.
pub struct Argument {
    /// Its name.
    pub name: Ident,
    /// `impl Into<String>`.
    pub taken: TokenStream,
    /// `name.into()`.
    pub given: TokenStream,
}

/// Who writes the JSON of a struct.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Writer {
    /// The server alone.
    Server,
    /// The server as well, of what the caller may have written.
    Both,
    /// The caller, to whom a mistake is reported; or the server within a union, which preserves what it doesn't
    /// know, so that nothing is mistaken for what the caller wrote.
    Caller,
}

impl Field {
    /// The field that a property becomes.
    pub fn new(property: &Property, kind: Type) -> Self {
        Self {
            name: field(&property.rust),
            wire: property.wire.clone(),
            kind,
            flattened: false,
            setter: setter(property),
            docs: property.description.clone(),
            deprecated: property.deprecated,
        }
    }

    /// Returns whether it is always there, and so an argument of the constructor.
    pub fn is_required(&self) -> bool {
        !matches!(self.kind, Type::Option(_))
    }

    /// Returns whether callers should no longer use it.
    pub fn is_deprecated(&self) -> bool {
        self.deprecated
    }

    /// The declaration in a struct that is read and written as JSON.
    pub fn declaration(&self, writer: Writer) -> TokenStream {
        let Self {
            name, kind, wire, ..
        } = self;
        let (text, deprecated) = (docs(&self.docs), self.deprecation());
        let rename = (serde_camel(&name.to_string()) != *wire && !self.flattened)
            .then(|| quote!(#[serde(rename = #wire)]));
        let serde = match (self.is_required(), self.reader(writer)) {
            _ if self.flattened => Some(quote!(#[serde(flatten)])),
            (true, None) => None,
            (true, Some(reader)) => Some(quote!(#[serde(deserialize_with = #reader)])),
            (false, None) => {
                Some(quote!(#[serde(default, skip_serializing_if = "Option::is_none")]))
            }
            (false, Some(reader)) => Some(quote!(#[serde(
                default,
                deserialize_with = #reader,
                skip_serializing_if = "Option::is_none"
            )])),
        };
        quote!(#text #deprecated #rename #serde pub #name: #kind,)
    }

    fn deprecation(&self) -> Option<TokenStream> {
        self.deprecated
            .then(|| quote!(#[deprecated = "by the API"]))
    }

    /// Returns the function that reads the field where serde's own would be too strict: whole numbers always,
    /// as `3.0` is 3; what else a server can write otherwise only where it does the writing.
    fn reader(&self, writer: Writer) -> Option<&'static str> {
        let kind = self.kind.required();
        let is_optional = !self.is_required();
        let is_whole = kind.is("u64") || kind.is("i64");
        if writer == Writer::Caller {
            return is_whole.then_some(match is_optional {
                true => "crate::lenient::optional_whole",
                false => "crate::lenient::whole",
            });
        }
        let is_read = match kind {
            // Without its id nothing is what it is: serde's own error says what an id looks like.
            Type::Named(name) if name.ends_with("Uuid") => is_optional,
            text if text.is("String") => writer == Writer::Server && !is_optional,
            other => is_whole || other.is_date() || other.is("f64") || other.is("bool"),
        };
        // Nothing has been counted, or it isn't so. What else is null would mean something else as 0.
        let has_default = kind.is("bool") || (self.wire.ends_with("Count") && !kind.is("String"));
        is_read.then_some(match is_optional {
            true if kind.is_date() && writer == Writer::Server => "crate::lenient::optional_date",
            true => "crate::lenient::optional",
            false if has_default => "crate::lenient::or_default",
            false => "crate::lenient::required",
        })
    }

    /// How a constructor takes it.
    pub fn argument(&self) -> Argument {
        let name = self.name.clone();
        let (taken, given) = conversion(self.kind.required(), &name);
        Argument { name, taken, given }
    }

    /// Its value in a constructor that doesn't ask for what is optional.
    pub fn initial(&self) -> TokenStream {
        let name = &self.name;
        if !self.is_required() {
            return quote!(#name: Default::default(),);
        }
        let Argument { given, .. } = self.argument();
        match *name == given.to_string() {
            true => quote!(#name,),
            false => quote!(#name: #given,),
        }
    }

    /// Its value in a constructor that asks for it, though it is optional.
    pub fn initial_of_argument(&self) -> TokenStream {
        let (name, Argument { given, .. }) = (&self.name, self.argument());
        quote!(#name: Some(#given),)
    }

    /// The method that sets it; its documentation links to the field where that `is_public`.
    pub fn setter(&self, is_public: bool) -> TokenStream {
        let (name, method) = (&self.name, &self.setter);
        let what = match is_public && name != method {
            true => link(&name.to_string(), &format!("Self::{name}")),
            false => code(&method.to_string()),
        };
        let text = docs(&format!("Sets {what}. {}", self.docs));
        let (taken, given) = conversion(self.kind.required(), method);
        let deprecated = self.deprecation();
        quote! {
            #text
            #deprecated
            pub fn #method(mut self, #method: #taken) -> Self {
                self.#name = Some(#given);
                self
            }
        }
    }
}

/// The name of the method that sets a field: `workflowUuid` is set by `.workflow(id)`, as the type of the id says
/// that it is one.
pub fn setter(property: &Property) -> Ident {
    match property.setter() {
        name if name == property.rust => field(name),
        stem => snake(stem),
    }
}

/// The parameter list of some arguments.
pub fn taken<'a>(arguments: impl IntoIterator<Item = &'a Argument>) -> TokenStream {
    let arguments = arguments
        .into_iter()
        .map(|Argument { name, taken, .. }| quote!(#name: #taken));
    quote!(#(#arguments),*)
}

/// How a value of a type is taken, and what turns that into the type.
fn conversion(kind: &Type, value: &Ident) -> (TokenStream, TokenStream) {
    let as_is = ["bool", "u64", "i64", "serde_json::Value"];
    match kind {
        Type::List(items) => (
            quote!(impl IntoIterator<Item = impl Into<#items>>),
            quote!(#value.into_iter().map(Into::into).collect()),
        ),
        Type::Map(values) if values.is("String") => (
            quote!(impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>),
            quote!(#value.into_iter().map(|(key, value)| (key.into(), value.into())).collect()),
        ),
        Type::Map(_) => (quote!(#kind), quote!(#value)),
        other if other.is_date() || as_is.iter().any(|name| other.is(name)) => {
            (quote!(#kind), quote!(#value))
        }
        _ => (quote!(impl Into<#kind>), quote!(#value.into())),
    }
}

/// The spelling that `#[serde(rename_all = "camelCase")]` gives a field.
fn serde_camel(field: &str) -> String {
    let mut words = field.trim_start_matches("r#").split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut name, word| {
        let mut letters = word.chars();
        name.extend(letters.next().map(|letter| letter.to_ascii_uppercase()));
        name.push_str(letters.as_str());
        name
    })
}

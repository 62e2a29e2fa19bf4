//! typify's structs, written for people: fields in the order of the specification, forgiving
//! readers, and constructors for what is sent.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::visit_mut::VisitMut;

use super::lower::{FieldName, Schema, Shape, Tag};
use super::rust::{ShortPaths, code, docs, snake};

/// A struct with named fields.
#[derive(Clone)]
pub struct Struct {
    name: Ident,
    schema: Schema,
    fields: Vec<Field>,
}

#[derive(Clone)]
struct Field {
    name: Ident,
    wire: String,
    kind: syn::Type,
    docs: String,
    deprecated: bool,
    presence: Presence,
}

/// The constructors of unions by name: the function, the kind on the wire, and what it takes.
pub type Constructors = Vec<(Ident, String, Vec<Argument>)>;

#[derive(Clone, Copy, Debug, PartialEq)]
enum Presence {
    /// Always there, and an argument of the constructor.
    Required,
    /// `Option<T>`.
    Optional,
    /// A union whose members stand among the fields.
    Flattened,
}

/// Who writes the JSON of a struct.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Writer {
    /// The server alone.
    Server,
    /// The server as well, of what the caller may have written.
    Both,
    /// The caller, who wants to hear of a mistake; or the server within a union, which keeps what it doesn't
    /// know as it came, so that nothing is taken for what the caller wrote that was written otherwise.
    Caller,
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

impl Struct {
    /// Reads what typify made of a schema; nothing when that has no named fields.
    pub fn read(schema: &Schema, item: &syn::ItemStruct) -> Option<Self> {
        let Shape::Typify {
            fields: names,
            flattened,
        } = &schema.shape
        else {
            return None;
        };
        let syn::Fields::Named(named) = &item.fields else {
            return None;
        };
        let mut fields: Vec<Field> = named
            .named
            .iter()
            .map(|field| Field::read(field, names, flattened.as_deref()))
            .collect::<Option<_>>()?;
        fields.sort_by_key(|field| names.iter().position(|name| name.wire == field.wire));
        Some(Self {
            name: item.ident.clone(),
            schema: schema.clone(),
            fields,
        })
    }

    /// The struct and, when it can be sent, its constructors.
    ///
    /// `is_kept` says that it is within a union, which keeps what isn't of its form.
    pub fn write(&self, unions: &BTreeMap<String, Constructors>, is_kept: bool) -> TokenStream {
        let name = &self.name;
        let text = docs(&self.schema.description);
        let equality = equality(&self.schema);
        let default =
            (!self.fields.iter().any(|field| field.is_required())).then(|| quote!(Default,));
        let fields = self
            .fields
            .iter()
            .map(|field| field.write(self.writer(is_kept)));
        let (tag_field, tag_type) = self.own_tag();
        let flags = self.schema.flags.keys().map(|name| {
            let name = format_ident!("{name}");
            quote!(#[serde(skip)] #name: bool,)
        });
        let constructors = self.schema.sent.then(|| self.constructors(unions));
        let identity = self.identity();
        quote! {
            #text
            #[derive(Clone, Debug, #default #equality serde::Serialize, serde::Deserialize)]
            #[cfg_attr(feature = "schemars", derive(schemars::JsonSchema))]
            #[serde(rename_all = "camelCase")]
            #[non_exhaustive]
            pub struct #name { #tag_field #(#fields)* #(#flags)* }
            #tag_type
            #constructors
            #identity
        }
    }

    fn writer(&self, is_kept: bool) -> Writer {
        match (self.schema.answered && !is_kept, self.schema.sent) {
            (false, _) => Writer::Caller,
            (true, true) => Writer::Both,
            (true, false) => Writer::Server,
        }
    }

    /// Returns whether a field holds what another schema describes.
    pub fn holds(&self, name: &str) -> bool {
        fn mentions(tokens: TokenStream, name: &str) -> bool {
            tokens.into_iter().any(|token| match token {
                proc_macro2::TokenTree::Group(group) => mentions(group.stream(), name),
                token => token.to_string() == name,
            })
        }
        let mut kinds = self.fields.iter().map(|field| field.kind.to_token_stream());
        kinds.any(|kind| mentions(kind, name))
    }

    /// Our own code sets what callers no longer should.
    fn allow_deprecated(&self) -> Option<TokenStream> {
        let any = self.fields.iter().any(|field| field.deprecated);
        any.then(|| quote!(#[allow(deprecated)]))
    }

    /// What has an id can be given where the id is wanted.
    fn identity(&self) -> Option<TokenStream> {
        let (name, schema) = (&self.name, &self.schema.name);
        let id = self.fields.iter().find(|field| field.wire == "uuid")?;
        let kind = &id.kind;
        (quote!(#kind).to_string() == format!("{schema}Uuid")).then(|| {
            quote! {
                impl From<&#name> for #kind {
                    fn from(value: &#name) -> Self {
                        value.uuid
                    }
                }
            }
        })
    }

    /// The field that writes and checks the tag, and its type, when no union does so everywhere.
    fn own_tag(&self) -> (TokenStream, TokenStream) {
        let Some(Tag { name, field, value }) = &self.schema.own_tag else {
            return Default::default();
        };
        let (field, kind) = (super::rust::field(field), own_tag_type(&self.schema));
        (
            quote!(#[serde(rename = #name)] #field: #kind,),
            quote!(crate::own_tag! { #kind is #value }),
        )
    }

    /// What the constructor takes.
    pub fn arguments(&self) -> Vec<Argument> {
        self.fields
            .iter()
            .filter(|field| field.is_required() || self.is_asked_for(field))
            .map(Field::argument)
            .collect()
    }

    /// Whether it is optional, and leaving it out needs a constructor of its own.
    fn is_asked_for(&self, field: &Field) -> bool {
        self.schema.omissions.contains_key(&field.wire)
    }

    fn constructors(&self, unions: &BTreeMap<String, Constructors>) -> TokenStream {
        let name = &self.name;
        let arguments = self.arguments();
        let (taken, given) = (
            taken(&arguments),
            self.fields
                .iter()
                .map(|field| match self.is_asked_for(field) {
                    true => field.initial_of_argument(),
                    false => field.initial(),
                }),
        );
        let omissions = self.omissions();
        let tag = self.schema.own_tag.as_ref().map(|tag| {
            let field = super::rust::field(&tag.field);
            quote!(#field: Default::default(),)
        });
        let text = docs(match arguments.is_empty() {
            true => "Nothing is required: add what matters by name.",
            false => "With what is required; the rest is added by name.",
        });
        let setters = self
            .fields
            .iter()
            .filter(|field| !field.is_required())
            .map(Field::setter);
        let shorthands = self.shorthands(unions);
        let flags = self.schema.flags.keys().map(|name| format_ident!("{name}"));
        let flag_methods = self.schema.flags.iter().map(|(name, meaning)| {
            let (flag, is_set) = (format_ident!("{name}"), format_ident!("is_{name}"));
            let (text, read) = (
                docs(meaning),
                docs(&format!("Returns whether `{name}` was called.")),
            );
            quote! {
                #text
                pub fn #flag(mut self) -> Self {
                    self.#flag = true;
                    self
                }
                #read
                pub fn #is_set(&self) -> bool {
                    self.#flag
                }
            }
        });
        let allow = self.allow_deprecated();
        quote! {
            #allow
            impl #name {
                #text
                pub fn new(#taken) -> Self {
                    Self { #tag #(#given)* #(#flags: false,)* }
                }
                #omissions
                #shorthands
                #(#setters)*
                #(#flag_methods)*
            }
        }
    }

    /// A constructor for each field whose absence is a word of its own.
    fn omissions(&self) -> TokenStream {
        let constructor = |(wire, (name, meaning)): (&String, &(String, String))| {
            let kept = self.fields.iter().filter(|field| {
                field.is_required() || (self.is_asked_for(field) && field.wire != *wire)
            });
            let taken = taken(&kept.map(Field::argument).collect::<Vec<_>>());
            let given = self.fields.iter().map(|field| {
                match self.is_asked_for(field) && field.wire != *wire {
                    true => field.initial_of_argument(),
                    false => field.initial(),
                }
            });
            let tag = self.schema.own_tag.as_ref().map(|tag| {
                let field = super::rust::field(&tag.field);
                quote!(#field: Default::default(),)
            });
            let flags = self.schema.flags.keys().map(|name| format_ident!("{name}"));
            let text = docs(meaning);
            let name = snake(name);
            quote! {
                #text
                pub fn #name(#taken) -> Self {
                    Self { #tag #(#given)* #(#flags: false,)* }
                }
            }
        };
        self.schema.omissions.iter().map(constructor).collect()
    }

    /// `StringCondition::is(column, values)` for
    /// `StringCondition::new(column, StringComparison::is(values))`, as long as it stays readable.
    fn shorthands(&self, unions: &BTreeMap<String, Constructors>) -> TokenStream {
        const READABLE: usize = 4;
        let Some(field) = self
            .fields
            .iter()
            .find(|field| field.presence == Presence::Flattened)
        else {
            return TokenStream::new();
        };
        let union = &field.kind;
        let own: Vec<Argument> = self
            .fields
            .iter()
            .filter(|field| field.presence == Presence::Required)
            .map(Field::argument)
            .collect();
        let made = unions
            .get(&quote!(#union).to_string())
            .into_iter()
            .flatten();
        made.filter(|(_, _, arguments)| own.len() + arguments.len() <= READABLE)
            .map(|(tag, kind, arguments)| {
                let all = taken(own.iter().chain(arguments));
                let names = own.iter().map(|argument| &argument.name);
                let inner = arguments.iter().map(|argument| &argument.name);
                let text = docs(&format!(
                    "With {} set to {}.",
                    code(&field.wire),
                    code(kind)
                ));
                quote! {
                    #text
                    pub fn #tag(#all) -> Self {
                        Self::new(#(#names,)* #union::#tag(#(#inner),*))
                    }
                }
            })
            .collect()
    }
}

/// The type of the field that writes a variant's own tag.
pub fn own_tag_type(schema: &Schema) -> Ident {
    format_ident!("{}Tag", schema.name)
}

impl Field {
    fn read(field: &syn::Field, names: &[FieldName], flattened: Option<&str>) -> Option<Self> {
        let number = field.ident.as_ref()?.to_string();
        let number: usize = number.strip_prefix('p')?.parse().ok()?;
        let FieldName {
            wire,
            rust,
            description,
            deprecated,
        } = names.get(number)?.clone();
        let mut kind = field.ty.clone();
        ShortPaths { types: None }.visit_type_mut(&mut kind);
        let presence = if flattened == Some(wire.as_str()) {
            Presence::Flattened
        } else if inner("Option", &kind).is_some() {
            Presence::Optional
        } else {
            Presence::Required
        };
        Some(Self {
            name: super::rust::field(&rust),
            wire,
            kind,
            docs: description,
            deprecated,
            presence,
        })
    }

    fn is_required(&self) -> bool {
        matches!(self.presence, Presence::Required | Presence::Flattened)
    }

    fn write(&self, writer: Writer) -> TokenStream {
        let Self {
            name, kind, wire, ..
        } = self;
        let (text, deprecated) = (docs(&self.docs), self.deprecated());
        let rename = (serde_camel(&name.to_string()) != *wire
            && self.presence != Presence::Flattened)
            .then(|| quote!(#[serde(rename = #wire)]));
        let serde = match (self.presence, self.reader(writer)) {
            (Presence::Required, None) => None,
            (Presence::Required, Some(reader)) => {
                Some(quote!(#[serde(deserialize_with = #reader)]))
            }
            (Presence::Flattened, _) => Some(quote!(#[serde(flatten)])),
            (Presence::Optional, None) => {
                Some(quote!(#[serde(default, skip_serializing_if = "Option::is_none")]))
            }
            (Presence::Optional, Some(reader)) => Some(quote!(#[serde(
                default,
                deserialize_with = #reader,
                skip_serializing_if = "Option::is_none"
            )])),
        };
        quote!(#text #deprecated #rename #serde pub #name: #kind,)
    }

    fn deprecated(&self) -> Option<TokenStream> {
        self.deprecated
            .then(|| quote!(#[deprecated = "by the API"]))
    }

    /// Returns the function that reads the field where serde's own would be too strict: whole numbers always,
    /// as `3.0` is 3; what else a server can write otherwise only where it does the writing.
    fn reader(&self, writer: Writer) -> Option<&'static str> {
        let kind = inner("Option", &self.kind).unwrap_or(&self.kind);
        let kind = kind.to_token_stream().to_string();
        let is_optional = self.presence == Presence::Optional;
        let is_whole = ["u64", "i64"].contains(&kind.as_str());
        let is_date = kind.starts_with("chrono ::");
        if writer == Writer::Caller {
            return is_whole.then_some(match is_optional {
                true => "crate::lenient::optional_whole",
                false => "crate::lenient::whole",
            });
        }
        let is_read = match kind.as_str() {
            // Without its id nothing is what it is: serde's own error says what an id looks like.
            id if id.ends_with("Uuid") => is_optional,
            "String" => writer == Writer::Server && !is_optional,
            other => is_whole || is_date || ["f64", "bool"].contains(&other),
        };
        // Nothing has been counted, or it isn't so. What else is null would mean something else as 0.
        let has_default = kind == "bool" || (self.wire.ends_with("Count") && kind != "String");
        is_read.then_some(match is_optional {
            true if is_date && writer == Writer::Server => "crate::lenient::optional_date",
            true => "crate::lenient::optional",
            false if has_default => "crate::lenient::or_default",
            false => "crate::lenient::required",
        })
    }

    fn argument(&self) -> Argument {
        let name = self.name.clone();
        let kind = inner("Option", &self.kind).unwrap_or(&self.kind);
        let (taken, given) = conversion(kind, &quote!(#name));
        Argument { name, taken, given }
    }

    /// An optional field that the constructor asks for.
    fn initial_of_argument(&self) -> TokenStream {
        let (name, Argument { given, .. }) = (&self.name, self.argument());
        quote!(#name: Some(#given),)
    }

    fn initial(&self) -> TokenStream {
        let name = &self.name;
        if self.is_required() {
            let Argument { given, .. } = self.argument();
            if *name == given.to_string() {
                quote!(#name,)
            } else {
                quote!(#name: #given,)
            }
        } else {
            quote!(#name: Default::default(),)
        }
    }

    /// `workflowUuid` is set by `.workflow(id)`: the id's type says already that it is one.
    fn setter(&self) -> TokenStream {
        let name = &self.name;
        let word = name.to_string();
        let method = match word.strip_suffix("_uuid") {
            Some(stem) => snake(stem),
            None => name.clone(),
        };
        let text = docs(&format!("Sets {}. {}", code(&self.wire), self.docs));
        let kind = inner("Option", &self.kind).unwrap_or(&self.kind);
        let (taken, given) = conversion(kind, &quote!(#method));
        let deprecated = self.deprecated();
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

/// `Eq` and `Hash` for all but floats.
pub fn equality(schema: &Schema) -> TokenStream {
    if schema.float {
        quote!(PartialEq,)
    } else {
        quote!(PartialEq, Eq, Hash,)
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
pub fn conversion(kind: &syn::Type, value: &TokenStream) -> (TokenStream, TokenStream) {
    if let Some(item) = inner("Vec", kind) {
        return (
            quote!(impl IntoIterator<Item = impl Into<#item>>),
            quote!(#value.into_iter().map(Into::into).collect()),
        );
    }
    let plain = quote!(#kind).to_string();
    if plain.contains("BTreeMap < String , String >") {
        return (
            quote!(impl IntoIterator<Item = (impl Into<String>, impl Into<String>)>),
            quote!(#value.into_iter().map(|(key, value)| (key.into(), value.into())).collect()),
        );
    }
    let as_is = ["bool", "u64", "i64", "i32", "u32"].contains(&plain.as_str())
        || plain.starts_with("chrono ::")
        || plain.starts_with("serde_json ::");
    if as_is {
        (quote!(#kind), quote!(#value))
    } else {
        (quote!(impl Into<#kind>), quote!(#value.into()))
    }
}

/// `T` of `Outer<T>`.
pub fn inner<'a>(outer: &str, kind: &'a syn::Type) -> Option<&'a syn::Type> {
    let syn::Type::Path(path) = kind else {
        return None;
    };
    let last = path
        .path
        .segments
        .last()
        .filter(|part| part.ident == outer)?;
    let syn::PathArguments::AngleBracketed(arguments) = &last.arguments else {
        return None;
    };
    match arguments.args.first()? {
        syn::GenericArgument::Type(kind) => Some(kind),
        _ => None,
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

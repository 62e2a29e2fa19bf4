//! Structs, written for people: fields in the order of the specification, forgiving readers, and constructors
//! for what is sent.

use std::collections::BTreeMap;

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::field::{Argument, Field, Writer, taken};
use super::links::link;
use super::progenitor::Type;
use super::rust::{docs, ident, snake};
use crate::model::{Schema, Shape, Tag};

/// A struct with named fields.
#[derive(Clone)]
pub struct Struct {
    name: Ident,
    schema: Schema,
    fields: Vec<Field>,
}

/// The constructors of a union: the function, and what it takes.
pub type Constructors = Vec<(Ident, Vec<Argument>)>;

impl Struct {
    /// Returns the struct that an object becomes, with fields of those types; nothing for other schemas.
    pub fn new(schema: &Schema, types: &[Type]) -> Option<Self> {
        let Shape::Object { fields, flattened } = &schema.shape else {
            return None;
        };
        let fields = fields.iter().zip(types).map(|(property, kind)| {
            let mut field = Field::new(property, kind.clone());
            field.flattened = flattened.as_ref() == Some(&property.wire);
            field
        });
        Some(Self {
            name: ident(&schema.name),
            schema: schema.clone(),
            fields: fields.collect(),
        })
    }

    /// The struct and, when it can be sent, its constructors.
    ///
    /// `is_kept` says that it is within a union, which preserves what isn't of its form.
    pub fn write(&self, unions: &BTreeMap<String, Constructors>, is_kept: bool) -> TokenStream {
        let name = &self.name;
        let text = docs(&self.schema.description);
        let equality = equality(&self.schema);
        let default =
            (!self.fields.iter().any(|field| field.is_required())).then(|| quote!(Default,));
        let fields = self
            .fields
            .iter()
            .map(|field| field.declaration(self.writer(is_kept)));
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
        self.fields.iter().any(|field| field.kind.holds(name))
    }

    /// Our own code sets what callers no longer should.
    fn allow_deprecated(&self) -> Option<TokenStream> {
        let any = self.fields.iter().any(Field::is_deprecated);
        any.then(|| quote!(#[allow(deprecated)]))
    }

    /// What has an id can be given where the id is wanted.
    fn identity(&self) -> Option<TokenStream> {
        let (name, schema) = (&self.name, &self.schema.name);
        let id = self.fields.iter().find(|field| field.wire == "uuid")?;
        let kind = &id.kind;
        id.kind.is_named(&format!("{schema}Uuid")).then(|| {
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
        let has_setters = self
            .fields
            .iter()
            .any(|field| !field.is_required() && !self.is_asked_for(field));
        let text = docs(&match (arguments.is_empty(), has_setters) {
            (true, _) => {
                format!("Creates a `{name}` with no field set. Set fields with the methods below.")
            }
            (false, true) => format!(
                "Creates a `{name}` from its required fields. Set optional fields with the methods below."
            ),
            (false, false) => format!("Creates a `{name}` from its fields."),
        });
        let setters = self
            .fields
            .iter()
            .filter(|field| !field.is_required())
            .map(|field| field.setter(true));
        let shorthands = self.shorthands(unions);
        let flags = self.schema.flags.keys().map(|name| format_ident!("{name}"));
        let flag_methods = self.schema.flags.iter().map(|(name, meaning)| {
            let (flag, is_set) = (format_ident!("{name}"), format_ident!("is_{name}"));
            let (text, read) = (
                docs(meaning),
                docs(&format!(
                    "Returns whether [`{name}`](Self::{name}) was called."
                )),
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

    /// A constructor for each field whose absence has a constructor of its own.
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
        let Some(field) = self.fields.iter().find(|field| field.flattened) else {
            return TokenStream::new();
        };
        let union = &field.kind;
        let own: Vec<Argument> = self
            .fields
            .iter()
            .filter(|field| field.is_required() && !field.flattened)
            .map(Field::argument)
            .collect();
        let constructors = unions
            .get(&quote!(#union).to_string())
            .into_iter()
            .flatten();
        constructors
            .filter(|(_, arguments)| own.len() + arguments.len() <= READABLE)
            .map(|(tag, arguments)| {
                let all = taken(own.iter().chain(arguments));
                let names = own.iter().map(|argument| &argument.name);
                let inner = arguments.iter().map(|argument| &argument.name);
                let path = format!("{}::{tag}", quote!(#union));
                let text = docs(&format!(
                    "Creates a `{}` with {} as its {}.",
                    self.name,
                    link(&path, &format!("crate::{path}")),
                    link(&field.name.to_string(), &format!("Self::{}", field.name)),
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

/// `Eq` and `Hash` for all but floats.
pub fn equality(schema: &Schema) -> TokenStream {
    if schema.float {
        quote!(PartialEq,)
    } else {
        quote!(PartialEq, Eq, Hash,)
    }
}

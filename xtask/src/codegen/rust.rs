//! Rust as text: names, docs and formatting.

use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;
use syn::visit_mut::{self, VisitMut};

/// Prints items the way every generated file is printed.
///
/// # Panics
/// When the tokens are not Rust items, which is a mistake in the generator.
pub fn print(tokens: TokenStream) -> String {
    let mut file: syn::File = syn::parse2(tokens).expect("generated tokens are Rust items");
    DocLines.visit_file_mut(&mut file);
    prettyplease::unparse(&file)
}

/// `workflowUuid` -> `workflow_uuid`, `in` -> `r#in`.
pub fn snake(name: &str) -> Ident {
    ident(&name.to_snake_case())
}

/// `isNot` -> `IsNot`.
pub fn camel(name: &str) -> Ident {
    ident(&name.to_upper_camel_case())
}

/// `create_batch` -> `CREATE_BATCH`.
pub fn shouting(name: &str) -> Ident {
    ident(&name.to_snake_case().to_uppercase())
}

/// An identifier, raw when the word is a keyword.
pub fn ident(word: &str) -> Ident {
    syn::parse_str(word).unwrap_or_else(|_| Ident::new_raw(word, Span::call_site()))
}

/// A field, with an underscore when the word is a keyword, as serde knows it.
pub fn field(word: &str) -> Ident {
    let word = if syn::parse_str::<Ident>(word).is_ok() {
        word.to_owned()
    } else {
        format!("{word}_")
    };
    Ident::new(&word, Span::call_site())
}

/// Documentation, one attribute a line, so that it prints as `/// text`.
pub fn docs(text: &str) -> TokenStream {
    let lines = text.trim().lines().map(|line| doc_line(line.trim_end()));
    quote!(#(#lines)*)
}

fn doc_line(line: &str) -> TokenStream {
    let line = if line.is_empty() {
        String::new()
    } else {
        format!(" {line}")
    };
    quote!(#[doc = #line])
}

/// A name of the wire as documentation shows it.
pub fn code(text: &str) -> String {
    format!("`{text}`")
}

/// typify and progenitor write `#[doc = "several\nlines"]`; people write `///` lines.
struct DocLines;

impl VisitMut for DocLines {
    fn visit_attributes_mut(&mut self, attributes: &mut Vec<syn::Attribute>) {
        let old = std::mem::take(attributes);
        for attribute in old {
            match doc_text(&attribute) {
                Some(text) if text.contains('\n') => {
                    attributes.extend(text.lines().map(|line| {
                        let line = match line.trim_end() {
                            "" => String::new(),
                            line if line.starts_with(' ') => line.to_owned(),
                            line => format!(" {line}"),
                        };
                        syn::parse_quote!(#[doc = #line])
                    }));
                }
                Some(text) if !text.is_empty() && !text.starts_with(' ') => {
                    let text = format!(" {text}");
                    attributes.push(syn::parse_quote!(#[doc = #text]));
                }
                _ => attributes.push(attribute),
            }
        }
    }
}

/// The text of a `#[doc]` attribute.
pub fn doc_text(attribute: &syn::Attribute) -> Option<String> {
    let syn::Meta::NameValue(meta) = &attribute.meta else {
        return None;
    };
    let syn::Expr::Lit(syn::ExprLit {
        lit: syn::Lit::Str(text),
        ..
    }) = &meta.value
    else {
        return None;
    };
    meta.path.is_ident("doc").then(|| text.value())
}

/// Shortens the absolute paths that generators write to the names people write.
pub struct ShortPaths {
    /// What stands in front of the types of our own crate: `types` in the client, nothing there.
    pub types: Option<Ident>,
}

impl VisitMut for ShortPaths {
    fn visit_path_mut(&mut self, path: &mut syn::Path) {
        visit_mut::visit_path_mut(self, path);
        let words: Vec<String> = path
            .segments
            .iter()
            .map(|part| part.ident.to_string())
            .collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let keep = match words.as_slice() {
            ["std", "option", "Option"]
            | ["std", "vec", "Vec"]
            | ["std", "string", "String"]
            | ["std", "convert", "From" | "TryFrom" | "TryInto"]
            | ["std", "result", "Result"] => 1,
            ["cargo_batch_types", _] => 1,
            _ => words.len(),
        };
        if words.first() == Some(&"cargo_batch_types")
            && let Some(types) = &self.types
        {
            path.segments[0].ident = types.clone();
            path.leading_colon = None;
            return;
        }
        if path.leading_colon.is_some() {
            path.leading_colon = None;
            let dropped = words.len() - keep;
            path.segments = path.segments.iter().skip(dropped).cloned().collect();
        }
        if words == ["chrono", "offset", "Utc"] {
            *path = syn::parse_quote!(chrono::Utc);
        }
    }
}

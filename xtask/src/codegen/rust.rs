//! Rust as text: names, docs and formatting.

use heck::{ToSnakeCase, ToUpperCamelCase};
use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

/// Prints items the way every generated file is printed.
///
/// # Panics
/// When the tokens are not Rust items, which is a mistake in the generator.
pub fn print(tokens: TokenStream) -> String {
    let file: syn::File = syn::parse2(tokens).expect("generated tokens are Rust items");
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

/// A name as documentation shows it.
pub fn code(text: &str) -> String {
    format!("`{text}`")
}

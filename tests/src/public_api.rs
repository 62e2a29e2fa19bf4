//! The public API of a crate of this workspace, one line for each item, read from its source.
//!
//! rustdoc's JSON would say it all, but only a nightly compiler writes it. This follows modules and
//! re-exports from `lib.rs` on, and knows the crates' own macros by name.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, ImplItem, Item, TraitItem, UseTree, Visibility};

/// The public items of a crate, sorted: no bodies, no docs.
///
/// # Panics
/// When a source file is missing or doesn't parse.
pub fn public_api(package: &str) -> String {
    let source = crate::root().join(package).join("src");
    let root = Module::read(&source.join("lib.rs"), &source);
    let mut api = Api::default();
    api.export(&root, &root, "", None);
    api.implementations(&root);
    api.lines.into_iter().collect::<Vec<_>>().join("\n")
}

/// A module with its items, and its child modules by name.
struct Module {
    items: Vec<Item>,
    children: BTreeMap<String, Module>,
}

impl Module {
    fn read(file: &Path, folder: &Path) -> Self {
        let text = std::fs::read_to_string(file)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let parsed =
            syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self::new(parsed.items, folder)
    }

    fn new(items: Vec<Item>, folder: &Path) -> Self {
        let items: Vec<Item> = items.into_iter().filter(|item| !is_test(item)).collect();
        let mut children = BTreeMap::new();
        for item in &items {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let inner = folder.join(&name);
            let child = match &module.content {
                Some((_, items)) => Self::new(items.clone(), &inner),
                None => match folder.join(format!("{name}.rs")) {
                    file if file.exists() => Self::read(&file, &inner),
                    _ => Self::read(&inner.join("mod.rs"), &inner),
                },
            };
            children.insert(name, child);
        }
        Self { items, children }
    }
}

#[derive(Default)]
struct Api {
    lines: BTreeSet<String>,
    /// Where each exported type and trait is met.
    paths: BTreeMap<String, String>,
}

impl Api {
    /// Lists what `module` offers under the path `prefix`; with `only`, just the item of that name,
    /// as the name it is given.
    fn export(&mut self, root: &Module, module: &Module, prefix: &str, only: Option<(&str, &str)>) {
        for item in &module.items {
            match item {
                Item::Mod(inner) if is_public(&inner.vis) && only.is_none() => {
                    let child = &module.children[&inner.ident.to_string()];
                    let path = format!("{prefix}{}", inner.ident);
                    self.lines.insert(format!("mod {path}"));
                    self.export(root, child, &format!("{path}::"), None);
                }
                Item::Use(item) if is_public(&item.vis) => {
                    self.reexport(root, module, &item.tree, &[], prefix, only);
                }
                _ => {
                    let Some(name) = offered(item) else { continue };
                    let alias = match only {
                        Some((wanted, alias)) if wanted == name => alias.to_owned(),
                        Some(_) => continue,
                        None => name.clone(),
                    };
                    let path = format!("{prefix}{alias}");
                    self.item(item, &path);
                    self.paths.entry(name).or_insert(path);
                }
            }
        }
    }

    fn reexport(
        &mut self,
        root: &Module,
        module: &Module,
        tree: &UseTree,
        before: &[String],
        prefix: &str,
        only: Option<(&str, &str)>,
    ) {
        let (name, alias) = match tree {
            UseTree::Path(path) => {
                let before = [before, &[path.ident.to_string()]].concat();
                return self.reexport(root, module, &path.tree, &before, prefix, only);
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.reexport(root, module, tree, before, prefix, only);
                }
                return;
            }
            UseTree::Name(name) => (Some(name.ident.to_string()), name.ident.to_string()),
            UseTree::Rename(name) => (Some(name.ident.to_string()), name.rename.to_string()),
            UseTree::Glob(_) => (None, "*".to_owned()),
        };
        if only.is_some_and(|(wanted, _)| name.is_some() && wanted != alias) {
            return;
        }
        let inner = match (&name, only) {
            (Some(name), _) => Some((
                name.as_str(),
                only.map_or(alias.as_str(), |(_, alias)| alias),
            )),
            (None, only) => only,
        };
        let child = name.as_ref().and_then(|name| module.children.get(name));
        let found = match before {
            // `pub use secrecy;`: a crate, unless there is a module of that name.
            [] if child.is_none() && name.is_some() => None,
            _ => find(root, module, before),
        };
        match found {
            // `pub use module;` offers a whole module, anything else an item in it.
            Some(found) => match name.as_ref().and_then(|name| found.children.get(name)) {
                Some(child) => self.export(root, child, &format!("{prefix}{alias}::"), None),
                None => self.export(root, found, prefix, inner),
            },
            // Of another crate.
            None => {
                let path: Vec<String> = before.iter().cloned().chain(name).collect();
                self.lines
                    .insert(format!("use {} as {prefix}{alias}", path.join("::")));
            }
        }
    }

    fn item(&mut self, item: &Item, path: &str) {
        let mut line = |text: String| self.lines.insert(text);
        match item {
            Item::Struct(item) => {
                let generics = text(&item.generics);
                line(format!("struct {path}{generics}{}", marks(&item.attrs)));
                for (i, field) in item.fields.iter().enumerate() {
                    if is_public(&field.vis) {
                        let name = field
                            .ident
                            .as_ref()
                            .map_or(i.to_string(), ToString::to_string);
                        line(format!("field {path}::{name}: {}", text(&field.ty)));
                    }
                }
            }
            Item::Enum(item) => {
                line(format!(
                    "enum {path}{}{}",
                    text(&item.generics),
                    marks(&item.attrs)
                ));
                for variant in &item.variants {
                    let fields = text(&variant.fields).replace(" ,", ",");
                    line(format!("variant {path}::{}{fields}", variant.ident));
                }
            }
            Item::Fn(item) => {
                line(signature(&item.sig).replacen(&item.sig.ident.to_string(), path, 1));
            }
            Item::Const(item) => {
                line(format!("const {path}: {}", text(&item.ty)));
            }
            Item::Type(item) => {
                line(format!(
                    "type {path}{} = {}",
                    text(&item.generics),
                    text(&item.ty)
                ));
            }
            Item::Trait(item) => {
                let bounds = text(&item.supertraits);
                line(format!("trait {path}{}: {bounds}", text(&item.generics)));
                for inner in &item.items {
                    match inner {
                        TraitItem::Fn(inner) => line(format!("{path}: {}", signature(&inner.sig))),
                        TraitItem::Type(inner) => line(format!("{path}: type {}", inner.ident)),
                        _ => false,
                    };
                }
            }
            Item::Macro(item) => self.macro_made(item, path),
            _ => {}
        }
    }

    /// A type that one of the crate's own macros writes: its name and its variants.
    fn macro_made(&mut self, item: &syn::ItemMacro, path: &str) {
        let maker = item
            .mac
            .path
            .segments
            .last()
            .map(|part| part.ident.to_string());
        self.lines
            .insert(format!("{} {path}", maker.unwrap_or_default()));
        if let Ok(item) = syn::parse2::<syn::ItemEnum>(item.mac.tokens.clone()) {
            for variant in &item.variants {
                let wire = variant.discriminant.as_ref().map(|(_, value)| text(value));
                let wire = wire.unwrap_or_default();
                self.lines
                    .insert(format!("variant {path}::{} = {wire}", variant.ident));
            }
        }
    }

    /// The methods and traits of everything that is exported, wherever they are written.
    fn implementations(&mut self, module: &Module) {
        for item in &module.items {
            match item {
                Item::Impl(item) => self.implementation(item),
                Item::Macro(item) => self.union_macro(item),
                _ => {}
            }
        }
        module
            .children
            .values()
            .for_each(|child| self.implementations(child));
    }

    fn implementation(&mut self, item: &syn::ItemImpl) {
        let own = text(&item.self_ty);
        let name = own.split('<').next().unwrap_or_default();
        let name = name.rsplit("::").next().unwrap_or_default();
        let when = condition(&item.attrs);
        if let Some((wanted, _)) = &item.trait_ {
            // `impl From<Ours> for Theirs` counts as well.
            let wanted = text(wanted);
            if self.paths.contains_key(name)
                || self.paths.keys().any(|ours| mentions(&wanted, ours))
            {
                let generics = text(&item.generics);
                self.lines
                    .insert(format!("impl{generics} {wanted} for {own}{when}"));
            }
            return;
        }
        let Some(path) = self.paths.get(name) else {
            return;
        };
        for inner in &item.items {
            let line = match inner {
                ImplItem::Fn(inner) if is_public(&inner.vis) => signature(&inner.sig),
                ImplItem::Const(inner) if is_public(&inner.vis) => {
                    format!("const {}: {}", inner.ident, text(&inner.ty))
                }
                _ => continue,
            };
            self.lines.insert(format!("{path}: {line}{when}"));
        }
    }

    /// `tagged_union! { Name by "tag", keep what does not fit { "wire" => Case(Fields), ... } }`
    fn union_macro(&mut self, item: &syn::ItemMacro) {
        if item
            .mac
            .path
            .segments
            .last()
            .is_none_or(|part| part.ident != "tagged_union")
        {
            return;
        }
        let mut tokens = item.mac.tokens.clone().into_iter();
        let head: TokenStream = tokens.by_ref().take(5).collect();
        let head = head.to_string().replace(" ,", ",");
        let Some(path) = self.paths.get(head.split(' ').next().unwrap_or_default()) else {
            return;
        };
        self.lines.insert(format!("{path}: tagged_union {head}"));
        for token in tokens {
            let proc_macro2::TokenTree::Group(group) = token else {
                continue;
            };
            for case in group.stream().to_string().split(',').map(str::trim) {
                if let Some((wire, case)) = case.split_once("=>") {
                    let case = case.trim().split([' ', '(']).next().unwrap_or_default();
                    self.lines.insert(format!("{path}: kind {}=> {case}", wire));
                }
            }
        }
    }
}

/// The name of a public item, of a macro call that makes one too.
fn offered(item: &Item) -> Option<String> {
    let (vis, ident) = match item {
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::Macro(item) if item.ident.is_none() => {
            let made: Item = syn::parse2(item.mac.tokens.clone()).ok()?;
            return offered(&made);
        }
        _ => return None,
    };
    is_public(vis).then(|| ident.to_string())
}

/// The module that a `use` path leads to; none when it leads out of the crate.
fn find<'a>(root: &'a Module, module: &'a Module, path: &[String]) -> Option<&'a Module> {
    path.iter()
        .try_fold(module, |at, part| match part.as_str() {
            "crate" => Some(root),
            "self" => Some(at),
            name => at.children.get(name),
        })
}

/// What derives and attributes promise: `(Clone, Debug) non_exhaustive`.
fn marks(attributes: &[Attribute]) -> String {
    let mut derives = Vec::new();
    let mut rest = String::new();
    for attribute in attributes {
        let path = attribute.path();
        if path.is_ident("non_exhaustive") || path.is_ident("must_use") {
            rest.push_str(&format!(" {}", text(path)));
        }
        let Ok(list) = attribute.meta.require_list() else {
            continue;
        };
        let inside = tidy(&list.tokens.to_string())
            .replace("serde::", "")
            .replace("schemars::", "");
        if path.is_ident("derive") {
            derives.extend(inside.trim_end_matches(',').split(", ").map(str::to_owned));
        } else if let Some((when, derived)) = inside.split_once(", derive(") {
            derives.push(format!("{} if {when}", derived.trim_end_matches(')')));
        }
    }
    derives.sort();
    format!(" ({}){rest}", derives.join(", "))
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

/// A module that no user's build has.
fn is_test(item: &Item) -> bool {
    let Item::Mod(module) = item else {
        return false;
    };
    let condition = condition(&module.attrs);
    condition.contains("(test)") || condition.contains("(fuzzing)")
}

fn condition(attributes: &[Attribute]) -> String {
    let found = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"));
    found
        .map(|attribute| format!(" {}", text(attribute)))
        .collect()
}

fn signature(signature: &syn::Signature) -> String {
    text(&quote!(#signature))
}

fn mentions(text: &str, name: &str) -> bool {
    text.split(|c: char| !c.is_alphanumeric() && c != '_')
        .any(|word| word == name)
}

fn text(tokens: &impl ToTokens) -> String {
    tidy(&tokens.to_token_stream().to_string())
}

/// Tokens come with a space between any two: take out those that nobody would write.
fn tidy(tokens: &str) -> String {
    let mut text = tokens.split_whitespace().collect::<Vec<_>>().join(" ");
    for (from, to) in [
        (" :: ", "::"),
        (":: ", "::"),
        (" <", "<"),
        ("< ", "<"),
        (" >", ">"),
        (" (", "("),
        ("( ", "("),
        (" )", ")"),
        (" ,", ","),
        (",)", ")"),
        (" :", ":"),
        ("& ", "&"),
        ("[ ", "["),
        (" ]", "]"),
        (" ;", ";"),
        ("# ", "#"),
        ("->(", "-> ("),
    ] {
        text = text.replace(from, to);
    }
    text
}

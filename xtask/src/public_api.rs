//! The public API of a crate, item by item, read from its source.
//!
//! rustdoc's JSON has it all, but only a nightly compiler writes it. This follows modules and re-exports from
//! `lib.rs` on, and knows the crates' own macros by name.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Attribute, ImplItem, Item, TraitItem, UseTree, Visibility};

/// What a public item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// A struct, an enum, or another name of one.
    Type,
    Field,
    Variant,
    Constant,
    Function,
    /// A value of a union's tag.
    Kind,
    /// How a union is read.
    Union,
    /// An implementation of a trait.
    Implementation,
    /// A module, an item of another crate, a trait.
    Other,
}

/// A public item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicItem {
    pub class: Class,
    /// The name of the type that it belongs to, without its modules.
    pub owner: Option<String>,
    /// Its name, without modules.
    pub name: String,
    /// Its modules and its name.
    pub path: String,
    /// What a program depends on beside the name: the type of a field, the signature of a function.
    pub form: String,
    /// The traits that it derives.
    pub derives: BTreeSet<String>,
    /// Its documentation.
    pub docs: String,
    pub deprecated: bool,
    /// All of it, as it is listed.
    pub line: String,
}

/// Lists the public items of a crate in the order of their lines: no bodies.
///
/// `lib` is the path of its `lib.rs`, and `read` returns the text of a source file; `None` where there is none.
///
/// # Errors
/// A source file is missing or doesn't parse.
pub fn public_api(
    lib: &str,
    read: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<PublicItem>, String> {
    let folder = lib.rsplit_once('/').map_or(".", |(folder, _)| folder);
    let root = Module::read(&[lib.to_owned()], folder, read)?;
    let mut api = Api::default();
    api.export(&root, &root, "", None);
    api.implementations(&root);
    Ok(api.items.into_values().collect())
}

/// A module with its items, and its child modules by name.
struct Module {
    items: Vec<Item>,
    children: BTreeMap<String, Module>,
}

impl Module {
    /// Reads the first of the files that there is.
    fn read(
        files: &[String],
        folder: &str,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let found = files.iter().find_map(|file| Some((file, read(file)?)));
        let (file, text) = found.ok_or_else(|| format!("{}: not found", files.join(" or ")))?;
        let parsed = syn::parse_file(&text).map_err(|error| format!("{file}: {error}"))?;
        Self::new(parsed.items, folder, read)
    }

    fn new(
        items: Vec<Item>,
        folder: &str,
        read: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let items: Vec<Item> = items.into_iter().filter(|item| !is_test(item)).collect();
        let mut children = BTreeMap::new();
        for item in &items {
            let Item::Mod(module) = item else { continue };
            let name = module.ident.to_string();
            let inner = format!("{folder}/{name}");
            let child = match &module.content {
                Some((_, items)) => Self::new(items.clone(), &inner, read),
                None => {
                    let files = [format!("{inner}.rs"), format!("{inner}/mod.rs")];
                    Self::read(&files, &inner, read)
                }
            };
            children.insert(name, child?);
        }
        Ok(Self { items, children })
    }
}

#[derive(Default)]
struct Api {
    /// By line.
    items: BTreeMap<String, PublicItem>,
    /// Where each exported type and trait is met.
    paths: BTreeMap<String, String>,
}

impl Api {
    /// Adds an item; the name of one without an owner is its path.
    fn add(
        &mut self,
        class: Class,
        (owner, name): (Option<&str>, &str),
        form: &str,
        line: String,
        attributes: &[Attribute],
    ) {
        let item = PublicItem {
            class,
            owner: owner.map(|owner| short(owner).to_owned()),
            name: owner.map_or(short(name), |_| name).to_owned(),
            path: owner.map_or(name.to_owned(), |owner| format!("{owner}::{name}")),
            form: form.to_owned(),
            derives: derives(attributes).into_iter().collect(),
            docs: docs(attributes),
            deprecated: attributes.iter().any(|it| it.path().is_ident("deprecated")),
            line: line.clone(),
        };
        self.items.insert(line, item);
    }

    fn add_other(&mut self, path: &str, line: String) {
        self.add(Class::Other, (None, path), "", line, &[]);
    }

    /// Lists what `module` offers under the path `prefix`; with `only`, just the item of that name,
    /// as the name it is given.
    fn export(&mut self, root: &Module, module: &Module, prefix: &str, only: Option<(&str, &str)>) {
        for item in &module.items {
            match item {
                Item::Mod(inner) if is_public(&inner.vis) && only.is_none() => {
                    let path = format!("{prefix}{}", inner.ident);
                    self.add_other(&path, format!("mod {path}"));
                    if let Some(child) = module.children.get(&inner.ident.to_string()) {
                        self.export(root, child, &format!("{path}::"), None);
                    }
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
                let line = format!("use {} as {prefix}{alias}", path.join("::"));
                self.add_other(&format!("{prefix}{alias}"), line);
            }
        }
    }

    fn item(&mut self, item: &Item, path: &str) {
        let whole = (None, path);
        match item {
            Item::Struct(item) => {
                let (generics, marks) = (text(&item.generics), marks(&item.attrs));
                let line = format!("struct {path}{generics}{marks}");
                self.add(Class::Type, whole, "struct", line, &item.attrs);
                for (i, field) in item.fields.iter().enumerate() {
                    if is_public(&field.vis) {
                        let name = field.ident.as_ref();
                        let name = name.map_or(i.to_string(), ToString::to_string);
                        let (kind, place) = (text(&field.ty), (Some(path), name.as_str()));
                        let line = format!("field {path}::{name}: {kind}");
                        self.add(Class::Field, place, &kind, line, &field.attrs);
                    }
                }
            }
            Item::Enum(item) => {
                let (generics, marks) = (text(&item.generics), marks(&item.attrs));
                let line = format!("enum {path}{generics}{marks}");
                self.add(Class::Type, whole, "enum", line, &item.attrs);
                for variant in &item.variants {
                    let name = variant.ident.to_string();
                    let fields = text(&variant.fields).replace(" ,", ",");
                    let (place, line) = (
                        (Some(path), &*name),
                        format!("variant {path}::{name}{fields}"),
                    );
                    self.add(Class::Variant, place, &fields, line, &variant.attrs);
                }
            }
            Item::Fn(item) => {
                let form = signature(&item.sig);
                let line = form.replacen(&item.sig.ident.to_string(), path, 1);
                self.add(Class::Function, whole, &form, line, &item.attrs);
            }
            Item::Const(item) => {
                let kind = text(&item.ty);
                let line = format!("const {path}: {kind}");
                self.add(Class::Constant, whole, &kind, line, &item.attrs);
            }
            Item::Type(item) => {
                let (generics, kind) = (text(&item.generics), text(&item.ty));
                let line = format!("type {path}{generics} = {kind}");
                self.add(Class::Type, whole, &kind, line, &item.attrs);
            }
            Item::Trait(item) => {
                let (generics, bounds) = (text(&item.generics), text(&item.supertraits));
                self.add_other(path, format!("trait {path}{generics}: {bounds}"));
                for inner in &item.items {
                    let line = match inner {
                        TraitItem::Fn(inner) => format!("{path}: {}", signature(&inner.sig)),
                        TraitItem::Type(inner) => format!("{path}: type {}", inner.ident),
                        _ => continue,
                    };
                    self.add_other(path, line);
                }
            }
            Item::Macro(item) => self.add_macro(item, path),
            _ => {}
        }
    }

    /// A type that one of the crate's own macros writes: its name and its variants.
    fn add_macro(&mut self, item: &syn::ItemMacro, path: &str) {
        let maker = item.mac.path.segments.last();
        let maker = maker.map_or(String::new(), |part| part.ident.to_string());
        let (attributes, variants) = match syn::parse2(item.mac.tokens.clone()) {
            Ok(Item::Struct(item)) => (item.attrs, None),
            Ok(Item::Enum(item)) => (item.attrs, Some(item.variants)),
            _ => (Vec::new(), None),
        };
        let line = format!("{maker} {path}");
        self.add(Class::Type, (None, path), &maker, line, &attributes);
        for variant in variants.into_iter().flatten() {
            let name = variant.ident.to_string();
            let wire = variant
                .discriminant
                .map_or(String::new(), |(_, value)| text(&value));
            let (place, line) = (
                (Some(path), &*name),
                format!("variant {path}::{name} = {wire}"),
            );
            self.add(Class::Variant, place, &wire, line, &variant.attrs);
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
                let line = format!("impl{} {wanted} for {own}{when}", text(&item.generics));
                self.add(Class::Implementation, (Some(&own), &wanted), "", line, &[]);
            }
            return;
        }
        let Some(path) = self.paths.get(name).cloned() else {
            return;
        };
        for inner in &item.items {
            let (class, name, form, attributes) = match inner {
                ImplItem::Fn(inner) if is_public(&inner.vis) => {
                    let form = signature(&inner.sig);
                    (Class::Function, &inner.sig.ident, form, &inner.attrs)
                }
                ImplItem::Const(inner) if is_public(&inner.vis) => {
                    let form = format!("const {}: {}", inner.ident, text(&inner.ty));
                    (Class::Constant, &inner.ident, form, &inner.attrs)
                }
                _ => continue,
            };
            let (name, line) = (name.to_string(), format!("{path}: {form}{when}"));
            self.add(class, (Some(&path), &name), &form, line, attributes);
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
        let (name, rule) = head.split_once(' ').unwrap_or_default();
        let Some(path) = self.paths.get(name).cloned() else {
            return;
        };
        let line = format!("{path}: tagged_union {head}");
        self.add(Class::Union, (Some(&path), name), rule, line, &[]);
        for token in tokens {
            let proc_macro2::TokenTree::Group(group) = token else {
                continue;
            };
            for case in group.stream().to_string().split(',').map(str::trim) {
                if let Some((wire, case)) = case.split_once("=>") {
                    let case = case.trim().split([' ', '(']).next().unwrap_or_default();
                    let line = format!("{path}: kind {wire}=> {case}");
                    self.add(Class::Kind, (Some(&path), case), wire.trim(), line, &[]);
                }
            }
        }
    }
}

fn docs(attributes: &[Attribute]) -> String {
    let docs = attributes.iter().filter(|it| it.path().is_ident("doc"));
    let literals = docs.filter_map(|it| match &it.meta.require_name_value().ok()?.value {
        syn::Expr::Lit(literal) => Some(&literal.lit),
        _ => None,
    });
    let lines = literals.filter_map(|literal| match literal {
        syn::Lit::Str(line) => Some(line.value().trim().to_owned()),
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A path without modules and type parameters.
fn short(path: &str) -> &str {
    let path = path.split('<').next().unwrap_or_default();
    path.rsplit("::").next().unwrap_or_default()
}

/// The name of a public item, of a macro call that writes one too.
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
    let paths = attributes.iter().map(Attribute::path);
    let marks = paths.filter(|path| path.is_ident("non_exhaustive") || path.is_ident("must_use"));
    let marks: String = marks.map(|path| format!(" {}", text(path))).collect();
    format!(" ({}){marks}", derives(attributes).join(", "))
}

/// The traits that are derived, each once for every condition that it is derived on.
fn derives(attributes: &[Attribute]) -> Vec<String> {
    let mut derives = Vec::new();
    for attribute in attributes {
        let Ok(list) = attribute.meta.require_list() else {
            continue;
        };
        let inside = tidy(&list.tokens.to_string())
            .replace("serde::", "")
            .replace("schemars::", "");
        if attribute.path().is_ident("derive") {
            derives.extend(inside.trim_end_matches(',').split(", ").map(str::to_owned));
        } else if let Some((when, derived)) = inside.split_once(", derive(") {
            derives.push(format!("{} if {when}", derived.trim_end_matches(')')));
        }
    }
    derives.sort();
    derives
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

/// Tokens come with a space between any two: removes those that are not usually written.
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

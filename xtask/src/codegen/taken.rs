//! Names that generated code, and what is written by hand beside it, has a use of its own for.
//!
//! There is no list of them. A specification that has every form there is, is generated with names that mean nothing:
//! what its Rust refers to then is what a schema, an operation or a module can't be called.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::visit::{self, Visit};

use super::rust::camel;
use super::structs::own_tag_type;
use super::{
    Chunk, Generated, creations, identities, operations, progenitor, reasons, table, types,
};
use crate::model::Api;
use crate::spec::naming::RUST_NAME;
use crate::spec::{self, Document, Place, Problem};

/// What no schema and no operation is called.
const PREFIX: &str = "Qq";

/// Checks the names of schemas, operations, modules and tags.
pub fn check(document: &Document, api: &Api) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut say = |place: &Place, name: &str, what: &str, cure: &str| {
        let message =
            format!("`{name}` is the name of something else in {what}: give it another{cure}");
        problems.push(document.problem(place, message));
    };
    let cure = format!(", here or in `{RUST_NAME}`");
    let Reserved {
        in_types,
        in_client,
        methods,
        modules,
    } = &*RESERVED;
    for schema in &api.schemas {
        let place = Place::schema(&schema.name);
        if in_types.contains(&schema.name) {
            say(&place, &schema.name, "the types crate", &cure);
        }
    }
    for schema in api.schemas.iter().filter(|schema| schema.own_tag.is_some()) {
        let tag = own_tag_type(schema).to_string();
        if api.schemas.iter().any(|other| other.name == tag) {
            let what = format!("the types crate (the tag of `{}`)", schema.name);
            say(&Place::schema(&tag), &tag, &what, &cure);
        }
    }
    for name in api.modules.keys().filter(|name| in_types.contains(*name)) {
        let place = Place::root().join("x-modules").join(name);
        say(&place, name, "the types crate", "");
    }
    for operation in &api.operations {
        let builder = camel(&operation.id).to_string();
        let is_method = methods.contains(&operation.id) && operation.hand_written.is_none();
        if is_method || in_client.contains(&builder) {
            say(
                &operation.place.join("operationId"),
                &operation.id,
                "the client",
                &cure,
            );
        }
        if in_client.contains(&operation.tag) || modules.contains(&operation.tag) {
            say(
                &operation.place.join("tags"),
                &operation.tag,
                "the client",
                "",
            );
        }
    }
    problems
}

/// A specification of every form that is supported; see the test `kitchen_sink`.
pub const KITCHEN_SINK: &str = include_str!("../../kitchen-sink.yaml");

static RESERVED: LazyLock<Reserved> = LazyLock::new(Reserved::read);

/// Names that have a use of their own.
#[derive(Default)]
struct Reserved {
    in_types: BTreeSet<String>,
    in_client: BTreeSet<String>,
    /// The methods that `Client` has beside the operations.
    methods: BTreeSet<String>,
    /// The modules that the client has beside those of tags.
    modules: BTreeSet<String>,
}

impl Reserved {
    fn read() -> Self {
        let mut reserved = probe().unwrap_or_default();
        reserved.in_types.extend(by_hand("cargo-batch-types"));
        Self {
            methods: methods_of_client(),
            modules: modules_by_hand("cargo-batch-client"),
            ..reserved
        }
    }
}

/// What is referred to by the Rust of every form.
fn probe() -> Result<Reserved, Vec<Problem>> {
    let document = spec::load(KITCHEN_SINK)?.renamed(|name, _| format!("{PREFIX}{name}"));
    let mut api = Api::read(&document)?;
    for operation in &mut api.operations {
        operation.id = format!("qq_{}", operation.id);
    }
    let answers =
        progenitor::ask(&api).map_err(|message| vec![document.problem(&Place::root(), message)])?;
    let own = [
        table::generate(&api),
        reasons::generate(&api),
        identities::generate(&api),
        creations::generate(&document, &api)?,
    ];
    let mut in_client = referred_to(&operations::generate(&document, &api, &answers)?);
    in_client.extend(own.map(|chunk| chunk.module));
    Ok(Reserved {
        in_types: referred_to(&types::generate(&api, &answers)),
        in_client,
        ..Reserved::default()
    })
}

/// What items refer to without saying where it is from.
fn referred_to(chunks: &[Chunk]) -> BTreeSet<String> {
    #[derive(Default)]
    struct Names(BTreeSet<String>);
    impl Visit<'_> for Names {
        fn visit_path(&mut self, path: &syn::Path) {
            if path.leading_colon.is_none()
                && let Some(first) = path.segments.first()
            {
                // A single name in lower case is a variable; before others it is a crate or a module.
                let name = first.ident.to_string();
                if path.segments.len() > 1 || name.starts_with(|c: char| c.is_ascii_uppercase()) {
                    self.0.insert(name);
                }
            }
            visit::visit_path(self, path);
        }
        fn visit_attribute(&mut self, attribute: &syn::Attribute) {
            if let syn::Meta::List(list) = &attribute.meta
                && list.path.is_ident("derive")
            {
                unqualified(list.tokens.clone(), &mut self.0);
            }
        }
    }
    let mut names = Names::default();
    for chunk in chunks {
        if let Ok(file) = syn::parse_file(&chunk.text) {
            names.visit_file(&file);
        }
    }
    names.0.retain(|name| !name.starts_with(PREFIX));
    names.0
}

/// Identifiers without a path before them.
fn unqualified(tokens: TokenStream, found: &mut BTreeSet<String>) {
    let mut before = [' ', ' '];
    let mut declares = false;
    for token in tokens {
        match token {
            TokenTree::Ident(ident) => {
                let qualified = before == [':', ':'] || before[1] == '.' || before[1] == '$';
                if !qualified && !declares {
                    found.insert(ident.to_string());
                }
                declares = ident == "type" || ident == "fn";
                before = [' ', ' '];
            }
            TokenTree::Punct(punct) => {
                before = [before[1], punct.as_char()];
                declares = false;
            }
            TokenTree::Group(group) => {
                unqualified(group.stream(), found);
                before = [' ', ' '];
                declares = false;
            }
            TokenTree::Literal(_) => before = [' ', ' '],
        }
    }
}

/// Types that the macros of a crate refer to, and what its root has.
fn by_hand(package: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (path, file) in sources(package, &["macro_rules!", "pub use"]) {
        for item in &file.items {
            match item {
                syn::Item::Macro(item) => unqualified(item.mac.tokens.clone(), &mut found),
                syn::Item::Use(item) if path.ends_with("src/lib.rs") => {
                    leaves(&item.tree, &mut found)
                }
                _ => {}
            }
        }
    }
    // What is in lower case is a module, a method or a keyword.
    found.retain(|name| name.starts_with(|c: char| c.is_ascii_uppercase()));
    found
}

fn leaves(tree: &syn::UseTree, found: &mut BTreeSet<String>) {
    match tree {
        syn::UseTree::Path(path) => leaves(&path.tree, found),
        syn::UseTree::Name(name) => drop(found.insert(name.ident.to_string())),
        syn::UseTree::Rename(name) => drop(found.insert(name.rename.to_string())),
        syn::UseTree::Group(group) => group.items.iter().for_each(|tree| leaves(tree, found)),
        syn::UseTree::Glob(_) => {}
    }
}

/// The methods that `Client` has beside the operations.
fn methods_of_client() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, file) in sources("cargo-batch-client", &["impl Client {"]) {
        for item in file.items {
            let syn::Item::Impl(item) = item else {
                continue;
            };
            if item.trait_.is_none() && item.self_ty.to_token_stream().to_string() == "Client" {
                found.extend(item.items.iter().filter_map(|item| match item {
                    syn::ImplItem::Fn(function) => Some(function.sig.ident.to_string()),
                    _ => None,
                }));
            }
        }
    }
    found
}

/// The modules at the root of a crate.
fn modules_by_hand(package: &str) -> BTreeSet<String> {
    let root = sources(package, &["pub use generated"])
        .into_iter()
        .find(|(path, _)| path.ends_with("src/lib.rs"));
    let items = root.into_iter().flat_map(|(_, file)| file.items);
    items
        .filter_map(|item| match item {
            syn::Item::Mod(item) => Some(item.ident.to_string()),
            _ => None,
        })
        .collect()
}

/// What is written by hand in a package of this workspace: the files that contain one of some texts.
fn sources(package: &str, words: &[&str]) -> Vec<(PathBuf, syn::File)> {
    fn collect(folder: &Path, words: &[&str], found: &mut Vec<(PathBuf, syn::File)>) {
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        for path in entries.map(|entry| entry.path()) {
            if path.is_dir() && path.file_name().is_some_and(|name| name != "generated") {
                collect(&path, words, found);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && let Ok(text) = std::fs::read_to_string(&path)
                && words.iter().any(|word| text.contains(word))
                && let Ok(file) = syn::parse_file(&text)
            {
                found.push((path, file));
            }
        }
    }
    let mut found = Vec::new();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    collect(&workspace.join(package).join("src"), words, &mut found);
    found
}

/// Fields, variants, methods and items that would be there twice.
pub fn twice(document: &Document, generated: &Generated) -> Vec<Problem> {
    let api = &generated.api;
    let mut problems = Vec::new();
    let mut check = |chunk: &Chunk, place: &Place| {
        if let Some(name) = repeated(&chunk.text) {
            let message = format!(
                "`{name}` would be there twice: give one of them another name in `{RUST_NAME}`"
            );
            problems.push(document.problem(place, message));
        }
    };
    for chunk in &generated.types {
        check(chunk, &Place::schema(&chunk.name));
    }
    for chunk in &generated.operations {
        let operation = api
            .operations
            .iter()
            .find(|operation| operation.id == chunk.name);
        check(
            chunk,
            operation.map_or(&Place::root(), |operation| &operation.place),
        );
    }
    for chunk in [&generated.table, &generated.reasons] {
        if let Some(name) = repeated(&chunk.text) {
            let snake = heck::ToSnakeCase::to_snake_case(name.as_str());
            let operation = api
                .operations
                .iter()
                .find(|operation| operation.id == snake);
            let place = operation
                .map(|operation| operation.place.join("operationId"))
                .unwrap_or_default();
            let message = format!(
                "`{name}` would be there twice: give the operation another name in `{RUST_NAME}`"
            );
            problems.push(document.problem(&place, message));
        }
    }
    problems
}

/// The first name that is declared twice where it can be declared once.
fn repeated(text: &str) -> Option<String> {
    let file = syn::parse_file(text).ok()?;
    let mut declared: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut names: Vec<(String, String)> = Vec::new();
    for item in &file.items {
        match item {
            syn::Item::Struct(item) => {
                let fields = item.fields.iter().filter_map(|field| field.ident.as_ref());
                names.extend(
                    fields.map(|field| (format!("fields of {}", item.ident), field.to_string())),
                );
                names.push(("items".to_owned(), item.ident.to_string()));
            }
            syn::Item::Enum(item) => {
                let variants = item.variants.iter();
                names.extend(
                    variants
                        .map(|it| (format!("variants of {}", item.ident), it.ident.to_string())),
                );
                names.push(("items".to_owned(), item.ident.to_string()));
            }
            syn::Item::Const(item) => names.push(("constants".to_owned(), item.ident.to_string())),
            syn::Item::Impl(item) if item.trait_.is_none() => {
                let kind = item.self_ty.to_token_stream().to_string();
                let kind = kind.split(' ').next().unwrap_or_default();
                names.extend(item.items.iter().filter_map(|it| match it {
                    syn::ImplItem::Fn(function) => {
                        Some((format!("methods of {kind}"), function.sig.ident.to_string()))
                    }
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    let mut repeated = names
        .into_iter()
        .filter(|(of, name)| !declared.entry(of.clone()).or_default().insert(name.clone()));
    repeated.next().map(|(_, name)| name)
}

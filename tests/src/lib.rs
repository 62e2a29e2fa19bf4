//! What the tests share: the specification and what comes of it, and samples of its
//! schemas.

#![forbid(unsafe_code)]

pub mod broken_server;
pub mod calls;
pub mod child;
pub mod clock;
pub mod connections;
pub mod crash;
pub mod faults;
pub mod frames;
mod mutation;
mod pin;
pub mod raw;
mod sample;
pub mod sandbox;
pub mod script;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub use mutation::{Spec, report};
pub use pin::pinned;
pub use sample::Samples;
use xtask::codegen::{self, Generated};
use xtask::spec::{self, Document};

/// The root of the workspace.
pub fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// A file of `tests/fixtures`.
pub fn fixture(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures")
        .join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The text of `openapi.yaml`.
pub fn openapi() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let text = std::fs::read_to_string(root().join("openapi.yaml"));
        text.expect("openapi.yaml stands at the root")
            .replace("\r\n", "\n")
    });
    &TEXT
}

/// The parsed specification.
pub fn document() -> &'static Document {
    static DOCUMENT: LazyLock<Document> =
        LazyLock::new(|| spec::load(openapi()).unwrap_or_else(|problems| panic!("{problems:#?}")));
    &DOCUMENT
}

/// Everything that is generated from the specification.
pub fn generated() -> &'static Generated {
    static GENERATED: LazyLock<Generated> = LazyLock::new(|| {
        codegen::generate(openapi()).unwrap_or_else(|problems| panic!("{problems:#?}"))
    });
    &GENERATED
}

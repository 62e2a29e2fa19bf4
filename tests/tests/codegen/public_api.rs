//! The public API of each crate, one line an item: what a release may break is seen in review.

use cargo_batch_tests::root;
use xtask::public_api::{PublicItem, public_api};

#[test]
fn of_the_types() {
    snapshot("cargo-batch-types");
}

#[test]
fn of_the_client() {
    snapshot("cargo-batch-client");
}

/// The public API of a crate of this workspace, a line an item.
pub fn of_package(package: &str) -> String {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).ok();
    let items = public_api(&format!("{package}/src/lib.rs"), &read);
    let items = items.unwrap_or_else(|error| panic!("{error}"));
    let lines: Vec<String> = items.into_iter().map(|item| item.line).collect();
    lines.join("\n")
}

fn snapshot(package: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path("../snapshots/public-api");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(package, of_package(package)));
}

/// The items of a crate of these files.
fn listed(files: &[(&str, &str)]) -> Result<Vec<PublicItem>, String> {
    let read = |path: &str| {
        let file = files.iter().find(|(name, _)| *name == path);
        file.map(|(_, text)| (*text).to_owned())
    };
    public_api("src/lib.rs", &read)
}

#[test]
fn what_cannot_be_read_is_an_error() {
    assert_eq!(listed(&[]).unwrap_err(), "src/lib.rs: not found");
    assert_eq!(
        listed(&[("src/lib.rs", "pub mod inner;")]).unwrap_err(),
        "src/inner.rs or src/inner/mod.rs: not found"
    );
    let error = listed(&[
        ("src/lib.rs", "pub mod inner;"),
        ("src/inner/mod.rs", "pub struct;"),
    ]);
    let error = error.unwrap_err();
    assert!(error.starts_with("src/inner/mod.rs: "), "{error}");
}

//! Snapshots of everything that is generated: a change of the specification, or of progenitor, reads
//! as a short diff here.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use cargo_batch_tests::generated;
use xtask::codegen::Chunk;

#[test]
fn the_rust_of_each_schema() {
    each("../snapshots/types", &generated().types);
}

#[test]
fn the_method_of_each_operation() {
    each("../snapshots/operations", &generated().operations);
}

#[test]
fn the_operation_table() {
    snapshot("../snapshots", "operation-table", &generated().table.text);
}

#[test]
fn the_reasons() {
    snapshot("../snapshots", "reasons", &generated().reasons.text);
}

#[test]
fn the_creations() {
    snapshot("../snapshots", "creations", &generated().creations.text);
}

#[test]
fn the_identities() {
    snapshot("../snapshots", "identities", &generated().identities.text);
}

#[test]
fn no_snapshot_outlives_what_it_shows() {
    let mut stale = leftovers("types", &generated().types);
    stale.extend(leftovers("operations", &generated().operations));
    assert!(
        stale.is_empty(),
        "nothing is generated for these any more, delete them: {stale:#?}"
    );
}

#[test]
fn a_leftover_would_be_found() {
    let found = leftovers("types", &generated().types[1..]);
    assert_eq!(found, [format!("types/{}.snap", generated().types[0].name)]);
}

/// Compares every chunk before it fails, so that one run shows the whole diff.
fn each(folder: &str, chunks: &[Chunk]) {
    let different: Vec<&str> = chunks
        .iter()
        .filter(|chunk| {
            let compare = || snapshot(folder, &chunk.name, &chunk.text);
            catch_unwind(AssertUnwindSafe(compare)).is_err()
        })
        .map(|chunk| chunk.name.as_str())
        .collect();
    assert!(
        different.is_empty(),
        "{} of {} differ from their snapshots (review: `cargo insta review`): {}",
        different.len(),
        chunks.len(),
        different.join(", ")
    );
}

fn snapshot(folder: &str, name: &str, text: &str) {
    let mut settings = insta::Settings::new();
    settings.set_snapshot_path(folder);
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Snapshot files without a chunk.
fn leftovers(folder: &str, chunks: &[Chunk]) -> Vec<String> {
    let names: BTreeSet<String> = chunks
        .iter()
        .map(|chunk| format!("{}.snap", chunk.name))
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/snapshots")
        .join(folder);
    let files = std::fs::read_dir(path)
        .expect("the snapshots are there")
        .map(|entry| {
            entry
                .expect("the folder can be read")
                .file_name()
                .to_string_lossy()
                .into_owned()
        });
    let mut found: Vec<String> = files
        .filter(|file| file.ends_with(".snap") && !names.contains(file))
        .map(|file| format!("{folder}/{file}"))
        .collect();
    found.sort();
    found
}

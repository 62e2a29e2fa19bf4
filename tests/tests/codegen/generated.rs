//! `cargo xtask codegen`: the checked-in files are what the specification says, and the command looks
//! before it writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cargo_batch_tests::{Spec, generated, openapi, root};
use tempfile::TempDir;
use xtask::codegen::{self, Outcome};

#[test]
fn every_generated_file_is_up_to_date() {
    let outcome = codegen::run(&root(), true).expect("the specification is sound");
    assert_eq!(outcome.stale, [""; 0], "mend with `{}`", codegen::COMMAND);
    assert!(
        outcome.files > 20 && outcome.lines > 5_000,
        "too little was looked at: {outcome:?}"
    );
}

#[test]
fn the_same_specification_gives_the_same_bytes() {
    let again = codegen::generate(openapi()).expect("the specification is sound");
    assert_eq!(again.files(), generated().files());
}

#[test]
fn a_fresh_copy_is_not_stale() {
    let copy = copy();
    assert_eq!(run(copy.path(), true).stale, [""; 0]);
}

#[test]
fn a_check_names_the_stale_files_and_writes_nothing() {
    let copy = copy();
    let spec = Spec::real().replace(
        "    Batch:",
        "        finishedAt:\n",
        "        priority:\n          type: integer\n          description: Which goes first.\n        finishedAt:\n",
    );
    fs::write(copy.path().join("openapi.yaml"), spec.text()).expect("the copy is ours");
    let stale = [
        "cargo-batch-sandbox/src/generated/openapi.json",
        "cargo-batch-types/src/generated/batches.rs",
    ];
    let before = contents(copy.path());
    assert_eq!(run(copy.path(), true).stale, stale);
    assert_eq!(contents(copy.path()), before, "a check writes nothing");

    assert_eq!(
        run(copy.path(), false).stale,
        stale,
        "writing mends what the check found"
    );
    let batches = fs::read_to_string(copy.path().join(stale[1])).expect("it is there");
    assert!(
        batches.contains("pub priority: Option<i64>"),
        "the new field is written"
    );
    assert_eq!(run(copy.path(), true).stale, [""; 0]);
}

#[test]
fn an_edited_or_missing_file_is_stale() {
    let copy = copy();
    let edited = "cargo-batch-client/src/generated/runs.rs";
    let missing = "cargo-batch-types/src/generated/filters.rs";
    let text = fs::read_to_string(copy.path().join(edited)).expect("it is there");
    fs::write(copy.path().join(edited), format!("{text}\n// by hand\n")).expect("the copy is ours");
    fs::remove_file(copy.path().join(missing)).expect("the copy is ours");
    assert_eq!(run(copy.path(), true).stale, [edited, missing]);
    run(copy.path(), false);
    assert_eq!(contents(copy.path()), contents(self::copy().path()));
}

#[test]
fn a_leftover_file_is_found_and_removed() {
    let copy = copy();
    for leftover in [
        "cargo-batch-types/src/generated/old.rs",
        "cargo-batch-client/src/generated/old.rs",
    ] {
        let path = copy.path().join(leftover);
        fs::write(&path, "// nothing generates this any more\n").expect("the copy is ours");
        assert_eq!(run(copy.path(), true).stale, [leftover]);
        assert!(path.exists(), "a check removes nothing");
        run(copy.path(), false);
        assert!(!path.exists(), "writing removes it");
    }
}

#[test]
fn line_ends_of_the_platform_are_not_stale() {
    let copy = copy();
    for (name, text) in contents(copy.path()) {
        let text = text.replace('\n', "\r\n");
        fs::write(copy.path().join(name), text).expect("the copy is ours");
    }
    assert_eq!(run(copy.path(), true).stale, [""; 0]);
}

#[test]
fn a_mistake_writes_nothing() {
    let copy = copy();
    let spec = Spec::real().replace(
        "    Batch:",
        "      x-module: batches",
        "      x-module: nowhere",
    );
    fs::write(copy.path().join("openapi.yaml"), spec.text()).expect("the copy is ours");
    let before = contents(copy.path());
    let message = codegen::run(copy.path(), false).expect_err("the mistake is seen");
    assert!(
        message.contains("components.schemas.Batch.x-module"),
        "{message}"
    );
    assert_eq!(contents(copy.path()), before);
}

fn run(root: &Path, check: bool) -> Outcome {
    codegen::run(root, check).unwrap_or_else(|message| panic!("{message}"))
}

/// The specification and the checked-in generated files, somewhere else.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let names = generated()
        .files()
        .into_keys()
        .chain(["openapi.yaml".to_owned()]);
    for name in names {
        let to = folder.path().join(&name);
        fs::create_dir_all(to.parent().unwrap_or(folder.path()))
            .expect("there is room for a folder");
        fs::copy(root().join(&name), to).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    folder
}

/// Every file below a folder, by its path from there.
fn contents(folder: &Path) -> BTreeMap<String, String> {
    fn collect(root: &Path, folder: &Path, found: &mut BTreeMap<String, String>) {
        for entry in fs::read_dir(folder).expect("the folder can be read") {
            let path = entry.expect("the folder can be read").path();
            if path.is_dir() {
                collect(root, &path, found);
            } else {
                let name = path
                    .strip_prefix(root)
                    .unwrap_or(&path)
                    .to_string_lossy()
                    .into_owned();
                found.insert(name, fs::read_to_string(&path).expect("it is text"));
            }
        }
    }
    let mut found = BTreeMap::new();
    collect(folder, folder, &mut found);
    found
}

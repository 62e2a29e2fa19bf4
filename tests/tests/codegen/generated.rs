//! `cargo xtask codegen`: the checked-in files are what the specification says, and the command looks
//! before it writes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use cargo_batch_tests::{Spec, generated, openapi, root};
use tempfile::TempDir;
use xtask::codegen::{self, Compilation, Outcome};

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
    let folder = tempfile::tempdir().expect("a folder");
    let names = generated()
        .files()
        .into_keys()
        .chain(["openapi.yaml".to_owned()]);
    for name in names {
        let to = folder.path().join(&name);
        fs::create_dir_all(to.parent().unwrap_or(folder.path())).expect("a folder");
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

// ---- all or nothing ----

const BATCHES: &str = "cargo-batch-types/src/generated/batches.rs";

/// A copy whose specification has one more field than its files.
fn changed_copy() -> TempDir {
    let copy = copy();
    let spec = Spec::real().replace(
        "    Batch:",
        "        finishedAt:\n",
        "        priority:\n          type: integer\n          description: Which goes first.\n        finishedAt:\n",
    );
    fs::write(copy.path().join("openapi.yaml"), spec.text()).expect("the copy is ours");
    copy
}

#[test]
fn a_check_shows_a_short_difference() {
    let copy = changed_copy();
    let difference = run(copy.path(), true).difference;
    assert!(difference.contains(BATCHES), "{difference}");
    assert!(
        difference.contains("+    pub priority: Option<i64>,"),
        "{difference}"
    );
    assert!(difference.lines().count() < 40, "{difference}");
}

#[test]
fn a_file_that_cannot_be_written_changes_none() {
    let copy = changed_copy();
    // What is written before it takes the place of a file.
    fs::create_dir(copy.path().join(format!("{BATCHES}.new"))).expect("the copy is ours");
    let before = contents(copy.path());
    let message = codegen::run(copy.path(), false).expect_err("it can't be written");
    assert!(
        message.starts_with(BATCHES) && message.ends_with("nothing is changed"),
        "{message}"
    );
    assert_eq!(contents(copy.path()), before);

    let copy = changed_copy();
    fs::remove_file(copy.path().join(BATCHES)).expect("the copy is ours");
    fs::create_dir(copy.path().join(BATCHES)).expect("the copy is ours");
    let before = contents(copy.path());
    let message = codegen::run(copy.path(), false).expect_err("it can't be read");
    assert!(message.starts_with(BATCHES), "{message}");
    assert_eq!(contents(copy.path()), before);
}

#[test]
fn leftovers_of_every_kind_are_removed() {
    let copy = copy();
    let leftovers = [
        "cargo-batch-client/src/generated/old/deeper.rs",
        "cargo-batch-sandbox/src/generated/old.json",
        // A process was killed while it wrote.
        "cargo-batch-types/src/generated/batches.rs.new",
        "tests/tests/snapshots/operations/old_operation.snap",
        "tests/tests/snapshots/types/OldType.snap",
    ];
    let kept = "tests/tests/snapshots/types/Batch.snap";
    for name in leftovers.iter().chain([&kept]) {
        let path = copy.path().join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path)).expect("the copy is ours");
        fs::write(&path, "old").expect("the copy is ours");
    }
    assert_eq!(run(copy.path(), false).stale, leftovers);
    let left: Vec<&str> = leftovers
        .into_iter()
        .filter(|name| copy.path().join(name).exists())
        .collect();
    assert_eq!(left, [""; 0]);
    assert!(copy.path().join(kept).exists());
}

/// What cargo says of an error in a file.
fn error_in(file: &str, line: usize, message: &str) -> Compilation {
    let message = serde_json::json!({
        "reason": "compiler-message",
        "message": {
            "level": "error",
            "code": { "code": "E0592" },
            "message": message,
            // Within a macro, which stands elsewhere.
            "spans": [{
                "is_primary": true, "file_name": "cargo-batch-types/src/id.rs", "line_start": 1,
                "expansion": { "span": {
                    "is_primary": true, "file_name": file, "line_start": line, "expansion": null
                } }
            }]
        }
    });
    Compilation {
        messages: message.to_string(),
        success: false,
        complaint: String::new(),
    }
}

#[test]
fn rust_that_does_not_compile_changes_nothing_and_names_its_schema() {
    let copy = changed_copy();
    let before = contents(copy.path());
    for said in [
        "duplicate definitions with name `Batch`",
        "expected trait, found struct",
    ] {
        let message = codegen::run_compiled(copy.path(), |root| {
            let written = fs::read_to_string(root.join(BATCHES)).expect("it is written");
            assert!(
                written.contains("pub priority"),
                "what is compiled is the new text"
            );
            Ok(error_in(BATCHES, 20, said))
        })
        .expect_err("it doesn't compile");
        let spec = fs::read_to_string(copy.path().join("openapi.yaml")).expect("it is there");
        let line = spec
            .lines()
            .position(|line| line == "    Batch:")
            .expect("it is there")
            + 1;
        let start = format!(
            "openapi.yaml:{line}: components.schemas.Batch: its Rust doesn't compile (E0592: {said}"
        );
        assert!(message.starts_with(&start), "{message}");
        assert_eq!(contents(copy.path()), before);
    }
    let failed = |_: &Path| {
        Ok(Compilation {
            messages: String::new(),
            success: false,
            complaint: "no such package".to_owned(),
        })
    };
    let message = codegen::run_compiled(copy.path(), failed).expect_err("nothing is known");
    assert!(
        message.contains("no such package") && message.contains("--no-compile"),
        "{message}"
    );
    let message = codegen::run_compiled(copy.path(), |_| Err("cargo can't be run".to_owned()))
        .expect_err("nothing is known");
    assert!(message.contains("cargo can't be run"), "{message}");
    assert_eq!(contents(copy.path()), before);
}

#[test]
fn handwritten_code_matches_the_specification() {
    let copy = changed_copy();
    let by_hand = "cargo-batch-client/src/watch.rs";
    let outcome =
        codegen::run_compiled(copy.path(), |_| Ok(error_in(by_hand, 3, "no field `runs`")))
            .unwrap_or_else(|message| panic!("{message}"));
    assert_eq!(outcome.by_hand, [format!("{by_hand}:3: no field `runs`")]);
    assert_eq!(
        run(copy.path(), true).stale,
        [""; 0],
        "the new files are kept"
    );
    // What is up to date isn't compiled.
    let outcome = codegen::run_compiled(copy.path(), |_| panic!("nothing has changed"));
    assert_eq!(outcome.map(|outcome| outcome.stale), Ok(Vec::new()));
}

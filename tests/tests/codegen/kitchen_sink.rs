//! A specification of every form and every kind of name: what it gives is checked in beside the test `kitchen_sink`,
//! which compiles it and sends what it builds.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use xtask::codegen::generate;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/kitchen_sink/generated")
}

/// The generated Rust, by its path below the folder.
fn sink() -> BTreeMap<String, String> {
    let generated = generate(xtask::codegen::KITCHEN_SINK).unwrap_or_else(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        panic!("it is refused:\n{}", lines.join("\n"))
    });
    let rust = generated.files().into_iter().filter_map(|(name, text)| {
        let (package, file) = name.split_once("/src/generated/")?;
        let package = package.strip_prefix("cargo-batch-")?;
        file.ends_with(".rs")
            .then(|| (format!("{package}/{file}"), text))
    });
    rust.collect()
}

#[test]
fn its_rust_is_the_checked_in_one() {
    let sink = sink();
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        for (name, text) in &sink {
            let path = folder().join(name);
            fs::create_dir_all(path.parent().unwrap_or(&path)).expect("the folder is ours");
            fs::write(path, text).expect("the file is ours");
        }
    }
    for (name, text) in &sink {
        let old = fs::read_to_string(folder().join(name)).unwrap_or_default();
        let old = old.replace("\r\n", "\n");
        let line = old
            .lines()
            .zip(text.lines())
            .position(|(old, new)| old != new);
        assert!(
            old == *text,
            "{name} is stale from line {:?}; accept it with INSTA_UPDATE=always",
            line.map(|line| line + 1)
        );
    }
    let mut found = Vec::new();
    for package in ["client", "types"] {
        for entry in fs::read_dir(folder().join(package)).expect("the folder is there") {
            let file = entry.expect("it can be read").file_name();
            found.push(format!("{package}/{}", file.to_string_lossy()));
        }
    }
    found.retain(|name| !sink.contains_key(name));
    assert_eq!(
        found, [""; 0],
        "nothing generates these any more: delete them"
    );
}

//! The promise of `rust-version`: no dependency needs a newer Rust.

use std::process::Command;

use cargo_batch_tests::root;
use serde_json::Value;

/// `1.88` or `1.88.0`, to be compared.
fn version(text: &str) -> Vec<u32> {
    text.split('.')
        .map(|part| part.parse().expect("a version of Rust"))
        .chain([0, 0])
        .take(3)
        .collect()
}

/// Of all platforms, and of tests and tools as well: every contributor has that Rust, too.
#[test]
fn no_dependency_asks_for_a_newer_rust() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let ours = version(env!("CARGO_PKG_RUST_VERSION"));
    assert_eq!(ours, [1, 88, 0]);
    let (mut say_so, mut newer) = (0, Vec::new());
    for package in packages {
        if let Some(rust) = package["rust_version"].as_str() {
            say_so += 1;
            if version(rust) > ours {
                let (name, version) = (&package["name"], &package["version"]);
                newer.push(format!("{name} {version} asks for Rust {rust}"));
            }
        }
    }
    assert!(newer.is_empty(), "{newer:#?}");
    assert!(say_so > 100, "only {say_so} packages say what they need");
}

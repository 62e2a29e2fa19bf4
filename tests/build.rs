//! Takes the Rust programs out of the READMEs, so that a test can run what a reader would paste.

use std::fmt::Write as _;
use std::path::Path;

const PAGES: [(&str, &str); 3] = [
    ("project", "README.md"),
    ("types", "cargo-batch-types/README.md"),
    ("sandbox", "cargo-batch-sandbox/README.md"),
];

fn main() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    // Programs have a `main`; the others are tests.
    let (mut programs, mut names, mut tests) = (String::new(), String::new(), String::new());
    for (page, path) in PAGES {
        println!("cargo::rerun-if-changed=../{path}");
        let text = std::fs::read_to_string(root.join(path)).expect("a README");
        for (number, block) in blocks(&text).into_iter().enumerate() {
            let name = format!("{page}_{number}");
            if block.contains("fn main()") {
                let run = "pub fn run() -> std::process::ExitCode { std::process::Termination::report(main()) }";
                writeln!(programs, "mod {name} {{\n{block}\n{run}\n}}").expect("a String");
                writeln!(
                    names,
                    "(\"{name}\", {name}::run as fn() -> std::process::ExitCode),"
                )
                .expect("a String");
            } else {
                writeln!(tests, "mod {name} {{\n{block}\n}}").expect("a String");
            }
        }
    }
    programs += &format!("pub const PROGRAMS: &[Program] = &[\n{names}];\n");
    let out = std::env::var_os("OUT_DIR").expect("set by cargo");
    std::fs::write(Path::new(&out).join("readme_programs.rs"), programs).expect("a file");
    std::fs::write(Path::new(&out).join("readme_tests.rs"), tests).expect("a file");
}

/// Returns the blocks of a page that are Rust, complete as they stand.
fn blocks(text: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("```rust") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            let hidden = block
                .iter()
                .find(|line| **line == "#" || line.starts_with("# "));
            assert!(
                hidden.is_none(),
                "a hidden line shows on the repository's page: {hidden:?}"
            );
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

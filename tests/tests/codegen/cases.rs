//! Edits of the specification that once passed and shouldn't have: each gives the right Rust now, or is
//! refused with its line and what to do.

use std::fs;
use std::path::Path;

use cargo_batch_tests::Spec;
use xtask::codegen::generate;

/// What becomes of an edit.
enum Verdict {
    /// It is generated; that it compiles is shown by the kitchen sink.
    Right,
    /// The message says this.
    Refused(&'static str),
}
use Verdict::{Refused, Right};

const CASES: [(&str, Verdict); 0] = [];

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/codegen-cases")
}

#[test]
fn probe() {
    let mut names: Vec<_> = fs::read_dir(folder())
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    names.sort();
    let _ = (Right, Refused(""), CASES);
    for path in names {
        let (spec, added) = Spec::real().patched(&fs::read_to_string(&path).unwrap());
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        match generate(spec.text()) {
            Ok(_) => println!("{name}: RIGHT"),
            Err(problems) => {
                for p in problems {
                    let inside = p.line.is_some_and(|l| added.contains(&l));
                    println!("{name}: {} {p}", if inside { "IN " } else { "OUT" });
                }
            }
        }
    }
}

//! `cargo xtask picture`: draws the README's picture of the demo, as a terminal shows it.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use super::process::{self, folder};
use super::{Task, root, unknown};

pub const TASK: Task = Task {
    name: "picture",
    help: "draw docs/demo.svg from what the demo prints; with --check only say whether it is stale",
    run,
};

const PICTURE: &str = "docs/demo.svg";

/// Sizes in pixels; the width of a character is what most fonts of a terminal have at this size, and
/// each span of text is stretched to it.
const CHAR: usize = 8;
const LINE: usize = 19;
const EDGE: usize = 20;
const BAR: usize = 32;

fn run(arguments: &[&str]) -> Result<(), String> {
    let check = match arguments {
        [] => false,
        ["--check"] => true,
        other => return Err(unknown(&TASK, other)),
    };
    let picture = draw(&demo()?);
    let path = root().join(PICTURE);
    if check {
        return match fs::read_to_string(&path) {
            Ok(there) if there == picture => Ok(()),
            _ => Err(format!(
                "{PICTURE} is stale, update with `cargo xtask picture`"
            )),
        };
    }
    fs::write(&path, picture).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("written: {PICTURE}");
    Ok(())
}

/// Returns the output of the demo in virtual time, which is the same every time.
fn demo() -> Result<String, String> {
    let here = root().join("target/picture");
    folder(&here)?;
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(cargo);
    command
        .args(["run", "--quiet", "--manifest-path"])
        .arg(root().join("Cargo.toml"))
        .args(["--package", "cargo-batch-client", "--features", "rows"])
        .args(["--example", "demo"])
        .args(["--", "--virtual"])
        .env_remove("CARGO_API_TOKEN")
        .current_dir(here);
    process::output(&mut command)
}

/// A terminal with the command and its output.
fn draw(output: &str) -> String {
    let columns = output.lines().map(|line| line.chars().count()).max();
    let width = 2 * EDGE + CHAR * columns.unwrap_or_default();
    let rows = output.lines().count() + 1;
    let height = BAR + rows * LINE + EDGE;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">
<!-- Made by `cargo xtask picture`. -->
<title>cargo demo, in a terminal</title>
<rect width="{width}" height="{height}" rx="8" fill="#1b1f27"/>
<circle cx="20" cy="16" r="5" fill="#ff5f57"/><circle cx="37" cy="16" r="5" fill="#febc2e"/><circle cx="54" cy="16" r="5" fill="#28c840"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13" style="white-space:pre">
"##
    );
    let mut row = Row {
        svg: &mut svg,
        y: BAR + LINE / 2,
    };
    row.put(0, "$", "#8b949e");
    row.put(2, "cargo demo", "#ffffff");
    for line in output.lines() {
        row.y += LINE;
        // A name at the beginning and a space after it: the line is a label and its value.
        match line.char_indices().nth(10) {
            Some((at, ' ')) => {
                let (about, text) = line.split_at(at);
                row.put(0, about, colour(about.trim()));
                row.put(10, text, "#d0d7de");
            }
            _ => row.put(0, line, "#8b949e"),
        }
    }
    svg.push_str("</g>\n</svg>\n");
    svg
}

fn colour(about: &str) -> &'static str {
    match about {
        "pending" | "querying" | "running" => "#58a6ff",
        "outcome" => "#e3b341",
        _ => "#3fb950",
    }
}

struct Row<'a> {
    svg: &'a mut String,
    y: usize,
}

impl Row<'_> {
    /// Text from a column on; the spaces around it aren't drawn.
    fn put(&mut self, column: usize, text: &str, colour: &str) {
        let blank = text.chars().take_while(|c| c.is_whitespace()).count();
        let (x, y) = (EDGE + (column + blank) * CHAR, self.y);
        let text = text.trim();
        if text.is_empty() {
            return;
        }
        let long = text.chars().count() * CHAR;
        let text = text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;");
        // Writing to a string can't fail.
        let _ = writeln!(
            self.svg,
            r#"<text x="{x}" y="{y}" fill="{colour}" textLength="{long}" lengthAdjust="spacingAndGlyphs">{text}</text>"#
        );
    }
}

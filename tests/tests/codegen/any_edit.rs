//! Whatever is done to the specification, the generator generates something or says what is wrong:
//! it never panics. `EDITS=1000 EDITS_SEED=2` runs more of them, and others.

use std::panic::catch_unwind;

use cargo_batch_tests::openapi;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, RngSeed, TestRunner};

/// An edit as people make them, by accident or not; an index picks a line or a word.
#[derive(Clone, Debug)]
enum Edit {
    Delete(Index),
    Repeat(Index),
    Swap(Index, Index),
    Move(Index, Index),
    Indent(Index),
    Dedent(Index),
    /// Puts the value of one line in the place of another's.
    Value(Index, Index),
    /// Puts the key of one line in the place of another's.
    Key(Index, Index),
    /// Puts a value that is seldom expected.
    Odd(Index, Index),
    /// Deletes a line and all that belongs to it.
    DeleteBlock(Index),
}

const ODD: [&str; 24] = [
    "[]", "{}", "null", "''", "' '", "3", "-1", "1.5", "true", "self", "Self", "r#type", "3d",
    "a b", "é", "'*'", "array", "object", "string", "integer", "number", "[3, x]", "{ a: b }",
    "'{uuid}'",
];

fn edit() -> impl Strategy<Value = Edit> {
    let at = any::<Index>;
    prop_oneof![
        1 => at().prop_map(Edit::Delete),
        1 => at().prop_map(Edit::Repeat),
        1 => (at(), at()).prop_map(|(a, b)| Edit::Swap(a, b)),
        1 => (at(), at()).prop_map(|(a, b)| Edit::Move(a, b)),
        1 => at().prop_map(Edit::Indent),
        1 => at().prop_map(Edit::Dedent),
        3 => (at(), at()).prop_map(|(a, b)| Edit::Value(a, b)),
        2 => (at(), at()).prop_map(|(a, b)| Edit::Key(a, b)),
        3 => (at(), at()).prop_map(|(a, b)| Edit::Odd(a, b)),
        2 => at().prop_map(Edit::DeleteBlock),
    ]
}

fn apply(lines: &mut Vec<String>, edit: &Edit) {
    let len = lines.len();
    let pair = |a: &Index, b: &Index| (a.index(len), b.index(len));
    match edit {
        Edit::Delete(at) => {
            lines.remove(at.index(len));
        }
        Edit::Repeat(at) => {
            let line = lines[at.index(len)].clone();
            lines.insert(at.index(len), line);
        }
        Edit::Swap(a, b) => {
            let (a, b) = pair(a, b);
            lines.swap(a, b);
        }
        Edit::Move(a, b) => {
            let (a, b) = pair(a, b);
            let line = lines.remove(a);
            lines.insert(b.min(len - 1), line);
        }
        Edit::Indent(at) => lines[at.index(len)].insert_str(0, "  "),
        Edit::Dedent(at) => {
            let line = &mut lines[at.index(len)];
            if let Some(less) = line.strip_prefix("  ") {
                *line = less.to_owned();
            }
        }
        Edit::Value(a, b) => {
            let (a, b) = pair(a, b);
            if let (Some((key, _)), Some((_, value))) = (split(&lines[a]), split(&lines[b])) {
                lines[a] = format!("{key}:{value}");
            }
        }
        Edit::Key(a, b) => {
            let (a, b) = pair(a, b);
            if let (Some((old, value)), Some((key, _))) = (split(&lines[a]), split(&lines[b])) {
                let indent = &old[..old.len() - old.trim_start().len()];
                lines[a] = format!("{indent}{}:{value}", key.trim_start());
            }
        }
        Edit::Odd(at, which) => {
            let odd = ODD[which.index(ODD.len())];
            let line = &mut lines[at.index(len)];
            if let Some((key, _)) = split(line) {
                *line = format!("{key}: {odd}");
            }
        }
        Edit::DeleteBlock(at) => {
            let at = at.index(len);
            let depth = indent(&lines[at]);
            let more = lines[at + 1..]
                .iter()
                .take_while(|line| indent(line) > depth)
                .count();
            lines.drain(at..=at + more);
        }
    }
}

fn split(line: &str) -> Option<(&str, &str)> {
    line.split_once(':')
        .filter(|(_, value)| value.is_empty() || value.starts_with(' '))
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[test]
fn never_makes_the_generator_panic() {
    let cases = match std::env::var("EDITS") {
        Ok(cases) => cases.parse().expect("EDITS is a number"),
        Err(_) => 40,
    };
    let seed = match std::env::var("EDITS_SEED") {
        Ok(seed) => seed.parse().expect("EDITS_SEED is a number"),
        Err(_) => 1,
    };
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 50,
        ..Config::default()
    };
    let edits = prop::collection::vec(edit(), 1..3);
    TestRunner::new(config)
        .run(&edits, |edits| {
            let mut lines: Vec<String> = openapi().lines().map(str::to_owned).collect();
            for edit in &edits {
                apply(&mut lines, edit);
            }
            let text = lines.join("\n");
            let made = catch_unwind(|| xtask::codegen::generate(&text));
            prop_assert!(made.is_ok(), "it panics after\n{}", difference(&text));
            if let Ok(Err(problems)) = made {
                prop_assert!(!problems.is_empty(), "refused without a reason");
                let messages: Vec<String> = problems.iter().map(ToString::to_string).collect();
                prop_assert!(
                    !messages
                        .iter()
                        .any(|message| message.contains("the generator panicked")),
                    "no rule for\n{}\n{messages:?}",
                    difference(&text)
                );
            }
            Ok(())
        })
        .unwrap_or_else(|failure| panic!("{failure}"));
}

/// The lines of the changed specification that are not as they were.
fn difference(text: &str) -> String {
    let (old, new): (Vec<&str>, Vec<&str>) = (openapi().lines().collect(), text.lines().collect());
    let start = old
        .iter()
        .zip(&new)
        .take_while(|(old, new)| old == new)
        .count();
    let end = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take_while(|(old, new)| old == new)
        .count();
    let part = |lines: &[&str]| {
        let end = lines.len().saturating_sub(end).max(start).min(start + 20);
        lines[start.min(lines.len())..end].join("\n")
    };
    format!("line {}: {}\nbecame: {}", start + 1, part(&old), part(&new))
}

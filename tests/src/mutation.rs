//! The real specification with one thing changed.

use xtask::spec::Problem;

use crate::openapi;

/// The text of a specification that is being changed.
#[derive(Clone, Debug)]
pub struct Spec(String);

impl Spec {
    /// `openapi.yaml` as it stands.
    pub fn real() -> Self {
        Self(openapi().to_owned())
    }

    /// The changed text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Replaces `find`, which must stand exactly once in the block that the line `anchor` begins: that
    /// line and the deeper ones after it. So a change can't land in another place than meant.
    pub fn replace(mut self, anchor: &str, find: &str, replacement: &str) -> Self {
        let (start, end) = self.block(anchor);
        let block = &self.0[start..end];
        let times = block.matches(find).count();
        assert_eq!(
            times, 1,
            "{find:?} stands {times} times under {anchor:?}:\n{block}"
        );
        let changed = block.replace(find, replacement);
        self.0.replace_range(start..end, &changed);
        self
    }

    /// Replaces `find`, which must occur, wherever it occurs.
    pub fn everywhere(self, find: &str, replacement: &str) -> Self {
        assert!(self.0.contains(find), "{find:?} doesn't occur");
        Self(self.0.replace(find, replacement))
    }

    /// Puts lines after the block that the line `anchor` begins.
    pub fn after(mut self, anchor: &str, lines: &str) -> Self {
        let (_, end) = self.block(anchor);
        self.0.insert_str(end, lines);
        self
    }

    /// Puts lines before the line `anchor`.
    pub fn before(mut self, anchor: &str, lines: &str) -> Self {
        let (start, _) = self.block(anchor);
        let end = if lines.ends_with('\n') { "" } else { "\n" };
        self.0.insert_str(start, &format!("{lines}{end}"));
        self
    }

    /// Applies a patch in the format of `diff -u`. Each hunk is found by its text, nearest to the line that it
    /// names, since other edits move it.
    ///
    /// Returns the changed text, and the numbers of the lines that the patch puts there.
    pub fn patched(self, patch: &str) -> (Self, Vec<usize>) {
        let mut lines: Vec<String> = self.0.lines().map(str::to_owned).collect();
        let mut added = Vec::new();
        let mut moved: isize = 0;
        for hunk in patch.split("\n@@ ").skip(1) {
            let (header, body) = hunk.split_once('\n').expect("a hunk has lines");
            let start = header.trim_start_matches('-').split(',').next();
            let start: isize = start
                .and_then(|start| start.parse().ok())
                .expect("a hunk has a line");
            let body: Vec<&str> = body.lines().collect();
            let old: Vec<&str> = side(&body, '-');
            let near = |at: &usize| (*at as isize - (start - 1 + moved)).abs();
            let at = (0..=lines.len() - old.len())
                .filter(|at| lines[*at..].iter().zip(&old).all(|(line, old)| line == old))
                .min_by_key(near)
                .unwrap_or_else(|| panic!("the hunk at line {start} has no place:\n{hunk}"));
            let new = side(&body, '+');
            let marks = body.iter().filter(|line| !line.starts_with('-'));
            for (i, _) in marks.enumerate().filter(|(_, line)| line.starts_with('+')) {
                added.push(at + i + 1);
            }
            moved = at as isize - (start - 1) + new.len() as isize - old.len() as isize;
            let new: Vec<String> = new.into_iter().map(str::to_owned).collect();
            lines.splice(at..at + old.len(), new);
        }
        (Self(lines.join("\n") + "\n"), added)
    }

    fn block(&self, anchor: &str) -> (usize, usize) {
        let lines = self.0.split_inclusive('\n').scan(0, |at, line| {
            let start = *at;
            *at += line.len();
            Some((start, line))
        });
        let mut lines = lines.skip_while(|(_, line)| line.trim_end() != anchor);
        let (start, first) = lines
            .next()
            .unwrap_or_else(|| panic!("no line is {anchor:?}"));
        let depth = indent(first);
        let end = lines
            .find(|(_, line)| !line.trim().is_empty() && indent(line) <= depth)
            .map_or(self.0.len(), |(at, _)| at);
        let again = self.0[end..].lines().any(|line| line.trim_end() == anchor);
        assert!(!again, "{anchor:?} is the line of more than one block");
        (start, end)
    }

    /// What the generator says of it; it must refuse.
    pub fn problems(&self) -> Vec<Problem> {
        match xtask::codegen::generate(&self.0) {
            Ok(_) => panic!("the mistake went unnoticed"),
            Err(problems) => problems,
        }
    }

    /// A line, counted from 1.
    pub fn line(&self, number: usize) -> &str {
        self.0
            .lines()
            .nth(number - 1)
            .unwrap_or_else(|| panic!("there is no line {number}"))
    }
}

/// The lines of a hunk that one of its sides has.
fn side<'a>(body: &[&'a str], sign: char) -> Vec<&'a str> {
    let lines = body
        .iter()
        .filter(|line| line.starts_with([' ', sign]) || line.is_empty());
    lines
        .map(|line| line.get(1..).unwrap_or_default())
        .collect()
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// What the generator says of a specification, ready for a snapshot: in place of each line's number,
/// which any edit of the specification would change, the text of that line.
pub fn report(spec: &Spec) -> String {
    let lines = spec.problems().into_iter().map(|problem| {
        let number = problem
            .line
            .unwrap_or_else(|| panic!("no line is named: {problem}"));
        let (message, place) = (problem.to_string(), format!("openapi.yaml:{number}: "));
        assert!(message.starts_with(&place), "{message}");
        let rest = message.replacen(&place, "openapi.yaml:LINE: ", 1);
        format!("{rest}\n  > {}", spec.line(number).trim())
    });
    lines.collect::<Vec<_>>().join("\n")
}

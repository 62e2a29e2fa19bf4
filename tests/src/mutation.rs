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

    /// Puts lines after the block that the line `anchor` begins.
    pub fn after(mut self, anchor: &str, lines: &str) -> Self {
        let (_, end) = self.block(anchor);
        self.0.insert_str(end, lines);
        self
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

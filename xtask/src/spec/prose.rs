//! Descriptions as documentation: text that says something to a person, and nothing to rustdoc or the compiler.
//!
//! A description may hold lists, code spans, fences and links to the web. A fence isn't a test, an indented line
//! isn't one either, and neither `<T>` nor `[x]` is HTML or a link to an item.

/// Returns a description as documentation.
pub fn escaped(text: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut paragraph = String::new();
    let mut fence: Option<&str> = None;
    for line in text.trim().lines() {
        let line = line.trim_end();
        let bare = line.trim_start();
        if let Some(open) = fence {
            let closes = bare.starts_with(open) && bare.trim_start_matches(['`', '~']).is_empty();
            lines.push(if closes {
                bare.to_owned()
            } else {
                line.to_owned()
            });
            if closes {
                fence = None;
            }
            continue;
        }
        let marker = bare.len() - bare.trim_start_matches(['`', '~']).len();
        let marker = &bare[..marker];
        let is_fence = marker.len() >= 3 && !bare[marker.len()..].contains('`');
        if bare.is_empty() || is_fence {
            flush(&mut paragraph, &mut lines);
            lines.push(if is_fence {
                format!("{marker}text")
            } else {
                String::new()
            });
            fence = is_fence.then_some(marker);
            continue;
        }
        // Four spaces and more would be code, and code would be a test.
        let indent = (line.len() - bare.len()).min(3);
        if !paragraph.is_empty() {
            paragraph.push('\n');
        }
        paragraph.push_str(&" ".repeat(indent));
        paragraph.push_str(bare);
    }
    flush(&mut paragraph, &mut lines);
    if let Some(open) = fence {
        lines.push(open.to_owned());
    }
    lines.join("\n")
}

/// Returns documentation with the code spans replaced for which there is another text.
pub fn with_code(text: &str, replacement: impl Fn(&str) -> Option<String>) -> String {
    let mut lines = Vec::new();
    let mut fence: Option<&str> = None;
    for line in text.lines() {
        let marker = line.len() - line.trim_start_matches(['`', '~']).len();
        let is_marker = marker >= 3 && fence.is_none_or(|open| line.starts_with(open));
        lines.push(match (is_marker, fence) {
            (false, None) => replaced(line, &replacement),
            _ => line.to_owned(),
        });
        if is_marker {
            fence = match fence {
                Some(_) => None,
                None => Some(&line[..marker]),
            };
        }
    }
    lines.join("\n")
}

fn replaced(line: &str, replacement: &impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['`', '\\']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let kept = code_span(rest)
            .or_else(|| escape(rest))
            .unwrap_or(&rest[..1]);
        let name = kept
            .strip_prefix('`')
            .and_then(|span| span.strip_suffix('`'));
        match name.and_then(replacement) {
            Some(text) => out.push_str(&text),
            None => out.push_str(kept),
        }
        rest = &rest[kept.len()..];
    }
    out.push_str(rest);
    out
}

fn flush(paragraph: &mut String, lines: &mut Vec<String>) {
    if !paragraph.is_empty() {
        lines.push(inline(&std::mem::take(paragraph)));
    }
}

/// A paragraph, with code spans, web links and escapes as they are.
fn inline(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let kept = match c {
            '`' => code_span(rest),
            '\\' => escape(rest),
            '<' => enclosed(rest, '>')
                .filter(|link| link[1..].starts_with("http") && is_link(&link[1..link.len() - 1])),
            '[' => web_link(rest),
            _ => None,
        };
        if let Some(kept) = kept {
            out.push_str(kept);
            rest = &rest[kept.len()..];
            continue;
        }
        let bare = ["https://", "http://"]
            .iter()
            .any(|scheme| rest.starts_with(scheme));
        if bare {
            let url = url(rest);
            out.push_str(&format!("<{url}>"));
            rest = &rest[url.len()..];
            continue;
        }
        if ['`', '<', '['].contains(&c) {
            out.push('\\');
        }
        out.push(if c == '\t' { ' ' } else { c });
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// A code span: as many backticks at its end as at its beginning.
fn code_span(text: &str) -> Option<&str> {
    let ticks = text.len() - text.trim_start_matches('`').len();
    let mut at = ticks;
    while let Some(next) = text[at..].find('`') {
        let start = at + next;
        let run = text[start..].len() - text[start..].trim_start_matches('`').len();
        if run == ticks {
            return Some(&text[..start + run]);
        }
        at = start + run;
    }
    None
}

/// A backslash and the sign that it keeps from meaning something.
fn escape(text: &str) -> Option<&str> {
    let next = text.chars().nth(1)?;
    next.is_ascii_punctuation().then(|| &text[..2])
}

/// From a sign to the one that ends it, on one line.
fn enclosed(text: &str, end: char) -> Option<&str> {
    let found = text.find([end, '\n'])?;
    text[found..].starts_with(end).then(|| &text[..=found])
}

/// `[label](https://...)`
fn web_link(text: &str) -> Option<&str> {
    let label = enclosed(text, ']')?;
    let plain = |c: char| !"[<`".contains(c);
    let target = text[label.len()..].strip_prefix('(')?;
    let link = &target[..target.find(')')?];
    let is_plain = label[1..].chars().all(plain) && !label.contains("://");
    (is_plain && is_link(link)).then(|| &text[..label.len() + link.len() + 2])
}

fn is_link(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && !rest.contains([' ', '<', '>', '\n']))
}

/// A URL in the middle of text; what ends the sentence isn't part of it.
fn url(text: &str) -> &str {
    let end = text
        .find(|c: char| c.is_whitespace() || "<>()[]`\"'|".contains(c))
        .unwrap_or(text.len());
    text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?', '*', '_'])
}

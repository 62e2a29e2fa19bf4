//! Text can't hold what a reader doesn't see: it would turn code around, or end a comment.

use serde_json::Value;

use crate::spec::{Document, Place, Problem};

pub fn check(document: &Document) -> Vec<Problem> {
    let mut problems = Vec::new();
    walk(document, &Place::root(), document.root(), &mut problems);
    problems
}

fn walk(document: &Document, place: &Place, node: &Value, problems: &mut Vec<Problem>) {
    let say = |place: &Place, text: &str, problems: &mut Vec<Problem>| {
        if let Some(odd) = text.chars().find(|c| is_invisible(*c)) {
            let message = format!(
                "U+{:04X} can't be seen, and isn't for text: take it out",
                odd as u32
            );
            problems.push(document.problem(place, message));
        }
    };
    match node {
        Value::String(text) => say(place, text, problems),
        Value::Object(map) => {
            for (key, value) in map {
                let inside = place.join(key);
                say(&inside, key, problems);
                walk(document, &inside, value, problems);
            }
        }
        Value::Array(items) => {
            for (i, item) in items.iter().enumerate() {
                walk(document, &place.join(&i.to_string()), item, problems);
            }
        }
        _ => {}
    }
}

/// Controls, marks that change the direction of text, and what has no width.
fn is_invisible(c: char) -> bool {
    (c.is_control() && !['\n', '\t'].contains(&c))
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{061C}' | '\u{FFF9}'..='\u{FFFB}')
}

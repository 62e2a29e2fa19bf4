//! The path in a decode error leads to what doesn't fit.

use cargo_batch_tests::{Samples, document};
use cargo_batch_types::{Batch, DecodeError, GetBatchResponse, from_json};
use serde_json::{Value, json};

use crate::every_type::{CODECS, report};

/// Values that fit in few places.
fn odd_values() -> Vec<Value> {
    vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(1.5),
        json!(u64::MAX),
        json!(""),
        json!("odd é \u{1f600} \" \\ \n , } ] { ["),
        json!([]),
        json!([[]]),
        json!({}),
        json!({ "odd": [{ "é": null }] }),
    ]
}

/// The JSON pointers to all values within one, itself included.
fn pointers(value: &Value) -> Vec<String> {
    let within: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(key, it)| (key.clone(), it)).collect(),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(index, it)| (index.to_string(), it)).collect()
        }
        _ => Vec::new(),
    };
    let deeper = within.into_iter().flat_map(|(step, value)| {
        let below = pointers(value).into_iter();
        below.map(move |rest| format!("/{step}{rest}"))
    });
    [String::new()].into_iter().chain(deeper).collect()
}

/// The path of what a JSON pointer points to: no key of a sample is a number.
fn path(pointer: &str) -> String {
    let steps = pointer.split('/').skip(1);
    let path = steps.fold(String::new(), |path, step| {
        match (step.parse::<usize>(), path.is_empty()) {
            (Ok(index), _) => format!("{path}[{index}]"),
            (Err(_), true) => step.to_owned(),
            (Err(_), false) => format!("{path}.{step}"),
        }
    });
    match path.is_empty() {
        true => ".".to_owned(),
        false => path,
    }
}

/// A value as text in several layouts: in one line, and in many with text beside ASCII before each field.
fn layouts(value: &Value) -> [String; 3] {
    let pretty = format!("{value:#}");
    [
        value.to_string(),
        pretty.replace('\n', "\r\n"),
        pretty.replace("\n", "\n\n\t "),
    ]
}

/// A value with another in one place, or without that place.
fn mutated(sample: &Value, pointer: &str, odd: Option<Value>) -> Option<Value> {
    let mut mutated = sample.clone();
    match odd {
        Some(odd) => *mutated.pointer_mut(pointer)? = odd,
        None => {
            let (parent, key) = pointer.rsplit_once('/')?;
            match mutated.pointer_mut(parent)? {
                Value::Object(fields) => drop(fields.shift_remove(key)),
                Value::Array(items) => drop(items.remove(key.parse().ok()?)),
                _ => return None,
            }
        }
    }
    Some(mutated)
}

/// Returns whether an error is about a place: by its path, or, in a union that is only sent, by the path of
/// that and the rest of the way in its reason.
fn is_about(error: &DecodeError, place: &str) -> bool {
    let leads = |path: &str| {
        let rest = path.strip_prefix(place);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    };
    if place == "." || leads(error.field_path()) {
        return true;
    }
    let reason = error.reason();
    let within = reason.split_once(": ").map_or("", |(path, _)| path);
    match error.field_path() {
        "." => leads(within),
        union => leads(&format!("{union}.{within}")),
    }
}

/// Each value of each sample is replaced by an odd one, or left out: where that isn't read, the error is
/// about it, and where `serde_path_to_error` sees it.
#[test]
fn the_path_leads_to_the_value_that_does_not_fit() {
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for codec in CODECS {
        let samples = [Samples::full(document()), Samples::minimal(document())];
        for sample in samples.iter().flat_map(|samples| samples.of(codec.name)) {
            for pointer in pointers(&sample) {
                for odd in odd_values().into_iter().map(Some).chain([None]) {
                    let Some(json) = mutated(&sample, &pointer, odd.clone()) else {
                        continue;
                    };
                    let place = match &odd {
                        // It is its parent that misses it.
                        None => path(pointer.rsplit_once('/').map_or("", |(parent, _)| parent)),
                        Some(_) => path(&pointer),
                    };
                    for text in layouts(&json) {
                        let Some((error, tracked)) = (codec.failure)(text.as_bytes()) else {
                            continue;
                        };
                        compared += 1;
                        let is_tag = || error.reason().starts_with("missing field");
                        if error.field_path() != tracked || !(is_about(&error, &place) || is_tag())
                        {
                            wrong.push(format!("{}: {text}: {error}, not {tracked}", codec.name));
                        }
                    }
                }
            }
        }
    }
    report(wrong);
    assert!(compared > 70_000, "{compared} compared");
}

/// Each text is cut off, gets a byte more or loses one: where it isn't JSON, the error is about what is read
/// there.
#[test]
fn the_path_leads_to_where_a_text_is_broken() {
    let (mut wrong, mut compared, mut deeper) = (Vec::new(), 0, 0);
    for codec in CODECS {
        for sample in Samples::full(document()).of(codec.name) {
            for text in layouts(&sample) {
                for at in (0..text.len()).step_by(7) {
                    let (before, after) = text.as_bytes().split_at(at);
                    for bytes in [
                        before.to_vec(),
                        [before, b"?", after].concat(),
                        [before, &after[1..]].concat(),
                    ] {
                        let Some((error, tracked)) = (codec.failure)(&bytes) else {
                            continue;
                        };
                        compared += 1;
                        // It has a level of its own where a key should be.
                        let tracked = match tracked.trim_end_matches('?').trim_end_matches('.') {
                            "" => ".",
                            path => path,
                        };
                        // Only by the text is it known what is in a field that is ignored.
                        let is_deeper = error.field_path().starts_with(tracked) || tracked == ".";
                        match (error.field_path() == tracked, is_deeper) {
                            (true, _) => {}
                            (false, true) => deeper += 1,
                            (false, false) => wrong.push(format!(
                                "{}: {:?}: {error}, not {tracked}",
                                codec.name,
                                String::from_utf8_lossy(&bytes)
                            )),
                        }
                    }
                }
            }
        }
    }
    report(wrong);
    assert!(
        compared > 60_000 && deeper < 10,
        "{compared} compared, {deeper} deeper"
    );
}

/// The path of the error of a text that isn't a batch.
fn path_in(text: impl AsRef<[u8]>) -> String {
    let error = from_json::<GetBatchResponse>(text.as_ref()).unwrap_err();
    error.field_path().to_owned()
}

#[test]
fn a_path_is_found_in_any_text() {
    for (text, path) in [
        ("", "."),
        (" \r\n\r\n", "."),
        ("null", "."),
        ("[", "."),
        ("{", "."),
        ("{}{}", "."),
        (r#"{"batch":"#, "batch"),
        (r#"{"batch": 01}"#, "batch"),
        (r#"{"batch": nul}"#, "batch"),
        (r#"{"batch": {"uuid": 5}}"#, "batch.uuid"),
        (
            "{\r\n\"ключ\": \"\u{1f600}\",\r\n\"batch\": {\"uuid\": 5}}",
            "batch.uuid",
        ),
        (r#"{"odd": "\\\"", "batch": 5}"#, "batch"),
        // Fields that are ignored, and what they are called.
        (r#"{"": [oops]}"#, r#"""[0]"#),
        (r#"{"a": {"": oops}}"#, r#"a."""#),
        (r#"{"a": {"b\"\u00e9": [1, [2, oops]]}}"#, "a.b\"é[1][1]"),
        (r#"{"a": {"\ud800": oops}}"#, r#"a."\ud800""#),
    ] {
        assert_eq!(path_in(text), path, "{text}");
    }
    assert_eq!(path_in(b"{\"a\": {\"\xff\": oops}}"), "a.\"\u{fffd}\"");
    assert_eq!(path_in("\u{feff}{\"batch\": 5}"), "batch");
}

#[test]
fn a_deep_text_has_a_short_path() {
    const DEPTH: usize = 2_000_000;
    for (text, levels) in [
        (format!("{{\"odd\": {}", "[".repeat(DEPTH)), 127),
        (format!("{{\"odd\": {}oops", "[".repeat(DEPTH)), 127),
        (format!("{{\"odd\": {}", "[0,".repeat(DEPTH)), 127),
    ] {
        let path = path_in(text);
        // Not the path itself, which would fill the log where it is as deep as the text.
        assert_eq!(path.matches('[').count(), levels);
    }
    // What was open and is closed again doesn't count.
    let closed = format!("{}{}", "[".repeat(DEPTH), "]".repeat(DEPTH));
    assert_eq!(
        path_in(format!("{{\"odd\": {closed}, \"batch\": 5}}")),
        "batch"
    );
    let nested = format!("{{\"batch\": {}", "{\"nodes\":".repeat(DEPTH));
    assert!(path_in(nested).starts_with("batch.nodes"));
}

/// Each of these takes minutes where the time grows with the square of the length.
#[test]
fn a_path_is_found_in_time_that_grows_with_the_text() {
    const COUNT: usize = 500_000;
    for separator in ["", "\n", "\r\n"] {
        let items = format!("\"item\",{separator}").repeat(COUNT);
        let text = format!("{{\"odd\":{separator}[{items} 0], \"batch\": 5}}");
        assert_eq!(path_in(&text), "batch");
        let cut = &text[..text.len() - 20];
        assert!(path_in(cut).starts_with("odd"), "{separator:?}");
        let fields: String = (0..COUNT)
            .map(|n| format!("\"f{n}\": 0,{separator}"))
            .collect();
        assert_eq!(path_in(format!("{{{fields}\"batch\": 5}}")), "batch");
        // Written twice, and read once more.
        let twice = format!("{{\"batch\": 4, {fields}\"batch\": 5}}");
        assert_eq!(path_in(twice), "batch");
    }
}

#[test]
fn the_path_of_a_duplicate_field_is_that_of_the_last() {
    let sample = Samples::full(document()).of("Batch").remove(0).to_string();
    let odd = sample.replacen('{', r#"{"runsCount": 3,"#, 1);
    from_json::<Batch>(odd.as_bytes()).unwrap();
    let odd = odd.replace(r#""slug":"text""#, r#""slug":"text","slug":[]"#);
    let error = from_json::<Batch>(odd.as_bytes()).unwrap_err();
    assert_eq!(error.field_path(), "nodes[0].slug");
    assert!(
        !error.reason().contains("line"),
        "it has no place in this text: {error}"
    );
}

//! What was decided about differences, in `drift.yaml`.

use serde_json::{Value, json};
use xtask::drift::{Decisions, Report, compare};

use super::{edit, few};

fn decided(what: &str) -> String {
    format!("decisions:\n  - what: {what:?}\n    decided: Waits.\n    why: No user asked.\n")
}

#[test]
fn decided_differences_are_silent_until_they_change() {
    let mut changed = few().vendor.clone();
    let place = "paths|/orchestration/batches|post|BODY|properties|madeUpKey";
    edit(&mut changed, place, Some(json!({ "type": "string" })));
    let report = |vendor: &Value, decisions: &str| {
        let decisions = Decisions::parse(decisions).unwrap();
        Report::new(compare(vendor, &few().ours), &decisions)
    };
    let text = decided("vendor only: field `CreateBatchRequest.madeUpKey` (text), sent");
    assert_eq!(
        report(&changed, &text).to_string(),
        "0 undecided, 1 decided\n"
    );

    edit(&mut changed, place, Some(json!({ "type": "integer" })));
    let report = report(&changed, &text);
    assert_eq!(report.undecided(), 1);
    let gone = "drift.yaml:2: no longer applies: vendor only: field `CreateBatchRequest.madeUpKey` (text), sent\n";
    assert!(report.to_string().contains(gone), "{report}");
}

#[test]
fn operations_of_no_concern_are_decided_together() {
    let mut changed = few().vendor.clone();
    for path in ["/ai/agents", "/ai/agents/{uuid}", "/orchestration/plays"] {
        edit(
            &mut changed,
            &format!("paths|{path}"),
            Some(json!({ "post": {} })),
        );
    }
    let decisions = Decisions::parse(&decided("vendor only: operation * /ai/*")).unwrap();
    let report = Report::new(compare(&changed, &few().ours), &decisions).to_string();
    assert!(
        report.ends_with(
            "  vendor only: operation POST /orchestration/plays\n1 undecided, 2 decided\n"
        ),
        "{report}"
    );
    // A pattern covers the whole line, or nothing.
    for (pattern, undecided) in [
        ("vendor only: operation POST /*/agents", 2),
        ("vendor only: operation POST /*i/*", 1),
        ("vendor only: operation POST /ai/agents", 2),
        ("vendor only: operation POST /ai", 3),
    ] {
        let decisions = Decisions::parse(&decided(pattern)).unwrap();
        let report = Report::new(compare(&changed, &few().ours), &decisions);
        assert_eq!(report.undecided(), undecided, "{pattern}");
    }
}

#[test]
fn decisions_that_say_too_little_or_too_much() {
    let one = decided("vendor only: webhook a");
    for (text, error) in [
        ("", "line 1: expected one YAML document, found 0"),
        (
            "decisions: {}\n",
            "line 1: expected `decisions`, a list, and nothing else",
        ),
        (
            "decisions: []\nmore: []\n",
            "line 1: expected `decisions`, a list, and nothing else",
        ),
        (
            &one.replace("    why: No user asked.\n", ""),
            "line 2: a decision needs the text `why`",
        ),
        (
            &one.replace("Waits.", "''"),
            "line 2: a decision needs the text `decided`",
        ),
        (
            &format!("{one}    who: Me.\n"),
            "line 5: a decision has no `who`",
        ),
        (
            &format!("{one}{}", one.replace("decisions:\n", "")),
            "line 5: it is decided twice",
        ),
        (
            &decided("*"),
            "line 2: `*` is for operations that only the vendor has: decide the others one by one",
        ),
        (
            &decided("ours only: operation *"),
            "line 2: `*` is for operations that only the vendor has: decide the others one by one",
        ),
    ] {
        assert_eq!(Decisions::parse(text).unwrap_err(), error, "{text}");
    }
}

//! Complete documents: the vendor's own, recursive ones, and what is none.

use serde_json::json;
use xtask::drift::{Decisions, Report, compare, read};
use xtask::spec::Operation;

use super::{edit, few, lines, ours};

const FRAGMENT: &str = include_str!("../../../fixtures/vendor-3.1-fragment.json");

/// A schema that is made of itself, or of too many forms, ends and is said.
#[test]
fn recursive_schemas_end() {
    let mut changed = few().vendor.clone();
    edit(
        &mut changed,
        "$defs",
        Some(json!({ "A": { "allOf": [{ "$ref": "#/$defs/A" }] } })),
    );
    edit(
        &mut changed,
        "paths|/orchestration/batches|post|BODY|properties|workflowUuid",
        Some(json!({ "$ref": "#/$defs/A" })),
    );
    let said = lines(&changed, &few().ours, &few().text).join("\n");
    assert!(
        said.contains("has `a schema that is made of itself`, which isn't compared"),
        "{said}"
    );
}

#[test]
fn the_vendors_fragment() {
    let decisions = Decisions::parse(include_str!("../../../../xtask/drift.yaml")).unwrap();
    let report = Report::new(compare(&read(FRAGMENT).unwrap(), ours()), &decisions).to_string();
    let lines: Vec<&str> = report.lines().collect();
    assert_eq!(
        lines[0],
        "Money: what spends credits no longer works as we call it"
    );
    assert!(
        lines[1].ends_with(": ours only: operation POST /orchestration/batches"),
        "{report}"
    );
    assert!(!report.contains("/ai/agents"), "{report}");
    let gone = Operation::all(ours()).unwrap().len();
    assert!(
        report.ends_with(&format!("{gone} undecided, 2 decided\n")),
        "{report}"
    );
    let all = Report::new(
        compare(&read(FRAGMENT).unwrap(), ours()),
        &Decisions::default(),
    );
    assert_eq!(all.undecided(), gone + 2);
}

#[test]
fn an_invalid_document_is_refused() {
    for (text, error) in [
        (
            "openapi: 3.1.0\n",
            "not JSON: expected value at line 1 column 1",
        ),
        ("<html>", "not JSON: expected value at line 1 column 1"),
        (
            "{",
            "not JSON: EOF while parsing an object at line 1 column 1",
        ),
        (
            "[]",
            "not an OpenAPI 3.x document: it has no `openapi: 3.x`",
        ),
        (
            r#"{"swagger": "2.0"}"#,
            "not an OpenAPI 3.x document: it has no `openapi: 3.x`",
        ),
        (
            r#"{"openapi": 3.1}"#,
            "not an OpenAPI 3.x document: it has no `openapi: 3.x`",
        ),
        (
            r#"{"openapi": "2.0.0"}"#,
            "OpenAPI 2.0.0: only 3.x is compared",
        ),
        (
            r#"{"openapi": "3.1.0", "paths": []}"#,
            "`paths` is no object",
        ),
        (
            r#"{"openapi": "3.1.0", "paths": {"/a": 1}}"#,
            "`paths./a` is no object",
        ),
    ] {
        assert_eq!(read(text).unwrap_err(), error, "{text}");
    }
    let odd = json!({ "openapi": "3.1.0", "servers": 1, "paths": { "/orchestration/batches": { "post": 7, "parameters": {} } } });
    assert!(!compare(&read(&odd.to_string()).unwrap(), ours()).is_empty());
}

//! Documents that say the same in other words.

use cargo_batch_tests::openapi;
use serde_json::{Map, Value, json};

use super::{edit, few, lines, ours, rewritten};

#[test]
fn the_same_said_in_the_words_of_3_1_is_the_same() {
    assert_eq!(lines(&rewritten(ours()), ours(), openapi()), [""; 0]);
}

#[test]
fn our_own_document_is_the_same() {
    assert_eq!(lines(ours().root(), ours(), openapi()), [""; 0]);
}

/// The forms of 3.1, and of 3.0, that say the same of one field.
#[test]
fn equivalent_schemas_have_no_drift() {
    let place = "paths|/orchestration/batches/{id}|get|OK|properties|batch";
    let count = format!("{place}|properties|runsCount");
    let values = ours().schema("BatchRunsStatus").unwrap()["enum"]
        .as_array()
        .unwrap();
    let mut forms: Vec<Value> = values
        .iter()
        .map(|value| json!({ "const": value }))
        .collect();
    forms.push(json!({ "type": "null" }));
    let with_null: Vec<Value> = values.iter().rev().cloned().chain([Value::Null]).collect();
    let same = [
        (
            count.clone(),
            json!({ "type": "integer", "exclusiveMinimum": -1 }),
        ),
        (
            count.clone(),
            json!({ "type": "integer", "minimum": -1, "exclusiveMinimum": true }),
        ),
        (
            count.clone(),
            json!({ "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_i64 }),
        ),
        (
            count.clone(),
            json!({ "type": ["integer"], "minimum": 0.0, "examples": [1] }),
        ),
        (
            count,
            json!({ "$ref": "#/$defs/Count", "description": "Beside a reference." }),
        ),
        (
            format!("{place}|properties|runsStatus"),
            json!({ "anyOf": forms }),
        ),
        (
            format!("{place}|properties|runsStatus"),
            json!({ "type": ["string", "null"], "enum": with_null }),
        ),
        (
            format!("{place}|properties|runsStatus"),
            json!({ "enum": with_null }),
        ),
        (format!("{place}|unevaluatedProperties"), json!(false)),
    ];
    for (place, value) in same {
        let mut changed = few().vendor.clone();
        edit(
            &mut changed,
            "$defs",
            Some(json!({ "Count": { "type": "integer", "minimum": 0 } })),
        );
        edit(&mut changed, &place, Some(value.clone()));
        assert_eq!(
            lines(&changed, &few().ours, &few().text),
            [""; 0],
            "{place} {value}"
        );
    }
}

#[test]
fn shared_parameters_and_responses_are_followed() {
    let mut changed = few().vendor.clone();
    let item = "paths|/orchestration/batches/{id}";
    let parameters = changed["paths"]["/orchestration/batches/{id}"]["get"]["parameters"].take();
    let response =
        changed["paths"]["/orchestration/batches/{id}"]["get"]["responses"]["200"].take();
    edit(
        &mut changed,
        "components|parameters",
        Some(json!({ "Id": parameters[0] })),
    );
    edit(
        &mut changed,
        "components|responses",
        Some(json!({ "Batch": response })),
    );
    edit(
        &mut changed,
        &format!("{item}|get|parameters"),
        Some(json!([])),
    );
    edit(
        &mut changed,
        &format!("{item}|parameters"),
        Some(json!([{ "$ref": "#/components/parameters/Id" }])),
    );
    edit(
        &mut changed,
        &format!("{item}|get|responses|200"),
        Some(json!({ "$ref": "#/components/responses/Batch" })),
    );
    // The version in the paths, and not in the server.
    let paths = changed["paths"].take();
    let paths = paths
        .as_object()
        .unwrap()
        .iter()
        .map(|(path, item)| (format!("/v1{path}"), item.clone()));
    changed["paths"] = paths.collect::<Map<_, _>>().into();
    edit(
        &mut changed,
        "servers",
        Some(json!([{ "url": "https://api.getcargo.io/" }])),
    );
    assert_eq!(lines(&changed, &few().ours, &few().text), [""; 0]);
}

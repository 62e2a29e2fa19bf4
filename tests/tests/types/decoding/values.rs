//! Absent fields, numbers and dates, in every form that means one thing only.

use cargo_batch_tests::{Samples, document};
use cargo_batch_types::{
    Batch, BatchData, BatchStatus, CreateBatchRequest, Filter, GetRunResponse, ListRunsRequest,
    Node, NodeKind, NodeRetry, PreviewBatchResponse, StringValues, from_json,
};
use serde_json::{Value, json};

use super::{ID, batch, node, read, refused, with, written};

#[test]
fn absent_options_are_omitted_when_written() {
    assert_eq!(written(&read::<Batch>(batch())), batch());
    let nulls = [
        "userUuid",
        "releaseUuid",
        "traceUuid",
        "errorMessage",
        "runsStatus",
        "finishedAt",
    ];
    let json = nulls.iter().fold(batch(), |json, name| {
        with(json, &format!("/{name}"), Value::Null)
    });
    assert_eq!(written(&read::<Batch>(json)), batch());
}

#[test]
fn no_nodes_and_null_nodes_are_the_same() {
    let mut absent = batch();
    absent.as_object_mut().unwrap().shift_remove("nodes");
    let null = with(batch(), "/nodes", Value::Null);
    assert_eq!(read::<Batch>(null), read::<Batch>(absent));
}

#[test]
fn a_branch_that_leads_nowhere_is_null() {
    let node: Node = read(node());
    assert_eq!(node.children_uuids, [Some(ID.parse().unwrap()), None]);
    assert_eq!(written(&node)["childrenUuids"], json!([ID, null]));
}

#[test]
fn null_inside_free_form_members_stays() {
    let run = Samples::minimal(document()).of("Run").remove(0);
    let json = json!({ "run": run, "runContext": { "start": null, "end": { "x": null } } });
    let response: GetRunResponse = read(json.clone());
    assert_eq!(written(&response), json);
}

#[test]
fn an_integer_is_read_where_a_float_is_possible() {
    for (credits, value) in [
        (json!(3), 3.0),
        (json!(3.0), 3.0),
        (json!(0.125), 0.125),
        (json!(-1), -1.0),
    ] {
        assert_eq!(
            read::<Batch>(with(batch(), "/creditsUsedCount", credits)).credits_used_count,
            value
        );
    }
    let batch: Batch = read(with(
        batch(),
        "/nodes/0/position",
        json!({ "x": 3, "y": -4 }),
    ));
    let position = &batch.nodes.as_deref().unwrap()[0].position;
    assert_eq!((position.x, position.y), (3.0, -4.0));
    let retry: NodeRetry = read(json!({ "maximumAttempts": 3, "initialInterval": 1000 }));
    assert_eq!(retry.initial_interval, Some(1000.0));
}

#[test]
fn a_count_is_a_whole_number() {
    for whole in [json!(3), json!(3.0), json!("3"), json!(" 3.0 ")] {
        let batch: Batch = read(with(batch(), "/runsCount", whole));
        assert_eq!(batch.runs_count, 3);
        assert_eq!(written(&batch)["runsCount"], json!(3));
    }
    for odd in [
        json!(1.5),
        json!(-1),
        json!(-1.0),
        json!(1e300),
        json!("1.5"),
        json!("-1"),
        json!("3 runs"),
        json!("1,000"),
        json!("NaN"),
        json!(true),
        json!({ "runs": 3 }),
    ] {
        let error = refused::<Batch>(with(batch(), "/runsCount", odd));
        assert_eq!(error.field_path(), "runsCount");
        assert!(error.to_string().contains("a whole number"), "{error}");
    }
}

#[test]
fn timestamps_are_read_in_the_forms_of_rfc_3339() {
    let times = [
        "2026-01-02T03:04:05Z",
        "2026-01-02T03:04:05.000Z",
        "2026-01-02T05:04:05+02:00",
    ];
    let read = times.map(|time| read::<Batch>(with(batch(), "/createdAt", json!(time))).created_at);
    assert!(read.iter().all(|time| *time == read[0]), "{read:?}");
    for odd in [json!("yesterday"), json!(""), json!(null), json!(true)] {
        let error = refused::<Batch>(with(batch(), "/createdAt", odd));
        assert_eq!(error.field_path(), "createdAt");
        assert!(error.to_string().contains("a date such as 2026"), "{error}");
    }
}

#[test]
fn a_timestamp_without_an_offset_is_one_of_utc() {
    let expected = json!("2026-01-02T03:04:05Z");
    for time in [
        json!("2026-01-02T03:04:05"),
        json!("2026-01-02T03:04:05.000"),
        json!("2026-01-02 03:04:05"),
        json!("2026-01-02 03:04:05.000000"),
        json!("2026-01-02T03:04:05+0000"),
        json!("Fri, 02 Jan 2026 03:04:05 GMT"),
        json!(1_767_323_045),
        json!(1_767_323_045_000_u64),
        json!("1767323045"),
    ] {
        for field in ["createdAt", "finishedAt"] {
            let batch: Batch = read(with(batch(), &format!("/{field}"), time.clone()));
            assert_eq!(written(&batch)[field], expected, "{time}");
        }
    }
    for (text, start) in [
        ("2026-01-02", "2026-01-02T00:00:00Z"),
        ("2026-01-02T03:04", "2026-01-02T03:04:00Z"),
    ] {
        let batch: Batch = read(with(batch(), "/finishedAt", json!(text)));
        assert_eq!(written(&batch)["finishedAt"], start);
    }
}

#[test]
fn placeholders_for_no_date_are_none() {
    for nothing in [
        json!(null),
        json!(""),
        json!("  "),
        json!(0),
        json!("0001-01-01T00:00:00Z"),
        json!("0001-01-01T00:00:00"),
        json!("0000-00-00 00:00:00"),
        json!("1900-01-01"),
        json!("1970-01-01T00:00:00.000Z"),
    ] {
        let batch: Batch = read(with(batch(), "/finishedAt", nothing.clone()));
        assert_eq!(batch.finished_at, None, "{nothing}");
        assert!(!batch.is_finished(), "{nothing}");
    }
}

#[test]
fn a_value_is_read_in_whatever_form_means_one_thing_only() {
    let odd = json!({
        "runsCount": "12",
        "executedRunsCount": null,
        "failedRunsCount": "",
        "creditsUsedCount": "2.5",
        "userUuid": "",
        "finishedAt": "",
        "temporalWorkflowId": 7,
    });
    let mut json = batch();
    for (name, value) in odd.as_object().unwrap() {
        json[name] = value.clone();
    }
    json["nodes"][0]["fallbackOnFailure"] = json!("true");
    json["nodes"][0]["position"] = json!({ "x": "1.5", "y": 2 });
    let batch: Batch = read(json);
    assert_eq!((batch.runs_count, batch.executed_runs_count), (12, 0));
    assert_eq!(
        (batch.failed_runs_count, batch.credits_used_count),
        (0, 2.5)
    );
    assert_eq!(batch.finished_at, None);
    assert_eq!(batch.temporal_workflow_id, "7");
    let node = &batch.nodes.as_deref().unwrap()[0];
    assert!(node.fallback_on_failure);
    assert_eq!((node.position.x, node.position.y), (1.5, 2.0));
    let null: Batch = read(with(self::batch(), "/creditsUsedCount", json!(null)));
    assert_eq!(null.credits_used_count, 0.0);
    let spent: Batch = read(with(self::batch(), "/creditsUsedCount", json!(3)));
    assert_eq!(spent.credits_used_count, 3.0);
}

#[test]
fn values_of_another_meaning_are_errors() {
    // How many records a batch would take isn't none because it isn't known.
    let error = refused::<PreviewBatchResponse>(json!({ "columns": [], "count": null }));
    assert_eq!(error.field_path(), "count");
    for (field, value) in [
        ("creditsUsedCount", json!("lots")),
        ("creditsUsedCount", json!("inf")),
        ("userUuid", json!("me")),
        ("finishedAt", json!("soon")),
        ("errorMessage", json!(["a"])),
        ("errorMessage", json!(502)),
        ("temporalWorkflowId", json!(null)),
    ] {
        let error = refused::<Batch>(with(batch(), &format!("/{field}"), value.clone()));
        assert_eq!(error.field_path(), field, "{value}");
    }
    // What may be the caller's own data is kept as it came: it isn't taken for the same.
    let filter = json!({ "conjonction": "and", "groups": [{ "conjonction": "and", "conditions": [
        { "kind": "number", "columnSlug": "n", "operator": "greaterThan", "value": "50" },
    ] }] });
    let data = json!({ "kind": "filter", "modelUuid": ID, "filter": filter });
    let odd: Batch = read(with(batch(), "/data", data.clone()));
    assert_eq!(written(&odd)["data"], data);
    // The values of a request are the caller's, who wants to hear of a mistake.
    assert_eq!(
        refused::<ListRunsRequest>(json!({ "limit": "5" })).field_path(),
        "limit"
    );
    let data = json!({ "kind": "file", "s3Filename": 7 });
    assert!(
        from_json::<CreateBatchRequest>(json!({ "data": data }).to_string().as_bytes()).is_err()
    );
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let marked = format!("\u{feff}{}", batch());
    assert_eq!(
        from_json::<Batch>(marked.as_bytes()).unwrap(),
        read(batch())
    );
    assert!(from_json::<Batch>("\u{feff}".as_bytes()).is_err());
}

#[test]
fn the_last_value_of_a_duplicate_field_counts() {
    let twice = |text: &str, first: &str, second: &str| {
        let both = text.replacen(first, &format!("{first},{second}"), 1);
        assert_ne!(both, text, "{first} is not in {text}");
        both
    };
    let text = batch().to_string();
    let status = twice(&text, r#""status":"running""#, r#""status":"success""#);
    let read: Batch = from_json(status.as_bytes()).unwrap();
    assert_eq!(read.status, BatchStatus::Success);
    // In a union, and beside one.
    let segment = format!(r#""segmentUuid":"{ID}""#);
    let data = twice(&text, &segment, &segment);
    let read: Batch = from_json(data.as_bytes()).unwrap();
    assert!(
        matches!(read.data, BatchData::Segment(_)),
        "{:?}",
        read.data
    );
    let slug = twice(&text, r#""actionSlug":"start""#, r#""actionSlug":"end""#);
    let read: Batch = from_json(slug.as_bytes()).unwrap();
    let NodeKind::Native(node) = &read.nodes.as_deref().unwrap()[0].kind else {
        panic!("{:?}", read.nodes)
    };
    assert_eq!(node.action_slug, "end");
    // What doesn't fit is an error all the same, and its field is named.
    let odd = twice(&text, r#""runsCount":10"#, r#""runsCount":[]"#);
    assert_eq!(
        from_json::<Batch>(odd.as_bytes()).unwrap_err().field_path(),
        "runsCount"
    );
}

#[test]
fn the_wire_spells_conjonction() {
    let json =
        json!({ "conjonction": "xor", "groups": [{ "conjonction": "and", "conditions": [] }] });
    let filter: Filter = read(json.clone());
    assert_eq!(written(&filter), json);
    assert_eq!(
        refused::<Filter>(json!({ "conjunction": "and", "groups": [] })).field_path(),
        "."
    );
}

#[test]
fn one_value_and_a_list_of_one_stay_apart() {
    for json in [json!("France"), json!(["France"]), json!([])] {
        assert_eq!(written(&read::<StringValues>(json.clone())), json);
    }
    assert_eq!(
        StringValues::from("France").as_slice(),
        StringValues::from(["France"]).as_slice()
    );
    assert_ne!(StringValues::from("France"), StringValues::from(["France"]));
}

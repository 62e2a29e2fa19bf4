//! How single values are read and written: enums, unions, numbers, ids, secrets, errors.

use cargo_batch_tests::{Samples, document, pinned};
use cargo_batch_types::{
    Batch, BatchData, BatchStatus, BatchUuid, Condition, CreateBatchRequest, DownloadResponse,
    ExecuteActionBatchRequest, Filter, GetBatchResponse, GetRunResponse, ListBatchesResponse,
    ListRunsRequest, Node, NodeKind, NodeRetry, PreviewBatchRequest, PreviewBatchResponse,
    SegmentUuid, SignedUrl, StringValues, WebhookSecret, WorkflowUuid, from_json,
};
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

const ID: &str = "67e55044-10b1-426f-9247-bb680e5fe0c8";
const SECRET: &str = "hush-hush-5f1c";

fn read<T: DeserializeOwned>(json: Value) -> T {
    from_json(json.to_string().as_bytes()).unwrap_or_else(|error| panic!("{error}: {json}"))
}

fn refused<T: DeserializeOwned + std::fmt::Debug>(json: Value) -> cargo_batch_types::DecodeError {
    from_json::<T>(json.to_string().as_bytes()).expect_err("it should not fit")
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("it can be written")
}

fn node() -> Value {
    json!({
        "uuid": ID,
        "slug": "start",
        "kind": "native",
        "actionSlug": "start",
        "config": { "any": { "thing": [1, null] } },
        "childrenUuids": [ID, null],
        "fallbackOnFailure": false,
        "position": { "x": 1.5, "y": -2.25 },
    })
}

fn batch() -> Value {
    json!({
        "uuid": ID,
        "workspaceUuid": ID,
        "workflowUuid": ID,
        "nodes": [node()],
        "temporalWorkflowId": "workflow-1",
        "data": { "kind": "segment", "segmentUuid": ID },
        "status": "running",
        "runsCount": 10,
        "executedRunsCount": 5,
        "failedRunsCount": 1,
        "creditsUsedCount": 2.5,
        "createdAt": "2026-01-02T03:04:05Z",
        "updatedAt": "2026-01-02T03:04:06Z",
    })
}

fn with(mut json: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer has a slash");
    let parent = json
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{pointer} is not there"));
    match parent {
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
    json
}

// ---- enums ----

#[test]
fn a_status_newer_than_the_crate_is_kept() {
    let batch: Batch = read(with(batch(), "/status", json!("hibernating")));
    assert!(
        matches!(&batch.status, BatchStatus::Unknown(value) if value.as_str() == "hibernating")
    );
    assert_eq!(batch.status.as_str(), "hibernating");
    assert_eq!(batch.status.to_string(), "hibernating");
    assert_eq!(format!("{:?}", batch.status), r#"Unknown("hibernating")"#);
    assert_eq!(format!("[{:>13}]", batch.status), "[  hibernating]");
    assert!(!batch.status.is_terminal(), "an unknown status is no end");
    assert_eq!(written(&batch)["status"], "hibernating");
}

#[test]
fn a_known_status_never_hides_as_an_unknown_one() {
    assert_eq!(BatchStatus::from("success"), BatchStatus::Success);
    assert_eq!(
        BatchStatus::from("success".to_owned()),
        BatchStatus::Success
    );
    assert_eq!("success".parse(), Ok(BatchStatus::Success));
    for status in BatchStatus::KNOWN {
        assert_eq!(&BatchStatus::from(status.as_str()), status);
        assert_eq!(&read::<BatchStatus>(json!(status.as_str())), status);
    }
}

#[test]
fn values_are_case_sensitive() {
    assert!(matches!(
        BatchStatus::from("Success"),
        BatchStatus::Unknown(_)
    ));
}

#[test]
fn a_status_has_an_end_where_the_specification_says_so() {
    let ends = BatchStatus::KNOWN
        .iter()
        .filter(|status| status.is_terminal());
    pinned(
        concat!(file!(), ":", line!()),
        ends.map(BatchStatus::as_str),
        ["skipped", "success", "error", "cancelled"],
    );
}

// ---- unions ----

#[test]
fn data_of_an_unknown_kind_is_kept_and_written_back() {
    let data =
        json!({ "kind": "telepathy", "minds": [{ "uuid": ID, "open": null }], "range": 1e300 });
    let batch: Batch = read(with(batch(), "/data", data.clone()));
    let BatchData::Unknown(raw) = &batch.data else {
        panic!("{:?}", batch.data)
    };
    assert_eq!(batch.data.tag(), "telepathy");
    assert_eq!(raw.text("kind"), Some("telepathy"));
    assert_eq!(Value::Object(raw.as_map().clone()), data);
    assert_eq!(written(&batch)["data"], data);
}

#[test]
fn a_node_of_an_unknown_kind_is_kept_inside_a_batch() {
    let quantum = with(
        with(node(), "/kind", json!("quantum")),
        "/spin",
        json!({ "up": [true, null] }),
    );
    let json = with(batch(), "/nodes/0", quantum.clone());
    let batch: Batch = read(json.clone());
    let nodes = batch.nodes.as_deref().unwrap();
    assert_eq!(
        nodes[0].slug, "start",
        "what is common to all nodes is read"
    );
    assert_eq!(nodes[0].kind.tag(), "quantum");
    let NodeKind::Unknown(raw) = &nodes[0].kind else {
        panic!("{:?}", nodes[0].kind)
    };
    assert!(
        raw.as_map().contains_key("spin") && !raw.as_map().contains_key("slug"),
        "{raw:?}"
    );
    assert_eq!(written(&batch), json);
}

#[test]
fn an_unknown_condition_is_kept_deep_inside_a_filter() {
    let odd = json!({ "kind": "moonPhase", "phase": "full", "columnSlug": "born" });
    let json = json!({
        "kind": "filter",
        "modelUuid": ID,
        "filter": {
            "conjonction": "and",
            "groups": [{
                "conjonction": "or",
                "conditions": [
                    {
                        "kind": "occurrence",
                        "relatedModelUuid": ID,
                        "frequency": { "operator": "sometimes", "often": true },
                        "period": { "operator": "lessThan", "value": 30.5, "unit": "fortnight" },
                        "conjonction": "and",
                        "conditions": [
                            odd,
                            { "kind": "string", "columnSlug": "a", "operator": "rhymesWith", "values": "b" },
                        ],
                    },
                ],
            }],
        },
    });
    let data: BatchData = read(json.clone());
    let BatchData::Filter(filter) = &data else {
        panic!("{data:?}")
    };
    let group = &filter.filter.as_ref().unwrap().groups[0];
    let Condition::Occurrence(occurrence) = &group.conditions[0] else {
        panic!("{group:?}")
    };
    assert!(matches!(occurrence.conditions[0], Condition::Unknown(_)));
    let Condition::String(string) = &occurrence.conditions[1] else {
        panic!("{occurrence:?}")
    };
    assert_eq!(
        (&*string.column_slug, string.operator.tag()),
        ("a", "rhymesWith")
    );
    assert_eq!(written(&data), json);
}

#[test]
fn one_odd_batch_does_not_cost_the_whole_list() {
    for odd in [
        json!({ "kind": "segment", "segmentUuid": "not a uuid" }),
        json!({ "kind": "segment" }),
        json!({ "kind": "filter", "modelUuid": ID, "filter": "all of them" }),
        json!({ "segmentUuid": ID }),
        json!({ "kind": null }),
        json!({ "kind": 7, "x": 1 }),
        json!({}),
    ] {
        let json = json!({ "batches": [batch(), with(batch(), "/data", odd.clone())] });
        let list: ListBatchesResponse = read(json.clone());
        assert!(matches!(list.batches[0].data, BatchData::Segment(_)));
        assert!(
            matches!(list.batches[1].data, BatchData::Unknown(_)),
            "{odd}"
        );
        assert_eq!(written(&list), json);
    }
}

#[test]
fn a_node_in_an_unexpected_form_is_kept() {
    let json = with(batch(), "/nodes/0/actionSlug", json!(7));
    let batch: Batch = read(json.clone());
    assert!(matches!(
        batch.nodes.as_deref().unwrap()[0].kind,
        NodeKind::Unknown(_)
    ));
    assert_eq!(written(&batch), json);
}

#[test]
fn a_known_kind_in_an_unexpected_form_is_an_error_when_it_is_sent() {
    let error = refused::<CreateBatchRequest>(json!({
        "data": { "kind": "filter", "modelUuid": ID, "limit": "ten" },
    }));
    assert!(error.field_path().starts_with("data"), "{error}");
    assert!(error.to_string().contains("limit"), "{error}");

    let error = refused::<PreviewBatchRequest>(json!({
        "workflowUuid": ID,
        "data": { "kind": "runs", "runUuids": [ID, "x"], "reset": { "from": "firstNode" } },
    }));
    assert!(error.field_path().starts_with("data"), "{error}");
    assert!(error.to_string().contains("runUuids[1]"), "{error}");
}

#[test]
fn data_without_a_kind_is_an_error_when_it_is_sent() {
    let error = refused::<CreateBatchRequest>(json!({ "data": { "segmentUuid": ID } }));
    assert_eq!(error.field_path(), "data");
    assert!(
        error.to_string().contains("missing field `kind`"),
        "{error}"
    );
}

#[test]
fn an_unknown_kind_can_be_sent() {
    let json = json!({ "data": { "kind": "telepathy", "minds": 3 } });
    assert_eq!(written(&read::<CreateBatchRequest>(json.clone())), json);
}

#[test]
fn a_union_is_an_object() {
    for odd in [json!("segment"), json!(null), json!([1])] {
        assert_eq!(
            refused::<Batch>(with(batch(), "/data", odd)).field_path(),
            "data"
        );
    }
}

// ---- absence, numbers, spelling ----

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

// ---- other forms of one value ----

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

// ---- errors ----

#[test]
fn an_error_names_the_field_from_the_outside_in() {
    let nodes = json!([
        node(),
        node(),
        node(),
        with(node(), "/config", json!("text"))
    ]);
    let response = |batch: Value| json!({ "batch": batch });
    let path = |json: Value| refused::<GetBatchResponse>(json).field_path().to_owned();
    assert_eq!(
        path(response(with(batch(), "/nodes", nodes))),
        "batch.nodes[3].config"
    );
    assert_eq!(
        path(response(with(
            batch(),
            "/nodes/0/position/x",
            json!("left")
        ))),
        "batch.nodes[0].position.x"
    );
    assert_eq!(
        path(response(with(
            batch(),
            "/nodes/0/childrenUuids/0",
            json!("x")
        ))),
        "batch.nodes[0].childrenUuids[0]"
    );
    assert_eq!(
        path(response(with(batch(), "/status", json!(3)))),
        "batch.status"
    );
    assert_eq!(path(json!({})), ".");
}

#[test]
fn an_error_says_the_field_and_the_reason() {
    let error = refused::<Batch>(with(batch(), "/uuid", json!("x")));
    let text = error.to_string();
    assert!(
        text.starts_with("field `uuid`: ") && text.contains("UUID"),
        "{text}"
    );
    // It says everything itself: a report that walks the sources doesn't say it twice.
    assert!(std::error::Error::source(&error).is_none());
}

#[test]
fn text_that_is_not_json_is_an_error() {
    for text in ["", "<html>", "{", r#"{"uuid": "#] {
        assert!(from_json::<Batch>(text.as_bytes()).is_err(), "{text}");
    }
    let twice = format!("{0}{0}", batch());
    assert_eq!(
        from_json::<Batch>(twice.as_bytes())
            .unwrap_err()
            .field_path(),
        "."
    );
}

// ---- secrets ----

#[test]
fn a_secret_is_not_shown() {
    let hidden = [
        format!("{:?}", WebhookSecret::new(SECRET)),
        format!("{:?}", SignedUrl::new(SECRET)),
        format!("{:#?}", read::<DownloadResponse>(json!({ "url": SECRET }))),
        format!("{:?}", read::<Batch>(with(batch(), "/data", form()))),
        format!(
            "{:#?}",
            read::<GetBatchResponse>(json!({ "batch": with(batch(), "/data", form()) }))
        ),
        format!(
            "{:?}",
            read::<ExecuteActionBatchRequest>(json!({
                "action": { "kind": "native", "actionSlug": "x" },
                "records": [],
                "webhookSecret": SECRET,
            }))
        ),
    ];
    for text in hidden {
        assert!(!text.contains(SECRET), "{text}");
    }
}

fn form() -> Value {
    json!({ "kind": "form", "s3Filename": "a.csv", "webhookSecret": SECRET })
}

#[test]
fn a_secret_is_sent() {
    let batch: Batch = read(with(batch(), "/data", form()));
    assert_eq!(written(&batch)["data"], form());
    let BatchData::Form(data) = batch.data else {
        panic!("{:?}", batch.data)
    };
    assert_eq!(data.webhook_secret.unwrap().expose(), SECRET);
}

#[test]
fn a_secret_of_a_kind_nobody_knows_is_not_shown() {
    for data in [
        json!({ "kind": "telepathy", "password": SECRET }),
        json!({ "kind": "form", "s3Filename": 3, "webhookSecret": SECRET }),
        json!({ "kind": "telepathy", "deep": [{ "token": SECRET }] }),
    ] {
        let batch: Batch = read(with(batch(), "/data", data));
        let text = format!("{batch:?}");
        assert!(!text.contains(SECRET), "{text}");
        assert!(text.contains("Unknown("), "{text}");
    }
}

#[test]
fn a_secret_is_not_in_the_error_about_it() {
    let error = refused::<ExecuteActionBatchRequest>(json!({
        "action": { "kind": "native", "actionSlug": "x" },
        "records": [],
        "webhookSecret": [SECRET],
    }));
    assert_eq!(error.field_path(), "webhookSecret");
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error:?}");
}

// ---- ids ----

#[test]
fn an_id_is_parsed_and_shown() {
    let id: BatchUuid = ID.parse().unwrap();
    assert_eq!(id.to_string(), ID);
    assert_eq!(format!("{id:?}"), format!("BatchUuid({ID})"));
    assert_eq!(written(&id), ID);
    assert_eq!(BatchUuid::try_from(ID), Ok(id));
    assert_eq!(BatchUuid::from(uuid::Uuid::from(id)), id);
    assert_eq!(ID.to_uppercase().parse(), Ok(id));
}

#[test]
fn an_invalid_id_says_what_was_expected() {
    let error = "batch-7".parse::<BatchUuid>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "\"batch-7\" is not a BatchUuid: expected a UUID such as 67e55044-10b1-426f-9247-bb680e5fe0c8"
    );
    assert!(
        "".parse::<WorkflowUuid>()
            .unwrap_err()
            .to_string()
            .contains("WorkflowUuid")
    );
    assert!(SegmentUuid::try_from("x".to_owned()).is_err());
}

/// Ids of different kinds are of different types; that one doesn't compile for another is a doctest's
/// business.
#[test]
fn objects_convert_to_their_ids() {
    let batch: Batch = read(batch());
    let request = cargo_batch_types::ListRunsRequest::new().batch(&batch);
    assert_eq!(request.batch_uuid, Some(batch.uuid));
}

#[test]
fn ids_of_two_kinds_are_two_types() {
    use std::any::TypeId;
    assert_ne!(TypeId::of::<SegmentUuid>(), TypeId::of::<WorkflowUuid>());
}

// ---- whatever the server adds ----

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| Value::from(number)),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            fields(inner).prop_map(Value::from),
        ]
    })
}

fn fields(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((".{0,8}", value), 0..4).prop_map(|fields| fields.into_iter().collect())
}

/// Members under names that the specification doesn't have.
fn extra() -> impl Strategy<Value = Map<String, Value>> {
    fields(any_json()).prop_map(|fields| {
        fields
            .into_iter()
            .map(|(name, value)| (format!("new {name}"), value))
            .collect()
    })
}

proptest! {
    // The same cases each time: a test that fails now and then helps nobody.
    #![proptest_config(ProptestConfig {
        cases: 256,
        rng_seed: prop::test_runner::RngSeed::Fixed(7),
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn extra_members_change_nothing(
        top in extra(),
        data in extra(),
        node in extra(),
        position in extra(),
    ) {
        let mut json = batch();
        for (pointer, extra) in
            [("", top), ("/data", data), ("/nodes/0", node), ("/nodes/0/position", position)]
        {
            json.pointer_mut(pointer).and_then(Value::as_object_mut).unwrap().extend(extra);
        }
        prop_assert_eq!(read::<Batch>(json), read::<Batch>(batch()));
    }

    #[test]
    fn any_unknown_kind_survives(kind in "[a-z]{1,8}!", fields in fields(any_json())) {
        let mut data = Value::Object(fields);
        data["kind"] = kind.into();
        prop_assert_eq!(&written(&read::<BatchData>(data.clone())), &data);
        // A node has fields of its own, so those of the kind must not be named like them.
        let mut json = node();
        json.as_object_mut().unwrap().shift_remove("actionSlug");
        json["kind"] = data["kind"].clone();
        json["fields"] = data;
        prop_assert_eq!(written(&read::<Node>(json.clone())), json);
    }

    #[test]
    fn any_text_is_an_enum_value(text in ".{0,20}") {
        let status = BatchStatus::from(&*text);
        prop_assert_eq!(status.as_str(), &*text);
        prop_assert_eq!(&read::<BatchStatus>(written(&status)), &status);
        prop_assert_eq!(matches!(status, BatchStatus::Unknown(_)), !BatchStatus::KNOWN.contains(&status));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in ".{0,64}", json in any_json()) {
        let _ = from_json::<GetBatchResponse>(text.as_bytes());
        let _ = from_json::<BatchData>(json.to_string().as_bytes());
        let _ = from_json::<Node>(json.to_string().as_bytes());
    }
}

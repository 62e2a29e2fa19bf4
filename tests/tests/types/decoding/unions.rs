//! Objects of several kinds, known and unknown.

use cargo_batch_types::{
    Batch, BatchData, Condition, CreateBatchRequest, ListBatchesResponse, NodeKind,
    PreviewBatchRequest,
};
use serde_json::{Value, json};

use super::{ID, batch, node, read, refused, with, written};

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

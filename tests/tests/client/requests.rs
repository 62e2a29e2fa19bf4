//! What the constructors write: the JSON of each kind of request.

use cargo_batch_types::{
    Action, AnyCondition, ArrayCondition, BatchUuid, BooleanCondition, CancelRunsRequest,
    ChangeKind, ChangeUuid, Condition, Conjonction, CreateBatchData, CreateBatchRequest,
    CreateFileData, CreateFilterData, CreateFormData, DateCondition, EnrollmentActivityKind,
    EnrollmentCondition, ExecuteActionBatchRequest, Filter, FilterGroup, Frequency,
    ListRunsRequest, ModelUuid, Node, NodeKind, NodePosition, NodeRetry, NodeUuid, NumberCondition,
    ObjectCondition, ObjectPropertyCondition, OccurrenceCondition, Period, PeriodOperator,
    PeriodUnit, PreviewBatchData, PreviewBatchRequest, Record, ReleaseUuid, RunStatus, RunUuid,
    RunsFilter, RunsReset, SegmentCondition, SegmentMembership, SegmentUuid, Sort, SortDirection,
    SqlCondition, StringCondition, VectorCondition, WorkflowUuid,
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

/// A uuid to tell from the others.
fn uuid(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

fn text(number: u128) -> String {
    uuid(number).to_string()
}

fn written(value: &impl Serialize) -> Value {
    serde_json::to_value(value).expect("it can be written")
}

fn records() -> [Record; 2] {
    [
        Record::from_iter([("email", "ada@example.com")]),
        Record::from_iter([("employees", json!(3)), ("nothing", Value::Null)]),
    ]
}

fn records_json() -> Value {
    json!([{ "email": "ada@example.com" }, { "employees": 3, "nothing": null }])
}

// ---- the nine kinds of data ----

fn assert_created(data: impl Into<CreateBatchData>, json: Value) {
    let request = CreateBatchRequest::new(data).workflow(WorkflowUuid(uuid(1)));
    let expected = json!({ "data": json, "workflowUuid": text(1) });
    assert_eq!(written(&request), expected);
    assert_eq!(
        serde_json::from_value::<CreateBatchRequest>(expected).unwrap(),
        request
    );
}

#[test]
fn from_a_segment() {
    assert_created(
        CreateBatchData::segment(SegmentUuid(uuid(2))),
        json!({ "kind": "segment", "segmentUuid": text(2) }),
    );
}

#[test]
fn from_a_change() {
    assert_created(
        CreateBatchData::change(
            ChangeUuid(uuid(2)),
            [ChangeKind::Added, ChangeKind::Updated],
        ),
        json!({ "kind": "change", "changeUuid": text(2), "changeKinds": ["added", "updated"] }),
    );
}

#[test]
fn from_a_filter() {
    assert_created(
        CreateFilterData::whole_model(ModelUuid(uuid(2))),
        json!({ "kind": "filter", "modelUuid": text(2) }),
    );
    assert_created(
        CreateFilterData::new(
            ModelUuid(uuid(2)),
            Filter::all(NumberCondition::greater_than("employees", 50)),
        )
        .sort([Sort::new("name", SortDirection::Desc)])
        .limit(10),
        json!({
            "kind": "filter",
            "modelUuid": text(2),
            "filter": {
                "conjonction": "and",
                "groups": [{
                    "conjonction": "and",
                    "conditions": [
                        { "kind": "number", "columnSlug": "employees", "operator": "greaterThan", "value": 50.0 },
                    ],
                }],
            },
            "sort": [{ "columnSlug": "name", "kind": "desc" }],
            "limit": 10,
        }),
    );
}

#[test]
fn from_record_ids() {
    assert_created(
        CreateBatchData::record_ids(ModelUuid(uuid(2)), ["a", "b"]),
        json!({ "kind": "recordIds", "modelUuid": text(2), "ids": ["a", "b"] }),
    );
}

#[test]
fn from_a_file() {
    assert_created(
        CreateBatchData::file("f.csv"),
        json!({ "kind": "file", "s3Filename": "f.csv" }),
    );
    assert_created(
        CreateFileData::new("f.csv").mappings([("Mail", "email")]),
        json!({ "kind": "file", "s3Filename": "f.csv", "mappings": { "Mail": "email" } }),
    );
}

#[test]
fn from_records() {
    assert_created(
        CreateBatchData::records(records()),
        json!({ "kind": "records", "records": records_json() }),
    );
}

#[test]
fn from_runs() {
    assert_created(
        CreateBatchData::runs(
            RunsFilter::runs().batch(BatchUuid(uuid(2))),
            RunsReset::node(NodeUuid(uuid(3))),
        ),
        json!({
            "kind": "runs",
            "filter": { "kind": "runs", "batchUuid": text(2) },
            "reset": { "from": "node", "nodeUuid": text(3) },
        }),
    );
    assert_created(
        CreateBatchData::runs(RunsFilter::records(), RunsReset::first_node()),
        json!({ "kind": "runs", "filter": { "kind": "records" }, "reset": { "from": "firstNode" } }),
    );
}

#[test]
fn from_a_schedule() {
    assert_created(
        CreateBatchData::schedule(
            ModelUuid(uuid(2)),
            SegmentUuid(uuid(3)),
            [ChangeKind::Removed],
        ),
        json!({ "kind": "schedule", "modelUuid": text(2), "segmentUuid": text(3), "changeKinds": ["removed"] }),
    );
}

#[test]
fn from_a_form() {
    assert_created(
        CreateBatchData::form(records()),
        json!({ "kind": "form", "records": records_json() }),
    );
    assert_created(
        CreateFormData::new(records()).parent_run(RunUuid(uuid(4))),
        json!({ "kind": "form", "records": records_json(), "parentRunUuid": text(4) }),
    );
}

#[test]
fn with_a_graph_of_its_own() {
    let node = Node::new(
        NodeUuid(uuid(2)),
        "start",
        Map::new(),
        [NodeUuid(uuid(3))],
        false,
        NodePosition::new(0, 1.5),
        NodeKind::native("start"),
    )
    .retry(NodeRetry::new().maximum_attempts(3));
    let request = CreateBatchRequest::new(CreateBatchData::file("f.csv")).nodes([node]);
    assert_eq!(
        written(&request),
        json!({
            "data": { "kind": "file", "s3Filename": "f.csv" },
            "nodes": [{
                "uuid": text(2),
                "slug": "start",
                "config": {},
                "childrenUuids": [text(3)],
                "fallbackOnFailure": false,
                "position": { "x": 0.0, "y": 1.5 },
                "retry": { "maximumAttempts": 3 },
                "kind": "native",
                "actionSlug": "start",
            }],
        })
    );
}

#[test]
fn with_a_release() {
    let request =
        CreateBatchRequest::new(CreateBatchData::file("f.csv")).release(ReleaseUuid(uuid(2)));
    assert_eq!(written(&request)["releaseUuid"], text(2));
}

// ---- filters: the thirteen kinds of conditions ----

#[test]
fn a_filter_of_every_kind_of_condition() {
    let model = ModelUuid(uuid(5));
    let days = |value: f64| Period::new(PeriodOperator::LessThan, value, PeriodUnit::Day);
    let filter = Filter::all(StringCondition::is("country", ["France", "Spain"]))
        .with(NumberCondition::between("employees", 1, 2.5))
        .with(DateCondition::greater_than("founded", "2020-01-01").related_model(model))
        .with(BooleanCondition::is_true("active"))
        .with(ObjectCondition::is_not_null("address"))
        .with(ArrayCondition::is_null("tags"))
        .with(ObjectPropertyCondition::starts_with(
            "address", "city", "Par",
        ))
        .with(VectorCondition::is_null("embedding"))
        .with(AnyCondition::is_not_null("whatever"))
        .with(SegmentCondition::new(
            SegmentUuid(uuid(6)),
            SegmentMembership::NotIn,
        ))
        .with(
            EnrollmentCondition::new(
                WorkflowUuid(uuid(7)),
                EnrollmentActivityKind::WorkflowNodeExecuted,
                Frequency::not(),
                days(30.0),
            )
            .node_slug("score"),
        )
        .with(OccurrenceCondition::new(
            model,
            Frequency::more_than(3),
            days(0.5),
            Conjonction::Or,
            [StringCondition::contains("title", "CTO")],
        ))
        .with(SqlCondition::new("mine", "a > b"));
    let expected = [
        json!({ "kind": "string", "columnSlug": "country", "operator": "is", "values": ["France", "Spain"] }),
        json!({ "kind": "number", "columnSlug": "employees", "operator": "between", "firstValue": 1.0, "lastValue": 2.5 }),
        json!({ "kind": "date", "columnSlug": "founded", "relatedModelUuid": text(5), "operator": "greaterThan", "value": "2020-01-01" }),
        json!({ "kind": "boolean", "columnSlug": "active", "operator": "isTrue" }),
        json!({ "kind": "object", "columnSlug": "address", "operator": "isNotNull" }),
        json!({ "kind": "array", "columnSlug": "tags", "operator": "isNull" }),
        json!({ "kind": "objectProperty", "columnSlug": "address", "propertyName": "city", "operator": "startsWith", "value": "Par" }),
        json!({ "kind": "vector", "columnSlug": "embedding", "operator": "isNull" }),
        json!({ "kind": "any", "columnSlug": "whatever", "operator": "isNotNull" }),
        json!({ "kind": "segment", "segmentUuid": text(6), "operator": "notIn" }),
        json!({
            "kind": "enrollment",
            "workflowUuid": text(7),
            "activityKind": "workflowNodeExecuted",
            "nodeSlug": "score",
            "frequency": { "operator": "not" },
            "period": { "operator": "lessThan", "value": 30.0, "unit": "day" },
        }),
        json!({
            "kind": "occurrence",
            "relatedModelUuid": text(5),
            "frequency": { "operator": "moreThan", "value": 3.0 },
            "period": { "operator": "lessThan", "value": 0.5, "unit": "day" },
            "conjonction": "or",
            "conditions": [{ "kind": "string", "columnSlug": "title", "operator": "contains", "values": "CTO" }],
        }),
        json!({ "kind": "sql", "name": "mine", "clause": "a > b" }),
    ];
    let groups: Vec<Value> = expected
        .into_iter()
        .map(|condition| json!({ "conjonction": "and", "conditions": [condition] }))
        .collect();
    let expected = json!({ "conjonction": "and", "groups": groups });
    assert_eq!(written(&filter), expected);
    assert_eq!(serde_json::from_value::<Filter>(expected).unwrap(), filter);
}

#[test]
fn a_filter_of_groups() {
    let filter = Filter::any(
        FilterGroup::all(StringCondition::is("country", "France"))
            .with(BooleanCondition::is_false("active")),
    )
    .with(FilterGroup::any(NumberCondition::is_null("employees")));
    assert_eq!(
        written(&filter),
        json!({
            "conjonction": "or",
            "groups": [
                {
                    "conjonction": "and",
                    "conditions": [
                        { "kind": "string", "columnSlug": "country", "operator": "is", "values": "France" },
                        { "kind": "boolean", "columnSlug": "active", "operator": "isFalse" },
                    ],
                },
                {
                    "conjonction": "or",
                    "conditions": [{ "kind": "number", "columnSlug": "employees", "operator": "isNull" }],
                },
            ],
        })
    );
}

/// What is written must be an `ObjectPropertyCondition` by the specification, whose `kind` is required.
#[test]
fn a_condition_on_the_members_of_an_object() {
    let condition = ObjectCondition::match_conditions(
        "address",
        Conjonction::And,
        [ObjectPropertyCondition::is("address", "city", "Paris")],
    );
    let expected = json!({
        "kind": "object",
        "columnSlug": "address",
        "operator": "matchConditions",
        "conjonction": "and",
        "propertyConditions": [{
            "kind": "objectProperty",
            "columnSlug": "address",
            "propertyName": "city",
            "operator": "is",
            "value": "Paris",
        }],
    });
    let condition = Condition::from(condition);
    assert_eq!(written(&condition), expected);
    assert_eq!(
        serde_json::from_value::<Condition>(expected.clone()).unwrap(),
        condition
    );

    // Of another kind, or of none, it is not a condition on a property: kept as it came.
    for kind in [json!("string"), Value::Null] {
        let mut odd = expected.clone();
        odd["propertyConditions"][0]["kind"] = kind;
        let read: Condition = serde_json::from_value(odd.clone()).unwrap();
        assert_ne!(read, condition);
        assert_eq!(written(&read), odd);
    }
}

// ---- other requests ----

#[test]
fn a_preview() {
    let data = PreviewBatchData::runs([RunUuid(uuid(2))], RunsReset::last_node());
    assert_eq!(
        written(&PreviewBatchRequest::new(WorkflowUuid(uuid(1)), data)),
        json!({
            "workflowUuid": text(1),
            "data": { "kind": "runs", "runUuids": [text(2)], "reset": { "from": "lastNode" } },
        })
    );
}

#[test]
fn an_action_on_records() {
    let action =
        Action::connector("hubspot", "upsert").retry(NodeRetry::new().backoff_coefficient(2));
    let request = ExecuteActionBatchRequest::new(action, records())
        .webhook_url("https://example.com/hook")
        .webhook_secret("hush");
    assert_eq!(
        written(&request),
        json!({
            "action": {
                "retry": { "backoffCoefficient": 2.0 },
                "kind": "connector",
                "integrationSlug": "hubspot",
                "actionSlug": "upsert",
            },
            "records": records_json(),
            "webhookUrl": "https://example.com/hook",
            "webhookSecret": "hush",
        })
    );
}

#[test]
fn runs_are_selected_by_name() {
    assert_eq!(written(&ListRunsRequest::new()), json!({}));
    let request = ListRunsRequest::new()
        .workflow(WorkflowUuid(uuid(1)))
        .batch(BatchUuid(uuid(2)))
        .statuses([RunStatus::Error])
        .limit(5);
    assert_eq!(
        written(&request),
        json!({ "workflowUuid": text(1), "batchUuid": text(2), "statuses": ["error"], "limit": 5 })
    );
    let request = CancelRunsRequest::new(WorkflowUuid(uuid(1))).uuids([RunUuid(uuid(3))]);
    assert_eq!(
        written(&request),
        json!({ "workflowUuid": text(1), "uuids": [text(3)] })
    );
}

/// Left out, it would be another request: without `uuids` every run of the workflow is cancelled, and
/// without `nodes` the deployed graph is executed.
#[test]
fn an_empty_list_that_is_set_is_sent() {
    let none: [RunUuid; 0] = [];
    let request = CancelRunsRequest::new(WorkflowUuid(uuid(1))).uuids(none);
    let expected = json!({ "workflowUuid": text(1), "uuids": [] });
    assert_eq!(written(&request), expected);
    assert_eq!(
        serde_json::from_value::<CancelRunsRequest>(expected).unwrap(),
        request
    );

    let none: [Node; 0] = [];
    let request = CreateBatchRequest::new(CreateBatchData::file("f.csv")).nodes(none);
    assert_eq!(written(&request)["nodes"], json!([]));

    let action = Action::native("enrich").config(Map::new());
    assert_eq!(written(&action)["config"], json!({}));
}

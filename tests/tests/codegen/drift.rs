//! What is said of the vendor's OpenAPI document where it isn't ours.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use cargo_batch_tests::openapi;
use serde_json::{Map, Value, json};
use xtask::drift::{Decisions, Difference, Report, Weight, compare, read};
use xtask::spec::{Document, Operation};

const FRAGMENT: &str = include_str!("../../fixtures/vendor-3.1-fragment.json");

fn ours() -> &'static Document {
    static OURS: LazyLock<Document> = LazyLock::new(|| Document::parse(openapi()).unwrap());
    &OURS
}

/// The three operations that the table changes, alone: it is quicker.
struct Few {
    text: String,
    ours: Document,
    vendor: Value,
}

fn few() -> &'static Few {
    static FEW: LazyLock<Few> = LazyLock::new(|| {
        let kept = [
            "/orchestration/batches",
            "/orchestration/batches/list",
            "/orchestration/batches/{uuid}",
        ];
        let mut keep = true;
        let lines = openapi().lines().filter(|line| {
            match line
                .strip_prefix("  ")
                .and_then(|line| line.strip_suffix(':'))
            {
                Some(path) if path.starts_with('/') => keep = kept.contains(&path),
                _ if !line.starts_with(' ') => keep = true,
                _ => {}
            }
            keep
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        let ours = Document::parse(&text).unwrap();
        let vendor = rewritten(&ours);
        Few { text, ours, vendor }
    });
    &FEW
}

/// Our document as the vendor would write it, in OpenAPI 3.1: inline schemas, names of its own, `const`, null as a
/// type, one status for a success, failures without a body.
fn rewritten(document: &Document) -> Value {
    let mut root = document.root().clone();
    root["components"]["schemas"] = Value::Null;
    let mut root = inlined(document, &root, &mut Vec::new());
    root["openapi"] = "3.1.0".into();
    // Only what contains itself is still referred to.
    let mut schemas = Map::new();
    while let Some(name) = document.schemas().keys().find(|name| {
        let reference = format!("\"#/components/schemas/Vendor{name}\"");
        let refers = |node: &Value| node.to_string().contains(&reference);
        !schemas.contains_key(&format!("Vendor{name}"))
            && (refers(&root) || schemas.values().any(refers))
    }) {
        let schema = inlined(
            document,
            document.schema(name).unwrap(),
            &mut vec![name.clone()],
        );
        schemas.insert(format!("Vendor{name}"), schema);
    }
    root["components"]["schemas"] = schemas.into();
    let paths: BTreeMap<String, Value> = serde_json::from_value(root["paths"].take()).unwrap();
    let paths = paths.into_iter().map(|(path, mut item)| {
        for operation in item.as_object_mut().unwrap().values_mut() {
            let success = operation["responses"]["2XX"].take();
            operation["responses"] =
                json!({ "200": success, "400": { "description": "Bad request" } });
            for parameter in operation["parameters"].as_array_mut().into_iter().flatten() {
                if parameter["in"] == "path" {
                    parameter["name"] = "id".into();
                }
            }
        }
        (path.replace("{uuid}", "{id}"), item)
    });
    root["paths"] = paths.collect::<Map<_, _>>().into();
    root
}

/// A part of it without references, but for those to what is around it.
fn inlined(document: &Document, node: &Value, around: &mut Vec<String>) -> Value {
    let Value::Object(map) = node else {
        return match node {
            Value::Array(items) => items
                .iter()
                .map(|item| inlined(document, item, around))
                .collect(),
            other => other.clone(),
        };
    };
    if let Some(name) = map
        .get("$ref")
        .and_then(Value::as_str)
        .and_then(|target| target.rsplit('/').next())
    {
        if around.iter().any(|known| known == name) {
            return json!({ "$ref": format!("#/components/schemas/Vendor{name}") });
        }
        around.push(name.to_owned());
        let schema = inlined(document, document.schema(name).unwrap(), around);
        around.pop();
        return schema;
    }
    let kept = map
        .iter()
        .filter(|(key, _)| !key.starts_with("x-") && *key != "nullable" && *key != "discriminator");
    let mut schema: Map<String, Value> = kept
        .map(|(key, value)| (key.clone(), inlined(document, value, around)))
        .collect();
    if let Some([only]) = schema
        .get("enum")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        let only = only.clone();
        schema.remove("enum");
        schema.insert("const".to_owned(), only);
    }
    if let Some([Value::Object(only)]) = schema
        .get("allOf")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
    {
        let only = only.clone();
        schema.remove("allOf");
        schema.extend(only);
    }
    match (
        map.get("nullable") == Some(&true.into()),
        schema.get("type").cloned(),
    ) {
        (false, _) => schema.into(),
        (true, Some(kind)) => {
            schema.insert("type".to_owned(), json!([kind, "null"]));
            schema.into()
        }
        (true, None) => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// Each difference with `$`, `!`, `~` or nothing before it, and the text of our line.
fn lines(vendor: &Value, ours: &Document, text: &str) -> Vec<String> {
    let line = |difference: &Difference| {
        let mark = match difference.weight {
            Weight::Money => "$ ",
            Weight::Breaks => "! ",
            Weight::Behavior => "~ ",
            Weight::New => "",
        };
        let line = difference.line.and_then(|line| text.lines().nth(line - 1));
        let line = line
            .map(|line| format!(" > {}", line.split(" [").next().unwrap_or(line).trim()))
            .unwrap_or_default();
        format!("{mark}{difference}{line}")
    };
    compare(vendor, ours).iter().map(line).collect()
}

#[test]
fn the_same_said_in_the_words_of_3_1_is_the_same() {
    assert_eq!(lines(&rewritten(ours()), ours(), openapi()), [""; 0]);
}

#[test]
fn our_own_document_is_the_same() {
    assert_eq!(lines(ours().root(), ours(), openapi()), [""; 0]);
}

/// Puts a value at a place, or takes away what is there. `BODY` and `OK` are the way to a schema.
fn edit(root: &mut Value, place: &str, value: Option<Value>) {
    const CONTENT: &str = "content|application/json|schema";
    let place = place
        .replace("BODY", &format!("requestBody|{CONTENT}"))
        .replace("OK", &format!("responses|200|{CONTENT}"));
    let (parent, key) = place.rsplit_once('|').unwrap_or(("", &place));
    let keys = parent.split('|').filter(|key| !key.is_empty());
    let pointer: String = keys
        .map(|key| format!("/{}", key.replace('/', "~1")))
        .collect();
    let parent = root
        .pointer_mut(&pointer)
        .unwrap_or_else(|| panic!("there is no {pointer}"));
    match (parent, value) {
        (Value::Object(map), Some(value)) => {
            map.insert(key.to_owned(), value);
        }
        (Value::Object(map), None) => {
            map.remove(key)
                .unwrap_or_else(|| panic!("there is no {place}"));
        }
        (Value::Array(items), Some(value)) => items.push(value),
        (Value::Array(items), None) => {
            let named = items.iter().position(|item| item == key);
            items.remove(named.unwrap_or_else(|| key.parse().unwrap()));
        }
        (other, _) => panic!("{pointer} is {other}"),
    }
}

const CREATE: &str = "paths|/orchestration/batches|post";
const GET: &str = "paths|/orchestration/batches/{id}|get";
const LIST: &str = "paths|/orchestration/batches/list|get";

#[test]
fn each_kind_of_change() {
    let reasons = few().ours.schema("CreateBatchErrorReason").unwrap()["enum"].as_array();
    let mut reasons = reasons.unwrap().clone();
    reasons.push("madeUpReason".into());
    let table: &[(&str, &str, Option<Value>, &[&str])] = &[
        (
            "",
            "paths|/orchestration/batches",
            None,
            &["$ ours only: operation POST /orchestration/batches > post:"],
        ),
        (
            "",
            "paths|/orchestration/batches/{id}",
            None,
            &["! ours only: operation GET /orchestration/batches/{uuid} > get:"],
        ),
        (
            "",
            "paths|/orchestration/batches/{id}",
            Some(json!({ "put": { "responses": {} } })),
            &[
                "! ours only: operation GET /orchestration/batches/{uuid} (the vendor has PUT there) > get:",
                "vendor only: operation PUT /orchestration/batches/{id}",
            ],
        ),
        (
            "",
            "paths|/orchestration/batches/{id}/made-up",
            Some(json!({ "post": { "responses": {} } })),
            &["vendor only: operation POST /orchestration/batches/{id}/made-up"],
        ),
        (
            "",
            "webhooks",
            Some(json!({ "batchFinished": { "post": {} } })),
            &["vendor only: webhook batchFinished"],
        ),
        (
            "",
            "servers",
            Some(json!([{ "url": "https://eu.getcargo.io/v1" }])),
            &["$ differs: the server is https://eu.getcargo.io/v1 > servers:"],
        ),
        (
            "",
            "servers",
            Some(json!([{ "url": "https://api.getcargo.io/v2" }])),
            &["$ differs: the server is https://api.getcargo.io/v2 > servers:"],
        ),
        (
            "",
            "components|securitySchemes|bearerAuth",
            Some(json!({ "type": "apiKey", "in": "header", "name": "X-Key" })),
            &["$ differs: requests are authorized by apikey header x-key > security:"],
        ),
        (
            CREATE,
            "BODY|required",
            Some(json!(["data", "workflowUuid"])),
            &["$ differs: field `CreateBatchRequest.workflowUuid` is required > workflowUuid:"],
        ),
        (
            CREATE,
            "BODY|properties|data|oneOf|0|required",
            Some(json!(["kind", "segmentUuid", "madeUpField"])),
            &[
                "$ vendor only: required field `CreateSegmentData.madeUpField`, sent > CreateSegmentData:",
            ],
        ),
        (
            CREATE,
            "BODY|properties|madeUpKey",
            Some(json!({ "type": "string" })),
            &["vendor only: field `CreateBatchRequest.madeUpKey` (text), sent > properties:"],
        ),
        (
            CREATE,
            "BODY|properties|releaseUuid",
            None,
            &["$ ours only: field `CreateBatchRequest.releaseUuid`, sent > releaseUuid:"],
        ),
        (
            CREATE,
            "BODY|properties|workflowUuid",
            Some(json!({ "type": "integer" })),
            &[
                "$ differs: `CreateBatchRequest.workflowUuid` is integer, ours text (uuid), sent > workflowUuid:",
            ],
        ),
        (
            CREATE,
            "BODY|required",
            Some(json!([])),
            &["differs: field `CreateBatchRequest.data` may be left out > data:"],
        ),
        (
            CREATE,
            "BODY|properties|data|oneOf|0",
            None,
            &[
                "$ ours only: kind `segment` of `CreateBatchData`, sent > segment: '#/components/schemas/CreateSegmentData'",
            ],
        ),
        (
            CREATE,
            "BODY|properties|data|oneOf|new",
            Some(
                json!({ "type": "object", "properties": { "kind": { "const": "madeUpKind" } }, "required": ["kind"] }),
            ),
            &["vendor only: kind `madeUpKind` of `CreateBatchData`, sent > CreateBatchData:"],
        ),
        (
            CREATE,
            "BODY|properties|data|oneOf|1|properties|changeKinds|items|enum|added",
            None,
            &["$ ours only: value `added` of `ChangeKind`, sent > enum:"],
        ),
        (
            CREATE,
            "BODY|properties|data|oneOf|1|properties|changeKinds|items|enum|new",
            Some(json!("madeUpChange")),
            &["vendor only: value `madeUpChange` of `ChangeKind`, sent > enum:"],
        ),
        (
            CREATE,
            "BODY|properties|nodes|maxItems",
            Some(json!(50)),
            &["~ vendor only: `maxItems: 50` of `CreateBatchRequest.nodes`, sent > nodes:"],
        ),
        (
            CREATE,
            "BODY|properties|nodes|deprecated",
            Some(json!(true)),
            &["~ vendor only: field `CreateBatchRequest.nodes` is deprecated > nodes:"],
        ),
        (
            CREATE,
            "requestBody",
            None,
            &["$ ours only: body of POST /orchestration/batches > requestBody:"],
        ),
        (
            CREATE,
            "requestBody|content",
            Some(json!({ "multipart/form-data": {} })),
            &[
                "$ differs: body of POST /orchestration/batches is multipart/form-data > requestBody:",
            ],
        ),
        (
            GET,
            "OK|properties|batch|properties|runsStatus|enum|new",
            Some(json!("madeUp")),
            &["~ vendor only: value `madeUp` of `BatchRunsStatus`, received > enum:"],
        ),
        (
            GET,
            "OK|properties|batch|properties|status|enum|new",
            Some(json!("madeUpStatus")),
            &["! vendor only: value `madeUpStatus` of `BatchStatus`, received > enum:"],
        ),
        (
            GET,
            "OK|properties|batch|properties|status|enum|pending",
            None,
            &["~ ours only: value `pending` of `BatchStatus`, received > enum:"],
        ),
        (
            GET,
            "OK|properties|batch|properties|madeUpField",
            Some(json!({ "anyOf": [{ "type": "integer" }, { "type": "null" }] })),
            &["vendor only: field `Batch.madeUpField` (integer), received > properties:"],
        ),
        (
            GET,
            "OK",
            Some(json!({ "type": "object", "properties": {} , "additionalProperties": false})),
            &["! ours only: field `GetBatchResponse.batch`, received > batch:"],
        ),
        (
            GET,
            "OK|properties|batch|properties|runsCount|type",
            Some(json!(["integer", "null"])),
            &["! differs: field `Batch.runsCount` may be null > runsCount:"],
        ),
        (
            GET,
            "OK|properties|batch|required|runsCount",
            None,
            &["! differs: field `Batch.runsCount` may be absent > runsCount:"],
        ),
        (
            GET,
            "OK|properties|batch|properties|runsStatus",
            None,
            &["ours only: field `Batch.runsStatus`, received > runsStatus:"],
        ),
        (
            GET,
            "OK|properties|batch|properties|runsCount|type",
            Some(json!("string")),
            &["! differs: `Batch.runsCount` is text, ours integer, received > runsCount:"],
        ),
        (
            GET,
            "OK|properties|batch|properties|runsCount|type",
            Some(json!("number")),
            &["! differs: `Batch.runsCount` is number, ours integer, received > runsCount:"],
        ),
        (
            GET,
            "OK|properties|batch|properties|uuid|format",
            None,
            &["! differs: `BatchUuid` is any text, ours uuid, received > BatchUuid:"],
        ),
        (
            GET,
            "OK|properties|batch|properties|data|oneOf|new",
            Some(
                json!({ "type": "object", "properties": { "kind": { "const": "madeUpKind" } }, "required": ["kind"] }),
            ),
            &["~ vendor only: kind `madeUpKind` of `BatchData`, received > BatchData:"],
        ),
        (
            LIST,
            "OK|properties|batches|items|type",
            Some(json!(["object", "null"])),
            &[
                "! differs: `ListBatchesResponse.batches[]` may be null > items: { $ref: '#/components/schemas/Batch' }",
            ],
        ),
        (
            GET,
            "OK|properties|batch",
            Some(json!({ "type": "object" })),
            &[
                "ours only: the fields of `GetBatchResponse.batch`, of which the vendor says no more, received > batch:",
            ],
        ),
        (
            GET,
            "responses|200",
            Some(json!({ "description": "Successful response" })),
            &["! differs: response 200 to GET /orchestration/batches/{uuid} has no body > '2XX':"],
        ),
        (
            GET,
            "responses|200|content",
            Some(json!({ "text/csv": {} })),
            &["! differs: response 200 to GET /orchestration/batches/{uuid} is text/csv > '2XX':"],
        ),
        (
            GET,
            "responses|204",
            Some(json!({ "description": "Gone" })),
            &["! differs: response 204 to GET /orchestration/batches/{uuid} has no body > '2XX':"],
        ),
        (
            GET,
            "responses|302",
            Some(json!({ "description": "Elsewhere" })),
            &["vendor only: response 302 to GET /orchestration/batches/{uuid} > get:"],
        ),
        (
            GET,
            "responses|200",
            None,
            &["ours only: a response of success to GET /orchestration/batches/{uuid} > get:"],
        ),
        (
            CREATE,
            "responses|400|content",
            Some(
                json!({ "application/json": { "schema": { "type": "object", "properties": { "reason": { "type": "string", "enum": reasons } } } } }),
            ),
            &[
                "$ vendor only: value `madeUpReason` of `CreateBatchErrorReason`, received with an error > enum:",
                "ours only: field `CreateBatchError.errorMessage`, received with an error > errorMessage: *error_message",
                "ours only: field `CreateBatchError.dataError`, received with an error > dataError:",
            ],
        ),
        (
            LIST,
            "parameters|0|required",
            Some(json!(true)),
            &[
                "! differs: parameter uuids[] of GET /orchestration/batches/list is required > - name: uuids[]",
            ],
        ),
        (
            LIST,
            "parameters|13",
            None,
            &["! ours only: parameter offset of GET /orchestration/batches/list > - name: offset"],
        ),
        (
            LIST,
            "parameters|new",
            Some(json!({ "in": "query", "name": "search", "schema": { "type": "string" } })),
            &["vendor only: parameter search of GET /orchestration/batches/list > get:"],
        ),
        (
            GET,
            "parameters|new",
            Some(
                json!({ "in": "header", "name": "selected-workspace-uuid", "required": true, "schema": { "type": "string" } }),
            ),
            &[
                "! vendor only: required header parameter selected-workspace-uuid of GET /orchestration/batches/{uuid} > get:",
            ],
        ),
        (
            LIST,
            "parameters|0|name",
            Some(json!("uuids")),
            &[
                "! differs: parameter uuids[] of GET /orchestration/batches/list is written `uuids` > - name: uuids[]",
            ],
        ),
        (
            LIST,
            "parameters|0|explode",
            Some(json!(false)),
            &[
                "! differs: parameter uuids[] of GET /orchestration/batches/list is written as form, not exploded > - name: uuids[]",
            ],
        ),
        (
            LIST,
            "parameters|12|schema|maximum",
            Some(json!(100)),
            &[
                "~ vendor only: `maximum: 100` of parameter limit of GET /orchestration/batches/list, sent > schema: { type: integer, minimum: 0 }",
            ],
        ),
        (
            GET,
            "parameters|0|schema",
            Some(json!({ "type": "integer" })),
            &[
                "! differs: parameter uuid of GET /orchestration/batches/{uuid} is integer, ours text (uuid), sent > schema: { $ref: '#/components/schemas/BatchUuid' }",
            ],
        ),
        (
            CREATE,
            "BODY|not",
            Some(json!({ "required": ["nodes", "releaseUuid"] })),
            &[
                "~ vendor only: body of POST /orchestration/batches has `not`, which isn't compared > schema: { $ref: '#/components/schemas/CreateBatchRequest' }",
            ],
        ),
        (
            CREATE,
            "BODY|properties|workflowUuid",
            Some(json!({ "$ref": "other.json#/Id" })),
            &[
                "~ vendor only: `CreateBatchRequest.workflowUuid` has `$ref: \"other.json#/Id\"`, which isn't compared > workflowUuid:",
                "ours only: `CreateBatchRequest.workflowUuid` is text (uuid), the vendor doesn't say > workflowUuid:",
            ],
        ),
    ];
    let mut wrong = Vec::new();
    for (operation, rest, value, expected) in table {
        let mut changed = few().vendor.clone();
        let place = format!("{operation}|{rest}");
        edit(&mut changed, place.trim_start_matches('|'), value.clone());
        let said = lines(&changed, &few().ours, &few().text);
        if said != *expected {
            wrong.push((place, said));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_field_that_we_need_comes_no_more_or_always() {
    let mut gone = few().vendor.clone();
    edit(
        &mut gone,
        "paths|/orchestration/batches/{id}|get|OK|properties|batch|properties|runsCount",
        None,
    );
    edit(
        &mut gone,
        "paths|/orchestration/batches/{id}|get|OK|properties|batch|required|runsCount",
        None,
    );
    let said = lines(&gone, &few().ours, &few().text);
    assert_eq!(
        said,
        ["! ours only: field `Batch.runsCount`, received > runsCount:"]
    );

    let mut always = few().vendor.clone();
    let runs_status =
        "paths|/orchestration/batches/{id}|get|OK|properties|batch|properties|runsStatus|type";
    edit(&mut always, runs_status, Some("string".into()));
    edit(
        &mut always,
        "paths|/orchestration/batches/{id}|get|OK|properties|batch|required|new",
        Some("runsStatus".into()),
    );
    let said = lines(&always, &few().ours, &few().text);
    assert_eq!(
        said,
        ["differs: field `Batch.runsStatus` is always there > runsStatus:"]
    );
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
    let decisions = Decisions::parse(include_str!("../../../xtask/drift.yaml")).unwrap();
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

//! Each kind of change, and how much it matters.

use serde_json::{Value, json};

use super::{edit, few, lines};

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

//! What there is before a batch, what it costs, and single runs, through the client.

use axum::body::Body;
use axum::http::{Response, StatusCode};
use cargo_batch_client::types::{
    Action, BatchUuid, CreateRunErrorReason, CreateRunRequest, ExecuteActionErrorReason,
    ExecuteActionRequest, FormFieldKind, GetDeployedReleaseErrorReason, GetPlayErrorReason,
    GetToolErrorReason, Node, PlaySchedule, PlayScheduleType, PlayUuid, Record, RunStatus,
    SegmentUuid, ToolUuid, UsageGroup, UsageUnit, WorkflowUuid,
};
use cargo_batch_client::{Client, Error, ErrorKind, Reason};
use cargo_batch_sandbox::{Fault, Rule, Sandbox};
use cargo_batch_tests::sandbox::Checked;
use cargo_batch_tests::script::{Script, html, json, status, uuid};
use serde_json::{Value, json as value};

fn unknown<T: std::str::FromStr<Err: std::fmt::Debug>>() -> T {
    uuid(9).parse().unwrap()
}

fn lead() -> Record {
    Record::from_iter([("email", "ada@example.com")])
}

fn run(workflow: WorkflowUuid) -> CreateRunRequest {
    CreateRunRequest::new(lead()).workflow(workflow)
}

fn of_tool(set: impl FnOnce(&mut Value)) -> Action {
    let mut action = value!({ "kind": "tool" });
    set(&mut action);
    serde_json::from_value(action).unwrap()
}

fn native(slug: &str) -> Action {
    serde_json::from_value(value!({ "kind": "native", "actionSlug": slug })).unwrap()
}

fn graph(change: impl FnOnce(&mut Value)) -> Vec<Node> {
    let node = |n: u8, slug: &str, children: Value| {
        value!({
            "uuid": uuid(n.into()), "slug": slug, "kind": "native", "actionSlug": slug, "config": {},
            "childrenUuids": children, "fallbackOnFailure": false, "position": { "x": 0, "y": 0 },
        })
    };
    let mut nodes = value!([
        node(1, "start", value!([uuid(2)])),
        node(2, "enrich", value!([uuid(3)])),
        node(3, "end", value!([])),
    ]);
    change(&mut nodes);
    serde_json::from_value(nodes).unwrap()
}

#[tokio::test(start_paused = true)]
async fn from_a_name_to_a_run_and_its_columns() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    let tools = client.list_tools().await.unwrap().tools;
    let tool = tools
        .iter()
        .find(|tool| tool.name == "Enrich lead")
        .unwrap();
    assert_eq!(tool.workflow_uuid, fixtures.tool_workflow_uuid);
    assert_eq!(client.get_tool(tool.uuid).await.unwrap().tool, *tool);
    let release = client
        .get_deployed_release(tool.workflow_uuid)
        .await
        .unwrap()
        .release;
    let fields = release.form_fields.unwrap();
    let required: Vec<&str> = fields
        .iter()
        .filter(|field| field.is_required == Some(true))
        .map(|field| field.slug.as_str())
        .collect();
    assert_eq!(required, ["email"]);
    assert_eq!(fields[0].kind, FormFieldKind::String);
    let array = fields.iter().find_map(|field| match &field.kind {
        FormFieldKind::Array(array) => Some(array),
        _ => None,
    });
    assert_eq!(array.unwrap().fields[0].slug, "page");
    let created = client
        .create_run(run(tool.workflow_uuid))
        .await
        .unwrap()
        .run;
    assert_eq!(created.status, RunStatus::Pending);
    assert_eq!(created.batch_uuid, None);
    let known = client.get_run(created.uuid).await.unwrap();
    assert_eq!(known.run.workflow_uuid, tool.workflow_uuid);
    let executed = client.execute_action(ExecuteActionRequest::new(native("enrich"), lead()));
    assert_eq!(executed.await.unwrap().run.nodes.unwrap()[1].slug, "action");
    let kinds: Vec<(String, u64)> = sandbox
        .created()
        .into_iter()
        .map(|created| (created.operation, created.count))
        .collect();
    let once = |operation: &str| (operation.to_owned(), 1);
    assert_eq!(kinds, [once("create_run"), once("execute_action")]);
}

#[tokio::test(start_paused = true)]
async fn plays_segments_changes_and_models() {
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    let plays = client
        .list_plays()
        .is_enabled(true)
        .model(fixtures.model_uuid);
    let plays = plays
        .schedule_type(PlayScheduleType::Cron)
        .await
        .unwrap()
        .plays;
    assert_eq!(plays.len(), 1);
    assert_eq!(plays[0].uuid, fixtures.play_uuid);
    assert!(matches!(plays[0].schedule, Some(PlaySchedule::Cron(_))));
    assert_eq!(
        client.get_play(fixtures.play_uuid).await.unwrap().play,
        plays[0]
    );
    let segments = client.list_segments().await.unwrap().segments;
    let alone = segments
        .iter()
        .find(|segment| segment.from_play == Some(false))
        .unwrap();
    assert_eq!(alone.uuid, fixtures.segment_uuid);
    assert_eq!(
        client.get_segment(alone.uuid).await.unwrap().segment,
        *alone
    );
    assert_eq!(alone.records_count, Some(100));
    let changes = client
        .list_segment_changes()
        .limit(1)
        .items()
        .try_collect()
        .await
        .unwrap();
    let uuids: Vec<_> = changes.iter().map(|change| change.uuid).collect();
    let wanted = [
        fixtures.change_uuid,
        fixtures.additions_change_uuid,
        fixtures.company_change_uuid,
    ];
    assert_eq!(uuids, wanted);
    let latest = client
        .list_segment_changes()
        .segment(alone.uuid)
        .await
        .unwrap();
    assert_eq!(
        latest.changes[0].uuid,
        alone.last_change.as_ref().unwrap().uuid
    );
    let models = client.list_models().await.unwrap().models;
    let model = models
        .iter()
        .find(|model| model.slug == "contacts")
        .unwrap();
    assert_eq!(model.uuid, plays[0].model_uuid);
    let columns = model.columns.as_ref().unwrap();
    assert!(columns.iter().any(|column| column.slug == "email"));
}

#[tokio::test(start_paused = true)]
async fn an_item_of_a_list_that_cannot_be_read_ends_no_stream_of_changes() {
    let script = Script::start(|seen| {
        let offset = seen
            .values("offset")
            .first()
            .map(|offset| (*offset).to_owned());
        match offset.as_deref() {
            None | Some("0") => {
                let known = value!({ "uuid": uuid(1), "segmentUuid": uuid(2) });
                json(value!({ "changes": [known, { "uuid": "odd" }] }))
            }
            _ => json(value!({ "changes": [] })),
        }
    })
    .await;
    let client = script.client();
    let mut items = client.list_segment_changes().items();
    assert!(items.next().await.unwrap().is_ok());
    assert_eq!(
        items.next().await.unwrap().unwrap_err().kind(),
        ErrorKind::InvalidResponse
    );
    assert!(items.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_bill_and_the_workspace() {
    let (sandbox, client) = Checked::set_up(Sandbox::builder().credits(50.0)).await;
    let subscription = client.get_subscription().await.unwrap().subscription;
    assert_eq!(
        subscription.subscription_available_credits_count,
        Some(50.0)
    );
    assert_eq!(subscription.subscription_credits_used_count, Some(0.0));
    client
        .create_run(run(sandbox.fixtures().tool_workflow_uuid))
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(600)).await;
    let usage = client
        .get_usage_metrics("2026-01-15", "2026-01-15")
        .unit(UsageUnit::OrchestrationExecutions)
        .group_by(UsageGroup::WorkflowUuid)
        .await
        .unwrap();
    let items = &usage.metrics[0].items;
    let workflow = sandbox.fixtures().tool_workflow_uuid.to_string();
    assert!(
        items
            .iter()
            .all(|item| item.group_by.as_ref() == Some(&workflow))
    );
    let executions: f64 = items.iter().map(|item| item.count).sum();
    let providers = client
        .get_usage_metrics("2026-01-15", "2026-01-15")
        .unit(UsageUnit::BillingCredits)
        .await
        .unwrap();
    let providers: f64 = providers.metrics[0]
        .items
        .iter()
        .map(|item| item.count)
        .sum();
    let subscription = client.get_subscription().await.unwrap().subscription;
    let spent = subscription.subscription_credits_used_count.unwrap();
    assert!(
        (spent - providers - executions / 100.0).abs() < 1e-6,
        "{spent}"
    );
    let workspace = client.get_current_workspace().await.unwrap().workspace;
    assert_eq!(workspace.uuid, sandbox.fixtures().workspace_uuid);
    assert_eq!(workspace.name, "Sandbox");
}

async fn refused_run(client: &Client, request: CreateRunRequest) -> CreateRunErrorReason {
    let error = client.create_run(request).await.unwrap_err();
    match error.reason() {
        Some(Reason::CreateRun(reason)) => reason.clone(),
        other => panic!("{other:?} of {error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_reason_not_to_create_a_run() {
    use CreateRunErrorReason as Is;
    let (sandbox, client) = Checked::start().await;
    let fixtures = sandbox.fixtures();
    let (poor, without_credits) = Checked::set_up(Sandbox::builder().credits(0.0)).await;
    let tool = || run(fixtures.tool_workflow_uuid);
    let both = tool().nodes(graph(|_| {})).release(fixtures.release_uuid);
    let without_end = graph(|nodes| nodes[2]["actionSlug"] = "enrich".into());
    let ad_hoc = |nodes: Vec<Node>| CreateRunRequest::new(lead()).nodes(nodes);
    let empty = CreateRunRequest::new(Record::default()).workflow(fixtures.tool_workflow_uuid);
    let mut seen = Vec::new();
    for (request, reason) in [
        (run(unknown()), Is::WorkflowNotFound),
        (both, Is::InvalidReleaseOrCustomNodes),
        (run(fixtures.play_workflow_uuid), Is::PlayNotCompatible),
        (ad_hoc(Vec::new()), Is::NodesNotFound),
        (empty, Is::InvalidData),
        (ad_hoc(without_end), Is::RootNodeNotFound),
        (run(fixtures.broken_workflow_uuid), Is::FailedToStart),
    ] {
        assert_eq!(refused_run(&client, request).await, reason);
        seen.push(reason);
    }
    let request = run(poor.fixtures().tool_workflow_uuid);
    assert_eq!(
        refused_run(&without_credits, request).await,
        Is::NotEnoughCredits
    );
    assert_eq!(sandbox.created(), []);
    for _ in 0..20 {
        client.create_run(tool()).await.unwrap();
    }
    assert_eq!(
        refused_run(&client, tool()).await,
        Is::ConcurrencyLimitReached
    );
    seen.extend([Is::NotEnoughCredits, Is::ConcurrencyLimitReached]);
    assert!(
        Is::KNOWN.iter().all(|known| seen.contains(known)),
        "{seen:?}"
    );
}

async fn refused_action(client: &Client, action: Action, data: Record) -> ExecuteActionErrorReason {
    let request = ExecuteActionRequest::new(action, data);
    let error = client.execute_action(request).await.unwrap_err();
    match error.reason() {
        Some(Reason::ExecuteAction(reason)) => reason.clone(),
        other => panic!("{other:?} of {error}"),
    }
}

#[tokio::test(start_paused = true)]
async fn every_reason_not_to_execute_an_action() {
    use ExecuteActionErrorReason as Is;
    let (sandbox, client) = Checked::start().await;
    let (_poor, without_credits) = Checked::set_up(Sandbox::builder().credits(0.0)).await;
    let fixtures = sandbox.fixtures();
    let named = |name: &str, uuid: Value| of_tool(|tool| tool[name] = uuid);
    let mut seen = Vec::new();
    for (action, reason) in [
        (named("toolUuid", value!(uuid(9))), Is::WorkflowNotFound),
        (
            named("releaseUuid", value!(fixtures.draft_release_uuid)),
            Is::InvalidReleaseOrCustomNodes,
        ),
        (
            named("releaseUuid", value!(fixtures.play_release_uuid)),
            Is::PlayNotCompatible,
        ),
        (named("templateSlug", value!("none")), Is::NodesNotFound),
        (native("branch"), Is::InvalidData),
        (native("start"), Is::RootNodeNotFound),
        (
            named("toolUuid", value!(fixtures.broken_tool_uuid)),
            Is::FailedToStart,
        ),
    ] {
        assert_eq!(refused_action(&client, action, lead()).await, reason);
        seen.push(reason);
    }
    let nothing = refused_action(&client, native("enrich"), Record::default()).await;
    assert_eq!(nothing, Is::InvalidData);
    let poor = refused_action(&without_credits, native("enrich"), lead()).await;
    assert_eq!(poor, Is::NotEnoughCredits);
    for _ in 0..20 {
        let request = ExecuteActionRequest::new(native("enrich"), lead());
        client.execute_action(request).await.unwrap();
    }
    let many = refused_action(&client, native("enrich"), lead()).await;
    assert_eq!(many, Is::ConcurrencyLimitReached);
    seen.extend([poor, many]);
    assert!(
        Is::KNOWN.iter().all(|known| seen.contains(known)),
        "{seen:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn missing_resources_have_typed_reasons() {
    let (sandbox, client) = Checked::start().await;
    let tool = client.get_tool(unknown::<ToolUuid>()).await.unwrap_err();
    let reason = Reason::GetTool(GetToolErrorReason::ToolNotFound);
    assert_eq!(tool.reason(), Some(&reason));
    let play = client.get_play(unknown::<PlayUuid>()).await.unwrap_err();
    let reason = Reason::GetPlay(GetPlayErrorReason::PlayNotFound);
    assert_eq!(play.reason(), Some(&reason));
    let paused = sandbox.fixtures().paused_play_workflow_uuid;
    let reason = Reason::GetDeployedRelease(GetDeployedReleaseErrorReason::ReleaseNotFound);
    for workflow in [unknown(), paused] {
        let release = client.get_deployed_release(workflow).await.unwrap_err();
        assert_eq!(release.reason(), Some(&reason));
        assert!(release.advice().unwrap().contains("deploy the workflow"));
    }
    let segment = client
        .get_segment(unknown::<SegmentUuid>())
        .await
        .unwrap_err();
    assert_eq!(
        (segment.reason(), segment.status()),
        (None, Some(StatusCode::NOT_FOUND))
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_that_may_have_been_created_is_not_created_again() {
    for operation in ["create_run", "execute_action"] {
        for fault in [
            Fault::ResetAfterActing,
            Fault::ServerError { acted: true },
            Fault::Unavailable {
                retry_after: Some(1),
                as_date: false,
                acted: true,
            },
        ] {
            let (sandbox, client) = Checked::start().await;
            sandbox
                .faults(Rule::new(fault).on(operation).count(1))
                .await
                .unwrap();
            let error = match operation {
                "create_run" => {
                    let request = run(sandbox.fixtures().tool_workflow_uuid);
                    client.create_run(request).await.unwrap_err()
                }
                _ => {
                    let request = ExecuteActionRequest::new(native("enrich"), lead());
                    client.execute_action(request).await.unwrap_err()
                }
            };
            assert!(error.is_ambiguous() && error.may_have_spent(), "{error:#}");
            assert!(
                error
                    .advice()
                    .unwrap()
                    .contains("A run may exist: search for it"),
                "{error}"
            );
            let created: u64 = sandbox.created().iter().map(|created| created.count).sum();
            assert_eq!(created, 1, "{operation}");
            assert_eq!(sandbox.requests().len(), 1, "{operation}");
        }
        // What wasn't received is retried.
        let (sandbox, client) = Checked::start().await;
        sandbox
            .faults(
                Rule::new(Fault::TooManyRequests {
                    retry_after: None,
                    as_date: false,
                })
                .on(operation)
                .count(1),
            )
            .await
            .unwrap();
        match operation {
            "create_run" => {
                let request = run(sandbox.fixtures().tool_workflow_uuid);
                client.create_run(request).await.map(drop).unwrap();
            }
            _ => {
                let request = ExecuteActionRequest::new(native("enrich"), lead());
                client.execute_action(request).await.map(drop).unwrap();
            }
        }
        assert_eq!(sandbox.created()[0].count, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_that_could_not_be_started_may_exist() {
    let (sandbox, client) = Checked::start().await;
    let error = client
        .create_run(run(sandbox.fixtures().broken_workflow_uuid))
        .await
        .unwrap_err();
    assert!(error.is_ambiguous() && error.may_have_spent(), "{error:#}");
    let error = client.create_run(run(unknown())).await.unwrap_err();
    assert!(
        !error.is_ambiguous() && !error.may_have_spent(),
        "{error:#}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_run_is_named_by_a_response_that_cannot_be_read() {
    let script = Script::start(|_| json(value!({ "run": { "uuid": uuid(1), "status": 7 } }))).await;
    let request = run(unknown());
    let error: Error = script.client().create_run(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert_eq!(error.created_run(), Some(uuid(1).parse().unwrap()));
    assert_eq!(error.created(), None, "it is no batch");
    assert!(
        error
            .to_string()
            .contains(&format!("run {} was created", uuid(1))),
        "{error}"
    );
    assert!(
        error.advice().unwrap().contains("The run exists"),
        "{error}"
    );
    // A batch is no run.
    let script = Script::start(|_| json(value!({ "batch": { "uuid": uuid(1) } }))).await;
    let error = script
        .client()
        .create_run(run(unknown()))
        .await
        .unwrap_err();
    assert_eq!((error.created(), error.created_run()), (None, None));
    assert!(error.may_have_spent());
}

#[tokio::test(start_paused = true)]
async fn the_response_to_a_cancellation_is_not_read() {
    for body in ["null", "OK", "", "{}", "[]", "{\"cancelled\": true"] {
        let script = Script::start(move |_| Response::new(Body::from(body))).await;
        let client = script.client();
        client.cancel_batch(unknown::<BatchUuid>()).await.unwrap();
        let runs = cargo_batch_client::types::CancelRunsRequest::new(unknown::<WorkflowUuid>());
        client.cancel_runs(runs).await.unwrap();
        assert_eq!(script.seen().len(), 2, "{body}");
    }
    // A proxy's page is no cancellation.
    let script = Script::start(|_| html()).await;
    let error = script
        .client()
        .cancel_batch(unknown::<BatchUuid>())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    let script = Script::start(|_| status(404)).await;
    script
        .client()
        .cancel_batch(unknown::<BatchUuid>())
        .await
        .unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn an_uploaded_file_needs_its_name_only() {
    for body in [
        value!({ "s3Filename": "one.csv" }),
        value!({ "files": [{ "s3Filename": "one.csv", "name": null }] }),
    ] {
        let script = Script::start(move |_| json(body.clone())).await;
        let file = script.client().upload_file("f.csv", "a").await.unwrap();
        assert_eq!(file.s3_filename, "one.csv");
        assert_eq!((file.content_type, file.name), (None, None));
    }
    let script = Script::start(|_| json(value!({ "name": "one.csv" }))).await;
    let error = script.client().upload_file("f.csv", "a").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
}

#[tokio::test(start_paused = true)]
async fn responses_of_a_newer_server_are_read() {
    let script = Script::start(|seen| {
        json(match seen.line.as_str() {
            "GET /v1/orchestration/tools/list" => value!({ "tools": [{
                "uuid": uuid(1), "name": "n", "workflowUuid": uuid(2), "creditsCost": { "kind": "new", "x": 1 },
                "triggers": [{ "type": "webhook", "url": "u" }], "isReadOnly": null, "new": [],
            }] }),
            "GET /v1/billing/subscriptions" => value!({ "subscription": {} }),
            "GET /v1/workspaceManagement/workspaces/current" => {
                value!({ "workspace": { "uuid": uuid(1), "name": "n", "new": 1 } })
            }
            _ => value!({ "release": {
                "uuid": uuid(1), "workflowUuid": uuid(2), "nodes": [], "status": "deployed",
                "formFields": [{ "name": "F", "slug": "f", "kind": "file", "types": [] }],
            } }),
        })
    })
    .await;
    let client = script.client();
    assert_eq!(client.list_tools().await.unwrap().tools.len(), 1);
    let subscription = client.get_subscription().await.unwrap().subscription;
    assert_eq!(subscription.subscription_available_credits_count, None);
    client.get_current_workspace().await.unwrap();
    let release = client
        .get_deployed_release(unknown::<WorkflowUuid>())
        .await
        .unwrap()
        .release;
    let fields = release.form_fields.unwrap();
    assert!(matches!(fields[0].kind, FormFieldKind::Unknown(_)));
}

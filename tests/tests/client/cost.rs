//! What a batch has cost, and the limit of it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cargo_batch_client::types::{
    BatchStatus, BatchUuid, CreateBatchData, CreateBatchRequest, Outcome, Record, WorkflowUuid,
};
use cargo_batch_client::{Client, ErrorKind, SavedWatch};
use cargo_batch_sandbox::{Fault, Rule, Sandbox};
use cargo_batch_tests::sandbox::Checked;
use cargo_batch_tests::script::{Script, Seen, batch, json, status, uuid};
use serde_json::{Value, json as value};

const CANCEL: &str = "POST /v1/orchestration/batches/00000000-0000-4000-8000-000000000001/cancel";

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

async fn start(client: &Client, workflow: WorkflowUuid, records: usize) -> BatchUuid {
    let records = (0..records).map(|n| Record::from_iter([("email", format!("{n}@example.com"))]));
    let request = CreateBatchRequest::new(CreateBatchData::records(records)).workflow(workflow);
    client.create_batch_once(request).await.unwrap().uuid
}

fn is_about(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-6
}

#[tokio::test(start_paused = true)]
async fn a_batch_costs_what_the_account_is_charged() {
    let (sandbox, client) = Checked::set_up(Sandbox::builder().credits(50.0)).await;
    let batch = start(&client, sandbox.fixtures().tool_workflow_uuid, 20).await;
    let handle = client.batch(batch);
    let before = handle.cost().await.unwrap();
    assert!(!before.is_final);
    assert_eq!(
        before.to_string(),
        "0.00 credits so far: 0.00 provider credits and 0.00 for 0 executions of nodes"
    );
    let finished = handle.wait().await.unwrap();
    let cost = finished.cost().await.unwrap();
    assert!(cost.is_final && cost.unclear_executions == 0, "{cost:?}");
    assert_eq!(cost, handle.cost().await.unwrap());
    assert!(cost.provider_credits > 0.0);
    assert!(is_about(
        cost.provider_credits,
        finished.batch().credits_used_count
    ));
    let charged = 50.0 - sandbox.credits_left();
    assert!(
        is_about(cost.total().unwrap(), charged),
        "{cost:?} {charged}"
    );
    let executions = cost.executions.unwrap();
    assert!(executions > 20, "{cost:?}");
    assert!(is_about(
        cost.execution_credits().unwrap(),
        executions as f64 / 100.0
    ));
    let expected = format!(
        "{charged:.2} credits: {:.2} provider credits and {:.2} for {executions} executions of nodes",
        cost.provider_credits,
        executions as f64 / 100.0
    );
    assert_eq!(cost.to_string(), expected);
}

#[tokio::test(start_paused = true)]
async fn executions_that_were_cancelled_are_named_and_not_counted() {
    let (sandbox, client) = Checked::set_up(Sandbox::builder().credits(50.0)).await;
    let batch = client.batch(start(&client, sandbox.fixtures().tool_workflow_uuid, 60).await);
    let mut watch = batch.watch();
    while let Some(state) = watch.next().await {
        let state = state.unwrap();
        if state.status == BatchStatus::Running && state.executed_runs_count > 0 {
            batch.cancel().await.unwrap();
        }
    }
    let cost = batch.cost().await.unwrap();
    assert!(cost.unclear_executions > 0, "{cost:?}");
    let charged = 50.0 - sandbox.credits_left();
    assert!(
        is_about(cost.total().unwrap(), charged),
        "{cost:?} {charged}"
    );
    let unclear = format!(
        "; not counted are {} cancelled or skipped executions, {:.2} credits if they are charged",
        cost.unclear_executions,
        cost.unclear_executions as f64 / 100.0
    );
    assert!(cost.to_string().ends_with(&unclear), "{cost}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_number_of_executions_is_said() {
    for (metrics, is_known) in [
        (json_of(&[(5, 0)]), true),
        (json_of(&[(2, 2), (1, 0)]), true),
        // Five runs have executed a node each.
        (json_of(&[(4, 0)]), false),
        (json_of(&[]), false),
        (Answer::Status(403), false),
        (Answer::Status(404), false),
    ] {
        let metrics = Arc::new(metrics);
        let answer = metrics.clone();
        let script = Script::start(move |seen| match seen.line.starts_with("GET") {
            true => json(value!({ "batch": batch(value!({
                "status": "success", "runsCount": 5, "executedRunsCount": 5, "creditsUsedCount": 12.5,
            })) })),
            false => answer.send(),
        })
        .await;
        let cost = script.client().batch(id()).cost().await.unwrap();
        assert!(is_about(cost.provider_credits, 12.5));
        assert_eq!(
            cost.executions.map(|count| count == 5),
            is_known.then_some(true)
        );
        assert_eq!(cost.total().is_some(), is_known);
        if !is_known {
            assert_eq!(
                cost.to_string(),
                "12.50 provider credits; not counted are executions of nodes, at 0.01 credit each: their number is \
                 unknown"
            );
        }
    }
}

enum Answer {
    Metrics(Value),
    Status(u16),
}

impl Answer {
    fn send(&self) -> axum::http::Response<axum::body::Body> {
        match self {
            Self::Metrics(metrics) => json(metrics.clone()),
            Self::Status(code) => status(*code),
        }
    }
}

/// Metrics of nodes with so many executions that ended well, and so many in an error.
fn json_of(nodes: &[(u64, u64)]) -> Answer {
    let node = |(n, (success, error)): (usize, &(u64, u64))| {
        value!({
            "nodeUuid": uuid(n), "totalExecutionsCount": success + error + 3, "idleExecutionsCount": 1,
            "pendingExecutionsCount": 1, "runningExecutionsCount": 1, "successExecutionsCount": success,
            "errorExecutionsCount": error, "cancelledExecutionsCount": 0, "skippedExecutionsCount": 0,
            "creditsUsedCount": 0,
        })
    };
    let nodes: Vec<Value> = nodes.iter().enumerate().map(node).collect();
    Answer::Metrics(value!({ "runMetrics": nodes }))
}

#[tokio::test(start_paused = true)]
async fn an_error_that_may_pass_is_an_error() {
    let (sandbox, client) = Checked::start().await;
    let batch = start(&client, sandbox.fixtures().tool_workflow_uuid, 1).await;
    let fault = Rule::new(Fault::ServerError { acted: false }).on("get_run_metrics");
    sandbox.faults(fault).await.unwrap();
    let error = client.batch(batch).cost().await.unwrap_err();
    assert_eq!(error.operation().unwrap().id, "get_run_metrics");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_spends_more_than_it_may_is_cancelled() {
    let (sandbox, client) = Checked::start().await;
    let batch = start(&client, sandbox.fixtures().tool_workflow_uuid, 60).await;
    let states = Arc::new(Mutex::new(Vec::new()));
    let noted = states.clone();
    let wait = client.batch(batch).wait().max_credits(3.5);
    let wait = wait.on_progress(move |batch| noted.lock().unwrap().push(batch.clone()));
    let error = wait.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CreditsExceeded);
    assert!(error.is_final() && !error.is_retryable() && !error.may_have_spent());
    let states = states.lock().unwrap().clone();
    let (last, before) = states.split_last().unwrap();
    assert!(before.iter().all(|state| state.credits_used_count <= 3.5));
    assert!(last.credits_used_count > 3.5 && last.executed_runs_count < 60);
    let text = error.to_string();
    for part in [
        format!("batch {batch}, poll {} after", states.len()),
        format!(
            "it has spent {} provider credits, more than the limit of 3.5, and is being cancelled",
            last.credits_used_count
        ),
        "provider credits are only part of the bill: every execution of a node costs 0.01 credit besides"
            .to_owned(),
    ] {
        assert!(text.contains(&part), "{text}");
    }
    // What is being cancelled is waited for, whatever it has spent.
    let finished = client.batch(batch).wait().max_credits(3.5).await.unwrap();
    assert_eq!(finished.outcome(), Outcome::Cancelled);
    assert!(finished.batch().executed_runs_count < 60);
    let requests = sandbox.requests();
    let cancels = requests
        .iter()
        .filter(|request| request.operation.as_deref() == Some("cancel_batch"));
    assert_eq!(cancels.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_is_kept_changes_nothing() {
    let (sandbox, client) = Checked::start().await;
    let batch = start(&client, sandbox.fixtures().tool_workflow_uuid, 5).await;
    let finished = client.watch(batch).max_credits(1000.0).await.unwrap();
    assert_eq!(finished.outcome(), Some(Outcome::Succeeded));
    // What has ended can't be cancelled.
    let again = client.watch(batch).max_credits(0.0).await.unwrap();
    assert_eq!(again, finished);
    assert!(finished.credits_used_count > 0.0);
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_that_fails_is_said() {
    let (sandbox, client) = Checked::start().await;
    let batch = start(&client, sandbox.fixtures().unstoppable_workflow_uuid, 60).await;
    let mut watch = client.watch(batch).max_credits(1.0);
    let error = loop {
        if let Err(error) = watch.next().await.unwrap() {
            break error;
        }
    };
    assert!(watch.next().await.is_none());
    assert_eq!(error.kind(), ErrorKind::CreditsExceeded);
    let text = format!("{error:#}");
    for part in [
        "could not be cancelled",
        "cancel_batch",
        "failedToStart",
        "Cancel the batch: until then it continues and spends credits",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("is being cancelled"), "{text}");
}

/// A server whose batch stands as `state` says; a cancellation gets the response of `cancel`.
async fn server(
    state: impl Fn(&Seen) -> Value + Send + Sync + 'static,
    cancel: impl Fn(&Seen) -> axum::http::Response<axum::body::Body> + Send + Sync + 'static,
) -> Script {
    Script::start(move |seen| match seen.line.starts_with("POST") {
        true => cancel(seen),
        false => json(value!({ "batch": batch(state(seen)) })),
    })
    .await
}

fn running(credits: f64) -> Value {
    value!({ "status": "running", "runsCount": 9, "creditsUsedCount": credits })
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_ends_before_it_is_cancelled_has_ended() {
    let script = server(
        |seen| match seen.number {
            0 => running(7.0),
            _ => value!({ "status": "success", "runsCount": 9, "creditsUsedCount": 8 }),
        },
        |_| {
            let mut refused = json(value!({ "reason": "batchAlreadyFinished" }));
            *refused.status_mut() = axum::http::StatusCode::BAD_REQUEST;
            refused
        },
    )
    .await;
    let done = script.client().watch(id()).max_credits(5.0).await.unwrap();
    assert_eq!(done.status, BatchStatus::Success);
    assert_eq!(script.seen().len(), 3);
    // The poll after it is at once.
    assert!(script.seen()[2].at < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn the_limit_is_what_may_be_spent_and_nothing_is_less_than_nothing() {
    for (limit, spent, is_cancelled) in [
        (5.0, 5.0, false),
        (5.0, 5.01, true),
        (0.0, 0.0, false),
        (0.0, 0.01, true),
        (-1.0, 0.0, false),
        (-1.0, 0.01, true),
        (f64::NAN, 0.01, true),
        (f64::INFINITY, 1e300, false),
    ] {
        let script = server(
            move |seen| match seen.number {
                0 => running(spent),
                _ => value!({ "status": "success" }),
            },
            |_| json(value!({})),
        )
        .await;
        let ended = script.client().watch(id()).max_credits(limit).await;
        assert_eq!(ended.is_err(), is_cancelled, "{limit} {spent}");
        assert_eq!(script.seen_at(CANCEL).len(), usize::from(is_cancelled));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_is_sent_once_also_where_the_watch_cancels_when_it_is_dropped() {
    let script = server(|_| running(7.0), |_| json(value!({}))).await;
    let watch = script.client().watch(id()).max_credits(5.0);
    watch.cancel_on_drop(true).await.unwrap_err();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(script.seen_at(CANCEL).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_dropped_while_it_cancels_has_it_cancelled() {
    let script = server(
        |_| running(7.0),
        // The first is refused for now, and repeated after a delay.
        |seen| match seen.number {
            1 => status(503),
            _ => json(value!({})),
        },
    )
    .await;
    let mut watch = script.client().watch(id()).max_credits(5.0);
    tokio::select! {
        biased;
        state = watch.next() => panic!("{state:?}"),
        () = async {
            while script.seen_at(CANCEL).is_empty() {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    drop(watch);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(script.seen_at(CANCEL).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_saved_watch_keeps_its_limit() {
    let script = server(|_| running(7.0), |_| json(value!({}))).await;
    let client = script.client();
    let saved = client.watch(id()).max_credits(6.5).save();
    let text = serde_json::to_string(&saved).unwrap();
    let read: SavedWatch = serde_json::from_str(&text).unwrap();
    assert_eq!(read.max_credits, Some(6.5));
    let error = client.resume(read).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CreditsExceeded);
    assert!(error.to_string().contains("limit of 6.5"), "{error}");
    // One that was saved without a limit has none.
    let old: SavedWatch = serde_json::from_value(value!({ "batch": uuid(1) })).unwrap();
    assert_eq!(old.max_credits, None);
    assert_eq!(client.watch(id()).save().max_credits, None);
}

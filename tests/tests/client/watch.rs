//! Waiting: when it looks, what it hands over, when it ends.

use std::time::Duration;

use cargo_batch_client::types::{BatchStatus, BatchUuid, Outcome};
use cargo_batch_client::{ErrorKind, SavedWatch};
use cargo_batch_tests::script::{Script, Seen, batch, html, json, status, uuid};
use serde_json::{Value, json as value};

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

/// A server whose batch stands as `state` says of the request.
async fn server(state: impl Fn(&Seen) -> Value + Send + Sync + 'static) -> Script {
    Script::start(move |seen| json(value!({ "batch": batch(state(seen)) }))).await
}

/// How long after each other the looks came, in seconds.
fn gaps(script: &Script) -> Vec<f64> {
    let times: Vec<f64> = script
        .seen()
        .iter()
        .map(|seen| seen.at.as_secs_f64())
        .collect();
    times.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

fn is_about(seconds: f64, expected: f64) -> bool {
    (seconds - expected).abs() <= expected * 0.1 + 0.01
}

#[tokio::test(start_paused = true)]
async fn the_first_look_is_immediate_and_the_next_ones_at_the_pace_of_the_api() {
    let script = server(|seen| match seen.number {
        0..3 => value!({ "status": "running" }),
        _ => value!({ "status": "success", "failedRunsCount": 0 }),
    })
    .await;
    let done = script.client().watch(id()).await.unwrap();
    assert_eq!(done.outcome(), Some(Outcome::Succeeded));
    assert_eq!(script.seen()[0].at, Duration::ZERO);
    let gaps = gaps(&script);
    assert_eq!(gaps.len(), 3);
    assert!(gaps.iter().all(|gap| is_about(*gap, 5.0)), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn each_state_is_handed_over_before_the_pause() {
    let script = server(|seen| match seen.number {
        0 => value!({ "status": "pending" }),
        1 => value!({ "status": "running" }),
        _ => value!({ "status": "success" }),
    })
    .await;
    let mut watch = script.client().watch(id());
    let start = tokio::time::Instant::now();
    assert_eq!(
        watch.next().await.unwrap().unwrap().status,
        BatchStatus::Pending
    );
    assert_eq!(start.elapsed(), Duration::ZERO);
    assert_eq!(
        watch.next().await.unwrap().unwrap().status,
        BatchStatus::Running
    );
    assert!(is_about(start.elapsed().as_secs_f64(), 5.0));
    assert_eq!(
        watch.next().await.unwrap().unwrap().status,
        BatchStatus::Success
    );
    assert!(watch.next().await.is_none());
    assert!(watch.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn large_batches_are_looked_at_less_often_after_the_first_minute() {
    for (runs, slow) in [(999, 5.0), (1000, 15.0)] {
        let script = server(move |seen| match seen.at.as_secs() {
            0..150 => value!({ "status": "running", "runsCount": runs }),
            _ => value!({ "status": "success" }),
        })
        .await;
        script.client().watch(id()).await.unwrap();
        let gaps = gaps(&script);
        assert!(gaps[..8].iter().all(|gap| is_about(*gap, 5.0)), "{gaps:?}");
        assert!(
            is_about(gaps[gaps.len() - 1], slow),
            "{runs} runs: {gaps:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn looks_are_jittered() {
    let script = server(|seen| match seen.number {
        0..20 => value!({ "status": "running" }),
        _ => value!({ "status": "success" }),
    })
    .await;
    script.client().watch(id()).await.unwrap();
    let mut gaps: Vec<u64> = gaps(&script)
        .iter()
        .map(|gap| (gap * 1000.0) as u64)
        .collect();
    gaps.sort_unstable();
    gaps.dedup();
    assert!(gaps.len() > 10, "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_status_is_named_and_waited_through() {
    let script = server(|seen| match seen.number {
        0 => value!({ "status": "reticulating" }),
        1 => value!({ "status": "reticulating", "finishedAt": "2026-01-15T11:00:00.000Z" }),
        _ => panic!("it had finished"),
    })
    .await;
    let mut watch = script.client().watch(id());
    let first = watch.next().await.unwrap().unwrap();
    assert_eq!(first.status.as_str(), "reticulating");
    assert_eq!(watch.save().last_status, Some("reticulating".into()));
    let last = watch.next().await.unwrap().unwrap();
    assert_eq!(last.outcome(), Some(Outcome::Other("reticulating".into())));
    assert!(watch.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn every_way_to_end_has_its_outcome() {
    for (state, outcome) in [
        (
            value!({ "status": "success", "failedRunsCount": 0 }),
            Outcome::Succeeded,
        ),
        (
            value!({ "status": "success", "failedRunsCount": 2, "runsCount": 9 }),
            Outcome::PartlyFailed { failed: 2, runs: 9 },
        ),
        (
            value!({ "status": "error", "errorMessage": "no" }),
            Outcome::Failed(Some("no".into())),
        ),
        (value!({ "status": "cancelled" }), Outcome::Cancelled),
        (value!({ "status": "skipped" }), Outcome::Skipped),
    ] {
        let script = server(move |_| state.clone()).await;
        let done = script.client().watch(id()).await.unwrap();
        assert_eq!(done.outcome(), Some(outcome));
        assert_eq!(script.seen().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_the_waiting_with_a_last_look() {
    let script = server(|_| value!({ "status": "running" })).await;
    let start = tokio::time::Instant::now();
    let error = script
        .client()
        .watch(id())
        .deadline(Duration::from_secs(12))
        .await
        .unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(12));
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(error.to_string().contains("running"), "{error}");
    assert_eq!(script.seen().last().unwrap().at, Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_leaves_one_look() {
    let script = server(|_| value!({ "status": "success" })).await;
    let watch = script.client().watch(id()).deadline(Duration::ZERO);
    assert_eq!(watch.await.unwrap().status, BatchStatus::Success);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_asks_for_a_long_pause_gets_it() {
    let script = Script::start(|seen| match seen.number {
        0 => {
            let mut answer = status(503);
            let headers = answer.headers_mut();
            headers.insert("retry-after", "120".parse().unwrap());
            answer
        }
        _ => json(value!({ "batch": batch(value!({ "status": "success" })) })),
    })
    .await;
    script.client().watch(id()).await.unwrap();
    // The call doesn't wait for so long, but the watch does.
    assert_eq!(gaps(&script), [120.0]);
}

#[tokio::test(start_paused = true)]
async fn it_shows_which_batch_it_is_about() {
    let script = server(|_| value!({ "status": "running" })).await;
    let mut watch = script.client().watch(id());
    watch.next().await.unwrap().unwrap();
    let shown = format!("{watch:?}");
    assert!(shown.contains(&id().to_string()), "{shown}");
    assert!(shown.contains("Running"), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_through() {
    let script = Script::start(|seen| match seen.at.as_secs() {
        0..3 => json(value!({ "batch": batch(value!({ "status": "running" })) })),
        3..300 => status(503),
        _ => json(value!({ "batch": batch(value!({ "status": "success" })) })),
    })
    .await;
    let done = script.client().watch(id()).await.unwrap();
    assert_eq!(done.status, BatchStatus::Success);
}

#[tokio::test(start_paused = true)]
async fn after_an_answer_patience_begins_anew() {
    let script = Script::start(|seen| match seen.at.as_secs() {
        3..400 | 450..900 => status(503),
        at => json(value!({ "batch": batch(value!({
            "status": if at < 900 { "running" } else { "success" },
        })) })),
    })
    .await;
    let done = script.client().watch(id()).await.unwrap();
    assert_eq!(done.status, BatchStatus::Success);
}

#[tokio::test(start_paused = true)]
async fn the_page_of_a_proxy_is_waited_through() {
    let script = Script::start(|seen| match seen.at.as_secs() {
        3..300 => html(),
        at => json(value!({ "batch": batch(value!({
            "status": if at < 300 { "running" } else { "success" },
        })) })),
    })
    .await;
    let done = script.client().watch(id()).await.unwrap();
    assert_eq!(done.status, BatchStatus::Success);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_away_is_an_error_in_the_end() {
    let script = Script::start(|_| status(503)).await;
    let start = tokio::time::Instant::now();
    let error = script.client().watch(id()).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 503);
    let waited = start.elapsed().as_secs();
    assert!((600..700).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_not_there_is_not_waited_for() {
    let script = Script::start(|_| status(404)).await;
    let error = script.client().watch(id()).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 404);
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_saved_watch_is_gone_on_with() {
    let script = server(|seen| match seen.number {
        0..40 => value!({ "status": "running", "runsCount": 5000 }),
        _ => value!({ "status": "success" }),
    })
    .await;
    let client = script.client();
    let mut watch = client.watch(id()).deadline(Duration::from_secs(3600));
    for _ in 0..15 {
        watch.next().await.unwrap().unwrap();
    }
    let text = serde_json::to_string(&watch.save()).unwrap();
    drop(watch);
    let saved: SavedWatch = serde_json::from_str(&text).unwrap();
    assert_eq!(saved.batch, id());
    assert!(saved.watched_for > Duration::from_secs(60));
    let before = script.seen().len();
    let mut watch = client.resume(saved);
    watch.next().await.unwrap().unwrap();
    watch.next().await.unwrap().unwrap();
    let seen = script.seen();
    let gap = (seen[before + 1].at - seen[before].at).as_secs_f64();
    assert!(is_about(gap, 15.0), "the slower pace is remembered: {gap}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_watch_cancels_only_when_it_is_told_to() {
    for cancel in [false, true] {
        let script = Script::start(|seen| match seen.line.starts_with("POST") {
            true => json(value!({})),
            false => json(value!({ "batch": batch(value!({ "status": "running" })) })),
        })
        .await;
        let mut watch = script.client().watch(id()).cancel_on_drop(cancel);
        watch.next().await.unwrap().unwrap();
        drop(watch);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let cancelled = format!("POST /v1/orchestration/batches/{}/cancel", id());
        assert_eq!(script.seen_at(&cancelled).len(), usize::from(cancel));
    }
}

#[tokio::test(start_paused = true)]
async fn a_finished_batch_is_not_cancelled_on_drop() {
    let script = server(|_| value!({ "status": "success" })).await;
    script
        .client()
        .watch(id())
        .cancel_on_drop(true)
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(script.seen().len(), 1);
}

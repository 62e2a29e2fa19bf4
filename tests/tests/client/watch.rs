//! Waiting: when it looks, what it hands over, when it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cargo_batch_client::types::{BatchStatus, BatchUuid, Outcome};
use cargo_batch_client::{Client, ErrorKind, SavedWatch, TokenFuture, TokenProvider};
use cargo_batch_tests::script::{Script, Seen, TOKEN, batch, html, json, status, uuid};
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
    let gaps = gaps(&script);
    assert!(
        gaps.len() == 1 && (120.0..132.1).contains(&gaps[0]),
        "{gaps:?}"
    );
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

/// Each call of a poll repeats by itself; between those the interval grows.
#[tokio::test(start_paused = true)]
async fn a_server_that_fails_is_polled_less_often() {
    let mut policy = cargo_batch_client::RetryPolicy::default();
    policy.max_attempts = 2;
    let script = Script::start(|_| status(500)).await;
    let client = script.builder().retry(policy).build().unwrap();
    let watch = client.watch(id()).deadline(Duration::from_secs(300));
    watch.await.unwrap_err();
    let gaps = gaps(&script);
    let between: Vec<f64> = gaps.into_iter().filter(|gap| *gap > 1.0).collect();
    assert!(between.len() > 20, "{between:?}");
    let last = between.len() - 1;
    assert!(
        between[..last].iter().all(|gap| *gap > 8.0 && *gap < 10.1),
        "{between:?}"
    );
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
async fn a_batch_is_not_there_when_three_polls_in_a_row_say_so() {
    for answer in [
        || status(404),
        || status(410),
        || {
            let mut answer = json(value!({ "reason": "batchNotFound" }));
            *answer.status_mut() = axum::http::StatusCode::BAD_REQUEST;
            answer
        },
    ] {
        let script = Script::start(move |_| answer()).await;
        let error = script.client().watch(id()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Status);
        assert_eq!(script.seen().len(), 3);
        let text = error.to_string();
        assert!(text.contains(&id().to_string()), "{text}");
        assert!(text.contains("poll 3 after"), "{text}");
    }
    // As with a copy of the database that is behind, at the beginning and in between.
    let script = Script::start(|seen| match seen.number {
        0 | 1 | 3 | 4 | 6 => status(404),
        number => json(value!({ "batch": batch(value!({
            "status": if number < 8 { "running" } else { "success" },
        })) })),
    })
    .await;
    let finished = script.client().batch(id()).wait().await.unwrap();
    assert_eq!(finished.batch().status, BatchStatus::Success);
    assert_eq!(script.seen().len(), 9);
    // Anything else that is refused is not asked for again.
    let script = Script::start(|_| status(403)).await;
    script.client().watch(id()).await.unwrap_err();
    assert_eq!(script.seen().len(), 1);
}

/// A server that responds to the first polls, and then never again.
async fn stalls(after: usize) -> Script {
    Script::start(move |seen| {
        let mut response = json(value!({ "batch": batch(value!({ "status": "running" })) }));
        if seen.number >= after {
            // A body that never ends.
            *response.body_mut() = axum::body::Body::from_stream(futures_util::stream::pending::<
                Result<Vec<u8>, std::io::Error>,
            >());
            response.headers_mut().remove("content-length");
        }
        response
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_deadline_also_ends_a_poll_in_flight() {
    for responses in [0, 1, 2] {
        for seconds in [1, 3, 7, 12] {
            let deadline = Duration::from_secs(seconds);
            let script = stalls(responses).await;
            let client = script.client();
            let begin = tokio::time::Instant::now();
            let error = client.watch(id()).deadline(deadline).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error:?}");
            assert_eq!(begin.elapsed().as_secs(), seconds, "{responses} responses");
            assert!(error.to_string().contains(&id().to_string()), "{error}");

            let script = stalls(responses).await;
            let begin = tokio::time::Instant::now();
            let wait = script.client().batch(id()).wait().deadline(deadline);
            let error = wait.await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error:?}");
            assert_eq!(begin.elapsed().as_secs(), seconds);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_also_ends_the_retries_of_an_outage() {
    let script = Script::start(|_| status(503)).await;
    let begin = tokio::time::Instant::now();
    let watch = script
        .client()
        .watch(id())
        .deadline(Duration::from_secs(30));
    let error = watch.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error:?}");
    assert_eq!(begin.elapsed().as_secs(), 30);
}

#[tokio::test(start_paused = true)]
async fn one_expression_waits_with_progress_and_has_what_comes_then() {
    let script = server(|seen| match seen.number {
        0..3 => value!({ "status": "running", "executedRunsCount": seen.number }),
        _ => value!({ "status": "success", "runsCount": 3, "failedRunsCount": 1 }),
    })
    .await;
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let tells = told.clone();
    let finished = script
        .client()
        .batch(id())
        .wait()
        .deadline(Duration::from_secs(60))
        .interval(Duration::from_secs(2))
        .on_progress(move |batch| tells.lock().unwrap().push(batch.status.clone()))
        .await
        .unwrap();
    assert_eq!(
        finished.outcome(),
        Outcome::PartlyFailed { failed: 1, runs: 3 }
    );
    use BatchStatus::{Running, Success};
    assert_eq!(*told.lock().unwrap(), [Running, Running, Running, Success]);
    assert!(gaps(&script).iter().all(|gap| is_about(*gap, 2.0)));
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_ends_early_cancels_its_batch_if_it_is_to() {
    let cancelled = format!("POST /v1/orchestration/batches/{}/cancel", id());
    for is_refused in [false, true] {
        let script = Script::start(move |seen| match seen.line.starts_with("POST") {
            true => json(value!({})),
            false if is_refused => status(403),
            false => json(value!({ "batch": batch(value!({ "status": "running" })) })),
        })
        .await;
        let client = script.client();
        let deadline = Duration::from_secs(10);
        let watch = client.watch(id()).deadline(deadline).cancel_on_drop(true);
        watch.await.unwrap_err();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(script.seen_at(&cancelled).len(), 1);
        let wait = client.batch(id()).wait().deadline(deadline);
        wait.cancel_on_drop(true).await.unwrap_err();
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(script.seen_at(&cancelled).len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_can_not_be_had_for_a_while_ends_no_wait() {
    struct Flaky(AtomicUsize);
    impl TokenProvider for Flaky {
        fn token(&self) -> TokenFuture<'_> {
            let count = self.0.fetch_add(1, Ordering::SeqCst);
            Box::pin(async move {
                match count {
                    1 | 2 => Err("the vault is sealed".into()),
                    _ => Ok(TOKEN.to_owned().into()),
                }
            })
        }
    }

    let script = Script::start(|seen| match seen.number {
        1 | 2 => status(401),
        number => json(value!({ "batch": batch(value!({
            "status": if number == 0 { "running" } else { "success" },
        })) })),
    })
    .await;
    let client = Client::builder_with_token_provider(Flaky(0.into())).base_url(script.base_url());
    let client = client.build().unwrap();
    let batch = client.watch(id()).await.unwrap();
    assert_eq!(batch.status, BatchStatus::Success);
    // At the beginning it is an error: it may never work.
    let client = Client::builder_with_token_provider(Flaky(1.into())).base_url(script.base_url());
    let client = client.build().unwrap();
    let error = client.watch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_never_reached_is_an_error_soon() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = nobody.local_addr().unwrap();
    drop(nobody);
    let client = Client::builder("token")
        .base_url(format!("http://{address}/v1"))
        .build()
        .unwrap();
    let begin = tokio::time::Instant::now();
    let error = client.batch(id()).wait().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    let error = client.watch_many([id()]).next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect, "{error:?}");
    assert!(
        begin.elapsed() < Duration::from_secs(60),
        "{:?}",
        begin.elapsed()
    );
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

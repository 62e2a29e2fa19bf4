//! What a response with 429 does: to its call, to others, to watches, attempts and the budget.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::RetryPolicy;
use cargo_batch_client::types::BatchUuid;
use cargo_batch_tests::script::{Script, batch, json, status, uuid};
use futures_util::StreamExt;
use serde_json::json as value;
use tokio::time::Instant;

use super::{CREATE, at_once, get, id, one_batch, read, refused, request};

/// One delay for all clones, as long as is asked for.
#[tokio::test(start_paused = true)]
async fn a_retry_after_delays_all_clones() {
    let script = Script::start(|seen| match seen.number {
        0 => refused(Some(10)),
        _ => one_batch(),
    })
    .await;
    let client = script.client();
    let first = tokio::spawn({
        let client = client.clone();
        async move { read(client, 0).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let other = client.with_timeout(Duration::from_secs(60));
    let others = at_once(&other.with_retry(RetryPolicy::never()), 20, read).await;
    first.await.unwrap().unwrap();
    for done in others {
        done.unwrap();
    }
    let times: Vec<f64> = script
        .seen()
        .iter()
        .map(|seen| seen.at.as_secs_f64())
        .collect();
    assert_eq!(times.len(), 22);
    assert!(times[1..].iter().all(|at| *at >= 10.0), "{times:?}");
    // Not all at once, and not long after.
    assert!(times[21] - times[1] > 0.1 && times[21] < 13.0, "{times:?}");
    // A call that has less time isn't sent, and says why at once.
    let script = Script::start(|_| refused(Some(50))).await;
    let client = script.client();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { read(client, 0).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    let hasty = client.with_timeout(Duration::from_secs(10));
    let error = hasty.create_batch(request(0)).await.unwrap_err();
    assert_eq!((start.elapsed(), script.seen().len()), (Duration::ZERO, 1));
    assert!(!error.is_ambiguous() && error.is_retryable());
    assert_eq!(error.attempts(), 0);
    assert!(error.to_string().contains("429"), "{error}");
    waiting.abort();
}

/// A call that was refused, and then held up by what another one was asked for, ends with its refusal.
#[tokio::test(start_paused = true)]
async fn a_delayed_call_ends_with_its_own_429() {
    let script = Script::start(|seen| refused(Some([1, 50][seen.number.min(1)]))).await;
    let client = script.client().with_timeout(Duration::from_secs(10));
    let (first, other) = tokio::join!(client.get_batch(id()).into_future(), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        client
            .with_timeout(Duration::from_secs(180))
            .get_batch(id())
            .await
    });
    let (first, other) = (first.unwrap_err(), other.unwrap_err());
    for error in [first, other] {
        assert_eq!(error.status().unwrap().as_u16(), 429, "{error:#}");
        assert!(error.retry_after().is_some());
    }
}

/// 429 takes nothing from the budget, and isn't an attempt; a failure is and does.
#[tokio::test(start_paused = true)]
async fn being_throttled_is_not_failing() {
    let mut policy = RetryPolicy::default();
    (policy.budget, policy.max_attempts) = (0, 2);
    let script = Script::start(|seen| match seen.number {
        0..9 => refused(None),
        _ => one_batch(),
    })
    .await;
    let client = script.builder().retry(policy.clone()).build().unwrap();
    client.get_batch(id()).await.unwrap();
    assert_eq!(script.seen().len(), 10);
    for code in [408, 425, 500, 502, 503, 504, 507, 520, 599] {
        let script = Script::start(move |_| status(code)).await;
        let client = script.builder().retry(policy.clone()).build().unwrap();
        let error = client.get_batch(id()).await.unwrap_err();
        assert_eq!((error.attempts(), script.seen().len()), (1, 1), "{code}");
        assert!(error.to_string().contains("RetryPolicy::budget"), "{error}");
    }
    // What won't be other the next time takes nothing, and isn't repeated.
    for code in [400, 404, 501, 505] {
        let script = Script::start(move |_| status(code)).await;
        let error = script.client().get_batch(id()).await.unwrap_err();
        assert_eq!((error.attempts(), script.seen().len()), (1, 1), "{code}");
        assert!(!error.to_string().contains("budget"), "{error}");
    }
    // Never means never, for 429 as well.
    let script = Script::start(|_| refused(None)).await;
    let client = script.client().with_retry(RetryPolicy::never());
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!((error.attempts(), script.seen().len()), (1, 1));
}

/// The policy of one call has no say over the budget of all.
#[tokio::test(start_paused = true)]
async fn another_policy_leaves_the_budget_alone() {
    let script = Script::start(|seen| match seen.line == get(1) {
        true => one_batch(),
        false => status(500),
    })
    .await;
    let client = script.client();
    let mut other = RetryPolicy::default();
    other.budget = 0;
    let other = client.with_retry(other);
    other.get_batch(id()).await.unwrap();
    let failing: BatchUuid = uuid(2).parse().unwrap();
    let error = other.get_batch(failing).await.unwrap_err();
    assert_eq!(error.attempts(), 6);
    let error = client.get_batch(failing).await.unwrap_err();
    assert_eq!(error.attempts(), 6);
}

/// A watch that receives 429 polls less often, not more.
#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_slows_down() {
    for after in [None, Some(30)] {
        let script = Script::start(move |seen| match seen.at.as_secs() {
            60..360 => refused(after),
            _ => json(value!({ "batch": batch(value!({ "status": "running" })) })),
        })
        .await;
        let mut watch = script.client().watch(id());
        let end = Instant::now() + Duration::from_secs(600);
        while let Ok(state) = tokio::time::timeout_at(end, watch.next()).await {
            state.unwrap().unwrap();
        }
        let times: Vec<f64> = script
            .seen()
            .iter()
            .map(|seen| seen.at.as_secs_f64())
            .collect();
        let between =
            |from: f64, to: f64| times.iter().filter(|at| (from..to).contains(*at)).count();
        let (before, refused, later) = (
            between(0.0, 60.0),
            between(100.0, 340.0),
            between(400.0, 580.0),
        );
        assert!((11..=13).contains(&before), "{times:?}");
        // Soon at first, and then less often.
        assert!(between(60.0, 90.0) <= 9, "{times:?}");
        // In 240 seconds it would be 48.
        let least = match after {
            Some(_) => 7..=8,
            None => 20..=32,
        };
        assert!(least.contains(&refused), "{refused}: {times:?}");
        assert!((33..=39).contains(&later), "{later}: {times:?}");
    }
}

/// Storage asks for fewer requests with 429, or as S3 does with 503 and a code.
#[tokio::test(start_paused = true)]
async fn storage_that_is_throttled_is_waited_for() {
    let slow_down = || {
        let mut response = status(503);
        *response.body_mut() = Body::from("<Error><Code>SlowDown</Code></Error>");
        response
    };
    let mut policy = RetryPolicy::default();
    (policy.budget, policy.max_attempts) = (0, 2);
    for is_s3 in [false, true] {
        let storage = Script::start(move |seen| match seen.number {
            0..9 if is_s3 => slow_down(),
            0..9 => refused(None),
            _ => Response::new(Body::from("email\na@example.com\n")),
        })
        .await;
        let link = format!("{}/r.csv", storage.base_url());
        let api = Script::start(move |_| json(value!({ "url": link }))).await;
        let client = api.builder().retry(policy.clone()).build().unwrap();
        let mut whole = Vec::new();
        let download = client.batch(id()).download();
        download.to_writer(&mut whole).await.unwrap();
        assert_eq!((whole.len(), storage.seen().len()), (20, 10));
    }
    // Not for ever.
    let storage = Script::start(|_| refused(None)).await;
    let link = format!("{}/r.csv", storage.base_url());
    let api = Script::start(move |_| json(value!({ "url": link }))).await;
    let start = Instant::now();
    let download = api.client().batch(id()).download();
    let error = download.to_writer(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 429);
    assert_eq!(error.attempts() as usize, storage.seen().len());
    let elapsed = start.elapsed().as_secs();
    // The last one begins before the time is up.
    assert!((100..=190).contains(&elapsed), "{elapsed}");
}

/// All that was sent for one call is reported: refusals, renewed tokens, the requests of a creation.
#[tokio::test(start_paused = true)]
async fn an_error_tells_all_attempts() {
    let script = Script::start(|seen| match seen.number {
        0 | 2 => refused(None),
        1 => status(502),
        _ => status(404),
    })
    .await;
    let error = script.client().get_batch(id()).await.unwrap_err();
    assert_eq!((error.attempts(), script.seen().len()), (4, 4));
    // Each request of the creation is lost, and nothing was created.
    let script = Script::start(|seen| match seen.line.as_str() {
        CREATE => status(502),
        _ => json(value!({ "batches": [] })),
    })
    .await;
    let client = script.client();
    let error = client.create_batch_once(request(0)).await.unwrap_err();
    assert_eq!(script.seen_at(CREATE).len(), 5);
    assert_eq!(error.attempts(), 5);
    assert!(!error.is_ambiguous(), "{error}");
    // A watch that gives up tells those of all its polls since it failed.
    let script = Script::start(|seen| match seen.number {
        0 => json(value!({ "batch": batch(value!({ "status": "running" })) })),
        _ => status(500),
    })
    .await;
    let error = script.client().watch(id()).await.unwrap_err();
    assert_eq!(error.attempts() as usize, script.seen().len() - 1);
    assert!(error.elapsed() >= Duration::from_secs(600));
}

/// A storage that has refused many requests and redirects the next ones to another host isn't slow any more.
#[tokio::test(start_paused = true)]
async fn a_redirect_is_no_refusal() {
    let file = Script::start(|_| Response::new(Body::from("email\na@example.com\n"))).await;
    let target = format!("{}/r.csv", file.base_url());
    let storage = Script::start(move |seen| match seen.number {
        0..30 => refused(None),
        _ => {
            let mut response = status(302);
            response
                .headers_mut()
                .insert("location", target.parse().unwrap());
            response
        }
    })
    .await;
    let link = format!("{}/r.csv", storage.base_url());
    let api = Script::start(move |_| json(value!({ "url": link }))).await;
    let client = api.client();
    let mut longest = Duration::ZERO;
    for number in 0..40 {
        let start = Instant::now();
        let download = client.batch(id()).download();
        download.to_writer(&mut Vec::new()).await.unwrap();
        if number >= 30 {
            longest = longest.max(start.elapsed());
        }
    }
    assert!(longest < Duration::from_millis(50), "{longest:?}");
}

/// A 429 is one by its status, whatever became of its body.
#[tokio::test(start_paused = true)]
async fn a_429_that_is_cut_is_one() {
    let script = Script::start(|seen| match seen.number {
        0..9 => {
            let cut = futures_util::stream::iter([Some("{\"errorMessage\":"), None]);
            let cut = cut.then(async |chunk| {
                tokio::time::sleep(Duration::from_millis(1)).await;
                chunk.ok_or_else(|| std::io::Error::other("cut"))
            });
            let mut response = Response::new(Body::from_stream(cut));
            *response.status_mut() = axum::http::StatusCode::TOO_MANY_REQUESTS;
            response
        }
        _ => one_batch(),
    })
    .await;
    let client = script.client();
    client.create_batch(request(0)).await.unwrap();
    assert_eq!(script.seen_at(CREATE).len(), 10);
}

/// What a server asks for is bounded by the caller's own policy, and never more than a call waits.
#[tokio::test(start_paused = true)]
async fn no_retry_after_holds_up_others_or_ends_in_a_panic() {
    for (asked, attempts) in [
        // Longer than the policy permits: an error, and no delay for others.
        ("61", 1),
        ("18446744073709551615", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1),
        // Not a time.
        ("99999999999999999999999999", 2),
        ("-1", 2),
        ("1e9", 2),
        ("Sat, 01 Jan 0000 00:00:00 GMT", 2),
    ] {
        let script = Script::start(move |seen| match seen.number {
            0 => {
                let mut response = refused(None);
                let headers = response.headers_mut();
                headers.insert("retry-after", asked.parse().unwrap());
                response
            }
            _ => one_batch(),
        })
        .await;
        let client = script.client();
        let start = Instant::now();
        let done = client.get_batch(id()).await;
        assert_eq!(done.is_ok(), attempts == 2, "{asked}");
        client.get_batch(id()).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(1), "{asked}");
        // Without any limit it is waited for, or beyond all time; others still keep to their own.
        let mut policy = RetryPolicy::default();
        (policy.max_retry_after, policy.base_delay) = (Duration::MAX, Duration::MAX);
        let script = Script::start(move |_| {
            let mut response = refused(None);
            let headers = response.headers_mut();
            headers.insert("retry-after", asked.parse().unwrap());
            response
        })
        .await;
        let client = script.builder().timeout(Duration::MAX).retry(policy);
        let client = client.build().unwrap();
        let waiting = tokio::time::timeout(Duration::from_secs(3600), client.get_batch(id()));
        let waited = waiting.await.ok();
        let is_beyond_all_time = asked.len() > 19 && attempts == 1;
        assert_eq!(waited.is_some(), is_beyond_all_time, "{asked}");
        let hasty = client.with_timeout(Duration::from_secs(10));
        let start = Instant::now();
        let error = hasty.get_batch(id()).await.unwrap_err();
        assert!(start.elapsed() <= Duration::from_secs(10));
        assert!(error.to_string().contains("429"), "{error}");
    }
}

//! Lists: every item once, whatever the server does with its pages.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::{Batch, ListRunsRequest};
use cargo_batch_client::{Error, ErrorKind};
use cargo_batch_tests::script::{Script, Seen, batch, json, status, uuid};
use futures_util::stream;
use serde_json::{Value, json as value};

fn number(seen: &Seen, name: &str) -> usize {
    seen.values(name)
        .first()
        .map_or(0, |text| text.parse().unwrap())
}

fn batches(numbers: impl Iterator<Item = usize>) -> Value {
    let batches: Vec<Value> = numbers
        .map(|n| batch(value!({ "uuid": uuid(n) })))
        .collect();
    value!({ "batches": batches })
}

async fn read(script: &Script) -> Result<Vec<Batch>, Error> {
    script.client().list_batches().items().try_collect().await
}

#[tokio::test]
async fn pages_are_read_until_an_empty_one() {
    let script = Script::start(|seen| {
        let offset = number(seen, "offset");
        json(batches((0..250).skip(offset).take(number(seen, "limit"))))
    })
    .await;
    assert_eq!(read(&script).await.unwrap().len(), 250);
    let offsets: Vec<usize> = script
        .seen()
        .iter()
        .map(|seen| number(seen, "offset"))
        .collect();
    assert_eq!(offsets, [0, 100, 200, 250]);
    assert!(
        script
            .seen()
            .iter()
            .all(|seen| number(seen, "limit") == 100)
    );
}

#[tokio::test]
async fn a_server_with_a_smaller_limit_of_its_own_loses_nothing() {
    let script =
        Script::start(|seen| json(batches((0..45).skip(number(seen, "offset")).take(20)))).await;
    assert_eq!(read(&script).await.unwrap().len(), 45);
}

#[tokio::test]
async fn items_that_move_between_pages_come_once() {
    // A new batch is at the head of the list each time a page is read.
    let script = Script::start(|seen| {
        let newest = 1000 + seen.number;
        let list = (0..newest).rev().skip(number(seen, "offset"));
        json(batches(list.take(number(seen, "limit"))))
    })
    .await;
    let all = read(&script).await.unwrap();
    let mut ids: Vec<_> = all.iter().map(|batch| batch.uuid).collect();
    let read = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!((read, ids.len()), (1000, 1000));
}

#[tokio::test]
async fn a_page_with_nothing_new_is_not_handed_out() {
    let script = Script::start(|seen| {
        json(batches(match number(seen, "offset") {
            0 | 100 => 0..100,
            200 => 100..200,
            _ => 0..0,
        }))
    })
    .await;
    let client = script.client();
    let mut pages = client.list_batches().pages();
    let mut read = Vec::new();
    while let Some(page) = pages.next().await {
        read.push(page.unwrap().items.len());
    }
    assert_eq!((read, script.seen().len()), (vec![100, 100], 4));
}

#[tokio::test]
async fn the_same_page_for_ever_is_an_error() {
    let script = Script::start(|_| json(batches(0..100))).await;
    let error = read(&script).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidResponse);
    assert!(error.to_string().contains("doesn't end"), "{error}");
    assert_eq!(script.seen().len(), 4);
}

#[tokio::test]
async fn a_page_size_and_a_start_of_the_callers_own_are_kept() {
    let script = Script::start(|seen| {
        json(batches(
            (0..30)
                .skip(number(seen, "offset"))
                .take(number(seen, "limit")),
        ))
    })
    .await;
    let items = script
        .client()
        .list_batches()
        .limit(7)
        .offset(10)
        .items()
        .try_collect()
        .await
        .unwrap();
    assert_eq!((items.len(), items[0].uuid.to_string()), (20, uuid(10)));
    assert!(script.seen().iter().all(|seen| number(seen, "limit") == 7));
}

#[tokio::test]
async fn an_error_ends_the_list_and_says_so() {
    let script = Script::start(|seen| match number(seen, "offset") {
        0 => json(batches(0..100)),
        _ => status(400),
    })
    .await;
    let client = script.client();
    let mut items = client.list_batches().items();
    for _ in 0..100 {
        items.next().await.unwrap().unwrap();
    }
    assert_eq!(
        items
            .next()
            .await
            .unwrap()
            .unwrap_err()
            .status()
            .unwrap()
            .as_u16(),
        400
    );
    assert!(items.next().await.is_none());
}

fn run(n: usize) -> Value {
    value!({
        "uuid": uuid(n), "workspaceUuid": uuid(1), "workflowUuid": uuid(1), "temporalWorkflowId": "w",
        "recordId": "r", "recordTitle": "t", "contextS3Filename": "c", "computedConfigsS3Filename": "d",
        "status": "success", "executions": [], "createdAt": "2026-01-15T10:00:00.000Z",
        "updatedAt": "2026-01-15T10:00:00.000Z",
    })
}

#[tokio::test]
async fn a_total_spares_the_last_request() {
    let script = Script::start(|seen| {
        let body = seen.json();
        let number = |name: &str| body[name].as_u64().unwrap() as usize;
        let runs: Vec<Value> = (0..150)
            .skip(number("offset"))
            .take(number("limit"))
            .map(run)
            .collect();
        json(value!({ "runs": runs, "count": 150 }))
    })
    .await;
    let mut pages = script.client().list_runs(ListRunsRequest::new()).pages();
    let first = pages.next().await.unwrap().unwrap();
    assert_eq!((first.items.len(), first.total), (100, Some(150)));
    assert_eq!(pages.next().await.unwrap().unwrap().items.len(), 50);
    assert!(pages.next().await.is_none());
    assert_eq!(script.seen().len(), 2);
}

/// A page of a list of runs, with how many there are.
fn runs(seen: &Seen, list: impl ExactSizeIterator<Item = usize>) -> Value {
    let body = seen.json();
    let number = |name: &str| body[name].as_u64().unwrap() as usize;
    let count = list.len();
    let list = list.skip(number("offset")).take(number("limit"));
    value!({ "runs": list.map(run).collect::<Vec<_>>(), "count": count })
}

/// A response that takes 50 ms, and counts how many are in flight.
fn slow(body: Value, in_flight: &Arc<InFlight>) -> Response<Body> {
    let now = in_flight.now.fetch_add(1, Ordering::SeqCst) + 1;
    in_flight.most.fetch_max(now, Ordering::SeqCst);
    let in_flight = in_flight.clone();
    let (mut parts, _) = json(Value::Null).into_parts();
    parts.headers.remove("content-length");
    let text = stream::once(async move {
        tokio::time::sleep(Duration::from_millis(50)).await;
        in_flight.now.fetch_sub(1, Ordering::SeqCst);
        Ok::<_, std::io::Error>(body.to_string())
    });
    Response::from_parts(parts, Body::from_stream(text))
}

#[derive(Default)]
struct InFlight {
    now: AtomicUsize,
    most: AtomicUsize,
}

async fn numbers(script: &Script) -> Vec<String> {
    let items = script.client().list_runs(ListRunsRequest::new()).items();
    let runs = items.try_collect().await.unwrap();
    runs.iter().map(|run| run.uuid.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn pages_are_read_ahead_four_at_a_time_in_their_order() {
    let in_flight = Arc::new(InFlight::default());
    let counts = in_flight.clone();
    let script = Script::start(move |seen| slow(runs(seen, 0..5_000), &counts)).await;
    let begin = tokio::time::Instant::now();
    let all = numbers(&script).await;
    let took = begin.elapsed().as_millis();
    assert!(
        all.iter()
            .eq((0..5_000).map(uuid).collect::<Vec<_>>().iter())
    );
    assert_eq!(script.seen().len(), 50);
    assert_eq!(in_flight.most.load(Ordering::SeqCst), 4);
    // One after the other they take 2,500.
    assert!(took * 3 <= 2_500, "{took} ms");
}

#[tokio::test(start_paused = true)]
async fn no_page_is_read_ahead_of_the_first() {
    let script = Script::start(|seen| json(runs(seen, 0..5_000))).await;
    let mut pages = script.client().list_runs(ListRunsRequest::new()).pages();
    pages.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(script.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn runs_that_arrive_meanwhile_make_none_missing_and_none_twice() {
    // A new run is at the head of the list at each request, 50 in all. Every other page is, when it is asked
    // for first, of the list as it was five requests before.
    let asked = Mutex::new(HashSet::new());
    let script = Script::start(move |seen| {
        let offset = seen.json()["offset"].as_u64().unwrap();
        let is_first = asked.lock().unwrap().insert(offset);
        let lag = if is_first && offset % 200 == 100 {
            5
        } else {
            0
        };
        let new = seen.number.saturating_sub(lag).min(50);
        let list: Vec<usize> = (0..5_000 + new).rev().collect();
        json(runs(seen, list.into_iter()))
    })
    .await;
    let all = numbers(&script).await;
    let unique: HashSet<&String> = all.iter().collect();
    assert_eq!(unique.len(), all.len(), "one came twice");
    let missing: Vec<usize> = (0..5_000).filter(|n| !unique.contains(&uuid(*n))).collect();
    assert!(missing.is_empty(), "{missing:?}");
    let seen = script.seen().len();
    assert!(seen > 51 && seen < 300, "{seen}");
}

#[tokio::test(start_paused = true)]
async fn reading_ahead_uses_the_servers_page_size_and_repeats_errors() {
    // It gives 40 at most, and the third page fails when it is asked for first, in a way that isn't repeated.
    let asked = Mutex::new(HashSet::new());
    let script = Script::start(move |seen| {
        let mut body = seen.json();
        let offset = body["offset"].as_u64().unwrap();
        if asked.lock().unwrap().insert(offset) && offset == 80 {
            return status(403);
        }
        body["limit"] = 40.into();
        let mut seen = seen.clone();
        seen.body = body.to_string().into();
        json(runs(&seen, 0..1_010))
    })
    .await;
    assert_eq!(numbers(&script).await.len(), 1_010);
}

/// A list with batches 0 to 4 and runs, of which number 2 can't be read.
fn with_an_odd_one(seen: &Seen, odd: &Value) -> Value {
    let mut list = batches((0..5).skip(number(seen, "offset")));
    let found = list["batches"].as_array_mut().unwrap();
    if let Some(batch) = found.iter_mut().find(|batch| batch["uuid"] == uuid(2)) {
        for (name, value) in odd.as_object().unwrap() {
            batch[name] = value.clone();
        }
    }
    list
}

fn is_odd(error: &Error, field: &str) {
    assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error:?}");
    assert_eq!(error.field_path(), Some(field));
    let text = error.to_string();
    assert!(text.contains(field) && text.contains(&uuid(2)), "{text}");
    assert!(text.contains("Its JSON is in the error"), "{text}");
    let json: Value = serde_json::from_slice(error.body().unwrap()).unwrap();
    assert_eq!(json["uuid"], uuid(2));
    // Its values are shown nowhere.
    let shown = format!("{error:#} {error:?}");
    assert!(!shown.contains("hush"), "{shown}");
}

#[tokio::test]
async fn an_item_that_cannot_be_read_is_an_error_in_its_place_and_the_list_goes_on() {
    for (odd, field) in [
        (
            value!({ "runsCount": [], "errorMessage": "hush" }),
            "batches[2].runsCount",
        ),
        (
            value!({ "createdAt": "", "errorMessage": "hush" }),
            "batches[2].createdAt",
        ),
        (value!({ "status": null }), "batches[2].status"),
        (
            value!({ "data": "/f?X-Amz-Signature=hush" }),
            "batches[2].data",
        ),
    ] {
        let shared = odd.clone();
        let script = Script::start(move |seen| json(with_an_odd_one(seen, &shared))).await;
        let client = script.client();
        let mut items = client.list_batches().items();
        let mut read = Vec::new();
        while let Some(item) = items.next().await {
            read.push(item);
        }
        assert_eq!(read.len(), 5, "{odd}");
        for (n, item) in read.into_iter().enumerate() {
            match item {
                Ok(batch) => assert_eq!(batch.uuid.to_string(), uuid(n)),
                Err(error) => {
                    assert_eq!(n, 2);
                    is_odd(&error, field);
                }
            }
        }
        // Page by page it comes after its page.
        let mut pages = client.list_batches().pages();
        assert_eq!(pages.next().await.unwrap().unwrap().items.len(), 4);
        is_odd(&pages.next().await.unwrap().unwrap_err(), field);
        assert!(pages.next().await.is_none());
    }
}

#[tokio::test]
async fn runs_that_cannot_be_read_come_once_and_do_not_end_the_list() {
    let script = Script::start(|seen| {
        let offset = seen.json()["offset"].as_u64().unwrap() as usize;
        let runs: Vec<Value> = (0..250)
            .map(|n| value!({ "uuid": uuid(n), "status": "hush" }))
            .skip(offset)
            .take(100)
            .collect();
        json(value!({ "runs": runs, "count": 250 }))
    })
    .await;
    let mut runs = script.client().list_runs(ListRunsRequest::new()).items();
    let mut errors = Vec::new();
    while let Some(run) = runs.next().await {
        errors.push(run.unwrap_err());
    }
    assert_eq!(errors.len(), 250);
    assert_eq!(script.seen().len(), 3);
    assert_eq!(errors[249].field_path(), Some("runs[49]"));
    let first = script.client().list_runs(ListRunsRequest::new()).items();
    assert_eq!(
        first.try_collect().await.unwrap_err().field_path(),
        errors[0].field_path()
    );
}

#[tokio::test]
async fn the_same_unreadable_page_for_ever_is_an_error() {
    let script = Script::start(|_| json(value!({ "batches": [{ "uuid": uuid(1) }] }))).await;
    let client = script.client();
    let mut items = client.list_batches().items();
    let first = items.next().await.unwrap().unwrap_err();
    assert!(first.field_path().is_some(), "{first}");
    let second = items.next().await.unwrap().unwrap_err();
    assert!(second.to_string().contains("doesn't end"), "{second}");
    assert!(items.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_invalid_page_ends_the_list() {
    for body in [
        value!({ "batches": {} }),
        value!({ "list": [] }),
        value!([]),
        value!("batches"),
    ] {
        let script = Script::start(move |_| json(body.clone())).await;
        let error = read(&script).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse, "{error}");
    }
}

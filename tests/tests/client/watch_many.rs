//! Waiting for many: what it costs, and what it does when the server is not as documented.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::BatchUuid;
use cargo_batch_client::{ErrorKind, SavedWatchMany, WatchEvent};
use cargo_batch_tests::script::{Script, Seen, batch, json, status, uuid};
use serde_json::{Value, json as value};

const LIST: &str = "GET /v1/orchestration/batches/list";

fn ids(count: usize) -> Vec<BatchUuid> {
    (0..count).map(|n| uuid(n).parse().unwrap()).collect()
}

/// The batch of an id: it runs for five seconds for each step of its number.
fn state(id: &str, at: Duration) -> Value {
    let n: u64 = id[24..].parse().unwrap();
    let end = 5 * (n % 7);
    let status = if at.as_secs() >= end {
        "success"
    } else {
        "running"
    };
    batch(
        value!({ "uuid": id, "workflowUuid": uuid(0), "status": status, "executedRunsCount": at.as_secs() / 60 }),
    )
}

fn page(seen: &Seen, ids: impl Iterator<Item = String>) -> Value {
    let number = |name: &str| seen.values(name).first().map(|text| text.parse().unwrap());
    let (limit, offset) = (
        number("limit").unwrap_or(100),
        number("offset").unwrap_or(0),
    );
    assert!(limit <= 100, "the API takes no more than 100");
    let batches: Vec<Value> = ids
        .skip(offset)
        .take(limit)
        .map(|id| state(&id, seen.at))
        .collect();
    value!({ "batches": batches })
}

fn wanted(seen: &Seen) -> Vec<String> {
    let uuids = seen.values("uuids[]");
    uuids.into_iter().map(str::to_owned).collect()
}

/// A server that lists the batches it is asked about.
async fn as_documented() -> Script {
    Script::start(|seen| json(page(seen, wanted(seen).into_iter()))).await
}

#[tokio::test(start_paused = true)]
async fn a_thousand_cost_ten_list_calls_a_tick_and_no_other() {
    let script = as_documented().await;
    let mut watch = script.client().watch_many(ids(1000));
    let mut ended = HashSet::new();
    while let Some(change) = watch.next().await {
        if let WatchEvent::Updated(batch) = change.unwrap()
            && batch.is_finished()
        {
            assert!(ended.insert(batch.uuid), "told twice");
        }
    }
    assert_eq!(ended.len(), 1000);
    assert_eq!(watch.pending().count(), 0);
    let mut calls: HashMap<Duration, usize> = HashMap::new();
    for seen in script.seen() {
        assert_eq!(seen.line, LIST);
        *calls.entry(seen.at).or_default() += 1;
    }
    assert!(calls.values().all(|calls| *calls <= 10), "{calls:?}");
    assert_eq!(calls[&Duration::ZERO], 10);
    // Whatever has ended is not asked about any more: 1000, 857, 714, ... open batches.
    let total: usize = calls.values().sum();
    assert!(total <= 10 + 9 + 8 + 6 + 5 + 3 + 2 + 2, "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_ignores_the_uuids_is_asked_by_workflow() {
    let script = Script::start(|seen| {
        if seen.line != LIST {
            let id = seen.line.rsplit('/').next().unwrap();
            return json(value!({ "batch": state(id, seen.at) }));
        }
        // It lists all of its 500 batches, whatever uuids are asked for.
        let all = (0..500).map(uuid);
        match seen.values("isFinished").first() {
            Some(&"false") => {
                let at = seen.at;
                json(page(
                    seen,
                    all.filter(move |id| state(id, at)["status"] == "running"),
                ))
            }
            _ => json(page(seen, all)),
        }
    })
    .await;
    let wanted: Vec<BatchUuid> = ids(500).into_iter().skip(300).step_by(10).collect();
    let mut watch = script.client().watch_many(wanted.clone());
    let mut ended = HashSet::new();
    while let Some(change) = watch.next().await {
        if let WatchEvent::Updated(batch) = change.unwrap()
            && batch.is_finished()
        {
            ended.insert(batch.uuid);
        }
    }
    assert_eq!(ended, wanted.into_iter().collect());
    let lists = script.seen_at(LIST);
    let by_uuid = lists
        .iter()
        .filter(|seen| !seen.values("uuids[]").is_empty())
        .count();
    assert_eq!(by_uuid, 1, "what was ignored once is not tried again");
    let by_workflow: Vec<_> = lists
        .iter()
        .filter(|seen| !seen.values("workflowUuids[]").is_empty())
        .collect();
    assert!(!by_workflow.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_vanishes_is_told_and_not_waited_for() {
    let script = Script::start(|seen| {
        let gone = uuid(3);
        if seen.line == LIST {
            let wanted = seen
                .values("uuids[]")
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>();
            return json(page(seen, wanted.into_iter().filter(|id| *id != gone)));
        }
        assert!(seen.line.ends_with(&gone), "{}", seen.line);
        status(404)
    })
    .await;
    let mut watch = script.client().watch_many(ids(5));
    let mut gone = Vec::new();
    while let Some(change) = watch.next().await {
        if let WatchEvent::NotFound(id) = change.unwrap() {
            gone.push(id.to_string());
        }
    }
    assert_eq!(gone, [uuid(3)]);
}

#[tokio::test(start_paused = true)]
async fn only_changes_are_told() {
    let script = Script::start(|seen| {
        let status = if seen.number < 6 {
            "running"
        } else {
            "success"
        };
        json(value!({ "batches": [batch(value!({ "uuid": uuid(0), "status": status }))] }))
    })
    .await;
    let mut watch = script.client().watch_many(ids(1));
    let mut told = 0;
    while let Some(change) = watch.next().await {
        change.unwrap();
        told += 1;
    }
    assert_eq!((told, script.seen().len()), (2, 7));
}

#[tokio::test(start_paused = true)]
async fn the_next_tick_waits_for_the_reader() {
    let script = as_documented().await;
    let mut watch = script.client().watch_many(ids(150));
    watch.next().await.unwrap().unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(script.seen().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_through_and_a_deadline_is_not() {
    let script = Script::start(|seen| match seen.at.as_secs() {
        4..200 => status(502),
        _ => json(value!({ "batches": [batch(value!({ "uuid": uuid(0), "status": "running" }))] })),
    })
    .await;
    let mut watch = script
        .client()
        .watch_many(ids(1))
        .deadline(Duration::from_secs(400));
    watch.next().await.unwrap().unwrap();
    let error = watch.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
    assert!(script.seen().iter().any(|seen| seen.at.as_secs() > 200));
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn nothing_to_watch_ends_at_once() {
    let script = Script::start(|_| status(500)).await;
    assert!(
        script
            .client()
            .watch_many(Vec::<BatchUuid>::new())
            .next()
            .await
            .is_none()
    );
    assert!(script.seen().is_empty());
}

/// All that is told of the batches, until the end.
async fn finished(mut watch: cargo_batch_client::WatchMany) -> HashSet<BatchUuid> {
    let mut ended = HashSet::new();
    while let Some(change) = watch.next().await {
        if let WatchEvent::Updated(batch) = change.unwrap()
            && batch.is_finished()
        {
            assert!(ended.insert(batch.uuid), "told twice");
        }
    }
    ended
}

/// How many requests came in each tick.
fn per_tick(script: &Script) -> Vec<usize> {
    let mut calls: std::collections::BTreeMap<Duration, usize> = Default::default();
    for seen in script.seen() {
        *calls.entry(seen.at).or_default() += 1;
    }
    calls.into_values().collect()
}

#[tokio::test(start_paused = true)]
async fn a_server_with_smaller_pages_of_its_own_costs_more_lists_but_no_look_ups() {
    let script = Script::start(|seen| {
        assert_eq!(seen.line, LIST);
        json(page(seen, wanted(seen).into_iter().take(30)))
    })
    .await;
    let watch = script.client().watch_many(ids(200));
    assert_eq!(finished(watch).await.len(), 200);
    // 30 + 30 + 30 + 10, twice.
    assert_eq!(per_tick(&script)[0], 8);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_behind_costs_few_look_ups_a_tick_and_loses_nobody() {
    // The list knows every batch only ten minutes later.
    let script = Script::start(|seen| match seen.line.as_str() {
        LIST => {
            let known = wanted(seen).into_iter().filter(|_| seen.at.as_secs() > 600);
            json(page(seen, known))
        }
        line => {
            let id = line.rsplit('/').next().unwrap();
            json(value!({ "batch": state(id, seen.at) }))
        }
    })
    .await;
    let watch = script.client().watch_many(ids(1000));
    assert_eq!(finished(watch).await.len(), 1000);
    let calls = per_tick(&script);
    assert!(calls.iter().all(|calls| *calls <= 60), "{calls:?}");
    // Everyone is looked up in turn, so that it ends before the list has caught up.
    assert!(script.seen().last().unwrap().at < Duration::from_secs(300));
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_are_one_stream() {
    let script = Script::start(|seen| json(page(seen, wanted(seen).into_iter()))).await;
    let doubled = ids(10_000).into_iter().chain(ids(10_000));
    let watch = script.client().watch_many(doubled);
    assert_eq!(watch.pending().count(), 10_000);
    assert_eq!(finished(watch).await.len(), 10_000);
    assert_eq!(per_tick(&script)[0], 100);
}

#[tokio::test(start_paused = true)]
async fn what_a_tick_found_is_told_although_it_was_cut_short() {
    // The second hundred can't be read for a while.
    let script = Script::start(|seen| {
        let second = wanted(seen).first().is_some_and(|id| *id >= uuid(100));
        match seen.at.as_secs() {
            0..100 if second => status(500),
            _ => json(page(seen, wanted(seen).into_iter())),
        }
    })
    .await;
    let mut watch = script.client().watch_many(ids(200));
    for _ in 0..100 {
        let WatchEvent::Updated(batch) = watch.next().await.unwrap().unwrap() else {
            panic!("all are there")
        };
        assert!(batch.uuid.to_string() < uuid(100), "{}", batch.uuid);
    }
    // The tries of the second hundred's list, and no more.
    assert_eq!(script.seen().len(), 1 + 6);
    let script = Script::start(|_| status(403)).await;
    let mut watch = script.client().watch_many(ids(3));
    let error = watch.next().await.unwrap().unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 403);
    assert!(watch.next().await.is_none());
    assert_eq!(script.seen().len(), 1, "it won't be better later");
}

#[tokio::test(start_paused = true)]
async fn a_server_that_stays_away_is_an_error_in_the_end() {
    let script = Script::start(|_| status(503)).await;
    let start = tokio::time::Instant::now();
    let mut watch = script.client().watch_many(ids(3));
    let error = watch.next().await.unwrap().unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 503);
    let waited = start.elapsed().as_secs();
    assert!((600..700).contains(&waited), "{waited}");
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_leaves_one_tick() {
    let script = Script::start(|seen| {
        json(value!({ "batches": [batch(value!({ "uuid": wanted(seen)[0], "status": "success" }))] }))
    })
    .await;
    let watch = script.client().watch_many(ids(1)).deadline(Duration::ZERO);
    assert_eq!(finished(watch).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn large_batches_are_looked_at_less_often_after_the_first_minute() {
    let script = Script::start(|seen| {
        let (count, at) = (5000, seen.at.as_secs());
        let state = value!({ "uuid": uuid(0), "status": "running", "runsCount": count, "executedRunsCount": at });
        json(value!({ "batches": [batch(state)] }))
    })
    .await;
    let client = script.client();
    let mut watch = client.watch_many(ids(1));
    for _ in 0..16 {
        watch.next().await.unwrap().unwrap();
    }
    let mut watch = client.resume_many(watch.save());
    for _ in 0..2 {
        watch.next().await.unwrap().unwrap();
    }
    let at: Vec<f64> = script
        .seen()
        .iter()
        .map(|seen| seen.at.as_secs_f64())
        .collect();
    let gaps: Vec<f64> = at.windows(2).map(|at| at[1] - at[0]).collect();
    assert!(
        gaps[..11].iter().all(|gap| (4.5..=5.5).contains(gap)),
        "{gaps:?}"
    );
    assert!((13.5..=16.5).contains(&gaps[14]), "{gaps:?}");
    // The first look of one that goes on comes at once, and the next at the pace it had.
    assert!((13.5..=16.5).contains(&gaps[16]), "{gaps:?}");
}

#[tokio::test(start_paused = true)]
async fn only_a_batch_that_is_not_there_is_gone() {
    let reason = |reason: &str| {
        let mut answer = json(value!({ "reason": reason }));
        *answer.status_mut() = axum::http::StatusCode::BAD_REQUEST;
        answer
    };
    for (answer, is_gone) in [
        (status(404), true),
        (status(410), true),
        (reason("batchNotFound"), true),
        (reason("invalidBatch"), false),
        (status(403), false),
        // There is one, but what it is can't be read.
        (json(value!({ "batch": {} })), false),
    ] {
        let (parts, body) = answer.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let script = Script::start(move |seen| match seen.line.as_str() {
            LIST => json(value!({ "batches": [] })),
            _ => Response::from_parts(parts.clone(), Body::from(body.clone())),
        })
        .await;
        let mut watch = script.client().watch_many(ids(1));
        let told = watch.next().await.unwrap();
        assert_eq!(
            matches!(told, Ok(WatchEvent::NotFound(_))),
            is_gone,
            "{told:?}"
        );
        assert!(is_gone || told.is_err(), "{told:?}");
        let look_ups = script
            .seen()
            .iter()
            .filter(|seen| seen.line != LIST)
            .count();
        assert_eq!(look_ups, if is_gone { 3 } else { 1 });
    }
}

#[tokio::test(start_paused = true)]
async fn look_ups_go_on_behind_the_last() {
    let script = Script::start(|seen| match seen.line.as_str() {
        LIST => json(value!({ "batches": [] })),
        line => {
            let id = line.rsplit('/').next().unwrap();
            json(value!({ "batch": batch(value!({ "uuid": id, "status": "running" })) }))
        }
    })
    .await;
    let mut watch = script.client().watch_many(ids(150));
    let mut told = HashSet::new();
    for _ in 0..150 {
        let WatchEvent::Updated(batch) = watch.next().await.unwrap().unwrap() else {
            panic!("all are there")
        };
        told.insert(batch.uuid);
    }
    let looked_up = script
        .seen()
        .iter()
        .filter(|seen| seen.line != LIST)
        .count();
    assert_eq!((told.len(), looked_up), (150, 150), "each once, 50 a tick");
}

#[test]
fn it_shows_how_many_are_open() {
    let client = cargo_batch_client::Client::new("token").unwrap();
    let shown = format!("{:?}", client.watch_many(ids(7)));
    assert!(shown.contains('7'), "{shown}");
}

#[tokio::test(start_paused = true)]
async fn a_watch_over_many_is_saved_and_gone_on_with() {
    let script = as_documented().await;
    let client = script.client();
    let mut watch = client
        .watch_many(ids(100))
        .deadline(Duration::from_secs(500));
    // A few have ended, some of those have been told.
    let mut told = HashSet::new();
    while told.len() < 5 {
        if let WatchEvent::Updated(batch) = watch.next().await.unwrap().unwrap()
            && batch.is_finished()
        {
            told.insert(batch.uuid);
        }
    }
    let text = serde_json::to_string(&watch.save()).unwrap();
    drop(watch);
    let saved: SavedWatchMany = serde_json::from_str(&text).unwrap();
    assert_eq!(saved.batches.len(), 95, "each once");
    let rest = finished(client.resume_many(saved)).await;
    assert_eq!((rest.len(), rest.intersection(&told).count()), (95, 0));
    // The deadline is kept.
    let script = Script::start(|seen| {
        json(value!({ "batches": [batch(value!({ "uuid": wanted(seen)[0], "status": "running" }))] }))
    })
    .await;
    let watch = script
        .client()
        .watch_many(ids(1))
        .deadline(Duration::from_secs(50));
    let mut watch = script.client().resume_many(watch.save());
    watch.next().await.unwrap().unwrap();
    let error = watch.next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_one_poll_does_not_show_is_not_gone() {
    let script = Script::start(|seen| match (seen.line.as_str(), seen.at.as_secs()) {
        (LIST, 0..8) => json(value!({ "batches": [] })),
        (LIST, _) => json(page(seen, wanted(seen).into_iter())),
        _ => status(404),
    })
    .await;
    let mut watch = script.client().watch_many(ids(3));
    for _ in 0..3 {
        let change = watch.next().await.unwrap().unwrap();
        assert!(matches!(change, WatchEvent::Updated(_)), "{change:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_long_request_line_is_asked_for_fewer() {
    for (code, longest) in [(414, 4096), (414, 600), (431, 100), (413, 4096)] {
        let script = Script::start(move |seen| {
            let query: usize = seen
                .query
                .iter()
                .map(|(name, value)| name.len() + value.len() + 6)
                .sum();
            match query > longest {
                true => status(code),
                false => json(page(seen, wanted(seen).into_iter())),
            }
        })
        .await;
        let mut watch = script.client().watch_many(ids(100));
        let mut told = HashSet::new();
        while told.len() < 100 {
            let WatchEvent::Updated(batch) = watch.next().await.unwrap().unwrap() else {
                panic!("all are there")
            };
            told.insert(batch.uuid);
        }
        // What was learnt is kept.
        let first = script.seen().len();
        watch.next().await.unwrap().unwrap();
        let seen = script.seen();
        assert!(seen[first..].iter().all(|seen| wanted(seen).len() < 100));
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_over_many_grows_and_may_stay_open() {
    let script = as_documented().await;
    let client = script.client();
    let mut watch = client.watch_many(Vec::<BatchUuid>::new()).stay_open(true);
    let none = tokio::time::timeout(Duration::from_secs(3600), watch.next()).await;
    assert!(none.is_err(), "{none:?}");
    assert!(script.seen().is_empty());
    for id in ids(3) {
        watch.add(id);
    }
    let mut ended = HashSet::new();
    let mut added = false;
    while ended.len() < 5 {
        if let WatchEvent::Updated(batch) = watch.next().await.unwrap().unwrap()
            && batch.is_finished()
        {
            ended.insert(batch.uuid);
        }
        if !std::mem::replace(&mut added, true) {
            // Twice is once.
            for id in ids(5).split_off(3).into_iter().chain(ids(5).split_off(3)) {
                watch.add(id);
            }
        }
    }
    let none = tokio::time::timeout(Duration::from_secs(3600), watch.next()).await;
    assert!(none.is_err(), "{none:?}");
}

#[tokio::test(start_paused = true)]
async fn a_change_is_not_lost_where_next_is_dropped() {
    let script = as_documented().await;
    let mut watch = script.client().watch_many(ids(50));
    let mut ended = HashSet::new();
    while ended.len() < 50 {
        let next = tokio::time::timeout(Duration::from_millis(300), watch.next()).await;
        if let Ok(Some(Ok(WatchEvent::Updated(batch)))) = next
            && batch.is_finished()
        {
            ended.insert(batch.uuid);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_deadline_also_ends_a_tick_in_flight() {
    for after in [0, 1] {
        let script = Script::start(move |seen| {
            let mut response = json(page(seen, wanted(seen).into_iter()));
            if seen.number >= after {
                *response.body_mut() = Body::from_stream(futures_util::stream::pending::<
                    Result<Vec<u8>, std::io::Error>,
                >());
                response.headers_mut().remove("content-length");
            }
            response
        })
        .await;
        let begin = tokio::time::Instant::now();
        let mut watch = script
            .client()
            .watch_many(ids(150))
            .deadline(Duration::from_secs(4));
        let mut told = 0;
        let error = loop {
            match watch.next().await.unwrap() {
                Ok(_) => told += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error:?}");
        assert_eq!(begin.elapsed().as_secs(), 4);
        assert_eq!(told, after * 100, "what was found is told");
        // Every seventh has finished at once.
        let finished = if after == 0 { 0 } else { 15 };
        assert_eq!(watch.save().batches.len(), 150 - finished);
        assert!(watch.next().await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn one_batch_that_cannot_be_read_does_not_end_the_watch_of_the_others() {
    let script = Script::start(|seen| {
        let odd = |mut state: Value| {
            if state["uuid"] == uuid(1) {
                (state["createdAt"], state["errorMessage"]) = (value!(null), value!("hush"));
            }
            state
        };
        if seen.line == LIST {
            let states = wanted(seen).into_iter().map(|id| odd(state(&id, seen.at)));
            return json(value!({ "batches": states.collect::<Vec<_>>() }));
        }
        let id = seen.line.rsplit('/').next().unwrap();
        json(value!({ "batch": odd(state(id, seen.at)) }))
    })
    .await;
    let mut watch = script.client().watch_many(ids(7));
    let (mut ended, mut errors) = (HashSet::new(), Vec::new());
    while let Some(change) = watch.next().await {
        match change {
            Ok(WatchEvent::Updated(batch)) if batch.is_finished() => drop(ended.insert(batch.uuid)),
            Ok(WatchEvent::Updated(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => errors.push(error),
        }
    }
    let mut expected: HashSet<BatchUuid> = ids(7).into_iter().collect();
    expected.remove(&ids(2)[1]);
    assert_eq!(ended, expected);
    let [error] = errors.as_slice() else {
        panic!("{errors:?}")
    };
    let text = error.to_string();
    assert!(
        text.contains(&uuid(1)) && text.contains("createdAt"),
        "{text}"
    );
    assert!(!format!("{error:?}").contains("hush"));
}

/// Batches that each spend a credit a second, and what is said to a cancellation of each.
async fn spending(
    polled: impl Fn(&str, Duration) -> Value + Send + Sync + 'static,
    cancelled: impl Fn(&str) -> Response<Body> + Send + Sync + 'static,
) -> Script {
    Script::start(move |seen| {
        if let Some(id) = cancels(seen) {
            return cancelled(&id);
        }
        let batches: Vec<Value> = wanted(seen)
            .into_iter()
            .map(|id| {
                let mut state = value!({ "uuid": id, "status": "running", "creditsUsedCount": seen.at.as_secs() });
                let change = polled(&id, seen.at);
                let fields = change.as_object().unwrap().clone();
                state.as_object_mut().unwrap().extend(fields);
                batch(state)
            })
            .collect();
        json(value!({ "batches": batches }))
    })
    .await
}

/// The batch that a request cancels.
fn cancels(seen: &Seen) -> Option<String> {
    let path = seen.line.strip_prefix("POST /v1/orchestration/batches/")?;
    Some(path.strip_suffix("/cancel")?.to_owned())
}

fn cancelled(script: &Script) -> HashSet<String> {
    script.seen().iter().filter_map(cancels).collect()
}

fn nothing(_: &str, _: Duration) -> Value {
    value!({})
}

fn texts(ids: &[BatchUuid]) -> HashSet<String> {
    ids.iter().map(BatchUuid::to_string).collect()
}

#[tokio::test(start_paused = true)]
async fn many_that_together_spend_more_than_they_may_are_cancelled() {
    let script = spending(nothing, |_| json(value!({}))).await;
    let ids = ids(30);
    let mut watch = script.client().watch_many(ids.clone()).max_credits(299.5);
    let mut updates = 0;
    let error = loop {
        match watch.next().await.unwrap() {
            Ok(_) => updates += 1,
            Err(error) => break error,
        }
    };
    // At 10 seconds: 300 credits. Before its states are read, the batches are cancelled.
    assert_eq!(
        updates, 30,
        "counts of runs stay, and credits are no change"
    );
    assert_eq!(error.kind(), ErrorKind::CreditsExceeded);
    assert!(error.is_final() && !error.is_retryable() && !error.may_have_spent());
    let text = error.to_string();
    for part in [
        "together they have spent 300 provider credits, more than the limit of 299.5; 30 of them are being cancelled;",
        "provider credits are only part of the bill: every execution of a node costs 0.01 credit besides",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(cancelled(&script), texts(&ids));
    assert!(watch.next().await.is_none());
    assert_eq!(
        watch.pending().count(),
        30,
        "they can be waited for by another watch"
    );
}

#[tokio::test(start_paused = true)]
async fn what_has_finished_counts_and_is_not_cancelled() {
    let ids = ids(3);
    let (ended, going) = (ids[0], ids[2]);
    let polled = move |id: &str, at: Duration| match () {
        () if id == ended.to_string() => value!({ "status": "success", "creditsUsedCount": 90 }),
        // On its way to an end.
        () if id == going.to_string() && at.as_secs() >= 10 => value!({ "status": "running" }),
        () => value!({ "status": "cancelling" }),
    };
    let script = spending(polled, |_| json(value!({}))).await;
    let mut watch = script.client().watch_many(ids.clone()).max_credits(100.0);
    // 90, and 5 each for two that are being cancelled: no more than 100.
    let saved = loop {
        match watch.next().await.unwrap() {
            Ok(WatchEvent::Updated(batch)) if batch.status.as_str() == "running" => {
                break watch.save();
            }
            Ok(_) => assert_eq!(cancelled(&script), HashSet::new()),
            Err(error) => panic!("{error}"),
        }
    };
    // The limit was exceeded by the poll that showed one running: only that one is cancelled.
    assert_eq!(cancelled(&script), texts(&[going]));
    let error = watch.next().await.unwrap().unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("110 provider credits, more than the limit of 100; 1 of them is being"),
        "{text}"
    );
    // Another process counts what has finished before it.
    assert_eq!(
        (saved.max_credits, saved.spent_credits),
        (Some(100.0), 90.0)
    );
    assert_eq!(saved.batches, ids[1..]);
    let written = serde_json::to_string(&saved).unwrap();
    let saved: SavedWatchMany = serde_json::from_str(&written).unwrap();
    let mut resumed = script.client().resume_many(saved);
    let error = loop {
        match resumed.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::CreditsExceeded);
    let text = error.to_string();
    let is_at_once = text.contains("poll 1 after") && text.contains("110 provider credits");
    assert!(is_at_once, "90 were seen by the process before: {text}");
    // Saved without the fields by a version before.
    let old = value!({ "batches": [going] }).to_string();
    let old: SavedWatchMany = serde_json::from_str(&old).unwrap();
    assert_eq!((old.max_credits, old.spent_credits), (None, 0.0));
}

#[tokio::test(start_paused = true)]
async fn many_whose_cancellation_fails_are_counted_and_hold_up_no_others() {
    let ids = ids(40);
    let bad = ids[0].to_string();
    let gone = ids[1].to_string();
    let script = spending(nothing, move |id| match () {
        () if id == bad => status(503),
        () if id == gone => finished_already(),
        () => json(value!({})),
    })
    .await;
    let mut watch = script
        .client()
        .watch_many(ids.clone())
        .max_credits(f64::NAN);
    let error = loop {
        match watch.next().await.unwrap() {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    let text = error.to_string();
    assert!(text.contains("more than the limit of 0;"), "{text}");
    assert!(
        text.contains("38 of them are being cancelled, and 1 could not be cancelled"),
        "{text}"
    );
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains(&format!("batch {}", ids[0])), "{source}");
    // The one that fails is repeated with delays meanwhile.
    let at = |wanted: &str| {
        let seen = script.seen().into_iter();
        let mut times = seen
            .filter(|seen| cancels(seen).as_deref() == Some(wanted))
            .map(|seen| seen.at);
        (times.next().unwrap(), times.next())
    };
    let (first, repeated) = at(&ids[0].to_string());
    for id in &ids[1..] {
        assert!(at(&id.to_string()).0 <= repeated.unwrap(), "{first:?}");
    }
}

fn finished_already() -> Response<Body> {
    let (mut parts, body) = json(value!({ "reason": "batchAlreadyFinished" })).into_parts();
    parts.status = axum::http::StatusCode::UNPROCESSABLE_ENTITY;
    Response::from_parts(parts, body)
}

#[tokio::test(start_paused = true)]
async fn many_that_end_before_they_are_cancelled_are_waited_for() {
    let polled = |_: &str, at: Duration| match at.as_secs() {
        0..10 => value!({}),
        _ => value!({ "status": "success" }),
    };
    let script = spending(polled, |_| finished_already()).await;
    let mut watch = script.client().watch_many(ids(3)).max_credits(1.0);
    let mut ended = 0;
    while let Some(event) = watch.next().await {
        if let WatchEvent::Updated(batch) = event.unwrap() {
            ended += usize::from(batch.is_finished());
        }
    }
    assert_eq!(ended, 3);
    assert_eq!(cancelled(&script).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_watch_dropped_while_it_cancels_many_cancels_all() {
    let polled = |_: &str, _| value!({ "creditsUsedCount": 7 });
    let script = spending(polled, |_| json(value!({}))).await;
    let ids = ids(40);
    let mut watch = script.client().watch_many(ids.clone()).max_credits(1.0);
    tokio::select! {
        biased;
        () = async {
            while watch.next().await.unwrap().is_ok() {}
        } => panic!("the watch has ended"),
        () = async {
            while cancelled(&script).is_empty() {
                tokio::task::yield_now().await;
            }
        } => {}
    }
    assert!(cancelled(&script).len() < ids.len());
    drop(watch);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(cancelled(&script), texts(&ids));
}

#[tokio::test(start_paused = true)]
async fn many_may_spend_all_of_what_they_may_spend() {
    for (limit, is_cancelled) in [(15.0, false), (14.99, true), (-1.0, true)] {
        let polled = |_: &str, at: Duration| match at.as_secs() {
            0..10 => value!({ "creditsUsedCount": 5 }),
            _ => value!({ "creditsUsedCount": 5, "status": "success" }),
        };
        let script = spending(polled, |_| json(value!({}))).await;
        let mut watch = script.client().watch_many(ids(3)).max_credits(limit);
        let mut last = None;
        while let Some(event) = watch.next().await {
            last = Some(event);
        }
        assert_eq!(last.unwrap().is_err(), is_cancelled, "{limit}");
        assert_eq!(cancelled(&script).is_empty(), !is_cancelled, "{limit}");
    }
}

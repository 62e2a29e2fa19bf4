//! What is adopted, what is created again, and what is left undecided.

use std::sync::Mutex;
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::ErrorKind;
use cargo_batch_client::types::{
    Action, BatchUuid, CreateBatchData, CreateBatchRequest, ExecuteActionBatchRequest, Record,
};
use cargo_batch_tests::script::{Script, Seen, batch, json, status, uuid};
use serde_json::json as value;

use super::{
    ACTION, CREATE, Fixtures, LIST, file, filter, lost, model, own_file, request, segment, workflow,
};

#[tokio::test(start_paused = true)]
async fn an_existing_batch_is_adopted_by_each_kind_of_identity() {
    for data in [
        CreateBatchData::file("f.csv"),
        filter(50).into(),
        CreateBatchData::record_ids(model(), ["b", "a"]),
    ] {
        let fixtures = Fixtures::default();
        // Another client's, created while this one is in flight.
        fixtures.make(
            1.0,
            &value!(workflow()),
            value!({ "kind": "file", "s3Filename": "g.csv" }),
        );
        if data.tag() != "file" {
            // The same, of yesterday.
            fixtures.make(-500.0, &value!(workflow()), value!(data));
        }
        let (script, client) = fixtures.serve(lost).await;
        let adopted = client
            .create_batch_once(request(data.clone()))
            .await
            .unwrap();
        let last = uuid(999 + fixtures.count());
        assert_eq!(adopted.uuid.to_string(), last, "{data:?}");
        assert_eq!(script.seen_at(CREATE).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_absent_batch_is_created_again_after_the_settling_time() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures
        .serve(|fixtures, seen| match seen.number {
            0 => status(502),
            _ => json(fixtures.act(seen, 0.0)),
        })
        .await;
    let made = client.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!((made.uuid.to_string(), fixtures.count()), (uuid(1000), 1));
    let creations = script.seen_at(CREATE);
    assert_eq!(creations.len(), 2);
    assert_eq!(creations[1].at, Duration::from_secs(60));
    let looks = script.seen_at(LIST);
    let looks: Vec<u64> = looks.iter().map(|seen| seen.at.as_secs()).collect();
    // Noted before, and once more after, as two requests were sent.
    assert_eq!(looks, [0, 1, 5, 15, 30, 60, 60, 60]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_appears_late_is_still_the_one() {
    for late in [20.0, 58.0] {
        let fixtures = Fixtures::default();
        let (script, client) = fixtures
            .serve(move |fixtures, seen| {
                fixtures.act(seen, late);
                status(504)
            })
            .await;
        let made = client.create_batch_once(file("f.csv")).await.unwrap();
        assert_eq!((made.uuid.to_string(), fixtures.count()), (uuid(1000), 1));
        assert_eq!(script.seen_at(CREATE).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_settling_time_is_the_callers_to_choose() {
    let fixtures = Fixtures::default();
    let (script, _) = fixtures
        .serve(|fixtures, seen| match seen.number {
            0 => status(502),
            _ => json(fixtures.act(seen, 0.0)),
        })
        .await;
    let client = script.builder().settling_time(Duration::from_secs(600));
    let once = client.build().unwrap();
    once.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!(script.seen_at(CREATE)[1].at, Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn data_that_comes_back_otherwise_is_never_paid_for_twice() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures
        .serve(|fixtures, seen| {
            // The server has rewritten the filter, so that it can't be decided whose batch it is.
            let mut data = seen.json()["data"].clone();
            data["filter"]["groups"][0]["conditions"][0]["value"] = value!("50");
            fixtures.make(seen.at.as_secs_f64(), &value!(workflow()), data);
            status(502)
        })
        .await;
    let error = client
        .create_batch_once(request(filter(50)))
        .await
        .unwrap_err();
    assert!(error.is_ambiguous() && !error.is_retryable());
    assert_eq!(error.candidates().len(), 1);
    assert!(error.to_string().contains(&uuid(1000)), "{error}");
    assert_eq!((script.seen_at(CREATE).len(), fixtures.count()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_list_that_cannot_be_read_decides_nothing() {
    let script = Script::start(|seen| status(if seen.line == LIST { 500 } else { 502 })).await;
    let error = script
        .client()
        .create_batch_once(file("f.csv"))
        .await
        .unwrap_err();
    assert!(error.is_ambiguous() && !error.is_retryable(), "{error}");
    assert_eq!(error.operation().unwrap().id, "create_batch");
    assert!(
        error
            .to_string()
            .contains("the search for the batch failed"),
        "{error}"
    );
    assert_eq!(script.seen_at(CREATE).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_page_that_cannot_be_read_does_not_end_a_look() {
    let fixtures = Fixtures::default();
    // Two pages, none of which is so old that a search could end with it.
    for n in 0..150 {
        let data = value!({ "kind": "file", "s3Filename": format!("old-{n}") });
        fixtures.make(-10.0, &value!(workflow()), data);
    }
    let refused = Mutex::new(false);
    let list = move |fixtures: &Fixtures, seen: &Seen| {
        let mut refused = refused.lock().unwrap();
        if fixtures.sent() > 0
            && seen.values("offset") == ["100"]
            && !std::mem::replace(&mut *refused, true)
        {
            return status(400);
        }
        fixtures.list(seen)
    };
    let (script, client) = fixtures.serve_list(lost, list).await;
    let began = tokio::time::Instant::now();
    client.create_batch_once(file("f.csv")).await.unwrap();
    // In the first search, a second after the loss; the next would be four seconds later.
    assert!(began.elapsed() < Duration::from_millis(4500));
    let seen = script.seen_at(LIST);
    let offsets: Vec<_> = seen.iter().map(|seen| seen.values("offset")[0]).collect();
    assert_eq!(offsets[3..], ["0", "100", "100", "151"]);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_can_be_read_after_the_settling_time_still_decides() {
    for made in [true, false] {
        let fixtures = Fixtures::default();
        let create = move |fixtures: &Fixtures, seen: &Seen| match made {
            true => lost(fixtures, seen),
            false if seen.at < Duration::from_secs(60) => status(502),
            false => json(fixtures.act(seen, 0.0)),
        };
        let list = |fixtures: &Fixtures, seen: &Seen| match seen.at < Duration::from_secs(100) {
            true => status(500),
            false => fixtures.list(seen),
        };
        let (script, client) = fixtures.serve_list(create, list).await;
        // No note is needed for it, which couldn't be taken.
        let request = own_file(&client).await;
        let batch = client.create_batch_once(request).await.unwrap();
        assert_eq!((batch.uuid.to_string(), fixtures.count()), (uuid(1000), 1));
        assert_eq!(script.seen_at(CREATE).len(), if made { 1 } else { 2 });
    }
}

#[tokio::test(start_paused = true)]
async fn an_response_that_cannot_be_read_still_names_its_batch() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures
        .serve(|fixtures, seen| {
            let made = fixtures.act(seen, 0.0);
            json(value!({ "batch": { "uuid": made["batch"]["uuid"], "status": 7 } }))
        })
        .await;
    let made = client
        .create_batch_once(request(CreateBatchData::segment(segment())))
        .await
        .unwrap();
    assert_eq!(made.uuid.to_string(), uuid(1000));
    assert_eq!(script.seen_at(LIST).len(), 1, "only noted");

    let id = uuid(1);
    let script = Script::start(move |seen| match seen.line.as_str() {
        CREATE => json(value!({ "batch": { "uuid": id } })),
        _ => status(404),
    })
    .await;
    let began = tokio::time::Instant::now();
    let error = script
        .client()
        .create_batch_once(request(CreateBatchData::segment(segment())))
        .await
        .unwrap_err();
    assert_eq!(began.elapsed(), Duration::ZERO, "waiting won't mend a 404");
    assert_eq!(error.created(), Some(uuid(1).parse().unwrap()));
    assert!(error.is_ambiguous() && error.kind() == ErrorKind::InvalidResponse);
    assert!(error.to_string().contains("was created"), "{error}");
    assert!(error.advice().unwrap().contains("continue with it"));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_a_response_names_is_polled_until_it_is_there() {
    let fixtures = Fixtures::default();
    let known = fixtures.clone();
    let script = Script::start(move |seen| match seen.line.as_str() {
        CREATE => {
            let response = known.act(seen, 0.0).to_string();
            // The first half, which has the id.
            Response::new(Body::from(response[..response.len() / 2].to_owned()))
        }
        // As unreadable, for a while.
        _ if seen.at < Duration::from_secs(10) => Response::new(Body::from("{")),
        _ => known.get(seen),
    })
    .await;
    let request = request(CreateBatchData::segment(segment()));
    let made = script.client().create_batch_once(request).await.unwrap();
    assert_eq!(made.uuid.to_string(), uuid(1000));
    assert_eq!(fixtures.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_same_segment_is_never_silently_created_twice() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(lost).await;
    let request = request(CreateBatchData::segment(segment()));
    let began = tokio::time::Instant::now();
    let (left, right) = tokio::join!(
        client.create_batch_once(request.clone()),
        client.create_batch_once(request.clone()),
    );
    for done in [left, right] {
        let error = done.unwrap_err();
        assert!(error.is_ambiguous());
        assert_eq!(error.candidates().len(), 2);
    }
    assert_eq!(script.seen_at(CREATE).len(), 2);
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "it won't be clearer"
    );
}

/// Nor taken for ours when there is one only: another client may have created it.
#[tokio::test(start_paused = true)]
async fn a_batch_of_the_same_segment_is_never_adopted() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(lost).await;
    let request = request(CreateBatchData::segment(segment()));
    let error = client.create_batch_once(request).await.unwrap_err();
    assert!(error.is_ambiguous());
    assert_eq!(error.candidates().len(), 1);
    assert_eq!(script.seen_at(CREATE).len(), 1);
}

/// The server may write a filter otherwise than it was sent: what can't be ours for certain is only
/// known as another's by what another creation was about.
#[tokio::test(start_paused = true)]
async fn an_abandoned_creation_does_not_block_a_filter() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures
        .serve(
            |fixtures, seen| match seen.json().to_string().contains("1000") {
                true => lost(fixtures, seen),
                false if seen.at < Duration::from_secs(10) => status(502),
                false => json(fixtures.act(seen, 0.0)),
            },
        )
        .await;
    let left = client.create_batch_once(request(filter(1000)));
    tokio::time::timeout(Duration::from_millis(500), left)
        .await
        .unwrap_err();
    let batch = client.create_batch_once(request(filter(5))).await.unwrap();
    assert_eq!((batch.uuid.to_string(), fixtures.count()), (uuid(1001), 2));
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_there_before_is_neither_adopted_nor_in_the_way() {
    let fixtures = Fixtures::default();
    fixtures.make(
        -30.0,
        &value!(workflow()),
        value!(CreateBatchData::from(filter(50))),
    );
    let (_script, client) = fixtures
        .serve(|fixtures, seen| match seen.number {
            0 => status(502),
            _ => json(fixtures.act(seen, 0.0)),
        })
        .await;
    let batch = client.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!(batch.uuid.to_string(), uuid(1001));
    assert_eq!((fixtures.sent(), fixtures.count()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_doubtful_try_is_looked_at_once_more() {
    for (late, adopted) in [(70.0, true), (90.0, false)] {
        let fixtures = Fixtures::default();
        let (script, client) = fixtures
            .serve(move |fixtures, seen| match seen.at.as_secs() {
                0 => {
                    fixtures.act(seen, late);
                    status(502)
                }
                1..70 => {
                    let mut response = status(429);
                    let after = "20".parse().unwrap();
                    response.headers_mut().insert("retry-after", after);
                    response
                }
                _ => {
                    let mut response = json(value!({ "reason": "notEnoughCredits" }));
                    *response.status_mut() = axum::http::StatusCode::BAD_REQUEST;
                    response
                }
            })
            .await;
        let done = client.create_batch_once(request(filter(50))).await;
        match done {
            Ok(batch) => assert_eq!(batch.uuid.to_string(), uuid(1000)),
            Err(error) => {
                assert!(!adopted, "{error}");
                assert_eq!(error.reason().unwrap().as_str(), "notEnoughCredits");
            }
        }
        assert_eq!(script.seen_at(CREATE).len(), 3);
    }
}

#[tokio::test(start_paused = true)]
async fn many_at_once_are_told_from_each_other() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures
        .serve(|fixtures, seen| match seen.number % 3 {
            0 => lost(fixtures, seen),
            1 => status(502),
            _ => json(fixtures.act(seen, 0.0)),
        })
        .await;
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..60 {
        let client = client.clone();
        tasks.spawn(async move {
            let data = match n % 3 {
                0 => CreateBatchData::file(format!("{n}.csv")),
                1 => filter(n).into(),
                _ => CreateBatchData::record_ids(model(), [n.to_string()]),
            };
            client.create_batch_once(request(data)).await
        });
    }
    let mut made: Vec<BatchUuid> = Vec::new();
    while let Some(done) = tasks.join_next().await {
        made.push(done.unwrap().unwrap().uuid);
    }
    made.sort_unstable();
    made.dedup();
    assert_eq!((made.len(), fixtures.count()), (60, 60));
    assert!(script.seen_at(CREATE).len() > 60);
}

#[tokio::test(start_paused = true)]
async fn a_long_list_is_read_no_further_than_it_must() {
    // The newest first: one page is enough.
    let fixtures = Fixtures::default();
    for n in 0..1000 {
        let data = value!({ "kind": "file", "s3Filename": format!("old-{n}") });
        fixtures.make(-1000.0 - 10.0 * f64::from(n), &value!(workflow()), data);
    }
    let (script, client) = fixtures.serve(lost).await;
    client.create_batch_once(file("f.csv")).await.unwrap();
    assert_eq!(
        script.seen_at(LIST).len(),
        2,
        "to note what is there, and to search"
    );

    // In no order and without end: it is given up, and not created again.
    let script = Script::start(|seen| match seen.line.as_str() {
        CREATE => status(502),
        _ => {
            let offset: usize = seen.values("offset")[0].parse().unwrap();
            let page = (offset..offset + 100).map(|n| {
                let day = 10 + n % 3;
                let made = format!("2025-01-{day}T10:00:00Z");
                batch(value!({ "uuid": uuid(n), "workflowUuid": workflow(), "createdAt": made }))
            });
            json(value!({ "batches": page.collect::<Vec<_>>() }))
        }
    })
    .await;
    let error = script
        .client()
        .create_batch_once(file("f.csv"))
        .await
        .unwrap_err();
    assert!(error.is_ambiguous() && error.candidates().is_empty());
    assert!(error.to_string().contains("100 pages"), "{error}");
    assert_eq!(script.seen_at(CREATE).len(), 1);
    assert_eq!(
        script.seen_at(LIST).len(),
        600,
        "once to note, and five searches"
    );
}

#[tokio::test(start_paused = true)]
async fn records_that_became_a_file_are_found_as_that_file() {
    let fixtures = Fixtures::default();
    // Another client's, and ours; nothing of which can be seen for ten minutes.
    let other = value!({ "kind": "file", "s3Filename": "another.csv" });
    fixtures.make(0.5, &value!(workflow()), other);
    let list = |fixtures: &Fixtures, seen: &Seen| match seen.at.as_secs() {
        0..600 => status(400),
        _ => fixtures.list(seen),
    };
    let (_script, client) = fixtures.serve_list(lost, list).await;
    let records = [Record::from_iter([("email", "ada@example.com")])];
    let sent = request(CreateBatchData::records(records));
    let error = client.create_batch_once(sent.clone()).await.unwrap_err();
    assert!(error.is_ambiguous(), "{error}");
    tokio::time::sleep(Duration::from_secs(600)).await;
    // The next one with the same records continues with it.
    let found = client.create_batch_once(sent).await.unwrap();
    assert_eq!(found.uuid.to_string(), uuid(1001));
    assert_eq!(fixtures.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn records_are_a_file_only_when_that_says_the_same() {
    for (records, kind) in [
        (value!([{ "email": "ada@example.com" }]), "file"),
        (value!([{ "age": 36 }]), "records"),
    ] {
        let fixtures = Fixtures::default();
        let (script, client) = fixtures.serve(lost).await;
        let each = records.as_array().unwrap().iter();
        let records: Vec<Record> = each.map(|it| Record::from_serialize(it).unwrap()).collect();
        let sent = request(CreateBatchData::records(records));
        let done = client.create_batch_once(sent.clone()).await;
        match kind {
            "file" => assert_eq!(done.unwrap().data.tag(), "file"),
            _ => {
                let error = done.unwrap_err();
                assert_eq!(error.candidates()[0].data.tag(), kind);
            }
        }
        assert_eq!(script.seen_at(CREATE).len(), 1);
    }
    // What isn't there at all can be created again, though.
    let fixtures = Fixtures::default();
    let (_, client) = fixtures
        .serve(|fixtures, seen| match seen.number {
            0 => status(502),
            _ => json(fixtures.act(seen, 0.0)),
        })
        .await;
    let record = Record::from_iter([("age", 36)]);
    client
        .create_batch_once(request(CreateBatchData::records([record])))
        .await
        .unwrap();
    assert_eq!(fixtures.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_action_is_never_adopted_and_what_it_may_have_created_is_named() {
    let record = Record::from_iter([("age", 36)]);
    let plain = ExecuteActionBatchRequest::new(Action::native("enrich"), [record]);
    let hooked = plain.clone().webhook_url("https://e.com/1");
    for (action, candidates) in [(hooked, 1), (plain, 2)] {
        let fixtures = Fixtures::default();
        // Another client's action.
        let other = value!({ "kind": "form", "s3Filename": "x", "webhookUrl": "https://e.com/2" });
        fixtures.make(0.5, &value!(uuid(9)), other);
        let (script, client) = fixtures.serve(lost).await;
        let error = client.create_batch_once(action.clone()).await.unwrap_err();
        assert!(error.is_ambiguous() && error.may_have_spent() && error.is_final());
        assert_eq!(error.candidates().len(), candidates);
        assert!(
            error
                .candidates()
                .iter()
                .any(|batch| batch.uuid.to_string() == uuid(1001))
        );
        assert_eq!(script.seen_at(ACTION).len(), 1);
        // The plain call ends at once, and says as much.
        let error = client.execute_action_batch(action).await.unwrap_err();
        assert!(error.is_ambiguous() && error.may_have_spent() && !error.is_retryable());
        assert!(error.advice().unwrap().contains("spend credits again"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_action_that_left_no_batch_is_created_after_the_settling_time() {
    let fixtures = Fixtures::default();
    let before = value!({ "kind": "form", "s3Filename": "x" });
    fixtures.make(-0.5, &value!(uuid(9)), before);
    let (script, client) = fixtures
        .serve(|fixtures, seen| match seen.number {
            0 => status(502),
            _ => json(fixtures.act(seen, 0.0)),
        })
        .await;
    let record = Record::from_iter([("age", 36)]);
    let action = ExecuteActionBatchRequest::new(Action::native("enrich"), [record]);
    let batch = client.create_batch_once(action).await.unwrap();
    assert_eq!(batch.uuid.to_string(), uuid(1001));
    assert_eq!(script.seen_at(ACTION)[1].at, Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn failed_runs_are_retried_once() {
    let fixtures = Fixtures::default();
    fixtures.make(
        -900.0,
        &value!(workflow()),
        value!({ "kind": "file", "s3Filename": "f" }),
    );
    let (script, client) = fixtures.serve(lost).await;
    let id: BatchUuid = uuid(1000).parse().unwrap();
    let retried = client.batch(id).retry_failed().await.unwrap();
    assert_eq!(retried.data.tag(), "runs");
    let creations = script.seen_at(CREATE);
    assert_eq!(creations.len(), 1);
    assert_eq!(
        creations[0].json()["data"],
        value!({
            "kind": "runs", "reset": { "from": "firstNode" },
            "filter": { "kind": "runs", "batchUuid": id, "statuses": ["error"] },
        })
    );
}

#[tokio::test(start_paused = true)]
async fn only_what_was_not_received_is_sent_again() {
    // Status, body, `Retry-After`: how often it is sent, and whether that leaves a doubt.
    for (code, reason, after, sent, doubt) in [
        // Varnish writes it on every failure of the server behind it.
        (503, None, Some("1"), 1, true),
        (503, None, Some("Fri, 15 Jan 2100 10:00:00 GMT"), 1, true),
        (503, None, None, 1, true),
        (499, None, None, 1, true),
        (425, None, None, 1, false),
        (500, None, None, 1, true),
        (500, Some("somethingNew"), None, 1, true),
        (500, Some("invalidDataKind"), None, 1, false),
        (400, Some("failedToStart"), None, 1, true),
        (400, Some("notEnoughCredits"), None, 1, false),
        (408, None, None, 1, true),
        (404, None, None, 1, false),
        (301, None, None, 1, true),
        (200, None, None, 1, true),
    ] {
        let script = Script::start(move |_| {
            let mut response = match reason {
                Some(reason) => json(value!({ "reason": reason })),
                None => Response::default(),
            };
            *response.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
            if let Some(after) = after {
                let after = after.parse().unwrap();
                response.headers_mut().insert("retry-after", after);
            }
            response
        })
        .await;
        let sending = script.client();
        let error = sending.create_batch(file("f.csv")).await.unwrap_err();
        assert_eq!(script.seen().len(), sent, "{code} {reason:?}");
        assert_eq!(error.attempts() as usize, sent);
        assert_eq!(error.is_ambiguous(), doubt, "{code} {reason:?}: {error}");
        assert!(!(error.is_ambiguous() && error.is_retryable()));
    }
}

#[tokio::test(start_paused = true)]
async fn creations_refused_with_429_are_retried_until_the_timeout() {
    let script = Script::start(|_| status(429)).await;
    let error = script
        .client()
        .create_batch(file("f.csv"))
        .await
        .unwrap_err();
    let sent = script.seen().len();
    assert!((10..60).contains(&sent), "{sent}");
    assert_eq!(error.attempts() as usize, sent);
    assert_eq!(error.status().unwrap().as_u16(), 429);
    assert!(!error.is_ambiguous() && error.is_retryable());
    let last = script.seen().last().unwrap().at;
    assert!(
        last > Duration::from_secs(150) && last < Duration::from_secs(180),
        "{last:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_batch_of_one_action_over_a_file_is_found_by_its_file() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(lost).await;
    let data = own_file(&client).await.data;
    let action = Action::native("enrich").config(serde_json::Map::from_iter([(
        "to".to_owned(),
        value!("fr"),
    )]));
    let retry = cargo_batch_client::types::NodeRetry::new().maximum_attempts(2);
    let request = CreateBatchRequest::of_action(action.retry(retry), data);
    let batch = client.create_batch_once(request).await.unwrap();
    assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1000), 1));
    let sent = script.seen_at(CREATE)[0].json();
    let node = |n: usize| &sent["nodes"][n];
    assert_eq!(node(0)["actionSlug"], "start");
    assert_eq!(node(0)["childrenUuids"], value!([node(1)["uuid"]]));
    assert_eq!(
        (&node(1)["slug"], &node(1)["actionSlug"]),
        (&value!("action"), &value!("enrich"))
    );
    assert_eq!(node(1)["config"], value!({ "to": "fr" }));
    assert_eq!(node(1)["retry"], value!({ "maximumAttempts": 2 }));
    assert_eq!(node(1)["childrenUuids"], value!([node(2)["uuid"]]));
    assert_eq!(
        (&node(2)["actionSlug"], &node(2)["childrenUuids"]),
        (&value!("end"), &value!([]))
    );
    assert_eq!(sent["nodes"].as_array().unwrap().len(), 3);
}

//! Creations that may have so many records and no more.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use cargo_batch_client::types::{
    CreateBatchData, CreateBatchRequest, CreateFilterData, ExecuteActionBatchRequest, Record,
    RunsFilter, RunsFilterByRuns, RunsReset,
};
use cargo_batch_client::{ErrorKind, SavedCreation};
use cargo_batch_tests::script::{json, status, uuid};
use serde_json::{Value, json as value};

use super::{
    CREATE, Fixtures, PREVIEW, file, filter, killed, lost, model, own_file, request, segment,
};

/// A server that acts, and previews so many records.
fn counting(records: usize) -> Fixtures {
    let fixtures = Fixtures::default();
    fixtures.records.store(records, Ordering::SeqCst);
    fixtures
}

fn whole_model() -> CreateBatchRequest {
    request(CreateFilterData::whole_model(model()))
}

fn limits(script: &cargo_batch_tests::script::Script) -> Vec<Value> {
    let sent = script.seen_at(CREATE).into_iter();
    sent.map(|seen| seen.json()["data"]["limit"].clone())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn more_records_than_permitted_are_refused_with_both_numbers_and_nothing_is_sent() {
    for data in [
        CreateBatchData::file("f.csv"),
        CreateBatchData::segment(segment()),
        CreateBatchData::record_ids(model(), ["a"]),
        filter(50).into(),
    ] {
        let fixtures = counting(1_501);
        let (script, client) = fixtures
            .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
            .await;
        let creation = client.prepare_batch(request(data.clone())).await.unwrap();
        let creation = creation.max_records(1_500);
        let error = creation.create().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyRecords);
        let text = error.to_string();
        assert!(text.contains("1501") && text.contains("1500"), "{text}");
        assert!(text.contains("Nothing was sent"), "{text}");
        assert!(!error.may_have_spent() && error.is_final() && !error.is_retryable());
        assert_eq!(script.seen_at(CREATE).len(), 0, "{data:?}");
        fixtures.records.store(1_500, Ordering::SeqCst);
        creation.create().await.unwrap();
        assert_eq!(script.seen_at(CREATE).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_filter_is_previewed_as_it_is_and_sent_with_the_limit() {
    let fixtures = counting(80);
    let (script, client) = fixtures
        .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
        .await;
    let creation = client.prepare_batch(whole_model()).await.unwrap();
    creation.clone().max_records(100).create().await.unwrap();
    assert_eq!(limits(&script), [value!(100)]);
    assert_eq!(
        script.seen_at(PREVIEW)[0].json()["data"],
        value!({ "kind": "filter", "modelUuid": model() })
    );
    // Its own limit is lower.
    let own = client.prepare_batch(request(filter(50))).await.unwrap();
    own.max_records(100).create().await.unwrap();
    assert_eq!(limits(&script)[1], 10);
}

#[tokio::test(start_paused = true)]
async fn a_limit_that_was_raised_is_the_one_that_is_sent() {
    let fixtures = counting(80);
    let (script, client) = fixtures
        .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
        .await;
    let creation = client.prepare_batch(whole_model()).await.unwrap();
    let refused = creation.clone().max_records(50).create().await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::TooManyRecords);
    creation.clone().max_records(90).create().await.unwrap();
    assert_eq!(limits(&script), [value!(90)]);
}

#[tokio::test(start_paused = true)]
async fn every_repetition_is_checked_and_before_the_guard() {
    // Not received, and lost.
    for code in [429, 502] {
        let fixtures = counting(5);
        let (script, client) = fixtures
            .serve(move |fixtures, _| {
                fixtures.records.store(50, Ordering::SeqCst);
                status(code)
            })
            .await;
        let order = Arc::new(Mutex::new(Vec::new()));
        let (asked, seen) = (order.clone(), script.clone());
        let creation = client.prepare_batch(file("f.csv")).await.unwrap();
        let creation = creation.max_records(10).guard(move || {
            asked.lock().unwrap().push(seen.seen_at(PREVIEW).len());
            async { Ok::<_, std::io::Error>(()) }
        });
        let error = creation.create().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyRecords, "{code}");
        assert_eq!(script.seen_at(CREATE).len(), 1, "{code}");
        assert_eq!(script.seen_at(PREVIEW).len(), 2, "{code}");
        assert_eq!(*order.lock().unwrap(), [1], "the guard comes after it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_filter_is_found_by_what_was_sent() {
    let fixtures = counting(80);
    let (script, client) = fixtures.serve(lost).await;
    let creation = client.prepare_batch(whole_model()).await.unwrap();
    let creation = creation.max_records(100);
    let batch = creation.create().await.unwrap();
    assert!(creation.adopted());
    assert_eq!((batch.uuid.to_string(), fixtures.count()), (uuid(1000), 1));
    assert_eq!(script.seen_at(CREATE).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_creations_that_send_the_same_adopt_nothing() {
    let fixtures = counting(5);
    let (script, client) = fixtures.serve(lost).await;
    let limited = client.prepare_batch(whole_model()).await.unwrap();
    let limited = limited.max_records(10);
    let by_hand = CreateFilterData::whole_model(model()).limit(10);
    let by_hand = client.prepare_batch(request(by_hand)).await.unwrap();
    let (first, second) = tokio::join!(limited.create(), by_hand.create());
    assert!(first.unwrap_err().is_ambiguous());
    assert!(second.unwrap_err().is_ambiguous());
    assert_eq!(script.seen_at(CREATE).len(), 2);
}

fn stored(saved: &SavedCreation) -> SavedCreation {
    let text = serde_json::to_string(saved).unwrap();
    let read: SavedCreation = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, saved);
    read
}

#[tokio::test(start_paused = true)]
async fn max_records_survives_the_process() {
    for is_prepared in [false, true] {
        let fixtures = counting(101);
        let (script, client) = fixtures
            .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
            .await;
        let creation = client.prepare_batch(whole_model()).await.unwrap();
        let creation = creation.max_records(100);
        let saved = stored(&match is_prepared {
            true => creation.save_prepared(),
            false => creation.save(),
        });
        assert_eq!(saved.max_records, Some(100));
        drop(creation);
        let resumed = script.client().resume_creation(saved);
        let resumed =
            resumed.before_first_send(|_| std::future::ready(Ok::<_, std::io::Error>(())));
        let error = resumed.create().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyRecords);
        assert_eq!(script.seen_at(CREATE).len(), 0);
        fixtures.records.store(99, Ordering::SeqCst);
        resumed.create().await.unwrap();
        assert_eq!(limits(&script), [value!(100)], "{is_prepared}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_finds_a_filter_that_was_sent_with_the_limit() {
    let fixtures = counting(80);
    let (script, client) = fixtures.serve(lost).await;
    let creation = client.prepare_batch(whole_model()).await.unwrap();
    let creation = creation.max_records(100);
    let saved = stored(&creation.save());
    killed(creation, &fixtures).await;
    let restarted = script.client().resume_creation(saved);
    let batch = restarted.create().await.unwrap();
    assert!(restarted.adopted());
    assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1000), 1));
}

fn leads(count: usize) -> Vec<Record> {
    (0..count)
        .map(|n| Record::from_iter([("email", format!("{n}@example.com"))]))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn records_in_the_request_are_counted_without_a_request() {
    let action: cargo_batch_client::types::Action =
        serde_json::from_value(value!({ "kind": "native", "actionSlug": "enrich" })).unwrap();
    // As a file, as they are, of a form, of an action; and where no workflow could be previewed.
    let numbers = (0..3).map(|n| Record::from_iter([("n", value!(n))]));
    let requests: [cargo_batch_client::CreationRequest; 4] = [
        CreateBatchRequest::new(CreateBatchData::records(leads(3))).into(),
        request(CreateBatchData::records(numbers)).into(),
        request(CreateBatchData::form(leads(3))).into(),
        ExecuteActionBatchRequest::new(action, leads(3)).into(),
    ];
    for creation in requests {
        let fixtures = counting(0);
        let (script, client) = fixtures
            .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
            .await;
        let few = client.prepare_batch(creation).await.unwrap();
        // Also by another process.
        let saved = stored(&few.clone().max_records(2).save_prepared());
        let few = few.before_first_send(|_| std::future::ready(Ok::<_, std::io::Error>(())));
        let error = few.clone().max_records(2).create().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyRecords);
        few.clone().max_records(3).create().await.unwrap();
        drop(few);
        let resumed = script.client().resume_creation(saved);
        let resumed =
            resumed.before_first_send(|_| std::future::ready(Ok::<_, std::io::Error>(())));
        let error = resumed.create().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TooManyRecords);
        assert_eq!((script.seen_at(PREVIEW).len(), fixtures.sent()), (0, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn data_without_a_count_is_refused_with_advice() {
    let fixtures = counting(1);
    let (script, client) = fixtures
        .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
        .await;
    let by_id = RunsFilterByRuns::new().record_id("r1");
    let runs = CreateBatchData::runs(RunsFilter::new(by_id), RunsReset::FirstNode);
    let mut ad_hoc = own_file(&client).await;
    ad_hoc.workflow_uuid = None;
    for request in [request(runs), ad_hoc] {
        let creation = client.prepare_batch(request).await.unwrap();
        let error = creation.max_records(10).create().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidRequest);
        let text = error.to_string();
        assert!(text.contains("`max_records` (10)"), "{text}");
        assert!(text.contains("leave `max_records` out"), "{text}");
        assert!(error.is_final() && !error.may_have_spent());
    }
    assert_eq!(
        (script.seen_at(CREATE).len(), script.seen_at(PREVIEW).len()),
        (0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_preview_that_fails_sends_nothing() {
    let fixtures = Fixtures::default();
    let inner = fixtures.clone();
    let script = cargo_batch_tests::script::Script::start(move |seen| match seen.line.as_str() {
        PREVIEW => status(503),
        CREATE => json(inner.act(seen, 0.0)),
        super::LIST => inner.list(seen),
        _ => status(404),
    })
    .await;
    let creation = script.client().prepare_batch(file("f.csv")).await.unwrap();
    let error = creation.max_records(10).create().await.unwrap_err();
    assert_eq!(error.operation().unwrap().id, "preview_batch");
    assert!(!error.may_have_spent() && !error.is_final() && error.is_retryable());
    assert_eq!(script.seen_at(CREATE).len(), 0);
}

/// What limits a creation in one expression, plain and once, and what is sent.
macro_rules! each_way {
    ($client:expr, $request:expr, $most:expr) => {{
        let plain = $client.create_batch($request).max_records($most).await;
        let once = $client
            .create_batch_once($request.again())
            .max_records($most)
            .await;
        [plain.map(|response| response.batch), once]
    }};
}

#[tokio::test(start_paused = true)]
async fn plain_creations_are_limited_as_well() {
    for data in [
        CreateBatchData::file("f.csv"),
        CreateBatchData::segment(segment()),
        CreateBatchData::record_ids(model(), ["a"]),
        filter(50).into(),
    ] {
        let fixtures = counting(1_501);
        let (script, client) = fixtures
            .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
            .await;
        for refused in each_way!(client, request(data.clone()), 1_500) {
            let error = refused.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::TooManyRecords);
            let text = error.to_string();
            assert!(text.contains("1501") && text.contains("1500"), "{text}");
            assert!(!error.may_have_spent() && error.is_final());
        }
        assert_eq!(script.seen_at(CREATE).len(), 0, "{data:?}");
        fixtures.records.store(1_500, Ordering::SeqCst);
        for created in each_way!(client, request(data.clone()), 1_500) {
            created.unwrap();
        }
        assert_eq!(script.seen_at(CREATE).len(), 2, "{data:?}");
        assert_eq!(script.seen_at(PREVIEW).len(), 4, "{data:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plain_filter_is_sent_with_the_last_limit() {
    let fixtures = counting(80);
    let (script, client) = fixtures
        .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
        .await;
    for created in each_way!(client, whole_model(), 100) {
        created.unwrap();
    }
    let raised = client
        .create_batch(whole_model())
        .max_records(50)
        .max_records(90);
    raised.await.unwrap();
    let own = client.create_batch(request(filter(50))).max_records(100);
    own.await.unwrap();
    assert_eq!(
        limits(&script),
        [value!(100), value!(100), value!(90), value!(10)]
    );
    for seen in script.seen_at(PREVIEW).iter().take(3) {
        assert_eq!(
            seen.json()["data"],
            value!({ "kind": "filter", "modelUuid": model() })
        );
    }
    let lowered = client
        .create_batch(whole_model())
        .max_records(90)
        .max_records(50);
    assert_eq!(lowered.await.unwrap_err().kind(), ErrorKind::TooManyRecords);
}

#[tokio::test(start_paused = true)]
async fn each_attempt_of_a_plain_creation_is_checked() {
    let fixtures = counting(5);
    let (script, client) = fixtures
        .serve(move |fixtures, _| {
            fixtures.records.store(50, Ordering::SeqCst);
            status(429)
        })
        .await;
    let error = client
        .create_batch(file("f.csv"))
        .max_records(10)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooManyRecords);
    assert_eq!(
        (script.seen_at(CREATE).len(), script.seen_at(PREVIEW).len()),
        (1, 2)
    );
    // The client itself has no limit.
    fixtures.records.store(50, Ordering::SeqCst);
    let error = client.create_batch(file("f.csv")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Status);
}

#[tokio::test(start_paused = true)]
async fn records_of_a_plain_request_are_counted_without_a_request() {
    let action: cargo_batch_client::types::Action =
        serde_json::from_value(value!({ "kind": "native", "actionSlug": "enrich" })).unwrap();
    let fixtures = counting(0);
    let (script, client) = fixtures
        .serve(|fixtures, seen| json(fixtures.act(seen, 0.0)))
        .await;
    let records = request(CreateBatchData::records(leads(3)));
    let actions = ExecuteActionBatchRequest::new(action, leads(3));
    let refused = [
        client
            .create_batch(records.clone())
            .max_records(2)
            .await
            .map(drop),
        client
            .execute_action_batch(actions.clone())
            .max_records(2)
            .await
            .map(drop),
        client
            .create_batch_once(records.clone())
            .max_records(2)
            .await
            .map(drop),
        client
            .create_batch_once(actions.clone())
            .max_records(2)
            .await
            .map(drop),
    ];
    for refused in refused {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::TooManyRecords);
    }
    assert_eq!(fixtures.sent(), 0);
    client.create_batch(records).max_records(3).await.unwrap();
    client
        .execute_action_batch(actions)
        .max_records(3)
        .await
        .unwrap();
    assert_eq!((script.seen_at(PREVIEW).len(), fixtures.sent()), (0, 2));
    // What can't be counted isn't sent.
    let mut ad_hoc = file("f.csv");
    ad_hoc.workflow_uuid = None;
    let error = client
        .create_batch(ad_hoc)
        .max_records(10)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert_eq!(fixtures.sent(), 2);
}

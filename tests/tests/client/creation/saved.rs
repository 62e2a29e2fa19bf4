//! Creations that outlive their process.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cargo_batch_client::types::{CreateBatchData, Record};
use cargo_batch_client::{BatchCreation, Client, CreationState, ErrorKind, SavedCreation};
use cargo_batch_tests::script::{Seen, json, status, uuid};
use serde_json::json as value;
use tokio::time::sleep;

use super::{
    CREATE, Fixtures, LIST, file, filter, killed, lost, model, own_file, request, segment, workflow,
};

fn acts(fixtures: &Fixtures, seen: &Seen) -> axum::http::Response<axum::body::Body> {
    json(fixtures.act(seen, 0.0))
}

/// Through a database, as text.
fn stored(saved: &SavedCreation) -> SavedCreation {
    let text = serde_json::to_string(saved).unwrap();
    let read: SavedCreation = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, saved);
    read
}

#[tokio::test(start_paused = true)]
async fn another_process_finds_the_batch_of_a_saved_creation() {
    let records = [Record::from_iter([("email", "ada@example.com")])];
    for data in [
        CreateBatchData::file("f.csv"),
        CreateBatchData::records(records),
        filter(50).into(),
        CreateBatchData::record_ids(model(), ["a"]),
    ] {
        let fixtures = Fixtures::default();
        let (script, client) = fixtures.serve(lost).await;
        let creation = client.prepare_batch(request(data)).await.unwrap();
        let saved = stored(&creation.save());
        assert_eq!(saved.state, CreationState::Sending);
        killed(creation, &fixtures).await;
        let restarted = script.client().resume_creation(saved);
        let batch = restarted.create().await.unwrap();
        assert!(restarted.adopted());
        assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1000), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn another_process_creates_what_was_never_sent_after_the_settling_time() {
    for data in [
        CreateBatchData::from(filter(50)),
        CreateBatchData::segment(segment()),
    ] {
        let fixtures = Fixtures::default();
        let (script, client) = fixtures.serve(acts).await;
        let saved = stored(&client.prepare_batch(request(data)).await.unwrap().save());
        let restarted = script.client().resume_creation(saved);
        restarted.create().await.unwrap();
        assert!(!restarted.adopted());
        assert_eq!(script.seen_at(CREATE)[0].at, Duration::from_secs(60));
        assert_eq!((fixtures.sent(), fixtures.count()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_saved_segment_with_a_batch_since_is_left_to_a_person() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(lost).await;
    let creation = client
        .prepare_batch(request(CreateBatchData::segment(segment())))
        .await
        .unwrap();
    let saved = stored(&creation.save());
    assert!(!saved.is_distinguishable());
    killed(creation, &fixtures).await;
    let error = script
        .client()
        .resume_creation(saved)
        .create()
        .await
        .unwrap_err();
    assert!(error.is_ambiguous() && error.is_final() && error.may_have_spent());
    assert_eq!(error.candidates().len(), 1);
    assert_eq!(fixtures.sent(), 1);
}

/// The database didn't take the batch's id, and the engine runs the job again in the same process.
#[tokio::test(start_paused = true)]
async fn resumed_where_it_was_created_it_finds_its_own_batch() {
    for keep in [true, false] {
        for data in [
            CreateBatchData::from(filter(50)),
            CreateBatchData::segment(segment()),
        ] {
            let fixtures = Fixtures::default();
            let (_script, client) = fixtures.serve(acts).await;
            let creation = client.prepare_batch(request(data)).await.unwrap();
            let saved = creation.save();
            let first = creation.create().await.unwrap();
            let kept = keep.then_some(creation);
            let again = client.resume_creation(saved).create().await.unwrap();
            assert_eq!((again.uuid, fixtures.sent()), (first.uuid, 1));
            drop(kept);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn two_resumes_of_one_value_in_one_process_are_one_batch() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(acts).await;
    let saved = client
        .prepare_batch(request(filter(50)))
        .await
        .unwrap()
        .save();
    let other = script.client();
    let (left, right) = (
        client.resume_creation(saved.clone()),
        other.resume_creation(saved),
    );
    let (left, right) = tokio::join!(left.create(), right.create());
    assert_eq!(left.unwrap().uuid, right.unwrap().uuid);
    assert_eq!((fixtures.sent(), fixtures.count()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn create_is_idempotent_and_says_whether_it_adopted() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(acts).await;
    let creation = client.prepare_batch(request(filter(50))).await.unwrap();
    assert!(!creation.adopted());
    let first = creation.create().await.unwrap();
    let requests = script.seen().len();
    assert_eq!(creation.create().await.unwrap(), first);
    assert_eq!(script.seen().len(), requests, "it is known");
    assert!(!creation.adopted());
    assert_eq!(creation.save().batch, Some(first.uuid));
}

#[tokio::test(start_paused = true)]
async fn a_saved_creation_that_knows_its_batch_asks_for_that_alone() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(acts).await;
    let creation = client.prepare_batch(request(filter(50))).await.unwrap();
    let first = creation.create().await.unwrap();
    let saved = stored(&creation.save());
    drop(creation);
    let before = script.seen().len();
    let again = script
        .client()
        .resume_creation(saved.clone())
        .create()
        .await
        .unwrap();
    assert_eq!((again.uuid, script.seen().len()), (first.uuid, before + 1));
    // A batch that is gone is no reason to send.
    fixtures.change(|batch| batch["uuid"] = value!(uuid(1)));
    let error = script
        .client()
        .resume_creation(saved)
        .create()
        .await
        .unwrap_err();
    assert_eq!(error.status().unwrap(), 404);
    assert!(error.is_final());
    assert_eq!(fixtures.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn find_searches_and_never_sends() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(lost).await;
    let creation = client.prepare_batch(request(filter(50))).await.unwrap();
    let saved = creation.save();
    let restarted = script.client().resume_creation(saved);
    assert_eq!(restarted.find().await.unwrap(), None);
    assert_eq!(fixtures.sent(), 0);
    killed(creation, &fixtures).await;
    assert_eq!(
        restarted.find().await.unwrap().unwrap().uuid.to_string(),
        uuid(1000)
    );
    assert_eq!(fixtures.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_prepared_creation_that_was_never_sent_is_created_at_once() {
    for data in [
        CreateBatchData::from(filter(50)),
        CreateBatchData::segment(segment()),
    ] {
        let fixtures = Fixtures::default();
        // One of yesterday, and one that another client creates after the process ended.
        fixtures.make(-86_400.0, &value!(workflow()), value!(data));
        let (script, client) = fixtures.serve(acts).await;
        let creation = client.prepare_batch(request(data.clone())).await.unwrap();
        let saved = stored(&creation.save_prepared());
        assert_eq!(saved.state, CreationState::Prepared);
        drop(creation);
        sleep(Duration::from_secs(100)).await;
        fixtures.make(99.0, &value!(workflow()), value!(data));
        let row = Arc::new(Mutex::new(saved.clone()));
        let stores = row.clone();
        let restarted = script
            .client()
            .resume_creation(saved)
            .before_first_send(move |sending| {
                *stores.lock().unwrap() = sending;
                async { Ok::<_, std::io::Error>(()) }
            });
        let batch = restarted.create().await.unwrap();
        assert_eq!(script.seen_at(CREATE)[0].at, Duration::from_secs(100));
        assert_eq!(batch.uuid.to_string(), uuid(1002));
        // What is stored notes what existed when it was sent, and finds the same batch.
        let stored = stored(&row.lock().unwrap());
        assert_eq!(stored.state, CreationState::Sending);
        if data.tag() == "filter" {
            let again = script
                .client()
                .resume_creation(stored)
                .create()
                .await
                .unwrap();
            assert_eq!(again.uuid, batch.uuid);
        }
        assert_eq!(fixtures.sent(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn the_process_that_loses_the_swap_sends_nothing() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(acts).await;
    let creation = client.prepare_batch(request(filter(50))).await.unwrap();
    let saved = creation.save_prepared();
    // Without a place to store it, nothing is sent either.
    let error = creation.create().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest, "{error}");
    let is_taken = Arc::new(AtomicBool::new(false));
    let swap = |creation: BatchCreation| {
        let is_taken = is_taken.clone();
        creation.before_first_send(move |_| {
            let was_taken = is_taken.swap(true, Ordering::SeqCst);
            async move {
                if was_taken {
                    Err("another worker has it")
                } else {
                    Ok(())
                }
            }
        })
    };
    let winner = swap(creation);
    let loser = swap(script.client().resume_creation(saved));
    winner.create().await.unwrap();
    // In another process it would not know the winner's batch: here it does.
    assert_eq!(
        loser.create().await.unwrap().uuid,
        winner.create().await.unwrap().uuid
    );
    assert_eq!(fixtures.sent(), 1);

    let creation = client.prepare_batch(request(filter(51))).await.unwrap();
    let saved = creation.save_prepared();
    drop(creation);
    let error = swap(client.resume_creation(saved))
        .create()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Superseded);
    assert!(format!("{error:#}").contains("another worker has it"));
    assert!(!error.is_ambiguous() && !error.is_retryable() && !error.is_final());
    assert_eq!(fixtures.sent(), 1);
}

/// A guard that says yes so often.
fn guarded(creation: BatchCreation, yes: usize) -> (BatchCreation, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counts = asked.clone();
    let guarded = creation.guard(move || {
        let number = counts.fetch_add(1, Ordering::SeqCst);
        async move {
            if number < yes {
                Ok(())
            } else {
                Err("the lock is lost")
            }
        }
    });
    (guarded, asked)
}

#[tokio::test(start_paused = true)]
async fn a_guard_is_asked_before_each_request_that_can_spend() {
    // It was throttled, and then the response was lost, without a batch: three requests of two rounds.
    let response = |fixtures: &Fixtures, seen: &Seen| match seen.number {
        0 => status(429),
        1 => status(502),
        _ => acts(fixtures, seen),
    };
    for yes in 0..=3 {
        let fixtures = Fixtures::default();
        let (_script, client) = fixtures.serve(response).await;
        let creation = client.prepare_batch(request(filter(50))).await.unwrap();
        let (creation, asked) = guarded(creation, yes);
        let done = creation.create().await;
        assert_eq!(asked.load(Ordering::SeqCst), 3.min(yes + 1));
        assert_eq!(fixtures.sent(), yes, "nothing is sent after a no");
        match done {
            Ok(_) => assert_eq!(yes, 3),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Superseded, "{error}");
                assert!(!error.is_ambiguous() && !error.is_final());
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_guard_whose_yes_is_old_is_asked_again() {
    for (seconds, yes) in [(4, true), (6, false)] {
        let fixtures = Fixtures::default();
        let (_script, client) = fixtures.serve(acts).await;
        let asked = Arc::new(AtomicUsize::new(0));
        let counts = asked.clone();
        let creation = client
            .prepare_batch(request(filter(50)))
            .await
            .unwrap()
            .guard(move || {
                // As where the process is frozen after its first question.
                let first = counts.fetch_add(1, Ordering::SeqCst) == 0;
                async move {
                    sleep(Duration::from_secs(if first { seconds } else { 0 })).await;
                    if first || yes {
                        Ok(())
                    } else {
                        Err("the lock is lost")
                    }
                }
            });
        let done = creation.create().await;
        assert_eq!(asked.load(Ordering::SeqCst), if yes { 1 } else { 2 });
        assert_eq!(done.is_ok(), yes);
        assert_eq!(fixtures.sent(), usize::from(yes));
    }
}

/// The wrong token would find nothing there, and pay in a second workspace.
#[tokio::test(start_paused = true)]
async fn another_server_or_workspace_is_refused_before_anything_is_listed() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(acts).await;
    let saved = client
        .prepare_batch(request(filter(50)))
        .await
        .unwrap()
        .save();
    assert_eq!(saved.workspace, None, "nothing has shown it yet");
    let (other, _) = Fixtures::default().serve(acts).await;
    let error = other
        .client()
        .resume_creation(saved)
        .create()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidRequest);
    assert!(
        error.to_string().contains(script.base_url()) && error.is_final(),
        "{error}"
    );
    assert!(other.seen().is_empty());

    // Known by the batches that it has seen, or by its setting.
    client.create_batch_once(request(filter(51))).await.unwrap();
    let saved = client
        .prepare_batch(request(filter(52)))
        .await
        .unwrap()
        .save();
    assert!(saved.workspace.is_some());
    let id: cargo_batch_client::types::WorkspaceUuid = uuid(77).parse().unwrap();
    let elsewhere = script.builder().workspace(id).build().unwrap();
    let lists = script.seen_at(LIST).len();
    let error = elsewhere.resume_creation(saved).create().await.unwrap_err();
    assert!(error.to_string().contains(&uuid(77)), "{error}");
    assert_eq!((script.seen_at(LIST).len(), fixtures.sent()), (lists, 1));
}

#[tokio::test(start_paused = true)]
async fn equal_data_has_an_equal_key_for_a_unique_column() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures.serve(acts).await;
    let key = async |client: &Client, data: CreateBatchData| {
        client
            .prepare_batch(request(data))
            .await
            .unwrap()
            .save()
            .key()
    };
    let named = key(&client, CreateBatchData::file("a.csv")).await;
    assert_eq!(named, key(&client, CreateBatchData::file("a.csv")).await);
    assert_ne!(named, key(&client, CreateBatchData::file("b.csv")).await);
    assert!(named.unwrap().len() < 100);
    let many: Vec<String> = (0..10_000).map(|n| n.to_string()).collect();
    assert!(
        key(&client, CreateBatchData::record_ids(model(), many))
            .await
            .unwrap()
            .len()
            < 100
    );
    let age = Record::from_iter([("age", 36)]);
    assert_eq!(key(&client, CreateBatchData::records([age])).await, None);
}

#[tokio::test(start_paused = true)]
async fn a_creation_is_saved_to_a_file_all_or_nothing() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures.serve(acts).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("job.json");
    assert_eq!(SavedCreation::load_from(&path).await.unwrap(), None);
    let creation = client.prepare_batch(file("a.csv")).await.unwrap();
    for _ in 0..2 {
        creation.save().save_to(&path).await.unwrap();
        assert_eq!(
            SavedCreation::load_from(&path).await.unwrap(),
            Some(creation.save())
        );
    }
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "nothing is left beside it"
    );
    std::fs::write(&path, "").unwrap();
    let error = SavedCreation::load_from(&path).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("job.json"), "{error}");
    let nowhere = folder.path().join("missing/job.json");
    assert!(creation.save().save_to(&nowhere).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn the_saved_form_is_readable_text_and_another_version_is_named() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(acts).await;
    fixtures.make(
        -5.0,
        &value!(workflow()),
        value!({ "kind": "file", "s3Filename": "x" }),
    );
    let creation = client.prepare_batch(file("a.csv")).await.unwrap();
    let mut saved = value!(creation.save());
    assert_eq!(
        saved,
        value!({
            "version": 1, "id": creation.id(), "state": "sending",
            "request": {
                "operation": "create_batch",
                "body": { "workflowUuid": workflow(), "data": { "kind": "file", "s3Filename": "a.csv" } },
            },
            "preparedAt": saved["preparedAt"],
            "note": { "marker": super::at(-5.0), "batches": [uuid(1000)] },
            "baseUrl": script.base_url(), "workspace": saved["workspace"],
        })
    );
    assert!(saved["preparedAt"].as_str().unwrap().ends_with('Z'));
    // A later release may add fields.
    saved["addedLater"] = value!(1);
    let read: SavedCreation = serde_json::from_value(saved.clone()).unwrap();
    assert_eq!(read, creation.save());
    saved["version"] = value!(2);
    let error = serde_json::from_value::<SavedCreation>(saved).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_secret_is_saved_and_not_shown() {
    use cargo_batch_client::types::{Action, ExecuteActionBatchRequest};
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures.serve(acts).await;
    let record = Record::from_iter([("age", 36)]);
    let action = ExecuteActionBatchRequest::new(Action::native("enrich"), [record])
        .webhook_url("https://e.com/hush")
        .webhook_secret("hush-hush");
    let creation = client.prepare_batch(action).await.unwrap();
    let saved = creation.save();
    assert!(serde_json::to_string(&saved).unwrap().contains("hush-hush"));
    assert!(!format!("{saved:?} {creation:?}").contains("hush"));
}

/// An own file needs its name alone, also in another process: what it was saved with says so.
#[tokio::test(start_paused = true)]
async fn an_own_file_stays_one_when_it_is_saved() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures
        .serve(|fixtures, seen| {
            fixtures.act(seen, 0.0);
            fixtures.change(|batch| batch["createdAt"] = value!(super::at(-86_400.0)));
            status(502)
        })
        .await;
    for n in 0..150 {
        let data = value!({ "kind": "file", "s3Filename": format!("other-{n}") });
        fixtures.make(-f64::from(n), &value!(workflow()), data);
    }
    let own = own_file(&client).await;
    let creation = client.prepare_batch(own).await.unwrap();
    let saved = stored(&creation.save());
    killed(creation, &fixtures).await;
    let batch = script
        .client()
        .resume_creation(saved)
        .create()
        .await
        .unwrap();
    assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1150), 1));
}

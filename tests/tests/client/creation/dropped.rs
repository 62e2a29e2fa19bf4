//! Creations that were dropped, or ended without knowing what they created: the next one with the same data
//! continues them.

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::{CreateBatchData, Record};
use cargo_batch_client::{Client, CreationRequest};
use cargo_batch_tests::script::{Seen, json, status, uuid};
use serde_json::json as value;
use tokio::time::{sleep, timeout};

use super::{CREATE, Fixtures, UPLOAD, file, filter, lost, model, own_file, request, segment};

/// Drops a creation half a second after it was begun.
async fn dropped(client: &Client, request: impl Into<CreationRequest>) {
    let creation = client.create_batch_once(request);
    timeout(Duration::from_millis(500), creation)
        .await
        .unwrap_err();
}

/// Acts three seconds after the request, whether a client still listens or not, and never responds.
fn late(fixtures: &Fixtures, seen: &Seen) -> Response<Body> {
    match seen.number {
        0 => {
            fixtures.act(seen, 3.0);
            Response::new(Body::from_stream(futures_util::stream::pending::<
                std::io::Result<String>,
            >()))
        }
        _ => json(fixtures.act(seen, 0.0)),
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_again_takes_over_what_was_dropped_and_finds_its_batch() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures.serve(late).await;
    let own = own_file(&client).await;
    let records = [Record::from_iter([("email", "ada@example.com")])];
    for (index, request) in [
        own,
        request(filter(50)),
        request(CreateBatchData::records(records)),
        request(CreateBatchData::record_ids(model(), ["a"])),
        file("named-by-the-caller.csv"),
    ]
    .into_iter()
    .enumerate()
    {
        let fixtures = Fixtures::default();
        let (script, _) = fixtures.serve(late).await;
        // The first was uploaded by the client of another server: here it counts as the caller's.
        let client = script.client();
        let request = match index {
            0 => own_file(&client).await,
            _ => request,
        };
        dropped(&client, request.clone()).await;
        let batch = client.create_batch_once(request.clone()).await.unwrap();
        assert_eq!(batch.uuid.to_string(), uuid(1000), "{request:?}");
        assert_eq!((fixtures.sent(), fixtures.count()), (1, 1), "{request:?}");
        assert!(
            script.seen_at(UPLOAD).len() <= 1,
            "records are uploaded once"
        );
    }
}

/// What may be meant twice is taken over for 15 minutes; a file that only the dropped creation has used, ever.
#[tokio::test(start_paused = true)]
async fn an_own_file_is_taken_over_also_after_20_minutes() {
    for (is_own, batches) in [(true, 1), (false, 2)] {
        let fixtures = Fixtures::default();
        let (_script, client) = fixtures.serve(late).await;
        let request = match is_own {
            true => own_file(&client).await,
            false => request(filter(50)),
        };
        dropped(&client, request.clone()).await;
        sleep(Duration::from_secs(20 * 60)).await;
        client.create_batch_once(request).await.unwrap();
        assert_eq!((fixtures.sent(), fixtures.count()), (batches, batches));
    }
}

#[tokio::test(start_paused = true)]
async fn a_dropped_creation_that_left_no_batch_is_created_after_the_settling_time() {
    for request in [
        request(filter(50)),
        request(CreateBatchData::segment(segment())),
    ] {
        let fixtures = Fixtures::default();
        let (script, client) = fixtures
            .serve(|fixtures, seen| match seen.number {
                0 => Response::new(Body::from_stream(futures_util::stream::pending::<
                    std::io::Result<String>,
                >())),
                _ => json(fixtures.act(seen, 0.0)),
            })
            .await;
        dropped(&client, request.clone()).await;
        client.create_batch_once(request).await.unwrap();
        assert_eq!((fixtures.sent(), fixtures.count()), (2, 1));
        // From the drop on, half a second after the beginning.
        assert_eq!(script.seen_at(CREATE)[1].at, Duration::from_millis(60_500));
    }
}

/// A batch of the same segment that appeared since may be anyone's.
#[tokio::test(start_paused = true)]
async fn a_dropped_creation_of_a_segment_is_never_decided_by_a_guess() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures.serve(late).await;
    let request = request(CreateBatchData::segment(segment()));
    dropped(&client, request.clone()).await;
    let error = client.create_batch_once(request).await.unwrap_err();
    assert!(error.is_ambiguous() && error.is_final(), "{error}");
    assert_eq!(error.candidates().len(), 1);
    assert_eq!(fixtures.sent(), 1);
}

#[tokio::test(start_paused = true)]
async fn dropping_before_anything_was_sent_leaves_nothing_to_take_over() {
    let fixtures = Fixtures::default();
    // The list stalls, so that the creation is dropped while it notes what exists.
    let list = |fixtures: &Fixtures, seen: &Seen| match seen.at < Duration::from_secs(1) {
        true => super::later(value!({ "batches": [] }), 5.0),
        false => fixtures.list(seen),
    };
    let create = |fixtures: &Fixtures, seen: &Seen| json(fixtures.act(seen, 0.0));
    let (script, client) = fixtures.serve_list(create, list).await;
    dropped(&client, request(filter(50))).await;
    assert_eq!(fixtures.sent(), 0);
    sleep(Duration::from_secs(1)).await;
    client.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!(script.seen_at(CREATE)[0].at, Duration::from_millis(1500));
}

/// The creation itself, called again, needs no other to take it over.
#[tokio::test(start_paused = true)]
async fn a_creation_that_was_dropped_continues_when_it_is_called_again() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures.serve(late).await;
    let creation = client.prepare_batch(request(filter(50))).await.unwrap();
    timeout(Duration::from_millis(500), creation.create())
        .await
        .unwrap_err();
    let batch = creation.create().await.unwrap();
    assert!(creation.adopted());
    assert_eq!(creation.create().await.unwrap().uuid, batch.uuid);
    assert_eq!((fixtures.sent(), fixtures.count()), (1, 1));
}

/// One that a later creation continues isn't continued by a third: that is a batch of its own.
#[tokio::test(start_paused = true)]
async fn a_dropped_creation_is_taken_over_by_one_creation_only() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures.serve(late).await;
    dropped(&client, request(filter(50))).await;
    let second = client.prepare_batch(request(filter(50))).await.unwrap();
    let third = client.prepare_batch(request(filter(50))).await.unwrap();
    assert_ne!(second.id(), third.id());
    // One that is prepared and given up leaves it to the next.
    let id = second.id();
    drop(second);
    assert_eq!(
        client
            .prepare_batch(request(filter(50)))
            .await
            .unwrap()
            .id(),
        id
    );
}

#[tokio::test(start_paused = true)]
async fn an_ambiguous_end_is_continued_like_a_dropped_creation() {
    let fixtures = Fixtures::default();
    let list = |fixtures: &Fixtures, seen: &Seen| match seen.at.as_secs() {
        1..400 => status(500),
        _ => fixtures.list(seen),
    };
    let (_script, client) = fixtures.serve_list(lost, list).await;
    let error = client
        .create_batch_once(request(filter(50)))
        .await
        .unwrap_err();
    assert!(
        error.is_ambiguous() && !error.is_final(),
        "the list may be readable later"
    );
    sleep(Duration::from_secs(300)).await;
    let batch = client.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1000), 1));
}

/// A batch that was created, but that the caller was never given.
#[tokio::test(start_paused = true)]
async fn a_creation_that_is_dropped_once_it_has_its_batch_is_taken_over_with_it() {
    for own in [true, false] {
        let fixtures = Fixtures::default();
        // The first request is lost without effect; the second creates, and the list that tells whether the
        // first has, too, stalls.
        let create = |fixtures: &Fixtures, seen: &Seen| match fixtures.sent() {
            1 => status(502),
            _ => json(fixtures.act(seen, 0.0)),
        };
        let list = |fixtures: &Fixtures, seen: &Seen| match fixtures.count() {
            1 => super::later(value!({ "batches": [] }), 5.0),
            _ => fixtures.list(seen),
        };
        let (_script, client) = fixtures.serve_list(create, list).await;
        let request = match own {
            true => own_file(&client).await,
            false => request(filter(50)),
        };
        let creation = client.create_batch_once(request.clone());
        timeout(Duration::from_secs(63), creation)
            .await
            .unwrap_err();
        assert_eq!((fixtures.sent(), fixtures.count()), (2, 1));
        let batch = client.create_batch_once(request).await.unwrap();
        assert_eq!(batch.uuid.to_string(), uuid(1000));
        assert_eq!((fixtures.sent(), fixtures.count()), (2, 1));
    }
}

//! What existed before the first request is known by its id: it is not adopted, and a file isn't run twice by
//! mistake.

use std::time::Duration;

use cargo_batch_client::ErrorKind;
use cargo_batch_client::types::CreateBatchData;
use cargo_batch_tests::script::{Seen, json, status, uuid};
use serde_json::json as value;

use super::{Fixtures, LIST, file, filter, lost, model, own_file, request, workflow};

fn acts(fixtures: &Fixtures, seen: &Seen) -> axum::http::Response<axum::body::Body> {
    json(fixtures.act(seen, 0.0))
}

#[tokio::test(start_paused = true)]
async fn the_same_of_yesterday_is_run_again_on_purpose() {
    for (request, is_refused) in [
        (request(filter(50)), false),
        (request(CreateBatchData::record_ids(model(), ["a"])), false),
        (file("leads.csv"), true),
    ] {
        let fixtures = Fixtures::default();
        let yesterday = value!(request.data);
        fixtures.make(-86_400.0, &value!(workflow()), yesterday);
        let (_script, client) = fixtures.serve(lost).await;
        if is_refused {
            let error = client.create_batch_once(request.clone()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidRequest);
            assert_eq!(error.candidates()[0].uuid.to_string(), uuid(1000));
            assert!(error.to_string().contains(&uuid(1000)), "{error}");
            assert!(error.advice().unwrap().contains("again()"));
            assert!(error.is_final() && !error.is_ambiguous() && !error.may_have_spent());
            assert_eq!(fixtures.sent(), 0);
        }
        // The response is lost; of the two only the new one is this creation's.
        let batch = client.create_batch_once(request.again()).await.unwrap();
        assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1001), 1));
    }
}

/// What a program does that is restarted and knows nothing of saved creations.
#[tokio::test(start_paused = true)]
async fn a_naive_restart_does_not_pay_for_the_same_file_twice() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures.serve(acts).await;
    let request = own_file(&client).await;
    let first = client.create_batch_once(request.clone()).await.unwrap();
    let saved_request = serde_json::to_string(&request).unwrap();
    let request: cargo_batch_client::types::CreateBatchRequest =
        serde_json::from_str(&saved_request).unwrap();
    for client in [client, script.client()] {
        let error = client.create_batch_once(request.clone()).await.unwrap_err();
        assert_eq!(error.candidates()[0].uuid, first.uuid);
    }
    assert_eq!(fixtures.sent(), 1);
}

/// Also where so many others were created since that the list's head doesn't show it.
#[tokio::test(start_paused = true)]
async fn a_client_remembers_which_batch_ran_its_files() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures.serve(acts).await;
    let request = own_file(&client).await;
    let first = client.create_batch_once(request.clone()).await.unwrap();
    for n in 0..150 {
        let data = value!({ "kind": "file", "s3Filename": format!("other-{n}") });
        fixtures.make(1000.0 * f64::from(n), &value!(workflow()), data);
        fixtures.change(|batch| batch["visible"] = value!(0.0));
    }
    let error = client.create_batch_once(request.clone()).await.unwrap_err();
    assert_eq!(error.candidates()[0].uuid, first.uuid);
    assert_eq!(fixtures.sent(), 1);
    client.create_batch_once(request.again()).await.unwrap();
    assert_eq!(fixtures.sent(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_list_is_noted_once_and_not_for_a_file_of_ones_own() {
    let fixtures = Fixtures::default();
    let (script, client) = fixtures
        .serve(|fixtures, seen| match seen.number {
            0 => status(502),
            _ => acts(fixtures, seen),
        })
        .await;
    let creation = client.prepare_batch(request(filter(50))).await.unwrap();
    assert_eq!(script.seen_at(LIST).len(), 1);
    // Appeared since: for the second round, too, it is newer than what was noted.
    fixtures.make(
        1.0,
        &value!(workflow()),
        value!(CreateBatchData::from(filter(50))),
    );
    let batch = creation.create().await.unwrap();
    assert_eq!((batch.uuid.to_string(), fixtures.sent()), (uuid(1000), 1));

    let lists = script.seen_at(LIST).len();
    let own = own_file(&client).await;
    client
        .prepare_batch(own)
        .await
        .unwrap()
        .create()
        .await
        .unwrap();
    assert_eq!(script.seen_at(LIST).len(), lists);
}

/// Without a note nothing tells the new batch from an old one.
#[tokio::test(start_paused = true)]
async fn without_a_note_what_may_be_meant_twice_is_named_and_not_adopted() {
    let fixtures = Fixtures::default();
    let list = |fixtures: &Fixtures, seen: &Seen| match fixtures.sent() {
        0 => status(403),
        _ => fixtures.list(seen),
    };
    let (_script, client) = fixtures.serve_list(lost, list).await;
    let error = client
        .create_batch_once(request(filter(50)))
        .await
        .unwrap_err();
    assert!(error.is_ambiguous() && error.is_final());
    assert_eq!(error.candidates().len(), 1);
    assert_eq!(fixtures.sent(), 1);
    // Where there is none at all, none was created.
    let fixtures = Fixtures::default();
    let list = |fixtures: &Fixtures, seen: &Seen| match fixtures.sent() {
        0 => status(403),
        _ => fixtures.list(seen),
    };
    let create = |fixtures: &Fixtures, seen: &Seen| match seen.number {
        0 => status(502),
        _ => acts(fixtures, seen),
    };
    let (_script, client) = fixtures.serve_list(create, list).await;
    client.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!((fixtures.sent(), fixtures.count()), (2, 1));
}

/// `failedToStart` says that something may exist, whatever its status.
#[tokio::test(start_paused = true)]
async fn a_batch_that_failed_to_start_is_searched_for() {
    let failed = |code: u16| {
        let mut response = json(value!({ "reason": "failedToStart" }));
        *response.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
        response
    };
    for code in [400, 404, 429, 500] {
        let fixtures = Fixtures::default();
        let (_script, client) = fixtures
            .serve(move |fixtures, seen| {
                fixtures.act(seen, 0.0);
                failed(code)
            })
            .await;
        let batch = client.create_batch_once(request(filter(50))).await.unwrap();
        assert_eq!(
            (batch.uuid.to_string(), fixtures.sent()),
            (uuid(1000), 1),
            "{code}"
        );
    }
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures
        .serve(move |fixtures, seen| match seen.number {
            0 => failed(400),
            _ => acts(fixtures, seen),
        })
        .await;
    let began = tokio::time::Instant::now();
    client.create_batch_once(request(filter(50))).await.unwrap();
    assert_eq!(
        (fixtures.sent(), began.elapsed().as_secs()),
        (2, Duration::from_secs(60).as_secs())
    );
}

#[tokio::test(start_paused = true)]
async fn batches_that_were_not_recorded_are_listed() {
    let fixtures = Fixtures::default();
    let (_script, client) = fixtures.serve(acts).await;
    for n in 0..3 {
        fixtures.make(
            -200_000.0 + f64::from(n),
            &value!(workflow()),
            value!({ "kind": "file", "s3Filename": "x" }),
        );
    }
    let recorded = client.create_batch_once(request(filter(1))).await.unwrap();
    let lost = client.create_batch_once(request(filter(2))).await.unwrap();
    let since = super::at(-86_400.0);
    let found = client
        .unrecorded_batches(workflow(), since, [recorded.uuid])
        .await
        .unwrap();
    assert_eq!(
        found.iter().map(|batch| batch.uuid).collect::<Vec<_>>(),
        [lost.uuid]
    );
}

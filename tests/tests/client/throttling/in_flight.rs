//! How many requests are in flight, and how few file descriptors are enough for them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::Client;
use cargo_batch_tests::child;
use cargo_batch_tests::frames::{self, Act};
use cargo_batch_tests::script::{Script, Seen, TOKEN, batch, json};
use futures_util::StreamExt;
use serde_json::json as value;
use tokio::time::Instant;

use super::{CREATE, at_once, create, delayed, id, one_batch, read, request, runtime};

/// No more at once than was set, however many there are.
#[tokio::test(start_paused = true)]
async fn requests_in_flight_are_limited() {
    for (limit, most) in [(None, 32), (Some(3), 3), (Some(0), 1)] {
        let in_flight = Arc::new(Mutex::new((0_usize, 0_usize)));
        let counting = in_flight.clone();
        let script = Script::start(move |_| {
            let counting = counting.clone();
            {
                let mut counts = counting.lock().unwrap();
                counts.0 += 1;
                counts.1 = counts.1.max(counts.0);
            }
            let body = futures_util::stream::once(async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                counting.lock().unwrap().0 -= 1;
                let body = value!({ "batch": batch(value!({ "status": "success" })) });
                Ok::<_, std::io::Error>(body.to_string())
            });
            Response::new(Body::from_stream(body))
        })
        .await;
        let client = match limit {
            Some(limit) => script.builder().max_in_flight(limit).build().unwrap(),
            None => script.client(),
        };
        for done in at_once(&client, 4 * most, read).await {
            done.unwrap();
        }
        assert_eq!(in_flight.lock().unwrap().1, most);
    }
}

/// Futures that aren't polled while the program awaits something else keep their places.
#[tokio::test(start_paused = true)]
async fn calls_that_are_not_polled_hold_up_no_other() {
    let script = Script::start(|_| one_batch()).await;
    let client = script.builder().max_in_flight(2).build().unwrap();
    let start = Instant::now();
    let calls = futures_util::stream::iter(0..20).map(|_| client.get_batch(id()).into_future());
    let mut calls = calls.buffer_unordered(10);
    let mut read = 0;
    while let Some(done) = calls.next().await {
        done.unwrap();
        client.get_batch(id()).await.unwrap();
        read += 1;
    }
    assert_eq!(read, 20);
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
}

/// Watches, creations that search, and creations whose guard asks the API, with one place for all.
#[tokio::test(start_paused = true)]
async fn one_permit_is_enough_for_all_calls() {
    let created: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let creations = created.clone();
    let script = Script::start(move |seen: &Seen| match seen.line.as_str() {
        CREATE => {
            let name = seen.json()["data"]["s3Filename"].to_string();
            *creations.lock().unwrap().entry(name).or_default() += 1;
            one_batch()
        }
        line if line.ends_with("/list") => json(value!({ "batches": [] })),
        _ => one_batch(),
    })
    .await;
    let client = script.builder().max_in_flight(1).build().unwrap();
    let guarded = |client: Client, number: usize| async move {
        let creation = client.prepare_batch(request(number)).await?;
        let asking = client.clone();
        let creation = creation.guard(move || {
            let asking = asking.clone();
            async move { asking.get_batch(id()).await.map(drop) }
        });
        creation.create().await.map(drop)
    };
    let (creations, watches) = tokio::join!(
        at_once(&client, 5, guarded),
        at_once(&client, 5, |client: Client, _| async move {
            client.watch(id()).await.map(drop)
        }),
    );
    for done in creations.into_iter().chain(watches) {
        done.unwrap();
    }
    assert!(created.lock().unwrap().values().all(|count| *count == 1));
}

/// No request ends, so that those in flight may wait for the others; or the server is slow, which is no reason
/// to send it all there are.
#[tokio::test(start_paused = true)]
async fn a_slow_server_gets_few_more_than_the_limit() {
    let script = Script::start(|_| delayed(one_batch(), Duration::from_secs(45))).await;
    let client = script.client().with_timeout(Duration::from_secs(600));
    for done in at_once(&client, 200, read).await {
        done.unwrap();
    }
    let at: Vec<Duration> = script.seen().iter().map(|seen| seen.at).collect();
    let in_flight = |now: Duration| {
        let is_in_flight = |at: &&Duration| **at <= now && now < **at + Duration::from_secs(45);
        at.iter().filter(is_in_flight).count()
    };
    let most = at.iter().map(|at| in_flight(*at)).max().unwrap();
    assert!((33..=44).contains(&most), "{most}");
}

/// With 64 file descriptors, 2,000 creations at once.
#[test]
fn few_file_descriptors_are_enough() {
    const NAME: &str = "throttling::in_flight::few_file_descriptors_are_enough";
    if child::is_child() {
        return create_2000();
    }
    let server = runtime();
    let script = server.block_on(Script::start(|_| one_batch()));
    child::run_with_files(NAME, &[(SERVER, script.base_url())], 64);
    assert_eq!(script.seen().len(), 2000);
}

/// Over HTTP/2 each opens a connection as well, where no connection has come up yet.
#[test]
fn few_file_descriptors_are_enough_for_http2() {
    const NAME: &str = "throttling::in_flight::few_file_descriptors_are_enough_for_http2";
    if !child::is_child() {
        return frames::in_child(NAME);
    }
    if std::env::var_os(SERVER).is_some() {
        return create_2000();
    }
    let server = runtime();
    let body = value!({ "batch": batch(value!({ "status": "success" })) }).to_string();
    let frames = server.block_on(frames::Server::start(Act::Respond, body));
    let certificates = std::env::var(frames::CERTIFICATES).unwrap();
    let variables = [
        (SERVER, frames.base_url()),
        (frames::CERTIFICATES, certificates),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    child::run_with_files(NAME, &variables, 64);
    assert_eq!(frames.requests(), 2000);
}

/// The variable that names the server of a test in a process of its own.
const SERVER: &str = "CARGO_BATCH_TEST_SERVER";

/// Creates 2,000 batches at once on a server in another process.
fn create_2000() {
    let base_url = std::env::var(SERVER).unwrap();
    runtime().block_on(async {
        let client = Client::builder(TOKEN).base_url(base_url).build().unwrap();
        for done in at_once(&client, 2000, create).await {
            done.unwrap();
        }
    });
}

//! HTTP/2 with prior knowledge, and the faults that only it has.

use std::error::Error as _;
use std::time::Duration;

use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest, Record};
use cargo_batch_sandbox::{Fault, Rule, Sandbox};
use cargo_batch_tests::sandbox::{Checked, create, made, post};
use reqwest::{Client, Response, Version};

/// A client that speaks HTTP/2 at once, and sends nothing a second time.
fn client() -> Client {
    cargo_batch_tests::calls::plain_client();
    Client::builder()
        .http2_prior_knowledge()
        .timeout(Duration::from_secs(30))
        .retry(reqwest::retry::never())
        .no_proxy()
        .build()
        .unwrap()
}

async fn send(client: &Client, sandbox: &Sandbox) -> reqwest::Result<Response> {
    let url = format!("{}/orchestration/batches", sandbox.base_url());
    let request = client.post(url).bearer_auth(sandbox.token());
    request.json(&create(sandbox)).send().await
}

/// What a request failed with below the client.
fn cause<E: std::error::Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref::<E>() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

/// What HTTP/2 said of a request.
fn h2(error: &reqwest::Error) -> &h2::Error {
    cause(error).unwrap_or_else(|| panic!("{error:?}"))
}

#[tokio::test(start_paused = true)]
async fn http2_is_spoken_beside_http1() {
    let (sandbox, _) = Checked::start().await;
    let client = client();
    for _ in 0..3 {
        let response = send(&client, &sandbox).await.unwrap();
        assert_eq!(
            (response.status().as_u16(), response.version()),
            (200, Version::HTTP_2)
        );
        let date = response.headers()["date"].to_str().unwrap();
        assert!(date.starts_with("Thu, 15 Jan 2026"), "{date}");
        assert!(response.text().await.unwrap().contains("uuid"));
    }
    assert_eq!(post(&sandbox).await.unwrap().status, 200);
    assert_eq!(made(&sandbox), 4);
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_refused() {
    let (sandbox, _) = Checked::start().await;
    let client = client();
    for acted in [false, true] {
        let rule = Rule::new(Fault::RefusedStream { acted }).on("create_batch");
        sandbox.faults(rule.count(1)).await.unwrap();
        let before = made(&sandbox);
        let error = send(&client, &sandbox).await.unwrap_err();
        let said = h2(&error);
        assert_eq!(said.reason(), Some(h2::Reason::REFUSED_STREAM));
        assert!(said.is_reset() && said.is_remote(), "{said:?}");
        assert_eq!(made(&sandbox) - before, u64::from(acted));
        assert_eq!(send(&client, &sandbox).await.unwrap().status(), 200);
    }
    // Over HTTP/1 there is no such thing.
    let rule = Rule::new(Fault::RefusedStream { acted: false });
    sandbox.faults(rule).await.unwrap();
    let kind = post(&sandbox).await.unwrap_err().kind();
    assert_eq!(kind, std::io::ErrorKind::ConnectionReset);
}

#[tokio::test(start_paused = true)]
async fn a_connection_goes_away() {
    for acted in [false, true] {
        let (sandbox, _) = Checked::start().await;
        let client = client();
        assert_eq!(send(&client, &sandbox).await.unwrap().status(), 200);
        let rule = Rule::new(Fault::GoAway { acted }).on("create_batch");
        sandbox.faults(rule.count(1)).await.unwrap();
        let error = send(&client, &sandbox).await.unwrap_err();
        let said = h2(&error);
        assert_eq!(said.reason(), Some(h2::Reason::NO_ERROR));
        assert!(said.is_go_away() && said.is_remote(), "{said:?}");
        assert_eq!(made(&sandbox), 1 + u64::from(acted));
        let request = sandbox.requests().pop().unwrap();
        assert_eq!(
            request.body_length.is_some(),
            acted,
            "what isn't acted on isn't read"
        );
        // The next one opens another connection.
        assert_eq!(send(&client, &sandbox).await.unwrap().status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_before_a_goaway_are_completed() {
    let (sandbox, _) = Checked::start().await;
    let client = client();
    let slow = Rule::new(Fault::Stall {
        seconds: Some(5.0),
        acted: false,
    });
    let gone = Rule::new(Fault::GoAway { acted: false });
    let plan = cargo_batch_sandbox::FaultPlan::new()
        .rule(slow.on("create_batch").count(1))
        .rule(gone.on("create_batch").count(1));
    sandbox.faults(plan).await.unwrap();
    // So that all three are on one connection.
    let url = format!("http://{}/sandbox/world", sandbox.address());
    client.get(url).send().await.unwrap();
    let (first, second, third) = tokio::join!(
        send(&client, &sandbox),
        send(&client, &sandbox),
        send(&client, &sandbox)
    );
    assert_eq!(first.unwrap().status(), 200);
    for error in [second, third].into_iter().filter_map(Result::err) {
        assert!(h2(&error).is_go_away(), "{error:?}");
    }
    // One was ended, and one may have gone to a new connection.
    let read = sandbox.requests();
    let read = read.iter().filter(|one| one.body_length.is_some()).count();
    assert_eq!(read as u64, made(&sandbox));
    assert_eq!(sandbox.hits(), [1, 1]);
}

#[tokio::test(start_paused = true)]
async fn a_reset_is_one_of_the_connection() {
    let (sandbox, _) = Checked::start().await;
    for (fault, acted) in [(Fault::ResetBeforeActing, 0), (Fault::ResetAfterActing, 1)] {
        let client = client();
        assert_eq!(send(&client, &sandbox).await.unwrap().status(), 200);
        let before = made(&sandbox);
        sandbox.faults(Rule::new(fault).count(1)).await.unwrap();
        let error = send(&client, &sandbox).await.unwrap_err();
        let cause: &std::io::Error = cause(&error).unwrap();
        assert_eq!(
            cause.kind(),
            std::io::ErrorKind::ConnectionReset,
            "{error:?}"
        );
        assert_eq!(made(&sandbox) - before, acted);
    }
}

/// A request for a batch of a record of its own.
async fn send_own(client: &Client, sandbox: &Sandbox, number: usize) -> reqwest::Result<Response> {
    let url = format!("{}/orchestration/batches", sandbox.base_url());
    let request = CreateBatchRequest::new(CreateBatchData::records([Record::from_iter([(
        "number", number,
    )])]));
    let request = request.workflow(sandbox.fixtures().tool_workflow_uuid);
    let ask = client.post(url).bearer_auth(sandbox.token());
    ask.json(&request).send().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_goaway_that_did_not_act_tells_the_truth_of_all_requests() {
    let (sandbox, _) = Checked::start().await;
    let rule = Rule::new(Fault::GoAway { acted: false }).on("create_batch");
    sandbox.faults(rule.probability(0.05)).await.unwrap();
    let sandbox = std::sync::Arc::new(sandbox);
    let client = client();
    let mut sent = tokio::task::JoinSet::new();
    for number in 0..400 {
        let (client, sandbox) = (client.clone(), sandbox.clone());
        sent.spawn(async move { (number, send_own(&client, &sandbox, number).await) });
    }
    let mut gone = 0;
    while let Some(done) = sent.join_next().await {
        let (number, done) = done.unwrap();
        let created = sandbox.created();
        let created = created
            .iter()
            .any(|one| one.body["data"]["records"][0]["number"] == number);
        match done {
            Ok(response) => assert!(created && response.status() == 200),
            Err(error) => {
                // "Dispatch task is gone", which hyper says of any request, is none of it.
                if let Some(said) = cause::<h2::Error>(&error) {
                    assert!(said.is_go_away() && !created, "{number}: {error:?}");
                    gone += 1;
                }
            }
        }
    }
    assert!(gone >= 5, "{gone}");
}

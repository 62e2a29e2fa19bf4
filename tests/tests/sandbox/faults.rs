//! Faults of connections and of bodies on their way, as they are seen on the wire and by the client.

use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, UnexpectedEof};
use std::time::Duration;

use cargo_batch_client::ErrorKind;
use cargo_batch_client::types::CreateBatchRequest;
use cargo_batch_sandbox::{Fault, FaultPlan, Rule};
use cargo_batch_tests::raw::Ask;
use cargo_batch_tests::sandbox::{Checked, batches, create, list, made, post};
use tokio::time::{Instant, timeout};

#[tokio::test(start_paused = true)]
async fn refuse_closes_the_port_and_opens_it_again() {
    let (sandbox, client) = Checked::start().await;
    // A connection is open that the client would reuse.
    client.list_batches().await.unwrap();
    let start = Instant::now();
    sandbox
        .faults(Rule::new(Fault::ConnectionRefused { seconds: 30.0 }).on("api"))
        .await
        .unwrap();
    let error = list(&sandbox).send().await.unwrap_err();
    assert_eq!(error.kind(), ConnectionRefused);
    let error = client
        .with_retry(cargo_batch_client::RetryPolicy::never())
        .create_batch(create(&sandbox))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert!(!error.is_ambiguous());
    assert_eq!(start.elapsed(), Duration::ZERO);

    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(list(&sandbox).send().await.unwrap().status, 200);
    assert_eq!(made(&sandbox), 0);
}

#[tokio::test(start_paused = true)]
async fn a_creation_waits_for_a_port_to_open() {
    let (sandbox, client) = Checked::start().await;
    sandbox
        .faults(Rule::new(Fault::ConnectionRefused { seconds: 1.0 }))
        .await
        .unwrap();
    client.create_batch(create(&sandbox)).await.unwrap();
    assert_eq!(made(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_refused_opens_with_the_next_plan() {
    let (sandbox, _) = Checked::start().await;
    sandbox
        .faults(Rule::new(Fault::ConnectionRefused { seconds: 1e9 }).on("api"))
        .await
        .unwrap();
    assert_eq!(
        list(&sandbox).send().await.unwrap_err().kind(),
        ConnectionRefused
    );
    sandbox.faults(FaultPlan::new()).await.unwrap();
    assert_eq!(list(&sandbox).send().await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_request_that_closes_the_port_gets_its_response() {
    let (sandbox, _) = Checked::start().await;
    let url = format!("http://{}/sandbox/faults", sandbox.address());
    let plan = r#"{ "rules": [{ "operation": "api", "fault": { "kind": "connectionRefused", "seconds": 5 } }] }"#;
    let response = Ask::new("POST", &url).body(plan).send().await.unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(
        list(&sandbox).send().await.unwrap_err().kind(),
        ConnectionRefused
    );
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(list(&sandbox).send().await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn close_on_accept_reads_nothing() {
    let (sandbox, _) = Checked::start().await;
    sandbox
        .faults(Rule::new(Fault::CloseOnAccept).on("api").count(2))
        .await
        .unwrap();
    for _ in 0..2 {
        let kind = list(&sandbox).send().await.unwrap_err().kind();
        assert!([UnexpectedEof, ConnectionReset].contains(&kind), "{kind}");
    }
    assert!(sandbox.requests().is_empty());
    assert_eq!(list(&sandbox).send().await.unwrap().status, 200);
    assert_eq!(sandbox.hits(), [2]);
}

#[tokio::test(start_paused = true)]
async fn resets_are_resets_and_differ_in_what_was_done() {
    for (fault, read, acted) in [
        (Fault::ResetBeforeReading, false, 0),
        (Fault::ResetBeforeActing, true, 0),
        (Fault::ResetAfterActing, true, 1),
    ] {
        let (sandbox, client) = Checked::start().await;
        sandbox
            .faults(Rule::new(fault.clone()).on("create_batch").count(2))
            .await
            .unwrap();
        assert_eq!(
            post(&sandbox).await.unwrap_err().kind(),
            ConnectionReset,
            "{fault:?}"
        );
        let seen = sandbox.requests();
        assert_eq!(seen[0].body_length.is_some(), read);
        assert_eq!(
            (seen[0].status, seen[0].fault.as_deref()),
            (None, Some(&*fault.kind()))
        );
        assert_eq!(made(&sandbox), acted, "{fault:?}");

        let error = client.create_batch(create(&sandbox)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        assert!(error.is_ambiguous(), "{error}");
        assert_eq!(made(&sandbox), 2 * acted, "never retried");
    }
}

#[tokio::test(start_paused = true)]
async fn the_dangerous_one_is_paid_once() {
    let (sandbox, client) = Checked::start().await;
    let file = client
        .upload_file("a.csv", "email\na@example.com\n")
        .await
        .unwrap();
    sandbox
        .faults(
            Rule::new(Fault::ResetAfterActing)
                .on("create_batch")
                .count(1),
        )
        .await
        .unwrap();
    let request = CreateBatchRequest::new(file).workflow(sandbox.fixtures().tool_workflow_uuid);
    let batch = client.create_batch_once(request).await.unwrap();
    let created = sandbox.created();
    assert_eq!((created.len(), created[0].count), (1, 1));
    assert_eq!(created[0].batch_uuids, [batch.uuid]);
    assert_eq!(sandbox.hits(), [1]);
}

#[tokio::test(start_paused = true)]
async fn stall_gives_nothing_for_a_time_or_for_ever() {
    let (sandbox, _) = Checked::start().await;
    for acted in [false, true] {
        let fault = Fault::Stall {
            seconds: Some(40.0),
            acted,
        };
        sandbox
            .faults(Rule::new(fault).on("create_batch"))
            .await
            .unwrap();
        let (before, start) = (made(&sandbox), Instant::now());
        let response = {
            let waiting = post(&sandbox);
            tokio::pin!(waiting);
            assert!(
                timeout(Duration::from_secs(39), &mut waiting)
                    .await
                    .is_err()
            );
            assert_eq!(made(&sandbox) - before, u64::from(acted));
            waiting.await.unwrap()
        };
        assert_eq!(response.status, 200);
        assert_eq!(made(&sandbox) - before, 1);
        assert!(start.elapsed() >= Duration::from_secs(40));
    }
    sandbox
        .faults(Rule::new(Fault::Stall {
            seconds: None,
            acted: true,
        }))
        .await
        .unwrap();
    let never = timeout(Duration::from_secs(1_000_000), list(&sandbox).send());
    assert!(never.await.is_err());
    assert_eq!(sandbox.requests().last().unwrap().status, None);
}

#[tokio::test(start_paused = true)]
async fn a_body_trickles() {
    let (sandbox, client) = Checked::start().await;
    batches(&sandbox, &client, 1).await;
    let whole = list(&sandbox).send().await.unwrap();
    sandbox
        .faults(Rule::new(Fault::Trickle {
            bytes: 100,
            millis: 500,
        }))
        .await
        .unwrap();
    let start = Instant::now();
    let slow = list(&sandbox).send().await.unwrap();
    assert_eq!(
        (slow.announced(), slow.body.len()),
        (Some(whole.body.len()), whole.body.len())
    );
    let delays = (whole.body.len() as u32).div_ceil(100) - 1;
    assert!(delays > 5 && start.elapsed() >= Duration::from_millis(500) * delays);
    assert!(start.elapsed() < Duration::from_millis(510) * delays);
}

#[tokio::test(start_paused = true)]
async fn a_body_ends_too_soon() {
    let (sandbox, client) = Checked::start().await;
    batches(&sandbox, &client, 3).await;
    let whole = list(&sandbox).send().await.unwrap().body;
    for (bytes, left) in [
        (None, whole.len() / 2),
        (Some(0), 0),
        (Some(100), 100),
        (Some(1 << 40), whole.len() - 1),
    ] {
        sandbox
            .faults(Rule::new(Fault::Truncate { bytes }))
            .await
            .unwrap();
        let cut = list(&sandbox).send().await.unwrap();
        assert_eq!((cut.status, cut.announced()), (200, Some(whole.len())));
        assert_eq!(cut.body, whole[..left], "{bytes:?}");
    }
    // A list may be retried.
    sandbox
        .faults(Rule::new(Fault::Truncate { bytes: None }).count(1))
        .await
        .unwrap();
    assert_eq!(client.list_batches().await.unwrap().batches.len(), 3);
    assert_eq!(sandbox.hits(), [1]);
}

#[tokio::test(start_paused = true)]
async fn a_length_is_wrong() {
    let (sandbox, client) = Checked::start().await;
    batches(&sandbox, &client, 1).await;
    let whole = list(&sandbox).send().await.unwrap().body;
    sandbox
        .faults(Rule::new(Fault::WrongLength { by: 7 }))
        .await
        .unwrap();
    let long = list(&sandbox).send().await.unwrap();
    assert_eq!(
        (long.announced(), long.body.len()),
        (Some(whole.len() + 7), whole.len())
    );
    sandbox
        .faults(Rule::new(Fault::WrongLength { by: -7 }))
        .await
        .unwrap();
    let short = list(&sandbox).send().await.unwrap();
    assert_eq!(
        (short.announced(), short.body.len()),
        (Some(whole.len() - 7), whole.len() - 7)
    );
    sandbox
        .faults(Rule::new(Fault::WrongLength { by: i64::MIN }))
        .await
        .unwrap();
    assert_eq!(list(&sandbox).send().await.unwrap().announced(), Some(0));
}

//! Each fault, as it is seen on the wire and, where that matters, by the client.

use std::io::ErrorKind::{ConnectionRefused, ConnectionReset, UnexpectedEof};
use std::time::Duration;

use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest, Record};
use cargo_batch_client::{Client, ErrorKind};
use cargo_batch_sandbox::{Fault, FaultPlan, Rule, Sandbox};
use cargo_batch_tests::raw::{Ask, Raw};
use cargo_batch_tests::sandbox::Checked;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

/// The list of batches, asked for by hand.
fn list(sandbox: &Sandbox) -> Ask {
    let url = format!("{}/orchestration/batches/list", sandbox.base_url());
    Ask::new("GET", &url).token(&sandbox.token())
}

fn create(sandbox: &Sandbox) -> CreateBatchRequest {
    let records = (0..3).map(|n| Record::from_iter([("email", format!("{n}@example.com"))]));
    CreateBatchRequest::new(CreateBatchData::records(records))
        .workflow(sandbox.world().tool_workflow_uuid)
}

/// Creates a batch by hand.
async fn post(sandbox: &Sandbox) -> std::io::Result<Raw> {
    let url = format!("{}/orchestration/batches", sandbox.base_url());
    let body = serde_json::to_vec(&create(sandbox)).unwrap();
    let ask = Ask::new("POST", &url).token(&sandbox.token()).json(body);
    ask.send().await
}

/// How many batches there are.
fn made(sandbox: &Sandbox) -> u64 {
    sandbox.created().iter().map(|created| created.count).sum()
}

async fn batches(sandbox: &Sandbox, client: &Client, count: usize) {
    for _ in 0..count {
        client.create_batch(create(sandbox)).await.unwrap();
    }
}

fn last_fault(sandbox: &Sandbox) -> Option<String> {
    sandbox.requests().last().unwrap().fault.clone()
}

#[tokio::test(start_paused = true)]
async fn refuse_closes_the_port_and_opens_it_again() {
    let (sandbox, client) = Checked::start().await;
    // A connection is open that the client would go on with.
    client.list_batches().await.unwrap();
    let start = Instant::now();
    sandbox
        .faults(Rule::new(Fault::Refuse { seconds: 30.0 }).on("api"))
        .await
        .unwrap();
    let error = list(&sandbox).send().await.unwrap_err();
    assert_eq!(error.kind(), ConnectionRefused);
    let error = client
        .with_retry(cargo_batch_client::RetryPolicy::never())
        .create_batch(create(&sandbox))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable);
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
        .faults(Rule::new(Fault::Refuse { seconds: 1.0 }))
        .await
        .unwrap();
    client.create_batch(create(&sandbox)).await.unwrap();
    assert_eq!(made(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn a_port_that_is_refused_opens_with_the_next_plan() {
    let (sandbox, _) = Checked::start().await;
    sandbox
        .faults(Rule::new(Fault::Refuse { seconds: 1e9 }).on("api"))
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
async fn the_plan_that_closes_the_port_is_answered() {
    let (sandbox, _) = Checked::start().await;
    let url = format!("http://{}/sandbox/faults", sandbox.address());
    let plan =
        r#"{ "rules": [{ "operation": "api", "fault": { "kind": "refuse", "seconds": 5 } }] }"#;
    let answer = Ask::new("POST", &url).body(plan).send().await.unwrap();
    assert_eq!(answer.status, 200);
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
        assert_eq!(made(&sandbox), 2 * acted, "never sent again");
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
    let request = CreateBatchRequest::new(file).workflow(sandbox.world().tool_workflow_uuid);
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
        let answer = {
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
        assert_eq!(answer.status, 200);
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
        (slow.told(), slow.body.len()),
        (Some(whole.body.len()), whole.body.len())
    );
    let pauses = (whole.body.len() as u32).div_ceil(100) - 1;
    assert!(pauses > 5 && start.elapsed() >= Duration::from_millis(500) * pauses);
    assert!(start.elapsed() < Duration::from_millis(510) * pauses);
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
        assert_eq!((cut.status, cut.told()), (200, Some(whole.len())));
        assert_eq!(cut.body, whole[..left], "{bytes:?}");
    }
    // A list may be asked for again.
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
        (long.told(), long.body.len()),
        (Some(whole.len() + 7), whole.len())
    );
    sandbox
        .faults(Rule::new(Fault::WrongLength { by: -7 }))
        .await
        .unwrap();
    let short = list(&sandbox).send().await.unwrap();
    assert_eq!(
        (short.told(), short.body.len()),
        (Some(whole.len() - 7), whole.len() - 7)
    );
    sandbox
        .faults(Rule::new(Fault::WrongLength { by: i64::MIN }))
        .await
        .unwrap();
    assert_eq!(list(&sandbox).send().await.unwrap().told(), Some(0));
}

#[tokio::test(start_paused = true)]
async fn gateways_and_servers_fail_before_and_after_acting() {
    for (fault, status, html, acted) in [
        (Fault::BadGateway { acted: false }, 502, true, 0),
        (Fault::BadGateway { acted: true }, 502, true, 1),
        (Fault::GatewayTimeout { acted: false }, 504, true, 0),
        (Fault::GatewayTimeout { acted: true }, 504, true, 1),
        (Fault::ServerError { acted: false }, 500, false, 0),
        (Fault::ServerError { acted: true }, 500, false, 1),
    ] {
        let (sandbox, client) = Checked::start().await;
        sandbox
            .faults(Rule::new(fault.clone()).on("create_batch"))
            .await
            .unwrap();
        let answer = post(&sandbox).await.unwrap();
        assert_eq!(answer.status, status);
        assert!(
            answer
                .header("date")
                .unwrap()
                .starts_with("Thu, 15 Jan 2026")
        );
        let page = String::from_utf8(answer.body).unwrap();
        assert_eq!(page.starts_with("<html>"), html, "{page}");
        assert_eq!(page.is_empty(), !html);
        assert_eq!(made(&sandbox), acted);
        let error = client.create_batch(create(&sandbox)).await.unwrap_err();
        assert_eq!(error.status().unwrap().as_u16(), status);
        assert!(error.is_ambiguous(), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_comes_as_seconds_as_a_date_or_not_at_all() {
    let (sandbox, client) = Checked::start().await;
    let date = "Thu, 15 Jan 2026 10:00:07 GMT";
    for (retry_after, as_date, told) in [
        (None, false, None),
        (None, true, None),
        (Some(7), false, Some("7")),
        (Some(7), true, Some(date)),
        (Some(u64::MAX), false, Some("18446744073709551615")),
    ] {
        let many = Fault::TooManyRequests {
            retry_after,
            as_date,
        };
        let unavailable = Fault::Unavailable {
            retry_after,
            as_date,
            acted: false,
        };
        for (fault, status) in [(many, 429), (unavailable, 503)] {
            sandbox
                .faults(Rule::new(fault).on("create_batch"))
                .await
                .unwrap();
            let answer = post(&sandbox).await.unwrap();
            assert_eq!(
                (answer.status, answer.header("retry-after")),
                (status, told)
            );
            assert!(!answer.message().is_empty());
        }
    }
    assert_eq!(made(&sandbox), 0);
    for as_date in [false, true] {
        let fault = Fault::TooManyRequests {
            retry_after: Some(20),
            as_date,
        };
        sandbox
            .faults(Rule::new(fault).on("create_batch").count(1))
            .await
            .unwrap();
        let start = Instant::now();
        client.create_batch(create(&sandbox)).await.unwrap();
        assert!(
            start.elapsed() >= Duration::from_secs(19),
            "{:?}",
            start.elapsed()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn unavailable_can_have_acted() {
    let (sandbox, _) = Checked::start().await;
    let fault = Fault::Unavailable {
        retry_after: None,
        as_date: false,
        acted: true,
    };
    sandbox
        .faults(Rule::new(fault).on("create_batch"))
        .await
        .unwrap();
    assert_eq!(post(&sandbox).await.unwrap().status, 503);
    assert_eq!(made(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_good_until_it_is_revoked() {
    let (sandbox, client) = Checked::start().await;
    let old = sandbox.token();
    sandbox
        .faults(Rule::new(Fault::RevokeToken).on("list_batches").count(1))
        .await
        .unwrap();
    assert_eq!(list(&sandbox).send().await.unwrap().status, 401);
    let new = sandbox.token();
    assert_ne!(old, new);
    let error = client.list_batches().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthorized);
    assert!(!format!("{error} {error:?}").contains(&old));
    assert_eq!(list(&sandbox).send().await.unwrap().status, 200);
    let url = format!("http://{}/sandbox/world", sandbox.address());
    assert_eq!(
        Ask::new("GET", &url).send().await.unwrap().json()["token"],
        new
    );
    // Links that were signed before are good without any token.
    assert!(sandbox.requests().iter().all(|seen| seen.carried_token));
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_api_have_the_reason_that_is_wanted() {
    let (sandbox, client) = Checked::start().await;
    let fault = Fault::ApiError {
        status: 402,
        reason: Some("notEnoughCredits".to_owned()),
        data_reason: None,
        message: Some("Top up.".to_owned()),
    };
    sandbox
        .faults(Rule::new(fault).on("create_batch"))
        .await
        .unwrap();
    let error = client.create_batch(create(&sandbox)).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 402);
    assert_eq!(error.reason().unwrap().as_str(), "notEnoughCredits");
    assert!(error.to_string().contains("Top up."), "{error}");

    let fault = Fault::ApiError {
        status: 400,
        reason: Some("dataError".to_owned()),
        data_reason: Some("noRecords".to_owned()),
        message: None,
    };
    sandbox
        .faults(Rule::new(fault).on("create_batch"))
        .await
        .unwrap();
    let error = client.create_batch(create(&sandbox)).await.unwrap_err();
    assert_eq!(error.data_reason().unwrap().as_str(), "noRecords");
    assert_eq!(made(&sandbox), 0);
}

#[tokio::test(start_paused = true)]
async fn answers_are_not_what_was_agreed_on() {
    let (sandbox, client) = Checked::start().await;
    batches(&sandbox, &client, 2).await;
    let plain = list(&sandbox).send().await.unwrap().json();

    sandbox.faults(Rule::new(Fault::InvalidJson)).await.unwrap();
    let broken = list(&sandbox).send().await.unwrap();
    assert!(serde_json::from_slice::<Value>(&broken.body).is_err());
    assert_eq!(broken.told(), Some(broken.body.len()));
    assert_eq!(
        client.list_batches().await.unwrap_err().kind(),
        ErrorKind::Unreadable
    );

    let status = "hibernating".to_owned();
    sandbox
        .faults(Rule::new(Fault::UnknownStatus { status }))
        .await
        .unwrap();
    let batches = client.list_batches().await.unwrap().batches;
    assert!(
        batches
            .iter()
            .all(|batch| batch.status.as_str() == "hibernating")
    );

    let value = "quantum".to_owned();
    sandbox
        .faults(Rule::new(Fault::UnknownKind { value }))
        .await
        .unwrap();
    let batches = client.list_batches().await.unwrap().batches;
    assert!(batches.iter().all(|batch| batch.data.tag() == "quantum"));

    sandbox.faults(Rule::new(Fault::ExtraFields)).await.unwrap();
    let more = list(&sandbox).send().await.unwrap().json();
    for value in [&more, &more["batches"][0], &more["batches"][1]["data"]] {
        assert!(value["addedLater"].is_object(), "{value}");
    }
    assert_eq!(client.list_batches().await.unwrap().batches.len(), 2);

    sandbox.faults(FaultPlan::new()).await.unwrap();
    assert_eq!(list(&sandbox).send().await.unwrap().json(), plain);
}

#[tokio::test(start_paused = true)]
async fn members_of_users_stay_what_they_are() {
    let (sandbox, client) = Checked::start().await;
    batches(&sandbox, &client, 1).await;
    sandbox.advance(Duration::from_secs(3600));
    let release = format!(
        "{}/orchestration/releases/{}",
        sandbox.base_url(),
        sandbox.world().release_uuid
    );
    for fault in [
        Fault::ExtraFields,
        Fault::UnknownKind {
            value: "quantum".to_owned(),
        },
    ] {
        sandbox.faults(Rule::new(fault)).await.unwrap();
        let answer = Ask::new("GET", &release)
            .token(&sandbox.token())
            .send()
            .await
            .unwrap()
            .json();
        assert_eq!(answer["release"]["nodes"][0]["config"], json!({}));
    }
}

#[tokio::test(start_paused = true)]
async fn pages_overlap_and_come_in_another_order() {
    let (sandbox, client) = Checked::start().await;
    batches(&sandbox, &client, 6).await;
    let ids = |answer: Raw| -> Vec<String> {
        let json = answer.json();
        let batches = json["batches"].as_array().unwrap();
        batches
            .iter()
            .map(|batch| batch["uuid"].as_str().unwrap().to_owned())
            .collect()
    };
    let page = async |offset: u64| {
        let url = format!(
            "{}/orchestration/batches/list?limit=2&offset={offset}",
            sandbox.base_url()
        );
        ids(Ask::new("GET", &url)
            .token(&sandbox.token())
            .send()
            .await
            .unwrap())
    };
    let (first, second) = (page(0).await, page(2).await);
    sandbox
        .faults(Rule::new(Fault::DuplicatePage { items: 1 }))
        .await
        .unwrap();
    assert_eq!(page(0).await, first);
    assert_eq!(page(2).await, [first[1].clone(), second[0].clone()]);
    sandbox
        .faults(Rule::new(Fault::DuplicatePage { items: 2 }))
        .await
        .unwrap();
    assert_eq!(page(2).await, first);
    // What the client sent is what is told.
    assert_eq!(sandbox.requests().last().unwrap().values("offset"), ["2"]);

    // Through the client nothing comes twice, and nothing is lost.
    sandbox
        .faults(Rule::new(Fault::DuplicatePage { items: 1 }))
        .await
        .unwrap();
    let all = client
        .list_batches()
        .limit(2)
        .items()
        .collect()
        .await
        .unwrap();
    let mut uuids: Vec<_> = all.iter().map(|batch| batch.uuid).collect();
    uuids.sort();
    uuids.dedup();
    assert_eq!((uuids.len(), all.len()), (6, 6));

    sandbox.faults(FaultPlan::new()).await.unwrap();
    let straight = ids(list(&sandbox).send().await.unwrap());
    sandbox
        .faults(Rule::new(Fault::ReorderedPage))
        .await
        .unwrap();
    let mut mixed = ids(list(&sandbox).send().await.unwrap());
    assert_ne!(mixed, straight);
    mixed.sort();
    assert_eq!(mixed, {
        let mut sorted = straight;
        sorted.sort();
        sorted
    });
}

#[tokio::test(start_paused = true)]
async fn pages_of_runs_overlap_too() {
    let (sandbox, client) = Checked::start().await;
    batches(&sandbox, &client, 1).await;
    sandbox.advance(Duration::from_secs(3600));
    let url = format!("{}/orchestration/runs/list", sandbox.base_url());
    let page = async || {
        let ask = Ask::new("POST", &url)
            .token(&sandbox.token())
            .json(r#"{"limit":1,"offset":2}"#);
        ask.send().await.unwrap().json()["runs"][0]["recordTitle"].clone()
    };
    assert_eq!(page().await, "2@example.com");
    sandbox
        .faults(Rule::new(Fault::DuplicatePage { items: 1 }))
        .await
        .unwrap();
    assert_eq!(page().await, "1@example.com");
}

/// A finished batch whose results are a good deal longer than a packet.
async fn finished(sandbox: &Sandbox, client: &Client) -> cargo_batch_client::BatchHandle {
    let records = (0..2000).map(|n| Record::from_iter([("email", format!("{n}@example.com"))]));
    let request = CreateBatchRequest::new(CreateBatchData::records(records))
        .workflow(sandbox.world().tool_workflow_uuid);
    let batch = client.create_batch(request).await.unwrap().batch;
    client.watch(batch.uuid).await.unwrap();
    client.batch(batch.uuid)
}

async fn downloaded(batch: &cargo_batch_client::BatchHandle) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.csv");
    batch.download().to_file(&path).await.unwrap();
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_download_goes_on_after_a_cut() {
    let (sandbox, client) = Checked::start().await;
    let batch = finished(&sandbox, &client).await;
    let whole = downloaded(&batch).await;
    let cut = Fault::Truncate {
        bytes: Some(10_000),
    };
    sandbox
        .faults(Rule::new(cut).on("storage_get").count(3))
        .await
        .unwrap();
    assert_eq!(downloaded(&batch).await, whole);
    assert_eq!(sandbox.hits(), [3]);
}

#[tokio::test(start_paused = true)]
async fn a_link_expires_on_the_way_and_another_is_asked_for() {
    let (sandbox, client) = Checked::start().await;
    let batch = finished(&sandbox, &client).await;
    let whole = downloaded(&batch).await;
    let before = sandbox.requests().len();
    let plan = FaultPlan::new()
        .rule(
            Rule::new(Fault::Truncate {
                bytes: Some(10_000),
            })
            .on("storage_get")
            .count(1),
        )
        .rule(
            Rule::new(Fault::ExpiredUrl)
                .on("storage_get")
                .skip(1)
                .count(1),
        );
    sandbox.faults(plan).await.unwrap();
    assert_eq!(downloaded(&batch).await, whole);
    assert_eq!(sandbox.hits(), [1, 1]);
    let asked: Vec<_> = sandbox.requests()[before..]
        .iter()
        .map(|seen| (seen.operation.clone().unwrap(), seen.status.unwrap()))
        .collect();
    assert_eq!(asked[2], ("storage_get".to_owned(), 403));
    assert_eq!(asked[3].0, "download_batch");
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_on_the_way_is_never_put_together_from_both() {
    let (sandbox, client) = Checked::start().await;
    let batch = finished(&sandbox, &client).await;
    let whole = downloaded(&batch).await;
    let plan = FaultPlan::new()
        .rule(
            Rule::new(Fault::Truncate {
                bytes: Some(10_000),
            })
            .on("storage_get")
            .count(1),
        )
        .rule(
            Rule::new(Fault::ChangedContent)
                .on("storage_get")
                .skip(1)
                .count(1),
        );
    sandbox.faults(plan).await.unwrap();
    let changed = downloaded(&batch).await;
    assert_eq!(sandbox.hits(), [1, 1]);
    let (old, new): (Vec<_>, Vec<_>) = (whole.lines().collect(), changed.lines().collect());
    assert_eq!((new[0], new[1]), (old[0], old[1]));
    assert_eq!(new[2..], old[1..]);
}

#[tokio::test(start_paused = true)]
async fn a_part_is_sent_again() {
    let (sandbox, client) = Checked::start().await;
    let plan = FaultPlan::new()
        .rule(
            Rule::new(Fault::ResetAfterActing)
                .on("storage_put")
                .count(1),
        )
        .rule(
            Rule::new(Fault::Unavailable {
                retry_after: None,
                as_date: false,
                acted: false,
            })
            .on("storage_put")
            .skip(2)
            .count(1),
        );
    sandbox.faults(plan).await.unwrap();
    let content = [b"email\n".to_vec(), vec![b'x'; 17 << 20]].concat();
    let file = client
        .upload_from("a.csv", std::io::Cursor::new(content))
        .await
        .unwrap();
    assert_eq!(sandbox.hits(), [1, 1]);
    let columns = client
        .list_file_columns(file.s3_filename)
        .await
        .unwrap()
        .columns;
    assert_eq!(columns[0].name, "email");
}

#[tokio::test(start_paused = true)]
async fn what_is_decided_follows_from_the_seed_alone() {
    let hits = async |seed: u64, other: bool| {
        let (sandbox, _) = Checked::start().await;
        let refused = || Fault::ServerError { acted: false };
        let mut plan = FaultPlan::new();
        if other {
            plan = plan.rule(
                Rule::new(Fault::InvalidJson)
                    .on("list_batches")
                    .probability(0.5)
                    .seed(9),
            );
        }
        plan = plan.rule(
            Rule::new(refused())
                .on("list_batches")
                .probability(0.3)
                .seed(seed),
        );
        sandbox.faults(plan).await.unwrap();
        let mut hits = Vec::new();
        for _ in 0..200 {
            list(&sandbox).send().await.unwrap();
            hits.push(last_fault(&sandbox).as_deref() == Some("serverError"));
        }
        hits
    };
    let (one, again, other) = (
        hits(1, false).await,
        hits(1, false).await,
        hits(2, false).await,
    );
    assert_eq!(one, again);
    assert_ne!(one, other);
    let count = one.iter().filter(|hit| **hit).count();
    assert!((40..=80).contains(&count), "{count}");
    // Another rule takes some away, and changes nothing else.
    let fewer = hits(1, true).await;
    assert!(fewer.iter().zip(&one).all(|(fewer, one)| !fewer || *one));
    assert_ne!(fewer, one);
}

#[tokio::test(start_paused = true)]
async fn rules_skip_and_count() {
    let (sandbox, _) = Checked::start().await;
    let plan = FaultPlan::new()
        .rule(
            Rule::new(Fault::BadGateway { acted: false })
                .on("list_batches")
                .skip(1)
                .count(2),
        )
        .rule(
            Rule::new(Fault::ServerError { acted: false })
                .on("api")
                .skip(2),
        );
    sandbox.faults(plan).await.unwrap();
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(list(&sandbox).send().await.unwrap().status);
    }
    assert_eq!(statuses, [200, 502, 502, 500, 500]);
    let url = format!("http://{}/sandbox/faults", sandbox.address());
    let told = Ask::new("GET", &url).send().await.unwrap().json();
    assert_eq!(told["rules"][0]["hits"], 2);
    assert_eq!(told["rules"][1]["seen"], 5);
    assert_eq!(
        told["rules"][0]["fault"],
        json!({ "kind": "badGateway", "acted": false })
    );
    let told = Ask::new("DELETE", &url).send().await.unwrap().json();
    assert_eq!(told["rules"], json!([]));
    assert_eq!(list(&sandbox).send().await.unwrap().status, 200);
}

#[test]
fn every_fault_reads_back_as_it_is_written() {
    let faults = [
        Fault::Refuse { seconds: 1.0 },
        Fault::CloseOnAccept,
        Fault::ResetBeforeReading,
        Fault::ResetBeforeActing,
        Fault::ResetAfterActing,
        Fault::Stall {
            seconds: None,
            acted: false,
        },
        Fault::Trickle {
            bytes: 16,
            millis: 100,
        },
        Fault::Truncate { bytes: None },
        Fault::WrongLength { by: 10 },
        Fault::BadGateway { acted: false },
        Fault::GatewayTimeout { acted: true },
        Fault::ServerError { acted: false },
        Fault::TooManyRequests {
            retry_after: None,
            as_date: false,
        },
        Fault::Unavailable {
            retry_after: None,
            as_date: false,
            acted: false,
        },
        Fault::RevokeToken,
        Fault::ApiError {
            status: 400,
            reason: None,
            data_reason: None,
            message: None,
        },
        Fault::InvalidJson,
        Fault::UnknownStatus {
            status: "hibernating".to_owned(),
        },
        Fault::UnknownKind {
            value: "quantum".to_owned(),
        },
        Fault::ExtraFields,
        Fault::DuplicatePage { items: 1 },
        Fault::ReorderedPage,
        Fault::ExpiredUrl,
        Fault::ChangedContent,
    ];
    for fault in faults {
        let written = serde_json::to_value(&fault).unwrap();
        assert_eq!(
            serde_json::from_value::<Fault>(written.clone()).unwrap(),
            fault
        );
        // These are the defaults, so that the kind alone says the same.
        let kind = json!({ "kind": written["kind"] });
        assert_eq!(serde_json::from_value::<Fault>(kind).unwrap(), fault);
    }
    let full = json!({ "seed": 3, "rules": [{ "operation": "create_batch", "skip": 1, "count": 2,
        "probability": 0.5, "seed": 4, "fault": { "kind": "apiError", "status": 402,
        "reason": "a", "dataReason": "b", "message": "c" } }] });
    let plan = FaultPlan::from_json(&full.to_string()).unwrap();
    assert_eq!(serde_json::to_value(plan).unwrap(), full);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_plan_is_refused_with_the_place_and_what_is_allowed() {
    let (sandbox, _) = Checked::start().await;
    sandbox
        .faults(Rule::new(Fault::ServerError { acted: false }))
        .await
        .unwrap();
    let url = format!("http://{}/sandbox/faults", sandbox.address());
    let rule = |rule: Value| json!({ "rules": [{ "fault": { "kind": "invalidJson" } }, rule] });
    for (plan, said) in [
        (json!({}), "missing field `rules`"),
        (
            json!({ "rules": 1 }),
            "rules: invalid type: integer `1`, expected a sequence",
        ),
        (
            json!({ "rules": [], "rule": [] }),
            "rule: unknown field `rule`, expected `seed` or `rules`",
        ),
        (rule(json!({})), "rules[1]: missing field `fault`"),
        (
            rule(json!({ "fault": {} })),
            "rules[1].fault: missing field `kind`",
        ),
        (
            rule(json!({ "fault": { "kind": 3 } })),
            "rules[1].fault: kind: 3 is not a string",
        ),
        (
            rule(json!({ "fault": { "kind": "fire" } })),
            "rules[1].fault: unknown variant `fire`, expected one of `refuse`, `closeOnAccept`, ",
        ),
        (
            rule(json!({ "fault": { "kind": "stall", "seconds": "x" } })),
            "rules[1].fault: seconds: invalid type: string \"x\", expected f64",
        ),
        (
            rule(json!({ "fault": { "kind": "stall", "minutes": 1 } })),
            "rules[1].fault: minutes: unknown field `minutes`, expected `seconds` or `acted`",
        ),
        (
            rule(json!({ "fault": { "kind": "revokeToken", "count": 1 } })),
            "rules[1].fault: count: the kind revokeToken has no members",
        ),
        (
            rule(json!({ "fault": { "kind": "stall", "seconds": -1 } })),
            "rules[1].fault.seconds: -1 is not a number of seconds, from 0 to 1000000000",
        ),
        (
            rule(json!({ "fault": { "kind": "trickle", "bytes": 0 } })),
            "rules[1].fault.bytes: 0 is not a number from 1 on",
        ),
        (
            rule(json!({ "fault": { "kind": "apiError", "status": 200 } })),
            "rules[1].fault.status: 200 is not from 400 to 599",
        ),
        (
            rule(json!({ "operation": "getBatch", "fault": { "kind": "invalidJson" } })),
            "rules[1].operation: \"getBatch\" is none of *, api, storage, storage_get, storage_put, create_batch, ",
        ),
        (
            rule(json!({ "operation": "get_batch", "fault": { "kind": "refuse" } })),
            "rules[1].operation: a fault of kind refuse is for *, api, storage only, not for \"get_batch\"",
        ),
        (
            rule(json!({ "count": 1, "fault": { "kind": "refuse" } })),
            "rules[1].fault: skip, count and probability ",
        ),
        (
            rule(json!({ "operation": "get_batch", "fault": { "kind": "reorderedPage" } })),
            "rules[1].operation: a fault of kind reorderedPage is for list_batches, list_runs, ",
        ),
        (
            rule(json!({ "operation": "create_batch", "fault": { "kind": "expiredUrl" } })),
            "rules[1].operation: a fault of kind expiredUrl is for storage, storage_get, storage_put only",
        ),
        (
            rule(json!({ "operation": "storage_get", "fault": { "kind": "revokeToken" } })),
            "rules[1].operation: a fault of kind revokeToken is not for \"storage_get\", which takes no token",
        ),
        (
            rule(json!({ "probability": 1.5, "fault": { "kind": "invalidJson" } })),
            "rules[1].probability: 1.5 is not from 0 to 1",
        ),
        (
            rule(json!({ "probability": "x", "fault": { "kind": "invalidJson" } })),
            "rules[1].probability: invalid type",
        ),
    ] {
        let answer = Ask::new("POST", &url)
            .body(plan.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status, 400);
        assert!(
            answer.message().starts_with(said),
            "{} for {said}",
            answer.message()
        );
    }
    assert!(
        sandbox
            .faults(Rule::new(Fault::InvalidJson).on("x"))
            .await
            .is_err()
    );
    // The plan of before is still in force.
    assert_eq!(list(&sandbox).send().await.unwrap().status, 500);
    let error = Sandbox::builder()
        .faults(Rule::new(Fault::InvalidJson).on("x"))
        .start()
        .await;
    assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::InvalidInput);
}

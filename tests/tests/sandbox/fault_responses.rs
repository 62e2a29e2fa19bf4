//! Responses that are errors, or not what was agreed on, as they are seen on the wire and by the client.

use std::time::Duration;

use cargo_batch_client::ErrorKind;
use cargo_batch_sandbox::{Fault, FaultPlan, Rule, Sandbox};
use cargo_batch_tests::raw::{Ask, Raw};
use cargo_batch_tests::sandbox::{Checked, batches, create, list, made, post};
use serde_json::{Value, json};
use tokio::time::Instant;

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
        let response = post(&sandbox).await.unwrap();
        assert_eq!(response.status, status);
        assert!(
            response
                .header("date")
                .unwrap()
                .starts_with("Thu, 15 Jan 2026")
        );
        let page = String::from_utf8(response.body).unwrap();
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
    for (retry_after, as_date, expected) in [
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
            let response = post(&sandbox).await.unwrap();
            assert_eq!(
                (response.status, response.header("retry-after")),
                (status, expected)
            );
            assert!(!response.message().is_empty());
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
    let response = post(&sandbox).await.unwrap();
    assert_eq!(response.status, 503);
    assert_eq!(response.header("via"), Some("1.1 varnish"));
    assert_eq!(made(&sandbox), 1);
}

#[tokio::test(start_paused = true)]
async fn any_status_can_have_acted() {
    for (status, acted) in [
        (302, true),
        (399, false),
        (408, true),
        (499, true),
        (400, true),
    ] {
        let (sandbox, _) = Checked::start().await;
        let fault = Fault::ApiError {
            status,
            reason: Some("failedToStart".to_owned()),
            data_reason: None,
            message: None,
            acted,
        };
        sandbox
            .faults(Rule::new(fault).on("create_batch"))
            .await
            .unwrap();
        let response = post(&sandbox).await.unwrap();
        assert_eq!(response.status, status);
        assert_eq!(response.json()["reason"], "failedToStart");
        assert_eq!(made(&sandbox), u64::from(acted), "{status}");
        let request = &sandbox.requests()[0];
        assert_eq!(request.acted_at.is_some(), acted);
    }
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
    // URLs that were signed before are valid without any token.
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
        acted: false,
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
        acted: false,
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
async fn responses_that_break_the_specification() {
    // Its time stands still, as what it says first is compared with what it says last.
    let (sandbox, client) = Checked::set_up(Sandbox::builder().speed(0.0)).await;
    batches(&sandbox, &client, 2).await;
    let plain = list(&sandbox).send().await.unwrap().json();

    sandbox.faults(Rule::new(Fault::InvalidJson)).await.unwrap();
    let broken = list(&sandbox).send().await.unwrap();
    assert!(serde_json::from_slice::<Value>(&broken.body).is_err());
    assert_eq!(broken.announced(), Some(broken.body.len()));
    assert_eq!(
        client.list_batches().await.unwrap_err().kind(),
        ErrorKind::InvalidResponse
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
        sandbox.fixtures().release_uuid
    );
    for fault in [
        Fault::ExtraFields,
        Fault::UnknownKind {
            value: "quantum".to_owned(),
        },
    ] {
        sandbox.faults(Rule::new(fault)).await.unwrap();
        let response = Ask::new("GET", &release)
            .token(&sandbox.token())
            .send()
            .await
            .unwrap()
            .json();
        assert_eq!(response["release"]["nodes"][0]["config"], json!({}));
    }
}

#[tokio::test(start_paused = true)]
async fn pages_overlap_and_come_in_another_order() {
    let (sandbox, client) = Checked::start().await;
    batches(&sandbox, &client, 6).await;
    let ids = |response: Raw| -> Vec<String> {
        let json = response.json();
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
    // What the client sent is what is reported.
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
        .try_collect()
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

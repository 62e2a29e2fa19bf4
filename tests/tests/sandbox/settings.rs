//! The clocks of the servers, and the order of their list.

use std::time::{Duration, SystemTime};

use cargo_batch_sandbox::{Fault, ListOrder, Rule, Sandbox, Settings};
use cargo_batch_tests::raw::{Ask, Raw};
use cargo_batch_tests::sandbox::{Checked, batches, list, post};
use chrono::DateTime;
use serde_json::{Value, json};

async fn set_up(settings: Settings) -> Checked {
    let builder = Sandbox::builder().speed(0.0).settings(settings);
    Checked::set_up(builder).await.0
}

async fn control(sandbox: &Sandbox, method: &str, body: &str) -> Raw {
    let url = format!("http://{}/sandbox/settings", sandbox.address());
    Ask::new(method, &url).body(body).send().await.unwrap()
}

/// A field of all batches in the list.
async fn listed(sandbox: &Sandbox, field: &str) -> Vec<String> {
    let list = list(sandbox).send().await.unwrap().json();
    let batches = list["batches"].as_array().unwrap().iter();
    let texts = batches.map(|batch| batch[field].as_str().unwrap().to_owned());
    texts.collect()
}

async fn created_at(sandbox: &Sandbox) -> String {
    let response = post(sandbox).await.unwrap().json();
    response["batch"]["createdAt"].as_str().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_date_is_missing_or_of_another_clock() {
    let sandbox = set_up(Settings::new().sends_date(false)).await;
    assert_eq!(list(&sandbox).send().await.unwrap().header("date"), None);
    for (offset, date) in [
        (0.0, "Thu, 15 Jan 2026 10:00:00 GMT"),
        (240.0, "Thu, 15 Jan 2026 10:04:00 GMT"),
        (-3600.0, "Thu, 15 Jan 2026 09:00:00 GMT"),
    ] {
        sandbox.set(Settings::new().date_offset(offset));
        let response = list(&sandbox).send().await.unwrap();
        assert_eq!(response.header("date"), Some(date));
        // A date to come back at is of the same clock.
        let fault = Fault::Unavailable {
            retry_after: Some(0),
            as_date: true,
            acted: false,
        };
        sandbox.faults(Rule::new(fault).count(1)).await.unwrap();
        let response = list(&sandbox).send().await.unwrap();
        assert_eq!(response.header("retry-after"), Some(date));
        // What is created is of its own.
        assert_eq!(created_at(&sandbox).await, "2026-01-15T10:00:00.000Z");
    }
    sandbox.set(Settings::new().date_offset(f64::NAN));
    let response = list(&sandbox).send().await.unwrap();
    assert_eq!(
        response.header("date"),
        Some("Thu, 15 Jan 2026 10:00:00 GMT")
    );
}

#[tokio::test(start_paused = true)]
async fn batches_are_of_another_clock_than_the_date() {
    let sandbox = set_up(Settings::new().created_offsets([-600.0])).await;
    let batch = post(&sandbox).await.unwrap().json()["batch"].clone();
    assert_eq!(batch["createdAt"], "2026-01-15T09:50:00.000Z");
    sandbox.advance(Duration::from_secs(3600));
    // The clock jumps back another hour; what there is keeps its dates.
    sandbox.set(Settings::new().created_offsets([-4200.0]));
    assert_eq!(created_at(&sandbox).await, "2026-01-15T09:50:00.000Z");
    let response = list(&sandbox).send().await.unwrap();
    assert_eq!(
        response.header("date"),
        Some("Thu, 15 Jan 2026 11:00:00 GMT")
    );
    let ended = &response.json()["batches"][1];
    assert_eq!(
        (&ended["uuid"], &ended["createdAt"]),
        (&batch["uuid"], &batch["createdAt"])
    );
    let finished = ended["finishedAt"].as_str().unwrap();
    assert!(finished.starts_with("2026-01-15T09:5"), "{finished}");
    assert_eq!(ended["updatedAt"], finished);

    let runs = format!("{}/orchestration/runs/list", sandbox.base_url());
    let body = json!({ "batchUuid": batch["uuid"], "limit": 100 }).to_string();
    let runs = Ask::new("POST", &runs).token(&sandbox.token()).json(body);
    let runs: Value = runs.send().await.unwrap().json();
    let run = &runs["runs"][0];
    for time in [
        &run["createdAt"],
        &run["updatedAt"],
        &run["finishedAt"],
        &run["executions"][0]["startedAt"],
        &run["executions"][0]["finishedAt"],
    ] {
        assert!(
            time.as_str().unwrap().starts_with("2026-01-15T09:5"),
            "{run}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_servers_have_two_clocks_and_dates_can_be_whole_seconds() {
    let sandbox = set_up(Settings::new().created_offsets([0.0, 1.0])).await;
    sandbox.advance(Duration::from_millis(700));
    let mut dates = Vec::new();
    for _ in 0..3 {
        dates.push(created_at(&sandbox).await);
    }
    assert_eq!(
        dates,
        [
            "2026-01-15T10:00:00.700Z",
            "2026-01-15T10:00:01.700Z",
            "2026-01-15T10:00:00.700Z",
        ]
    );
    // The list is ordered by what the dates say.
    let listed = listed(&sandbox, "createdAt").await;
    assert_eq!(listed, [&*dates[1], &*dates[0], &*dates[0]]);

    sandbox.set(Settings::new().whole_seconds(true));
    assert_eq!(created_at(&sandbox).await, "2026-01-15T10:00:00.000Z");
    sandbox.set(Settings::new().whole_seconds(true).created_offsets([]));
    assert_eq!(created_at(&sandbox).await, "2026-01-15T10:00:00.000Z");
}

#[tokio::test(start_paused = true)]
async fn the_list_is_in_the_order_that_is_set() {
    let (sandbox, client) = Checked::set_up(Sandbox::builder().speed(0.0)).await;
    let mut created = Vec::new();
    for _ in 0..12 {
        batches(&sandbox, &client, 1).await;
        // They have all ended at the end but for the last ones.
        sandbox.advance(Duration::from_secs(100));
    }
    created.extend(sandbox.created_batches().iter().map(ToString::to_string));
    let newest: Vec<String> = created.iter().rev().cloned().collect();
    let in_order = async |order| {
        sandbox.set(Settings::new().order(order));
        listed(&sandbox, "uuid").await
    };
    assert_eq!(in_order(ListOrder::NewestFirst).await, newest);
    assert_eq!(in_order(ListOrder::OldestFirst).await, created);
    let one = in_order(ListOrder::Shuffled).await;
    assert_eq!(in_order(ListOrder::Shuffled).await, one);
    let (each, time) = (
        in_order(ListOrder::ShuffledEachTime).await,
        in_order(ListOrder::ShuffledEachTime).await,
    );
    let orders = [&newest, &created, &one, &each, &time];
    for (place, order) in orders.iter().enumerate() {
        assert!(orders[..place].iter().all(|other| other != order));
        let mut sorted = (*order).clone();
        sorted.sort();
        let mut all = created.clone();
        all.sort();
        assert_eq!(sorted, all);
    }

    // Pages of an order by chance that stays go together.
    sandbox.set(Settings::new().order(ListOrder::Shuffled));
    let pages = client.list_batches().limit(5).items().try_collect().await;
    let pages = pages.unwrap();
    assert!(pages.iter().map(|batch| batch.uuid.to_string()).eq(one));
}

#[tokio::test(start_paused = true)]
async fn running_batches_move_to_the_front_of_a_list_by_change() {
    let sandbox = set_up(Settings::new().order(ListOrder::UpdatedFirst)).await;
    // One that runs for long, and one that doesn't.
    let url = format!("{}/orchestration/batches", sandbox.base_url());
    let records: Vec<Value> = (0..2000)
        .map(|n| json!({ "email": n.to_string() }))
        .collect();
    let body = json!({
        "workflowUuid": sandbox.fixtures().tool_workflow_uuid,
        "data": { "kind": "records", "records": records },
    });
    let long = Ask::new("POST", &url).token(&sandbox.token());
    let long = long.json(body.to_string()).send().await.unwrap().json();
    let long = long["batch"]["uuid"].as_str().unwrap().to_owned();
    sandbox.advance(Duration::from_secs(1));
    let short = post(&sandbox).await.unwrap().json();
    let short = short["batch"]["uuid"].as_str().unwrap().to_owned();
    assert_eq!(
        listed(&sandbox, "uuid").await,
        [short.clone(), long.clone()]
    );
    sandbox.advance(Duration::from_secs(3600));
    let updated = listed(&sandbox, "updatedAt").await;
    assert!(
        updated.is_sorted_by(|one, other| one > other),
        "{updated:?}"
    );
    assert_eq!(listed(&sandbox, "uuid").await, [long, short]);
}

#[tokio::test(start_paused = true)]
async fn settings_are_read_and_changed_from_outside() {
    let sandbox = set_up(Settings::new()).await;
    let defaults = json!({ "sendsDate": true, "dateOffset": 0.0, "createdOffsets": [0.0],
        "wholeSeconds": false, "order": "newestFirst" });
    assert_eq!(control(&sandbox, "GET", "").await.json(), defaults);
    control(&sandbox, "POST", r#"{"dateOffset": 60}"#).await;
    let response = control(&sandbox, "POST", r#"{"order": "shuffledEachTime"}"#).await;
    assert_eq!(
        (response.status, &response.json()["dateOffset"]),
        (200, &json!(60.0))
    );
    let set = Settings::new()
        .date_offset(60.0)
        .order(ListOrder::ShuffledEachTime);
    assert_eq!(sandbox.settings(), set);
    for (body, said) in [
        (
            r#"{"order": "random"}"#,
            "`newestFirst`, `oldestFirst`, `updatedFirst`",
        ),
        (r#"{"dateOffset": "1"}"#, "field `dateOffset`: "),
        (r#"{"clock": 1}"#, "unknown field `clock`"),
        ("[]", "invalid type"),
    ] {
        let response = control(&sandbox, "POST", body).await;
        assert_eq!(response.status, 400);
        assert!(response.message().contains(said), "{}", response.message());
    }
    assert_eq!(sandbox.settings(), set);
}

#[tokio::test(start_paused = true)]
async fn time_begins_when_it_is_said_to() {
    let now = SystemTime::now();
    let (sandbox, _) = Checked::set_up(Sandbox::builder().begins(now)).await;
    let created = created_at(&sandbox).await;
    let created: SystemTime = DateTime::parse_from_rfc3339(&created).unwrap().into();
    let apart = created
        .duration_since(now)
        .unwrap_or_else(|before| before.duration());
    assert!(apart < Duration::from_secs(1), "{apart:?}");
    for outside in [Duration::from_secs(1 << 40), Duration::from_secs(1 << 38)] {
        let begins = SystemTime::UNIX_EPOCH + outside;
        let error = Sandbox::builder().begins(begins).start().await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
}

//! Plans of faults: how they are written, and what they decide.

use cargo_batch_sandbox::{Fault, FaultPlan, LateResponse, Rule, Sandbox};
use cargo_batch_tests::faults::kinds;
use cargo_batch_tests::raw::Ask;
use cargo_batch_tests::sandbox::{Checked, last_fault, list};
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn faults_follow_from_the_seed_alone() {
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
    let reported = Ask::new("GET", &url).send().await.unwrap().json();
    assert_eq!(reported["rules"][0]["hits"], 2);
    assert_eq!(reported["rules"][1]["seen"], 5);
    assert_eq!(
        reported["rules"][0]["fault"],
        json!({ "kind": "badGateway", "acted": false })
    );
    let reported = Ask::new("DELETE", &url).send().await.unwrap().json();
    assert_eq!(reported["rules"], json!([]));
    assert_eq!(list(&sandbox).send().await.unwrap().status, 200);
}

#[test]
fn every_fault_reads_back_as_it_is_written() {
    let faults = [
        Fault::ConnectionRefused { seconds: 1.0 },
        Fault::CloseOnAccept,
        Fault::ResetBeforeReading,
        Fault::ResetBeforeActing,
        Fault::ResetAfterActing,
        Fault::Stall {
            seconds: None,
            acted: false,
        },
        Fault::ActLate {
            seconds: 3.0,
            respond: LateResponse::AfterActing,
        },
        Fault::EarlyResponse { status: 413 },
        Fault::IdleClose { seconds: 0.0 },
        Fault::StrayBytes {
            bytes: None,
            seconds: 0.0,
        },
        Fault::RefusedStream { acted: false },
        Fault::GoAway { acted: false },
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
            acted: false,
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
    let covered = faults.iter().map(Fault::kind).collect();
    assert_eq!(kinds(), covered);
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
        "reason": "a", "dataReason": "b", "message": "c", "acted": true } }] });
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
            "rules[1].fault: unknown variant `fire`, expected one of `connectionRefused`, `closeOnAccept`, ",
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
            "rules[1].fault: count: the kind revokeToken has no fields",
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
            "rules[1].fault.status: 200 is not from 300 to 599",
        ),
        (
            rule(json!({ "fault": { "kind": "earlyResponse", "status": 101 } })),
            "rules[1].fault.status: 101 is not from 300 to 599",
        ),
        (
            rule(json!({ "fault": { "kind": "actLate", "seconds": 2e9 } })),
            "rules[1].fault.seconds: 2000000000 is not a number of seconds, from 0 to 1000000000",
        ),
        (
            rule(json!({ "fault": { "kind": "actLate", "respond": "never" } })),
            "rules[1].fault: respond: unknown variant `never`, expected one of `afterActing`, `reset`",
        ),
        (
            rule(json!({ "fault": { "kind": "idleClose", "seconds": -1 } })),
            "rules[1].fault.seconds: -1 is not a number of seconds, from 0 to 1000000000",
        ),
        (
            rule(json!({ "operation": "getBatch", "fault": { "kind": "invalidJson" } })),
            "rules[1].operation: \"getBatch\" is none of *, api, storage, storage_get, storage_put, create_batch, ",
        ),
        (
            rule(json!({ "operation": "get_batch", "fault": { "kind": "connectionRefused" } })),
            "rules[1].operation: a fault of kind connectionRefused is for *, api, storage only, not for \"get_batch\"",
        ),
        (
            rule(json!({ "count": 1, "fault": { "kind": "connectionRefused" } })),
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
        let response = Ask::new("POST", &url)
            .body(plan.to_string())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status, 400);
        assert!(
            response.message().starts_with(said),
            "{} for {said}",
            response.message()
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

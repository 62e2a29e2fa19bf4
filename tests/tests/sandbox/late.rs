//! A server that acts after its client has gone.

use std::io::ErrorKind::ConnectionReset;
use std::time::Duration;

use cargo_batch_sandbox::{Fault, LateResponse, Rule, Sandbox};
use cargo_batch_tests::sandbox::{Checked, create, list, made, post};
use tokio::time::{Instant, sleep, timeout};

async fn late(sandbox: &Sandbox, respond: LateResponse) {
    let seconds = 3.0;
    let rule = Rule::new(Fault::ActLate { seconds, respond }).on("create_batch");
    sandbox.faults(rule).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn requests_are_acted_on_after_the_client_has_left() {
    let (sandbox, _) = Checked::start().await;
    late(&sandbox, LateResponse::AfterActing).await;
    let left = timeout(Duration::from_secs(1), post(&sandbox)).await;
    assert!(left.is_err());
    assert_eq!(made(&sandbox), 0);
    sleep(Duration::from_millis(2100)).await;
    assert_eq!(made(&sandbox), 1);
    let request = &sandbox.requests()[0];
    assert_eq!(
        (request.status, request.body_length.is_some()),
        (None, true)
    );
    let (came, acted) = (&request.at, request.acted_at.as_ref().unwrap());
    assert!(came.starts_with("2026-01-15T10:00:00"), "{came}");
    assert!(acted.starts_with("2026-01-15T10:00:03"), "{acted}");
    // It is as any other.
    let listed = list(&sandbox).send().await.unwrap().json();
    let created = sandbox.created();
    assert_eq!(
        listed["batches"][0]["uuid"],
        created[0].batch_uuids[0].to_string()
    );
    assert_eq!(sandbox.created_batches(), created[0].batch_uuids);
}

#[tokio::test(start_paused = true)]
async fn the_client_waits_or_is_cut_off_or_told_504() {
    for (respond, waits) in [
        (LateResponse::AfterActing, 3),
        (LateResponse::Reset, 0),
        (LateResponse::GatewayTimeout, 0),
    ] {
        let (sandbox, _) = Checked::start().await;
        late(&sandbox, respond).await;
        let start = Instant::now();
        let response = post(&sandbox).await;
        assert_eq!(start.elapsed().as_secs(), waits, "{respond:?}");
        match respond {
            LateResponse::Reset => assert_eq!(response.unwrap_err().kind(), ConnectionReset),
            LateResponse::GatewayTimeout => assert_eq!(response.unwrap().status, 504),
            _ => assert_eq!(response.unwrap().status, 200),
        }
        assert_eq!(made(&sandbox), u64::from(waits > 0), "{respond:?}");
        sleep(Duration::from_millis(3100)).await;
        assert_eq!(made(&sandbox), 1, "{respond:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_refusal_has_no_effect() {
    let (sandbox, _) = Checked::start().await;
    late(&sandbox, LateResponse::GatewayTimeout).await;
    let url = format!("{}/orchestration/batches", sandbox.base_url());
    let ask = cargo_batch_tests::raw::Ask::new("POST", &url).json("{}");
    assert_eq!(ask.token("wrong").send().await.unwrap().status, 504);
    sleep(Duration::from_secs(4)).await;
    assert_eq!(
        (made(&sandbox), &sandbox.requests()[0].acted_at),
        (0, &None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_creation_given_up_too_early_is_paid_twice() {
    for (settling, batches) in [(1, 2), (20, 1)] {
        let (sandbox, _) = Checked::start().await;
        let client = cargo_batch_client::Client::builder(sandbox.token())
            .base_url(sandbox.base_url())
            .settling_time(Duration::from_secs(settling))
            .build()
            .unwrap();
        let rule = Rule::new(Fault::ActLate {
            seconds: 10.0,
            respond: LateResponse::Reset,
        });
        let rule = rule.on("create_batch").count(1);
        sandbox.faults(rule).await.unwrap();
        client.create_batch_once(create(&sandbox)).await.unwrap();
        sleep(Duration::from_secs(20)).await;
        assert_eq!(sandbox.created_batches().len(), batches, "{settling} s");
    }
}

//! Each way in which one creation was once paid for twice: the sandbox counts what it has created, and
//! one batch was wanted.

use std::process::Stdio;
use std::time::{Duration, SystemTime};

use cargo_batch_client::types::{Batch, CreateBatchData, CreateBatchRequest};
use cargo_batch_client::{Client, Error};
use cargo_batch_sandbox::{Fault, LateResponse, Rule, Sandbox, SandboxBuilder, Settings};
use cargo_batch_tests::sandbox::{Checked, made};
use cargo_batch_tests::{child, frames};
use tokio::process::Command;
use tokio::time::{interval, sleep, timeout};

/// How far clocks are apart: more than the 2 minutes that dates may contradict each other by.
const APART: Duration = Duration::from_secs(270);

/// What batches are created from.
#[derive(Clone, Copy, Debug)]
enum Data {
    /// A file that the client has uploaded: its batch is found by the name alone.
    OwnFile,
    /// Records of a model, which others may run as well: dates say what existed before.
    RecordIds,
}

impl Data {
    const ALL: [Self; 2] = [Self::OwnFile, Self::RecordIds];

    async fn request(self, client: &Client, sandbox: &Sandbox) -> CreateBatchRequest {
        let fixtures = sandbox.fixtures();
        match self {
            Self::OwnFile => {
                let file = client.upload_file("leads.csv", "email\na@example.com\n");
                CreateBatchRequest::new(CreateBatchData::from(file.await.unwrap()))
                    .workflow(fixtures.tool_workflow_uuid)
            }
            Self::RecordIds => {
                let ids = fixtures.record_ids.iter().take(2).cloned();
                CreateBatchRequest::new(CreateBatchData::record_ids(fixtures.model_uuid, ids))
                    .workflow(fixtures.play_workflow_uuid)
            }
        }
    }
}

/// Returns a sandbox whose first creation goes wrong, and a client of it.
async fn first_fails(builder: SandboxBuilder, fault: Fault) -> (Checked, Client) {
    let first = Rule::new(fault).on("create_batch").count(1);
    let started = Checked::set_up(builder.faults(first)).await;
    // Paused time jumps to the next timer whenever the runtime waits, for a socket as well: with this one
    // it never jumps past what was sent.
    tokio::spawn(async {
        let mut ticks = interval(Duration::from_millis(50));
        loop {
            ticks.tick().await;
        }
    });
    started
}

/// Asserts that the one batch that was created is the one that was returned.
#[track_caller]
fn assert_one(sandbox: &Sandbox, returned: Result<Batch, Error>, case: &str) {
    let returned = returned.map(|batch| batch.uuid);
    assert_eq!(made(sandbox), 1, "{case}: {returned:?}");
    let uuid = returned.unwrap_or_else(|error| panic!("{case}: {error:?}"));
    assert_eq!(sandbox.created_batches(), [uuid], "{case}");
}

/// Creates once from each kind of data where the first creation goes wrong.
async fn creates_one(builder: impl Fn() -> SandboxBuilder, fault: Fault, case: &str) {
    for data in Data::ALL {
        let (sandbox, client) = first_fails(builder(), fault.clone()).await;
        let request = data.request(&client, &sandbox).await;
        let returned = client.create_batch_once(request).await;
        assert_one(&sandbox, returned, &format!("{data:?}, {case}"));
    }
}

/// The server acts, and a gateway responds in its place.
const LOST: Fault = Fault::BadGateway { acted: true };

#[tokio::test(start_paused = true)]
async fn a_status_of_a_gateway_proves_nothing() {
    let unavailable = |retry_after| Fault::Unavailable {
        retry_after,
        as_date: false,
        acted: true,
    };
    for fault in [
        unavailable(Some(5)),
        unavailable(None),
        LOST,
        Fault::GatewayTimeout { acted: true },
        Fault::ServerError { acted: true },
    ] {
        let case = format!("{fault:?}");
        creates_one(Sandbox::builder, fault, &case).await;
    }
}

/// By the client's own HTTP client, which trusts the certificates of its process.
#[test]
fn a_refused_stream_proves_nothing() {
    if !child::is_child() {
        return frames::in_child("double_payments::a_refused_stream_proves_nothing");
    }
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async {
        for is_once in [false, true] {
            let fault = Fault::RefusedStream { acted: true };
            let (sandbox, _) = first_fails(Sandbox::builder(), fault).await;
            let base_url = frames::decrypt(sandbox.address()).await;
            let client = Client::builder(sandbox.token())
                .base_url(base_url)
                .jitter_seed(1);
            let client = client.build().unwrap();
            let request = Data::OwnFile.request(&client, &sandbox).await;
            if is_once {
                let returned = client.create_batch_once(request).await;
                assert_one(&sandbox, returned, "once");
            } else {
                let error = client.create_batch(request).await.unwrap_err();
                assert!(error.is_ambiguous(), "{error:?}");
                assert_eq!(made(&sandbox), 1);
            }
            assert_eq!(sandbox.hits(), [1], "over HTTP/2");
        }
    });
}

/// The server's clock is behind that of this machine, or ahead.
fn clocks() -> [(&'static str, SystemTime); 4] {
    let now = SystemTime::now();
    [
        ("behind", now - APART),
        ("ahead", now + APART),
        ("right", now),
        ("a year behind", now - Duration::from_secs(365 * 24 * 3600)),
    ]
}

#[tokio::test(start_paused = true)]
async fn without_any_date_no_clock_of_this_machine_is_used() {
    for (clock, begins) in clocks() {
        let builder = || {
            let settings = Settings::new().sends_date(false);
            Sandbox::builder().begins(begins).settings(settings)
        };
        creates_one(builder, LOST, clock).await;
    }
}

/// Behind a gateway that is broken every creation is acted on, and none gets its response.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_responds_to_creations_creates_once() {
    for (clock, begins) in clocks() {
        for data in Data::ALL {
            let settings = Settings::new().sends_date(false);
            let builder = Sandbox::builder().begins(begins).settings(settings);
            let (sandbox, client) = first_fails(builder, LOST).await;
            let always = Rule::new(LOST).on("create_batch");
            sandbox.faults(always).await.unwrap();
            let request = data.request(&client, &sandbox).await;
            let returned = client.create_batch_once(request).await;
            assert_one(&sandbox, returned, &format!("{data:?}, {clock}"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_date_of_another_clock_than_that_of_created_at_decides_nothing() {
    for offset in [APART.as_secs_f64(), -APART.as_secs_f64(), 2.0, 0.0] {
        let settings = Settings::new().date_offset(offset);
        let builder = || Sandbox::builder().settings(settings.clone());
        creates_one(builder, LOST, &format!("{offset} s")).await;
    }
}

/// The machine is suspended for 5 minutes, when so many batches have been created: its clock stands still,
/// and the server's continues.
async fn suspended(fault: Fault, after: Duration, created: u64) {
    for data in Data::ALL {
        let (sandbox, _) = first_fails(Sandbox::builder(), fault.clone()).await;
        // It gives up a request that is acted on 20 s later.
        let client = Client::builder(sandbox.token()).base_url(sandbox.base_url());
        let client = client
            .attempt_timeout(Duration::from_secs(15))
            .jitter_seed(1);
        let client = client.build().unwrap();
        let request = data.request(&client, &sandbox).await;
        let creation = client.create_batch_once(request);
        let suspension = async {
            sleep(after).await;
            assert_eq!(made(&sandbox), created, "{data:?}, {fault:?}");
            sandbox.advance(Duration::from_secs(300));
        };
        let (returned, ()) = tokio::join!(creation, suspension);
        assert_one(&sandbox, returned, &format!("{data:?}, {fault:?}"));
    }
}

fn acts_late(respond: LateResponse) -> Fault {
    Fault::ActLate {
        seconds: 20.0,
        respond,
    }
}

#[tokio::test(start_paused = true)]
async fn a_machine_may_be_suspended_while_a_request_is_in_flight() {
    let late = acts_late(LateResponse::AfterActing);
    suspended(late, Duration::from_secs(10), 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_may_be_suspended_while_a_creation_settles() {
    // Two searches have found nothing: the server acts later, and dates the batch by its own clock.
    let late = acts_late(LateResponse::GatewayTimeout);
    suspended(late, Duration::from_secs(10), 0).await;
    suspended(LOST, Duration::from_millis(500), 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_was_dropped_is_found_by_the_same_again() {
    for data in Data::ALL {
        let acts = Fault::Stall {
            seconds: None,
            acted: true,
        };
        let (sandbox, client) = first_fails(Sandbox::builder(), acts).await;
        let request = data.request(&client, &sandbox).await;
        let first = client.create_batch_once(request.clone());
        timeout(Duration::from_secs(5), first).await.unwrap_err();
        assert_eq!(made(&sandbox), 1, "the server has acted before the drop");
        let returned = client.create_batch_once(request).await;
        assert_one(&sandbox, returned, &format!("{data:?}"));
    }
}

const REQUEST: &str = "CARGO_BATCH_TEST_REQUEST";
const BASE_URL: &str = "CARGO_BATCH_TEST_BASE_URL";
const TOKEN: &str = "CARGO_BATCH_TEST_TOKEN";

/// Does what a service does at every start: it creates what its database has no batch for.
async fn job(base_url: &str, token: &str, request: &str) -> Result<Batch, Error> {
    let request: CreateBatchRequest = serde_json::from_str(request).unwrap();
    let client = Client::builder(token.to_owned()).base_url(base_url);
    client.build()?.create_batch_once(request).await
}

/// In real time, as two processes share no other.
#[tokio::test]
async fn a_process_that_was_killed_and_restarts_with_the_same_request_creates_once() {
    const NAME: &str = "a_process_that_was_killed_and_restarts_with_the_same_request_creates_once";
    if child::is_child() {
        let [base_url, token, request] =
            [BASE_URL, TOKEN, REQUEST].map(|name| std::env::var(name).unwrap());
        let returned = job(&base_url, &token, &request).await;
        panic!("it was to be killed, and ended with {returned:?}");
    }
    let acts = Fault::Stall {
        seconds: None,
        acted: true,
    };
    let (sandbox, client) = first_fails(Sandbox::builder(), acts).await;
    // An earlier process has uploaded the file and saved the request.
    let request = Data::OwnFile.request(&client, &sandbox).await;
    let request = serde_json::to_string(&request).unwrap();
    let (base_url, token) = (sandbox.base_url(), sandbox.token());
    let variables = [(BASE_URL, base_url), (TOKEN, &token), (REQUEST, &request)];
    let mut process = Command::from(child::command(
        &format!("double_payments::{NAME}"),
        &variables,
    ));
    let process = process.stdout(Stdio::null()).stderr(Stdio::null());
    let mut process = process.kill_on_drop(true).spawn().unwrap();
    while made(&sandbox) == 0 {
        tokio::select! {
            ended = process.wait() => panic!("it ended by itself: {ended:?}"),
            () = sleep(Duration::from_millis(5)) => {}
        }
    }
    // SIGKILL.
    process.kill().await.unwrap();
    let returned = job(base_url, &token, &request).await;
    assert!(made(&sandbox) == 1, "{returned:?}");
    // Without a record of the first process its batch is named, and not returned as if created now.
    let error = returned.unwrap_err();
    assert!(
        error
            .to_string()
            .contains(&sandbox.created_batches()[0].to_string()),
        "{error}"
    );
}

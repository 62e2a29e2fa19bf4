//! The whole job under random faults: partitions, delays, restarts of either side, each by a seed.
//!
//! Time is virtual, and the network is the sandbox's, whose faults change every few seconds. (turmoil
//! has a network of its own, but reqwest takes no connector that isn't one of its own.) Whatever the
//! faults, a batch is paid for once, none is lost, and the results are complete.
//! `SIMULATIONS=1000 SIMULATIONS_SEED=7` runs more of them, and others.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cargo_batch_client::types::{Batch, BatchUuid, CreateBatchRequest, UploadedFile};
use cargo_batch_client::{Client, Error, ErrorKind, TokenFuture, TokenProvider, WatchEvent};
use cargo_batch_sandbox::{Fault, FaultPlan, Rule, Sandbox};
use cargo_batch_tests::sandbox::Checked;
use fastrand::Rng;
use tokio::time::{Instant, sleep, timeout};

const LEADS: usize = 150;
const HOUR: Duration = Duration::from_secs(3600);

/// The current token: a restart of the server may have created another.
struct Tokens(Arc<Checked>);

impl TokenProvider for Tokens {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async { Ok(self.0.token().into()) })
    }
}

/// A process that uses the client, as it starts.
fn process(sandbox: &Arc<Checked>, random: &mut Rng) -> Client {
    Client::builder_with_token_provider(Tokens(sandbox.clone()))
        .base_url(sandbox.base_url())
        .jitter_seed(random.u64(..))
        .build()
        .unwrap()
}

/// What goes wrong next, and for how many seconds.
fn random_plan(random: &mut Rng) -> (FaultPlan, f64) {
    let seconds = random.f64() * 60.0 + 1.0;
    let some = |fault, probability| Rule::new(fault).probability(probability);
    let plan = FaultPlan::new().seed(random.u64(..));
    let plan = match random.u8(..8) {
        0 => plan,
        // Partitions: no request gets through, or everything that does is lost on the way back.
        1 => plan.rule(Fault::ConnectionRefused { seconds }),
        2 => plan.rule(Fault::ResetAfterActing),
        3 => plan.rule(some(Fault::CloseOnAccept, 0.5)),
        // Delays, some of them longer than any caller waits.
        4 => {
            let delay = |seconds, acted| Fault::Stall { seconds, acted };
            let short = Some(random.f64() * 20.0);
            plan.rule(some(delay(None, true), 0.2))
                .rule(some(delay(short, false), 0.7))
        }
        5 => plan
            .rule(some(Fault::Truncate { bytes: None }, 0.3))
            .rule(some(Fault::ResetBeforeActing, 0.3)),
        // A restart: connections are cut, new ones are refused, and the token is another.
        6 => plan
            .rule(Rule::new(Fault::ResetBeforeReading).count(3))
            .rule(Rule::new(Fault::RevokeToken).on("api").count(1)),
        _ => {
            let (retry_after, as_date) = (Some(random.u64(1..20)), random.bool());
            let busy = Fault::TooManyRequests {
                retry_after,
                as_date,
            };
            plan.rule(some(busy, 0.4))
                .rule(some(Fault::BadGateway { acted: true }, 0.2))
                .rule(some(Fault::GatewayTimeout { acted: true }, 0.2))
        }
    };
    (plan, seconds)
}

/// Retries something that costs nothing twice until it succeeds; faults pass.
async fn patiently<T>(mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> T {
    for _ in 0..100 {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert!(passes(&error), "{error:#}"),
        }
        sleep(Duration::from_secs(30)).await;
    }
    panic!("the faults never pass");
}

/// No other error comes of faults: nothing is unreadable, nothing is refused for good.
fn passes(error: &Error) -> bool {
    let lost = matches!(
        error.kind(),
        ErrorKind::Connect | ErrorKind::Interrupted | ErrorKind::Unauthorized
    );
    lost || matches!(
        error.status().map(|status| status.as_u16()),
        Some(429 | 502 | 504)
    )
}

/// Waits by itself or among many, saves and resumes in another process now and then.
async fn wait(mut client: Client, id: BatchUuid, sandbox: &Arc<Checked>, rng: &mut Rng) -> Batch {
    let mut watch = client.watch(id);
    let mut many = client.watch_many([id]);
    loop {
        let state = if rng.bool() {
            watch.next().await.expect("it hasn't ended").map(Some)
        } else {
            match many.next().await.expect("it hasn't ended") {
                Ok(WatchEvent::Updated(batch)) => Ok(Some(*batch)),
                Ok(other) => panic!("{other:?}"),
                Err(error) => Err(error),
            }
        };
        match state {
            Ok(Some(batch)) if batch.is_finished() => return batch,
            Ok(_) => {}
            // As after the end of a process: this one has never had a response.
            Err(error) if error.kind() == ErrorKind::Connect => {
                sleep(Duration::from_secs(30)).await;
                let (one, all) = (watch.save(), many.save());
                (watch, many) = (client.resume(one), client.resume_many(all));
            }
            Err(error) => panic!("{error:#}"),
        }
        if rng.u8(..4) == 0 {
            let (one, all) = (watch.save(), many.save());
            client = process(sandbox, rng);
            (watch, many) = (client.resume(one), client.resume_many(all));
        }
    }
}

/// How a life went.
#[derive(Debug, PartialEq)]
struct Life {
    /// It could not be told whether the batch was created.
    undecided: bool,
    requests: usize,
    time: Duration,
}

async fn live(seed: u64) -> Life {
    let start = Instant::now();
    let mut random = Rng::with_seed(seed);
    let (sandbox, _) = Checked::set_up(Sandbox::builder().seed(seed)).await;
    let sandbox = Arc::new(sandbox);
    let mut sky = random.fork();
    let above = sandbox.clone();
    let clouds = tokio::spawn(async move {
        loop {
            let (plan, seconds) = random_plan(&mut sky);
            above.faults(plan).await.unwrap();
            sleep(Duration::from_secs_f64(seconds)).await;
        }
    });

    let client = process(&sandbox, &mut random);
    let leads: String = (0..LEADS).map(|n| format!("{n}@example.com\n")).collect();
    let csv = format!("email\n{leads}");
    let file: UploadedFile =
        patiently(async || client.upload_file("a.csv", csv.clone()).await).await;
    let request = CreateBatchRequest::new(file).workflow(sandbox.fixtures().tool_workflow_uuid);
    let created = loop {
        match client.create_batch_once(request.clone()).await {
            Ok(batch) => break Some(batch.uuid),
            // Known not to have been created: nothing is risked by another attempt.
            Err(error) if !error.is_ambiguous() && error.is_retryable() => {}
            Err(error) => {
                assert!(passes(&error), "{error:#}");
                break None;
            }
        }
        sleep(Duration::from_secs(30)).await;
    };
    let made = || -> Vec<BatchUuid> {
        let all = sandbox.created().into_iter();
        all.flat_map(|created| created.batch_uuids).collect()
    };
    assert!(made().len() <= 1, "paid for twice: {:?}", made());
    if let Some(id) = created {
        assert_eq!(made(), [id]);
        let batch = wait(client.clone(), id, &sandbox, &mut random).await;
        assert_eq!(batch.executed_runs_count, LEADS as u64);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("results.csv");
        let client = process(&sandbox, &mut random);
        patiently(async || client.batch(id).download().to_file(&path).await).await;
        let results = std::fs::read_to_string(&path).unwrap();
        // The header, and a line for each; none half, none twice.
        let mut rows: BTreeMap<String, usize> = BTreeMap::new();
        for line in results.lines().skip(1) {
            let email = line.split(',').find(|cell| cell.contains("@example.com"));
            *rows.entry(email.unwrap().to_owned()).or_default() += 1;
        }
        assert_eq!((rows.len(), results.lines().count()), (LEADS, LEADS + 1));
        assert_eq!(made(), [id]);
    }
    clouds.abort();
    Life {
        undecided: created.is_none(),
        requests: sandbox.requests().len(),
        time: start.elapsed(),
    }
}

fn variable(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// A runtime for each, so that none is subject to the faults of another.
fn simulate(seed: u64) -> Life {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        match timeout(24 * HOUR, live(seed)).await {
            Ok(life) => life,
            Err(_) => panic!("seed {seed} takes more than a day"),
        }
    })
}

#[test]
fn under_random_faults_each_batch_is_paid_for_once_and_none_is_lost() {
    let first = variable("SIMULATIONS_SEED", 1);
    let count = variable("SIMULATIONS", 20);
    let mut undecided = 0;
    for seed in first..first + count {
        let life = std::panic::catch_unwind(|| simulate(seed));
        let life = life.unwrap_or_else(|_| panic!("SIMULATIONS=1 SIMULATIONS_SEED={seed} fails"));
        println!("{seed}: {life:?}");
        undecided += u64::from(life.undecided);
    }
    assert!(undecided * 3 <= count, "{undecided} of {count} undecided");
}

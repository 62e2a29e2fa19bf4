//! Money: whatever goes wrong, no batch is lost, and none is paid for twice.

use std::collections::{BTreeMap, HashSet};
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cargo_batch_client::types::{
    Batch, BatchUuid, CreateBatchData, CreateBatchRequest, CreateFilterData, Filter,
    NumberCondition, Record,
};
use cargo_batch_client::{Client, Error, TokenFuture, TokenProvider};
use cargo_batch_sandbox::{Fault, FaultPlan, Rule, Sandbox, Settings};
use cargo_batch_tests::faults::random_faults;
use serde_json::Value;

/// How many tasks create at the same time.
const TASKS: usize = 32;

/// The share of the requests that fail.
const SHARE: f64 = 0.3;

/// Asks the sandbox, which takes another token now and then.
struct Tokens(Arc<Sandbox>);

impl TokenProvider for Tokens {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async { Ok(self.0.token().into()) })
    }
}

/// A sandbox with random faults, and a client of it as it is by default.
struct FaultySandbox {
    sandbox: Arc<Sandbox>,
    client: Client,
    /// How often each kind of fault has hit, in all plans.
    hits: Arc<Mutex<BTreeMap<String, u64>>>,
}

impl FaultySandbox {
    async fn start(seed: u64) -> Self {
        // Its responses are held against the specification elsewhere, which takes its time.
        let sandbox = Sandbox::builder().seed(seed).validate_responses(false);
        let sandbox = Arc::new(sandbox.start().await.unwrap());
        let client = Client::builder_with_token_provider(Tokens(sandbox.clone()))
            .base_url(sandbox.base_url())
            .jitter_seed(seed);
        let faulty = Self {
            client: client.build().unwrap(),
            sandbox,
            hits: Arc::default(),
        };
        let (sandbox, hits) = (faulty.sandbox.clone(), faulty.hits.clone());
        sandbox.faults(faults_of(seed)).await.unwrap();
        // The port is closed for two seconds now and then, which only begins with a plan.
        tokio::spawn(async move {
            for turn in 1.. {
                tokio::time::sleep(Duration::from_secs(50)).await;
                note(&sandbox, faults_of(seed), &hits);
                let closed = Rule::new(Fault::ConnectionRefused { seconds: 2.0 }).on("api");
                let plan = faults_of(seed + 1000 * turn).rule(closed);
                sandbox.faults(plan).await.unwrap();
                *hits.lock().unwrap().entry("refuse".to_owned()).or_default() += 1;
                clocks(&sandbox, turn);
            }
        });
        faulty
    }

    /// Ends it, and tells how often each kind has hit.
    async fn end(&self) -> BTreeMap<String, u64> {
        note(&self.sandbox, faults_of(0), &self.hits);
        self.sandbox.faults(FaultPlan::new()).await.unwrap();
        self.hits.lock().unwrap().clone()
    }
}

/// Dates of another clock, or none, batches dated by servers a second apart, and a clock that jumps, as where
/// the machine of the client was suspended.
fn clocks(sandbox: &Sandbox, turn: u64) {
    let settings = Settings::default()
        .sends_date(!turn.is_multiple_of(3))
        .date_offset([0.0, 3600.0, -3600.0][(turn % 3) as usize])
        .created_offsets([0.0, 1.0, -1.0]);
    sandbox.set(settings);
    if turn.is_multiple_of(4) {
        sandbox.advance(Duration::from_secs(300));
    }
}

fn faults_of(seed: u64) -> FaultPlan {
    random_faults(SHARE, seed)
}

/// Adds what the plan in force has hit.
fn note(sandbox: &Sandbox, plan: FaultPlan, hits: &Mutex<BTreeMap<String, u64>>) {
    let mut hits = hits.lock().unwrap();
    for (rule, count) in plan.rules.iter().zip(sandbox.hits()) {
        *hits.entry(rule.fault.kind()).or_default() += count;
    }
}

/// Does the work of all numbers, by so many tasks at once.
async fn by_tasks<T: Send + 'static, F: Future<Output = T> + Send + 'static>(
    count: usize,
    work: impl Fn(usize) -> F + Clone + Send + Sync + 'static,
) -> Vec<T> {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 0..TASKS {
        let work = work.clone();
        tasks.spawn(async move {
            let mut done = Vec::new();
            for number in (task..count).step_by(TASKS) {
                done.push((number, work(number).await));
                // It has other things to do.
                tokio::time::sleep(Duration::from_secs(15)).await;
            }
            done
        });
    }
    let mut all: Vec<(usize, T)> = tasks.join_all().await.into_iter().flatten().collect();
    all.sort_by_key(|(number, _)| *number);
    all.into_iter().map(|(_, done)| done).collect()
}

/// As a service would: what is known to have created nothing is retried after a while.
async fn insistently<T, F: Future<Output = Result<T, Error>>>(
    call: impl Fn() -> F,
    stop: impl Fn(&Error) -> bool,
) -> Result<T, Error> {
    for tries in 1.. {
        match call().await {
            Err(error) if !stop(&error) && tries < 1000 => {
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
            done => return done,
        }
    }
    unreachable!("it ends by itself")
}

/// The name of the only column of a file of its own.
fn column(number: usize) -> String {
    format!("column_{number}")
}

/// The n-th of as many creations as one likes, no two of them the same.
async fn request(client: &Client, sandbox: &Sandbox, number: usize) -> CreateBatchRequest {
    let fixtures = sandbox.fixtures();
    let play =
        |data: CreateBatchData| CreateBatchRequest::new(data).workflow(fixtures.play_workflow_uuid);
    let tool =
        |data: CreateBatchData| CreateBatchRequest::new(data).workflow(fixtures.tool_workflow_uuid);
    match number % 4 {
        0 => {
            let text = format!("{}\na@example.com\n", column(number));
            // A file that is uploaded twice costs nothing.
            let upload = || client.upload_file("leads.csv", text.clone()).into_future();
            let file = insistently(upload, |_| false).await.unwrap();
            tool(CreateBatchData::from(file))
        }
        1 => {
            let (count, place) = (fixtures.record_ids.len(), number / 4);
            let ids = [place % count, (place + 1 + place / count) % count];
            let ids = ids.map(|place| fixtures.record_ids[place].clone());
            play(CreateBatchData::record_ids(fixtures.model_uuid, ids))
        }
        2 => {
            let below = NumberCondition::lower_than("employees", 1_000_000 + number as u32);
            let data = CreateFilterData::new(fixtures.model_uuid, Filter::all(below));
            play(data.limit(1).into())
        }
        _ => tool(CreateBatchData::records([Record::from_iter([(
            column(number),
            "b@example.com",
        )])])),
    }
}

fn written(value: &impl serde::Serialize) -> Value {
    serde_json::to_value(value).unwrap()
}

async fn a_thousand_are_created_once_each(seed: u64) {
    const COUNT: usize = 1000;
    let faulty = FaultySandbox::start(seed).await;
    let (client, sandbox) = (faulty.client.clone(), faulty.sandbox.clone());
    let made = by_tasks(COUNT, move |number| {
        let (client, sandbox) = (client.clone(), sandbox.clone());
        async move {
            let request = request(&client, &sandbox, number).await;
            let create = || async {
                // As a web handler that is dropped, and called again.
                if number % 3 == 0 {
                    let creation = client.create_batch_once(request.clone());
                    if let Ok(done) = tokio::time::timeout(Duration::from_secs(3), creation).await {
                        return done;
                    }
                }
                client.create_batch_once(request.clone()).await
            };
            let batch = insistently(create, Error::is_ambiguous).await;
            (
                request,
                batch.unwrap_or_else(|error| panic!("{number}: {error:#}")),
            )
        }
    })
    .await;
    let hits = faulty.end().await;
    let received = faulty.sandbox.requests().len() as u64;
    eprintln!("seed {seed}: {received} requests, {hits:?}");

    // As counted by the sandbox: so many, each from data of its own, each once.
    let created = faulty.sandbox.created();
    assert_eq!(created.len(), COUNT);
    for one in &created {
        assert_eq!((one.count, one.batch_uuids.len()), (1, 1), "{:?}", one.body);
    }
    // As known by the tasks: each has the batch that was created of its data, and no other has.
    let of_batch: BTreeMap<BatchUuid, &Value> = created
        .iter()
        .map(|one| (one.batch_uuids[0], &one.body))
        .collect();
    let distinct: HashSet<BatchUuid> = made.iter().map(|(_, batch)| batch.uuid).collect();
    assert_eq!(distinct.len(), COUNT);
    for (number, (request, batch)) in made.iter().enumerate() {
        let body = of_batch[&batch.uuid];
        match request.data.tag() {
            "records" => {
                // They went as a file, whose name only the client knew.
                assert_eq!(body["data"]["kind"], "file");
                let file = body["data"]["s3Filename"].as_str().unwrap();
                let columns = faulty.client.list_file_columns(file).await.unwrap().columns;
                let names: Vec<&str> = columns.iter().map(|one| one.name.as_str()).collect();
                assert_eq!(names, [column(number)]);
            }
            _ => assert_eq!(body["data"], sorted(written(&request.data))),
        }
    }

    // And there were faults.
    for (kind, hits) in &hits {
        assert!(*hits > 0, "no request was hit by {kind}");
    }
    let failed: u64 = cargo_batch_tests::faults::failures()
        .iter()
        .map(|fault| fault.kind())
        .collect::<HashSet<_>>()
        .iter()
        .map(|kind| hits[kind])
        .sum();
    let share = failed as f64 / received as f64;
    assert!((0.27..0.33).contains(&share), "{share}");
}

/// Fields in the order of their names, as the sandbox reports them.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let fields: BTreeMap<String, Value> = fields.into_iter().collect();
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(fields.collect())
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_batches_in_a_storm_are_a_thousand_batches() {
    a_thousand_are_created_once_each(1).await;
}

#[tokio::test(start_paused = true)]
async fn no_batch_is_paid_for_twice_under_faults_with_a_second_seed() {
    a_thousand_are_created_once_each(2).await;
}

#[tokio::test(start_paused = true)]
async fn the_same_segment_is_never_silently_a_second_batch() {
    const COUNT: usize = 160;
    let faulty = FaultySandbox::start(3).await;
    let (client, sandbox) = (faulty.client.clone(), faulty.sandbox.clone());
    let done = by_tasks(COUNT, move |_| {
        let (client, fixtures) = (client.clone(), sandbox.fixtures().clone());
        async move {
            let segment = CreateBatchData::segment(fixtures.segment_uuid);
            let request = CreateBatchRequest::new(segment).workflow(fixtures.play_workflow_uuid);
            let create = || client.create_batch_once(request.clone()).into_future();
            insistently(create, Error::is_ambiguous).await
        }
    })
    .await;
    faulty.end().await;

    let created = faulty.sandbox.created();
    assert_eq!(created.len(), 1, "all of them are the same");
    let acted: HashSet<BatchUuid> = created[0].batch_uuids.iter().copied().collect();
    let (returned, doubts): (Vec<Batch>, Vec<Error>) = split(done);
    let had: HashSet<BatchUuid> = returned.iter().map(|batch| batch.uuid).collect();
    eprintln!(
        "{} acted on, {} returned, {} doubts",
        acted.len(),
        returned.len(),
        doubts.len()
    );
    assert_eq!(had.len(), returned.len(), "no batch is two callers'");
    assert!(had.is_subset(&acted));
    assert!(doubts.len() > 10 && returned.len() > 10);
    assert!(acted.len() <= COUNT, "one at most for each caller");

    // What no call has returned is a candidate of another call's error: nothing runs unreported.
    let candidates: HashSet<BatchUuid> = doubts
        .iter()
        .flat_map(Error::candidates)
        .map(|batch| batch.uuid)
        .collect();
    assert!(doubts.iter().all(Error::is_ambiguous));
    let silent: Vec<_> = acted
        .difference(&had)
        .filter(|uuid| !candidates.contains(uuid))
        .collect();
    assert!(silent.is_empty(), "{silent:?}");
    assert!(!candidates.is_empty() && candidates.is_subset(&acted));
    // And what one call has returned is no candidate of another.
    assert!(candidates.is_disjoint(&had), "{candidates:?}");
}

fn split(done: Vec<Result<Batch, Error>>) -> (Vec<Batch>, Vec<Error>) {
    let (mut returned, mut doubts) = (Vec::new(), Vec::new());
    for one in done {
        match one {
            Ok(batch) => returned.push(batch),
            Err(error) => doubts.push(error),
        }
    }
    (returned, doubts)
}

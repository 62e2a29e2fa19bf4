//! Servers that ask for fewer requests, servers that are away for a while, and how many requests there are at
//! once.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::{BatchUuid, CreateBatchData, CreateBatchRequest};
use cargo_batch_client::{Client, Error, ErrorKind, RetryPolicy};
use cargo_batch_tests::child;
use cargo_batch_tests::frames::{self, Act};
use cargo_batch_tests::sandbox::{self, Checked};
use cargo_batch_tests::script::{Script, Seen, TOKEN, batch, json, status, uuid};
use futures_util::StreamExt;
use serde_json::json as value;
use tokio::task::JoinSet;
use tokio::time::Instant;

const CREATE: &str = "POST /v1/orchestration/batches";

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

fn get(number: usize) -> String {
    format!("GET /v1/orchestration/batches/{}", uuid(number))
}

fn one_batch() -> Response<Body> {
    json(value!({ "batch": batch(value!({ "status": "success" })) }))
}

fn refused(after: Option<u64>) -> Response<Body> {
    let mut response = status(429);
    if let Some(after) = after {
        let headers = response.headers_mut();
        headers.insert("retry-after", after.to_string().parse().unwrap());
    }
    response
}

fn request(number: usize) -> CreateBatchRequest {
    CreateBatchRequest::new(CreateBatchData::file(format!("{number}.csv")))
}

/// So many calls at once, and when each succeeded.
async fn at_once(
    client: &Client,
    count: usize,
    call: impl AsyncCall,
) -> Vec<Result<Duration, Error>> {
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for number in 0..count {
        let call = call.start(client.clone(), number);
        calls.spawn(async move { call.await.map(|()| start.elapsed()) });
    }
    calls.join_all().await
}

/// A call by its number.
trait AsyncCall {
    fn start(&self, client: Client, number: usize) -> Call;
}

type Call = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl<F: Future<Output = Result<(), Error>> + Send + 'static, C: Fn(Client, usize) -> F> AsyncCall
    for C
{
    fn start(&self, client: Client, number: usize) -> Call {
        Box::pin(self(client, number))
    }
}

async fn read(client: Client, _: usize) -> Result<(), Error> {
    client.get_batch(id()).await.map(drop)
}

async fn create(client: Client, number: usize) -> Result<(), Error> {
    client.create_batch(request(number)).await.map(drop)
}

/// How servers count what they permit.
#[derive(Clone, Copy, Debug)]
enum Limiter {
    /// So many in each second of the clock; says when the next one begins, or doesn't.
    Window(u32, Option<u64>),
    /// One after the other at a rate, and so many more at once: nginx and its `burst`.
    Bucket { rate: f64, burst: f64 },
}

/// What a limiter has counted.
#[derive(Default)]
struct Counted {
    window: u64,
    used: u32,
    level: f64,
    last: f64,
}

impl Limiter {
    fn permits(self, counted: &mut Counted, at: Duration) -> Result<(), Option<u64>> {
        match self {
            Self::Window(count, after) => {
                if counted.window != at.as_secs() {
                    (counted.window, counted.used) = (at.as_secs(), 0);
                }
                counted.used += 1;
                (counted.used <= count).then_some(()).ok_or(after)
            }
            Self::Bucket { rate, burst } => {
                let now = at.as_secs_f64();
                let level = (counted.level - (now - counted.last) * rate).max(0.0) + 1.0;
                if level > burst + 1.0 {
                    return Err(None);
                }
                (counted.level, counted.last) = (level, now);
                Ok(())
            }
        }
    }
}

/// A server that permits 20 requests a second and responds after a while, and how many it has let through and
/// refused.
async fn limited(limiter: Limiter, latency: Duration) -> (Script, Arc<Mutex<[usize; 2]>>) {
    let counts = Arc::new(Mutex::new([0, 0]));
    let (counted, counting) = (Mutex::new(Counted::default()), counts.clone());
    let script = Script::start(move |seen| {
        let permitted = limiter.permits(&mut counted.lock().unwrap(), seen.at);
        counting.lock().unwrap()[usize::from(permitted.is_err())] += 1;
        let response = match permitted {
            Ok(()) if seen.line == get(7) => {
                json(value!({ "batch": batch(value!({ "status": "running" })) }))
            }
            Ok(()) => one_batch(),
            Err(after) => refused(after),
        };
        delayed(response, latency)
    })
    .await;
    (script, counts)
}

/// A response whose body comes later.
fn delayed(response: Response<Body>, latency: Duration) -> Response<Body> {
    if latency.is_zero() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove("content-length");
    let body = futures_util::stream::once(async move {
        tokio::time::sleep(latency).await;
        axum::body::to_bytes(body, usize::MAX).await
    });
    Response::from_parts(parts, Body::from_stream(body))
}

const LIMITERS: [Limiter; 4] = [
    Limiter::Window(20, None),
    Limiter::Window(20, Some(1)),
    Limiter::Bucket {
        rate: 20.0,
        burst: 5.0,
    },
    Limiter::Bucket {
        rate: 20.0,
        burst: 20.0,
    },
];

/// 60 at 20 a second, after at least so many at once, take 3 seconds at most.
#[tokio::test(start_paused = true)]
async fn sixty_creations_get_through_where_twenty_a_second_are_allowed() {
    for limiter in LIMITERS {
        let (script, counts) = limited(limiter, Duration::ZERO).await;
        let client = script.client();
        let done = at_once(&client, 60, create).await;
        let times: Vec<Duration> = done.into_iter().map(Result::unwrap).collect();
        let longest = times.into_iter().max().unwrap();
        assert!(
            longest < Duration::from_millis(4500),
            "{limiter:?}: {longest:?}"
        );
        let [through, refused] = *counts.lock().unwrap();
        assert_eq!(through, 60);
        assert!(refused <= 3 * through, "{limiter:?}: {refused} refused");
        // Each is sent until it gets through, and once more by none.
        assert_eq!(script.seen().len(), through + refused);
    }
}

/// No two requests at once are permitted: each that comes too early is refused, and what was spent on waiting
/// for it is lost.
#[tokio::test(start_paused = true)]
async fn a_limit_without_burst_is_used_to_two_thirds() {
    for (rate, count, latencies) in [
        (20.0, 60, [0, 20, 50, 200].as_slice()),
        (5.0, 15, &[0, 100]),
        (100.0, 300, &[0, 50]),
    ] {
        let limiter = Limiter::Bucket { rate, burst: 0.0 };
        for (seed, latency) in latencies.iter().cycle().take(8).enumerate() {
            let (script, counts) = limited(limiter, Duration::from_millis(*latency)).await;
            let client = script.builder().jitter_seed(seed as u64).build().unwrap();
            let done = at_once(&client, count, create).await;
            let times: Vec<Duration> = done.into_iter().map(Result::unwrap).collect();
            let longest = times.into_iter().max().unwrap();
            let least = Duration::from_secs_f64(count as f64 / rate);
            assert!(
                longest < least.mul_f64(1.5),
                "{limiter:?}, {latency} ms, {seed}: {longest:?}"
            );
            let [through, refused] = *counts.lock().unwrap();
            assert_eq!(through, count);
            assert!(refused <= 3 * through, "{limiter:?}: {refused} refused");
        }
    }
}

/// The clones of a client wait together: a second one alone would be refused as often again.
#[tokio::test(start_paused = true)]
async fn a_watch_keeps_its_pace_while_many_creations_are_throttled() {
    for limiter in LIMITERS {
        for interval in [Duration::from_secs(1), Duration::from_secs(5)] {
            let (script, counts) = limited(limiter, Duration::ZERO).await;
            let client = script.client();
            let watch = client.watch(uuid(7).parse::<BatchUuid>().unwrap());
            let mut watch = watch.interval(interval);
            let polled = Arc::new(Mutex::new(Vec::new()));
            let polls = polled.clone();
            let watching = tokio::spawn(async move {
                while let Some(state) = watch.next().await {
                    state.unwrap();
                    polls.lock().unwrap().push(Instant::now());
                }
            });
            tokio::time::sleep(interval * 3 - Duration::from_millis(300)).await;
            for create in at_once(&client, 60, create).await {
                create.unwrap();
            }
            tokio::time::sleep(interval * 3).await;
            watching.abort();
            let polled = polled.lock().unwrap().clone();
            assert!(polled.len() >= 4, "{polled:?}");
            for pair in polled.windows(2) {
                let gap = pair[1] - pair[0];
                assert!(gap <= interval * 2, "{limiter:?}, {interval:?}: {gap:?}");
            }
            let [through, refused] = *counts.lock().unwrap();
            assert!(refused <= 3 * through, "{limiter:?}: {refused} refused");
        }
    }
}

/// Also uploads and the searches of a creation are paced, and nothing is created twice.
#[tokio::test(start_paused = true)]
async fn creations_of_records_get_through_with_all_their_requests() {
    use cargo_batch_client::types::Record;
    let limiter = LIMITERS[2];
    let counted = Mutex::new(Counted::default());
    let script = Script::start(move |seen| {
        if let Err(after) = limiter.permits(&mut counted.lock().unwrap(), seen.at) {
            return refused(after);
        }
        match seen.line.as_str() {
            "POST /v1/workspaceManagement/files/upload" => json(value!({
                "s3Filename": format!("up-{}.csv", seen.number), "contentType": "text/csv",
                "name": "records.csv",
            })),
            CREATE => json(value!({ "batch": batch(value!({ "uuid": uuid(seen.number + 1) })) })),
            _ => json(value!({ "batches": [] })),
        }
    })
    .await;
    let client = script.client();
    let create_once = |client: Client, number: usize| async move {
        let record = Record::from_iter([("email", format!("{number}@example.com"))]);
        let data = CreateBatchData::records([record]);
        client
            .create_batch_once(CreateBatchRequest::new(data))
            .await
            .map(drop)
    };
    let start = Instant::now();
    for done in at_once(&client, 60, create_once).await {
        done.unwrap();
    }
    // Two requests each.
    assert!(
        start.elapsed() < Duration::from_secs(9),
        "{:?}",
        start.elapsed()
    );
}

/// One pause for all clones, as long as is asked for.
#[tokio::test(start_paused = true)]
async fn a_retry_after_delays_all_clones() {
    let script = Script::start(|seen| match seen.number {
        0 => refused(Some(10)),
        _ => one_batch(),
    })
    .await;
    let client = script.client();
    let first = tokio::spawn({
        let client = client.clone();
        async move { read(client, 0).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let other = client.with_timeout(Duration::from_secs(60));
    let others = at_once(&other.with_retry(RetryPolicy::never()), 20, read).await;
    first.await.unwrap().unwrap();
    for done in others {
        done.unwrap();
    }
    let times: Vec<f64> = script
        .seen()
        .iter()
        .map(|seen| seen.at.as_secs_f64())
        .collect();
    assert_eq!(times.len(), 22);
    assert!(times[1..].iter().all(|at| *at >= 10.0), "{times:?}");
    // Not all at once, and not long after.
    assert!(times[21] - times[1] > 0.1 && times[21] < 13.0, "{times:?}");
    // A call that has less time isn't sent, and says why at once.
    let script = Script::start(|_| refused(Some(50))).await;
    let client = script.client();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { read(client, 0).await }
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let start = Instant::now();
    let hasty = client.with_timeout(Duration::from_secs(10));
    let error = hasty.create_batch(request(0)).await.unwrap_err();
    assert_eq!((start.elapsed(), script.seen().len()), (Duration::ZERO, 1));
    assert!(!error.is_ambiguous() && error.is_retryable());
    assert_eq!(error.attempts(), 0);
    assert!(error.to_string().contains("429"), "{error}");
    waiting.abort();
}

/// A call that was refused, and then held up by what another one was asked for, ends with its refusal.
#[tokio::test(start_paused = true)]
async fn a_delayed_call_ends_with_its_own_429() {
    let script = Script::start(|seen| refused(Some([1, 50][seen.number.min(1)]))).await;
    let client = script.client().with_timeout(Duration::from_secs(10));
    let (first, other) = tokio::join!(client.get_batch(id()).into_future(), async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        client
            .with_timeout(Duration::from_secs(180))
            .get_batch(id())
            .await
    });
    let (first, other) = (first.unwrap_err(), other.unwrap_err());
    for error in [first, other] {
        assert_eq!(error.status().unwrap().as_u16(), 429, "{error:#}");
        assert!(error.retry_after().is_some());
    }
}

/// 429 takes nothing from the budget, and isn't an attempt; a failure is and does.
#[tokio::test(start_paused = true)]
async fn being_throttled_is_not_failing() {
    let mut policy = RetryPolicy::default();
    (policy.budget, policy.max_attempts) = (0, 2);
    let script = Script::start(|seen| match seen.number {
        0..9 => refused(None),
        _ => one_batch(),
    })
    .await;
    let client = script.builder().retry(policy.clone()).build().unwrap();
    client.get_batch(id()).await.unwrap();
    assert_eq!(script.seen().len(), 10);
    for code in [408, 425, 500, 502, 503, 504, 507, 520, 599] {
        let script = Script::start(move |_| status(code)).await;
        let client = script.builder().retry(policy.clone()).build().unwrap();
        let error = client.get_batch(id()).await.unwrap_err();
        assert_eq!((error.attempts(), script.seen().len()), (1, 1), "{code}");
        assert!(error.to_string().contains("RetryPolicy::budget"), "{error}");
    }
    // What won't be other the next time takes nothing, and isn't repeated.
    for code in [400, 404, 501, 505] {
        let script = Script::start(move |_| status(code)).await;
        let error = script.client().get_batch(id()).await.unwrap_err();
        assert_eq!((error.attempts(), script.seen().len()), (1, 1), "{code}");
        assert!(!error.to_string().contains("budget"), "{error}");
    }
    // Never means never, for 429 as well.
    let script = Script::start(|_| refused(None)).await;
    let client = script.client().with_retry(RetryPolicy::never());
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!((error.attempts(), script.seen().len()), (1, 1));
}

/// The policy of one call has no say over the budget of all.
#[tokio::test(start_paused = true)]
async fn another_policy_leaves_the_budget_alone() {
    let script = Script::start(|seen| match seen.line == get(1) {
        true => one_batch(),
        false => status(500),
    })
    .await;
    let client = script.client();
    let mut other = RetryPolicy::default();
    other.budget = 0;
    let other = client.with_retry(other);
    other.get_batch(id()).await.unwrap();
    let failing: BatchUuid = uuid(2).parse().unwrap();
    let error = other.get_batch(failing).await.unwrap_err();
    assert_eq!(error.attempts(), 6);
    let error = client.get_batch(failing).await.unwrap_err();
    assert_eq!(error.attempts(), 6);
}

/// A watch that is told 429 polls less often, not more.
#[tokio::test(start_paused = true)]
async fn a_watch_that_is_refused_slows_down() {
    for after in [None, Some(30)] {
        let script = Script::start(move |seen| match seen.at.as_secs() {
            60..360 => refused(after),
            _ => json(value!({ "batch": batch(value!({ "status": "running" })) })),
        })
        .await;
        let mut watch = script.client().watch(id());
        let end = Instant::now() + Duration::from_secs(600);
        while let Ok(state) = tokio::time::timeout_at(end, watch.next()).await {
            state.unwrap().unwrap();
        }
        let times: Vec<f64> = script
            .seen()
            .iter()
            .map(|seen| seen.at.as_secs_f64())
            .collect();
        let between =
            |from: f64, to: f64| times.iter().filter(|at| (from..to).contains(*at)).count();
        let (before, refused, later) = (
            between(0.0, 60.0),
            between(100.0, 340.0),
            between(400.0, 580.0),
        );
        assert!((11..=13).contains(&before), "{times:?}");
        // Soon again at first, and then less often.
        assert!(between(60.0, 90.0) <= 9, "{times:?}");
        // In 240 seconds it would be 48.
        let least = match after {
            Some(_) => 7..=8,
            None => 20..=32,
        };
        assert!(least.contains(&refused), "{refused}: {times:?}");
        assert!((33..=39).contains(&later), "{later}: {times:?}");
    }
}

/// An outage of 6 seconds costs nobody a call, whatever it looks like.
#[tokio::test(start_paused = true)]
async fn a_short_outage_fails_no_call() {
    for (code, after) in [
        (429, None),
        (429, Some(2)),
        (502, None),
        (503, Some(1)),
        (500, None),
    ] {
        let script = Script::start(move |seen| match seen.at.as_secs_f64() {
            0.0..6.0 => {
                let mut response = refused(after);
                *response.status_mut() = axum::http::StatusCode::from_u16(code).unwrap();
                response
            }
            _ => one_batch(),
        })
        .await;
        let client = script.client();
        for done in at_once(&client, 20, read).await {
            let at = done.unwrap_or_else(|error| panic!("{code} {after:?}: {error:#}"));
            assert!(at < Duration::from_secs(30), "{at:?}");
        }
    }
}

/// A port that is closed for a while, on a server that has been heard from.
#[tokio::test(start_paused = true)]
async fn a_server_that_goes_away_is_waited_for() {
    use cargo_batch_sandbox::{Fault, FaultPlan, Rule};
    for seconds in [6.0, 60.0] {
        let (sandbox, client) = Checked::start().await;
        let created = client
            .create_batch(sandbox::create(&sandbox))
            .await
            .unwrap();
        let plan = FaultPlan::new().rule(Rule::new(Fault::ConnectionRefused { seconds }).on("api"));
        sandbox.faults(plan).await.unwrap();
        let start = Instant::now();
        let id = created.batch.uuid;
        let again = sandbox::create(&sandbox);
        let call = move |client: Client, number: usize| {
            let again = again.clone();
            async move {
                match number % 2 {
                    0 => client.get_batch(id).await.map(drop),
                    // Not idempotent, and not received.
                    _ => client.create_batch(again).await.map(drop),
                }
            }
        };
        for done in at_once(&client, 20, call).await {
            done.unwrap();
        }
        assert!(start.elapsed().as_secs_f64() >= seconds);
        assert_eq!(sandbox::made(&sandbox), 11);
    }
}

/// An address that nothing listens at, and that has never responded.
#[tokio::test(start_paused = true)]
async fn a_server_that_was_never_there_is_given_up_after_the_attempts() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let client = Client::builder(TOKEN).base_url(format!("http://{address}/v1"));
    let client = client.jitter_seed(1).build().unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 6));
    // A watch doesn't wait for it, either: alone, among many, or in one expression.
    let start = Instant::now();
    client.watch(id()).await.unwrap_err();
    client.batch(id()).wait().await.unwrap_err();
    client.watch_many([id()]).next().await.unwrap().unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(60));
}

/// Real time: names aren't resolved by the clock of a test.
#[tokio::test]
async fn an_unknown_host_is_not_tried_again() {
    let client = Client::builder(TOKEN).base_url("https://no-such-host.invalid/v1");
    let client = client.build().unwrap();
    let error = client.get_batch(id()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    // Where names can't be resolved at all, that may pass.
    let is_down = format!("{error:#}").contains("Temporary failure");
    assert_eq!(error.attempts(), if is_down { 6 } else { 1 }, "{error:#}");
}

/// A proxy that wants a password, by the variables of the environment; real time, as that of a connection.
#[test]
fn a_proxy_that_asks_for_a_password_is_asked_once() {
    const NAME: &str = "throttling::a_proxy_that_asks_for_a_password_is_asked_once";
    if child::is_child() {
        return runtime().block_on(async {
            let client = Client::builder(TOKEN).base_url("https://api.example/v1");
            let error = client.build().unwrap().get_batch(id()).await.unwrap_err();
            assert_eq!((error.kind(), error.attempts()), (ErrorKind::Connect, 1));
        });
    }
    let server = runtime();
    let connects = Arc::new(Mutex::new(0));
    let proxy = server.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connects = connects.clone();
        tokio::spawn(async move {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                *connects.lock().unwrap() += 1;
                let _read = stream.read(&mut [0; 4096]).await.unwrap();
                let refusal =
                    b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n";
                stream.write_all(refusal).await.unwrap();
            }
        });
        format!("http://{address}")
    });
    child::run(NAME, &[("HTTPS_PROXY", &proxy)]);
    assert_eq!(*connects.lock().unwrap(), 1);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

/// Storage asks for fewer requests with 429, or as S3 does with 503 and a code.
#[tokio::test(start_paused = true)]
async fn storage_that_is_throttled_is_waited_for() {
    let slow_down = || {
        let mut response = status(503);
        *response.body_mut() = Body::from("<Error><Code>SlowDown</Code></Error>");
        response
    };
    let mut policy = RetryPolicy::default();
    (policy.budget, policy.max_attempts) = (0, 2);
    for is_s3 in [false, true] {
        let storage = Script::start(move |seen| match seen.number {
            0..9 if is_s3 => slow_down(),
            0..9 => refused(None),
            _ => Response::new(Body::from("email\na@example.com\n")),
        })
        .await;
        let link = format!("{}/r.csv", storage.base_url());
        let api = Script::start(move |_| json(value!({ "url": link }))).await;
        let client = api.builder().retry(policy.clone()).build().unwrap();
        let mut whole = Vec::new();
        let download = client.batch(id()).download();
        download.to_writer(&mut whole).await.unwrap();
        assert_eq!((whole.len(), storage.seen().len()), (20, 10));
    }
    // Not for ever.
    let storage = Script::start(|_| refused(None)).await;
    let link = format!("{}/r.csv", storage.base_url());
    let api = Script::start(move |_| json(value!({ "url": link }))).await;
    let start = Instant::now();
    let download = api.client().batch(id()).download();
    let error = download.to_writer(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.status().unwrap().as_u16(), 429);
    assert_eq!(error.attempts() as usize, storage.seen().len());
    let elapsed = start.elapsed().as_secs();
    // The last one begins before the time is up.
    assert!((100..=190).contains(&elapsed), "{elapsed}");
}

/// All that was sent for one call is told: refusals, renewed tokens, the requests of a creation.
#[tokio::test(start_paused = true)]
async fn an_error_tells_all_attempts() {
    let script = Script::start(|seen| match seen.number {
        0 | 2 => refused(None),
        1 => status(502),
        _ => status(404),
    })
    .await;
    let error = script.client().get_batch(id()).await.unwrap_err();
    assert_eq!((error.attempts(), script.seen().len()), (4, 4));
    // Each request of the creation is lost, and nothing was created.
    let script = Script::start(|seen| match seen.line.as_str() {
        CREATE => status(502),
        _ => json(value!({ "batches": [] })),
    })
    .await;
    let client = script.client();
    let error = client.create_batch_once(request(0)).await.unwrap_err();
    assert_eq!(script.seen_at(CREATE).len(), 5);
    assert_eq!(error.attempts(), 5);
    assert!(!error.is_ambiguous(), "{error}");
    // A watch that gives up tells those of all its polls since it failed.
    let script = Script::start(|seen| match seen.number {
        0 => json(value!({ "batch": batch(value!({ "status": "running" })) })),
        _ => status(500),
    })
    .await;
    let error = script.client().watch(id()).await.unwrap_err();
    assert_eq!(error.attempts() as usize, script.seen().len() - 1);
    assert!(error.elapsed() >= Duration::from_secs(600));
}

/// No more at once than was set, however many there are.
#[tokio::test(start_paused = true)]
async fn requests_in_flight_are_limited() {
    for (limit, most) in [(None, 32), (Some(3), 3), (Some(0), 1)] {
        let in_flight = Arc::new(Mutex::new((0_usize, 0_usize)));
        let counting = in_flight.clone();
        let script = Script::start(move |_| {
            let counting = counting.clone();
            {
                let mut counts = counting.lock().unwrap();
                counts.0 += 1;
                counts.1 = counts.1.max(counts.0);
            }
            let body = futures_util::stream::once(async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                counting.lock().unwrap().0 -= 1;
                let body = value!({ "batch": batch(value!({ "status": "success" })) });
                Ok::<_, std::io::Error>(body.to_string())
            });
            Response::new(Body::from_stream(body))
        })
        .await;
        let client = match limit {
            Some(limit) => script.builder().max_in_flight(limit).build().unwrap(),
            None => script.client(),
        };
        for done in at_once(&client, 4 * most, read).await {
            done.unwrap();
        }
        assert_eq!(in_flight.lock().unwrap().1, most);
    }
}

/// Futures that aren't polled while the program awaits something else keep their places.
#[tokio::test(start_paused = true)]
async fn calls_that_are_not_polled_hold_up_no_other() {
    let script = Script::start(|_| one_batch()).await;
    let client = script.builder().max_in_flight(2).build().unwrap();
    let start = Instant::now();
    let calls = futures_util::stream::iter(0..20).map(|_| client.get_batch(id()).into_future());
    let mut calls = calls.buffer_unordered(10);
    let mut read = 0;
    while let Some(done) = calls.next().await {
        done.unwrap();
        client.get_batch(id()).await.unwrap();
        read += 1;
    }
    assert_eq!(read, 20);
    assert!(
        start.elapsed() < Duration::from_secs(60),
        "{:?}",
        start.elapsed()
    );
}

/// Watches, creations that search, and creations whose guard asks the API, with one place for all.
#[tokio::test(start_paused = true)]
async fn one_permit_is_enough_for_all_calls() {
    let created: Arc<Mutex<HashMap<String, usize>>> = Arc::default();
    let creations = created.clone();
    let script = Script::start(move |seen: &Seen| match seen.line.as_str() {
        CREATE => {
            let name = seen.json()["data"]["s3Filename"].to_string();
            *creations.lock().unwrap().entry(name).or_default() += 1;
            one_batch()
        }
        line if line.ends_with("/list") => json(value!({ "batches": [] })),
        _ => one_batch(),
    })
    .await;
    let client = script.builder().max_in_flight(1).build().unwrap();
    let guarded = |client: Client, number: usize| async move {
        let creation = client.prepare_batch(request(number)).await?;
        let asking = client.clone();
        let creation = creation.guard(move || {
            let asking = asking.clone();
            async move { asking.get_batch(id()).await.map(drop) }
        });
        creation.create().await.map(drop)
    };
    let (creations, watches) = tokio::join!(
        at_once(&client, 5, guarded),
        at_once(&client, 5, |client: Client, _| async move {
            client.watch(id()).await.map(drop)
        }),
    );
    for done in creations.into_iter().chain(watches) {
        done.unwrap();
    }
    assert!(created.lock().unwrap().values().all(|count| *count == 1));
}

/// No request ends, so that those in flight may wait for the others; or the server is slow, which is no reason
/// to send it all there are.
#[tokio::test(start_paused = true)]
async fn a_slow_server_gets_few_more_than_the_limit() {
    let script = Script::start(|_| delayed(one_batch(), Duration::from_secs(45))).await;
    let client = script.client().with_timeout(Duration::from_secs(600));
    for done in at_once(&client, 200, read).await {
        done.unwrap();
    }
    let at: Vec<Duration> = script.seen().iter().map(|seen| seen.at).collect();
    let in_flight = |now: Duration| {
        let is_in_flight = |at: &&Duration| **at <= now && now < **at + Duration::from_secs(45);
        at.iter().filter(is_in_flight).count()
    };
    let most = at.iter().map(|at| in_flight(*at)).max().unwrap();
    assert!((33..=44).contains(&most), "{most}");
}

/// With 64 file descriptors, 2,000 creations at once.
#[test]
fn few_file_descriptors_are_enough() {
    const NAME: &str = "throttling::few_file_descriptors_are_enough";
    if child::is_child() {
        return create_2000();
    }
    let server = runtime();
    let script = server.block_on(Script::start(|_| one_batch()));
    child::run_with_files(NAME, &[(SERVER, script.base_url())], 64);
    assert_eq!(script.seen().len(), 2000);
}

/// Over HTTP/2 each dials as well, where no connection has come up yet.
#[test]
fn few_file_descriptors_are_enough_for_http2() {
    const NAME: &str = "throttling::few_file_descriptors_are_enough_for_http2";
    if !child::is_child() {
        return frames::in_child(NAME);
    }
    if std::env::var_os(SERVER).is_some() {
        return create_2000();
    }
    let server = runtime();
    let body = value!({ "batch": batch(value!({ "status": "success" })) }).to_string();
    let frames = server.block_on(frames::Server::start(Act::Respond, body));
    let certificates = std::env::var(frames::CERTIFICATES).unwrap();
    let variables = [
        (SERVER, frames.base_url()),
        (frames::CERTIFICATES, certificates),
    ];
    let variables = variables
        .each_ref()
        .map(|(name, value)| (*name, value.as_str()));
    child::run_with_files(NAME, &variables, 64);
    assert_eq!(frames.requests(), 2000);
}

/// The variable that names the server of a test in a process of its own.
const SERVER: &str = "CARGO_BATCH_TEST_SERVER";

/// Creates 2,000 batches at once on a server in another process.
fn create_2000() {
    let base_url = std::env::var(SERVER).unwrap();
    runtime().block_on(async {
        let client = Client::builder(TOKEN).base_url(base_url).build().unwrap();
        for done in at_once(&client, 2000, create).await {
            done.unwrap();
        }
    });
}

/// A storage that has refused many requests and redirects the next ones to another host isn't slow any more.
#[tokio::test(start_paused = true)]
async fn a_redirect_is_no_refusal() {
    let file = Script::start(|_| Response::new(Body::from("email\na@example.com\n"))).await;
    let target = format!("{}/r.csv", file.base_url());
    let storage = Script::start(move |seen| match seen.number {
        0..30 => refused(None),
        _ => {
            let mut response = status(302);
            response
                .headers_mut()
                .insert("location", target.parse().unwrap());
            response
        }
    })
    .await;
    let link = format!("{}/r.csv", storage.base_url());
    let api = Script::start(move |_| json(value!({ "url": link }))).await;
    let client = api.client();
    let mut longest = Duration::ZERO;
    for number in 0..40 {
        let start = Instant::now();
        let download = client.batch(id()).download();
        download.to_writer(&mut Vec::new()).await.unwrap();
        if number >= 30 {
            longest = longest.max(start.elapsed());
        }
    }
    assert!(longest < Duration::from_millis(50), "{longest:?}");
}

/// A 429 is one by its status, whatever became of its body.
#[tokio::test(start_paused = true)]
async fn a_429_that_is_cut_is_one() {
    let script = Script::start(|seen| match seen.number {
        0..9 => {
            let cut = futures_util::stream::iter([Some("{\"errorMessage\":"), None]);
            let cut = cut.then(async |chunk| {
                tokio::time::sleep(Duration::from_millis(1)).await;
                chunk.ok_or_else(|| std::io::Error::other("cut"))
            });
            let mut response = Response::new(Body::from_stream(cut));
            *response.status_mut() = axum::http::StatusCode::TOO_MANY_REQUESTS;
            response
        }
        _ => one_batch(),
    })
    .await;
    let client = script.client();
    client.create_batch(request(0)).await.unwrap();
    assert_eq!(script.seen_at(CREATE).len(), 10);
}

/// What a server asks for is bounded by the caller's own policy, and never more than a call waits.
#[tokio::test(start_paused = true)]
async fn no_retry_after_holds_up_others_or_ends_in_a_panic() {
    for (asked, attempts) in [
        // Longer than the policy permits: an error, and no pause for anyone.
        ("61", 1),
        ("18446744073709551615", 1),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1),
        // Not a time.
        ("99999999999999999999999999", 2),
        ("-1", 2),
        ("1e9", 2),
        ("Sat, 01 Jan 0000 00:00:00 GMT", 2),
    ] {
        let script = Script::start(move |seen| match seen.number {
            0 => {
                let mut response = refused(None);
                let headers = response.headers_mut();
                headers.insert("retry-after", asked.parse().unwrap());
                response
            }
            _ => one_batch(),
        })
        .await;
        let client = script.client();
        let start = Instant::now();
        let done = client.get_batch(id()).await;
        assert_eq!(done.is_ok(), attempts == 2, "{asked}");
        client.get_batch(id()).await.unwrap();
        assert!(start.elapsed() < Duration::from_secs(1), "{asked}");
        // Without any limit it is waited for, or beyond all time; others still keep to their own.
        let mut policy = RetryPolicy::default();
        (policy.max_retry_after, policy.base_delay) = (Duration::MAX, Duration::MAX);
        let script = Script::start(move |_| {
            let mut response = refused(None);
            let headers = response.headers_mut();
            headers.insert("retry-after", asked.parse().unwrap());
            response
        })
        .await;
        let client = script.builder().timeout(Duration::MAX).retry(policy);
        let client = client.build().unwrap();
        let waiting = tokio::time::timeout(Duration::from_secs(3600), client.get_batch(id()));
        let waited = waiting.await.ok();
        let is_beyond_all_time = asked.len() > 19 && attempts == 1;
        assert_eq!(waited.is_some(), is_beyond_all_time, "{asked}");
        let hasty = client.with_timeout(Duration::from_secs(10));
        let start = Instant::now();
        let error = hasty.get_batch(id()).await.unwrap_err();
        assert!(start.elapsed() <= Duration::from_secs(10));
        assert!(error.to_string().contains("429"), "{error}");
    }
}

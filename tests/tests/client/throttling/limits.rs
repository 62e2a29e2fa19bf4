//! Servers that permit a number of requests a second.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use cargo_batch_client::Client;
use cargo_batch_client::types::{BatchUuid, CreateBatchData, CreateBatchRequest};
use cargo_batch_tests::script::{Script, batch, json, uuid};
use serde_json::json as value;
use tokio::time::Instant;

use super::{CREATE, at_once, create, delayed, get, one_batch, refused};

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

/// The clones of a client wait together: a second one alone would be refused as often.
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

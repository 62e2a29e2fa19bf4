//! A thousand batches that are waited for at once, on the sandbox.

use std::collections::{BTreeMap, HashMap};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use cargo_batch_client::types::{Batch, BatchUuid, CreateBatchData, CreateBatchRequest};
use cargo_batch_client::{Client, TokenFuture, TokenProvider, WatchEvent, WatchMany};
use cargo_batch_sandbox::{FaultPlan, Sandbox};
use cargo_batch_tests::faults::random_faults;
use futures_util::Stream;

const COUNT: usize = 1000;

/// A sandbox with a thousand batches that have just begun.
async fn set_up() -> (Arc<Sandbox>, Client, Vec<BatchUuid>) {
    // Its responses are held against the specification elsewhere, which takes its time.
    let builder = Sandbox::builder().validate_responses(false);
    let sandbox = Arc::new(builder.start().await.unwrap());
    let client = Client::builder_with_token_provider(Tokens(sandbox.clone()))
        .base_url(sandbox.base_url())
        .jitter_seed(1);
    let client = client.build().unwrap();
    let fixtures = sandbox.fixtures();
    let mut ids = Vec::new();
    for number in 0..COUNT {
        let records = fixtures.record_ids.iter().take(1 + number % 9).cloned();
        let data = CreateBatchData::record_ids(fixtures.model_uuid, records);
        let request = CreateBatchRequest::new(data).workflow(fixtures.play_workflow_uuid);
        ids.push(client.create_batch(request).await.unwrap().batch.uuid);
    }
    (sandbox, client, ids)
}

/// Asks the sandbox, which takes another token now and then.
struct Tokens(Arc<Sandbox>);

impl TokenProvider for Tokens {
    fn token(&self) -> TokenFuture<'_> {
        Box::pin(async { Ok(self.0.token().into()) })
    }
}

/// Passes on what wakes it, and counts.
struct Counting {
    woken: AtomicUsize,
    task: Waker,
}

impl Wake for Counting {
    fn wake(self: Arc<Self>) {
        self.woken.fetch_add(1, Ordering::Relaxed);
        self.task.wake_by_ref();
    }
}

/// The next change, and how often the watch was woken before it came.
async fn next(watch: &mut WatchMany, woken: &mut usize) -> Option<WatchEvent> {
    let mut counting: Option<Arc<Counting>> = None;
    let change = std::future::poll_fn(|context| {
        let counting = counting.get_or_insert_with(|| {
            Arc::new(Counting {
                woken: AtomicUsize::new(0),
                task: context.waker().clone(),
            })
        });
        let waker = Waker::from(counting.clone());
        let poll: Poll<_> = Pin::new(&mut *watch).poll_next(&mut Context::from_waker(&waker));
        poll
    })
    .await;
    *woken += counting.map_or(0, |counting| counting.woken.load(Ordering::Relaxed));
    change.map(|change| change.unwrap())
}

#[tokio::test(start_paused = true)]
async fn a_thousand_cost_ten_lists_a_tick_and_one_timer() {
    let (sandbox, client, ids) = set_up().await;
    let before = sandbox.requests().len();
    let runtime = tokio::runtime::Handle::current();
    let tasks = runtime.metrics().num_alive_tasks();
    let mut watch = client.watch_many(ids);
    let (mut ended, mut woken) = (HashMap::new(), 0);
    while let Some(change) = next(&mut watch, &mut woken).await {
        // No task of its own, let alone one for each batch: what is polled is the stream alone.
        assert_eq!(runtime.metrics().num_alive_tasks(), tasks);
        let WatchEvent::Updated(batch) = change else {
            panic!("{change:?}")
        };
        if batch.is_finished() {
            assert!(
                ended.insert(batch.uuid, batch.status).is_none(),
                "reported twice"
            );
        }
    }
    assert_eq!(ended.len(), COUNT);

    // The requests of a tick come at one moment of paused time, and ticks are seconds apart.
    let mut ticks: BTreeMap<String, usize> = BTreeMap::new();
    let seen = sandbox.requests().split_off(before);
    for request in &seen {
        assert_eq!(request.operation.as_deref(), Some("list_batches"));
        assert!(request.values("uuids[]").len() <= 100);
        *ticks.entry(request.at.clone()).or_default() += 1;
    }
    eprintln!("{ticks:?}, woken {woken} times");
    assert!(ticks.len() > 3);
    assert_eq!(ticks.values().next(), Some(&10));
    assert!(ticks.values().all(|lists| *lists <= 10), "{ticks:?}");
    let mut moments = ticks
        .keys()
        .map(|at| chrono::DateTime::parse_from_rfc3339(at).unwrap());
    let mut last = moments.next().unwrap();
    for moment in moments {
        let delay = (moment - last).as_seconds_f64();
        assert!((4.4..16.6).contains(&delay), "{delay} from {last}");
        last = moment;
    }
    // One timer: it wakes the stream once a tick; all else that does are the responses, a few times
    // each (head and chunks of the body).
    assert!(woken < ticks.len() + 20 * seen.len(), "{woken}");
}

#[tokio::test(start_paused = true)]
async fn under_faults_each_end_is_reported_once() {
    let (sandbox, client, ids) = set_up().await;
    sandbox.faults(random_faults(0.3, 4)).await.unwrap();
    let mut watch = client.watch_many(ids.iter().copied());
    let mut ended: HashMap<BatchUuid, Box<Batch>> = HashMap::new();
    let mut resumed = 0;
    while let Some(change) = watch.next().await {
        match change {
            Ok(WatchEvent::Updated(batch)) if batch.is_finished() => {
                assert!(ended.insert(batch.uuid, batch).is_none(), "reported twice");
            }
            Ok(WatchEvent::NotFound(id)) => panic!("{id} is there"),
            Ok(_) => {}
            // Errors that a retry wouldn't mend (and responses that can't be read) end it: a
            // service would investigate, and continue.
            Err(error) => {
                assert!(!error.is_retryable(), "{error:#}");
                resumed += 1;
                watch = client.resume_many(watch.save());
            }
        }
    }
    let lists = sandbox.requests();
    let lists = lists
        .iter()
        .filter(|seen| seen.operation.as_deref() == Some("list_batches"));
    eprintln!(
        "{} lists, resumed {resumed} times, {:?}",
        lists.count(),
        sandbox.hits()
    );
    assert_eq!(ended.len(), COUNT);
    assert!(sandbox.hits().iter().sum::<u64>() > 10);
    sandbox.faults(FaultPlan::new()).await.unwrap();
    // What was reported is how they ended. (With the faults, some statuses were called otherwise.)
    for batch in client.list_batches().items().try_collect().await.unwrap() {
        let reported = &ended[&batch.uuid];
        assert_eq!(reported.finished_at, batch.finished_at);
        assert_eq!(reported.executed_runs_count, batch.executed_runs_count);
    }
}

//! Waiting for many batches at once, with few requests.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use cargo_batch_types::{Batch, BatchUuid, WorkflowUuid};
use futures_core::Stream;
use tokio::time::Instant;

use crate::call::Pending;
use crate::time::later;
use crate::watch::{PATIENCE, asked, pace};
use crate::{Client, Error, ErrorKind, operations};

impl Client {
    /// Waits for many batches at once, as a [`Stream`] of everything that changes: each batch when
    /// it is first seen, whenever its status or its counts are others than before, and in its final
    /// state. It ends when all have finished or are gone.
    ///
    /// A tick costs one list request for every 100 batches that still go on, not one request for
    /// each; there is one timer in all, and the next tick waits until what the last one brought has
    /// been read.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Change, types::BatchUuid};
    /// # async fn run(client: Client, ids: Vec<BatchUuid>) -> Result<(), cargo_batch_client::Error> {
    /// let mut watch = client.watch_many(ids);
    /// while let Some(change) = watch.next().await {
    ///     match change? {
    ///         Change::Batch(batch) if batch.is_finished() => println!("{} ended", batch.uuid),
    ///         Change::Batch(batch) => println!("{} {}", batch.uuid, batch.status),
    ///         Change::Gone(id) => println!("{id} is no longer there"),
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn watch_many(&self, batches: impl IntoIterator<Item = impl Into<BatchUuid>>) -> WatchMany {
        let open: BTreeMap<BatchUuid, Option<Seen>> = batches
            .into_iter()
            .map(|batch| (batch.into(), None))
            .collect();
        WatchMany {
            client: self.clone(),
            open,
            started: Instant::now(),
            interval: None,
            deadline: None,
            lists: Lists::ByUuid,
            failing_since: None,
            changes: VecDeque::new(),
            tick: None,
            pause: Duration::ZERO,
        }
    }
}

/// What a [`WatchMany`] tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A batch that is new to the watch, or stands otherwise than before.
    Batch(Box<Batch>),
    /// A batch that the server doesn't know (any more); it is not waited for.
    Gone(BatchUuid),
}

/// Many batches that are waited for; made by [`Client::watch_many`].
#[must_use = "a watch does nothing until it is polled"]
pub struct WatchMany {
    client: Client,
    /// Those that go on, and how each was last seen.
    open: BTreeMap<BatchUuid, Option<Seen>>,
    started: Instant,
    interval: Option<Duration>,
    deadline: Option<Instant>,
    lists: Lists,
    failing_since: Option<Instant>,
    changes: VecDeque<Change>,
    tick: Option<Pending<'static, Tick>>,
    pause: Duration,
}

/// What tells two states of a batch apart.
#[derive(Clone, PartialEq)]
struct Seen {
    status: cargo_batch_types::BatchStatus,
    counts: [u64; 3],
    workflow: WorkflowUuid,
}

/// How batches are asked for. The filter by uuids is documented on one page only.
#[derive(Clone, Copy, PartialEq)]
enum Lists {
    /// `uuids[]`: one page for every 100.
    ByUuid,
    /// The server ignored that: the unfinished batches of the workflows, and each that isn't
    /// among them by itself.
    ByWorkflow,
}

/// What one round of requests found.
struct Tick {
    found: HashMap<BatchUuid, Batch>,
    gone: Vec<BatchUuid>,
    lists: Lists,
}

impl WatchMany {
    /// Looks this often, instead of every 5 seconds and, after the first minute, every 15 where the
    /// batches are large.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval.max(Duration::from_millis(100)));
        self
    }

    /// Ends the waiting (not the batches) after this long.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(later(self.started, after));
        self
    }

    /// The batches that are still waited for.
    pub fn open(&self) -> impl Iterator<Item = BatchUuid> {
        self.open.keys().copied()
    }

    /// The next change; nothing when there is nothing left to wait for.
    pub async fn next(&mut self) -> Option<Result<Change, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn start(&self) -> Pending<'static, Tick> {
        let client = self.client.clone();
        let wanted: Vec<BatchUuid> = self.open.keys().copied().collect();
        let workflows: HashSet<WorkflowUuid> = self
            .open
            .values()
            .flatten()
            .map(|seen| seen.workflow)
            .collect();
        let (lists, mut pause) = (self.lists, self.pause);
        if let Some(deadline) = self.deadline {
            pause = pause.min(deadline.saturating_duration_since(Instant::now()));
        }
        Box::pin(async move {
            tokio::time::sleep(pause).await;
            look(&client, lists, wanted, workflows).await
        })
    }

    fn accept(&mut self, tick: Tick) {
        self.lists = tick.lists;
        self.failing_since = None;
        let mut largest = 0;
        for (uuid, batch) in tick.found {
            let Some(before) = self.open.get(&uuid) else {
                continue;
            };
            let seen = Seen {
                status: batch.status.clone(),
                counts: [
                    batch.runs_count,
                    batch.executed_runs_count,
                    batch.failed_runs_count,
                ],
                workflow: batch.workflow_uuid,
            };
            let changed = before.as_ref() != Some(&seen);
            if batch.is_finished() {
                self.open.remove(&uuid);
            } else {
                largest = largest.max(batch.runs_count);
                self.open.insert(uuid, Some(seen));
            }
            if changed || batch.is_finished() {
                self.changes.push_back(Change::Batch(Box::new(batch)));
            }
        }
        for uuid in tick.gone {
            self.open.remove(&uuid);
            self.changes.push_back(Change::Gone(uuid));
        }
        self.rest(largest, Duration::ZERO);
    }

    /// Sets the pause before the next tick.
    fn rest(&mut self, largest: u64, at_least: Duration) {
        let interval = self
            .interval
            .unwrap_or_else(|| pace(self.started.elapsed(), largest));
        self.pause = self.client.inner.retries.jitter(interval).max(at_least);
    }

    fn is_patient(&mut self) -> bool {
        let since = *self.failing_since.get_or_insert_with(Instant::now);
        since.elapsed() < PATIENCE
    }

    fn is_out_of_time(&self) -> bool {
        // The first tick comes in any case.
        self.pause > Duration::ZERO
            && self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
    }
}

/// One round of requests.
async fn look(
    client: &Client,
    lists: Lists,
    wanted: Vec<BatchUuid>,
    workflows: HashSet<WorkflowUuid>,
) -> Result<Tick, Error> {
    let mut tick = Tick {
        found: HashMap::new(),
        gone: Vec::new(),
        lists,
    };
    if lists == Lists::ByUuid {
        by_uuid(client, &wanted, &mut tick).await?;
    }
    if tick.lists == Lists::ByWorkflow && !workflows.is_empty() {
        by_workflow(client, &wanted, workflows, &mut tick).await?;
    }
    // A list that leaves one out may just be behind: only `get` knows.
    for uuid in wanted {
        let Entry::Vacant(missing) = tick.found.entry(uuid) else {
            continue;
        };
        match client.get_batch(uuid).await {
            Ok(answer) => {
                missing.insert(answer.batch);
            }
            Err(error) if is_absence(&error) => tick.gone.push(uuid),
            Err(error) => return Err(error),
        }
    }
    Ok(tick)
}

/// One list request for every page of batches.
async fn by_uuid(client: &Client, wanted: &[BatchUuid], tick: &mut Tick) -> Result<(), Error> {
    let page = operations::LIST_BATCHES
        .pagination
        .as_ref()
        .map_or(100, |pages| pages.page_size);
    for uuids in wanted.chunks(usize::try_from(page).unwrap_or(100)) {
        let asked: HashSet<&BatchUuid> = uuids.iter().collect();
        let answer = client
            .list_batches()
            .uuids(uuids.to_vec())
            .limit(page)
            .await?;
        let strangers = answer
            .batches
            .iter()
            .any(|batch| !asked.contains(&batch.uuid));
        tick.found
            .extend(answer.batches.into_iter().map(|batch| (batch.uuid, batch)));
        if strangers {
            // It gives whatever there is: asking on would cost requests and tell nothing.
            tick.lists = Lists::ByWorkflow;
            return Ok(());
        }
    }
    Ok(())
}

/// The unfinished batches of the workflows, until all that are wanted are among them.
async fn by_workflow(
    client: &Client,
    wanted: &[BatchUuid],
    workflows: HashSet<WorkflowUuid>,
    tick: &mut Tick,
) -> Result<(), Error> {
    let request = client
        .list_batches()
        .workflow_uuids(workflows.into_iter().collect::<Vec<_>>())
        .is_finished(false);
    let mut pages = request.pages();
    while let Some(page) = pages.next().await {
        tick.found
            .extend(page?.items.into_iter().map(|batch| (batch.uuid, batch)));
        if wanted.iter().all(|uuid| tick.found.contains_key(uuid)) {
            break;
        }
    }
    Ok(())
}

/// Does the server say that there is no such batch?
fn is_absence(error: &Error) -> bool {
    error.kind() == ErrorKind::Refused
        && (error
            .status()
            .is_some_and(|status| matches!(status.as_u16(), 404 | 410))
            || error
                .reason()
                .is_some_and(|reason| reason.as_str() == "batchNotFound"))
}

impl Stream for WatchMany {
    type Item = Result<Change, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            if let Some(change) = this.changes.pop_front() {
                return Poll::Ready(Some(Ok(change)));
            }
            if this.open.is_empty() {
                return Poll::Ready(None);
            }
            if this.tick.is_none() {
                if this.is_out_of_time() {
                    let what = format!(
                        "{} batches have not finished in the time given",
                        this.open.len()
                    );
                    this.open.clear();
                    let error = Error::deadline(&operations::LIST_BATCHES, what);
                    return Poll::Ready(Some(Err(error)));
                }
                this.tick = Some(this.start());
            }
            let Some(tick) = &mut this.tick else { continue };
            let seen = ready!(tick.as_mut().poll(context));
            this.tick = None;
            match seen {
                Ok(tick) => this.accept(tick),
                Err(error) if error.is_retryable() && this.is_patient() => {
                    this.rest(0, asked(&error));
                }
                Err(error) => {
                    this.open.clear();
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}

impl std::fmt::Debug for WatchMany {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WatchMany")
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}

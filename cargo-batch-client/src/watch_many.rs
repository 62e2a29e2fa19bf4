//! Waiting for many batches at once, with few requests.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use cargo_batch_types::{Batch, BatchStatus, BatchUuid, WorkflowUuid};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::cancellations::Cancellations;
use crate::pending::Pending;
use crate::polling::{ABSENT_POLLS, ErrorTolerance, is_absence, poll_interval, poll_until};
use crate::time::{Instant, later, now, sleep, timeout};
use crate::{Client, Error, operations, trace};

impl Client {
    /// Waits for many batches at once, as a [`Stream`] of everything that changes: each batch when
    /// it is first seen, whenever its status or its counts have changed, and in its final
    /// state. It ends when all have finished or no longer exist, unless it is set to
    /// [stay open](WatchMany::stay_open) for those that are [added](WatchMany::add).
    ///
    /// A batch that can't be read is an error with its JSON as its [`body`](Error::body), and isn't waited for
    /// any more; the others are. Any other error ends the stream.
    ///
    /// Each poll makes one list request for every 100 unfinished batches, not one request for each. There is
    /// one timer in all, and the next poll waits until the events of the last one have been read. Batches that
    /// the lists leave out are requested individually, at most 50 a poll.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, WatchEvent, types::BatchUuid};
    /// # async fn run(client: Client, ids: Vec<BatchUuid>) -> Result<(), cargo_batch_client::Error> {
    /// let mut watch = client.watch_many(ids);
    /// while let Some(change) = watch.next().await {
    ///     match change? {
    ///         WatchEvent::Updated(batch) if batch.is_finished() => println!("{} ended", batch.uuid),
    ///         WatchEvent::Updated(batch) => println!("{} {}", batch.uuid, batch.status),
    ///         WatchEvent::NotFound(id) => println!("{id} is no longer there"),
    ///         _ => {}
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn watch_many(&self, batches: impl IntoIterator<Item = impl Into<BatchUuid>>) -> WatchMany {
        let open: BTreeMap<BatchUuid, Open> = batches
            .into_iter()
            .map(|batch| (batch.into(), Open::default()))
            .collect();
        WatchMany {
            client: self.clone(),
            scope: trace::Scope::watch_many(open.len()),
            open,
            started: Instant::now(),
            earlier: Duration::ZERO,
            interval: None,
            deadline: None,
            lists: Lists::ByUuid,
            looked_up: None,
            chunk: usize::MAX,
            stays_open: false,
            max_credits: None,
            spent_earlier: 0.0,
            spent: HashMap::new(),
            cancelling: None,
            polls: 0,
            tolerance: ErrorTolerance::new(self),
            changes: VecDeque::new(),
            unreadable: VecDeque::new(),
            failure: None,
            failed: false,
            tick: None,
            pause: Duration::ZERO,
        }
    }

    /// Resumes a watch over many batches that was [saved](WatchMany::save), also by another process.
    /// Each pending batch is reported again when it is first seen.
    pub fn resume_many(&self, saved: SavedWatchMany) -> WatchMany {
        let mut watch = self.watch_many(saved.batches);
        watch.earlier = saved.watched_for;
        let left = |at: SystemTime| at.duration_since(now()).unwrap_or_default();
        watch.deadline = saved.deadline.map(|at| later(watch.started, left(at)));
        watch.max_credits = saved.max_credits;
        watch.spent_earlier = saved.spent_credits;
        watch
    }
}

/// A watch over many batches, to be gone on with later or elsewhere.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SavedWatchMany {
    /// The batches that were still waited for.
    pub batches: Vec<BatchUuid>,
    /// For how long they have been watched.
    #[serde(default)]
    pub watched_for: Duration,
    /// When waiting ends, whether or not the batches have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<SystemTime>,
    /// The most provider credits that all of them may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_credits: Option<f64>,
    /// The provider credits of those that aren't waited for any more.
    #[serde(default)]
    pub spent_credits: f64,
}

/// An event of a [`WatchMany`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum WatchEvent {
    /// A batch that is new to the watch, or whose status or counts have changed.
    Updated(Box<Batch>),
    /// A batch that the server doesn't know, or no longer; it is not waited for any more.
    NotFound(BatchUuid),
}

/// A watch over many batches, as a [`Stream`] of events; returned by [`Client::watch_many`].
#[must_use = "a watch does nothing until it is polled"]
pub struct WatchMany {
    client: Client,
    /// Those that go on, and how each was last seen.
    open: BTreeMap<BatchUuid, Open>,
    started: Instant,
    /// For how long they had been watched before this process did.
    earlier: Duration,
    interval: Option<Duration>,
    deadline: Option<Instant>,
    lists: Lists,
    /// The last batch that was asked for by itself.
    looked_up: Option<BatchUuid>,
    /// The most ids that the server takes in one request.
    chunk: usize,
    stays_open: bool,
    /// The most provider credits that all of them may spend.
    max_credits: Option<f64>,
    /// What those had spent that a process before this one has seen the end of.
    spent_earlier: f64,
    /// What each has spent as it was last seen, those that have finished included.
    spent: HashMap<BatchUuid, f64>,
    /// The cancellations in flight of what goes on beyond the limit.
    cancelling: Option<Cancellations>,
    polls: u64,
    tolerance: ErrorTolerance,
    scope: trace::Scope,
    changes: VecDeque<WatchEvent>,
    /// Batches that can't be read, and aren't waited for any more.
    unreadable: VecDeque<Error>,
    /// Why it ends, once the changes have been read.
    failure: Option<Error>,
    /// It has ended with an error; what was still waited for is kept, to be saved.
    failed: bool,
    tick: Option<Pending<Tick>>,
    pause: Duration,
}

/// What is known of a batch that goes on.
#[derive(Default)]
struct Open {
    seen: Option<Seen>,
    /// The polls in a row that said that there is no such batch.
    absences: u32,
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
    absent: Vec<BatchUuid>,
    unreadable: Vec<(BatchUuid, Error)>,
    lists: Lists,
    looked_up: Option<BatchUuid>,
    chunk: usize,
    end: End,
}

/// How a round of requests ended.
enum End {
    Whole,
    /// It was cut short by the deadline.
    OutOfTime,
    /// It was cut short by an error.
    Failed(Error),
}

/// Batches that no list shows are asked for one by one, so many a tick: a list that is behind, or
/// filters in a way of its own, must not cost thousands of requests.
const MAX_INDIVIDUAL_GETS: usize = 50;

/// So few that a list leaves out aren't asked for in another list.
const FEW: usize = 5;

/// How many pages of a list by workflow are read in a tick.
const PAGES: usize = 100;

#[cfg(not(target_arch = "wasm32"))]
crate::saved_file::as_file!(SavedWatchMany);

impl WatchMany {
    /// Sets the poll interval. Default: 5 seconds and, after the first minute, 15 where a batch has 1,000 runs
    /// or more. Values below 100 ms count as 100 ms; `Retry-After` and errors make it longer.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval.max(Duration::from_millis(100)));
        self
    }

    /// Ends the watch (not the batches) after this time, with
    /// [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded). Default: no deadline. The last poll begins at
    /// the deadline and may take less than a second; one that is in flight by then is dropped.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(later(self.started, after));
        self
    }

    /// Limits the provider credits that all batches of the watch may spend together. The first poll that shows
    /// more cancels the unfinished ones and ends the watch with
    /// [`CreditsExceeded`](crate::ErrorKind::CreditsExceeded). Default: no limit.
    ///
    /// Counted are the batches that are waited for, as they were last seen, and those that have finished or were not found
    /// since the watch began. Batches that are being cancelled already are none to cancel; where there are no others, the
    /// watch continues. It can be overshot, and provider credits are only part of the bill, as with
    /// [`Watch::max_credits`](crate::Watch::max_credits). A negative limit, and one that is not a number, counts as 0.
    ///
    /// The cancellations are sent, and repeated by the retry policy, before what the poll has shown is returned, also
    /// where the deadline passes meanwhile. Where some fail, the error says how many: those batches continue. A batch that
    /// can't be read isn't cancelled, as it isn't waited for any more. When the watch is dropped meanwhile, those that are
    /// left are sent by a task, as for [`Watch::cancel_on_drop`](crate::Watch::cancel_on_drop).
    pub fn max_credits(mut self, max_credits: f64) -> Self {
        self.max_credits = Some(max_credits.max(0.0));
        self
    }

    /// Adds a batch to the watch, from the next poll on. Adding one that is in it already has no effect.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, WatchEvent, Error, types::BatchUuid};
    /// # async fn run(client: Client, mut started: tokio::sync::mpsc::Receiver<BatchUuid>) -> Result<(), Error> {
    /// let mut watch = client.watch_many(Vec::<BatchUuid>::new()).stay_open(true);
    /// loop {
    ///     tokio::select! {
    ///         Some(batch) = started.recv() => watch.add(batch),
    ///         Some(change) = watch.next() => if let WatchEvent::Updated(batch) = change? {
    ///             println!("{} {}", batch.uuid, batch.status);
    ///         },
    ///         else => break,
    ///     }
    /// }
    /// # Ok(()) }
    /// ```
    pub fn add(&mut self, batch: impl Into<BatchUuid>) {
        self.open.entry(batch.into()).or_default();
    }

    /// Sets whether the stream stays open while there is nothing to wait for: it is pending until a batch is
    /// [added](Self::add) and the stream polled again. Default: false, it ends.
    pub fn stay_open(mut self, stays_open: bool) -> Self {
        self.stays_open = stays_open;
        self
    }

    /// Returns the batches that are still waited for.
    pub fn pending(&self) -> impl Iterator<Item = BatchUuid> {
        self.open.keys().copied()
    }

    /// Returns the next event; `None` when there is nothing left to wait for, and after an error that ended the watch.
    ///
    /// # Cancel safety
    /// It is cancel safe: a poll in flight continues with the next call, and no event is lost.
    pub async fn next(&mut self) -> Option<Result<WatchEvent, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// Returns what [`Client::resume_many`] needs to continue the watch, also after an error, which ends
    /// this stream but not the batches.
    ///
    /// Events that were received but not read are not in it: read until [`next`](Self::next) has to wait, or
    /// get some of them again.
    pub fn save(&self) -> SavedWatchMany {
        let unread = self.changes.iter().filter_map(|change| match change {
            WatchEvent::Updated(batch) if batch.is_finished() => Some(batch.uuid),
            WatchEvent::Updated(_) => None,
            WatchEvent::NotFound(uuid) => Some(*uuid),
        });
        let batches: Vec<BatchUuid> = self.pending().chain(unread).collect();
        SavedWatchMany {
            watched_for: self.watched_for(),
            deadline: self
                .deadline
                .and_then(|at| now().checked_add(at.saturating_duration_since(Instant::now()))),
            max_credits: self.max_credits,
            spent_credits: self.spent_by(|uuid| !batches.contains(uuid)),
            batches,
        }
    }

    /// Returns the provider credits of some of the batches that have been seen, and of those of earlier.
    fn spent_by(&self, is_counted: impl Fn(&BatchUuid) -> bool) -> f64 {
        let spent = self.spent.iter().filter(|(uuid, _)| is_counted(uuid));
        self.spent_earlier + spent.map(|(_, spent)| spent).sum::<f64>()
    }

    /// Begins to cancel what goes on where together they have spent more than they may.
    fn check_credits(&mut self) {
        let Some(limit) = self.max_credits else {
            return;
        };
        if self.spent_by(|_| true) <= limit {
            return;
        }
        let going = self.open.iter().filter(|(_, open)| {
            let seen = open.seen.as_ref();
            seen.is_none_or(|seen| seen.status != BatchStatus::Cancelling)
        });
        let going: VecDeque<BatchUuid> = going.map(|(uuid, _)| *uuid).collect();
        if going.is_empty() {
            return;
        }
        self.cancelling = Some(Cancellations::new(self.client.clone(), going));
    }

    /// Decides what follows the cancellations.
    fn accept_cancellations(&mut self, mut cancelled: Cancellations) {
        let (accepted, failed) = (cancelled.accepted, cancelled.failed);
        if accepted == 0 && failed == 0 {
            // All have finished meanwhile, which the next poll shows.
            return;
        }
        let failures = match failed {
            0 => String::new(),
            _ => format!(", and {failed} could not be cancelled"),
        };
        let what = format!(
            "{}: together they have spent {} provider credits, more than the limit of {}; {accepted} of them {} being \
             cancelled{failures}; provider credits are only part of the bill: every execution of a node costs 0.01 \
             credit besides",
            self.described(),
            self.spent_by(|_| true),
            self.max_credits.unwrap_or_default(),
            if accepted == 1 { "is" } else { "are" },
        );
        let failure = cancelled.failure.take();
        self.failure = Some(Error::credits_exceeded(what, failure));
    }

    fn watched_for(&self) -> Duration {
        self.earlier.saturating_add(self.started.elapsed())
    }

    fn start(&self) -> Pending<Tick> {
        let client = self.client.for_polls(self.interval_for(0));
        let wanted: Vec<BatchUuid> = self.open.keys().copied().collect();
        // Where the workflow of one isn't known, it may be any.
        let workflows: Option<HashSet<WorkflowUuid>> = self
            .open
            .values()
            .map(|open| open.seen.as_ref().map(|seen| seen.workflow))
            .collect();
        let mut tick = Tick {
            found: HashMap::new(),
            absent: Vec::new(),
            unreadable: Vec::new(),
            lists: self.lists,
            looked_up: self.looked_up,
            chunk: self.chunk,
            end: End::Whole,
        };
        let (mut pause, deadline) = (self.pause, self.deadline);
        if let Some(deadline) = deadline {
            pause = pause.min(deadline.saturating_duration_since(Instant::now()));
        }
        let polled = async move {
            client.inner.http.check_runtime()?;
            sleep(pause).await;
            let until = deadline.map(|deadline| poll_until(deadline, Duration::ZERO));
            let fill = tick.fill(&client, &wanted, workflows.unwrap_or_default());
            // What cuts it short doesn't take away what it found before.
            let ended = match until {
                Some(until) => timeout(until.saturating_duration_since(Instant::now()), fill).await,
                None => Ok(fill.await),
            };
            tick.end = match ended {
                Ok(Ok(())) => End::Whole,
                Ok(Err(error)) => End::Failed(error),
                Err(_) => End::OutOfTime,
            };
            Ok(tick)
        };
        Pending::new(self.scope.run(polled))
    }

    fn accept(&mut self, tick: Tick) {
        (self.lists, self.looked_up, self.chunk) = (tick.lists, tick.looked_up, tick.chunk);
        self.polls += 1;
        let mut largest = 0;
        for (uuid, batch) in tick.found {
            let Some(open) = self.open.get_mut(&uuid) else {
                continue;
            };
            open.absences = 0;
            self.spent.insert(uuid, batch.credits_used_count);
            let seen = Seen {
                status: batch.status.clone(),
                counts: [
                    batch.runs_count,
                    batch.executed_runs_count,
                    batch.failed_runs_count,
                ],
                workflow: batch.workflow_uuid,
            };
            let changed = open.seen.as_ref() != Some(&seen);
            open.seen = Some(seen);
            if batch.is_finished() {
                self.open.remove(&uuid);
            } else {
                largest = largest.max(batch.runs_count);
            }
            if changed || batch.is_finished() {
                self.changes.push_back(WatchEvent::Updated(Box::new(batch)));
            }
        }
        for uuid in tick.absent {
            let Some(open) = self.open.get_mut(&uuid) else {
                continue;
            };
            open.absences += 1;
            if open.absences >= ABSENT_POLLS {
                self.open.remove(&uuid);
                self.changes.push_back(WatchEvent::NotFound(uuid));
            }
        }
        for (uuid, error) in tick.unreadable {
            self.open.remove(&uuid);
            self.unreadable.push_back(error);
        }
        self.check_credits();
        match tick.end {
            End::Whole => {
                self.tolerance.reset(&self.client);
                self.rest(largest, Duration::ZERO);
            }
            End::OutOfTime => self.failure = Some(self.out_of_time()),
            End::Failed(error) => match self.tolerance.tolerates(&self.client, error) {
                Ok(least) => self.rest(largest, least),
                Err(error) => self.failure = Some(error.of(&self.described())),
            },
        }
    }

    fn described(&self) -> String {
        format!(
            "{} batches, poll {} after {:.1} s",
            self.open.len(),
            self.polls,
            self.watched_for().as_secs_f64()
        )
    }

    fn out_of_time(&self) -> Error {
        let unfinished = match self.open.len() {
            1 => "1 batch has".to_owned(),
            many => format!("{many} batches have"),
        };
        let what = format!(
            "{unfinished} not finished (poll {} after {:.1} s)",
            self.polls,
            self.watched_for().as_secs_f64()
        );
        Error::deadline_exceeded(&operations::LIST_BATCHES, what)
    }

    /// Sets the pause before the next tick.
    fn rest(&mut self, largest: u64, at_least: Duration) {
        let interval = self.interval_for(largest);
        self.pause = self.tolerance.delay(&self.client, interval).max(at_least);
    }

    /// Returns how often batches of so many runs are polled.
    fn interval_for(&self, largest: u64) -> Duration {
        self.interval
            .unwrap_or_else(|| poll_interval(self.watched_for(), largest))
    }

    fn is_out_of_time(&self) -> bool {
        // The first tick comes in any case.
        self.pause > Duration::ZERO
            && self
                .deadline
                .is_some_and(|deadline| Instant::now() >= deadline)
    }
}

impl Tick {
    async fn fill(
        &mut self,
        client: &Client,
        wanted: &[BatchUuid],
        workflows: HashSet<WorkflowUuid>,
    ) -> Result<(), Error> {
        if self.lists == Lists::ByUuid {
            self.by_uuid(client, wanted).await?;
        }
        if self.lists == Lists::ByWorkflow {
            self.by_workflow(client, wanted, workflows).await?;
        }
        self.one_by_one(client, wanted).await
    }

    /// One list request for every page of batches.
    async fn by_uuid(&mut self, client: &Client, wanted: &[BatchUuid]) -> Result<(), Error> {
        let page = operations::LIST_BATCHES
            .pagination
            .as_ref()
            .map_or(100, |pages| pages.page_size);
        self.chunk = self.chunk.min(usize::try_from(page).unwrap_or(100));
        let mut rest = wanted;
        while !rest.is_empty() {
            let (uuids, others) = rest.split_at(self.chunk.clamp(1, rest.len()));
            let mut left = uuids.to_vec();
            // A server may give fewer than it was asked for, at a limit of its own.
            loop {
                let before = left.len();
                let request = client.list_batches().uuids(left.clone()).limit(page);
                let received = match request.received().await {
                    Ok(page) => page.items,
                    Err(error) if is_too_long(&error) && self.chunk > 1 => {
                        self.chunk = self.chunk.min(left.len()).div_ceil(2);
                        break;
                    }
                    Err(error) => return Err(error),
                };
                rest = others;
                // One that can't be read is requested by itself.
                let batches: Vec<Batch> = received.into_iter().filter_map(Result::ok).collect();
                let strangers = batches.iter().any(|batch| !left.contains(&batch.uuid));
                self.take(batches);
                if strangers {
                    // It gives whatever there is: asking on would cost requests and tell nothing.
                    self.lists = Lists::ByWorkflow;
                    return Ok(());
                }
                left.retain(|uuid| !self.found.contains_key(uuid));
                if left.len() == before || left.len() <= FEW {
                    break;
                }
            }
        }
        Ok(())
    }

    /// The unfinished batches of the workflows (of all, where none are named), until all that are
    /// wanted are among them.
    async fn by_workflow(
        &mut self,
        client: &Client,
        wanted: &[BatchUuid],
        workflows: HashSet<WorkflowUuid>,
    ) -> Result<(), Error> {
        let mut list = client.list_batches().is_finished(false);
        if !workflows.is_empty() {
            list = list.workflow_uuids(workflows.into_iter().collect::<Vec<_>>());
        }
        let mut missing: HashSet<&BatchUuid> = wanted.iter().collect();
        missing.retain(|uuid| !self.found.contains_key(uuid));
        let mut pages = list.pages();
        for _ in 0..PAGES {
            if missing.is_empty() {
                break;
            }
            let Some(page) = pages.next().await else {
                break;
            };
            let mut batches = match page {
                Ok(page) => page.items,
                Err(error) if error.is_of_item() => continue,
                Err(error) => return Err(error),
            };
            // Those of others are not kept.
            batches.retain(|batch| missing.remove(&batch.uuid));
            self.take(batches);
        }
        Ok(())
    }

    /// A list that leaves one out may just be behind: only `get` knows. Where there are many, the
    /// next tick goes on behind the last.
    async fn one_by_one(&mut self, client: &Client, wanted: &[BatchUuid]) -> Result<(), Error> {
        let missing = wanted
            .iter()
            .copied()
            .filter(|uuid| !self.found.contains_key(uuid));
        let (first, second): (Vec<_>, Vec<_>) =
            missing.partition(|uuid| self.looked_up.is_none_or(|last| *uuid > last));
        for uuid in first.into_iter().chain(second).take(MAX_INDIVIDUAL_GETS) {
            match client.get_batch(uuid).await {
                Ok(response) => self.take([response.batch]),
                Err(error) if is_absence(&error) => self.absent.push(uuid),
                Err(error) if error.is_of_value() => {
                    let error = error.of(&format!("batch {uuid}"));
                    self.unreadable.push((uuid, error));
                }
                Err(error) => return Err(error),
            }
            self.looked_up = Some(uuid);
        }
        Ok(())
    }

    fn take(&mut self, batches: impl IntoIterator<Item = Batch>) {
        let batches = batches.into_iter().map(|batch| (batch.uuid, batch));
        self.found.extend(batches);
    }
}

/// Returns whether a server or proxy takes no request line that is so long.
fn is_too_long(error: &Error) -> bool {
    let status = error.status().map(|status| status.as_u16());
    matches!(status, Some(413 | 414 | 431))
}

impl Stream for WatchMany {
    type Item = Result<WatchEvent, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            // Before what the poll has shown is read: it goes on spending.
            if let Some(mut cancelling) = this.cancelling.take() {
                if cancelling.poll(context).is_pending() {
                    this.cancelling = Some(cancelling);
                    return Poll::Pending;
                }
                this.accept_cancellations(cancelling);
            }
            if let Some(change) = this.changes.pop_front() {
                return Poll::Ready(Some(Ok(change)));
            }
            if let Some(error) = this.unreadable.pop_front() {
                return Poll::Ready(Some(Err(error)));
            }
            if let Some(error) = this.failure.take() {
                this.failed = true;
                this.scope.failed(&error);
                return Poll::Ready(Some(Err(error)));
            }
            if this.failed {
                return Poll::Ready(None);
            }
            if this.open.is_empty() {
                return match this.stays_open {
                    // Adding one takes the watch by reference, so that nothing waits here then.
                    true => Poll::Pending,
                    false => Poll::Ready(None),
                };
            }
            if this.tick.is_none() {
                if this.is_out_of_time() {
                    this.failed = true;
                    return Poll::Ready(Some(Err(this.out_of_time())));
                }
                this.tick = Some(this.start());
            }
            let Some(tick) = &mut this.tick else { continue };
            let seen = ready!(Pin::new(tick).poll(context));
            this.tick = None;
            match seen {
                Ok(tick) => this.accept(tick),
                Err(error) => this.failure = Some(error),
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

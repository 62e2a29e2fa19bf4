//! Waiting for a batch, without a loop.

use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use cargo_batch_types::{Batch, BatchStatus, BatchUuid, CancelBatchErrorReason};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::pending::Pending;
use crate::polling::{ABSENT_POLLS, ErrorTolerance, is_absence, poll_interval, poll_until};
use crate::time::{Instant, later, sleep, timeout};
use crate::{Client, Error, Reason, detached, operations, trace};

impl Client {
    /// Waits for a batch: await it for the batch in its final state, or read it as a
    /// [`Stream`] of every state on the way.
    ///
    /// The first poll is immediate, and each state is returned before the delay that follows
    /// it. Whatever the status is called, it is waited through until it is one that ends, or the
    /// batch has a time of finishing. Errors that may pass are waited through for ten minutes, unless no
    /// connection of this client has ever come up; that a batch isn't there must be said three times in a
    /// row.
    ///
    /// ```no_run
    /// # async fn run(client: cargo_batch_client::Client, id: cargo_batch_client::types::BatchUuid)
    /// # -> Result<(), cargo_batch_client::Error> {
    /// let batch = client.watch(id).await?;
    /// println!("{} failed runs", batch.failed_runs_count);
    /// # Ok(()) }
    /// ```
    #[doc(alias = "poll")]
    pub fn watch(&self, batch: impl Into<BatchUuid>) -> Watch {
        Watch::new(self.clone(), batch.into(), Duration::ZERO, None)
    }

    /// Resumes a watch that was [saved](Watch::save), also by another process.
    pub fn resume(&self, saved: SavedWatch) -> Watch {
        let left = saved
            .deadline
            .map(|at| at.duration_since(crate::time::now()).unwrap_or_default());
        let mut watch = Watch::new(self.clone(), saved.batch, saved.watched_for, left);
        watch.last_status = saved.last_status;
        watch.max_credits = saved.max_credits;
        watch
    }
}

/// A watch over one batch: await it for the finished batch, or read it as a [`Stream`] of states; returned by
/// [`Client::watch`].
#[must_use = "a watch does nothing until it is awaited or polled"]
pub struct Watch {
    client: Client,
    batch: BatchUuid,
    started: Instant,
    /// For how long it had been watched before this process did.
    earlier: Duration,
    deadline: Option<Instant>,
    interval: Option<Duration>,
    cancel_on_drop: bool,
    /// The most provider credits that the batch may spend.
    max_credits: Option<f64>,
    last_status: Option<BatchStatus>,
    has_finished: bool,
    polls: u64,
    /// The polls in a row that said that there is no such batch.
    absences: u32,
    tolerance: ErrorTolerance,
    scope: trace::Scope,
    next: Next,
}

enum Next {
    /// Poll after a delay.
    After(Duration),
    /// A poll is in flight, or the delay before it; nothing comes of it after the deadline.
    InFlight(Pending<Option<Batch>>),
    /// The batch, in this state, has spent more than it may: its cancellation is in flight.
    Cancelling(Box<Batch>, Pending<()>),
    /// The watch ends with this error.
    Failed(Error),
    /// There is nothing more to see.
    Done,
}

/// A watch to be resumed later or by another process: serialise it where it won't be lost. An
/// [`interval`](Watch::interval) and [`cancel_on_drop`](Watch::cancel_on_drop) aren't in it: set them again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SavedWatch {
    /// The batch.
    pub batch: BatchUuid,
    /// For how long it has been watched.
    #[serde(default)]
    pub watched_for: Duration,
    /// When waiting ends, whether or not the batch has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<SystemTime>,
    /// Its status at the last poll.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<BatchStatus>,
    /// The most provider credits that the batch may spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_credits: Option<f64>,
}

#[cfg(not(target_arch = "wasm32"))]
crate::saved_file::as_file!(SavedWatch);

impl Watch {
    fn new(client: Client, batch: BatchUuid, earlier: Duration, left: Option<Duration>) -> Self {
        let started = Instant::now();
        Self {
            tolerance: ErrorTolerance::new(&client),
            client,
            batch,
            started,
            earlier,
            deadline: left.map(|left| later(started, left)),
            interval: None,
            cancel_on_drop: false,
            max_credits: None,
            last_status: None,
            has_finished: false,
            polls: 0,
            absences: 0,
            scope: trace::Scope::watch(batch),
            next: Next::After(Duration::ZERO),
        }
    }

    /// Ends the waiting (not the batch) after this long, with
    /// [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded); by default there is no end. A last poll begins at
    /// the deadline and has less than a second; one that is in flight by then is given up.
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(later(self.started, after));
        self
    }

    /// Polls this often, instead of every 5 seconds and, after the first minute of a batch of 1,000
    /// runs or more, every 15.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval.max(Duration::from_millis(100)));
        self
    }

    /// Cancels the batch when this is dropped before the batch has finished, also where the deadline or an
    /// error has ended the watch.
    ///
    /// The cancellation is sent by a task of the current tokio runtime, in a browser by the browser; without one, or when the
    /// process ends at once, it is not sent.
    pub fn cancel_on_drop(mut self, cancel: bool) -> Self {
        self.cancel_on_drop = cancel;
        self
    }

    /// Cancels the batch at the first poll that shows more provider credits spent than this, and ends the watch with
    /// [`CreditsExceeded`](crate::ErrorKind::CreditsExceeded); by default there is no limit.
    ///
    /// It can be overshot: by what is spent between two polls, and by runs that end while the batch is cancelled.
    /// Provider credits are only part of the bill: every execution of a node costs 0.01 credit besides, see
    /// [`BatchHandle::cost`](crate::BatchHandle::cost). A batch that has finished, or is being cancelled, is none to
    /// cancel, whatever it has spent. A negative limit, and one that is not a number, counts as 0.
    ///
    /// The cancellation is sent, and repeated by the retry policy, before the state that exceeds the limit is returned,
    /// also where the deadline passes meanwhile. Where it fails, the error says so: the batch continues.
    pub fn max_credits(mut self, max_credits: f64) -> Self {
        self.max_credits = Some(max_credits.max(0.0));
        self
    }

    /// The batch.
    pub fn batch(&self) -> BatchUuid {
        self.batch
    }

    /// Returns what [`Client::resume`] needs to continue the watch.
    pub fn save(&self) -> SavedWatch {
        let left = |at: Instant| at.saturating_duration_since(Instant::now());
        SavedWatch {
            batch: self.batch,
            watched_for: self.watched_for(),
            deadline: self
                .deadline
                .and_then(|at| crate::time::now().checked_add(left(at))),
            last_status: self.last_status.clone(),
            max_credits: self.max_credits,
        }
    }

    /// Returns the next state; nothing after the final one.
    ///
    /// # Cancel safety
    /// It is cancel safe: a poll in flight continues with the next call.
    pub async fn next(&mut self) -> Option<Result<Batch, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn watched_for(&self) -> Duration {
        self.earlier.saturating_add(self.started.elapsed())
    }

    /// Takes a poll in, and decides about the next.
    fn accept(&mut self, polled: Result<Option<Batch>, Error>) -> Option<Result<Batch, Error>> {
        self.polls += 1;
        let error = match polled {
            Ok(Some(batch)) => {
                self.last_status = Some(batch.status.clone());
                self.has_finished = batch.is_finished();
                if self.has_finished {
                    self.scope.status(batch.status.as_str());
                }
                self.absences = 0;
                self.tolerance.reset(&self.client);
                if self.is_too_expensive(&batch) {
                    let cancel = self.client.cancel_batch(self.batch).into_future();
                    self.next = Next::Cancelling(Box::new(batch), cancel);
                    return None;
                }
                self.next = match self.has_finished {
                    true => Next::Done,
                    false => Next::After(self.delay(batch.runs_count)),
                };
                return Some(Ok(batch));
            }
            Ok(None) => self.out_of_time(),
            Err(error) if is_absence(&error) && self.absences + 1 < ABSENT_POLLS => {
                self.absences += 1;
                self.next = Next::After(self.delay(0));
                return None;
            }
            Err(error) => match self.tolerance.tolerates(&self.client, error) {
                Ok(least) => {
                    self.next = Next::After(self.delay(0).max(least));
                    return None;
                }
                Err(error) => error.of(&self.described()),
            },
        };
        self.scope.failed(&error);
        self.next = Next::Done;
        Some(Err(error))
    }

    /// Returns whether a batch has to be cancelled for what it has spent.
    fn is_too_expensive(&self, batch: &Batch) -> bool {
        !self.has_finished
            && batch.status != BatchStatus::Cancelling
            && self
                .max_credits
                .is_some_and(|limit| batch.credits_used_count > limit)
    }

    /// Decides what follows the cancellation of a batch that was too expensive.
    fn accept_cancellation(&mut self, batch: &Batch, cancelled: Result<(), Error>) {
        let failure = match cancelled {
            Err(error) if has_finished(&error) => {
                // The next poll shows how it ended, which is no matter of limits any more.
                self.max_credits = None;
                self.next = Next::After(Duration::ZERO);
                return;
            }
            Err(error) => Some(error),
            Ok(()) => {
                self.cancel_on_drop = false;
                None
            }
        };
        let what = format!(
            "{}: it has spent {} provider credits, more than the limit of {}, and {}; provider credits are only part \
             of the bill: every execution of a node costs 0.01 credit besides",
            self.described(),
            batch.credits_used_count,
            self.max_credits.unwrap_or_default(),
            match failure {
                None => "is being cancelled",
                Some(_) => "could not be cancelled",
            }
        );
        let error = Error::credits_exceeded(what, failure);
        self.scope.failed(&error);
        self.next = Next::Failed(error);
    }

    fn delay(&self, runs: u64) -> Duration {
        self.tolerance.delay(&self.client, self.interval_for(runs))
    }

    /// Returns how often a batch of so many runs is polled.
    fn interval_for(&self, runs: u64) -> Duration {
        self.interval
            .unwrap_or_else(|| poll_interval(self.watched_for(), runs))
    }

    /// Returns the next poll; one that would come after the deadline begins at the deadline.
    fn poll(&self, delay: Duration) -> Option<Pending<Option<Batch>>> {
        let now = Instant::now();
        let left = self
            .deadline
            .map(|deadline| deadline.saturating_duration_since(now));
        if delay > Duration::ZERO && left == Some(Duration::ZERO) {
            return None;
        }
        let delay = left.map_or(delay, |left| left.min(delay));
        let until = self.deadline.map(|deadline| poll_until(deadline, delay));
        let (client, batch) = (self.client.for_polls(self.interval_for(0)), self.batch);
        let polled = async move {
            client.inner.http.check_runtime()?;
            let poll = async {
                sleep(delay).await;
                Ok(Some(client.get_batch(batch).await?.batch))
            };
            match until {
                Some(until) => timeout(until.saturating_duration_since(now), poll)
                    .await
                    .unwrap_or(Ok(None)),
                None => poll.await,
            }
        };
        Some(Pending::new(self.scope.run(polled)))
    }

    fn described(&self) -> String {
        format!(
            "batch {}, poll {} after {:.1} s",
            self.batch,
            self.polls,
            self.watched_for().as_secs_f64()
        )
    }

    pub(crate) fn out_of_time(&self) -> Error {
        let state = match &self.last_status {
            Some(status) => format!("is still {}", status.as_str()),
            None => "has not been seen, as no poll has succeeded".to_owned(),
        };
        let what = format!(
            "batch {} {state} (poll {} after {:.1} s)",
            self.batch,
            self.polls,
            self.watched_for().as_secs_f64()
        );
        Error::deadline_exceeded(&operations::GET_BATCH, what)
    }
}

/// Returns whether there was nothing left to cancel.
pub(crate) fn has_finished(error: &Error) -> bool {
    let finished = Reason::CancelBatch(CancelBatchErrorReason::BatchAlreadyFinished);
    error.reason() == Some(&finished)
}

impl Stream for Watch {
    type Item = Result<Batch, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        loop {
            match &mut this.next {
                Next::Done => return Poll::Ready(None),
                Next::After(delay) => {
                    let delay = *delay;
                    match this.poll(delay) {
                        Some(poll) => this.next = Next::InFlight(poll),
                        None => {
                            this.next = Next::Done;
                            let error = this.out_of_time();
                            this.scope.failed(&error);
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                }
                Next::InFlight(poll) => {
                    let polled = ready!(Pin::new(poll).poll(context));
                    if let Some(seen) = this.accept(polled) {
                        return Poll::Ready(Some(seen));
                    }
                }
                Next::Cancelling(_, cancel) => {
                    let cancelled = ready!(Pin::new(cancel).poll(context));
                    if let Next::Cancelling(batch, _) = mem::replace(&mut this.next, Next::Done) {
                        this.accept_cancellation(&batch, cancelled);
                        return Poll::Ready(Some(Ok(*batch)));
                    }
                }
                Next::Failed(_) => {
                    if let Next::Failed(error) = mem::replace(&mut this.next, Next::Done) {
                        return Poll::Ready(Some(Err(error)));
                    }
                }
            }
        }
    }
}

impl IntoFuture for Watch {
    type Output = Result<Batch, Error>;
    type IntoFuture = Pending<Batch>;

    fn into_future(mut self) -> Self::IntoFuture {
        Pending::new(async move {
            loop {
                match self.next().await {
                    Some(Ok(batch)) if batch.is_finished() => return Ok(batch),
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return Err(error),
                    None => return Err(self.out_of_time()),
                }
            }
        })
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let is_cancelling = matches!(self.next, Next::Cancelling(..));
        if is_cancelling || self.cancel_on_drop && !self.has_finished {
            detached::spawn_detached(self.client.cancel_batch(self.batch));
        }
    }
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch")
            .field("batch", &self.batch)
            .field("last_status", &self.last_status)
            .finish_non_exhaustive()
    }
}

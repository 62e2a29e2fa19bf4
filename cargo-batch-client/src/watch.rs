//! Waiting for a batch, without a loop.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use cargo_batch_types::{Batch, BatchStatus, BatchUuid};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::call::Pending;
use crate::pace::{ABSENT_POLLS, Patience, is_absence, pace, poll_until};
use crate::time::{Instant, later, sleep, timeout};
use crate::{Client, Error, clean_up, operations, trace};

impl Client {
    /// Waits for a batch: await it for the batch in its final state, or read it as a
    /// [`Stream`] of every state on the way.
    ///
    /// The first poll is immediate, and each state is handed over before the delay that follows
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
    pub fn watch(&self, batch: impl Into<BatchUuid>) -> Watch {
        Watch::new(self.clone(), batch.into(), Duration::ZERO, None)
    }

    /// Goes on with a watch that was [saved](Watch::save), maybe by another process.
    pub fn resume(&self, saved: SavedWatch) -> Watch {
        let left = saved
            .deadline
            .map(|at| at.duration_since(crate::time::now()).unwrap_or_default());
        let mut watch = Watch::new(self.clone(), saved.batch, saved.watched_for, left);
        watch.last_status = saved.last_status;
        watch
    }
}

/// A batch that is waited for; made by [`Client::watch`].
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
    last_status: Option<BatchStatus>,
    has_finished: bool,
    polls: u64,
    /// The polls in a row that said that there is no such batch.
    absences: u32,
    patience: Patience,
    scope: trace::Scope,
    next: Next,
}

enum Next {
    /// Poll after a delay.
    After(Duration),
    /// A poll is in flight, or the delay before it; nothing comes of it after the deadline.
    InFlight(Pending<'static, Option<Batch>>),
    /// There is nothing more to see.
    Done,
}

/// A watch, to be gone on with later or elsewhere: serialise it where it won't be lost. An
/// [`interval`](Watch::interval) and [`cancel_on_drop`](Watch::cancel_on_drop) aren't in it: set them again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
}

#[cfg(not(target_arch = "wasm32"))]
crate::saved_file::as_file!(SavedWatch);

impl Watch {
    fn new(client: Client, batch: BatchUuid, earlier: Duration, left: Option<Duration>) -> Self {
        let started = Instant::now();
        Self {
            patience: Patience::new(&client),
            client,
            batch,
            started,
            earlier,
            deadline: left.map(|left| later(started, left)),
            interval: None,
            cancel_on_drop: false,
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

    /// The batch.
    pub fn batch(&self) -> BatchUuid {
        self.batch
    }

    /// What is needed to go on later; see [`Client::resume`].
    pub fn save(&self) -> SavedWatch {
        let left = |at: Instant| at.saturating_duration_since(Instant::now());
        SavedWatch {
            batch: self.batch,
            watched_for: self.watched_for(),
            deadline: self
                .deadline
                .and_then(|at| crate::time::now().checked_add(left(at))),
            last_status: self.last_status.clone(),
        }
    }

    /// Returns the next state; nothing after the final one.
    ///
    /// Cancel safe: a poll in flight goes on with the next call.
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
                self.patience.restore(&self.client);
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
            Err(error) => match self.patience.bears(&self.client, error) {
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

    fn delay(&self, runs: u64) -> Duration {
        self.patience.delay(&self.client, self.interval_for(runs))
    }

    /// Returns how often a batch of so many runs is polled.
    fn interval_for(&self, runs: u64) -> Duration {
        self.interval
            .unwrap_or_else(|| pace(self.watched_for(), runs))
    }

    /// Returns the next poll; one that would come after the deadline begins at the deadline.
    fn poll(&self, delay: Duration) -> Option<Pending<'static, Option<Batch>>> {
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
        Some(Box::pin(self.scope.run(polled)))
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
        let status = self
            .last_status
            .as_ref()
            .map_or("unknown", BatchStatus::as_str);
        let what = "the batch has not finished by the deadline";
        let what = format!("{}: {what}; its status is {status}", self.described());
        Error::deadline(&operations::GET_BATCH, what)
    }
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
                    let polled = ready!(poll.as_mut().poll(context));
                    if let Some(seen) = this.accept(polled) {
                        return Poll::Ready(Some(seen));
                    }
                }
            }
        }
    }
}

impl IntoFuture for Watch {
    type Output = Result<Batch, Error>;
    type IntoFuture = Pending<'static, Batch>;

    fn into_future(mut self) -> Self::IntoFuture {
        Box::pin(async move {
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
        if self.cancel_on_drop && !self.has_finished {
            let (client, batch) = (self.client.clone(), self.batch);
            clean_up::send(Box::pin(async move { client.cancel_batch(batch).await }));
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

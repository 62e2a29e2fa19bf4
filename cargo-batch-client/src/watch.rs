//! Waiting for a batch, without a loop.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

use cargo_batch_types::{Batch, BatchStatus, BatchUuid};
use futures_core::Stream;
use serde::{Deserialize, Serialize};

use crate::call::Pending;
use crate::pace::{Patience, asked, pace};
use crate::time::{Instant, later};
use crate::{Client, Error, clean_up, operations};

impl Client {
    /// Waits for a batch: await it for the batch in its final state, or read it as a
    /// [`Stream`] of every state on the way.
    ///
    /// The first look is immediate, and each state is handed over before the pause that follows
    /// it. Whatever the status is called, it is waited through until it is one that ends, or the
    /// batch has a time of finishing. Errors that may pass are waited through for ten minutes.
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
    patience: Patience,
    next: Next,
}

enum Next {
    /// Look after a pause.
    After(Duration),
    /// A look is under way, or the pause before it.
    UnderWay(Pending<'static, Batch>),
    /// There is nothing more to see.
    Done,
}

/// A watch, to be gone on with later or elsewhere: serialise it where it won't be lost.
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
    /// How it stood when it was last looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_status: Option<BatchStatus>,
}

#[cfg(not(target_arch = "wasm32"))]
crate::saved_file::as_file!(SavedWatch);

impl Watch {
    fn new(client: Client, batch: BatchUuid, earlier: Duration, left: Option<Duration>) -> Self {
        let started = Instant::now();
        Self {
            client,
            batch,
            started,
            earlier,
            deadline: left.map(|left| later(started, left)),
            interval: None,
            cancel_on_drop: false,
            last_status: None,
            patience: Patience::default(),
            next: Next::After(Duration::ZERO),
        }
    }

    /// Ends the waiting (not the batch) after this long, with
    /// [`DeadlineExceeded`](crate::ErrorKind::DeadlineExceeded).
    pub fn deadline(mut self, after: Duration) -> Self {
        self.deadline = Some(later(self.started, after));
        self
    }

    /// Looks this often, instead of every 5 seconds and, after the first minute of a batch of 1,000
    /// runs or more, every 15.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval.max(Duration::from_millis(100)));
        self
    }

    /// Cancels the batch when this is dropped before the batch has finished.
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

    /// The next state; nothing after the final one.
    pub async fn next(&mut self) -> Option<Result<Batch, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    fn watched_for(&self) -> Duration {
        self.earlier.saturating_add(self.started.elapsed())
    }

    /// Takes a look in, and decides about the next.
    fn accept(&mut self, look: Result<Batch, Error>) -> Option<Result<Batch, Error>> {
        let (pause, seen) = match look {
            Ok(batch) if batch.is_finished() => {
                self.last_status = Some(batch.status.clone());
                self.next = Next::Done;
                return Some(Ok(batch));
            }
            Ok(batch) => {
                self.last_status = Some(batch.status.clone());
                self.patience.restore();
                (self.pause(batch.runs_count), Some(Ok(batch)))
            }
            Err(error) if self.patience.bears(&error) => (self.pause(0).max(asked(&error)), None),
            Err(error) => {
                self.next = Next::Done;
                return Some(Err(error));
            }
        };
        self.next = Next::After(pause);
        seen
    }

    fn pause(&self, runs: u64) -> Duration {
        let interval = self
            .interval
            .unwrap_or_else(|| pace(self.watched_for(), runs));
        self.client.inner.retries.jitter(interval)
    }

    /// The next look; one that would come after the deadline is taken at the deadline.
    fn look(&self, pause: Duration) -> Option<Pending<'static, Batch>> {
        let now = Instant::now();
        let pause = match self.deadline {
            Some(deadline) if pause > Duration::ZERO && now >= deadline => return None,
            Some(deadline) => pause.min(deadline.saturating_duration_since(now)),
            None => pause,
        };
        let (client, batch) = (self.client.clone(), self.batch);
        Some(Box::pin(async move {
            client.inner.http.check_runtime()?;
            crate::time::sleep(pause).await;
            Ok(client.get_batch(batch).await?.batch)
        }))
    }

    fn out_of_time(&self) -> Error {
        let status = self
            .last_status
            .as_ref()
            .map_or("unknown", BatchStatus::as_str);
        let what = format!(
            "batch {} has not finished in the time given to it; its status is {status}",
            self.batch
        );
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
                Next::After(pause) => {
                    let pause = *pause;
                    match this.look(pause) {
                        Some(look) => this.next = Next::UnderWay(look),
                        None => {
                            this.next = Next::Done;
                            return Poll::Ready(Some(Err(this.out_of_time())));
                        }
                    }
                }
                Next::UnderWay(look) => {
                    let look = ready!(look.as_mut().poll(context));
                    if let Some(seen) = this.accept(look) {
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
        if self.cancel_on_drop && !matches!(self.next, Next::Done) {
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

//! Waiting for one batch, in one expression.

use std::fmt;
use std::time::Duration;

use cargo_batch_types::Batch;

use crate::pending::Pending;
use crate::{BatchHandle, Error, FinishedBatch, Watch};

type OnProgress = Box<dyn FnMut(&Batch) + Send>;

/// A wait for a batch: await it for the batch once it has finished; returned by [`BatchHandle::wait`].
///
/// ```no_run
/// # use std::time::Duration;
/// # use cargo_batch_client::{Client, Error, types::BatchUuid};
/// # async fn run(client: Client, id: BatchUuid) -> Result<(), Error> {
/// let finished = client
///     .batch(id)
///     .wait()
///     .deadline(Duration::from_secs(3600))
///     .on_progress(|batch| println!("{} of {}", batch.executed_runs_count, batch.runs_count))
///     .await?;
/// finished.download().to_file("results.csv").await?;
/// # Ok(()) }
/// ```
#[must_use = "a wait does nothing until it is awaited"]
pub struct Wait {
    handle: BatchHandle,
    watch: Watch,
    on_progress: Option<OnProgress>,
}

impl Wait {
    pub(crate) fn new(handle: BatchHandle) -> Self {
        Self {
            watch: handle.watch(),
            handle,
            on_progress: None,
        }
    }

    /// Ends the waiting, not the batch; see [`Watch::deadline`].
    pub fn deadline(mut self, after: Duration) -> Self {
        self.watch = self.watch.deadline(after);
        self
    }

    /// Sets how often the batch is polled; see [`Watch::interval`].
    pub fn interval(mut self, interval: Duration) -> Self {
        self.watch = self.watch.interval(interval);
        self
    }

    /// Calls back with the batch after every poll, the last one included.
    pub fn on_progress(mut self, callback: impl FnMut(&Batch) + Send + 'static) -> Self {
        self.on_progress = Some(Box::new(callback));
        self
    }

    /// Cancels the batch once it has spent more provider credits than this; see [`Watch::max_credits`].
    pub fn max_credits(mut self, max_credits: f64) -> Self {
        self.watch = self.watch.max_credits(max_credits);
        self
    }

    /// Cancels the batch when the wait ends before the batch has finished; see [`Watch::cancel_on_drop`].
    pub fn cancel_on_drop(mut self, cancel: bool) -> Self {
        self.watch = self.watch.cancel_on_drop(cancel);
        self
    }
}

impl IntoFuture for Wait {
    type Output = Result<FinishedBatch, Error>;
    type IntoFuture = Pending<FinishedBatch>;

    fn into_future(self) -> Self::IntoFuture {
        let Self {
            handle,
            mut watch,
            mut on_progress,
        } = self;
        Pending::new(async move {
            loop {
                let Some(batch) = watch.next().await else {
                    return Err(watch.out_of_time());
                };
                let batch = batch?;
                if let Some(callback) = &mut on_progress {
                    callback(&batch);
                }
                if batch.is_finished() {
                    return Ok(FinishedBatch::new(handle, batch));
                }
            }
        })
    }
}

impl fmt::Debug for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wait")
            .field("watch", &self.watch)
            .finish_non_exhaustive()
    }
}

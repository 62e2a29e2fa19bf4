//! Cancelling many batches, some at a time.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use cargo_batch_types::BatchUuid;

use crate::pending::Pending;
use crate::watch::has_finished;
use crate::{Client, Error, detached};

/// How many are in flight at a time: one that is repeated for long must not hold up the others.
const AT_ONCE: usize = 16;

/// The cancellations of some batches; dropped, those that are left are sent by a task.
pub(crate) struct Cancellations {
    client: Client,
    waiting: VecDeque<BatchUuid>,
    in_flight: Vec<(BatchUuid, Pending<()>)>,
    /// How many batches are being cancelled.
    pub accepted: usize,
    /// How many could not be cancelled.
    pub failed: usize,
    /// Why the first of them could not.
    pub failure: Option<Error>,
}

impl Cancellations {
    pub fn new(client: Client, batches: VecDeque<BatchUuid>) -> Self {
        Self {
            client,
            waiting: batches,
            in_flight: Vec::new(),
            accepted: 0,
            failed: 0,
            failure: None,
        }
    }

    /// Sends what is left, and is ready once all have been responded to.
    pub fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        loop {
            while self.in_flight.len() < AT_ONCE
                && let Some(uuid) = self.waiting.pop_front()
            {
                let cancel = self.client.cancel_batch(uuid).into_future();
                self.in_flight.push((uuid, cancel));
            }
            let before = self.in_flight.len();
            if before == 0 {
                return Poll::Ready(());
            }
            let mut ended = Vec::new();
            self.in_flight
                .retain_mut(|(uuid, cancel)| match Pin::new(cancel).poll(context) {
                    Poll::Pending => true,
                    Poll::Ready(done) => {
                        ended.push((*uuid, done));
                        false
                    }
                });
            for (uuid, done) in ended {
                self.note(uuid, done);
            }
            if self.in_flight.len() == before {
                return Poll::Pending;
            }
        }
    }

    fn note(&mut self, uuid: BatchUuid, done: Result<(), Error>) {
        match done {
            Ok(()) => self.accepted += 1,
            // There was nothing left to cancel.
            Err(error) if has_finished(&error) => {}
            Err(error) => {
                self.failed += 1;
                let error = error.of(&format!("batch {uuid}"));
                self.failure.get_or_insert(error);
            }
        }
    }
}

impl Drop for Cancellations {
    fn drop(&mut self) {
        let in_flight = self.in_flight.drain(..).map(|(uuid, _)| uuid);
        for uuid in in_flight.chain(self.waiting.drain(..)) {
            detached::spawn_detached(self.client.cancel_batch(uuid));
        }
    }
}

//! How many are let through at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::time::{Instant, timeout};

/// After how long without a permit given or returned one is let through beyond the limit.
///
/// A future that holds a permit, or waits for one, may be kept without being polled, as those of
/// `buffer_unordered` are while the program awaits something else. Where that in turn waited for a permit,
/// neither would ever go on. Each that is beyond the limit makes the next one wait as much longer, as it may as
/// well be that all are at work, and slow.
const STALL: Duration = Duration::from_secs(1);

/// Lets so many through at once, the first come first.
#[derive(Debug)]
pub(crate) struct Permits(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    semaphore: Semaphore,
    /// How many wait, and how many there are beyond the limit. Where there are none, no time is noted: nothing asks
    /// for it, and a clock that is read for each request is part of what a request costs.
    observed: AtomicUsize,
    moves: Mutex<Moves>,
}

#[derive(Debug)]
struct Moves {
    /// When a permit was last given or returned, or the first began to wait.
    last: Instant,
    /// How many there are beyond the limit.
    beyond: u32,
}

/// Held by one that was let through.
#[derive(Debug)]
pub(crate) struct Permit {
    shared: Arc<Shared>,
    is_beyond: bool,
}

impl Permits {
    /// Returns so many permits, but at least one.
    pub fn new(count: usize) -> Self {
        Self(Arc::new(Shared {
            semaphore: Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS)),
            observed: AtomicUsize::new(0),
            moves: Mutex::new(Moves {
                last: Instant::now(),
                beyond: 0,
            }),
        }))
    }

    /// Takes a permit where one is free.
    pub fn try_acquire(&self) -> Option<Permit> {
        let held = self.0.semaphore.try_acquire().ok()?;
        Some(self.within(held))
    }

    /// Waits for a permit.
    pub async fn acquire(&self) -> Permit {
        if let Some(permit) = self.try_acquire() {
            return permit;
        }
        let _waiting = Waiting::new(&self.0);
        let mut acquired = std::pin::pin!(self.0.semaphore.acquire());
        loop {
            match timeout(STALL, acquired.as_mut()).await {
                Ok(Ok(held)) => return self.within(held),
                // It is never closed.
                Ok(Err(_)) => return self.beyond(),
                Err(_) if self.0.moves().have_stalled() => return self.beyond(),
                Err(_) => {}
            }
        }
    }

    fn within(&self, held: SemaphorePermit<'_>) -> Permit {
        held.forget();
        self.0.moved();
        Permit {
            shared: self.0.clone(),
            is_beyond: false,
        }
    }

    fn beyond(&self) -> Permit {
        self.0.observed.fetch_add(1, Ordering::AcqRel);
        let mut moves = self.0.moves();
        moves.last = Instant::now();
        moves.beyond = moves.beyond.saturating_add(1);
        drop(moves);
        Permit {
            shared: self.0.clone(),
            is_beyond: true,
        }
    }
}

impl Shared {
    /// Notes that a permit was given or is returned.
    fn moved(&self) {
        if self.observed.load(Ordering::Acquire) > 0 {
            self.moves().last = Instant::now();
        }
    }

    fn moves(&self) -> MutexGuard<'_, Moves> {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Moves {
    fn have_stalled(&self) -> bool {
        self.last.elapsed() >= STALL.saturating_mul(self.beyond.saturating_add(1))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if self.is_beyond {
            let mut moves = self.shared.moves();
            moves.last = Instant::now();
            moves.beyond = moves.beyond.saturating_sub(1);
            drop(moves);
            self.shared.observed.fetch_sub(1, Ordering::AcqRel);
        } else {
            self.shared.moved();
            self.shared.semaphore.add_permits(1);
        }
    }
}

/// One that waits for a permit.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn new(shared: &'a Shared) -> Self {
        if shared.observed.fetch_add(1, Ordering::AcqRel) == 0 {
            // What moved before wasn't noted, and it waits this long in any case.
            shared.moves().last = Instant::now();
        }
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.observed.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::Context;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_is_not_polled_delays_others_briefly() {
        let permits = Permits::new(1);
        let held = permits.acquire().await;
        let mut abandoned = pin!(permits.acquire());
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(abandoned.as_mut().poll(&mut context).is_pending());
        let start = Instant::now();
        let beyond = permits.acquire().await;
        assert_eq!(start.elapsed(), STALL);
        // The next one isn't let through at once.
        let next = permits.acquire().await;
        assert_eq!(start.elapsed(), 3 * STALL);
        // What is given back goes to the one that came first, which isn't polled.
        drop((held, beyond, next));
        let start = Instant::now();
        permits.acquire().await;
        assert_eq!(start.elapsed(), STALL);
    }

    #[tokio::test(start_paused = true)]
    async fn a_permit_that_is_returned_shows_that_something_moves() {
        let permits = Arc::new(Permits::new(1));
        let held = permits.acquire().await;
        let mut abandoned = pin!(permits.acquire());
        let mut context = Context::from_waker(std::task::Waker::noop());
        assert!(abandoned.as_mut().poll(&mut context).is_pending());
        let start = Instant::now();
        let waiting = tokio::spawn({
            let permits = permits.clone();
            async move { permits.acquire().await }
        });
        crate::time::sleep(STALL / 2).await;
        // It goes to the one that isn't polled; what waits behind that counts from here.
        drop(held);
        waiting.await.unwrap();
        assert_eq!(start.elapsed(), 2 * STALL);
    }

    #[tokio::test(start_paused = true)]
    async fn one_beyond_the_limit_counts_also_where_nothing_waits() {
        let permits = Permits::new(1);
        let held = permits.acquire().await;
        let beyond = permits.acquire().await;
        let start = Instant::now();
        crate::time::sleep(3 * STALL / 2).await;
        // Of the two seconds since the last one was given a part has passed.
        let next = permits.acquire().await;
        assert_eq!(start.elapsed(), 5 * STALL / 2);
        drop((held, beyond, next));
        assert_eq!(permits.0.observed.load(Ordering::Acquire), 0);
        assert_eq!(permits.0.semaphore.available_permits(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn the_limit_holds_as_long_as_permits_are_returned() {
        let permits = Arc::new(Permits::new(2));
        let most = Arc::new(Mutex::new((0, 0)));
        let start = Instant::now();
        let tasks = (0..20).map(|_| {
            let (permits, most) = (permits.clone(), most.clone());
            tokio::spawn(async move {
                let _permit = permits.acquire().await;
                {
                    let mut most = most.lock().unwrap();
                    most.0 += 1;
                    most.1 = most.1.max(most.0);
                }
                crate::time::sleep(STALL / 2).await;
                most.lock().unwrap().0 -= 1;
            })
        });
        for task in tasks.collect::<Vec<_>>() {
            task.await.unwrap();
        }
        assert_eq!(most.lock().unwrap().1, 2);
        assert_eq!(start.elapsed(), 5 * STALL);
    }
}

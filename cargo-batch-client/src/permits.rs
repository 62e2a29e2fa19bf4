//! How many are let through at once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

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
pub(crate) struct Permits {
    semaphore: Arc<Semaphore>,
    moves: Arc<Mutex<Moves>>,
}

#[derive(Debug)]
struct Moves {
    /// When a permit was last given or returned.
    last: Instant,
    /// How many there are beyond the limit.
    beyond: u32,
}

/// Held by one that was let through.
#[derive(Debug)]
pub(crate) struct Permit {
    /// `None` of one beyond the limit.
    held: Option<OwnedSemaphorePermit>,
    moves: Arc<Mutex<Moves>>,
}

impl Permits {
    /// Returns so many permits, but at least one.
    pub fn new(count: usize) -> Self {
        Self {
            semaphore: Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS))),
            moves: Arc::new(Mutex::new(Moves {
                last: Instant::now(),
                beyond: 0,
            })),
        }
    }

    /// Waits for a permit.
    pub async fn acquire(&self) -> Permit {
        if let Ok(held) = self.semaphore.clone().try_acquire_owned() {
            return self.permit(Some(held));
        }
        let mut acquired = std::pin::pin!(self.semaphore.clone().acquire_owned());
        loop {
            match timeout(STALL, acquired.as_mut()).await {
                // It is never closed.
                Ok(held) => return self.permit(held.ok()),
                Err(_) if locked(&self.moves).have_stalled() => return self.permit(None),
                Err(_) => {}
            }
        }
    }

    fn permit(&self, held: Option<OwnedSemaphorePermit>) -> Permit {
        let mut moves = locked(&self.moves);
        moves.last = Instant::now();
        if held.is_none() {
            moves.beyond = moves.beyond.saturating_add(1);
        }
        drop(moves);
        Permit {
            held,
            moves: self.moves.clone(),
        }
    }
}

impl Moves {
    fn have_stalled(&self) -> bool {
        self.last.elapsed() >= STALL.saturating_mul(self.beyond.saturating_add(1))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        {
            let mut moves = locked(&self.moves);
            moves.last = Instant::now();
            if self.held.is_none() {
                moves.beyond = moves.beyond.saturating_sub(1);
            }
        }
        self.held.take();
    }
}

fn locked(moves: &Mutex<Moves>) -> MutexGuard<'_, Moves> {
    moves.lock().unwrap_or_else(PoisonError::into_inner)
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

//! The sandbox's time.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

use chrono::{DateTime, Datelike, Duration, Utc};
use tokio::time::Instant;

/// Time that begins at a given moment and follows tokio's, at a speed of its own; besides, it can be
/// moved on by hand. It never goes back.
#[derive(Debug)]
pub struct Clock {
    began: DateTime<Utc>,
    started: Instant,
    speed: f64,
    /// Milliseconds that were added by hand.
    added: AtomicI64,
}

/// When a sandbox begins unless another moment is given: 15 January 2026, 10:00 UTC.
const BEGIN: i64 = 1_768_471_200_000;

/// The latest moment a sandbox knows: a thousand years later, which leaves room for sums.
const LAST: i64 = 31_556_952_000_000;

impl Clock {
    pub fn new(began: DateTime<Utc>, speed: f64) -> Self {
        Self {
            began,
            started: Instant::now(),
            speed,
            added: AtomicI64::new(0),
        }
    }

    pub fn began(&self) -> DateTime<Utc> {
        self.began
    }

    pub fn now(&self) -> DateTime<Utc> {
        let passed = self.started.elapsed().as_secs_f64() * self.speed;
        let added = self.added.load(Ordering::SeqCst);
        let millis = ((passed * 1000.0) as i64).saturating_add(added);
        let passed = Duration::milliseconds(millis.clamp(0, LAST));
        self.began.checked_add_signed(passed).unwrap_or(self.began)
    }

    /// Moves it on.
    pub fn advance(&self, by: std::time::Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(LAST);
        let move_on = |added: i64| Some(added.saturating_add(millis).min(LAST));
        // It can't fail, as the closure always has a response.
        let _ = self
            .added
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, move_on);
    }
}

/// So many milliseconds after the usual beginning.
pub fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(BEGIN + millis).unwrap_or(DateTime::UNIX_EPOCH)
}

/// A time of the system, if it leaves room for all that a sandbox counts with.
pub fn from_system(time: SystemTime) -> Option<DateTime<Utc>> {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let seconds = i64::try_from(since.as_secs()).ok()?;
    let time = DateTime::from_timestamp(seconds, since.subsec_nanos())?;
    (time.year() < 8000).then_some(time)
}

/// So many days before the usual beginning.
pub fn days_before(days: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(BEGIN - days * 86_400_000).unwrap_or(DateTime::UNIX_EPOCH)
}

/// As the API writes it: UTC, with milliseconds.
pub fn written(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// So many seconds.
pub fn seconds(seconds: f64) -> Duration {
    Duration::milliseconds((seconds * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_moved_on_by_hand_and_has_an_end() {
        let clock = Clock::new(at(0), 0.0);
        assert_eq!(written(clock.now()), "2026-01-15T10:00:00.000Z");
        clock.advance(std::time::Duration::from_millis(3_600_001));
        assert_eq!(written(clock.now()), "2026-01-15T11:00:00.001Z");
        clock.advance(std::time::Duration::MAX);
        clock.advance(std::time::Duration::MAX);
        assert!(written(clock.now()).starts_with("3026-01-15"));
    }
}

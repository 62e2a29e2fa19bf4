//! The sandbox's time.

use chrono::{DateTime, Duration, Utc};
use tokio::time::Instant;

/// Time that begins at a fixed moment and follows tokio's, at a speed of its own.
#[derive(Clone, Debug)]
pub struct Clock {
    started: Instant,
    speed: f64,
}

/// When every sandbox begins: 15 January 2026, 10:00 UTC.
const BEGIN: i64 = 1_768_471_200_000;

impl Clock {
    pub fn new(speed: f64) -> Self {
        Self {
            started: Instant::now(),
            speed,
        }
    }

    pub fn now(&self) -> DateTime<Utc> {
        let passed = self.started.elapsed().as_secs_f64() * self.speed;
        at((passed * 1000.0) as i64)
    }
}

/// So many milliseconds after the beginning.
pub fn at(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(BEGIN.saturating_add(millis)).unwrap_or(DateTime::UNIX_EPOCH)
}

/// As the API writes it: UTC, with milliseconds.
pub fn written(time: DateTime<Utc>) -> String {
    time.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// So many seconds.
pub fn seconds(seconds: f64) -> Duration {
    Duration::milliseconds((seconds * 1000.0) as i64)
}

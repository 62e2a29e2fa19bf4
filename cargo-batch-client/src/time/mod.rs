//! Time: the runtime's, or a browser's, and such that can't overflow (`Duration::MAX` is how people
//! write "no limit").

use std::time::Duration;

#[cfg(target_arch = "wasm32")]
mod browser;

#[cfg(target_arch = "wasm32")]
pub(crate) use browser::{Instant, now, sleep, sleep_until, timeout};
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use tokio::time::{Instant, sleep, sleep_until, timeout};

/// Longer than any program waits.
const AGE: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// Returns the instant after a duration, without overflow.
pub(crate) fn later(from: Instant, after: Duration) -> Instant {
    from + after.min(AGE)
}

/// Returns a duration that can be calculated with, without overflow.
pub(crate) fn bounded(time: Duration) -> Duration {
    time.min(AGE)
}

/// Returns the time of the system clock.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn now() -> std::time::SystemTime {
    std::time::SystemTime::now()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlong_durations_are_capped_and_a_year_is_not() {
        let year = Duration::from_secs(365 * 24 * 3600);
        assert_eq!((bounded(year), bounded(Duration::MAX)), (year, AGE));
        let now = Instant::now();
        assert_eq!(later(now, 10 * year), now + 10 * year);
        assert!(later(now, Duration::MAX) > now + 10 * year);
    }
}

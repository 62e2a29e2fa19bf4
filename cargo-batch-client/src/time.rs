//! Time that can't overflow: `Duration::MAX` is how people write "no limit".

use std::time::Duration;

use tokio::time::Instant;

/// Longer than any program waits.
const AGE: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// A moment after another one.
pub(crate) fn later(from: Instant, after: Duration) -> Instant {
    from + after.min(AGE)
}

/// A time to wait that can be counted with.
pub(crate) fn bounded(time: Duration) -> Duration {
    time.min(AGE)
}

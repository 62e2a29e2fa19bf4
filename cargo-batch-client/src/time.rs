//! Time: the runtime's, or a browser's, and such that can't overflow (`Duration::MAX` is how people
//! write "no limit").

use std::time::{Duration, SystemTime};

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use tokio::time::{Instant, sleep, sleep_until, timeout};
#[cfg(target_arch = "wasm32")]
pub(crate) use wasmtimer::{
    std::Instant,
    tokio::{sleep, sleep_until, timeout},
};

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

/// What the clock on the wall says.
pub(crate) fn now() -> SystemTime {
    #[cfg(not(target_arch = "wasm32"))]
    return SystemTime::now();
    #[cfg(target_arch = "wasm32")]
    {
        let since = wasmtimer::std::SystemTime::now()
            .duration_since(wasmtimer::std::UNIX_EPOCH)
            .unwrap_or_default();
        SystemTime::UNIX_EPOCH + since
    }
}

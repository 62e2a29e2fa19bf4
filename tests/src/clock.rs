//! Virtual time for tests that move megabytes.

use std::time::{Duration, Instant};

/// Lets virtual time pass only while no bytes are on their way.
///
/// A paused clock jumps to the next timer whenever the runtime is idle, also where the kernel has yet to hand bytes
/// over: on a busy machine that is a timeout that no server caused. From here on it jumps by a second at most, after
/// 20 ms of real time.
pub fn steady() {
    tokio::spawn(async {
        loop {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(20) {
                tokio::task::yield_now().await;
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    });
}

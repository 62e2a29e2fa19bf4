//! The least that must arrive.

use std::time::Duration;

/// Bytes a second.
const LEAST: u64 = 1 << 10;

/// How fast bytes arrive, over the time that was spent waiting for them: the time of a slow reader
/// doesn't count.
#[derive(Debug, Default)]
pub(super) struct Rate {
    waited: Duration,
    bytes: u64,
}

impl Rate {
    /// Counts bytes and how long they were waited for; returns whether that was too slow, once over each
    /// window.
    pub fn is_too_slow(&mut self, bytes: usize, waited: Duration, window: Duration) -> bool {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.waited = self.waited.saturating_add(waited);
        if self.waited < window {
            return false;
        }
        let least = u128::from(LEAST) * self.waited.as_millis() / 1000;
        let is_too_slow = u128::from(self.bytes) < least;
        *self = Self::default();
        is_too_slow
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_is_judged_when_it_is_full() {
        let window = Duration::from_secs(10);
        let second = Duration::from_secs(1);
        let mut rate = Rate::default();
        let mut slow = |bytes, count| {
            let judged = (0..count).map(|_| rate.is_too_slow(bytes, second, window));
            judged.filter(|slow| *slow).count()
        };
        assert_eq!(slow(1024, 20), 0);
        assert_eq!(slow(1023, 9), 0);
        assert_eq!(slow(1023, 1), 1);
        // From there on it counts from nothing again.
        assert_eq!(slow(1023, 9), 0);
    }
}

//! When a request is sent again, and how long that takes to happen.

use std::sync::Mutex;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::response;
use crate::time::bounded;

/// How often and how patiently requests are repeated.
///
/// Which ones *may* be is not a matter of policy: a request is sent again only when the operation is
/// idempotent, or when it provably did not arrive.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// How many times a request is sent at most; 1 means never again.
    pub max_attempts: u32,
    /// The longest pause before the second attempt; it doubles with every further one. The pause
    /// taken is anything between nothing and that, so that many clients don't come back at once.
    pub base_delay: Duration,
    /// What the pause never exceeds, unless the server asks for more.
    pub max_delay: Duration,
    /// A server that asks for a longer pause than this is taken at its word: the error is returned.
    pub max_retry_after: Duration,
    /// Repeats that may be under way in excess of one for every ten requests, so that a broken
    /// server isn't hammered.
    pub budget: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 4,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(20),
            max_retry_after: Duration::from_secs(60),
            budget: 20,
        }
    }
}

impl RetryPolicy {
    /// Every request is sent once.
    pub fn never() -> Self {
        Self {
            max_attempts: 1,
            ..Self::default()
        }
    }
}

/// The state behind a policy: jitter and budget, shared by all clones of a client.
#[derive(Debug)]
pub(crate) struct Retries {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    /// Tenths of a repeat that may still be spent.
    tenths: u32,
}

impl Retries {
    pub fn new(policy: &RetryPolicy, seed: Option<u64>) -> Self {
        let random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        Self {
            state: Mutex::new(State {
                random,
                tenths: policy.budget.saturating_mul(10),
            }),
        }
    }

    /// The pause before the next attempt, taken from the budget; nothing when there must be none.
    pub fn pause(
        &self,
        policy: &RetryPolicy,
        attempts: u32,
        asked: Option<Duration>,
    ) -> Option<Duration> {
        let delay = self.delay(policy, attempts, asked)?;
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.tenths = state.tenths.checked_sub(10)?;
        Some(delay)
    }

    /// Returns the delay before the next attempt, whatever the budget; `None` when there must be none.
    pub fn delay(
        &self,
        policy: &RetryPolicy,
        attempts: u32,
        asked: Option<Duration>,
    ) -> Option<Duration> {
        if attempts >= policy.max_attempts
            || asked.is_some_and(|asked| asked > policy.max_retry_after)
        {
            return None;
        }
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let ceiling = backoff(policy, attempts);
        let jittered = ceiling.mul_f64(state.random.f64());
        Some(match asked {
            // Never earlier than asked; a little later, so that not all come at once.
            Some(asked) => bounded(asked) + jittered.min(asked / 10),
            None => jittered,
        })
    }

    /// A request that went well earns a tenth of a repeat.
    pub fn succeeded(&self, policy: &RetryPolicy) {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.tenths = state
            .tenths
            .saturating_add(1)
            .min(policy.budget.saturating_mul(10));
    }

    /// A tenth more or less: the looks of many waiters drift apart.
    pub fn jitter(&self, interval: Duration) -> Duration {
        let mut state = self
            .state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        bounded(interval).mul_f64(0.9 + 0.2 * state.random.f64())
    }
}

fn backoff(policy: &RetryPolicy, attempts: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(attempts.saturating_sub(1));
    policy
        .base_delay
        .saturating_mul(doubled)
        .min(bounded(policy.max_delay))
}

/// `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    // The server's own clock, where it tells it: ours may be wrong.
    let now = response::date(headers).unwrap_or_else(crate::time::now);
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn retry_after_is_read_in_both_forms() {
        assert_eq!(
            retry_after(&headers(&[("retry-after", "7")])),
            Some(Duration::from_secs(7))
        );
        let dated = headers(&[
            ("date", "Tue, 24 Nov 2026 10:00:00 GMT"),
            ("retry-after", "Tue, 24 Nov 2026 10:01:30 GMT"),
        ]);
        assert_eq!(retry_after(&dated), Some(Duration::from_secs(90)));
        let past = headers(&[
            ("date", "Tue, 24 Nov 2026 10:00:00 GMT"),
            ("retry-after", "Tue, 24 Nov 2026 09:00:00 GMT"),
        ]);
        assert_eq!(retry_after(&past), Some(Duration::ZERO));
        for nonsense in ["", "soon", "-3", "99999999999999999999999", "7.5"] {
            let headers = headers(&[("retry-after", nonsense)]);
            assert_eq!(retry_after(&headers), None, "{nonsense}");
        }
    }

    #[test]
    fn pauses_double_up_to_the_ceiling_and_are_jittered_below_it() {
        let policy = RetryPolicy {
            max_attempts: 99,
            budget: 99,
            ..RetryPolicy::default()
        };
        let ceilings: Vec<u64> = (1..9)
            .map(|n| backoff(&policy, n).as_millis() as u64)
            .collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
        let retries = Retries::new(&policy, Some(1));
        for attempts in 1..40 {
            let pause = retries.pause(&policy, attempts, None).unwrap();
            assert!(pause <= backoff(&policy, attempts), "{attempts}: {pause:?}");
        }
    }

    #[test]
    fn what_the_server_asks_for_is_kept_unless_it_is_too_much() {
        let policy = RetryPolicy::default();
        let retries = Retries::new(&policy, Some(1));
        let asked = Duration::from_secs(30);
        let pause = retries.pause(&policy, 1, Some(asked)).unwrap();
        assert!(pause >= asked && pause <= asked + asked / 10);
        assert_eq!(
            retries.pause(&policy, 1, Some(Duration::from_secs(61))),
            None
        );
    }

    #[test]
    fn never_is_never() {
        let policy = RetryPolicy::never();
        assert_eq!(Retries::new(&policy, Some(1)).pause(&policy, 1, None), None);
    }

    #[test]
    fn an_interval_is_jittered_by_a_tenth() {
        let retries = Retries::new(&RetryPolicy::default(), Some(1));
        let intervals: Vec<f64> = (0..1000)
            .map(|_| retries.jitter(Duration::from_secs(100)).as_secs_f64())
            .collect();
        assert!(
            intervals
                .iter()
                .all(|seconds| (90.0..=110.0).contains(seconds))
        );
        for bounds in [90.0..92.0, 99.0..101.0, 108.0..110.0] {
            assert!(intervals.iter().any(|seconds| bounds.contains(seconds)));
        }
    }

    #[test]
    fn a_budget_without_a_limit_is_one() {
        let policy = RetryPolicy {
            budget: u32::MAX,
            max_attempts: u32::MAX,
            base_delay: Duration::MAX,
            max_delay: Duration::MAX,
            max_retry_after: Duration::MAX,
        };
        let retries = Retries::new(&policy, Some(1));
        retries.succeeded(&policy);
        for asked in [None, Some(Duration::MAX)] {
            assert!(retries.pause(&policy, u32::MAX - 1, asked).is_some());
        }
        assert!(retries.jitter(Duration::MAX) < Duration::MAX);
    }

    #[test]
    fn a_spent_budget_stops_repeats_until_requests_succeed_again() {
        let policy = RetryPolicy {
            budget: 2,
            ..RetryPolicy::default()
        };
        let retries = Retries::new(&policy, Some(1));
        assert!(retries.pause(&policy, 1, None).is_some());
        assert!(retries.pause(&policy, 1, None).is_some());
        assert_eq!(retries.pause(&policy, 1, None), None);
        (0..10).for_each(|_| retries.succeeded(&policy));
        assert!(retries.pause(&policy, 1, None).is_some());
        assert_eq!(retries.pause(&policy, 1, None), None);
    }
}

//! The retry policy: exponential backoff with jitter, a retry budget (token bucket), and `Retry-After`.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::response;
use crate::time::bounded;

/// How often failed requests are retried, and after which delays: exponential backoff with jitter, and a retry budget
/// (token bucket).
///
/// It is set with [`ClientBuilder::retry`](crate::ClientBuilder::retry), and for single calls with
/// [`Client::with_retry`](crate::Client::with_retry). It governs everything that is retried: calls, the searches of a
/// creation, the parts of an upload, downloads, and the failed polls of a watch.
///
/// # What is retried
///
/// A request that is known not to have reached the server is retried whatever the operation. Where that is unknown,
/// only [idempotent](crate::operation::Operation::idempotent) operations are retried, and uploads, of which a second
/// one costs nothing:
///
/// - a connection that is lost, and [`attempt_timeout`](crate::ClientBuilder::attempt_timeout);
/// - the statuses 408, 425, 429, 500, 502, 503, 504, and all from 506 to 599; not 501 and 505;
/// - a success whose body isn't JSON, as of a proxy, or is cut off.
///
/// A creation is never retried while the first request may have taken effect: see the guide on
/// [money](crate::guide::money).
///
/// # What doesn't count as a failure
///
/// Two things are retried until [`timeout`](crate::ClientBuilder::timeout), and count neither as attempts nor against
/// the budget:
///
/// - **429**, which asks for fewer requests. All clones of the client slow down together, as long as the server
///   asks for with `Retry-After`, and then send at the rate that it permits.
/// - **A connection that fails** to a server that has responded before. Until its first response such
///   a failure counts, and one that won't pass (an unknown host, an untrusted certificate, a proxy that asks for
///   a password) isn't retried at all.
///
/// # What it doesn't govern
///
/// - How long a call may take with all its attempts: that is [`timeout`](crate::ClientBuilder::timeout).
/// - The polls of a watch that succeed, and for how long failing ones are tolerated: 10 minutes.
/// - The requests of [`create_batch_once`](crate::Client::create_batch_once) after a search has shown that there is no
///   batch: up to 5.
/// - The renewal of a token after a 401: one more request, also with [`never`](Self::never).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use cargo_batch_client::{Client, RetryPolicy};
///
/// let mut policy = RetryPolicy::default();
/// policy.max_attempts = 10;
/// policy.max_retry_after = Duration::from_secs(300);
/// let client = Client::builder("token").base_url("http://127.0.0.1:8080/v1").retry(policy).build()?;
/// # Ok::<(), cargo_batch_client::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
#[doc(alias = "backoff")]
#[doc(alias = "jitter")]
pub struct RetryPolicy {
    /// How many times a request may fail before its error is returned; 6 by default. 1 means that nothing is retried,
    /// whatever the error, and so does 0.
    pub max_attempts: u32,
    /// The longest delay before the second attempt; 500 ms by default. It doubles with every further attempt.
    ///
    /// The delay taken is random between half of it and all of it ("equal jitter"), so that many clients don't retry at
    /// once.
    pub base_delay: Duration,
    /// The longest delay before any attempt; 20 seconds by default. A `Retry-After` may be longer.
    pub max_delay: Duration,
    /// The longest `Retry-After` that is obeyed; 60 seconds by default. Up to a tenth more is added as jitter.
    ///
    /// Where the server asks for a longer delay, the error is returned at once, and says so. Its
    /// [`retry_after`](crate::Error::retry_after) is the delay.
    pub max_retry_after: Duration,
    /// The retry budget of the client and its clones, a token bucket: 100 retries by default.
    ///
    /// Every retry takes one, a request that succeeds adds a tenth, and a retry that succeeds is given back, up to this
    /// number. So a broken server gets at most a tenth more requests than usual once the budget is spent. An error that
    /// isn't retried because the budget is spent says so.
    ///
    /// The budget is that of [`ClientBuilder::retry`](crate::ClientBuilder::retry):
    /// [`Client::with_retry`](crate::Client::with_retry) doesn't change it.
    pub budget: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 6,
            base_delay: Duration::from_millis(500),
            max_delay: Duration::from_secs(20),
            max_retry_after: Duration::from_secs(60),
            budget: 100,
        }
    }
}

impl RetryPolicy {
    /// Returns a policy that retries nothing, whatever the error: one attempt for each request. (After a 401 a
    /// [`TokenProvider`](crate::TokenProvider) is asked for another token, with which the request is sent once more.)
    pub fn never() -> Self {
        Self {
            max_attempts: 1,
            ..Self::default()
        }
    }
}

/// What a retry takes from the budget, and a success earns.
const REPEAT: u32 = 10;
const SUCCESS: u32 = 1;

/// The state behind a policy: jitter and budget, shared by all clones of a client.
#[derive(Debug)]
pub(crate) struct Retries {
    state: Mutex<State>,
    /// The most tenths of a retry there are.
    capacity: u32,
}

#[derive(Debug)]
struct State {
    random: fastrand::Rng,
    /// Tenths of a retry that may still be spent.
    tenths: u32,
}

impl Retries {
    pub fn new(policy: &RetryPolicy, seed: Option<u64>) -> Self {
        let random = seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let capacity = policy.budget.saturating_mul(REPEAT);
        Self {
            state: Mutex::new(State {
                random,
                tenths: capacity,
            }),
            capacity,
        }
    }

    /// Takes a retry from the budget; false where there is none left.
    pub fn take(&self) -> bool {
        let mut state = self.state();
        match state.tenths.checked_sub(REPEAT) {
            Some(tenths) => {
                state.tenths = tenths;
                true
            }
            None => false,
        }
    }

    /// Adds to the budget for a request that succeeded: a tenth of a retry, or the complete one that it was.
    pub fn succeeded(&self, was_repeat: bool) {
        let earned = match was_repeat {
            true => REPEAT,
            false => SUCCESS,
        };
        let mut state = self.state();
        state.tenths = state.tenths.saturating_add(earned).min(self.capacity);
    }

    /// Returns the delay of a policy after so many failures in a row.
    pub fn backoff(&self, policy: &RetryPolicy, failures: u32) -> Duration {
        self.delay(policy.base_delay, policy.max_delay, failures)
    }

    /// Returns a delay that doubles with every failure in a row up to a limit, with jitter below it.
    pub fn delay(&self, first: Duration, most: Duration, failures: u32) -> Duration {
        let ceiling = ceiling(first, most, failures);
        ceiling.mul_f64(0.5 + 0.5 * self.random())
    }

    /// Returns a delay that a server asks for, and up to a tenth more, so that not all come at once.
    pub fn jittered(&self, asked: Duration) -> Duration {
        let asked = bounded(asked);
        asked + (asked / 10).mul_f64(self.random())
    }

    /// Returns a tenth more or less: the polls of many watches drift apart.
    pub fn jitter(&self, interval: Duration) -> Duration {
        bounded(interval).mul_f64(0.9 + 0.2 * self.random())
    }

    /// Returns a number from 0 to 1.
    fn random(&self) -> f64 {
        self.state().random.f64()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn ceiling(first: Duration, most: Duration, failures: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(failures.saturating_sub(1));
    first.saturating_mul(doubled).min(bounded(most))
}

/// Returns `Retry-After`, in seconds or as a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    // By the server's own clock, where it is in the response: ours may be wrong.
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
    fn delays_double_up_to_the_ceiling_and_are_jittered_below_it() {
        let policy = RetryPolicy::default();
        let ceilings: Vec<u64> = (1..9)
            .map(|n| ceiling(policy.base_delay, policy.max_delay, n).as_millis() as u64)
            .collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 16000, 20000, 20000]);
        let retries = Retries::new(&policy, Some(1));
        for failures in 1..40 {
            let most = ceiling(policy.base_delay, policy.max_delay, failures);
            let delay = retries.backoff(&policy, failures);
            assert!((most / 2..=most).contains(&delay), "{failures}: {delay:?}");
        }
    }

    #[test]
    fn retry_after_gets_at_most_ten_percent_jitter() {
        let retries = Retries::new(&RetryPolicy::default(), Some(1));
        let asked = Duration::from_secs(30);
        let delays: Vec<Duration> = (0..100).map(|_| retries.jittered(asked)).collect();
        let bounds = asked..=asked + asked / 10;
        assert!(delays.iter().all(|delay| bounds.contains(delay)));
        assert!(delays.iter().max() > delays.iter().min());
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
    fn a_policy_without_limits_is_one() {
        let policy = RetryPolicy {
            budget: u32::MAX,
            max_attempts: u32::MAX,
            base_delay: Duration::MAX,
            max_delay: Duration::MAX,
            max_retry_after: Duration::MAX,
        };
        let retries = Retries::new(&policy, Some(1));
        retries.succeeded(false);
        retries.succeeded(true);
        assert!(retries.take());
        assert!(retries.backoff(&policy, u32::MAX) < Duration::MAX);
        assert!(retries.jittered(Duration::MAX) < Duration::MAX);
        assert!(retries.jitter(Duration::MAX) < Duration::MAX);
    }

    #[test]
    fn a_spent_budget_is_earned_again() {
        let policy = RetryPolicy {
            budget: 2,
            ..RetryPolicy::default()
        };
        let retries = Retries::new(&policy, Some(1));
        assert!(retries.take() && retries.take() && !retries.take());
        (0..10).for_each(|_| retries.succeeded(false));
        assert!(retries.take() && !retries.take());
        retries.succeeded(true);
        assert!(retries.take() && !retries.take());
        (0..100).for_each(|_| retries.succeeded(true));
        assert!(retries.take() && retries.take() && !retries.take());
    }
}

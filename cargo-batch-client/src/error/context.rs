//! What is noted in an error after it was created.

use std::time::Duration;

use reqwest::Url;

use super::cause::Cause;
use super::chain::io_kind;
use super::classify::Effect;
use super::{Error, seconds};
use crate::call::Build;
use crate::operation::Operation;
use crate::time::Instant;

/// Where a request went to.
pub(super) struct Target {
    /// The host, and its port where the URL has one.
    pub host: String,
    /// The values of the parameters in the path.
    pub parameters: Vec<String>,
}

impl Target {
    fn of(url: &Url, operation: Option<&'static Operation>) -> Self {
        let host = url.host_str().unwrap_or_default();
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        // The base URL may have a path of its own before that of the operation.
        let template = operation.map_or("", |operation| operation.path);
        let names = template.rsplit('/').filter(|name| !name.is_empty());
        let values = url.path().rsplit('/');
        let mut parameters: Vec<String> = names
            .zip(values)
            .filter(|(name, _)| name.starts_with('{'))
            .map(|(_, value)| value.to_owned())
            .collect();
        parameters.reverse();
        Self { host, parameters }
    }
}

/// Why a request that may be retried was not.
pub(super) struct NotRetried {
    pub why: String,
    pub advice: &'static str,
}

impl Error {
    /// Notes where the request of a call went to. It is built once more for that, which no success has to pay for.
    pub(crate) fn of_request(self, request: Build<'_>) -> Self {
        if self.0.operation.is_none() || self.0.target.is_some() {
            return self;
        }
        match request() {
            Ok(request) => self.sent_to(request.url()),
            Err(_) => self,
        }
    }

    /// Notes which URL the request went to.
    pub(crate) fn sent_to(mut self, url: &Url) -> Self {
        self.0.target = Some(Target::of(url, self.0.operation));
        self
    }

    /// Notes which base URL the request went to.
    pub(crate) fn at(mut self, base_url: &str) -> Self {
        self.0.is_base_unusual = !base_url.split('/').any(|part| part == "v1");
        self
    }

    /// Names what it is about.
    pub(crate) fn of(mut self, name: &str) -> Self {
        self.0.subject = Some(match self.0.subject.take() {
            Some(subject) => format!("{name}: {subject}"),
            None => name.to_owned(),
        });
        self
    }

    /// Notes what it comes from.
    pub(crate) fn because(
        mut self,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        self.0.io_kind = io_kind(&source);
        self.0.source = Some(Box::new(source));
        self
    }

    pub(super) fn with_cause(mut self, source: &(dyn std::error::Error + 'static)) -> Self {
        self.0.cause = Cause::of(source);
        self
    }

    pub(super) fn with_effect(mut self, effect: Effect) -> Self {
        self.0.effect = effect;
        self
    }

    /// Notes the attempts that were made before giving up.
    pub(crate) fn after(mut self, attempts: u32, failures: u32, started: Instant) -> Self {
        self.0.attempts = attempts;
        self.0.failures = failures;
        self.0.elapsed = started.elapsed();
        self
    }

    /// Notes that no response of the server has ever come.
    pub(crate) fn of_unheard(mut self) -> Self {
        self.0.is_of_unheard = true;
        self
    }

    /// Notes that it isn't retried because too many others were.
    pub(crate) fn out_of_budget(self) -> Self {
        let why = "the budget for retries (`RetryPolicy::budget`) is spent".to_owned();
        self.not_retried(why, "Retry later, or raise the budget.")
    }

    /// Notes that it isn't retried because the server asks for a longer delay than the policy permits.
    pub(crate) fn asked_too_long(self, asked: Duration, most: Duration) -> Self {
        let why = format!(
            "the server asks to wait {}, longer than {} (`max_retry_after`)",
            seconds(asked),
            seconds(most)
        );
        self.not_retried(why, "Retry after that time, or raise `max_retry_after`.")
    }

    /// Notes that it isn't retried because there is no time left for a retry.
    pub(crate) fn out_of_time(self, asked: Option<Duration>, overall: Duration) -> Self {
        // It says so already.
        if self.0.what.is_out_of_time() {
            return self;
        }
        let limit = seconds(overall);
        let why = match asked {
            Some(asked) => format!(
                "the server asks to wait {}, longer than what is left of {limit} (`timeout`)",
                seconds(asked)
            ),
            None => format!("the next attempt would begin after {limit} (`timeout`)"),
        };
        let advice = match self.is_throttled() {
            true => "Call less often, or raise `timeout`.",
            false => "Retry later, or raise `timeout`.",
        };
        self.not_retried(why, advice)
    }

    fn not_retried(mut self, why: String, advice: &'static str) -> Self {
        self.0.not_retried.get_or_insert(NotRetried { why, advice });
        self
    }

    /// Notes that it has turned out to have no effect that costs anything, whatever the operation.
    pub(crate) fn without_effect(mut self, note: &str) -> Self {
        if self.0.effect == Effect::Unknown {
            self.0.effect = Effect::NotReceived;
        }
        self.0.note = Some(note.to_owned());
        self
    }
}

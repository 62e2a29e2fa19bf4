//! A plan of faults: which requests are hit by what.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Fault;
use crate::spec;

/// Rules that decide which requests get which fault.
///
/// The first rule that has a fault for a request applies. Every rule counts the requests it matches,
/// whatever other rules do; its decision about the n-th depends on its seed and n alone.
///
/// ```
/// use cargo_batch_sandbox::{Fault, FaultPlan, Rule};
///
/// // The first batch is created, but its response is lost; later one list in five is refused.
/// let plan = FaultPlan::new()
///     .rule(Rule::new(Fault::ResetAfterActing).on("create_batch").count(1))
///     .rule(
///         Rule::new(Fault::TooManyRequests { retry_after: Some(2), as_date: false })
///             .on("list_batches")
///             .probability(0.2)
///             .skip(3),
///     );
/// let json = r#"{ "rules": [
///     { "operation": "create_batch", "count": 1, "fault": { "kind": "resetAfterActing" } },
///     { "operation": "list_batches", "skip": 3, "probability": 0.2,
///       "fault": { "kind": "tooManyRequests", "retryAfter": 2 } }
/// ] }"#;
/// assert_eq!(FaultPlan::from_json(json)?, plan);
/// # Ok::<(), cargo_batch_sandbox::InvalidPlan>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct FaultPlan {
    /// The seed of rules without one of their own. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// A fault, and the requests it hits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// The operation, by its id in the specification (`create_batch`) or `storage_get` or
    /// `storage_put`; `api` or `storage` for all of one port; `*`, the default, for all.
    #[serde(default = "all")]
    pub operation: String,
    /// How many matching requests are let through first. Default: 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub skip: u64,
    /// The most requests that get the fault. Default: unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// The probability of the fault, from 0 to 1. Default: 1.
    #[serde(default = "certain", skip_serializing_if = "is_certain")]
    pub probability: f64,
    /// The seed of its decisions. Default: derived from the plan's seed and the rule's position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// The fault to inject.
    pub fault: Fault,
}

fn all() -> String {
    "*".to_owned()
}

fn certain() -> f64 {
    1.0
}

fn is_certain(probability: &f64) -> bool {
    *probability == 1.0
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The error of an invalid plan: names the field, the value and what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPlan(String);

impl fmt::Display for InvalidPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidPlan {}

impl FaultPlan {
    /// Creates a plan without rules.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, rule: impl Into<Rule>) -> Self {
        self.rules.push(rule.into());
        self
    }

    /// Sets the seed of rules without one of their own. Default: 1.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Parses and validates a plan.
    ///
    /// # Errors
    /// Returns an error that names the field, the value and what is expected.
    pub fn from_json(json: &str) -> Result<Self, InvalidPlan> {
        let mut reader = serde_json::Deserializer::from_str(json);
        let plan: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            match path.as_str() {
                "." => InvalidPlan(error.inner().to_string()),
                path => InvalidPlan(format!("{path}: {}", error.inner())),
            }
        })?;
        reader
            .end()
            .map_err(|error| InvalidPlan(error.to_string()))?;
        plan.check()?;
        Ok(plan)
    }

    /// Whether the fields go together.
    pub(crate) fn check(&self) -> Result<(), InvalidPlan> {
        for (place, rule) in self.rules.iter().enumerate() {
            if let Err(wrong) = rule.check() {
                return Err(InvalidPlan(format!("rules[{place}].{wrong}")));
            }
        }
        Ok(())
    }
}

impl From<Rule> for FaultPlan {
    fn from(rule: Rule) -> Self {
        Self::new().rule(rule)
    }
}

impl From<Fault> for Rule {
    fn from(fault: Fault) -> Self {
        Self::new(fault)
    }
}

impl Rule {
    /// Creates a rule that applies to every request.
    pub fn new(fault: Fault) -> Self {
        Self {
            operation: all(),
            skip: 0,
            count: None,
            probability: 1.0,
            seed: None,
            fault,
        }
    }

    /// Restricts the rule to an operation; see [`operation`](Self::operation). Default: `*`.
    #[must_use]
    pub fn on(mut self, operation: impl Into<String>) -> Self {
        self.operation = operation.into();
        self
    }

    /// Lets the first `requests` matching requests through. Default: 0.
    #[must_use]
    pub fn skip(mut self, requests: u64) -> Self {
        self.skip = requests;
        self
    }

    /// Limits how many requests get the fault. Default: unlimited.
    #[must_use]
    pub fn count(mut self, requests: u64) -> Self {
        self.count = Some(requests);
        self
    }

    /// Sets the probability of the fault, from 0 to 1. Default: 1.
    #[must_use]
    pub fn probability(mut self, probability: f64) -> Self {
        self.probability = probability;
        self
    }

    /// Sets the seed of its decisions. Default: derived from the plan's seed and the rule's position.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    fn check(&self) -> Result<(), String> {
        let operation = self.operation.as_str();
        let mut known = vec!["*", "api", "storage"];
        known.extend(STORAGE);
        known.extend(spec::operations().iter().map(|one| one.id.as_str()));
        if !known.contains(&operation) {
            let known = known.join(", ");
            return Err(format!("operation: {operation:?} is none of {known}"));
        }
        if !(0.0..=1.0).contains(&self.probability) {
            return Err(format!(
                "probability: {} is not from 0 to 1",
                self.probability
            ));
        }
        let kind = self.fault.kind();
        let only = |allowed: &[&str]| match allowed.contains(&operation) {
            true => Ok(()),
            false => Err(format!(
                "operation: a fault of kind {kind} is for {} only, not for {operation:?}",
                allowed.join(", ")
            )),
        };
        let field = |name: &str, value: &dyn fmt::Display, wanted: &str| {
            Err(format!("fault.{name}: {value} is not {wanted}"))
        };
        match &self.fault {
            Fault::ConnectionRefused { seconds } => {
                only(&PORTS)?;
                if !is_time(*seconds) {
                    return field("seconds", seconds, A_TIME);
                }
                let plain = self.skip == 0 && self.count.is_none() && self.probability == 1.0;
                if !plain {
                    let message = "skip, count and probability don't go with a fault of kind connectionRefused, \
                                   which begins when the plan is set";
                    return Err(format!("fault: {message}"));
                }
                Ok(())
            }
            Fault::CloseOnAccept => only(&PORTS),
            Fault::Stall {
                seconds: Some(seconds),
                acted: _,
            }
            | Fault::ActLate {
                seconds,
                respond: _,
            }
            | Fault::IdleClose { seconds }
            | Fault::StrayBytes { seconds, bytes: _ } => match is_time(*seconds) {
                true => Ok(()),
                false => field("seconds", seconds, A_TIME),
            },
            Fault::Trickle { bytes: 0, .. } => field("bytes", &0, "a number from 1 on"),
            Fault::WrongLength { by: 0 } => field("by", &0, "another number than that"),
            Fault::ApiError { status, .. } | Fault::EarlyResponse { status } => {
                match (300..600).contains(status) {
                    true => Ok(()),
                    false => field("status", status, "from 300 to 599"),
                }
            }
            Fault::DuplicatePage { .. } | Fault::ReorderedPage => only(&PAGES),
            Fault::ExpiredUrl => only(&["storage", "storage_get", "storage_put"]),
            Fault::ChangedContent => only(&["storage_get"]),
            Fault::RevokeToken
                if ["storage", "storage_get", "storage_put"].contains(&operation) =>
            {
                Err(format!(
                    "operation: a fault of kind {kind} is not for {operation:?}, which takes no token"
                ))
            }
            Fault::ResetBeforeReading
            | Fault::ResetBeforeActing
            | Fault::ResetAfterActing
            | Fault::Stall { seconds: None, .. }
            | Fault::RefusedStream { .. }
            | Fault::GoAway { .. }
            | Fault::Trickle { .. }
            | Fault::Truncate { .. }
            | Fault::WrongLength { .. }
            | Fault::BadGateway { .. }
            | Fault::GatewayTimeout { .. }
            | Fault::ServerError { .. }
            | Fault::TooManyRequests { .. }
            | Fault::Unavailable { .. }
            | Fault::RevokeToken
            | Fault::InvalidJson
            | Fault::UnknownStatus { .. }
            | Fault::UnknownKind { .. }
            | Fault::ExtraFields => Ok(()),
        }
    }
}

/// The operations of storage.
const STORAGE: [&str; 2] = ["storage_get", "storage_put"];

/// What names a whole port.
const PORTS: [&str; 3] = ["*", "api", "storage"];

/// What returns a page; of other operations these faults change nothing.
const PAGES: [&str; 4] = ["list_batches", "list_runs", "api", "*"];

const A_TIME: &str = "a number of seconds, from 0 to 1000000000";

fn is_time(seconds: f64) -> bool {
    (0.0..=1e9).contains(&seconds)
}

//! What happened, in words.

use std::fmt;
use std::time::Duration;

use super::seconds;
use crate::config::Timing;

/// What happened, as far as the words don't depend on where the request went to.
#[derive(Debug)]
pub(super) enum What {
    Text(String),
    /// No connection came up.
    NoConnection,
    /// No connection came up within `connect_timeout`.
    ConnectTimeout,
    /// A connection closed, or refused the request, before that was written to it.
    NotSent,
    ConnectionLost,
    /// The HTTP library, or the system, gave a connection up.
    ConnectionTimedOut,
    TimedOut(TimeLimit),
    /// The server has refused other requests with 429 for longer than there is time.
    HeldBack(TimeLimit),
}

/// The setting that limited how long something took.
#[derive(Clone, Copy, Debug)]
pub(super) enum TimeLimit {
    Attempt(Duration),
    Overall {
        /// What earlier attempts had left of it.
        left: Duration,
        all: Duration,
    },
}

impl TimeLimit {
    /// Returns which setting ended an attempt after so long.
    pub fn of(limit: Duration, timing: Timing) -> Self {
        match limit < timing.attempt {
            true => Self::Overall {
                left: limit,
                all: timing.overall,
            },
            false => Self::Attempt(limit),
        }
    }

    pub fn overall(timing: Timing) -> Self {
        Self::Overall {
            left: timing.overall,
            all: timing.overall,
        }
    }

    fn setting(self) -> String {
        match self {
            Self::Attempt(_) => "`attempt_timeout`".to_owned(),
            // The clock has moved since the call began.
            Self::Overall { left, all } if left.is_zero() || seconds(left) == seconds(all) => {
                "`timeout`".to_owned()
            }
            Self::Overall { all, .. } => format!("the rest of the `timeout` of {}", seconds(all)),
        }
    }

    pub fn advice(self) -> &'static str {
        match self {
            Self::Attempt(_) => {
                "Raise `attempt_timeout` if the server is known to take longer for this."
            }
            Self::Overall { .. } => {
                "Raise `timeout` if the server is known to take longer for this."
            }
        }
    }
}

/// How long that was.
impl fmt::Display for TimeLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attempt(time) | Self::Overall { left: time, .. } => f.write_str(&seconds(*time)),
        }
    }
}

impl What {
    /// Writes it; `peer` is the host that the request went to.
    pub fn write(&self, f: &mut fmt::Formatter<'_>, peer: &str) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::NoConnection => write!(f, "could not connect to {peer}"),
            Self::ConnectTimeout => {
                write!(f, "could not connect to {peer} within `connect_timeout`")
            }
            Self::NotSent => write!(f, "connection to {peer} closed before the request was sent"),
            Self::ConnectionLost => write!(f, "connection to {peer} lost"),
            Self::ConnectionTimedOut => write!(f, "connection to {peer} timed out"),
            Self::TimedOut(TimeLimit::Overall { left, all }) if left.is_zero() => {
                write!(f, "not sent within {}", seconds(*all))
            }
            Self::TimedOut(limit) => {
                write!(f, "no complete response from {peer} within {limit}")
            }
            Self::HeldBack(limit) => write!(
                f,
                "not sent within {limit}, as {peer} asks for fewer requests with 429"
            ),
        }
    }

    /// Returns the setting that limited it.
    pub fn setting(&self) -> Option<String> {
        match self {
            Self::TimedOut(limit) | Self::HeldBack(limit) => Some(limit.setting()),
            _ => None,
        }
    }

    /// Returns whether `timeout` has passed.
    pub fn is_out_of_time(&self) -> bool {
        let limit = match self {
            Self::TimedOut(limit) | Self::HeldBack(limit) => limit,
            _ => return false,
        };
        matches!(limit, TimeLimit::Overall { .. })
    }

    /// Returns whether it is about a connection, or about a time limit of one.
    pub fn is_of_connection(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::HeldBack(_))
    }
}

/// Returns a number of bytes, in a larger unit where that is exact.
pub(super) fn size(bytes: usize) -> String {
    const UNITS: [(usize, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let exact = |(unit, _): &&(usize, &str)| bytes > 0 && bytes.is_multiple_of(*unit);
    match UNITS.iter().find(exact) {
        Some((unit, name)) => format!("{} {name}", bytes / unit),
        None => format!("{bytes} bytes"),
    }
}

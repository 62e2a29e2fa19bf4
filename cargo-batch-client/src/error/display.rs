//! Errors as text: in `Display` for a person, in `Debug` for a log.

use std::fmt;

use super::{Error, ErrorKind, seconds};
use crate::redact::escaped;

/// The longest word of a server, such as a reason or the name of a request.
const WORD: usize = 100;

/// What was attempted, what came back and what to do. The sources are not repeated, so that reports
/// of the whole chain say nothing twice; `{:#}` is such a report.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        if let Some(operation) = inner.operation {
            write!(f, "{operation}: ")?;
        }
        f.write_str(&inner.what)?;
        if let Some(refusal) = &inner.refusal {
            if let Some(reason) = &refusal.reason {
                write!(f, ", {}", self.word(reason.as_str()))?;
            }
            if let Some(reason) = &refusal.data_reason {
                write!(f, " ({})", self.word(reason.as_str()))?;
            }
            if let Some(message) = &refusal.message {
                // What comes after it has a full stop of its own.
                write!(f, ": {}", message.trim_end_matches('.'))?;
            }
        }
        if f.alternate() {
            let mut source = std::error::Error::source(self);
            while let Some(error) = source {
                // Not all of them are our own words.
                write!(f, ": {}", inner.hide.redact(&error.to_string()))?;
                source = error.source();
            }
        }
        let details = self.details();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        if let Some(advice) = self.advice() {
            // Without a full stop: reports of a chain go on with its sources.
            write!(f, ". {}", advice.trim_end_matches('.'))?;
        }
        Ok(())
    }
}

impl Error {
    /// A word of a server, fit to be shown.
    fn word(&self, text: &str) -> String {
        escaped(&self.0.hide.redact(text), WORD)
    }

    fn details(&self) -> Vec<String> {
        /// More than these are in the error itself.
        const SHOWN: usize = 5;
        let inner = &*self.0;
        let mut details = Vec::new();
        if let Some(batch) = self.created() {
            details.push(format!("batch {batch} was created"));
        }
        if let Some(run) = self.created_run() {
            details.push(format!("run {run} was created"));
        }
        let is_open = inner.kind != ErrorKind::InvalidRequest;
        if !inner.candidates.is_empty() && is_open {
            let shown = inner.candidates.iter().take(SHOWN);
            let uuids: Vec<String> = shown.map(|batch| batch.uuid.to_string()).collect();
            let more = match inner.candidates.len().saturating_sub(SHOWN) {
                0 => String::new(),
                more => format!(" or one of {more} more"),
            };
            let joined = match inner.kind {
                ErrorKind::CreatedTwice => uuids.join(" and "),
                _ => format!("it may be {}", uuids.join(" or ")),
            };
            details.push(format!("{joined}{more}"));
        }
        if let Some(note) = &inner.note {
            details.push(note.clone());
        }
        if inner.attempts > 1 {
            details.push(format!(
                "{} attempts in {}",
                inner.attempts,
                seconds(inner.elapsed)
            ));
        }
        if let Some(id) = self.request_id() {
            details.push(format!("request {}", self.word(id)));
        }
        details
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        let candidates: Vec<_> = inner.candidates.iter().map(|batch| batch.uuid).collect();
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("operation", &inner.operation.map(|operation| operation.id))
            .field("status", &self.status())
            .field("text", &format_args!("\"{self}\""))
            .field("attempts", &inner.attempts)
            .field("elapsed", &inner.elapsed)
            .field("candidates", &candidates)
            .field("source", &inner.source)
            .finish_non_exhaustive()
    }
}

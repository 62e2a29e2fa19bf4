//! Errors as text: in `Display` for a person, in `Debug` for a log and for what `main` returns.

use std::borrow::Cow;
use std::fmt::{self, Write};

use super::{Error, ErrorKind, seconds};
use crate::redact::escaped;

/// The longest word of a server, such as a reason or a request ID.
const WORD: usize = 100;

/// The operation, what happened, the attempts, and the advice last. The sources are not repeated, so that reports of
/// the chain say nothing twice; `{:#}` is such a report.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.summary(f)?;
        let details = self.details();
        if !details.is_empty() {
            write!(f, " ({})", details.join(", "))?;
        }
        if f.alternate() {
            let mut source = std::error::Error::source(self);
            while let Some(error) = source {
                let text = match error.downcast_ref::<Self>() {
                    // Its advice would stand in the middle.
                    Some(error) => Summary(error).to_string(),
                    None => error.to_string(),
                };
                // Not all of them are our own words.
                write!(f, ": {}", self.0.hide.redact(&text))?;
                source = error.source();
            }
        }
        if let Some(not_retried) = &self.0.not_retried {
            write!(f, "; not retried: {}", not_retried.why)?;
        }
        if let Some(failure) = &self.0.search_failure {
            write!(f, "; the search for the batch failed: {failure}")?;
        }
        self.write_advice(f)
    }
}

/// One line, as a log and what `main` returns need it; `{:#?}` has the fields.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            return write!(f, "{self:#}");
        }
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

/// What failed, without details and advice.
struct Summary<'a>(&'a Error);

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.summary(f)
    }
}

impl Error {
    /// Returns what failed, without details and advice.
    pub(crate) fn brief(&self) -> String {
        Summary(self).to_string()
    }

    /// Returns what failed and what to do about it, without details.
    pub(super) fn report(&self) -> String {
        struct Report<'a>(&'a Error);
        impl fmt::Display for Report<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.summary(f)?;
                self.0.write_advice(f)
            }
        }
        Report(self).to_string()
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        match inner.operation {
            Some(_) if inner.kind == ErrorKind::DeadlineExceeded => {
                f.write_str("deadline exceeded: ")?;
            }
            Some(operation) => {
                f.write_str(operation.id)?;
                self.parameters(f)?;
                f.write_str(": ")?;
            }
            None => {}
        }
        if let Some(subject) = &inner.subject {
            write!(f, "{subject}: ")?;
        }
        inner.what.write(f, &self.peer())?;
        // The source says it better.
        let follows = inner.kind == ErrorKind::Io && f.alternate();
        match (&inner.cause, &inner.io_kind) {
            (Some(cause), _) => write!(f, ": {cause}")?,
            (None, Some(kind)) if !follows => write!(f, ": {kind}")?,
            _ => {}
        }
        if inner.what.is_of_connection() {
            self.position(f)?;
        }
        self.refusal(f)?;
        if let Some(batch) = self.created() {
            write!(f, ", but batch {batch} was created")?;
        }
        if let Some(run) = self.created_run() {
            write!(f, ", but run {run} was created")?;
        }
        Ok(())
    }

    /// Writes the parameters of the path that nothing else names.
    fn parameters(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(target) = &self.0.target else {
            return Ok(());
        };
        let subject = self.0.subject.as_deref().unwrap_or_default();
        let values = target.parameters.iter().map(|value| self.word(value));
        let values: Vec<String> = values.filter(|value| !subject.contains(value)).collect();
        match values.is_empty() {
            true => Ok(()),
            false => write!(f, " ({})", values.join(", ")),
        }
    }

    /// Returns which server it is about.
    fn peer(&self) -> Cow<'static, str> {
        match (self.0.is_of_storage, &self.0.target) {
            (true, Some(target)) => format!("storage at {}", target.host).into(),
            (true, None) => "storage".into(),
            (false, Some(target)) => target.host.clone().into(),
            (false, None) => "the server".into(),
        }
    }

    /// Writes how far a transfer had come.
    fn position(&self, f: &mut dyn Write) -> fmt::Result {
        match self.0.position {
            Some((received, Some(total))) => write!(f, " after {received} of {total} bytes"),
            Some((received, None)) => write!(f, " after {received} bytes"),
            None => Ok(()),
        }
    }

    /// Writes the reasons and the message of the server.
    fn refusal(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(refusal) = &self.0.refusal else {
            return Ok(());
        };
        let reason = refusal.reason.as_ref().map(|reason| reason.as_str());
        let data = refusal.data_reason.as_ref().map(|reason| reason.as_str());
        match (reason, data) {
            (Some(reason), Some(data)) => {
                write!(f, " ({}: {})", self.word(reason), self.word(data))?;
            }
            (Some(word), None) | (None, Some(word)) => write!(f, " ({})", self.word(word))?,
            (None, None) => {}
        }
        let message = refusal.message.as_deref().unwrap_or_default();
        // What comes after it has a full stop of its own.
        let message = message.trim().trim_end_matches('.');
        let status = self.status();
        let says_nothing = message.is_empty()
            || [
                reason,
                data,
                status.and_then(|status| status.canonical_reason()),
            ]
            .into_iter()
            .flatten()
            .any(|known| message.eq_ignore_ascii_case(known))
            || status.is_some_and(|status| message.eq_ignore_ascii_case(&status.to_string()));
        match says_nothing {
            true => Ok(()),
            false => write!(f, ": {message}"),
        }
    }

    fn write_advice(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.advice() {
            // Without a full stop: reports of a chain continue with its sources.
            Some(advice) => write!(f, ". {}", advice.trim_end_matches('.')),
            None => Ok(()),
        }
    }

    /// Returns a word of a server, fit to be shown.
    fn word(&self, text: &str) -> String {
        escaped(&self.0.hide.redact(text), WORD)
    }

    fn details(&self) -> Vec<String> {
        /// More than these are in the error itself.
        const SHOWN: usize = 5;
        let inner = &*self.0;
        let mut details = Vec::new();
        if !inner.candidates.is_empty() && inner.kind != ErrorKind::InvalidRequest {
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
        if !inner.what.is_of_connection() {
            let mut position = String::new();
            // Writing to a text doesn't fail.
            let _ = self.position(&mut position);
            if !position.is_empty() {
                details.push(position.trim_start().to_owned());
            }
        }
        details.extend(inner.what.setting());
        if inner.is_too_long {
            details.push("`max_response_bytes`".to_owned());
        }
        let time = seconds(inner.elapsed);
        match inner.attempts {
            0 => {}
            1 if inner.is_undecided => details.push(format!("1 attempt and a search in {time}")),
            1 => {}
            more if inner.is_undecided => {
                details.push(format!("{more} attempts and a search in {time}"));
            }
            more => details.push(format!("{more} attempts in {time}")),
        }
        if self.blames_address()
            && let Some(target) = &inner.target
        {
            details.push(format!("host {}", target.host));
        }
        if let Some(id) = self.request_id() {
            details.push(format!("request {}", self.word(id)));
        }
        details
    }
}

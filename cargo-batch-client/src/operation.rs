//! What the specification says of an operation, as plain data.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::Error;

/// An operation of the API and how it behaves; the table of all is [`crate::operations`].
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// `create_batch`.
    pub id: &'static str,
    /// How it is called.
    pub method: Method,
    /// Its path below the base URL, with the names of its parameters.
    pub path: &'static str,
    /// Sending it again does no harm, so it is, when nobody knows whether it arrived.
    pub idempotent: bool,
    /// It starts something that spends credits: where the id of that stands in the response, field by field.
    pub creates: Option<&'static [&'static str]>,
    /// How to wait for what it reads to end.
    pub waiter: Option<Waiter>,
    /// How its list is paged.
    pub pagination: Option<Pagination>,
}

impl Operation {
    /// An operation that is newer than this crate, to be called with
    /// [`Client::request`](crate::Client::request).
    pub const fn new(
        id: &'static str,
        method: Method,
        path: &'static str,
        idempotent: bool,
    ) -> Self {
        Self {
            id,
            method,
            path,
            idempotent,
            creates: None,
            waiter: None,
            pagination: None,
        }
    }

    /// Returns where the id of the batch stands that the operation creates.
    pub(crate) fn path_of_batch(&self) -> Option<&'static [&'static str]> {
        self.path_of("batch")
    }

    /// Returns where the id of the run stands that the operation creates.
    pub(crate) fn path_of_run(&self) -> Option<&'static [&'static str]> {
        self.path_of("run")
    }

    fn path_of(&self, what: &str) -> Option<&'static [&'static str]> {
        self.creates.filter(|path| path.first() == Some(&what))
    }

    /// Returns a value as it stands in the operation's path: escaped, a date in RFC 3339, a number or a boolean as
    /// JSON writes it.
    ///
    /// ```
    /// use cargo_batch_client::operation::{Method, Operation};
    ///
    /// static GET_TAG: Operation = Operation::new("get_tag", Method::GET, "/tags/{name}", true);
    /// assert_eq!(GET_TAG.segment("a/b")?, "a%2Fb");
    /// assert!(GET_TAG.segment("..").is_err());
    /// # Ok::<(), cargo_batch_client::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) for an empty text and for `.` and `..`, which would call
    /// another operation, and for what has no single spelling, such as a list.
    pub fn segment(&'static self, value: &(impl Serialize + ?Sized)) -> Result<String, Error> {
        let refused = |why: String| Error::invalid_request(self, why);
        let text = match serde_json::to_value(value) {
            Ok(Value::String(text)) => text,
            Ok(value @ (Value::Bool(_) | Value::Number(_))) => value.to_string(),
            Ok(other) => return Err(refused(format!("{other} can't be a part of a path"))),
            Err(error) => return Err(refused(error.to_string())),
        };
        match text.as_str() {
            "" | "." | ".." => Err(refused(format!("{text:?} can't be a part of a path"))),
            text => Ok(progenitor_client::encode_path(text)),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} {})", self.id, self.method.as_str(), self.path)
    }
}

/// An HTTP method, spelled as HTTP spells it.
#[allow(clippy::upper_case_acronyms)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Reads.
    GET,
    /// Acts, or reads what a query string can't ask for.
    POST,
    /// Replaces.
    PUT,
    /// Changes a part.
    PATCH,
    /// Deletes.
    DELETE,
}

impl Method {
    /// Returns the method as HTTP spells it, such as `GET`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::GET => "GET",
            Self::POST => "POST",
            Self::PUT => "PUT",
            Self::PATCH => "PATCH",
            Self::DELETE => "DELETE",
        }
    }
}

/// How to wait for a job to end.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Waiter {
    /// Between two polls.
    pub interval: Duration,
    /// Between two polls of a large job.
    pub slow: Option<SlowPolling>,
}

/// The slower pace for large jobs.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowPolling {
    /// Between two polls.
    pub interval: Duration,
    /// When it starts.
    pub after: Duration,
    /// How many runs make a job large.
    pub from_runs: u64,
}

/// How a list is paged: by a limit and an offset.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pagination {
    /// Items asked for at once.
    pub page_size: u64,
}

//! What the specification says of an operation, as plain data.

use std::fmt;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use crate::Error;

/// An operation of the API and its behaviour; the table of all is [`crate::operations`].
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// Its name, which is that of its method: `create_batch`.
    pub id: &'static str,
    /// Its HTTP method.
    pub method: Method,
    /// Its path below the base URL, with the names of its parameters.
    pub path: &'static str,
    /// Whether repeating it does no harm. Only then is it retried when it is unknown whether a request has reached the
    /// server.
    pub idempotent: bool,
    /// Whether it starts something that spends credits: the path of the id of that in the response, field by field.
    pub creates: Option<&'static [&'static str]>,
    /// How to wait until what it reads has finished; [`Watch`](crate::Watch) polls by it.
    pub waiter: Option<Waiter>,
    /// How its list is paged; [`Pages`](crate::Pages) reads by it.
    pub pagination: Option<Pagination>,
}

impl Operation {
    /// Describes an operation that is newer than this crate, to be called with
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

    /// Returns the path of the id of the batch that the operation creates.
    pub(crate) fn path_of_batch(&self) -> Option<&'static [&'static str]> {
        self.path_of("batch")
    }

    /// Returns the path of the id of the run that the operation creates.
    pub(crate) fn path_of_run(&self) -> Option<&'static [&'static str]> {
        self.path_of("run")
    }

    fn path_of(&self, what: &str) -> Option<&'static [&'static str]> {
        self.creates.filter(|path| path.first() == Some(&what))
    }

    /// Returns a value as a segment of the operation's path: escaped, a date in RFC 3339, a number or a boolean as
    /// in JSON.
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

/// An HTTP method, spelled as in HTTP.
#[allow(clippy::upper_case_acronyms)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// Reads.
    GET,
    /// Acts, or reads what a query string can't express.
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

/// How to wait for a batch or a run: how often it is polled.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
#[doc(alias = "poll")]
pub struct Waiter {
    /// The interval between two polls.
    pub interval: Duration,
    /// A longer interval for large batches; `None` where there is none.
    pub slow: Option<SlowPolling>,
}

/// The longer poll interval of large batches.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SlowPolling {
    /// The interval between two polls.
    pub interval: Duration,
    /// How long a batch has been watched when it begins to apply.
    pub after: Duration,
    /// The number of runs from which a batch is large.
    pub from_runs: u64,
}

/// How a list is paged: by a limit and an offset.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pagination {
    /// The number of items on a page, unless the request sets a limit.
    pub page_size: u64,
}

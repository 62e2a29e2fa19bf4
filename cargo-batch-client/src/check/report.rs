//! What a check has found.

use std::fmt;

use cargo_batch_types::FormField;

use crate::{Error, operations};

/// The result of a check before a batch is paid for; returned by [`Client::check`](crate::Client::check).
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The number of records; `None` where it isn't known.
    pub count: Option<u64>,
    /// The tool or the play that runs, in words; `None` where it isn't known.
    pub workflow: Option<String>,
    /// The names of the columns of the file, or of the fields of the records; empty for other data.
    pub columns: Vec<String>,
    /// The form fields that the columns were checked against; empty where there are none.
    pub form_fields: Vec<FormField>,
    /// The credits of the period that are left, without those that were bought besides; `None` where it isn't
    /// known.
    pub credits_left: Option<f64>,
    /// What was found, or couldn't be checked.
    pub problems: Vec<Problem>,
}

/// One thing that a check has found, or couldn't check.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The severity.
    pub severity: Severity,
    /// The part of the request that it is about.
    pub subject: Subject,
    /// What is wrong, and what to do.
    pub message: String,
}

/// How bad a [`Problem`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// It couldn't be checked.
    Unknown,
    /// The batch can be created, maybe not as it is meant.
    Warning,
    /// The batch would be refused, or its runs would fail.
    Error,
}

/// What a [`Problem`] is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Subject {
    /// The request itself.
    Request,
    /// The workflow, and whether it takes data of this kind.
    Workflow,
    /// The columns of the file, or the fields of the records.
    Columns,
    /// The number of records.
    Count,
    /// The credits that are left.
    Credits,
}

impl Report {
    /// Returns whether nothing was found that keeps the batch from running: no problem is an
    /// [`Error`](Severity::Error).
    pub fn is_ok(&self) -> bool {
        self.errors().next().is_none()
    }

    /// Returns the report where it [is ok](Self::is_ok): a gate before a creation.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::CreateBatchRequest};
    /// # async fn run(client: Client, request: CreateBatchRequest) -> Result<(), Error> {
    /// let report = client.check(&request).await?.require()?;
    /// println!("{report}");
    /// client.create_batch_once(request).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) with all problems that are errors.
    pub fn require(self) -> Result<Self, Error> {
        if self.is_ok() {
            return Ok(self);
        }
        let messages: Vec<&str> = self.errors().map(|it| it.message.as_str()).collect();
        let what = format!("the check before the batch failed: {}", messages.join("; "));
        Err(Error::invalid_request(&operations::CREATE_BATCH, what))
    }

    fn errors(&self) -> impl Iterator<Item = &Problem> {
        let mut problems = self.problems.iter();
        std::iter::from_fn(move || problems.find(|it| it.severity == Severity::Error))
    }

    pub(super) fn add(&mut self, severity: Severity, subject: Subject, message: impl Into<String>) {
        self.problems.push(Problem {
            severity,
            subject,
            message: message.into(),
        });
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => "unknown",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Request => "request",
            Self::Workflow => "workflow",
            Self::Columns => "columns",
            Self::Count => "records",
            Self::Credits => "credits",
        })
    }
}

/// The severity, the subject and the message.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.severity, self.subject, self.message)
    }
}

/// What is known in a line, and a line for each problem, the worst first.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.is_ok() {
            true => "ready: ",
            false => "not ready: ",
        })?;
        match self.count {
            Some(1) => f.write_str("1 record")?,
            Some(count) => write!(f, "{count} records")?,
            None => f.write_str("an unknown number of records")?,
        }
        if let Some(workflow) = &self.workflow {
            write!(f, " for {workflow}")?;
        }
        match self.credits_left {
            Some(credits) => write!(f, ", {credits:.2} credits left")?,
            None => f.write_str(", credits left: unknown")?,
        }
        let mut problems: Vec<&Problem> = self.problems.iter().collect();
        problems.sort_by_key(|it| std::cmp::Reverse(it.severity));
        problems.iter().try_for_each(|it| write!(f, "\n{it}"))
    }
}

/// The kind of an [`Error`](crate::Error), as [`Error::kind`](crate::Error::kind) returns it.
///
/// The kind says what failed. Whether a request may be retried, and whether credits may have been spent, depends on
/// the operation as well: see [`is_retryable`](crate::Error::is_retryable),
/// [`is_ambiguous`](crate::Error::is_ambiguous) and [`may_have_spent`](crate::Error::may_have_spent). A table of all
/// kinds is in the [guide](crate::guide::errors).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The client can't be built, or used here, as it is configured: a base URL, a token, a certificate, a proxy, TLS,
    /// or no tokio runtime. Nothing was sent.
    Configuration,
    /// A parameter doesn't have the form it needs, or a creation must not be sent as it is. Nothing was sent.
    InvalidRequest,
    /// The server accepted no token (status 401), or the [`TokenProvider`](crate::TokenProvider) returned none.
    ///
    /// A token that has expired is renewed once, and the request retried, before this is returned.
    Unauthorized,
    /// No connection: the request is known not to have reached the server. Always
    /// [retryable](crate::Error::is_retryable).
    Connect,
    /// The connection was lost, or a time limit was reached: the request may have reached the server.
    ///
    /// [`Error::is_timeout`](crate::Error::is_timeout) distinguishes the two. Retried where the operation is
    /// idempotent; otherwise [ambiguous](crate::Error::is_ambiguous).
    Interrupted,
    /// The server returned a status that is not a success, other than 401; or storage did, for a signed URL.
    ///
    /// [`Error::status`](crate::Error::status) and [`Error::reason`](crate::Error::reason) say more.
    Status,
    /// The server returned a success with a body that can't be used: it isn't JSON, a field has another type, it is
    /// longer than [`max_response_bytes`](crate::ClientBuilder::max_response_bytes), a list doesn't end, or a file is
    /// not what was requested.
    InvalidResponse,
    /// A watch reached its [`deadline`](crate::Watch::deadline). The batch continues on the server.
    DeadlineExceeded,
    /// A file, reader or writer of the caller failed. The [source](std::error::Error::source) is the
    /// [`std::io::Error`].
    Io,
    /// A [guard](crate::BatchCreation::guard) did not permit the request, or the sending form could not be stored. The
    /// request was not sent.
    Superseded,
    /// A batch would have more records than [`max_records`](crate::BatchCreation::max_records) permits. The request
    /// was not sent.
    TooManyRecords,
    /// A creation ended with two batches, which both run: the [candidates](crate::Error::candidates).
    CreatedTwice,
    /// Nothing has the name that was [searched for](crate::Catalog::find).
    NotFound,
    /// Several have the name that was [searched for](crate::Catalog::find).
    NotUnique,
    /// A batch spent more than [`max_credits`](crate::Watch::max_credits) of its watch permits. It was cancelled, unless
    /// the error has a [source](std::error::Error::source), which says why that failed.
    CreditsExceeded,
}

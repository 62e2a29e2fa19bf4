//! What a failure means for the request: may it be sent again, was nothing created, or is that unknown?
//!
//! Money hangs on this page: a creation is sent again only after [`Effect::NotReceived`].

use crate::Reason;

/// What a failed request can have done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// No server has the request: it may be sent again.
    NotReceived,
    /// The server decided: nothing was created.
    Decided,
    /// The server may have acted: search before anything else.
    Unknown,
}

/// How a request failed, as far as its effect depends on it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Failure<'a> {
    /// A response with a status other than 2XX.
    Status(u16, Option<&'a Reason>),
    /// No response, for this cause; `true` where the request has a body.
    Transport(&'a (dyn std::error::Error + 'static), bool),
    /// A time limit; `true` where a connection of this client had ever come up.
    TimeLimit(bool),
    /// A response that was not read to its end, or that can't be understood.
    InvalidResponse,
}

/// Decides what a failure means.
pub(crate) fn classify(failure: Failure<'_>) -> Effect {
    use Effect::{Decided, NotReceived, Unknown};
    match failure {
        Failure::Status(_, Some(reason)) if reason.is_ambiguous() => Unknown,
        // A convention, and no proof.
        Failure::Status(429, _) => NotReceived,
        // What came too late for a proxy, or for a client that had gone, may have arrived all the same.
        Failure::Status(408 | 499, None) => Unknown,
        Failure::Status(408 | 499, Some(reason)) if !reason.is_known() => Unknown,
        Failure::Status(400..=499, _) => Decided,
        Failure::Status(_, Some(reason)) if reason.is_known() => Decided,
        // Also 503 with `Retry-After`, which proxies write on every failure of the server behind them.
        Failure::Status(..) => Unknown,
        Failure::Transport(cause, has_body) if never_arrived(cause, has_body) => NotReceived,
        Failure::Transport(..) => Unknown,
        // Where nothing ever came up, the limit ended a connection that was being made.
        Failure::TimeLimit(false) => NotReceived,
        Failure::TimeLimit(true) | Failure::InvalidResponse => Unknown,
    }
}

/// Returns whether the HTTP library itself says that the request wasn't begun, or a server that it took
/// none after another.
#[cfg(not(target_arch = "wasm32"))]
fn never_arrived(cause: &(dyn std::error::Error + 'static), has_body: bool) -> bool {
    let mut next = Some(cause);
    while let Some(error) = next {
        let is_connect = error
            .downcast_ref::<reqwest::Error>()
            .is_some_and(reqwest::Error::is_connect);
        let is_canceled = error
            .downcast_ref::<hyper::Error>()
            .is_some_and(hyper::Error::is_canceled);
        // Not REFUSED_STREAM, which haproxy also says of requests that were acted on.
        let is_go_away = error.downcast_ref::<h2::Error>().is_some_and(|error| {
            error.is_go_away() && error.is_remote() && error.reason() == Some(h2::Reason::NO_ERROR)
        });
        if is_connect || is_canceled || (is_go_away && has_body) {
            return true;
        }
        next = error.source();
    }
    false
}

/// A browser doesn't say.
#[cfg(target_arch = "wasm32")]
fn never_arrived(_: &(dyn std::error::Error + 'static), _: bool) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations::{CREATE_BATCH, GET_BATCH};

    #[test]
    fn a_status_means_what_the_specification_says() {
        use Effect::{Decided, NotReceived, Unknown};
        let known = Reason::read(&CREATE_BATCH, "notEnoughCredits");
        let ambiguous = Reason::read(&CREATE_BATCH, "failedToStart");
        let unknown = Reason::read(&CREATE_BATCH, "somethingNew");
        let other = Reason::read(&GET_BATCH, "notEnoughCredits");
        for (status, reason, effect) in [
            (429, None, NotReceived),
            (429, Some(&ambiguous), Unknown),
            (400, None, Decided),
            (400, Some(&known), Decided),
            (400, Some(&unknown), Decided),
            (400, Some(&ambiguous), Unknown),
            (401, None, Decided),
            (404, None, Decided),
            (408, None, Unknown),
            (408, Some(&unknown), Unknown),
            (413, None, Decided),
            (425, None, Decided),
            (499, None, Unknown),
            (500, None, Unknown),
            (500, Some(&known), Decided),
            (500, Some(&unknown), Unknown),
            (500, Some(&other), Unknown),
            (500, Some(&ambiguous), Unknown),
            (502, None, Unknown),
            (503, None, Unknown),
            (504, None, Unknown),
            (599, None, Unknown),
            (101, None, Unknown),
            (302, None, Unknown),
            (302, Some(&known), Decided),
        ] {
            assert_eq!(
                classify(Failure::Status(status, reason)),
                effect,
                "{status} {reason:?}"
            );
        }
    }

    #[test]
    fn a_time_limit_is_unknown_once_a_connection_came_up() {
        assert_eq!(classify(Failure::TimeLimit(false)), Effect::NotReceived);
        assert_eq!(classify(Failure::TimeLimit(true)), Effect::Unknown);
        assert_eq!(classify(Failure::InvalidResponse), Effect::Unknown);
    }

    #[test]
    fn an_error_of_another_library_is_unknown() {
        let error = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert_eq!(classify(Failure::Transport(&error, true)), Effect::Unknown);
    }
}

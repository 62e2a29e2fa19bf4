//! Spans for operations and attempts, with the field names of OpenTelemetry; nothing at all without
//! the feature `tracing`.
//!
//! A span names the operation, never the URL with its parameters, a header or a body.

#[cfg(feature = "tracing")]
mod on {
    use std::future::Future;

    use reqwest::StatusCode;
    use tracing::field::Empty;
    use tracing::{Instrument, Span, info_span};

    use crate::operation::Operation;
    use crate::response::Answer;
    use crate::{Error, Response};

    /// All attempts of an operation, and what was read in the end.
    pub async fn operation<T>(
        operation: &'static Operation,
        call: impl Future<Output = Result<Response<T>, Error>>,
    ) -> Result<Response<T>, Error> {
        let span = info_span!(
            "cargo_batch.operation",
            otel.name = operation.id,
            otel.kind = "client",
            http.request.method = operation.method.as_str(),
            url.template = operation.path,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        observed(span, call, Response::status).await
    }

    /// One attempt.
    pub async fn attempt(
        number: u32,
        exchange: impl Future<Output = Result<Answer, Error>>,
    ) -> Result<Answer, Error> {
        let span = info_span!(
            "cargo_batch.attempt",
            http.request.resend_count = number - 1,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        observed(span, exchange, |answer| answer.status).await
    }

    async fn observed<T>(
        span: Span,
        exchange: impl Future<Output = Result<T, Error>>,
        status: impl FnOnce(&T) -> StatusCode,
    ) -> Result<T, Error> {
        let done = exchange.instrument(span.clone()).await;
        let status = match &done {
            Ok(answer) => Some(status(answer)),
            Err(error) => {
                span.record("error.type", tracing::field::debug(error.kind()));
                error.status()
            }
        };
        if let Some(status) = status {
            span.record("http.response.status_code", status.as_u16());
        }
        done
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use crate::operation::Operation;

    // Not `async`, so that the future is handed through as it is: one that is given to an async
    // function is kept in it twice, and these are large.

    pub fn operation<F>(_: &'static Operation, call: F) -> F {
        call
    }

    pub fn attempt<F>(_: u32, exchange: F) -> F {
        exchange
    }
}

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{attempt, operation};
#[cfg(feature = "tracing")]
pub(crate) use on::{attempt, operation};

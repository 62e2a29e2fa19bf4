//! Spans and events, by the conventions of OpenTelemetry for HTTP clients; nothing at all without the feature
//! `tracing`.
//!
//! A span names the operation and the host, never the URL with its parameters, a header or a body.

#[cfg(feature = "tracing")]
mod on {
    use std::future::Future;
    use std::time::Duration;

    use cargo_batch_types::BatchUuid;
    use reqwest::{Method, StatusCode, Url};
    use tracing::field::{Empty, debug, display};
    use tracing::instrument::Instrumented;
    use tracing::{Instrument, Span, info, info_span, warn};

    use crate::creation::CreationId;
    use crate::operation::Operation;
    use crate::response::RawResponse;
    use crate::{Error, Response};

    /// All attempts of an operation, and what was read in the end.
    pub async fn operation<T>(
        operation: &'static Operation,
        base_url: &str,
        call: impl Future<Output = Result<Response<T>, Error>>,
    ) -> Result<Response<T>, Error> {
        let span = info_span!(
            "cargo_batch.operation",
            otel.name = operation.id,
            otel.kind = "client",
            otel.status_code = Empty,
            otel.status_description = Empty,
            http.request.method = operation.method.as_str(),
            url.template = operation.path,
            server.address = Empty,
            server.port = Empty,
            http.response.status_code = Empty,
            error.type = Empty,
            cargo.batch.uuid = Empty,
        );
        host(&span, base_url);
        observed(span, call, Response::status).await
    }

    /// One attempt.
    pub async fn attempt(
        operation: &'static Operation,
        base_url: &str,
        number: u32,
        exchange: impl Future<Output = Result<RawResponse, Error>>,
    ) -> Result<RawResponse, Error> {
        let span = info_span!(
            "cargo_batch.attempt",
            otel.name = Empty,
            otel.kind = "client",
            otel.status_code = Empty,
            otel.status_description = Empty,
            http.request.method = operation.method.as_str(),
            // Signed, as OpenTelemetry has no unsigned numbers.
            http.request.resend_count = i64::from(number.saturating_sub(1)),
            url.template = operation.path,
            server.address = Empty,
            server.port = Empty,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        span.record(
            "otel.name",
            display(format_args!(
                "{} {}",
                operation.method.as_str(),
                operation.path
            )),
        );
        host(&span, base_url);
        observed(span, exchange, |response| response.status).await
    }

    /// A request to storage, up to the head of its response. Its path is a secret, or as good as one.
    pub async fn storage(
        method: &Method,
        url: &str,
        exchange: impl Future<Output = Result<reqwest::Response, Error>>,
    ) -> Result<reqwest::Response, Error> {
        let span = info_span!(
            "cargo_batch.storage",
            otel.name = method.as_str(),
            otel.kind = "client",
            otel.status_code = Empty,
            otel.status_description = Empty,
            http.request.method = method.as_str(),
            server.address = Empty,
            server.port = Empty,
            http.response.status_code = Empty,
            error.type = Empty,
        );
        host(&span, url);
        let done = exchange.instrument(span.clone()).await;
        match &done {
            Ok(response) => {
                let status = response.status();
                span.record("http.response.status_code", i64::from(status.as_u16()));
                if status.is_client_error() || status.is_server_error() {
                    span.record("otel.status_code", "ERROR");
                    span.record("error.type", display(status.as_u16()));
                }
            }
            Err(error) => failed(&span, error),
        }
        done
    }

    async fn observed<T>(
        span: Span,
        exchange: impl Future<Output = Result<T, Error>>,
        status: impl FnOnce(&T) -> StatusCode,
    ) -> Result<T, Error> {
        let done = exchange.instrument(span.clone()).await;
        let status = match &done {
            Ok(response) => Some(status(response)),
            Err(error) => {
                failed(&span, error);
                error.status()
            }
        };
        if let Some(status) = status {
            span.record("http.response.status_code", i64::from(status.as_u16()));
        }
        done
    }

    fn host(span: &Span, url: &str) {
        if span.is_disabled() {
            return;
        }
        if let Ok(url) = Url::parse(url) {
            if let Some(host) = url.host_str() {
                span.record("server.address", host);
            }
            if let Some(port) = url.port_or_known_default() {
                span.record("server.port", i64::from(port));
            }
        }
    }

    fn failed(span: &Span, error: &Error) {
        span.record("otel.status_code", "ERROR");
        span.record("otel.status_description", display(error));
        span.record("error.type", debug(error.kind()));
    }

    /// A span over several requests: a creation, a wait, a download.
    #[derive(Clone)]
    pub struct Scope(Span);

    impl Scope {
        pub fn creation(id: CreationId) -> Self {
            Self(info_span!(
                "cargo_batch.creation",
                otel.name = "create",
                otel.status_code = Empty,
                otel.status_description = Empty,
                error.type = Empty,
                cargo.creation.id = %id,
                cargo.batch.uuid = Empty,
                cargo.batch.adopted = Empty,
            ))
        }

        pub fn watch(batch: BatchUuid) -> Self {
            Self(info_span!(
                "cargo_batch.watch",
                otel.name = "watch",
                otel.status_code = Empty,
                otel.status_description = Empty,
                error.type = Empty,
                cargo.batch.uuid = %batch,
                cargo.batch.status = Empty,
            ))
        }

        pub fn watch_many(batches: usize) -> Self {
            Self(info_span!(
                "cargo_batch.watch_many",
                otel.name = "watch_many",
                otel.status_code = Empty,
                otel.status_description = Empty,
                error.type = Empty,
                cargo.batches = i64::try_from(batches).unwrap_or(i64::MAX),
            ))
        }

        pub fn download(batch: Option<BatchUuid>) -> Self {
            let span = info_span!(
                "cargo_batch.download",
                otel.name = "download",
                otel.status_code = Empty,
                otel.status_description = Empty,
                error.type = Empty,
                cargo.batch.uuid = Empty,
            );
            if let Some(batch) = batch {
                span.record("cargo.batch.uuid", display(batch));
            }
            Self(span)
        }

        /// Runs a future inside of the span.
        pub fn run<F: Future>(&self, future: F) -> Instrumented<F> {
            future.instrument(self.0.clone())
        }

        /// Notes the batch of a creation.
        pub fn created(&self, batch: BatchUuid, is_adopted: bool) {
            self.0.record("cargo.batch.uuid", display(batch));
            self.0.record("cargo.batch.adopted", is_adopted);
        }

        /// Notes the last known status of a batch.
        pub fn status(&self, status: &str) {
            self.0.record("cargo.batch.status", status);
        }

        /// Notes the error that ends it.
        pub fn failed(&self, error: &Error) {
            failed(&self.0, error);
        }
    }

    /// A response named the batch that it created.
    pub fn created(batch: BatchUuid) {
        Span::current().record("cargo.batch.uuid", display(batch));
    }

    /// A request is sent again after a delay.
    pub fn retrying(delay: Duration, error: &Error) {
        info!(
            delay_seconds = delay.as_secs_f64(),
            error.type = ?error.kind(),
            because = %error,
            "retrying"
        );
    }

    /// What became of the request of a creation is unknown: its batch is searched for.
    pub fn unclear(settling: Duration, error: &Error) {
        warn!(
            settling_seconds = settling.as_secs_f64(),
            because = %error,
            "creation unclear"
        );
    }

    /// A search has found the batch of a creation.
    pub fn adopted(batch: BatchUuid) {
        info!(cargo.batch.uuid = %batch, "creation adopted");
    }

    /// There is no batch: the request is sent again.
    pub fn absent() {
        warn!("creation absent");
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::time::Duration;

    use cargo_batch_types::BatchUuid;
    use reqwest::Method;

    use crate::Error;
    use crate::creation::CreationId;
    use crate::operation::Operation;

    // Not `async`, so that the future is handed through as it is: one that is given to an async
    // function is kept in it twice, and these are large.

    pub fn operation<F>(_: &'static Operation, _: &str, call: F) -> F {
        call
    }

    pub fn attempt<F>(_: &'static Operation, _: &str, _: u32, exchange: F) -> F {
        exchange
    }

    pub fn storage<F>(_: &Method, _: &str, exchange: F) -> F {
        exchange
    }

    #[derive(Clone)]
    pub struct Scope;

    impl Scope {
        pub fn creation(_: CreationId) -> Self {
            Self
        }
        pub fn watch(_: BatchUuid) -> Self {
            Self
        }
        pub fn watch_many(_: usize) -> Self {
            Self
        }
        pub fn download(_: Option<BatchUuid>) -> Self {
            Self
        }
        pub fn run<F>(&self, future: F) -> F {
            future
        }
        pub fn created(&self, _: BatchUuid, _: bool) {}
        pub fn status(&self, _: &str) {}
        pub fn failed(&self, _: &Error) {}
    }

    pub fn created(_: BatchUuid) {}
    pub fn retrying(_: Duration, _: &Error) {}
    pub fn unclear(_: Duration, _: &Error) {}
    pub fn adopted(_: BatchUuid) {}
    pub fn absent() {}
}

#[cfg(not(feature = "tracing"))]
pub(crate) use off::*;
#[cfg(feature = "tracing")]
pub(crate) use on::*;

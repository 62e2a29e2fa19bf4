//! One call: authorised, sent, repeated where that is right, read.
//!
//! This is the seam between the generated operations, which put requests together, and the wire.
//! Whatever has to be done for every request is done here.

use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use cargo_batch_types::from_json;
use futures_core::Stream;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_LENGTH, HeaderName, HeaderValue};
use reqwest::{Method, Request, StatusCode};
use serde::de::DeserializeOwned;

use crate::attempts::Attempts;
use crate::creation::created_id;
use crate::gate::Lane;
use crate::hosts::Departure;
use crate::operation::Operation;
use crate::redact::Redactor;
use crate::response::RawResponse;
use crate::time::Instant;
use crate::{Client, Error, ErrorKind, Response, trace};

/// Puts the request of an attempt together: one that is sent once is never copied, and one and the
/// same code serves all operations.
pub(crate) type Build<'a> = &'a (dyn Fn() -> Result<Request, Error> + Sync);

static WORKSPACE: HeaderName = HeaderName::from_static("selected-workspace-uuid");

impl Client {
    /// Calls an operation this crate has no method for, with its token, retries and errors as usual.
    ///
    /// `path` is the operation's with its parameters filled in, query included; `body` is sent as
    /// JSON.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, operation::{Method, Operation}};
    /// # async fn run(client: Client) -> Result<(), Error> {
    /// static LIST: Operation = Operation::new("list_connectors", Method::GET, "/connection/connectors/list", true);
    ///
    /// let list = client.request::<serde_json::Value>(&LIST, LIST.path, None).await?;
    /// println!("{}", list["connectors"]);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) when the path would lead elsewhere, and
    /// everything an operation can end with.
    pub async fn request<T: DeserializeOwned>(
        &self,
        operation: &'static Operation,
        path: &str,
        body: Option<&serde_json::Value>,
    ) -> Result<Response<T>, Error> {
        let wrong =
            |why: &str| Error::invalid_request(operation, format!("the path {path:?} {why}"));
        let below = path.split('?').next().unwrap_or_default();
        if !below.starts_with('/') || below.contains("//") {
            return Err(wrong(
                "must begin with one slash, and every part of it be filled in",
            ));
        }
        let url = format!("{}{path}", self.baseurl);
        let parsed = reqwest::Url::parse(&url).map_err(|_| wrong("can't be part of a URL"))?;
        // What the parser resolved away (`..`, `\\`) would change which operation is called.
        let whole = parsed.as_str().split(['?', '#']).next().unwrap_or_default();
        if whole != url.split('?').next().unwrap_or_default() {
            return Err(wrong(
                "must be written as it is sent: no dot segments, no spaces, no fragment",
            ));
        }
        let request = || {
            let request = match operation.method {
                crate::operation::Method::GET => self.client.get(parsed.clone()),
                crate::operation::Method::POST => self.client.post(parsed.clone()),
                crate::operation::Method::PUT => self.client.put(parsed.clone()),
                crate::operation::Method::PATCH => self.client.patch(parsed.clone()),
                crate::operation::Method::DELETE => self.client.delete(parsed.clone()),
            };
            match body {
                Some(body) => request.json(body),
                None => request,
            }
            .build()
            .map_err(|error| Error::unbuildable(operation, error))
        };
        self.call(operation, &request).await
    }

    /// Sends the request of a generated operation until there is a response that can be read, or an error
    /// that a retry would not mend or must not risk.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        operation: &'static Operation,
        request: Build<'_>,
    ) -> Result<Response<T>, Error> {
        let call = self.attempts(operation, request);
        trace::operation(operation, &self.baseurl, call).await
    }

    async fn attempts<T: DeserializeOwned>(
        &self,
        operation: &'static Operation,
        request: Build<'_>,
    ) -> Result<Response<T>, Error> {
        self.inner.http.check_runtime()?;
        let mut attempts = Attempts::within(self, self.timing.overall);
        loop {
            let number = attempts.sent().saturating_add(1);
            // A creation of its own checks before the first one itself.
            if number > 1 || self.limit.is_some() {
                self.check_max_records().await?;
            }
            let attempt = self.attempt(operation, request, &mut attempts);
            let error = match trace::attempt(operation, &self.baseurl, number, attempt).await {
                Ok(response) => {
                    attempts.succeeded();
                    match self.read(operation, response) {
                        Ok(response) => return Ok(response),
                        Err(error) => error,
                    }
                }
                Err(error) => error,
            };
            attempts.again(error.of_request(request)).await?;
        }
    }

    /// Reads a response; an empty one as the empty object, which is what it means where it is
    /// permitted.
    pub(crate) fn read<T: DeserializeOwned>(
        &self,
        operation: &'static Operation,
        response: RawResponse,
    ) -> Result<Response<T>, Error> {
        if let Some(path) = operation.path_of_batch()
            && let Some(batch) = created_id(path, &response.body)
        {
            // Whoever searches for a batch of their own must not take this one.
            let creation = self.sending.as_ref().map(|sending| &sending.creation);
            self.inner
                .registry
                .claim(batch, creation.map(|creation| creation.id));
            trace::created(batch);
            creation.inspect(|creation| creation.named(batch));
        }
        let json: &[u8] = if response.body.is_empty() {
            b"{}"
        } else {
            &response.body
        };
        // Where nothing is read, whatever the server says will do; but not the page of a proxy.
        let is_page = response.body.trim_ascii_start().starts_with(b"<");
        let read = from_json(json).or_else(|error| match size_of::<T>() {
            0 if !is_page => from_json(b"null").map_err(|_| error),
            _ => Err(error),
        });
        match read {
            Ok(inner) => Ok(Response {
                inner,
                raw: response,
            }),
            Err(error) => {
                let hide = self.inner.auth.hide();
                Err(Error::invalid_body(operation, response, &error, hide).at(&self.baseurl))
            }
        }
    }

    /// One attempt; two when the first finds that the token has expired and there is another.
    async fn attempt(
        &self,
        operation: &'static Operation,
        request: Build<'_>,
        attempts: &mut Attempts,
    ) -> Result<RawResponse, Error> {
        let deadline = attempts.deadline();
        attempts.count(1);
        let remaining = || deadline.saturating_duration_since(Instant::now());
        let auth = &self.inner.auth;
        let slow = |_| Error::slow_token(self.timing);
        let token = match auth.known() {
            Some(token) => token,
            None => {
                let asked = crate::time::timeout(remaining(), auth.header());
                asked.await.map_err(slow)??
            }
        };
        match self
            .send(operation, request()?, token.clone(), deadline)
            .await
        {
            Err(error) if error.kind() == ErrorKind::Unauthorized => {
                let renewed = crate::time::timeout(remaining(), auth.renewed(&token));
                match renewed.await.map_err(slow)?? {
                    Some(token) => {
                        attempts.count(1);
                        self.check_max_records().await?;
                        self.send(operation, request()?, token, deadline).await
                    }
                    None => Err(error),
                }
            }
            done => done,
        }
    }

    async fn send(
        &self,
        operation: &'static Operation,
        mut request: Request,
        token: HeaderValue,
        deadline: Instant,
    ) -> Result<RawResponse, Error> {
        request.headers_mut().insert(AUTHORIZATION, token.clone());
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(ACCEPT, json);
        // Some servers and proxies refuse a request of this method that doesn't say how long it is.
        if request.method() == Method::POST && request.body().is_none() {
            let nothing = HeaderValue::from_static("0");
            request.headers_mut().insert(CONTENT_LENGTH, nothing);
        }
        if let Some(workspace) = &self.inner.workspace {
            request.headers_mut().insert(&WORKSPACE, workspace.clone());
        }
        // Before the guard of a creation is asked, whose yes doesn't hold for long.
        let hosts = &self.inner.hosts;
        let departure = hosts.depart(request.url(), self.lane(), deadline).await;
        let departure = departure.map_err(|_| Error::held_back(Some(operation), self.timing))?;
        let client = match &self.sending {
            Some(sending) => {
                sending
                    .permit(|| self.inner.http.ready(request.url()))
                    .await?
            }
            None => self.inner.http.ready(request.url()).await?,
        };
        let remaining = deadline.saturating_duration_since(Instant::now());
        let limit = self.timing.attempt.min(remaining);
        if limit.is_zero() {
            return Err(Error::timed_out(Some(operation), limit, self.timing, false));
        }
        let receiving = self.receive(operation, &client, request, &departure);
        let response = crate::time::timeout(limit, receiving)
            .await
            .unwrap_or_else(|_| {
                let has_connected = self.inner.http.may_have_connected();
                let timing = self.timing;
                Err(Error::timed_out(
                    Some(operation),
                    limit,
                    timing,
                    has_connected,
                ))
            })
            .map_err(|error| departure.note(error))?;
        let done = match response.status.is_success() {
            true => Ok(response),
            false => {
                let hide = Redactor::token(Some(&token));
                Err(Error::status_of(Some(operation), response, hide).at(&self.baseurl))
            }
        };
        departure.responded(self, done.as_ref().err());
        done
    }

    /// Where its requests wait for a server that is asked too often.
    fn lane(&self) -> Lane {
        match self.polling {
            Some(_) => Lane::Polls,
            None => Lane::Calls,
        }
    }

    async fn receive(
        &self,
        operation: &'static Operation,
        client: &reqwest::Client,
        request: Request,
        departure: &Departure,
    ) -> Result<RawResponse, Error> {
        let has_body = request.body().is_some();
        let lost = |error| Error::transport(Some(operation), error, has_body);
        let mut response = client.execute(request).await.map_err(lost)?;
        departure.heard();
        let status = response.status();
        let headers = std::mem::take(response.headers_mut());
        let cap = self.inner.max_response_bytes;
        let body = match body(response, cap).await {
            Ok(body) => body,
            // The status says all that there is to know.
            Err(_) if status == StatusCode::TOO_MANY_REQUESTS => Bytes::new(),
            Err(Some(error)) => return Err(Error::connection_lost(Some(operation), error)),
            Err(None) => return Err(Error::response_too_long(Some(operation), cap)),
        };
        Ok(RawResponse::new(status, headers, body))
    }
}

/// A body as it arrives.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) type BodyStream = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send + Sync>>;
#[cfg(target_arch = "wasm32")]
pub(crate) type BodyStream = Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>>>>;

/// Returns the next chunk of a body, or `None` after the last.
pub(crate) async fn next_chunk(body: &mut BodyStream) -> Option<reqwest::Result<Bytes>> {
    std::future::poll_fn(|context| body.as_mut().poll_next(context)).await
}

/// A body to read here and now, which doesn't need the boxes of a stream.
#[cfg(not(target_arch = "wasm32"))]
fn opened(response: reqwest::Response) -> reqwest::Response {
    response
}
#[cfg(target_arch = "wasm32")]
fn opened(response: reqwest::Response) -> BodyStream {
    Box::pin(response.bytes_stream())
}

#[cfg(not(target_arch = "wasm32"))]
async fn next(body: &mut reqwest::Response) -> reqwest::Result<Option<Bytes>> {
    body.chunk().await
}
#[cfg(target_arch = "wasm32")]
async fn next(body: &mut BodyStream) -> reqwest::Result<Option<Bytes>> {
    next_chunk(body).await.transpose()
}

/// Reads a body up to a cap; without an error where it is longer than that.
///
/// Most arrive in one chunk, which is the complete body.
async fn body(response: reqwest::Response, cap: usize) -> Result<Bytes, Option<reqwest::Error>> {
    let mut body = opened(response);
    let mut first = Bytes::new();
    let mut whole = BytesMut::new();
    while let Some(piece) = next(&mut body).await.map_err(Some)? {
        if first.len() + whole.len() + piece.len() > cap {
            return Err(None);
        }
        if first.is_empty() && whole.is_empty() {
            first = piece;
        } else {
            whole.extend_from_slice(&std::mem::take(&mut first));
            whole.extend_from_slice(&piece);
        }
    }
    Ok(if whole.is_empty() {
        first
    } else {
        whole.freeze()
    })
}

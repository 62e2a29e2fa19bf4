//! What each fault makes of a request. A fault that does nothing doesn't compile.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt;

use super::connection::{Connection, Ended, Extra};
use super::request::{Asked, Broken, Exchange, Unread};
use super::throttled_body::ThrottledBody;
use crate::faults::responses::{api_error, empty, expired_url, page, retry_later};
use crate::faults::{
    Fault, LateResponse, extra_fields, invalid_json, overlap, reordered_page, unknown_kind,
    unknown_status,
};

impl Exchange {
    /// Responds to a request that a fault has hit.
    pub(super) async fn faulty(
        self: &Arc<Self>,
        line: &Connection,
        fault: &Fault,
        unread: Unread,
    ) -> Result<Response<Body>, Broken> {
        let http2 = unread.is_http2();
        let (number, place) = (unread.number, unread.place);
        match fault {
            // Of the port, and of connections: no request is hit by them.
            Fault::ConnectionRefused { .. } | Fault::CloseOnAccept => {
                Ok(whole(self.regular(unread).await?))
            }
            Fault::ResetBeforeReading => Err(line.reset().into()),
            Fault::ResetBeforeActing => {
                self.read(unread).await?;
                Err(line.reset().into())
            }
            Fault::ResetAfterActing => {
                self.regular(unread).await?;
                Err(line.reset().into())
            }
            Fault::Stall {
                seconds,
                acted: false,
            } => {
                let asked = self.read(unread).await?;
                stall(*seconds).await;
                Ok(whole(self.act(asked).await))
            }
            Fault::Stall {
                seconds,
                acted: true,
            } => {
                let response = self.regular(unread).await?;
                stall(*seconds).await;
                Ok(whole(response))
            }
            Fault::ActLate { seconds, respond } => {
                let asked = self.read(unread).await?;
                let acting = self.act_late(asked, seconds_of(*seconds));
                match respond {
                    LateResponse::AfterActing => match acting.await {
                        Ok(response) => Ok(whole(response)),
                        // The runtime ends.
                        Err(_) => Err(line.reset().into()),
                    },
                    LateResponse::Reset => Err(line.reset().into()),
                    LateResponse::GatewayTimeout => Ok(page(StatusCode::GATEWAY_TIMEOUT)),
                }
            }
            Fault::EarlyResponse { status } => {
                // Closing a connection on which something comes would reset it, and the response
                // could be lost with it.
                tokio::spawn(unread.body.collect());
                let status = StatusCode::from_u16(*status).unwrap_or(StatusCode::BAD_REQUEST);
                let mut response = page(status);
                if !http2 {
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(header::CONNECTION, close);
                }
                Ok(response)
            }
            Fault::IdleClose { seconds } => {
                let response = self.regular(unread).await?;
                let extra = Extra {
                    after: seconds_of(*seconds),
                    closes: true,
                    ..Extra::default()
                };
                Ok(followed(response, extra, line, http2))
            }
            Fault::StrayBytes { bytes, seconds } => {
                let response = self.regular(unread).await?;
                let extra = Extra {
                    bytes: match bytes {
                        Some(bytes) => bytes.clone().into(),
                        None => once_more(&response),
                    },
                    after: seconds_of(*seconds),
                    ..Extra::default()
                };
                Ok(followed(response, extra, line, http2))
            }
            Fault::RefusedStream { acted } => {
                let asked = self.read(unread).await?;
                if *acted {
                    self.act(asked).await;
                }
                match http2 {
                    true => Err(Ended::refused_stream().into()),
                    false => Err(line.reset().into()),
                }
            }
            Fault::GoAway { acted } => {
                if *acted {
                    self.regular(unread).await?;
                }
                match http2 {
                    true => line.go_away(place),
                    false => return Err(line.reset().into()),
                }
                std::future::pending().await
            }
            Fault::Trickle { bytes, millis } => {
                let response = self.regular(unread).await?;
                let length = response.body().len();
                let delay = Duration::from_millis(*millis);
                let chunk = usize::try_from(*bytes).unwrap_or(usize::MAX);
                Ok(paced(response, length, |body| {
                    ThrottledBody::trickle(body, chunk, delay)
                }))
            }
            Fault::Truncate { bytes } => {
                let response = self.regular(unread).await?;
                let length = response.body().len();
                let wanted = bytes.map_or(length / 2, |bytes| {
                    usize::try_from(bytes).unwrap_or(usize::MAX)
                });
                let left = wanted.min(length.saturating_sub(1));
                Ok(paced(response, length, |body| {
                    ThrottledBody::cut(body.slice(..left), line)
                }))
            }
            Fault::WrongLength { by } => {
                let response = self.regular(unread).await?;
                let length = response.body().len();
                let by = isize::try_from(*by).unwrap_or(isize::MAX);
                let wrong = length.saturating_add_signed(by);
                Ok(match wrong > length {
                    true => paced(response, wrong, |body| ThrottledBody::cut(body, line)),
                    false => paced(response, wrong, |body| {
                        ThrottledBody::trickle(body.slice(..wrong), usize::MAX, Duration::ZERO)
                    }),
                })
            }
            Fault::BadGateway { acted } => {
                let response = page(StatusCode::BAD_GATEWAY);
                self.instead(unread, *acted, response).await
            }
            Fault::GatewayTimeout { acted } => {
                let response = page(StatusCode::GATEWAY_TIMEOUT);
                self.instead(unread, *acted, response).await
            }
            Fault::ServerError { acted } => {
                let response = empty(StatusCode::INTERNAL_SERVER_ERROR);
                self.instead(unread, *acted, response).await
            }
            Fault::TooManyRequests {
                retry_after,
                as_date,
            } => {
                let (status, text) = (StatusCode::TOO_MANY_REQUESTS, "Too many requests");
                let now = self.middleware.date_now();
                let response = retry_later(status, text, *retry_after, *as_date, now);
                self.instead(unread, false, response).await
            }
            Fault::Unavailable {
                retry_after,
                as_date,
                acted,
            } => {
                let (status, text) = (StatusCode::SERVICE_UNAVAILABLE, "Service unavailable");
                let now = self.middleware.date_now();
                let mut response = retry_later(status, text, *retry_after, *as_date, now);
                if *acted {
                    let via = HeaderValue::from_static("1.1 varnish");
                    response.headers_mut().insert(header::VIA, via);
                }
                self.instead(unread, *acted, response).await
            }
            Fault::RevokeToken => {
                let asked = self.read(unread).await?;
                self.middleware.revoke();
                Ok(whole(self.act(asked).await))
            }
            Fault::ApiError {
                status,
                reason,
                data_reason,
                message,
                acted,
            } => {
                let (reason, data_reason) = (reason.as_deref(), data_reason.as_deref());
                let response = api_error(*status, reason, data_reason, message.as_deref());
                self.instead(unread, *acted, response).await
            }
            Fault::InvalidJson => self.altered(unread, invalid_json).await,
            Fault::UnknownStatus { status } => {
                self.altered(unread, |body| unknown_status(body, status))
                    .await
            }
            Fault::UnknownKind { value } => {
                self.altered(unread, |body| unknown_kind(body, value)).await
            }
            Fault::ExtraFields => self.altered(unread, extra_fields).await,
            Fault::DuplicatePage { items } => {
                let mut asked = self.read(unread).await?;
                asked.body = overlap(&mut asked.parts, asked.body, *items);
                Ok(whole(self.act(asked).await))
            }
            // An order by chance is another one for each request.
            Fault::ReorderedPage => {
                self.altered(unread, |body| reordered_page(body, number))
                    .await
            }
            Fault::ExpiredUrl => self.instead(unread, false, expired_url()).await,
            Fault::ChangedContent => {
                let asked = self.read(unread).await?;
                self.middleware.change_content(&asked.parts.uri);
                Ok(whole(self.act(asked).await))
            }
        }
    }

    /// Another response than the regular one.
    async fn instead(
        &self,
        unread: Unread,
        acted: bool,
        response: Response<Body>,
    ) -> Result<Response<Body>, Broken> {
        let asked = self.read(unread).await?;
        if acted {
            self.act(asked).await;
        }
        Ok(response)
    }

    /// The regular response with another body.
    async fn altered(
        &self,
        unread: Unread,
        alter: impl FnOnce(Bytes) -> Bytes,
    ) -> Result<Response<Body>, Broken> {
        let response = self.regular(unread).await?;
        let before = response.body().len();
        let mut response = response.map(alter);
        if response.body().len() != before {
            response.headers_mut().remove(header::CONTENT_LENGTH);
        }
        Ok(whole(response))
    }

    /// Does later what is asked for, whatever becomes of the connection.
    fn act_late(
        self: &Arc<Self>,
        asked: Asked,
        later: Duration,
    ) -> tokio::task::JoinHandle<Response<Bytes>> {
        let exchange = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(later).await;
            exchange.act(asked).await
        })
    }
}

fn whole(response: Response<Bytes>) -> Response<Body> {
    response.map(Body::from)
}

/// Waits; without a time for ever, which means until the client goes away.
async fn stall(seconds: Option<f64>) {
    match seconds.map(Duration::try_from_secs_f64) {
        Some(Ok(time)) => tokio::time::sleep(time).await,
        _ => std::future::pending().await,
    }
}

/// A number of seconds that a plan was checked for.
fn seconds_of(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// A response whose body has its own timing and states a length.
fn paced(
    response: Response<Bytes>,
    length: usize,
    body: impl FnOnce(Bytes) -> ThrottledBody,
) -> Response<Body> {
    let mut response = response.map(|bytes| Body::new(body(bytes)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A response after which something else comes on its connection, if that knows no streams.
fn followed(
    response: Response<Bytes>,
    extra: Extra,
    line: &Connection,
    http2: bool,
) -> Response<Body> {
    if http2 {
        return whole(response);
    }
    let length = response.body().len();
    paced(response, length, |body| {
        ThrottledBody::followed(body, line, extra)
    })
}

/// A response as HTTP/1 writes it.
fn once_more(response: &Response<Bytes>) -> Bytes {
    let (status, body) = (response.status(), response.body());
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat().into()
}

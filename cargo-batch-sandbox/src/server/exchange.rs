//! One request, from its arrival to its answer.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, Request, Response, header, request};
use axum::response::IntoResponse;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tower::Service;

use super::Origin;
use super::line::{Line, Reset};
use super::paced::Paced;
use crate::faults::{Event, Fault, alter, instead, overlap};
use crate::front::{Front, Target};
use crate::rejection::Rejection;
use crate::spec;

/// The longest body that is read, in bytes.
const LONGEST: usize = 512 << 20;

/// What answers the requests of one port.
pub struct Exchange {
    pub front: Arc<Front>,
    pub origin: Origin,
    /// The operations.
    pub operations: Router,
    /// What is not of the API: the sandbox seen from outside.
    pub control: Option<Router>,
}

impl Exchange {
    /// Whether a connection is closed before anything is read from it.
    pub fn turns_away(&self) -> bool {
        let fault = self.front.faults().decide(self.origin, Event::Connection);
        fault.is_some()
    }

    /// Answers, or has the connection reset.
    pub async fn handle(
        &self,
        line: &Line,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Reset> {
        let path = request.uri().path();
        let outside = path == "/" || path == "/sandbox" || path.starts_with("/sandbox/");
        if let Some(control) = self.control.as_ref().filter(|_| outside) {
            return Ok(call(control, request.map(Body::new)).await);
        }
        let (mut parts, body) = request.into_parts();
        let target = Target::of(self.origin, &parts);
        let number = self.front.arrived(self.origin, &parts, target);
        let fault = target.and_then(|target| {
            let event = Event::Request(target.id());
            self.front.faults().decide(self.origin, event)
        });
        if let Some(fault) = &fault {
            self.front.hit(number, fault);
        }
        if fault == Some(Fault::ResetBeforeReading) {
            return Err(line.reset());
        }
        let mut answer = match read(body).await {
            Ok(mut body) => {
                self.front.read(number, &parts.headers, &body);
                let early = match &fault {
                    Some(fault) => self.before(line, fault, &mut parts, &mut body).await?,
                    None => None,
                };
                match early {
                    Some(answer) => answer,
                    None => {
                        let answer = self.act(target, parts, body).await;
                        match &fault {
                            Some(fault) => self.after(line, fault, number, answer).await?,
                            None => answer.map(Body::from),
                        }
                    }
                }
            }
            Err(rejection) => rejection.into_response(),
        };
        self.front.date(&mut answer);
        self.front.answered(number, answer.status());
        Ok(answer)
    }

    /// What a fault does before what is asked for is done; an answer, if it never is.
    async fn before(
        &self,
        line: &Line,
        fault: &Fault,
        parts: &mut request::Parts,
        body: &mut Bytes,
    ) -> Result<Option<Response<Body>>, Reset> {
        match fault {
            Fault::ResetBeforeActing => return Err(line.reset()),
            Fault::Stall {
                seconds,
                acted: false,
            } => stall(*seconds).await,
            Fault::RevokeToken => self.front.revoke(),
            Fault::ChangedContent => self.front.change_content(&parts.uri),
            Fault::DuplicatePage { items } => {
                *body = overlap(parts, std::mem::take(body), *items);
            }
            _ => {}
        }
        let instead = instead(fault, self.front.app.now());
        Ok(instead.and_then(|(acted, answer)| (!acted).then_some(answer)))
    }

    /// What a fault makes of the regular answer.
    async fn after(
        &self,
        line: &Line,
        fault: &Fault,
        number: u64,
        answer: Response<Bytes>,
    ) -> Result<Response<Body>, Reset> {
        if let Some((_, answer)) = instead(fault, self.front.app.now()) {
            return Ok(answer);
        }
        match fault {
            Fault::ResetAfterActing => return Err(line.reset()),
            Fault::Stall {
                seconds,
                acted: true,
            } => stall(*seconds).await,
            _ => {}
        }
        // An order by chance is another one for each request.
        let before = answer.body().len();
        let mut answer = answer.map(|body| alter(fault, body, number));
        let length = answer.body().len();
        if length != before {
            answer.headers_mut().remove(header::CONTENT_LENGTH);
        }
        Ok(match fault {
            Fault::Trickle { bytes, millis } => {
                let pause = Duration::from_millis(*millis);
                let piece = usize::try_from(*bytes).unwrap_or(usize::MAX);
                paced(answer, length, |body| Paced::trickle(body, piece, pause))
            }
            Fault::Truncate { bytes } => {
                let wanted = bytes.map_or(length / 2, |bytes| {
                    usize::try_from(bytes).unwrap_or(usize::MAX)
                });
                let left = wanted.min(length.saturating_sub(1));
                paced(answer, length, |body| Paced::cut(body.slice(..left), line))
            }
            Fault::WrongLength { by } => {
                let told = length.saturating_add_signed(isize::try_from(*by).unwrap_or(isize::MAX));
                match told > length {
                    true => paced(answer, told, |body| Paced::cut(body, line)),
                    false => paced(answer, told, |body| {
                        Paced::trickle(body.slice(..told), usize::MAX, Duration::ZERO)
                    }),
                }
            }
            _ => answer.map(Body::from),
        })
    }

    /// Does what is asked for, and takes note of it.
    async fn act(
        &self,
        target: Option<Target>,
        mut parts: request::Parts,
        sent: Bytes,
    ) -> Response<Bytes> {
        // Who may not come in isn't told what would be wrong next.
        let admitted = self.origin == Origin::Api && self.front.admit(&mut parts.headers);
        let headers = parts.headers.clone();
        let answer = match admitted.then(|| spec::check(&parts, &sent)) {
            Some(Err(rejection)) => rejection.into_response(),
            Some(Ok(())) | None => {
                let request = Request::from_parts(parts, Body::from(sent.clone()));
                call(&self.operations, request).await
            }
        };
        let (mut parts, body) = answer.into_parts();
        // The routes answer from memory: reading it can't fail.
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap_or_default();
        let length = body.len();
        let body = self.front.with_reachable_link(&headers, body);
        if body.len() != length {
            parts.headers.remove(header::CONTENT_LENGTH);
        }
        if let Some(Target::Api(operation)) = target {
            self.front.acted(operation, &sent, parts.status, &body);
        }
        Response::from_parts(parts, body)
    }
}

/// Waits; without a time for ever, which means until the client goes away.
async fn stall(seconds: Option<f64>) {
    match seconds.map(Duration::try_from_secs_f64) {
        Some(Ok(time)) => tokio::time::sleep(time).await,
        _ => std::future::pending().await,
    }
}

/// An answer whose body keeps to its own time, and that tells a length.
fn paced(
    answer: Response<Bytes>,
    told: usize,
    body: impl FnOnce(Bytes) -> Paced,
) -> Response<Body> {
    let mut answer = answer.map(|bytes| Body::new(body(bytes)));
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(told));
    answer
}

async fn call(routes: &Router, request: Request<Body>) -> Response<Body> {
    match routes.clone().call(request).await {
        Ok(answer) => answer,
        Err(never) => match never {},
    }
}

async fn read(body: Incoming) -> Result<Bytes, Rejection> {
    match Limited::new(body, LONGEST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Rejection::too_long(LONGEST)),
        Err(error) => Err(Rejection::malformed(format!("body: it broke off: {error}"))),
    }
}

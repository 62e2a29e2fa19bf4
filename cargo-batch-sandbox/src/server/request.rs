//! One request, from its arrival to its response.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Request, Response, Version, header, request};
use axum::response::IntoResponse;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::Service;

use super::connection::{Connection, Ended};
use super::{Origin, cors};
use crate::faults::{Event, Fault};
use crate::middleware::{Middleware, Target};
use crate::rejection::Rejection;
use crate::spec;

/// The longest body that is read, in bytes.
const LONGEST: usize = 512 << 20;

/// What responds to the requests of one port.
pub struct Exchange {
    pub middleware: Arc<Middleware>,
    pub origin: Origin,
    /// The operations.
    pub operations: Router,
    /// What is not of the API: the sandbox seen from outside.
    pub control: Option<Router>,
}

/// A request whose body has not been read.
pub(super) struct Unread {
    /// Which one it is in the log.
    pub number: u64,
    /// Which one it is on its connection, from 1 on.
    pub place: u32,
    target: Option<Target>,
    pub parts: request::Parts,
    pub body: Body,
}

impl Unread {
    pub fn is_http2(&self) -> bool {
        self.parts.version == Version::HTTP_2
    }
}

/// What becomes of a request.
enum Begun {
    /// Its connection has gone away.
    Ignored,
    /// A browser asks whether it may send it.
    Preflight(HeaderMap),
    /// It is not one of the API.
    Control(Router, Request<Body>),
    /// It is responded to, with a fault if one has hit it.
    Request(Unread, Option<Fault>),
}

/// A request that has been read.
pub(super) struct Asked {
    pub number: u64,
    target: Option<Target>,
    pub parts: request::Parts,
    pub body: Bytes,
}

/// Why there is no regular response.
pub(super) enum Broken {
    /// The request is ended on purpose.
    Ended(Ended),
    /// It can't be read.
    Rejected(Rejection),
}

impl From<Ended> for Broken {
    fn from(ended: Ended) -> Self {
        Self::Ended(ended)
    }
}

impl Exchange {
    /// Whether a connection is closed before anything is read from it.
    pub fn turns_away(&self) -> bool {
        let fault = self
            .middleware
            .faults()
            .decide(self.origin, Event::Connection);
        fault.is_some()
    }

    /// Responds, or ends the request or its connection. What is decided of a request is decided before
    /// this returns, as requests on one connection are in their order only until then.
    pub fn handle(
        self: Arc<Self>,
        line: Connection,
        request: Request<Body>,
    ) -> impl Future<Output = Result<Response<Body>, Ended>> + Send {
        let begun = self.begin(&line, request);
        async move {
            match begun {
                Begun::Ignored => std::future::pending().await,
                Begun::Preflight(asked) => Ok(cors::preflight(&asked)),
                Begun::Control(control, request) => Ok(call(&control, request).await),
                Begun::Request(unread, fault) => self.respond(&line, unread, fault).await,
            }
        }
    }

    fn begin(&self, line: &Connection, request: Request<Body>) -> Begun {
        let Some(place) = line.request() else {
            return Begun::Ignored;
        };
        let path = request.uri().path();
        let outside = path == "/" || path == "/sandbox" || path.starts_with("/sandbox/");
        if let Some(control) = self.control.as_ref().filter(|_| outside) {
            return Begun::Control(control.clone(), request);
        }
        if cors::is_preflight(&request) {
            return Begun::Preflight(request.into_parts().0.headers);
        }
        let (parts, body) = request.into_parts();
        let target = Target::of(self.origin, &parts);
        let number = self.middleware.arrived(self.origin, &parts, target);
        let fault = target.and_then(|target| {
            let event = Event::Request(target.id());
            self.middleware.faults().decide(self.origin, event)
        });
        if let Some(fault) = &fault {
            self.middleware.hit(number, fault);
        }
        let unread = Unread {
            number,
            place,
            target,
            parts,
            body,
        };
        // At once, so that none of the later requests that it is about is begun.
        if fault == Some(Fault::GoAway { acted: false }) && unread.is_http2() {
            line.go_away(place);
        }
        Begun::Request(unread, fault)
    }

    async fn respond(
        self: &Arc<Self>,
        line: &Connection,
        unread: Unread,
        fault: Option<Fault>,
    ) -> Result<Response<Body>, Ended> {
        let number = unread.number;
        let is_cross_origin = unread.parts.headers.contains_key(header::ORIGIN);
        let responded = match &fault {
            Some(fault) => self.faulty(line, fault, unread).await,
            None => self.regular(unread).await.map(|it| it.map(Body::from)),
        };
        let mut response = match responded {
            Ok(response) => response,
            Err(Broken::Rejected(rejection)) => rejection.into_response(),
            Err(Broken::Ended(ended)) => return Err(ended),
        };
        self.middleware.date(&mut response);
        if is_cross_origin {
            cors::allow(&mut response);
        }
        self.middleware.responded(number, response.status());
        Ok(response)
    }

    /// The regular response.
    pub(super) async fn regular(&self, unread: Unread) -> Result<Response<Bytes>, Broken> {
        let asked = self.read(unread).await?;
        Ok(self.act(asked).await)
    }

    /// Reads the body of a request.
    pub(super) async fn read(&self, unread: Unread) -> Result<Asked, Broken> {
        let Unread {
            number,
            target,
            parts,
            ..
        } = unread;
        let body = read(unread.body).await.map_err(Broken::Rejected)?;
        self.middleware.read(number, &parts.headers, &body);
        Ok(Asked {
            number,
            target,
            parts,
            body,
        })
    }

    /// Does what is asked for, and takes note of it.
    pub(super) async fn act(&self, asked: Asked) -> Response<Bytes> {
        let Asked {
            number,
            target,
            mut parts,
            body: sent,
        } = asked;
        // A request without a valid token isn't validated further.
        let admitted = self.origin == Origin::Api && self.middleware.admit(&mut parts.headers);
        let headers = parts.headers.clone();
        let response = match admitted.then(|| spec::check(&parts, &sent)) {
            Some(Err(rejection)) => rejection.into_response(),
            Some(Ok(())) | None => {
                let request = Request::from_parts(parts, Body::from(sent.clone()));
                call(&self.operations, request).await
            }
        };
        let (mut parts, body) = response.into_parts();
        // The routes respond from memory: reading it can't fail.
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap_or_default();
        let length = body.len();
        let body = self.middleware.with_reachable_link(&headers, body);
        if body.len() != length {
            parts.headers.remove(header::CONTENT_LENGTH);
        }
        self.middleware.acted(number, parts.status);
        if let Some(Target::Api(operation)) = target {
            self.middleware.done(operation, &sent, parts.status, &body);
        }
        Response::from_parts(parts, body)
    }
}

async fn call(routes: &Router, request: Request<Body>) -> Response<Body> {
    match routes.clone().call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

async fn read(body: Body) -> Result<Bytes, Rejection> {
    match Limited::new(body, LONGEST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Rejection::too_long(LONGEST)),
        Err(error) => Err(Rejection::malformed(format!("body: it broke off: {error}"))),
    }
}

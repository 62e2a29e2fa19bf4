//! One request, from its arrival to its answer.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Request, Response, request};
use axum::response::IntoResponse;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Incoming;
use tower::Service;

use super::Origin;
use super::line::{Line, Reset};
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
    /// Answers, or has the connection reset.
    pub async fn handle(
        &self,
        _line: &Line,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Reset> {
        let path = request.uri().path();
        let outside = path == "/" || path == "/sandbox" || path.starts_with("/sandbox/");
        if let Some(control) = self.control.as_ref().filter(|_| outside) {
            return Ok(call(control, request.map(Body::new)).await);
        }
        let (parts, body) = request.into_parts();
        let target = Target::of(self.origin, &parts);
        let number = self.front.arrived(self.origin, &parts, target);
        let mut answer = match read(body).await {
            Ok(body) => {
                self.front.read(number, &parts.headers, &body);
                self.act(target, parts, body).await
            }
            Err(rejection) => rejection.into_response(),
        };
        self.front.date(&mut answer);
        self.front.answered(number, answer.status());
        Ok(answer)
    }

    /// Does what is asked for, and takes note of it.
    async fn act(
        &self,
        target: Option<Target>,
        mut parts: request::Parts,
        sent: Bytes,
    ) -> Response<Body> {
        // Who may not come in isn't told what would be wrong next.
        if self.origin == Origin::Api
            && self.front.admit(&mut parts.headers)
            && let Err(rejection) = spec::check(&parts, &sent)
        {
            return rejection.into_response();
        }
        let request = Request::from_parts(parts, Body::from(sent.clone()));
        let (parts, body) = call(&self.operations, request).await.into_parts();
        // The routes answer from memory: reading it can't fail.
        let body = axum::body::to_bytes(body, usize::MAX)
            .await
            .unwrap_or_default();
        if let Some(Target::Api(operation)) = target {
            self.front.acted(operation, &sent, parts.status, &body);
        }
        Response::from_parts(parts, Body::from(body))
    }
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

//! Middleware of the API: checks tokens and records requests.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header, request};
use axum::response::Response;
use cargo_batch_types::BatchUuid;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::Origin;
use crate::clock::written;
use crate::creation_record::{CreationRecord, Creations};
use crate::faults::responses::http_date;
use crate::faults::{ActivePlan, Fault, FaultPlan, InvalidPlan, changed};
use crate::recorded_request::{Log, RecordedRequest, shown, without_signature};
use crate::server::Listener;
use crate::spec::{self, Found, Operation};
use crate::state::{App, File};

/// Everything that both ports, the control endpoints and the library share.
pub struct Middleware {
    pub app: App,
    pub base_url: String,
    /// Whether responses are checked against the specification.
    checked: bool,
    tokens: RwLock<Tokens>,
    log: Mutex<Log>,
    created: Mutex<Creations>,
    violations: Mutex<Vec<String>>,
    faults: Mutex<ActivePlan>,
    api: Listener,
    storage: Listener,
}

/// The token that lets in, and those that did before.
struct Tokens {
    current: String,
    past: Vec<String>,
}

/// What a request is for.
#[derive(Clone, Copy)]
pub enum Target {
    /// An operation of the API.
    Api(&'static Operation),
    /// One of storage's two, which the specification doesn't describe.
    Storage(&'static str),
}

impl Target {
    /// The id of the operation.
    pub fn id(self) -> &'static str {
        match self {
            Self::Api(operation) => &operation.id,
            Self::Storage(id) => id,
        }
    }

    /// What a request is for, if it is for anything.
    pub fn of(origin: Origin, parts: &request::Parts) -> Option<Self> {
        match origin {
            Origin::Api => match spec::find(&parts.method, parts.uri.path()) {
                Found::Operation(operation) => Some(Self::Api(operation)),
                Found::OtherMethods(_) | Found::Nothing => None,
            },
            Origin::Storage => match parts.method.as_str() {
                "GET" | "HEAD" => Some(Self::Storage("storage_get")),
                "PUT" => Some(Self::Storage("storage_put")),
                _ => None,
            },
        }
    }
}

impl Middleware {
    pub fn new(app: App, base_url: String, checked: bool) -> Self {
        let tokens = Tokens {
            current: app.token().to_owned(),
            past: Vec::new(),
        };
        Self {
            app,
            base_url,
            checked,
            tokens: RwLock::new(tokens),
            log: Mutex::default(),
            created: Mutex::default(),
            violations: Mutex::default(),
            faults: Mutex::default(),
            api: Listener::new(),
            storage: Listener::new(),
        }
    }

    /// The listener of a port.
    pub fn listener(&self, origin: Origin) -> &Listener {
        match origin {
            Origin::Api => &self.api,
            Origin::Storage => &self.storage,
        }
    }

    /// Puts a plan in force in place of the one before; when this is done, ports that are to be
    /// closed are closed.
    pub async fn arm(&self, plan: FaultPlan) -> Result<(), InvalidPlan> {
        let armed = ActivePlan::new(plan)?;
        let mut closed = [None, None];
        for (operation, seconds) in armed.refusals() {
            for (time, name) in closed.iter_mut().zip(["api", "storage"]) {
                if ["*", name].contains(&operation) {
                    let new = Duration::try_from_secs_f64(seconds).unwrap_or_default();
                    *time = (*time).max(Some(new));
                }
            }
        }
        *self.faults() = armed;
        for (listener, time) in [&self.api, &self.storage].into_iter().zip(closed) {
            match time {
                Some(time) => listener.close_for(time).await,
                None => listener.open().await,
            }
        }
        Ok(())
    }

    /// The plan in force.
    pub fn faults(&self) -> MutexGuard<'_, ActivePlan> {
        lock(&self.faults)
    }

    /// Replaces the token.
    pub fn revoke(&self) {
        let mut tokens = self.tokens.write().unwrap_or_else(PoisonError::into_inner);
        let new = format!("{}-{}", self.app.token(), tokens.past.len() + 2);
        let old = std::mem::replace(&mut tokens.current, new);
        tokens.past.push(old);
    }

    /// Replaces the file behind a signed URL.
    pub fn change_content(&self, uri: &Uri) {
        let query = uri.query().unwrap_or_default();
        let key = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "key");
        if let Some((_, key)) = key
            && let Some(file) = self.app.state().files.get_mut(&*key)
        {
            *file = File::new(changed(&file.content), &file.content_type);
        }
    }

    /// Takes note of the fault that has hit a request.
    pub fn hit(&self, number: u64, fault: &Fault) {
        if let Some(request) = self.log().get(number) {
            request.fault = Some(fault.kind());
        }
    }

    /// The token that lets in now.
    pub fn token(&self) -> String {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        tokens.current.clone()
    }

    /// Whether a request carries the token. If so, what is behind sees the one it knows.
    pub fn admit(&self, headers: &mut HeaderMap) -> bool {
        let carried = bearer(headers).is_some_and(|carried| carried == self.token());
        let known = HeaderValue::try_from(format!("Bearer {}", self.app.token()));
        match known {
            Ok(known) if carried => headers.insert(header::AUTHORIZATION, known),
            _ => headers.remove(header::AUTHORIZATION),
        };
        carried
    }

    /// Takes note of a request.
    pub fn arrived(&self, origin: Origin, parts: &request::Parts, target: Option<Target>) -> u64 {
        let query = parts.uri.query().unwrap_or_default();
        let query = match origin {
            Origin::Api => query.to_owned(),
            Origin::Storage => without_signature(query),
        };
        self.log().push(RecordedRequest {
            number: 0,
            at: written(self.app.now()),
            origin,
            method: parts.method.to_string(),
            path: self.without_token(parts.uri.path().to_owned()),
            query: self.without_token(query),
            operation: target.map(|target| target.id().to_owned()),
            body: None,
            body_length: None,
            carried_token: bearer(&parts.headers).is_some_and(|carried| {
                let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
                tokens.current == carried || tokens.past.iter().any(|past| past == carried)
            }),
            status: None,
            acted_at: None,
            fault: None,
        })
    }

    /// Adds its body to what is known of a request.
    pub fn read(&self, number: u64, headers: &HeaderMap, body: &Bytes) {
        let text = shown(headers, body).map(|text| self.without_token(text));
        if let Some(request) = self.log().get(number) {
            request.body = text;
            request.body_length = Some(body.len() as u64);
        }
    }

    /// Adds the response.
    pub fn responded(&self, number: u64, status: StatusCode) {
        if let Some(request) = self.log().get(number) {
            request.status = Some(status.as_u16());
        }
    }

    /// Adds that what is asked for has been done, if it has.
    pub fn acted(&self, number: u64, status: StatusCode) {
        let now = written(self.app.now());
        if let Some(request) = self.log().get(number).filter(|_| status.is_success()) {
            request.acted_at = Some(now);
        }
    }

    /// Takes note of what an operation has done, whether or not its client learns of it.
    pub fn done(&self, operation: &Operation, sent: &[u8], status: StatusCode, response: &[u8]) {
        if status.is_success() {
            self.created().note(&operation.id, sent, response);
        }
        if !self.checked {
            return;
        }
        if let Some(wrong) = operation.check_response(status.as_u16(), response) {
            let violation = format!("{} returned {status} with {wrong}", operation.id);
            lock(&self.violations).push(violation);
        }
    }

    /// An address of the sandbox as the sender of a request with these headers can reach it: one that
    /// listens everywhere doesn't know by itself under which name.
    pub fn reachable(&self, url: &str, headers: &HeaderMap) -> String {
        for everywhere in ["http://0.0.0.0:", "http://[::]:"] {
            let name = headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok()?.parse::<Authority>().ok());
            if let Some(rest) = url.strip_prefix(everywhere)
                && let Some(name) = name
            {
                return format!("http://{}:{rest}", name.host());
            }
        }
        url.to_owned()
    }

    /// A response whose signed URL can be reached by the caller.
    pub fn with_reachable_link(&self, headers: &HeaderMap, body: Bytes) -> Bytes {
        let storage = self.app.storage_url();
        if self.reachable(storage, headers) == storage {
            return body;
        }
        match serde_json::from_slice::<Value>(&body) {
            Ok(mut response) if response["url"].is_string() => {
                let url = response["url"].as_str().unwrap_or_default();
                response["url"] = self.reachable(url, headers).into();
                response.to_string().into()
            }
            _ => body,
        }
    }

    /// The time of the clock that writes `Date`.
    pub fn date_now(&self) -> DateTime<Utc> {
        let now = self.app.now();
        self.app.state().settings.date(now)
    }

    /// Adds the `Date` of a response, if responses have one.
    pub fn date(&self, response: &mut Response) {
        if !self.app.state().settings.sends_date {
            return;
        }
        if let Ok(date) = HeaderValue::try_from(http_date(self.date_now())) {
            response.headers_mut().insert(header::DATE, date);
        }
    }

    pub fn log(&self) -> MutexGuard<'_, Log> {
        lock(&self.log)
    }

    fn created(&self) -> MutexGuard<'_, Creations> {
        lock(&self.created)
    }

    /// What was created.
    pub fn all_created(&self) -> Vec<CreationRecord> {
        self.created().all().to_vec()
    }

    /// The batches that were created.
    pub fn created_batches(&self) -> Vec<BatchUuid> {
        self.created().batches().to_vec()
    }

    /// Responses that broke the specification.
    pub fn violations(&self) -> Vec<String> {
        lock(&self.violations).clone()
    }

    /// A text with its tokens redacted.
    fn without_token(&self, text: String) -> String {
        let tokens = self.tokens.read().unwrap_or_else(PoisonError::into_inner);
        let all = tokens.past.iter().chain([&tokens.current]);
        all.fold(text, |text, token| match text.contains(token) {
            true => text.replace(token, "hidden"),
            false => text,
        })
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

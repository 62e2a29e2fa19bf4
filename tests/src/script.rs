//! A server that responds as a test says, on the test's own runtime, so that paused time stands still
//! for both.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use axum::serve::ListenerExt;
use cargo_batch_client::{Client, ClientBuilder};
use serde_json::Value;
use tokio::time::Instant;

/// The token that scripted clients carry.
pub const TOKEN: &str = "tok-very-secret";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// `GET /v1/orchestration/batches/...`
    pub line: String,
    /// The query, decoded.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// How long after the start of the script it came.
    pub at: Duration,
    /// How many came before it.
    pub number: usize,
}

impl Seen {
    /// All values of a query parameter.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let found = self.query.iter().filter(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str()).collect()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it isn't.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a JSON body")
    }
}

type ApiResult = Box<dyn Fn(&Seen) -> Response<Body> + Send + Sync>;

/// A scripted server; it ends with the runtime.
#[derive(Clone)]
pub struct Script {
    base_url: String,
    inner: Arc<Inner>,
}

struct Inner {
    start: Instant,
    seen: Mutex<Vec<Seen>>,
    response: ApiResult,
}

impl Script {
    /// Starts a server on a free port of loopback.
    ///
    /// # Panics
    /// When there is none.
    pub async fn start(response: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let base_url = format!("http://{}/v1", listener.local_addr().expect("an address"));
        let inner = Arc::new(Inner {
            start: Instant::now(),
            seen: Mutex::new(Vec::new()),
            response: Box::new(response),
        });
        let routes = Router::new().fallback(handle).with_state(inner.clone());
        // The system would hold back what is written in two parts until the first is acknowledged, by its own
        // clock, which paused time doesn't wait for.
        let listener = listener.tap_io(|stream| {
            stream.set_nodelay(true).expect("a connection");
        });
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Self { base_url, inner }
    }

    /// Where it listens.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// A client of it.
    ///
    /// # Panics
    /// When none can be created.
    pub fn client(&self) -> Client {
        self.builder().build().expect("a client")
    }

    /// A client of it, to be set up further.
    pub fn builder(&self) -> ClientBuilder {
        Client::builder(TOKEN)
            .base_url(&self.base_url)
            .jitter_seed(1)
    }

    /// Everything it has received.
    ///
    /// # Panics
    /// When a response has panicked.
    pub fn seen(&self) -> Vec<Seen> {
        self.inner.seen.lock().expect("no response panics").clone()
    }

    /// What it has received at a line such as `GET /v1/orchestration/batches/list`.
    pub fn seen_at(&self, line: &str) -> Vec<Seen> {
        self.seen()
            .into_iter()
            .filter(|seen| seen.line == line)
            .collect()
    }
}

async fn handle(State(inner): State<Arc<Inner>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, usize::MAX).await else {
        return status(400);
    };
    let query = parts.uri.query().unwrap_or_default();
    let at = inner.start.elapsed();
    let seen = {
        let mut all = inner.seen.lock().expect("no response panics");
        let seen = Seen {
            line: format!("{} {}", parts.method, parts.uri.path()),
            query: form_urlencoded::parse(query.as_bytes())
                .into_owned()
                .collect(),
            headers: parts.headers,
            body,
            at,
            number: all.len(),
        };
        all.push(seen.clone());
        seen
    };
    (inner.response)(&seen)
}

/// A response of JSON.
pub fn json(value: Value) -> Response<Body> {
    axum::Json(value).into_response()
}

/// A response of nothing but a status.
///
/// # Panics
/// When it isn't one.
pub fn status(code: u16) -> Response<Body> {
    StatusCode::from_u16(code)
        .expect("a status")
        .into_response()
}

/// A success of something else than the API.
pub fn html() -> Response<Body> {
    axum::response::Html("<h1>Back soon</h1>").into_response()
}

/// A batch as the API would write it, with a few fields as the test wants them.
///
/// # Panics
/// When the fixture is broken.
pub fn batch(fields: Value) -> Value {
    let mut batch: Value =
        serde_json::from_str(include_str!("../fixtures/batch.json")).expect("a JSON fixture");
    for (name, value) in fields.as_object().into_iter().flatten() {
        batch[name] = value.clone();
    }
    batch
}

/// The n-th of as many distinct ids as a test may want.
pub fn uuid(n: usize) -> String {
    format!("00000000-0000-4000-8000-{n:012}")
}

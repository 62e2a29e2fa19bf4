//! A server of minimal cost, so that the client is what is measured.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, ETAG, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::{Result, samples};

/// A server on loopback, on a thread of its own, until the process ends.
pub struct Server {
    /// `http://127.0.0.1:PORT`
    pub origin: String,
    shared: Arc<Shared>,
}

struct Shared {
    origin: String,
    one: Bytes,
    many: Bytes,
    few: Bytes,
    requests: AtomicU64,
    lists: AtomicU64,
}

/// Rows of the file `many.csv`.
pub const MANY_ROWS: u64 = 200_000;

/// Rows of the file `few.csv`.
pub const FEW_ROWS: u64 = 5_000;

/// List requests after which all batches of [`crate::watch`] change their state.
const LISTS_PER_TICK: u64 = 100;

/// The states of each round, which repeat.
pub const STATUSES: [&str; 3] = ["pending", "running", "success"];

impl Server {
    /// Starts a server on a free port.
    pub fn start() -> Result<Self> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address: SocketAddr = listener.local_addr()?;
        let origin = format!("http://{address}");
        let shared = Arc::new(Shared {
            origin: origin.clone(),
            one: samples::one(),
            many: samples::csv(MANY_ROWS),
            few: samples::csv(FEW_ROWS),
            requests: AtomicU64::new(0),
            lists: AtomicU64::new(0),
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serving = shared.clone();
        std::thread::spawn(move || runtime.block_on(serve(listener, serving)));
        Ok(Self { origin, shared })
    }

    /// Returns the number of requests since the last call.
    pub fn requests(&self) -> u64 {
        self.shared.requests.swap(0, Ordering::Relaxed)
    }
}

async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) -> std::io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let shared = shared.clone();
        let service = service_fn(move |request| {
            let shared = shared.clone();
            async move { Ok::<_, Infallible>(shared.respond(request).await) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

impl Shared {
    async fn respond(&self, request: Request<Incoming>) -> Response<Content> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let (head, body) = request.into_parts();
        let path = head.uri.path();
        match path.split('/').collect::<Vec<_>>()[..] {
            [_, "v1", "orchestration", "batches", "list"] => {
                let tick = self.lists.fetch_add(1, Ordering::Relaxed) / LISTS_PER_TICK;
                let status = STATUSES
                    .iter()
                    .cycle()
                    .nth((tick % STATUSES.len() as u64) as usize);
                json(list(
                    head.uri.query().unwrap_or_default(),
                    status.unwrap_or(&""),
                ))
            }
            [_, "v1", "orchestration", "batches", _] if head.method == Method::GET => {
                json(self.one.clone())
            }
            [_, "v1", "orchestration", "batches"] => {
                drain(body).await;
                json(self.one.clone())
            }
            [_, "v1", "orchestration", "batches", _, "download"] => {
                let wanted = read(body).await["outputNodeSlug"].take();
                let url = format!("{}/files/{}", self.origin, text(&wanted));
                json(json!({ "url": url }).to_string().into())
            }
            [_, "v1", "workspaceManagement", "files", "multipart", step] => {
                let request = read(body).await;
                let response = match step {
                    "create" => json!({ "s3Filename": "leads.csv", "uploadId": "upload" }),
                    "sign" => {
                        json!({ "url": format!("{}/parts/{}", self.origin, request["partNumber"]) })
                    }
                    _ => json!({ "s3Filename": "leads.csv" }),
                };
                json(response.to_string().into())
            }
            [_, "parts", part] => {
                drain(body).await;
                let mut response = Response::new(Content::Whole(None));
                if let Ok(tag) = HeaderValue::try_from(format!("\"{part}\"")) {
                    response.headers_mut().insert(ETAG, tag);
                }
                response
            }
            [_, "files", "many.csv"] => Response::new(Content::Whole(Some(self.many.clone()))),
            [_, "files", "few.csv"] => Response::new(Content::Whole(Some(self.few.clone()))),
            [_, "files", bytes] => Response::new(Content::Zeros {
                left: bytes.parse().unwrap_or(0),
            }),
            _ => {
                let mut response = Response::new(Content::Whole(None));
                *response.status_mut() = hyper::StatusCode::NOT_FOUND;
                response
            }
        }
    }
}

/// Returns the batches of a query.
fn list(query: &str, status: &str) -> Bytes {
    let batches: Vec<Value> = query
        .split('&')
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            name.starts_with("uuids").then_some(value)?.parse().ok()
        })
        .map(|id| samples::batch(id, status))
        .collect();
    json!({ "batches": batches }).to_string().into()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn json(body: Bytes) -> Response<Content> {
    let mut response = Response::new(Content::Whole(Some(body)));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

async fn drain(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

async fn read(body: Incoming) -> Value {
    let body = body
        .collect()
        .await
        .map(|whole| whole.to_bytes())
        .unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

/// The body of a response.
enum Content {
    Whole(Option<Bytes>),
    Zeros { left: u64 },
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Frame<Bytes>, Infallible>>> {
        static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
        let data = match self.get_mut() {
            Self::Whole(data) => data.take(),
            Self::Zeros { left: 0 } => None,
            Self::Zeros { left } => {
                let size = (*left).min(ZEROS.len() as u64);
                *left -= size;
                let size = usize::try_from(size).unwrap_or(ZEROS.len());
                Some(Bytes::from_static(&ZEROS[..size]))
            }
        };
        Poll::Ready(data.map(|data| Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Zeros { left: 0 })
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(match self {
            Self::Whole(data) => data.as_ref().map_or(0, |data| data.len() as u64),
            Self::Zeros { left } => *left,
        })
    }
}

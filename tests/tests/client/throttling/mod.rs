//! Servers that ask for fewer requests, servers that are away for a while, and how many requests are in
//! flight.

mod in_flight;
mod limits;
mod outages;
mod too_many_requests;

use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use cargo_batch_client::types::{BatchUuid, CreateBatchData, CreateBatchRequest};
use cargo_batch_client::{Client, Error};
use cargo_batch_tests::script::{batch, json, status, uuid};
use serde_json::json as value;
use tokio::task::JoinSet;
use tokio::time::Instant;

const CREATE: &str = "POST /v1/orchestration/batches";

fn id() -> BatchUuid {
    uuid(1).parse().unwrap()
}

fn get(number: usize) -> String {
    format!("GET /v1/orchestration/batches/{}", uuid(number))
}

fn one_batch() -> Response<Body> {
    json(value!({ "batch": batch(value!({ "status": "success" })) }))
}

fn refused(after: Option<u64>) -> Response<Body> {
    let mut response = status(429);
    if let Some(after) = after {
        let headers = response.headers_mut();
        headers.insert("retry-after", after.to_string().parse().unwrap());
    }
    response
}

fn request(number: usize) -> CreateBatchRequest {
    CreateBatchRequest::new(CreateBatchData::file(format!("{number}.csv")))
}

/// So many calls at once, and when each succeeded.
async fn at_once(
    client: &Client,
    count: usize,
    call: impl AsyncCall,
) -> Vec<Result<Duration, Error>> {
    let start = Instant::now();
    let mut calls = JoinSet::new();
    for number in 0..count {
        let call = call.start(client.clone(), number);
        calls.spawn(async move { call.await.map(|()| start.elapsed()) });
    }
    calls.join_all().await
}

/// A call by its number.
trait AsyncCall {
    fn start(&self, client: Client, number: usize) -> Call;
}

type Call = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

impl<F: Future<Output = Result<(), Error>> + Send + 'static, C: Fn(Client, usize) -> F> AsyncCall
    for C
{
    fn start(&self, client: Client, number: usize) -> Call {
        Box::pin(self(client, number))
    }
}

async fn read(client: Client, _: usize) -> Result<(), Error> {
    client.get_batch(id()).await.map(drop)
}

async fn create(client: Client, number: usize) -> Result<(), Error> {
    client.create_batch(request(number)).await.map(drop)
}

/// A response whose body comes later.
fn delayed(response: Response<Body>, latency: Duration) -> Response<Body> {
    if latency.is_zero() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    parts.headers.remove("content-length");
    let body = futures_util::stream::once(async move {
        tokio::time::sleep(latency).await;
        axum::body::to_bytes(body, usize::MAX).await
    });
    Response::from_parts(parts, Body::from_stream(body))
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

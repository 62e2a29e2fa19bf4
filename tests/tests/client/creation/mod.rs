//! Creating exactly once: a server that keeps batches, and whose responses to creations get lost.

mod dropped;
mod listing;
mod max_records;
mod noted;
mod omission;
mod once;
mod saved;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::http::Response;
use cargo_batch_client::types::{
    CreateBatchData, CreateBatchRequest, CreateFilterData, Filter, ModelUuid, NumberCondition,
    SegmentUuid, WorkflowUuid,
};
use cargo_batch_client::{BatchCreation, Client};
use cargo_batch_tests::script::{Script, Seen, batch, json, status, uuid};
use serde_json::{Value, json as value};

const CREATE: &str = "POST /v1/orchestration/batches";
const ACTION: &str = "POST /v1/orchestration/actions/execute-batch";
const LIST: &str = "GET /v1/orchestration/batches/list";
const PREVIEW: &str = "POST /v1/orchestration/batches/preview";
const UPLOAD: &str = "POST /v1/workspaceManagement/files/upload";

/// A server that keeps batches, and whose responses to creations get lost as a test says.
#[derive(Clone, Default)]
struct Fixtures {
    batches: Arc<Mutex<Vec<Value>>>,
    /// How many creations have come.
    creations: Arc<AtomicUsize>,
    /// How many records a preview counts.
    records: Arc<AtomicUsize>,
}

/// Returns the server's date so many seconds after the start.
fn at(seconds: f64) -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::from_timestamp_millis(1_768_471_200_000 + (seconds * 1000.0) as i64).unwrap()
}

/// Returns the seconds after the start at which a batch was created.
fn created(batch: &Value) -> f64 {
    let date: chrono::DateTime<chrono::Utc> =
        serde_json::from_value(batch["createdAt"].clone()).unwrap();
    (date.timestamp_millis() - 1_768_471_200_000) as f64 / 1000.0
}

impl Fixtures {
    /// Creates a batch that was or will be created so many seconds after the start.
    fn make(&self, seconds: f64, workflow: &Value, data: Value) -> Value {
        let mut batches = self.batches.lock().unwrap();
        let created = batch(value!({
            "uuid": uuid(1000 + batches.len()), "workflowUuid": workflow, "data": data,
            "createdAt": at(seconds), "updatedAt": at(seconds), "finishedAt": null,
            // When it can be seen.
            "visible": seconds,
        }));
        batches.push(created.clone());
        created
    }

    /// Changes the batch that was created last.
    fn change(&self, change: impl FnOnce(&mut Value)) {
        change(self.batches.lock().unwrap().last_mut().unwrap());
    }

    fn count(&self) -> usize {
        self.batches.lock().unwrap().len()
    }

    /// How many creations the server has received.
    fn sent(&self) -> usize {
        self.creations.load(Ordering::SeqCst)
    }

    /// Carries a creation out as the API would, so many seconds late.
    fn act(&self, seen: &Seen, late: f64) -> Value {
        let request = seen.json();
        let workflow = request.get("workflowUuid").cloned();
        let mut data = match seen.line.as_str() {
            ACTION => value!({ "kind": "form", "webhookUrl": request["webhookUrl"] }),
            _ => request["data"].clone(),
        };
        if data["kind"] == "records" || data["kind"] == "form" {
            data.as_object_mut().unwrap().remove("records");
            data["s3Filename"] = "kept.json".into();
        }
        let made = self.make(
            seen.at.as_secs_f64() + late,
            &workflow.unwrap_or_else(|| uuid(8).into()),
            data,
        );
        value!({ "batch": made })
    }

    /// The batches that can be seen at that time, and belong to the workflow that is asked for.
    fn shown(&self, seen: &Seen) -> Vec<Value> {
        let now = seen.at.as_secs_f64();
        let workflows = seen.values("workflowUuids[]");
        let batches = self.batches.lock().unwrap();
        let is_shown = |batch: &&Value| {
            batch["visible"].as_f64().unwrap() <= now
                && (workflows.is_empty()
                    || workflows.contains(&batch["workflowUuid"].as_str().unwrap()))
        };
        batches.iter().filter(is_shown).cloned().collect()
    }

    /// The newest first.
    fn list(&self, seen: &Seen) -> Response<Body> {
        let mut shown = self.shown(seen);
        shown.sort_by(|left, right| created(right).total_cmp(&created(left)));
        page(seen, shown)
    }

    fn get(&self, seen: &Seen) -> Response<Body> {
        let id = seen.line.rsplit('/').next().unwrap();
        let batches = self.batches.lock().unwrap();
        match batches.iter().find(|batch| batch["uuid"] == id) {
            Some(batch) => json(value!({ "batch": batch })),
            None => status(404),
        }
    }

    /// A server that responds to creations as `create` says, and everything else as it should. To it, a
    /// request's number is that of the creation.
    async fn serve(
        &self,
        create: impl Fn(&Fixtures, &Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> (Script, Client) {
        self.serve_list(create, Fixtures::list).await
    }

    /// The same, with a list as `list` says.
    async fn serve_list(
        &self,
        create: impl Fn(&Fixtures, &Seen) -> Response<Body> + Send + Sync + 'static,
        list: impl Fn(&Fixtures, &Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> (Script, Client) {
        let fixtures = self.clone();
        let script = Script::start(move |seen| match seen.line.as_str() {
            CREATE | ACTION => {
                let mut seen = seen.clone();
                seen.number = fixtures.creations.fetch_add(1, Ordering::SeqCst);
                create(&fixtures, &seen)
            }
            LIST => list(&fixtures, seen),
            PREVIEW => json(value!({
                "records": [], "columns": [], "count": fixtures.records.load(Ordering::SeqCst),
            })),
            UPLOAD => json(value!({
                "s3Filename": format!("up-{}.csv", seen.number), "contentType": "text/csv",
                "name": "records.csv",
            })),
            _ => fixtures.get(seen),
        })
        .await;
        // Paused time jumps to the next timer whenever the runtime waits, for a socket as well: with this one
        // it never jumps past what was sent.
        tokio::spawn(async {
            let mut ticks = tokio::time::interval(std::time::Duration::from_millis(50));
            loop {
                ticks.tick().await;
            }
        });
        let client = script.client();
        (script, client)
    }
}

/// The page of a list that is asked for.
fn page(seen: &Seen, batches: Vec<Value>) -> Response<Body> {
    let number = |name: &str| -> usize { seen.values(name)[0].parse().unwrap() };
    let page = batches
        .into_iter()
        .skip(number("offset"))
        .take(number("limit"));
    json(value!({ "batches": page.collect::<Vec<_>>() }))
}

/// Acts, and the response is lost.
fn lost(fixtures: &Fixtures, seen: &Seen) -> Response<Body> {
    fixtures.act(seen, 0.0);
    status(502)
}

/// Responds with a body that comes so many seconds later.
fn later(body: Value, seconds: f64) -> Response<Body> {
    let stream = futures_util::stream::once(async move {
        tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await;
        Ok::<_, std::io::Error>(Bytes::from(body.to_string()))
    });
    Response::new(Body::from_stream(stream))
}

/// Sends, and ends once the server has the request.
async fn killed(creation: BatchCreation, fixtures: &Fixtures) {
    let sent = fixtures.sent();
    let sending = tokio::spawn(async move { creation.create().await.map(drop) });
    while fixtures.sent() == sent && !sending.is_finished() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
    sending.abort();
    sending.await.ok();
}

fn workflow() -> WorkflowUuid {
    uuid(7).parse().unwrap()
}

fn model() -> ModelUuid {
    uuid(5).parse().unwrap()
}

fn segment() -> SegmentUuid {
    uuid(3).parse().unwrap()
}

fn request(data: impl Into<CreateBatchData>) -> CreateBatchRequest {
    CreateBatchRequest::new(data).workflow(workflow())
}

fn filter(above: u32) -> CreateFilterData {
    let condition = NumberCondition::greater_than("employees", above);
    CreateFilterData::new(model(), Filter::all(condition)).limit(10)
}

fn file(name: &str) -> CreateBatchRequest {
    request(CreateBatchData::file(name))
}

/// A file that the client has uploaded and not used.
async fn own_file(client: &Client) -> CreateBatchRequest {
    let uploaded = client
        .upload_file("leads.csv", "email\na@x.example\n")
        .await
        .unwrap();
    request(CreateBatchData::from(uploaded))
}

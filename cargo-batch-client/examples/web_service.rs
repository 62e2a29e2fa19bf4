//! A web service that starts batches: `cargo run --example web_service`
//!
//! `PUT /jobs/{name}` with a CSV file starts a batch for the job, or finds the one that it has: a request that is
//! repeated, cancelled or cut off by a restart pays for one batch. `GET /jobs/{name}` reports on it.

pub mod account;

use std::path::PathBuf;
use std::sync::Arc;

use account::Account;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::put;
use axum::{Json, Router};
use cargo_batch_client::types::{CreateBatchRequest, WorkflowUuid};
use cargo_batch_client::{Client, Error, SavedCreation};
use serde_json::{Value, json};
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let account = Account::open().await?;
    let folder = PathBuf::from("jobs");
    std::fs::create_dir_all(&folder)?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:3000").await?;
    println!("curl -X PUT --data-binary @leads.csv http://127.0.0.1:3000/jobs/leads");
    axum::serve(listener, service(&account, folder)).await?;
    Ok(())
}

/// Returns the routes. What they know of jobs is in a folder; a database would do as well.
pub fn service(account: &Account, folder: PathBuf) -> Router {
    let jobs = Jobs {
        client: account.client.clone(),
        workflow: account.workflow,
        folder,
        starting: Mutex::new(()),
    };
    Router::new()
        .route("/jobs/{name}", put(start).get(report))
        .with_state(Arc::new(jobs))
}

struct Jobs {
    client: Client,
    workflow: WorkflowUuid,
    folder: PathBuf,
    /// Two requests for one job must not both prepare a creation.
    starting: Mutex<()>,
}

type Reply = Result<Json<Value>, (StatusCode, String)>;

async fn start(State(jobs): State<Arc<Jobs>>, Path(name): Path<String>, csv: String) -> Reply {
    let file = jobs.file(&name)?;
    // In a task of its own: when the caller hangs up, the work is not dropped halfway.
    let job = tokio::spawn(async move { jobs.start(&file, csv).await });
    let uuid = job.await.map_err(failed)?.map_err(refused)?;
    Ok(Json(json!({ "batch": uuid })))
}

async fn report(State(jobs): State<Arc<Jobs>>, Path(name): Path<String>) -> Reply {
    let file = jobs.file(&name)?;
    let saved = SavedCreation::load_from(&file).await.map_err(failed)?;
    let saved = saved.ok_or((StatusCode::NOT_FOUND, format!("there is no job {name}")))?;
    // Finds the batch that was created, also where the process ended before it was written down.
    let batch = jobs
        .client
        .resume_creation(saved)
        .create()
        .await
        .map_err(refused)?;
    let batch = jobs.client.batch(batch.uuid).get().await.map_err(refused)?;
    Ok(Json(json!({
        "batch": batch.uuid,
        "status": batch.status,
        "runs": batch.runs_count,
        "executed": batch.executed_runs_count,
        "failed": batch.failed_runs_count,
    })))
}

impl Jobs {
    async fn start(&self, file: &std::path::Path, csv: String) -> Result<String, Error> {
        let _starting = self.starting.lock().await;
        let creation = match SavedCreation::load_from(file).await? {
            Some(saved) => self.client.resume_creation(saved),
            None => {
                let leads = self.client.upload_file("leads.csv", csv).await?;
                let request = CreateBatchRequest::new(leads).workflow(self.workflow);
                self.client.prepare_batch(request).await?
            }
        };
        // Before anything is spent, and with the batch's id after.
        creation.save().save_to(file).await?;
        let batch = creation.create().await?;
        creation.save().save_to(file).await?;
        Ok(batch.uuid.to_string())
    }

    /// Returns the file of a job, whose name the caller chose.
    fn file(&self, name: &str) -> Result<PathBuf, (StatusCode, String)> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(is_plain) {
            let message = "a job's name is letters, digits, - and _";
            return Err((StatusCode::BAD_REQUEST, message.to_owned()));
        }
        Ok(self.folder.join(format!("{name}.json")))
    }
}

/// What Cargo refused, or couldn't be reached for: the caller may send the same request again, as it is paid once.
fn refused(error: Error) -> (StatusCode, String) {
    let status = match error.is_retryable() {
        true => StatusCode::SERVICE_UNAVAILABLE,
        false => StatusCode::BAD_GATEWAY,
    };
    (status, format!("{error:#}"))
}

fn failed(error: impl std::fmt::Display) -> (StatusCode, String) {
    (StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
}

//! Files with what came of batches and runs.

use std::io::Write;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use cargo_batch_types::{
    BatchStatus, BatchUuid, DownloadBatchRequest, DownloadRunOutputsRequest, DownloadRunsRequest,
    Record, RunOutputsFormat,
};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::batches::not_found;
use super::runs::run_filter;
use super::{ApiResult, id, read, slice};
use crate::fixtures::Fixtures;
use crate::refusal::Refusal;
use crate::runs::RunView;
use crate::state::{App, State as Stored};
use crate::storage::sign;

/// The most runs whose outputs fit in one file.
const MOST_OUTPUTS: usize = 10_000;

/// Returns the signed URL of a new file.
fn signed_url(
    app: &App,
    state: &mut Stored,
    name: &str,
    content_type: &str,
    content: Vec<u8>,
) -> ApiResult {
    let s3_filename = state.store(name, content_type, content.into());
    Ok(Json(json!({ "url": sign(app, "file", &s3_filename, 0) })))
}

fn no_node(slug: &str) -> Refusal {
    Refusal::missing(format!("Node {slug} not found."))
}

/// The results of a batch.
pub async fn batch(State(app): State<App>, Path(uuid): Path<String>, body: Bytes) -> ApiResult {
    let request: DownloadBatchRequest = read(&body)?;
    let uuid: BatchUuid = id(&uuid)?;
    let slug = request.output_node_slug.as_deref();
    let mut state = app.state();
    let now = app.now();
    let batch = state.batch(uuid).ok_or_else(|| not_found(uuid))?;
    let status = batch.plan.at(now).status;
    if !status.is_terminal() {
        let message = "The batch has not finished.";
        return Err(Refusal::reason("batchNotFinished", message));
    }
    // Which batches have no download is not documented: those that did nothing is the sandbox's
    // choice.
    if status == BatchStatus::Skipped {
        let message = "The batch was skipped: it has no results.";
        return Err(Refusal::reason("batchNotSupported", message));
    }
    if let Some(slug) = slug
        && batch.graph.by_slug(slug).is_none()
    {
        return Err(no_node(slug));
    }
    let csv = results(RunView::all(batch, now).collect(), slug)?;
    signed_url(&app, &mut state, "results.csv", "text/csv", csv)
}

/// Each record with what came of it. The names of its own columns are those of the sandbox: the real
/// ones are not documented.
fn results(runs: Vec<RunView>, slug: Option<&str>) -> Result<Vec<u8>, Refusal> {
    let mut inputs = Columns::default();
    let mut outputs = Columns::default();
    let outcomes: Vec<Option<Record>> = runs.iter().map(|run| run.output(slug)).collect();
    runs.iter().for_each(|run| inputs.add(run.record()));
    outcomes
        .iter()
        .flatten()
        .for_each(|output| outputs.add(output));
    // An output that only repeats the input has no columns of its own.
    outputs.0.retain(|column, _| !inputs.0.contains_key(column));
    let mut writer = csv::Writer::from_writer(Vec::new());
    let own = ["sandbox_status", "sandbox_error_message"];
    let header = inputs.0.keys().chain(outputs.0.keys()).map(String::as_str);
    writer
        .write_record(header.chain(own))
        .map_err(Refusal::failed)?;
    for (run, output) in runs.iter().zip(&outcomes) {
        let input = inputs.0.keys().map(|column| cell(run.record().get(column)));
        let output = outputs.0.keys().map(|column| {
            let value = output.as_ref().and_then(|output| output.get(column));
            cell(value)
        });
        let status = run.standing().status.as_str().to_owned();
        let own = [status, run.failure().unwrap_or_default().to_owned()];
        writer
            .write_record(input.chain(output).chain(own))
            .map_err(Refusal::failed)?;
    }
    writer.into_inner().map_err(Refusal::failed)
}

/// Names of columns in the order of their appearance.
#[derive(Default)]
struct Columns(serde_json::Map<String, Value>);

impl Columns {
    fn add(&mut self, record: &Record) {
        for column in record.keys() {
            if !self.0.contains_key(column) {
                self.0.insert(column.clone(), Value::Null);
            }
        }
    }
}

fn cell(value: Option<&Value>) -> String {
    match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// What the files of runs begin with.
const OWN: [&str; 9] = [
    "_uuid",
    "_workspace_uuid",
    "_workflow_uuid",
    "_record_id",
    "_record_title",
    "_created_at",
    "_finished_at",
    "_status",
    "_error_message",
];

fn own(run: &RunView, fixtures: &Fixtures) -> [Option<String>; 9] {
    let standing = run.standing();
    [
        Some(run.plan().uuid.to_string()),
        Some(fixtures.workspace_uuid.to_string()),
        Some(run.batch.workflow.to_string()),
        Some(run.record_id().into_owned()),
        Some(run.record_title().into_owned()),
        Some(run.batch.clock.written(run.created())),
        standing.finished.map(|time| run.batch.clock.written(time)),
        Some(standing.status.as_str().to_owned()),
        run.failure().map(str::to_owned),
    ]
}

/// A table of runs, with the title of each node's execution.
pub async fn runs(State(app): State<App>, body: Bytes) -> ApiResult {
    let wanted = run_filter::<DownloadRunsRequest>(&body)?;
    let mut state = app.state();
    let runs: Vec<RunView> = wanted.find(&state, app.fixtures(), app.now()).collect();
    let mut slugs: Vec<&str> = Vec::new();
    for batch in runs.chunk_by(|one, other| one.batch.uuid == other.batch.uuid) {
        let nodes = batch.iter().take(1).flat_map(|run| run.batch.graph.nodes());
        for node in nodes {
            if !slugs.contains(&node.slug.as_str()) {
                slugs.push(&node.slug);
            }
        }
    }
    let zipped = GzEncoder::new(Vec::new(), Compression::fast());
    let mut writer = csv::Writer::from_writer(zipped);
    writer
        .write_record(OWN.iter().chain(&slugs))
        .map_err(Refusal::failed)?;
    for run in &runs {
        let own = own(run, app.fixtures()).map(Option::unwrap_or_default);
        let titles = slugs.iter().map(|slug| {
            let mut executions = run.executions();
            let execution = executions.find(|one| one.node.slug == *slug);
            execution.and_then(|one| one.title()).unwrap_or_default()
        });
        writer
            .write_record(own.into_iter().chain(titles))
            .map_err(Refusal::failed)?;
    }
    let mut zipped = writer.into_inner().map_err(Refusal::failed)?;
    zipped.flush().map_err(Refusal::failed)?;
    let content = zipped.finish().map_err(Refusal::failed)?;
    signed_url(&app, &mut state, "runs.csv.gz", "application/gzip", content)
}

/// What runs took and put out.
pub async fn outputs(State(app): State<App>, body: Bytes) -> ApiResult {
    let request: DownloadRunOutputsRequest = read(&body)?;
    let wanted = run_filter::<DownloadRunOutputsRequest>(&body)?;
    let json = match request.format {
        None | Some(RunOutputsFormat::Csv) => false,
        Some(RunOutputsFormat::Json) => true,
        Some(other) => {
            let message = format!("format is csv or json, not {:?}.", other.as_str());
            return Err(Refusal::malformed(message));
        }
    };
    let mut state = app.state();
    let found = wanted.find(&state, app.fixtures(), app.now());
    let runs: Vec<RunView> = slice(found, wanted.limit, wanted.offset)
        .take(MOST_OUTPUTS + 1)
        .collect();
    if runs.is_empty() {
        let message = "No run meets the filters.";
        return Err(Refusal::reason("noRunsFound", message));
    }
    if runs.len() > MOST_OUTPUTS {
        let message =
            format!("More than {MOST_OUTPUTS} runs meet the filters: use limit and offset.");
        return Err(Refusal::reason("tooManyRuns", message));
    }
    let slug = request.output_node_slug.as_deref();
    if let Some(slug) = slug
        && !runs
            .iter()
            .any(|run| run.batch.graph.by_slug(slug).is_some())
    {
        return Err(no_node(slug));
    }
    if json {
        let rows: Vec<Value> = runs
            .iter()
            .map(|run| object(run, slug, app.fixtures()))
            .collect();
        let content = serde_json::to_vec(&rows).map_err(Refusal::failed)?;
        return signed_url(
            &app,
            &mut state,
            "outputs.json",
            "application/json",
            content,
        );
    }
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(OWN.iter().chain(&["input", "output"]))
        .map_err(Refusal::failed)?;
    for run in &runs {
        let own = own(run, app.fixtures()).map(Option::unwrap_or_default);
        let text = |record: &Record| Value::Object(record.0.clone()).to_string();
        let output = run.output(slug).as_ref().map(text).unwrap_or_default();
        let row = own.into_iter().chain([text(run.record()), output]);
        writer.write_record(row).map_err(Refusal::failed)?;
    }
    let content = writer.into_inner().map_err(Refusal::failed)?;
    signed_url(&app, &mut state, "outputs.csv", "text/csv", content)
}

/// A run as one object of a JSON array.
fn object(run: &RunView, slug: Option<&str>, fixtures: &Fixtures) -> Value {
    let own = own(run, fixtures).map(Value::from);
    let names = OWN.iter().map(|name| (*name).to_owned());
    let mut row: serde_json::Map<String, Value> = names.zip(own).collect();
    row.insert("input".to_owned(), Value::Object(run.record().0.clone()));
    let output = run.output(slug).map(|output| Value::Object(output.0));
    row.insert("output".to_owned(), output.unwrap_or_default());
    Value::Object(row)
}

//! Failed runs, joined to the rows that the batch ran over.

use std::collections::{BTreeSet, HashMap};
#[cfg(not(target_arch = "wasm32"))]
use std::path::{Path, PathBuf};

use cargo_batch_types::{
    Batch, DownloadRunOutputsErrorReason, DownloadRunOutputsRequest, Record, Run, RunOutputsFormat,
    RunStatus, RunUuid,
};
use serde::Deserialize;
use serde_json::Value;

use crate::pending::Pending;
use crate::redact::escaped;
use crate::rows::RowError;
#[cfg(not(target_arch = "wasm32"))]
use crate::rows::Rows;
use crate::{BatchHandle, Client, Error, Reason, operations};

/// The rows that a batch ran over, as the caller has them: records, or a CSV file on this machine.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum InputRows {
    /// Records in memory.
    Records(Vec<Record>),
    /// A CSV file with commas, as it was uploaded. It is read once, row by row.
    #[cfg(not(target_arch = "wasm32"))]
    File(PathBuf),
}

/// A failed run and the row of the input that it was a run of; returned by
/// [`FinishedBatch::failed_rows`](crate::FinishedBatch::failed_rows).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct FailedRow {
    /// The run. Why it failed is its [`error_message`](Run::error_message).
    pub run: Run,
    /// The record that the run started with, as the API returns it. `None` where the API returns none, and where
    /// rows are joined [by the id of the record](FailedRows::by_record_id), which doesn't fetch it.
    pub input: Option<Record>,
    /// The row of the caller's input.
    pub row: RowMatch,
}

/// What a failed run has been joined to.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RowMatch {
    /// Exactly one row has the values of the run.
    One {
        /// The position of the row, counted from 0; the header of a file isn't counted.
        index: u64,
        /// The row. Values of a file are texts.
        row: Record,
    },
    /// Several rows have the values of the run: which of them it was can't be known.
    Ambiguous {
        /// The positions of the rows, counted from 0.
        indexes: Vec<u64>,
    },
    /// No row has the values of the run.
    Missing,
    /// The API returned no value of the run to join by.
    NoValue,
}

impl RowMatch {
    /// Returns the row, where it is exactly one.
    pub fn one(&self) -> Option<&Record> {
        match self {
            Self::One { row, .. } => Some(row),
            _ => None,
        }
    }
}

/// What a run and a row have to have in common.
#[derive(Clone, Debug)]
enum Key {
    /// All columns of the rows that are fields of the inputs.
    All,
    /// These columns of the rows, which are fields of the input of the run.
    Columns(Vec<String>),
    /// The column of the rows that holds the id of the record.
    RecordId(String),
}

/// The failed runs of a batch and their rows: await it for the list; returned by
/// [`FinishedBatch::failed_rows`](crate::FinishedBatch::failed_rows).
#[derive(Clone, Debug)]
#[must_use = "nothing is joined until it is awaited"]
pub struct FailedRows {
    client: Client,
    handle: BatchHandle,
    batch: Option<Batch>,
    rows: InputRows,
    key: Key,
}

impl FailedRows {
    pub(crate) fn new(
        client: Client,
        handle: BatchHandle,
        batch: Option<Batch>,
        rows: InputRows,
    ) -> Self {
        Self {
            client,
            handle,
            batch,
            rows,
            key: Key::All,
        }
    }

    /// Joins by this column, in place of all: its value in the row has to be the value of the field of the same name
    /// in the input of the run.
    ///
    /// Called more than once, all the columns have to be equal. It replaces [`by_record_id`](Self::by_record_id).
    pub fn by(mut self, column: impl Into<String>) -> Self {
        match &mut self.key {
            Key::Columns(columns) => columns.push(column.into()),
            key => *key = Key::Columns(vec![column.into()]),
        }
        self
    }

    /// Joins by the id of the record, in place of all columns: its value in this column of the rows has to be the
    /// [`record_id`](Run::record_id) of the run.
    ///
    /// It is for records that are in a model of the workspace, as those of a play, whose ids the caller has. Unknown:
    /// what the id is of a record that came in a file or a request. The inputs of the runs aren't fetched. It replaces
    /// [`by`](Self::by).
    pub fn by_record_id(mut self, column: impl Into<String>) -> Self {
        self.key = Key::RecordId(column.into());
        self
    }

    async fn join(self) -> Result<Vec<FailedRow>, Error> {
        let Self { client, key, .. } = self;
        let batch = match self.batch {
            Some(batch) => batch,
            None => self.handle.get().await?,
        };
        let failed = crate::handle::selection(&batch).statuses([RunStatus::Error]);
        let runs: Vec<Run> = client.list_runs(failed).items().try_collect().await?;
        if runs.is_empty() {
            return Ok(Vec::new());
        }
        let mut inputs = match key {
            Key::RecordId(_) => HashMap::new(),
            _ => inputs(&client, &batch).await?,
        };
        let mut source = Source::open(self.rows, &client).await?;
        let columns = source.columns(&key, &inputs).await?;
        let runs: Vec<(Run, Option<Record>)> = runs
            .into_iter()
            .map(|run| {
                let input = inputs.remove(&run.uuid);
                (run, input)
            })
            .collect();
        let wanted: Vec<Option<Values>> = runs
            .iter()
            .map(|(run, input)| match &key {
                Key::RecordId(_) => Some(vec![run.record_id.clone()]),
                _ => Some(values(input.as_ref()?, &columns)),
            })
            .map(|values| values.filter(|values| values.iter().any(|value| !value.is_empty())))
            .collect();
        let mut found: HashMap<Values, RowMatch> = wanted
            .iter()
            .flatten()
            .map(|values| (values.clone(), RowMatch::Missing))
            .collect();
        let mut index = 0;
        while let Some(row) = source.next().await? {
            if let Some(matched) = found.get_mut(&values(&row, &columns)) {
                matched.add(index, row);
            }
            index += 1;
        }
        let rows = runs.into_iter().zip(wanted);
        let rows = rows.map(|((run, input), wanted)| FailedRow {
            run,
            input,
            row: match wanted {
                Some(values) => found.get(&values).cloned().unwrap_or(RowMatch::Missing),
                None => RowMatch::NoValue,
            },
        });
        Ok(rows.collect())
    }
}

impl IntoFuture for FailedRows {
    type Output = Result<Vec<FailedRow>, Error>;
    type IntoFuture = Pending<Vec<FailedRow>>;

    fn into_future(self) -> Self::IntoFuture {
        Pending::new(self.join())
    }
}

/// The values that a row and a run are compared by, as texts; empty where there is none.
type Values = Vec<String>;

fn values(record: &Record, columns: &[String]) -> Values {
    let text = |column: &String| match record.get(column) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    columns.iter().map(text).collect()
}

impl RowMatch {
    fn add(&mut self, index: u64, row: Record) {
        match self {
            Self::One { index: first, .. } => {
                *self = Self::Ambiguous {
                    indexes: vec![*first, index],
                };
            }
            Self::Ambiguous { indexes } => indexes.push(index),
            _ => *self = Self::One { index, row },
        }
    }
}

/// What the API says of a run in the file of its outputs.
#[derive(Deserialize)]
struct Output {
    #[serde(rename = "_uuid")]
    uuid: RunUuid,
    #[serde(default)]
    input: Value,
}

/// Fetches the records that the failed runs of a batch started with.
async fn inputs(client: &Client, batch: &Batch) -> Result<HashMap<RunUuid, Record>, Error> {
    let request = DownloadRunOutputsRequest::new(batch.workflow_uuid)
        .batch(batch.uuid)
        .statuses([RunStatus::Error])
        .format(RunOutputsFormat::Json);
    let mut rows = client.run_outputs(request).rows::<Output>();
    let mut inputs = HashMap::new();
    while let Some(row) = rows.next().await {
        match row {
            Ok(Output { uuid, input }) => {
                if let Some(record) = record(input) {
                    inputs.insert(uuid, record);
                }
            }
            // That run has no input then, which its row says.
            Err(RowError::Deserialize { .. }) => {}
            Err(RowError::Download(error)) if error.reason() == Some(&NO_RUNS) => {}
            Err(RowError::Download(error)) => return Err(error),
        }
    }
    Ok(inputs)
}

const NO_RUNS: Reason = Reason::DownloadRunOutputs(DownloadRunOutputsErrorReason::NoRunsFound);

/// Returns an input as a record; unconfirmed is that the API writes it as an object, and not as the text of one.
fn record(input: Value) -> Option<Record> {
    match input {
        Value::Object(fields) => Some(Record(fields)),
        Value::String(text) => serde_json::from_str(&text).ok().map(Record),
        _ => None,
    }
}

/// The caller's rows, one after the other.
struct Source {
    first: Option<Record>,
    reader: Reader,
}

enum Reader {
    Records(std::vec::IntoIter<Record>),
    #[cfg(not(target_arch = "wasm32"))]
    File(Box<Rows<Record>>, PathBuf),
}

impl Source {
    #[cfg_attr(target_arch = "wasm32", allow(clippy::unused_async, unused_variables))]
    async fn open(rows: InputRows, client: &Client) -> Result<Self, Error> {
        let reader = match rows {
            InputRows::Records(records) => Reader::Records(records.into_iter()),
            #[cfg(not(target_arch = "wasm32"))]
            InputRows::File(path) => {
                let file = tokio::fs::File::open(&path).await;
                let file = file
                    .map_err(|error| Error::io(format!("cannot read {}", path.display()), error))?;
                let rows = Rows::of_file(file, client.inner.max_response_bytes);
                Reader::File(Box::new(rows), path)
            }
        };
        Ok(Self {
            first: None,
            reader,
        })
    }

    /// Returns the columns to compare, which the rows must have.
    async fn columns(
        &mut self,
        key: &Key,
        inputs: &HashMap<RunUuid, Record>,
    ) -> Result<Vec<String>, Error> {
        let known: BTreeSet<String> = match &self.reader {
            Reader::Records(records) => {
                let records = records.as_slice().iter();
                records.flat_map(|it| it.keys().cloned()).collect()
            }
            #[cfg(not(target_arch = "wasm32"))]
            Reader::File(..) => {
                self.first = self.next().await?;
                let first = self.first.iter();
                first.flat_map(|it| it.keys().cloned()).collect()
            }
        };
        let columns = match key {
            Key::All => {
                let is_given = |column: &String| inputs.values().any(|it| it.contains_key(column));
                return Ok(known.into_iter().filter(is_given).collect());
            }
            Key::Columns(columns) => columns.clone(),
            Key::RecordId(column) => vec![column.clone()],
        };
        let missing = columns.iter().find(|column| !known.contains(*column));
        match missing.filter(|_| !known.is_empty()) {
            None => Ok(columns),
            Some(missing) => Err(unjoinable(&format!(
                "the rows have no column {missing:?}; they have {}",
                known.iter().cloned().collect::<Vec<_>>().join(", ")
            ))),
        }
    }

    async fn next(&mut self) -> Result<Option<Record>, Error> {
        if let Some(first) = self.first.take() {
            return Ok(Some(first));
        }
        match &mut self.reader {
            Reader::Records(records) => Ok(records.next()),
            #[cfg(not(target_arch = "wasm32"))]
            Reader::File(rows, path) => match rows.next().await {
                None => Ok(None),
                Some(Ok(row)) => Ok(Some(row)),
                // It may be the one that is wanted, or a second one.
                Some(Err(error @ RowError::Deserialize { .. })) => {
                    Err(unjoinable(&format!("{}: {error}", path.display())))
                }
                Some(Err(RowError::Download(error))) => Err(error.of(&path.display().to_string())),
            },
        }
    }
}

fn unjoinable(why: &str) -> Error {
    /// Of a message that quotes the caller's file.
    const LONGEST: usize = 500;
    let what = format!("the failed runs can't be joined: {}", escaped(why, LONGEST));
    Error::invalid_request(&operations::LIST_RUNS, what)
}

impl From<Vec<Record>> for InputRows {
    fn from(records: Vec<Record>) -> Self {
        Self::Records(records)
    }
}

impl From<&[Record]> for InputRows {
    fn from(records: &[Record]) -> Self {
        Self::Records(records.to_vec())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<PathBuf> for InputRows {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<&Path> for InputRows {
    fn from(path: &Path) -> Self {
        Self::File(path.to_owned())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<&PathBuf> for InputRows {
    fn from(path: &PathBuf) -> Self {
        Self::File(path.clone())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<&str> for InputRows {
    fn from(path: &str) -> Self {
        Self::File(path.into())
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl From<String> for InputRows {
    fn from(path: String) -> Self {
        Self::File(path.into())
    }
}

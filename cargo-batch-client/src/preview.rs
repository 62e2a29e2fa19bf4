//! What a batch would run over, asked with the request that creates it.

use std::collections::BTreeSet;
use std::fmt;

use cargo_batch_types::{
    Column, CreateBatchData, CreateBatchRequest, CreateFilterData, CreateRunsData,
    PreviewBatchData, PreviewBatchRequest, PreviewChangeData, PreviewFilterData,
    PreviewRecordIdsData, PreviewRunsData, PreviewScheduleData, Record, RunsFilter,
    RunsFilterByRuns, RunsFilterKind, WorkflowUuid,
};
use serde_json::Value;

use crate::{Client, Error, operations};

/// The records that a batch would run over; returned by [`Client::preview`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Preview {
    /// The number of records; `None` where the API doesn't say it, see [`unknown`](Self::unknown).
    pub count: Option<u64>,
    /// The columns of the records.
    pub columns: Vec<Column>,
    /// Records as the API returned them. Unknown: whether these are all or only the first ones.
    pub sample: Vec<Record>,
    /// What this doesn't say, and why.
    pub unknown: Option<&'static str>,
}

/// How a request can be previewed.
enum Way {
    /// By the API.
    Api(PreviewBatchRequest),
    /// Its records are in it.
    Given(Vec<Record>),
    /// A file of which the API lists the columns.
    Columns(String),
}

const NO_WORKFLOW: &str = "a preview needs `workflowUuid`";
const FILE_WITHOUT_WORKFLOW: &str =
    "the number of rows and the rows themselves: a preview needs `workflowUuid`";
const NO_FORM: &str = "what the API makes of the records: it previews no data of kind form";
const NO_WORKFLOW_FOR_RECORDS: &str =
    "what the API makes of the records: a preview needs `workflowUuid`";
const SKIPPED: &str = "what `skip` does: a preview doesn't take it";
const NEWER: &str = "data of a kind that is newer than this crate can't be previewed";
const BY_FILTER: &str =
    "a preview takes runs by their ids only: use a filter of kind runs with nothing but `uuids`";

impl Client {
    /// Returns the number, the columns and a sample of the records that a request would run over. Nothing is
    /// started, and it costs nothing.
    ///
    /// It takes the request of [`create_batch`](Self::create_batch). Where the API can't preview it, records in
    /// the request are counted here, and of a file without a workflow the columns are listed;
    /// [`unknown`](Preview::unknown) says what is missing then.
    ///
    /// ```no_run
    /// # use cargo_batch_client::{Client, Error, types::CreateBatchRequest};
    /// # async fn run(client: Client, request: CreateBatchRequest) -> Result<(), Error> {
    /// let preview = client.preview(&request).await?;
    /// println!("{preview}"); // 100 records with 3 columns: id, email, country
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) for what can't be previewed, such as runs by
    /// anything but their ids; else as [`preview_batch`](Self::preview_batch) and
    /// [`list_file_columns`](Self::list_file_columns).
    pub async fn preview(&self, request: &CreateBatchRequest) -> Result<Preview, Error> {
        let way = way(request).map_err(invalid)?;
        let preview = match way {
            Way::Api(preview) => {
                let response = self.preview_batch(preview).await?;
                Preview {
                    count: Some(response.count),
                    columns: response.columns,
                    sample: response.records,
                    unknown: is_skipped(&request.data).then_some(SKIPPED),
                }
            }
            Way::Given(records) => {
                let slugs: BTreeSet<&String> = records.iter().flat_map(|it| it.keys()).collect();
                Preview {
                    count: u64::try_from(records.len()).ok(),
                    columns: slugs
                        .into_iter()
                        .map(|slug| Column::new(slug, kind(&records, slug)))
                        .collect(),
                    sample: records,
                    unknown: Some(match request.data {
                        CreateBatchData::Form(_) => NO_FORM,
                        _ => NO_WORKFLOW_FOR_RECORDS,
                    }),
                }
            }
            Way::Columns(s3_filename) => {
                let response = self.list_file_columns(s3_filename).await?;
                Preview {
                    count: None,
                    columns: response.columns.into_iter().map(Into::into).collect(),
                    sample: Vec::new(),
                    unknown: Some(FILE_WITHOUT_WORKFLOW),
                }
            }
        };
        Ok(preview)
    }

    /// Returns how many records a request would run over, or why that can't be known.
    pub(crate) async fn count_records(
        &self,
        request: &CreateBatchRequest,
    ) -> Result<Result<u64, &'static str>, Error> {
        Ok(match way(request) {
            Ok(Way::Api(preview)) => Ok(self.preview_batch(preview).await?.count),
            Ok(Way::Given(records)) => u64::try_from(records.len()).map_err(|_| NEWER),
            Ok(Way::Columns(_)) => Err(NO_WORKFLOW),
            Err(why) => Err(why),
        })
    }
}

fn invalid(why: &'static str) -> Error {
    Error::invalid_request(&operations::PREVIEW_BATCH, why)
}

/// Returns how a request can be previewed, or why it can't.
fn way(request: &CreateBatchRequest) -> Result<Way, &'static str> {
    let ask = |workflow: WorkflowUuid, data: PreviewBatchData| {
        Way::Api(PreviewBatchRequest::new(workflow, data))
    };
    let needed = || request.workflow_uuid.ok_or(NO_WORKFLOW);
    Ok(match (&request.data, request.workflow_uuid) {
        (CreateBatchData::File(data), None) => Way::Columns(data.s3_filename.clone()),
        (CreateBatchData::File(data), Some(workflow)) => {
            ask(workflow, PreviewBatchData::file(&data.s3_filename))
        }
        (CreateBatchData::Records(data), None) => Way::Given(data.records.clone()),
        (CreateBatchData::Records(data), Some(workflow)) => {
            ask(workflow, PreviewBatchData::records(data.records.clone()))
        }
        (CreateBatchData::Form(data), _) => Way::Given(data.records.clone()),
        (CreateBatchData::Segment(data), _) => {
            ask(needed()?, PreviewBatchData::segment(data.segment_uuid))
        }
        (CreateBatchData::Change(data), _) => {
            let kinds = data.change_kinds.iter().cloned();
            ask(
                needed()?,
                PreviewChangeData::new(data.change_uuid, kinds).into(),
            )
        }
        (CreateBatchData::Filter(data), _) => ask(needed()?, filter(data).into()),
        (CreateBatchData::RecordIds(data), _) => {
            let ids = data.ids.iter();
            ask(
                needed()?,
                PreviewRecordIdsData::new(data.model_uuid, ids).into(),
            )
        }
        (CreateBatchData::Schedule(data), _) => {
            let kinds = data.change_kinds.iter().cloned();
            let data = PreviewScheduleData::new(data.model_uuid, data.segment_uuid, kinds);
            ask(needed()?, data.into())
        }
        (CreateBatchData::Runs(data), _) => ask(needed()?, runs(data).ok_or(BY_FILTER)?.into()),
        _ => return Err(NEWER),
    })
}

fn filter(data: &CreateFilterData) -> PreviewFilterData {
    let mut preview = PreviewFilterData::new(data.model_uuid);
    preview.filter.clone_from(&data.filter);
    preview.sort.clone_from(&data.sort);
    preview.limit = data.limit;
    preview
}

/// Returns the preview of runs that are selected by nothing but their ids.
fn runs(data: &CreateRunsData) -> Option<PreviewRunsData> {
    let RunsFilterKind::Runs(by) = &data.filter.kind else {
        return None;
    };
    let uuids = by.uuids.clone().filter(|uuids| !uuids.is_empty())?;
    let only = RunsFilter::new(RunsFilterByRuns::new().uuids(uuids.iter().copied()));
    (data.filter == only).then(|| PreviewRunsData::new(uuids, data.reset.clone()))
}

fn is_skipped(data: &CreateBatchData) -> bool {
    matches!(data, CreateBatchData::Schedule(data) if data.skip == Some(true))
}

/// Returns what a column of records holds: `any` where they differ.
fn kind(records: &[Record], slug: &str) -> &'static str {
    let mut kinds = records.iter().filter_map(|record| match record.get(slug)? {
        Value::Null => None,
        Value::Bool(_) => Some("boolean"),
        Value::Number(_) => Some("number"),
        Value::String(_) => Some("string"),
        Value::Array(_) => Some("array"),
        Value::Object(_) => Some("object"),
    });
    match kinds.next() {
        Some(first) if kinds.all(|kind| kind == first) => first,
        _ => "any",
    }
}

/// The number of records and their columns, in one line.
impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.count {
            Some(1) => f.write_str("1 record")?,
            Some(count) => write!(f, "{count} records")?,
            None => f.write_str("an unknown number of records")?,
        }
        let slugs: Vec<&str> = self.columns.iter().map(|it| it.slug.as_str()).collect();
        match slugs.len() {
            0 => {}
            1 => write!(f, " with 1 column: {}", slugs[0])?,
            count => write!(f, " with {count} columns: {}", slugs.join(", "))?,
        }
        match self.unknown {
            Some(unknown) => write!(f, " (unknown: {unknown})"),
            None => Ok(()),
        }
    }
}

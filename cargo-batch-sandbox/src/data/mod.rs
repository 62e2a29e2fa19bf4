//! The records that a batch's data selects.

mod preview;
mod rerun;
mod table;

use std::sync::Arc;

use cargo_batch_types::{
    BatchStatus, ChangeKind, CreateBatchData, CreateChangeData, CreateFormData, CreateScheduleData,
    Record, SegmentUuid, WebhookSecret, WebhookUrl, WorkflowUuid,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::filter::Filters;
use crate::fixtures::{Catalog, Kind};
use crate::graph::Graph;
use crate::refusal::Refusal;
use crate::runs::RunView;
use crate::schedule::{Start, Way};
use crate::state::{App, Parent, State};
pub use preview::{column, preview};
pub use table::columns;

/// What a batch runs over, and what the API says of it.
pub struct Selected {
    pub records: Vec<(Arc<Record>, Start)>,
    pub returned: Value,
    pub way: Way,
    pub parent: Parent,
}

/// What the records are for.
pub struct Target<'a> {
    /// Nothing, when a graph is given for the batch only.
    pub workflow: Option<(WorkflowUuid, Kind)>,
    pub graph: &'a Graph,
    pub now: DateTime<Utc>,
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::data("invalidData", message)
}

/// Finds the records, or says why the batch can't be created.
pub fn select(
    data: &CreateBatchData,
    target: &Target,
    app: &App,
    state: &mut State,
) -> Result<Selected, Refusal> {
    fits(data.tag(), target.workflow.map(|(_, kind)| kind))?;
    let catalog = app.catalog();
    let fixtures = app.fixtures();
    let start = Start::At(target.graph.start());
    let whole = |records: Vec<Arc<Record>>, returned: Value, way: Way| Selected {
        records: records.into_iter().map(|record| (record, start)).collect(),
        returned,
        way,
        parent: Parent::default(),
    };
    let as_sent = || serde_json::to_value(data).map_err(Refusal::failed);
    let selected = match data {
        CreateBatchData::File(data) => {
            let (records, way) =
                match table::rows(state, &data.s3_filename, data.mappings.as_ref())? {
                    Ok(records) => (records, Way::Query),
                    // Found out only when the file is read, in the background.
                    Err(why) => {
                        return Ok(whole(
                            Vec::new(),
                            as_sent()?,
                            Way::Fail(BatchStatus::Querying, why.into()),
                        ));
                    }
                };
            whole(records, as_sent()?, way)
        }
        CreateBatchData::Records(data) => {
            let returned = json!({ "kind": "records", "s3Filename": keep(state, &data.records)? });
            whole(shared(&data.records), returned, Way::Query)
        }
        CreateBatchData::Form(data) => {
            let mut selected = whole(shared(&data.records), Value::Null, Way::Query);
            selected.parent = parent(data, state, target.now)?;
            selected.returned = form(state, &data.records, selected.parent, None)?;
            selected
        }
        CreateBatchData::RecordIds(data) => {
            let model = catalog.model(data.model_uuid);
            let model = model
                .filter(|model| model.uuid == fixtures.model_uuid)
                .ok_or_else(|| invalid("modelUuid: the play works on another model."))?;
            let records = data.ids.iter().filter_map(|id| model.record(id).cloned());
            whole(records.collect(), as_sent()?, Way::Query)
        }
        CreateBatchData::Filter(data) => {
            let model = catalog.model(data.model_uuid);
            let model = model
                .filter(|model| model.uuid == fixtures.model_uuid)
                .ok_or_else(|| invalid("modelUuid: the play works on another model."))?;
            let filters = Filters {
                catalog,
                state,
                now: target.now,
            };
            let records = filters
                .select(
                    model,
                    data.filter.as_ref(),
                    data.sort.as_deref().unwrap_or_default(),
                    data.limit,
                )
                .map_err(|why| invalid(format!("filter: {why}.")))?;
            whole(records, as_sent()?, Way::Query)
        }
        CreateBatchData::Segment(data) => {
            let segment = catalog.segment(data.segment_uuid);
            let segment = segment
                .filter(|segment| segment.model == fixtures.model_uuid)
                .ok_or_else(|| no_segment(data.segment_uuid))?;
            if segment.linked {
                let message = "The segment belongs to a play: use data of kind filter.";
                return Err(Refusal::data("segmentLinkedToPlay", message));
            }
            let way = match segment.reachable {
                true => Way::Query,
                false => Way::Fail(BatchStatus::Querying, UNREACHABLE.into()),
            };
            whole(segment.records.clone(), as_sent()?, way)
        }
        CreateBatchData::Change(data) => change(data, catalog, &whole, fixtures.model_uuid)?,
        CreateBatchData::Schedule(data) => schedule(data, catalog, &whole, fixtures.model_uuid)?,
        CreateBatchData::Runs(data) => rerun::select(data, target, app, state)?,
        other => {
            let message = format!("data: there is no kind {:?}.", other.tag());
            return Err(Refusal::malformed(message));
        }
    };
    let runs = matches!(selected.way, Way::Query | Way::Sync);
    if runs && selected.records.is_empty() {
        return Err(Refusal::data("noRecords", "The data selects no records."));
    }
    Ok(selected)
}

/// Why the batches of the segment that can't be reached fail.
const UNREACHABLE: &str =
    "The records of the segment could not be fetched from where they are kept";

fn no_segment(uuid: SegmentUuid) -> Refusal {
    Refusal::data("failedToGetSegment", format!("There is no segment {uuid}."))
}

/// Plays and tools take different kinds of data. What the API doesn't say of `schedule`, `form` and
/// `runs` is the sandbox's choice: for plays, for tools, and for any workflow there is.
fn fits(tag: &str, kind: Option<Kind>) -> Result<(), Refusal> {
    let (takes, name) = match (tag, kind) {
        ("segment" | "change" | "filter" | "recordIds" | "schedule", kind) => {
            (kind == Some(Kind::Play), kind)
        }
        ("file" | "records" | "form", kind) => (kind != Some(Kind::Play), kind),
        ("runs", kind) => (kind.is_some(), kind),
        (_, kind) => (true, kind),
    };
    let name = match name {
        Some(Kind::Play) => "A play",
        Some(Kind::Tool) => "A tool",
        None => "A batch without a workflow",
    };
    match takes {
        true => Ok(()),
        false => {
            let message = format!("{name} takes no data of kind {tag}.");
            Err(Refusal::reason("invalidDataKind", message))
        }
    }
}

/// The kinds must be there, and each only once.
fn kinds(kinds: &[ChangeKind]) -> Result<(), Refusal> {
    let twice = |(n, kind): (usize, &ChangeKind)| kinds[..n].contains(kind);
    let wrong = match kinds {
        [] => Some("changeKinds is empty"),
        kinds if kinds.iter().enumerate().any(twice) => Some("changeKinds names a kind twice"),
        kinds
            if kinds
                .iter()
                .any(|kind| matches!(kind, ChangeKind::Unknown(_))) =>
        {
            Some("changeKinds names a kind that there is not")
        }
        _ => None,
    };
    match wrong {
        Some(wrong) => Err(Refusal::data("invalidChangeKinds", format!("{wrong}."))),
        None => Ok(()),
    }
}

type Whole<'a> = &'a dyn Fn(Vec<Arc<Record>>, Value, Way) -> Selected;

/// A change that holds none of the kinds asked for is skipped: the sandbox's choice.
fn synced(records: Vec<Arc<Record>>, returned: Value, skip: bool, whole: Whole) -> Selected {
    match skip || records.is_empty() {
        true => whole(Vec::new(), returned, Way::Skip),
        false => whole(records, returned, Way::Sync),
    }
}

fn change(
    data: &CreateChangeData,
    catalog: &Catalog,
    whole: Whole,
    model: cargo_batch_types::ModelUuid,
) -> Result<Selected, Refusal> {
    let change = catalog.change(data.change_uuid).ok_or_else(|| {
        let message = format!("There is no change {}.", data.change_uuid);
        Refusal::data("failedToGetSegmentChange", message)
    })?;
    if change.model != model {
        let message = "The change is of a model that the play doesn't work on.";
        return Err(Refusal::data("invalidChange", message));
    }
    kinds(&data.change_kinds)?;
    let returned = json!({
        "kind": "change",
        "changeUuid": data.change_uuid,
        "changeKinds": data.change_kinds,
        "segmentUuid": change.segment,
    });
    Ok(synced(
        change.records(&data.change_kinds),
        returned,
        false,
        whole,
    ))
}

fn schedule(
    data: &CreateScheduleData,
    catalog: &Catalog,
    whole: Whole,
    model: cargo_batch_types::ModelUuid,
) -> Result<Selected, Refusal> {
    let segment = catalog.segment(data.segment_uuid);
    let segment = segment.ok_or_else(|| no_segment(data.segment_uuid))?;
    if data.model_uuid != model || segment.model != model {
        return Err(invalid("modelUuid: the play works on another model."));
    }
    kinds(&data.change_kinds)?;
    let change = catalog.latest_change(data.segment_uuid);
    let count = |kind| change.map_or(0, |change| change.count(&kind));
    let counts = ChangeKind::KNOWN.iter().cloned().map(count);
    let returned = json!({
        "kind": "schedule",
        "modelUuid": data.model_uuid,
        "segmentUuid": data.segment_uuid,
        "changeKinds": data.change_kinds,
        "changeUuid": change.map(|change| change.uuid),
        "skip": data.skip,
        "totalRecordsCount": counts.sum::<usize>(),
        "updatedRecordsCount": count(ChangeKind::Updated),
        "removedRecordsCount": count(ChangeKind::Removed),
        "addedRecordsCount": count(ChangeKind::Added),
        "unchangedRecordsCount": count(ChangeKind::Unchanged),
    });
    if !segment.reachable {
        let fail = Way::Fail(BatchStatus::Syncing, UNREACHABLE.into());
        return Ok(whole(Vec::new(), returned, fail));
    }
    let records = change.map(|change| change.records(&data.change_kinds));
    let skip = data.skip == Some(true);
    Ok(synced(records.unwrap_or_default(), returned, skip, whole))
}

/// What a form was started from; it must be there.
fn parent(data: &CreateFormData, state: &State, now: DateTime<Utc>) -> Result<Parent, Refusal> {
    let run = match data.parent_run_uuid {
        Some(uuid) => {
            let place = state.place_of(uuid);
            let run = place.and_then(|place| RunView::at(state, place, now));
            let missing = || invalid(format!("parentRunUuid: there is no run {uuid}."));
            Some(run.ok_or_else(missing)?)
        }
        None => None,
    };
    if let Some(uuid) = data.parent_batch_uuid {
        if state.batch(uuid).is_none() {
            let message = format!("parentBatchUuid: there is no batch {uuid}.");
            return Err(invalid(message));
        }
        if run.is_some_and(|run| run.batch.uuid != uuid) {
            return Err(invalid("parentRunUuid: the run belongs to another batch."));
        }
    }
    Ok(Parent {
        batch: data.parent_batch_uuid.or(run
            .filter(|run| !run.batch.is_alone)
            .map(|run| run.batch.uuid)),
        run: data.parent_run_uuid,
        node: data.parent_node_uuid,
    })
}

/// Webhook address and secret, as an action is given them.
pub type Webhook<'a> = Option<(Option<&'a WebhookUrl>, Option<&'a WebhookSecret>)>;

/// The data of a form, with its records in a file.
pub fn form(
    state: &mut State,
    records: &[Record],
    parent: Parent,
    webhook: Webhook,
) -> Result<Value, Refusal> {
    let (url, secret) = webhook.unwrap_or_default();
    Ok(json!({
        "kind": "form",
        "s3Filename": keep(state, records)?,
        "webhookUrl": url,
        "webhookSecret": secret,
        "parentRunUuid": parent.run,
        "parentNodeUuid": parent.node,
        "parentBatchUuid": parent.batch,
        "parentAgentUuid": null,
        "parentChatUuid": null,
        "parentMessageUuid": null,
    }))
}

/// Records that were sent are kept in a file.
fn keep(state: &mut State, records: &[Record]) -> Result<String, Refusal> {
    let text = serde_json::to_vec(records).map_err(Refusal::failed)?;
    Ok(state.store("records.json", "application/json", text.into()))
}

pub fn shared(records: &[Record]) -> Vec<Arc<Record>> {
    records.iter().cloned().map(Arc::new).collect()
}

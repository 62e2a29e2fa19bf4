//! What a batch would take, without starting it.

use std::sync::Arc;

use cargo_batch_types::{ModelUuid, PreviewBatchData, Record, SegmentUuid, WorkflowUuid};
use serde_json::{Value, json};

use super::table;
use crate::filter::Filters;
use crate::fixtures::{Kind, Model};
use crate::refusal::Refusal;
use crate::runs::RunView;
use crate::state::{App, State};

/// Most records that a preview shows; it counts them all.
const SHOWN: usize = 1000;

/// The records and their columns.
pub fn preview(
    workflow: WorkflowUuid,
    data: &PreviewBatchData,
    app: &App,
    state: &State,
) -> Result<Value, Refusal> {
    let now = app.now();
    let catalog = app.catalog();
    let workflow = catalog.workflow(workflow).ok_or_else(|| {
        let message = format!("There is no workflow {workflow}.");
        Refusal::reason("workflowNotFound", message)
    })?;
    fits(data.tag(), workflow.kind)?;
    let model = |uuid: ModelUuid| {
        let model = catalog.model(uuid);
        model
            .filter(|_| uuid == app.fixtures().model_uuid)
            .ok_or_else(|| {
                let message = "modelUuid: the workflow is tied to another model.";
                Refusal::reason("modelLinkedToWorkflow", message)
            })
    };
    let segment = |uuid: SegmentUuid| {
        let segment = catalog.segment(uuid).ok_or_else(|| {
            Refusal::reason("segmentNotFound", format!("There is no segment {uuid}."))
        })?;
        if !segment.reachable {
            let message = "The records could not be fetched from where they are kept.";
            return Err(Refusal::reason("failedToFetchFromClient", message));
        }
        Ok((segment, model(segment.model)?))
    };
    let (records, model): (Vec<Arc<Record>>, Option<&Model>) = match data {
        PreviewBatchData::Segment(data) => {
            let (segment, model) = segment(data.segment_uuid)?;
            (segment.records.clone(), Some(model))
        }
        PreviewBatchData::Change(data) => {
            let change = catalog.change(data.change_uuid).ok_or_else(|| {
                Refusal::missing(format!("There is no change {}.", data.change_uuid))
            })?;
            let model = model(change.model)?;
            (change.records(&data.change_kinds), Some(model))
        }
        PreviewBatchData::Schedule(data) => {
            let (segment, _) = segment(data.segment_uuid)?;
            let model = model(data.model_uuid)?;
            let change = catalog.latest_change(segment.uuid);
            let records = change.map(|change| change.records(&data.change_kinds));
            (records.unwrap_or_default(), Some(model))
        }
        PreviewBatchData::Filter(data) => {
            let model = model(data.model_uuid)?;
            let filters = Filters {
                catalog,
                state,
                now,
            };
            let records = filters
                .select(
                    model,
                    data.filter.as_ref(),
                    data.sort.as_deref().unwrap_or_default(),
                    data.limit,
                )
                .map_err(|why| Refusal::malformed(format!("data.filter: {why}.")))?;
            (records, Some(model))
        }
        PreviewBatchData::RecordIds(data) => {
            let model = model(data.model_uuid)?;
            let records = data.ids.iter().filter_map(|id| model.record(id).cloned());
            (records.collect(), Some(model))
        }
        PreviewBatchData::File(data) => {
            let rows = table::rows(state, &data.s3_filename, None);
            let rows = rows.map_err(|_| {
                Refusal::missing(format!("There is no CSV file {:?}.", data.s3_filename))
            })?;
            (rows.map_err(Refusal::malformed)?, None)
        }
        PreviewBatchData::Records(data) => (super::shared(&data.records), None),
        PreviewBatchData::Runs(data) => {
            let places = data
                .run_uuids
                .iter()
                .filter_map(|uuid| state.place_of(*uuid));
            let runs = places.filter_map(|place| RunView::at(state, place, now));
            let own = runs.filter(|run| run.batch.workflow == workflow.uuid);
            let records = own.map(|run| Arc::new(run.record().clone()));
            (records.collect(), None)
        }
        PreviewBatchData::Group(data) => {
            let record = |item: &Value| match item {
                Value::Object(fields) => Record(fields.clone()),
                other => Record::from_iter([("item", other.clone())]),
            };
            let items = data.items.iter().map(record);
            (items.map(Arc::new).collect(), None)
        }
        other => {
            let message = format!("data: there is no kind {:?}.", other.tag());
            return Err(Refusal::malformed(message));
        }
    };
    let columns = match model {
        Some(model) => model
            .columns
            .iter()
            .map(|(slug, kind)| column(slug, kind))
            .collect(),
        None => found(&records),
    };
    Ok(json!({
        "count": records.len(),
        "records": records.iter().take(SHOWN).map(|record| &record.0).collect::<Vec<_>>(),
        "columns": columns,
    }))
}

/// The data of plays comes from the model of the play; tools are tied to none.
fn fits(tag: &str, kind: Kind) -> Result<(), Refusal> {
    match (tag, kind) {
        ("file" | "records", Kind::Play) => Err(Refusal::reason(
            "modelLinkedToWorkflow",
            format!("The workflow is tied to a model, which data of kind {tag} doesn't come from."),
        )),
        ("segment" | "change" | "filter" | "recordIds" | "schedule", Kind::Tool) => {
            let message =
                format!("The workflow is tied to no model, data of kind {tag} needs one.");
            Err(Refusal::reason("noModelLinkedToWorkflow", message))
        }
        _ => Ok(()),
    }
}

/// A column as the API writes it.
pub fn column(slug: &str, kind: &str) -> Value {
    let words = slug.replace('_', " ");
    let mut letters = words.chars();
    let label: String = letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default();
    json!({ "slug": slug, "type": kind, "label": label })
}

/// The columns that the records have themselves, in the order of their appearance.
fn found(records: &[Arc<Record>]) -> Vec<Value> {
    let mut kinds: serde_json::Map<String, Value> = serde_json::Map::new();
    for (slug, value) in records.iter().flat_map(|record| record.iter()) {
        let kind = match value {
            Value::Null => continue,
            Value::Bool(_) => "boolean",
            Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        let known = kinds.entry(slug).or_insert_with(|| kind.into());
        if known != kind {
            *known = "any".into();
        }
    }
    // Columns that are null everywhere.
    for slug in records.iter().flat_map(|record| record.keys()) {
        kinds.entry(slug).or_insert_with(|| "any".into());
    }
    let kinds = kinds.iter();
    kinds
        .map(|(slug, kind)| column(slug, kind.as_str().unwrap_or("any")))
        .collect()
}

//! The records that a batch's data stands for.

use cargo_batch_types::{CreateBatchData, Record, WorkflowUuid};
use serde_json::{Value, json};

use crate::refusal::Refusal;
use crate::state::State;
use crate::world::World;

/// What a batch runs over, and what the API says of it.
pub struct Selected {
    pub records: Vec<Record>,
    pub returned: Value,
}

/// Finds the records, or says why the batch can't be created.
pub fn select(
    data: &CreateBatchData,
    workflow: Option<WorkflowUuid>,
    world: &World,
    state: &mut State,
) -> Result<Selected, Refusal> {
    fits(data, workflow, world)?;
    let mut returned = serde_json::to_value(data).unwrap_or_default();
    let records = match data {
        CreateBatchData::File(data) => {
            let file = state.files.get(&data.s3_filename).ok_or_else(|| {
                Refusal::data(
                    "invalidData",
                    format!("There is no file {}.", data.s3_filename),
                )
            })?;
            rows(&file.content)?
        }
        CreateBatchData::Records(data) => {
            let text = serde_json::to_vec(&data.records).unwrap_or_default();
            let s3_filename = state.store("records.json", "application/json", text.into());
            returned = json!({ "kind": "records", "s3Filename": s3_filename });
            data.records.clone()
        }
        CreateBatchData::RecordIds(data) if data.model_uuid == world.model_uuid => {
            data.ids.iter().filter_map(|id| world.record(id)).collect()
        }
        CreateBatchData::Filter(data) if data.model_uuid == world.model_uuid => {
            let limit = data
                .limit
                .and_then(|limit| usize::try_from(limit).ok())
                .unwrap_or(usize::MAX);
            if data
                .filter
                .as_ref()
                .is_some_and(|filter| !filter.groups.is_empty())
            {
                return Err(Refusal::data(
                    "invalidData",
                    "The sandbox evaluates no filters yet.",
                ));
            }
            world
                .record_ids
                .iter()
                .filter_map(|id| world.record(id))
                .take(limit)
                .collect()
        }
        CreateBatchData::Segment(data) if data.segment_uuid == world.play_segment_uuid => {
            return Err(Refusal::data(
                "segmentLinkedToPlay",
                "The segment belongs to a play.",
            ));
        }
        CreateBatchData::Segment(data) if data.segment_uuid == world.segment_uuid => world
            .record_ids
            .iter()
            .step_by(2)
            .filter_map(|id| world.record(id))
            .collect(),
        CreateBatchData::Segment(_) => {
            return Err(Refusal::data(
                "failedToGetSegment",
                "There is no such segment.",
            ));
        }
        CreateBatchData::RecordIds(_) | CreateBatchData::Filter(_) => {
            return Err(Refusal::data("invalidData", "There is no such model."));
        }
        other => {
            let message = format!("The sandbox has no data of kind {} yet.", other.tag());
            return Err(Refusal::data("invalidData", message));
        }
    };
    if records.is_empty() {
        return Err(Refusal::data("noRecords", "The data selects no records."));
    }
    Ok(Selected { records, returned })
}

/// Plays and tools take different kinds of data.
fn fits(
    data: &CreateBatchData,
    workflow: Option<WorkflowUuid>,
    world: &World,
) -> Result<(), Refusal> {
    let play = workflow == Some(world.play_workflow_uuid);
    let for_plays = matches!(data.tag(), "segment" | "change" | "filter" | "recordIds");
    let for_tools = matches!(data.tag(), "file" | "records");
    if play && for_tools || !play && for_plays {
        let kind = if play { "play" } else { "tool" };
        let message = format!("A {kind} takes no data of kind {}.", data.tag());
        return Err(Refusal::reason("invalidDataKind", message));
    }
    Ok(())
}

/// The rows of a CSV file.
pub fn rows(content: &[u8]) -> Result<Vec<Record>, Refusal> {
    let wrong =
        |error: csv::Error| Refusal::data("invalidData", format!("Not a CSV file: {error}"));
    let mut reader = csv::Reader::from_reader(content);
    let header = reader.headers().map_err(wrong)?.clone();
    reader
        .records()
        .map(|row| {
            let row = row.map_err(wrong)?;
            Ok(header
                .iter()
                .map(str::to_owned)
                .zip(row.iter().map(str::to_owned))
                .collect())
        })
        .collect()
}

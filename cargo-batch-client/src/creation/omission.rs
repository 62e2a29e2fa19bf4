//! Nothing is spent by omission: a request that runs over everything must say so.

use std::any::Any;

use cargo_batch_types::{
    Conjonction, CreateBatchData, CreateBatchRequest, Filter, FilterGroup, RunsFilter,
};
use serde_json::Value;

use crate::CreationRequest;
use crate::Error;
use crate::operation::Operation;

/// Refuses a request that runs over everything without saying so. Generated code calls this with the body of every
/// operation with `x-creates` before it is sent.
pub(crate) fn check(operation: &'static Operation, request: &impl Any) -> Result<(), Error> {
    let request: &dyn Any = request;
    let batch = match request.downcast_ref() {
        Some(CreationRequest::CreateBatch(batch)) => Some(batch),
        _ => request.downcast_ref::<CreateBatchRequest>(),
    };
    match batch.and_then(|batch| omission(&batch.data)) {
        Some(missing) => Err(Error::invalid_request(operation, missing)),
        // Of other operations the records are in the request.
        None => Ok(()),
    }
}

/// Returns what is missing where data stands for everything.
pub(crate) fn omission(data: &CreateBatchData) -> Option<&'static str> {
    match data {
        CreateBatchData::Filter(data) if data.filter.as_ref().is_some_and(is_empty) => Some(
            "data.filter lacks a condition, so every record of the model would be run: give one, or use \
             `CreateFilterData::whole_model`",
        ),
        CreateBatchData::Runs(data) if selects_all(&data.filter) => Some(
            "data.filter has no condition, so every run there ever was would be run again: give one, such as \
             `batch` or `created_after`",
        ),
        _ => None,
    }
}

/// A group without conditions accepts every record: alone, among others like it, and beside any other
/// where one of them suffices.
fn is_empty(filter: &Filter) -> bool {
    let mut groups = filter.groups.iter();
    let is_empty = |group: &FilterGroup| group.conditions.is_empty();
    match filter.conjonction {
        Conjonction::Or if !filter.groups.is_empty() => groups.any(is_empty),
        _ => groups.all(is_empty),
    }
}

/// Nothing but the kind is set, or lists of nothing.
fn selects_all(filter: &RunsFilter) -> bool {
    let is_condition = |(name, value): (&String, &Value)| {
        name != "kind" && value.as_array().is_none_or(|list| !list.is_empty())
    };
    serde_json::to_value(filter).is_ok_and(|json| {
        !json
            .as_object()
            .is_some_and(|it| it.iter().any(is_condition))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn omission_of(data: Value) -> Option<&'static str> {
        omission(&serde_json::from_value(data).unwrap())
    }

    #[test]
    fn everything_must_be_said() {
        const ID: &str = "00000000-0000-4000-8000-000000000001";
        let reset = json!({ "from": "firstNode" });
        let condition =
            json!({ "kind": "number", "columnSlug": "n", "operator": "is", "value": 1 });
        let group = |conditions: Value| json!([{ "conjonction": "and", "conditions": conditions }]);
        for (data, names) in [
            (
                json!({ "kind": "filter", "modelUuid": ID, "filter": { "conjonction": "and", "groups": [] } }),
                Some("whole_model"),
            ),
            (
                json!({ "kind": "filter", "modelUuid": ID, "filter": { "conjonction": "and", "groups": group(json!([])) } }),
                Some("whole_model"),
            ),
            (
                json!({ "kind": "filter", "modelUuid": ID, "filter": { "conjonction": "and", "groups": group(json!([condition])) } }),
                None,
            ),
            (
                json!({ "kind": "filter", "modelUuid": ID, "filter": { "conjonction": "and", "groups": [group(json!([condition]))[0], group(json!([]))[0]] } }),
                None,
            ),
            (
                json!({ "kind": "filter", "modelUuid": ID, "filter": { "conjonction": "or", "groups": [group(json!([condition]))[0], group(json!([]))[0]] } }),
                Some("whole_model"),
            ),
            (json!({ "kind": "filter", "modelUuid": ID }), None),
            (
                json!({ "kind": "runs", "reset": reset, "filter": { "kind": "runs" } }),
                Some("created_after"),
            ),
            (
                json!({ "kind": "runs", "reset": reset, "filter": { "kind": "runs", "statuses": [] } }),
                Some("created_after"),
            ),
            (
                json!({ "kind": "runs", "reset": reset, "filter": { "kind": "records" } }),
                Some("created_after"),
            ),
            (
                json!({ "kind": "runs", "reset": reset, "filter": { "kind": "runs", "batchUuid": ID } }),
                None,
            ),
            (
                json!({ "kind": "runs", "reset": reset, "filter": { "kind": "runs", "statuses": ["error"] } }),
                None,
            ),
        ] {
            let omission = omission_of(data.clone());
            assert_eq!(omission.is_some(), names.is_some(), "{data}");
            assert!(
                names.is_none_or(|name| omission.unwrap().contains(name)),
                "{data}"
            );
        }
    }
}

//! Nothing is spent by omission: "everything" is a word that one must write.

use cargo_batch_types::{CreateBatchData, Filter};

use super::CreationRequest;
use crate::Error;

/// Refuses a request that runs over everything without saying so.
pub fn check(request: &CreationRequest) -> Result<(), Error> {
    let CreationRequest::Batch(batch) = request else {
        return Ok(());
    };
    let missing = match &batch.data {
        CreateBatchData::Filter(data) if data.filter.as_ref().is_some_and(is_empty) => {
            "data.filter has no condition, so every record of the model would be run: give one, or use \
             `CreateFilterData::whole_model`"
        }
        CreateBatchData::Runs(data) if selects_all(&data.filter) => {
            "data.filter has no condition, so every run there ever was would be run again: give one, such as \
             `batch` or `created_after`"
        }
        _ => return Ok(()),
    };
    Err(Error::invalid_request(request.operation(), missing))
}

fn is_empty(filter: &Filter) -> bool {
    filter
        .groups
        .iter()
        .all(|group| group.conditions.is_empty())
}

/// Only the kind is left where nothing is set.
fn selects_all(filter: &cargo_batch_types::RunsFilter) -> bool {
    serde_json::to_value(filter).is_ok_and(|json| json.as_object().is_some_and(|it| it.len() <= 1))
}

#[cfg(test)]
mod tests {
    use cargo_batch_types::CreateBatchRequest;
    use serde_json::{Value, json};

    use super::*;

    fn refusal(data: Value) -> Option<String> {
        let request: CreateBatchRequest = serde_json::from_value(json!({ "data": data })).unwrap();
        check(&request.into()).err().map(|error| error.to_string())
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
            (json!({ "kind": "filter", "modelUuid": ID }), None),
            (
                json!({ "kind": "runs", "reset": reset, "filter": { "kind": "runs" } }),
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
            let refusal = refusal(data.clone());
            assert_eq!(refusal.is_some(), names.is_some(), "{data}");
            assert!(
                names.is_none_or(|name| refusal.unwrap().contains(name)),
                "{data}"
            );
        }
    }
}

//! What batches and runs have been created, and from what.

use std::collections::HashMap;

use cargo_batch_types::{BatchUuid, RunUuid};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::recorded_request::hide;

/// A request body that batches or runs were created from, and how often.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct CreationRecord {
    /// `create_batch`, `execute_action_batch`, `create_run` or `execute_action`.
    pub operation: String,
    /// The body, with sorted fields and secrets redacted.
    pub body: Value,
    /// How often it was acted on, including requests whose response was lost.
    pub count: u64,
    /// The batches that were created from it.
    pub batch_uuids: Vec<BatchUuid>,
    /// The runs that were created from it outside of a batch.
    pub run_uuids: Vec<RunUuid>,
}

/// All of them, in the order of the first time.
#[derive(Debug, Default)]
pub struct Creations {
    created: Vec<CreationRecord>,
    index: HashMap<String, usize>,
    /// In the order of their creation.
    batches: Vec<BatchUuid>,
}

/// The operations that create batches or runs.
const CREATES: [&str; 4] = [
    "create_batch",
    "execute_action_batch",
    "create_run",
    "execute_action",
];

impl Creations {
    /// Records an operation that was acted on, if it creates something.
    pub fn note(&mut self, operation: &str, body: &[u8], response: &[u8]) {
        if !CREATES.contains(&operation) {
            return;
        }
        let response: Value = serde_json::from_slice(response).unwrap_or_default();
        let uuid = |what: &str| response[what]["uuid"].as_str();
        let batch: Option<BatchUuid> = uuid("batch").and_then(|uuid| uuid.parse().ok());
        let run: Option<RunUuid> = uuid("run").and_then(|uuid| uuid.parse().ok());
        if batch.is_none() && run.is_none() {
            return;
        }
        self.batches.extend(batch);
        let mut body = sorted(serde_json::from_slice(body).unwrap_or_default());
        // Two bodies that differ in a secret only are two bodies.
        let key = format!("{operation} {body}");
        let place = *self.index.entry(key).or_insert_with(|| {
            hide(&mut body);
            self.created.push(CreationRecord {
                operation: operation.to_owned(),
                body,
                count: 0,
                batch_uuids: Vec::new(),
                run_uuids: Vec::new(),
            });
            self.created.len() - 1
        });
        if let Some(created) = self.created.get_mut(place) {
            created.count += 1;
            created.batch_uuids.extend(batch);
            created.run_uuids.extend(run);
        }
    }

    pub fn all(&self) -> &[CreationRecord] {
        &self.created
    }

    /// All batches.
    pub fn batches(&self) -> &[BatchUuid] {
        &self.batches
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields.into_iter().collect();
            fields.sort_by(|(one, _), (other, _)| one.cmp(other));
            let fields = fields
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(Map::from_iter(fields))
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

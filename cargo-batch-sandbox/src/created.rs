//! What batches have been created, and from what.

use std::collections::HashMap;

use cargo_batch_types::BatchUuid;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::received::hide;

/// A request to create a batch, and how often it was acted on.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Created {
    /// `create_batch` or `execute_action_batch`.
    pub operation: String,
    /// The body, in which the order of members makes no difference. Secrets are hidden.
    pub body: Value,
    /// How often a batch was made from it. Whoever sent it may know of fewer: the answer can have
    /// been lost on the way.
    pub count: u64,
    /// The batches that were made from it.
    pub batch_uuids: Vec<BatchUuid>,
}

/// All of them, in the order of the first time.
#[derive(Debug, Default)]
pub struct Creations {
    created: Vec<Created>,
    index: HashMap<String, usize>,
    /// In the order of their creation.
    batches: Vec<BatchUuid>,
}

/// The operations that create batches.
const CREATES: [&str; 2] = ["create_batch", "execute_action_batch"];

impl Creations {
    /// Takes note of an operation that was done, if it has created a batch.
    pub fn note(&mut self, operation: &str, body: &[u8], answer: &[u8]) {
        if !CREATES.contains(&operation) {
            return;
        }
        let batch = serde_json::from_slice::<Value>(answer)
            .ok()
            .and_then(|answer| answer["batch"]["uuid"].as_str()?.parse::<BatchUuid>().ok());
        let Some(batch) = batch else { return };
        self.batches.push(batch);
        let mut body = sorted(serde_json::from_slice(body).unwrap_or_default());
        // Two bodies that differ in a secret only are two bodies.
        let key = format!("{operation} {body}");
        let place = *self.index.entry(key).or_insert_with(|| {
            hide(&mut body);
            self.created.push(Created {
                operation: operation.to_owned(),
                body,
                count: 0,
                batch_uuids: Vec::new(),
            });
            self.created.len() - 1
        });
        if let Some(created) = self.created.get_mut(place) {
            created.count += 1;
            created.batch_uuids.push(batch);
        }
    }

    pub fn all(&self) -> &[Created] {
        &self.created
    }

    /// All batches.
    pub fn batches(&self) -> &[BatchUuid] {
        &self.batches
    }
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members.into_iter().collect();
            members.sort_by(|(one, _), (other, _)| one.cmp(other));
            let members = members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)));
            Value::Object(Map::from_iter(members))
        }
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        other => other,
    }
}

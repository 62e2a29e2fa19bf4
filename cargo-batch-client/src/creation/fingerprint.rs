//! By what a creation is recognised among the batches of a list.
//!
//! The server returns the data of a batch, maybe written otherwise than it was sent: what means
//! the same gets the same form before it is compared. What is neither the same nor certainly
//! different is *unclear*, and with money an unclear batch is never ignored.

use cargo_batch_types::{Batch, BatchDataKind, CreateBatchData, ReleaseUuid, WorkflowUuid};
use serde::Serialize;
use serde_json::{Map, Number, Value};

use crate::CreationRequest;
use crate::identity::{Distinctness, identity};

/// A creation, reduced to what a list shows of it.
#[derive(Clone, Debug)]
pub struct Fingerprint {
    /// The workflow; `None` for a graph given ad hoc and for actions.
    pub workflow: Option<WorkflowUuid>,
    release: Option<ReleaseUuid>,
    kind: BatchDataKind,
    distinctness: Distinctness,
    /// The part that other creations with the same data share; `None` where the API doesn't return it.
    key: Option<Key>,
    /// JSON pointers to ids in the data, and their values: where they differ, so do the batches.
    ids: Vec<(&'static str, String)>,
}

/// How a batch compares with a fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// Maybe: the data isn't returned, or can be the same written otherwise.
    Same,
    /// Maybe: the data isn't given back, or can be the same written otherwise.
    Unclear,
    /// Certainly created by another request.
    Other,
}

/// A workflow and the data of a batch in one form, however it was written.
pub type Key = (Option<WorkflowUuid>, String);

impl From<&CreationRequest> for Fingerprint {
    fn from(request: &CreationRequest) -> Self {
        match request {
            CreationRequest::CreateBatch(request) => {
                let data = json(&request.data);
                let kind = BatchDataKind::from(request.data.tag());
                let distinctness = distinctness(&kind);
                // Not all of their fields are returned, although some are.
                let opaque = distinctness == Distinctness::Opaque
                    || matches!(request.data, CreateBatchData::Unknown(_));
                let workflow = request.workflow_uuid;
                let data_key = (!opaque).then(|| canonical_data(&kind, &data)).flatten();
                Self {
                    workflow,
                    release: request.release_uuid,
                    distinctness,
                    key: data_key.map(|data| (workflow, data)),
                    ids: ids(&kind, &data),
                    kind,
                }
            }
            // Unconfirmed: that its kind is `form`.
            CreationRequest::ExecuteActionBatch(request) => {
                let url = request.webhook_url.as_ref();
                let url = url.map(|url| ("/webhookUrl", url.expose().to_owned()));
                Self {
                    workflow: None,
                    release: None,
                    kind: BatchDataKind::Form,
                    distinctness: Distinctness::Opaque,
                    key: None,
                    ids: url.into_iter().collect(),
                }
            }
        }
    }
}

impl Fingerprint {
    /// Returns what other creations with the same data share: the workflow and the data.
    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Returns whether the data is enough to recognise the batch by it, as long as the same isn't
    /// created twice. A segment is the same for all callers, and so is what a scheduler finds.
    pub fn is_distinguishable(&self) -> bool {
        self.key.is_some()
            && matches!(
                self.distinctness,
                Distinctness::Unique | Distinctness::Repeatable
            )
    }

    /// Returns the name of the uploaded file, where the data is one.
    pub fn file_name(&self) -> Option<&str> {
        match (&self.kind, self.distinctness, self.ids.first()) {
            (BatchDataKind::File, Distinctness::Unique, Some((_, name))) => Some(name),
            _ => None,
        }
    }

    /// Returns a short text that is the same for the same data, in every release and process.
    pub fn text(&self) -> Option<String> {
        let workflow = self.workflow.map(|uuid| format!("{uuid} "));
        let data = hash(&self.key.as_ref()?.1);
        Some(format!(
            "{}{} {data:032x}",
            workflow.unwrap_or_default(),
            self.kind
        ))
    }

    /// Compares a batch of the list with the creation.
    pub fn compare(&self, batch: &Batch) -> Match {
        if self
            .workflow
            .is_some_and(|workflow| workflow != batch.workflow_uuid)
        {
            return Match::Other;
        }
        if let (Some(sent), Some(listed)) = (self.release, batch.release_uuid)
            && sent != listed
        {
            return Match::Other;
        }
        let kind = BatchDataKind::from(batch.data.tag());
        if kind != self.kind {
            // A kind newer than this crate may be another name of the one that was sent.
            return match kind {
                BatchDataKind::Unknown(_) => Match::Unclear,
                _ => Match::Other,
            };
        }
        let data = json(&batch.data);
        if let Some((_, sent)) = &self.key
            && canonical_data(&kind, &data).as_ref() == Some(sent)
        {
            return Match::Same;
        }
        let differs = self.ids.iter().any(|(pointer, sent)| {
            let listed = data.pointer(pointer).and_then(Value::as_str);
            listed.is_some_and(|listed| !listed.eq_ignore_ascii_case(sent))
        });
        match differs {
            true => Match::Other,
            false => Match::Unclear,
        }
    }

    /// Returns whether a batch has run the same uploaded file, in this workflow.
    pub fn has_run_file(&self, batch: &Batch) -> bool {
        let listed = || match json(&batch.data).get("s3Filename") {
            Some(Value::String(name)) => Some(name.clone()),
            _ => None,
        };
        self.file_name().is_some_and(|name| {
            self.compare(batch) != Match::Other && listed().as_deref() == Some(name)
        })
    }
}

/// Returns the key of a batch that is listed.
pub fn key_of(batch: &Batch) -> Option<Key> {
    let kind = BatchDataKind::from(batch.data.tag());
    let data = canonical_data(&kind, &json(&batch.data))?;
    Some((Some(batch.workflow_uuid), data))
}

/// Returns a hash that equal requests have in common, as the caller gave them: also of data that no
/// list shows.
pub fn given_key(request: &CreationRequest) -> u128 {
    let mut given = json(request);
    given.sort_all_objects();
    hash(&given.to_string())
}

/// Hashes a text by FNV-1a: the same in every release and process, which the standard library's hasher
/// isn't.
fn hash(text: &str) -> u128 {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    text.bytes().fold(BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    })
}

fn distinctness(kind: &BatchDataKind) -> Distinctness {
    identity(kind).map_or(Distinctness::Opaque, |identity| identity.distinctness)
}

/// The ids and names in the data that the server doesn't write otherwise.
fn ids(kind: &BatchDataKind, data: &Value) -> Vec<(&'static str, String)> {
    let pointers = identity(kind).map_or(&[][..], |identity| identity.ids);
    pointers
        .iter()
        .filter_map(|pointer| Some((*pointer, data.pointer(pointer)?.as_str()?.to_owned())))
        .collect()
}

fn canonical_data(kind: &BatchDataKind, data: &Value) -> Option<String> {
    let mut fields = Map::new();
    for name in identity(kind)?.fields {
        if let Some(value) = data.get(name).cloned().and_then(canonical) {
            fields.insert((*name).to_owned(), value);
        }
    }
    // Without any of its fields the data has a form that is newer than this crate.
    (!fields.is_empty()).then(|| format!("{kind} {}", Value::Object(fields)))
}

fn json(data: &impl Serialize) -> Value {
    serde_json::to_value(data).unwrap_or_default()
}

/// One form for what means the same: nothing for `null`, an empty list and an empty object; the
/// value for a list of one; sets for lists of plain values; whole numbers without a point.
fn canonical(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Number(number) => Some(Value::Number(whole(number))),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.into_iter().filter_map(canonical).collect();
            if items
                .iter()
                .all(|item| !item.is_object() && !item.is_array())
            {
                items.sort_by_cached_key(Value::to_string);
                items.dedup();
            }
            match items.len() {
                0 => None,
                1 => items.pop(),
                _ => Some(Value::Array(items)),
            }
        }
        Value::Object(fields) => {
            let mut fields: Vec<(String, Value)> = fields
                .into_iter()
                .filter_map(|(name, value)| Some((name, canonical(value)?)))
                .collect();
            // Whatever order serde_json was built to keep.
            fields.sort_by(|left, right| left.0.cmp(&right.0));
            (!fields.is_empty()).then(|| Value::Object(fields.into_iter().collect()))
        }
        plain => Some(plain),
    }
}

fn whole(number: Number) -> Number {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    match number.as_f64() {
        Some(value) if number.is_f64() && value.fract() == 0.0 && value.abs() < EXACT => {
            Number::from(value as i64)
        }
        _ => number,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use cargo_batch_types::{CreateBatchRequest, ExecuteActionBatchRequest};

    use super::super::sample::batch;
    use super::*;

    const ONE: &str = "00000000-0000-4000-8000-000000000001";
    const TWO: &str = "00000000-0000-4000-8000-000000000002";

    fn fingerprint(data: Value) -> Fingerprint {
        let request = json!({ "workflowUuid": ONE, "data": data });
        let request: CreateBatchRequest = serde_json::from_value(request).unwrap();
        (&CreationRequest::from(request)).into()
    }

    fn fit(sent: Value, returned: Value) -> Match {
        fingerprint(sent).compare(&batch(1, returned))
    }

    #[test]
    fn equal_data_in_another_form_has_the_same_fingerprint() {
        for (sent, returned) in [
            (
                json!({ "kind": "recordIds", "modelUuid": ONE, "ids": ["b", "a", "b"] }),
                json!({ "kind": "recordIds", "modelUuid": ONE, "ids": ["a", "b"] }),
            ),
            (
                json!({ "kind": "recordIds", "modelUuid": ONE.to_uppercase(), "ids": ["a"] }),
                json!({ "kind": "recordIds", "modelUuid": ONE, "ids": ["a"] }),
            ),
            (
                json!({ "kind": "filter", "modelUuid": ONE, "limit": 5, "filter": {
                    "conjonction": "and", "groups": [{ "conjonction": "and", "conditions": [
                        { "kind": "number", "columnSlug": "n", "operator": "is", "value": 1 },
                        { "kind": "string", "columnSlug": "s", "operator": "is", "values": ["x"] },
                    ] }] } }),
                json!({ "kind": "filter", "modelUuid": ONE, "limit": 5, "sort": [], "filter": {
                    "conjonction": "and", "groups": [{ "conjonction": "and", "conditions": [
                        { "kind": "number", "columnSlug": "n", "operator": "is", "value": 1.0,
                          "relatedModelUuid": null },
                        { "kind": "string", "columnSlug": "s", "operator": "is", "values": "x" },
                    ] }] } }),
            ),
            (
                json!({ "kind": "change", "changeUuid": ONE, "changeKinds": ["updated", "added"] }),
                json!({ "kind": "change", "changeUuid": ONE, "changeKinds": ["added", "updated"],
                        "segmentUuid": TWO }),
            ),
            (
                json!({ "kind": "file", "s3Filename": "f.csv" }),
                json!({ "kind": "file", "s3Filename": "f.csv", "mappings": {} }),
            ),
            (
                json!({ "kind": "segment", "segmentUuid": ONE }),
                json!({ "kind": "segment", "segmentUuid": ONE }),
            ),
            (
                json!({ "kind": "schedule", "modelUuid": ONE, "segmentUuid": TWO, "changeKinds": ["added"] }),
                json!({ "kind": "schedule", "modelUuid": ONE, "segmentUuid": TWO, "changeKinds": ["added"],
                        "totalRecordsCount": 3 }),
            ),
            (
                json!({ "kind": "runs", "reset": { "from": "firstNode" },
                        "filter": { "kind": "runs", "batchUuid": ONE, "statuses": ["error"] } }),
                json!({ "kind": "runs", "reset": { "from": "firstNode" },
                        "filter": { "kind": "runs", "batchUuid": ONE, "statuses": ["error"],
                                    "uuids": [], "recordId": null } }),
            ),
        ] {
            assert_eq!(fit(sent.clone(), returned), Match::Same, "{sent}");
        }
    }

    #[test]
    fn only_what_means_the_same_gets_one_form() {
        for (value, form) in [
            (json!(1.0), json!(1)),
            (json!(-2.0), json!(-2)),
            (json!(1.5), json!(1.5)),
            // Not every whole number from there on is one of `f64`.
            (
                json!(9_007_199_254_740_992.0),
                json!(9_007_199_254_740_992.0),
            ),
            (json!([2, 1, 2]), json!([1, 2])),
            // Conditions and nodes have an order.
            (
                json!([{ "b": 1 }, { "a": 1 }]),
                json!([{ "b": 1 }, { "a": 1 }]),
            ),
            (
                json!([[2], { "a": 1 }, [1, 3]]),
                json!([2, { "a": 1 }, [1, 3]]),
            ),
        ] {
            assert_eq!(canonical(value.clone()), Some(form), "{value}");
        }
    }

    #[test]
    fn another_release_is_another_batch() {
        let data = json!({ "kind": "file", "s3Filename": "f.csv" });
        let request = json!({ "workflowUuid": ONE, "releaseUuid": ONE, "data": data });
        let request: CreateBatchRequest = serde_json::from_value(request).unwrap();
        let fingerprint = Fingerprint::from(&CreationRequest::from(request));
        for (release, fit) in [
            (Some(ONE), Match::Same),
            (Some(TWO), Match::Other),
            (None, Match::Same),
        ] {
            let mut batch = batch(1, data.clone());
            batch.release_uuid = release.map(|uuid| uuid.parse().unwrap());
            assert_eq!(fingerprint.compare(&batch), fit, "{release:?}");
        }
    }

    #[test]
    fn another_identity_is_another_batch() {
        for (sent, returned) in [
            (
                json!({ "kind": "file", "s3Filename": "f.csv" }),
                json!({ "kind": "file", "s3Filename": "g.csv" }),
            ),
            (
                json!({ "kind": "segment", "segmentUuid": ONE }),
                json!({ "kind": "segment", "segmentUuid": TWO }),
            ),
            (
                json!({ "kind": "segment", "segmentUuid": ONE }),
                json!({ "kind": "file", "s3Filename": "g.csv" }),
            ),
            (
                json!({ "kind": "change", "changeUuid": ONE, "changeKinds": ["added"] }),
                json!({ "kind": "change", "changeUuid": TWO, "changeKinds": ["added"] }),
            ),
            (
                json!({ "kind": "filter", "modelUuid": ONE }),
                json!({ "kind": "filter", "modelUuid": TWO }),
            ),
            (
                json!({ "kind": "recordIds", "modelUuid": ONE, "ids": ["a"] }),
                json!({ "kind": "recordIds", "modelUuid": TWO, "ids": ["a"] }),
            ),
            (
                json!({ "kind": "schedule", "modelUuid": ONE, "segmentUuid": ONE, "changeKinds": ["added"] }),
                json!({ "kind": "schedule", "modelUuid": ONE, "segmentUuid": TWO, "changeKinds": ["added"] }),
            ),
            (
                json!({ "kind": "runs", "reset": { "from": "firstNode" },
                        "filter": { "kind": "runs", "batchUuid": ONE } }),
                json!({ "kind": "runs", "reset": { "from": "firstNode" },
                        "filter": { "kind": "runs", "batchUuid": TWO } }),
            ),
        ] {
            assert_eq!(fit(sent.clone(), returned), Match::Other, "{sent}");
        }
        let elsewhere = batch(2, json!({ "kind": "segment", "segmentUuid": ONE }));
        let sent = fingerprint(json!({ "kind": "segment", "segmentUuid": ONE }));
        assert_eq!(sent.compare(&elsewhere), Match::Other);
    }

    #[test]
    fn data_that_a_server_may_rewrite_matches_unclearly() {
        for (sent, returned) in [
            // A filter that comes back simplified, or with a limit of the server's own.
            (
                json!({ "kind": "filter", "modelUuid": ONE }),
                json!({ "kind": "filter", "modelUuid": ONE, "limit": 1000 }),
            ),
            // Ids that come back trimmed.
            (
                json!({ "kind": "recordIds", "modelUuid": ONE, "ids": ["a ", "b"] }),
                json!({ "kind": "recordIds", "modelUuid": ONE, "ids": ["a", "b"] }),
            ),
            // The same file with other mappings.
            (
                json!({ "kind": "file", "s3Filename": "f.csv", "mappings": { "a": "b" } }),
                json!({ "kind": "file", "s3Filename": "f.csv" }),
            ),
            // A known kind in a form that can't be read, and an unknown kind.
            (
                json!({ "kind": "segment", "segmentUuid": ONE }),
                json!({ "kind": "segment", "segment": { "uuid": ONE } }),
            ),
            (
                json!({ "kind": "segment", "segmentUuid": ONE }),
                json!({ "kind": "segments", "segmentUuids": [ONE] }),
            ),
            // Data that is never returned.
            (
                json!({ "kind": "records", "records": [{ "a": 1 }] }),
                json!({ "kind": "records", "s3Filename": "x" }),
            ),
        ] {
            assert_eq!(fit(sent.clone(), returned), Match::Unclear, "{sent}");
        }
    }

    #[test]
    fn an_action_is_told_by_its_webhook_only() {
        let action = cargo_batch_types::Action::native("enrich");
        let plain = ExecuteActionBatchRequest::new(action, Vec::<cargo_batch_types::Record>::new());
        let hooked = plain.clone().webhook_url("https://example.com/1");
        let form = |url: Option<&str>| {
            batch(
                1,
                json!({ "kind": "form", "s3Filename": "x", "webhookUrl": url }),
            )
        };
        let fit = |request: &ExecuteActionBatchRequest, batch: &Batch| {
            Fingerprint::from(&CreationRequest::from(request.clone())).compare(batch)
        };
        let other = form(Some("https://example.com/2"));
        assert_eq!(fit(&hooked, &other), Match::Other);
        assert_eq!(fit(&hooked, &form(None)), Match::Unclear);
        assert_eq!(fit(&plain, &other), Match::Unclear);
        let file = batch(1, json!({ "kind": "file", "s3Filename": "x" }));
        assert_eq!(fit(&plain, &file), Match::Other);
    }
}

//! Is a batch what a certain creation would have made?
//!
//! The server gives back the data of a batch, maybe written otherwise than it was sent: what means
//! the same is made the same before it is compared. What is neither the same nor certainly other
//! stays *unclear*, and with money an unclear batch is never ignored.

use cargo_batch_types::{
    Batch, BatchDataKind, CreateBatchData, CreateBatchRequest, ExecuteActionBatchRequest,
    ReleaseUuid, WorkflowUuid,
};
use serde::Serialize;
use serde_json::{Map, Number, Value};

/// What to look for: a creation, reduced to what the server gives back of it.
#[derive(Clone, Debug)]
pub struct Sought {
    /// The workflow; nothing for a graph given ad hoc and for actions.
    pub workflow: Option<WorkflowUuid>,
    release: Option<ReleaseUuid>,
    kind: BatchDataKind,
    /// What it will be found by; nothing where the data isn't given back.
    key: Option<String>,
    identity: Vec<(&'static str, String)>,
}

/// What may have made a batch: the request of [`create_batch`](crate::Client::create_batch) or of
/// [`execute_action_batch`](crate::Client::execute_action_batch).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Creation<'a> {
    /// A batch of a workflow, or of a graph given ad hoc.
    Batch(&'a CreateBatchRequest),
    /// A batch of a single action.
    Action(&'a ExecuteActionBatchRequest),
}

impl<'a> From<&'a CreateBatchRequest> for Creation<'a> {
    fn from(request: &'a CreateBatchRequest) -> Self {
        Self::Batch(request)
    }
}

impl<'a> From<&'a ExecuteActionBatchRequest> for Creation<'a> {
    fn from(request: &'a ExecuteActionBatchRequest) -> Self {
        Self::Action(request)
    }
}

/// How a batch compares with what is sought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// The same data.
    Same,
    /// Maybe: the data isn't given back, or can be the same written otherwise.
    Unclear,
    /// Certainly made by another creation.
    Other,
}

impl From<Creation<'_>> for Sought {
    fn from(creation: Creation<'_>) -> Self {
        match creation {
            Creation::Batch(request) => {
                let data = written(&request.data);
                let kind = BatchDataKind::from(request.data.tag());
                let opaque = matches!(
                    request.data,
                    CreateBatchData::Records(_)
                        | CreateBatchData::Form(_)
                        | CreateBatchData::Unknown(_)
                );
                Self {
                    workflow: request.workflow_uuid,
                    release: request.release_uuid,
                    key: if opaque { None } else { key(&kind, &data) },
                    identity: identity(&kind, &data),
                    kind,
                }
            }
            // Unconfirmed: that its kind is `form`.
            Creation::Action(request) => {
                let url = request.webhook_url.as_ref();
                Self {
                    workflow: None,
                    release: None,
                    kind: BatchDataKind::Form,
                    key: None,
                    identity: url
                        .map(|url| ("/webhookUrl", url.expose().to_owned()))
                        .into_iter()
                        .collect(),
                }
            }
        }
    }
}

impl Sought {
    /// What other creations know this one by: its workflow and its data.
    pub fn key(&self) -> Option<Key> {
        Some((self.workflow, self.key.clone()?))
    }

    /// The data says enough to know the batch by it, as long as nobody creates the same. A segment
    /// is the same for everybody, and so is what a scheduler finds.
    pub fn is_told_apart(&self) -> bool {
        use BatchDataKind::{Change, File, Filter, RecordIds, Runs};
        self.key.is_some() && matches!(self.kind, File | RecordIds | Filter | Change | Runs)
    }

    pub fn fit(&self, batch: &Batch) -> Fit {
        let other = |ours: bool| if ours { Fit::Other } else { Fit::Unclear };
        if self
            .workflow
            .is_some_and(|uuid| uuid != batch.workflow_uuid)
        {
            return Fit::Other;
        }
        if let (Some(ours), Some(its)) = (self.release, batch.release_uuid)
            && ours != its
        {
            return Fit::Other;
        }
        let kind = BatchDataKind::from(batch.data.tag());
        if kind != self.kind {
            // A kind nobody here knows may be a new word for ours.
            return other(!matches!(kind, BatchDataKind::Unknown(_)));
        }
        let data = written(&batch.data);
        if self.key.is_some() && self.key == key(&kind, &data) {
            return Fit::Same;
        }
        let differs = self.identity.iter().any(|(path, ours)| {
            let its = data.pointer(path).and_then(Value::as_str);
            its.is_some_and(|its| !its.eq_ignore_ascii_case(ours))
        });
        other(differs)
    }
}

/// A workflow and the data of a batch in one form, whoever wrote it.
pub type Key = (Option<WorkflowUuid>, String);

/// What a batch is known by.
pub fn key_of(batch: &Batch) -> Option<Key> {
    let kind = BatchDataKind::from(batch.data.tag());
    Some((
        Some(batch.workflow_uuid),
        key(&kind, &written(&batch.data))?,
    ))
}

/// The members that are sent and given back.
fn members(kind: &BatchDataKind) -> Option<&'static [&'static str]> {
    Some(match kind {
        BatchDataKind::Segment => &["segmentUuid"],
        BatchDataKind::Change => &["changeUuid", "changeKinds"],
        BatchDataKind::Filter => &["modelUuid", "filter", "sort", "limit"],
        BatchDataKind::RecordIds => &["modelUuid", "ids"],
        BatchDataKind::File => &["s3Filename", "mappings"],
        BatchDataKind::Runs => &["filter", "reset"],
        BatchDataKind::Schedule => &["modelUuid", "segmentUuid", "changeKinds", "skip"],
        _ => return None,
    })
}

/// The ids and names in the data that nobody writes otherwise: where they differ, so do the batches.
fn identity(kind: &BatchDataKind, data: &Value) -> Vec<(&'static str, String)> {
    let paths: &[&str] = match kind {
        BatchDataKind::Segment => &["/segmentUuid"],
        BatchDataKind::Change => &["/changeUuid"],
        BatchDataKind::Filter | BatchDataKind::RecordIds => &["/modelUuid"],
        BatchDataKind::File => &["/s3Filename"],
        BatchDataKind::Runs => &["/filter/batchUuid"],
        BatchDataKind::Schedule => &["/modelUuid", "/segmentUuid"],
        _ => &[],
    };
    let found = paths
        .iter()
        .filter_map(|path| Some((*path, data.pointer(path)?.as_str()?.to_owned())));
    found.collect()
}

fn key(kind: &BatchDataKind, data: &Value) -> Option<String> {
    let mut kept = Map::new();
    for member in members(kind)? {
        if let Some(value) = data.get(member).cloned().and_then(canonical) {
            kept.insert((*member).to_owned(), value);
        }
    }
    // Without any of its members it is a form we don't know.
    (!kept.is_empty()).then(|| format!("{kind} {}", Value::Object(kept)))
}

fn written(data: &impl Serialize) -> Value {
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
        Value::Object(members) => {
            let mut members: Vec<(String, Value)> = members
                .into_iter()
                .filter_map(|(name, value)| Some((name, canonical(value)?)))
                .collect();
            // Whatever order serde_json was built to keep.
            members.sort_by(|left, right| left.0.cmp(&right.0));
            (!members.is_empty()).then(|| Value::Object(members.into_iter().collect()))
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

    use super::super::sample::batch;
    use super::*;

    const ONE: &str = "00000000-0000-4000-8000-000000000001";
    const TWO: &str = "00000000-0000-4000-8000-000000000002";

    fn sought(data: Value) -> Sought {
        let request = json!({ "workflowUuid": ONE, "data": data });
        let request: CreateBatchRequest = serde_json::from_value(request).unwrap();
        Creation::from(&request).into()
    }

    fn fit(sent: Value, returned: Value) -> Fit {
        sought(sent).fit(&batch(1, returned))
    }

    #[test]
    fn what_means_the_same_is_the_same() {
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
            assert_eq!(fit(sent.clone(), returned), Fit::Same, "{sent}");
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
        let sought = Sought::from(Creation::from(&request));
        for (release, fit) in [
            (Some(ONE), Fit::Same),
            (Some(TWO), Fit::Other),
            (None, Fit::Same),
        ] {
            let mut batch = batch(1, data.clone());
            batch.release_uuid = release.map(|uuid| uuid.parse().unwrap());
            assert_eq!(sought.fit(&batch), fit, "{release:?}");
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
            assert_eq!(fit(sent.clone(), returned), Fit::Other, "{sent}");
        }
        let elsewhere = batch(2, json!({ "kind": "segment", "segmentUuid": ONE }));
        let sent = sought(json!({ "kind": "segment", "segmentUuid": ONE }));
        assert_eq!(sent.fit(&elsewhere), Fit::Other);
    }

    #[test]
    fn what_a_server_may_have_rewritten_is_unclear() {
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
            // A known kind in a form that can't be read, and a kind nobody knows.
            (
                json!({ "kind": "segment", "segmentUuid": ONE }),
                json!({ "kind": "segment", "segment": { "uuid": ONE } }),
            ),
            (
                json!({ "kind": "segment", "segmentUuid": ONE }),
                json!({ "kind": "segments", "segmentUuids": [ONE] }),
            ),
            // Data that is never given back.
            (
                json!({ "kind": "records", "records": [{ "a": 1 }] }),
                json!({ "kind": "records", "s3Filename": "x" }),
            ),
        ] {
            assert_eq!(fit(sent.clone(), returned), Fit::Unclear, "{sent}");
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
        let fit = |request, batch: &Batch| Sought::from(Creation::Action(request)).fit(batch);
        let other = form(Some("https://example.com/2"));
        assert_eq!(fit(&hooked, &other), Fit::Other);
        assert_eq!(fit(&hooked, &form(None)), Fit::Unclear);
        assert_eq!(fit(&plain, &other), Fit::Unclear);
        let file = batch(1, json!({ "kind": "file", "s3Filename": "x" }));
        assert_eq!(fit(&plain, &file), Fit::Other);
    }
}

//! Creating a batch exactly once, over an API that has no idempotency key.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use cargo_batch_types::{
    Batch, BatchData, BatchDataKind, BatchUuid, CreateBatchData, CreateBatchRequest,
    CreateFileData, Record,
};
use reqwest::header::{DATE, HeaderMap};
use tokio::time::Instant;

use crate::{Client, Error};

/// When to look for a batch that may have been created: a server that was cut off may still be at
/// it. The last look decides.
const LOOKS: [Duration; 3] = [
    Duration::from_secs(1),
    Duration::from_secs(4),
    Duration::from_secs(10),
];

/// How often a batch that is provably absent is created anew.
const ROUNDS: u32 = 5;

/// `Date` has whole seconds.
const DATE_PRECISION: Duration = Duration::from_secs(2);

/// How wrong our clock may be, when the server doesn't tell its own.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(120);

impl Client {
    /// Creates a batch, and makes sure that there is one: not none, and not two.
    ///
    /// When nobody knows whether the server acted (the connection was cut, a gateway gave up), this
    /// looks among the batches of the workflow for one with the same data made since, and hands that
    /// over; only when there is none, some time later, it creates again. It never decides by
    /// guessing: where several batches fit, or where the data doesn't tell one batch from
    /// another that is being created at the same time, it ends with an error that
    /// [is ambiguous](Error::is_ambiguous) and names the [candidates](Error::candidates).
    ///
    /// What tells batches apart is their data: an uploaded file, record ids, filters, changes and
    /// re-runs do, unless you create the same twice at once; a segment is the same for everybody. The API doesn't give back `records`, so they are uploaded as a CSV
    /// file first, when all their values are plain; `records` with lists or objects in them, and
    /// `form`, can't be told apart.
    ///
    /// # Errors
    /// As [`create_batch`](Self::create_batch).
    pub async fn create_batch_once(
        &self,
        request: impl Into<CreateBatchRequest>,
    ) -> Result<Batch, Error> {
        let request = self.with_key(request.into()).await?;
        let same = self.inner.creations.begin(&request);
        let mut rounds = 0;
        loop {
            rounds += 1;
            let error = match self.create_batch(request.clone()).await {
                Ok(answer) => {
                    self.inner.creations.claim(answer.batch.uuid);
                    return Ok(answer.batch);
                }
                Err(error) => error,
            };
            // Turned away at the door, again and again: that may pass, and nothing was made.
            if !error.is_ambiguous() {
                return Err(error);
            }
            match self.adopt(&request, &error, &same).await? {
                Adoption::Adopted(batch) => return Ok(*batch),
                Adoption::Undecided(candidates) => return Err(error.with_candidates(candidates)),
                Adoption::Absent if rounds < ROUNDS => {}
                Adoption::Absent => return Err(error),
            }
        }
    }

    /// The batches that a creation may have made, of which it isn't known whether it did: those of
    /// the same workflow, with the same data, made since the creation began.
    ///
    /// None is no proof that none was made, unless some seconds have passed.
    ///
    /// # Errors
    /// As [`list_batches`](Self::list_batches).
    pub async fn find_created(
        &self,
        request: &CreateBatchRequest,
        error: &Error,
    ) -> Result<Vec<Batch>, Error> {
        let started = error.started().unwrap_or_else(Instant::now);
        let mut list = self.list_batches();
        if let Some(workflow) = request.workflow_uuid {
            list = list.workflow_uuids([workflow]);
        }
        if let Some(kind) = returned_kind(&request.data) {
            list = list.included_data_kinds([kind]);
        }
        // The server's own clock is read off an answer of its own.
        let first = list.clone().limit(1_u64).send().await?;
        let since = since(first.headers(), started.elapsed());
        let mut batches = list.items();
        let mut found = Vec::new();
        while let Some(batch) = batches.next().await {
            let batch = batch?;
            if batch.created_at.timestamp_millis() >= since && is_echo(&request.data, &batch.data) {
                found.push(batch);
            }
        }
        Ok(found)
    }

    /// Looks for what an ambiguous creation made.
    async fn adopt(
        &self,
        request: &CreateBatchRequest,
        error: &Error,
        same: &Same<'_>,
    ) -> Result<Adoption, Error> {
        for look in LOOKS {
            tokio::time::sleep(look).await;
            let mut candidates = self.find_created(request, error).await?;
            let claimed = self.inner.creations.lock();
            candidates.retain(|batch| !claimed.claimed.contains(&batch.uuid));
            drop(claimed);
            let unique = is_told_apart(&request.data) && same.is_only_one();
            match candidates.as_slice() {
                [] => {}
                [batch] if unique => {
                    // Another task may have come here at the same time.
                    if !self.inner.creations.claim(batch.uuid) {
                        return Ok(Adoption::Undecided(candidates));
                    }
                    return Ok(Adoption::Adopted(Box::new(batch.clone())));
                }
                _ => return Ok(Adoption::Undecided(candidates)),
            }
        }
        // Where the data isn't given back, not finding it proves nothing.
        if returned_kind(&request.data).is_none() || !same.is_only_one() {
            Ok(Adoption::Undecided(Vec::new()))
        } else {
            Ok(Adoption::Absent)
        }
    }

    /// Records have no key of their own; a file has.
    async fn with_key(&self, mut request: CreateBatchRequest) -> Result<CreateBatchRequest, Error> {
        let CreateBatchData::Records(data) = &request.data else {
            return Ok(request);
        };
        let Some(csv) = csv_of(&data.records) else {
            return Ok(request);
        };
        let file = self.upload_file("records.csv", csv).await?;
        request.data = CreateFileData::new(file.s3_filename).into();
        Ok(request)
    }
}

enum Adoption {
    Adopted(Box<Batch>),
    /// There is something, but it can't be said whether it is ours.
    Undecided(Vec<Batch>),
    /// There is nothing.
    Absent,
}

/// The creations of a client, to tell them from each other.
#[derive(Debug, Default)]
pub(crate) struct Creations(Mutex<Known>);

#[derive(Debug, Default)]
pub(crate) struct Known {
    /// How many creations of the same data there are or were; a creation that nobody shares its
    /// data with leaves nothing behind.
    same: HashMap<String, Count>,
    /// Batches that have been handed to somebody.
    claimed: HashSet<BatchUuid>,
}

#[derive(Debug, Default)]
struct Count {
    under_way: u32,
    /// More than one has been under way at once, so that what they made can't be told apart.
    shared: bool,
}

impl Creations {
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, request: &CreateBatchRequest) -> Same<'_> {
        let data = serde_json::to_string(request).unwrap_or_default();
        let mut known = self.lock();
        let count = known.same.entry(data.clone()).or_default();
        count.under_way += 1;
        count.shared |= count.under_way > 1;
        Same {
            creations: self,
            data,
        }
    }

    /// Marks a batch as somebody's; false when it is already.
    fn claim(&self, batch: BatchUuid) -> bool {
        self.lock().claimed.insert(batch)
    }
}

/// A creation under way, among those of the same data.
struct Same<'a> {
    creations: &'a Creations,
    data: String,
}

impl Same<'_> {
    fn is_only_one(&self) -> bool {
        self.creations
            .lock()
            .same
            .get(&self.data)
            .is_none_or(|count| !count.shared)
    }
}

impl Drop for Same<'_> {
    fn drop(&mut self) {
        let mut known = self.creations.lock();
        if let Some(count) = known.same.get_mut(&self.data) {
            count.under_way -= 1;
            if count.under_way == 0 {
                known.same.remove(&self.data);
            }
        }
    }
}

/// The moment of the server's clock at which a creation began that long ago, in milliseconds of
/// Unix time.
fn since(headers: &HeaderMap, ago: Duration) -> i64 {
    let date = headers
        .get(DATE)
        .and_then(|date| httpdate::parse_http_date(date.to_str().ok()?).ok());
    let (now, margin) = match date {
        Some(date) => (date, DATE_PRECISION),
        None => (SystemTime::now(), CLOCK_TOLERANCE),
    };
    let began = now
        .checked_sub(ago + margin)
        .unwrap_or(SystemTime::UNIX_EPOCH);
    let began = began
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(began.as_millis()).unwrap_or(i64::MAX)
}

/// The data says enough to know the batch by it, as long as nobody creates the same.
fn is_told_apart(data: &CreateBatchData) -> bool {
    matches!(
        data,
        CreateBatchData::File(_)
            | CreateBatchData::RecordIds(_)
            | CreateBatchData::Filter(_)
            | CreateBatchData::Change(_)
            | CreateBatchData::Runs(_)
    )
}

/// The kind that a batch of this data is listed as; nothing when its data isn't given back.
fn returned_kind(data: &CreateBatchData) -> Option<BatchDataKind> {
    match data {
        CreateBatchData::Records(_) | CreateBatchData::Form(_) | CreateBatchData::Unknown(_) => {
            None
        }
        known => Some(known.tag().into()),
    }
}

/// Is this what the server gives back for that data?
fn is_echo(sent: &CreateBatchData, returned: &BatchData) -> bool {
    fn same<T: Ord>(left: &[T], right: &[T]) -> bool {
        left.iter().collect::<BTreeSet<_>>() == right.iter().collect::<BTreeSet<_>>()
    }
    match (sent, returned) {
        (CreateBatchData::Segment(sent), BatchData::Segment(back)) => {
            sent.segment_uuid == back.segment_uuid
        }
        (CreateBatchData::Change(sent), BatchData::Change(back)) => {
            sent.change_uuid == back.change_uuid && same(&sent.change_kinds, &back.change_kinds)
        }
        (CreateBatchData::Filter(sent), BatchData::Filter(back)) => {
            // An absent list and an empty one say the same.
            sent.model_uuid == back.model_uuid
                && sent.filter == back.filter
                && sent.sort.as_deref().unwrap_or_default()
                    == back.sort.as_deref().unwrap_or_default()
                && sent.limit == back.limit
        }
        (CreateBatchData::RecordIds(sent), BatchData::RecordIds(back)) => {
            sent.model_uuid == back.model_uuid && same(&sent.ids, &back.ids)
        }
        (CreateBatchData::File(sent), BatchData::File(back)) => {
            sent.s3_filename == back.s3_filename
        }
        (CreateBatchData::Runs(sent), BatchData::Runs(back)) => {
            sent.filter == back.filter && sent.reset == back.reset
        }
        (CreateBatchData::Schedule(sent), BatchData::Schedule(back)) => {
            sent.model_uuid == back.model_uuid
                && sent.segment_uuid == back.segment_uuid
                && same(&sent.change_kinds, &back.change_kinds)
        }
        // What the server keeps of these is a file of its own.
        (CreateBatchData::Records(_), BatchData::Records(_))
        | (CreateBatchData::Form(_), BatchData::Form(_)) => true,
        _ => false,
    }
}

/// Records as CSV, when a cell can hold each of their values.
fn csv_of(records: &[Record]) -> Option<String> {
    let columns: BTreeSet<&String> = records.iter().flat_map(|record| record.keys()).collect();
    let cell = |value: Option<&serde_json::Value>| match value {
        None | Some(serde_json::Value::Null) => Some(String::new()),
        Some(serde_json::Value::String(text)) => Some(quoted(text)),
        Some(serde_json::Value::Array(_) | serde_json::Value::Object(_)) => None,
        Some(plain) => Some(plain.to_string()),
    };
    if columns.is_empty() {
        return None;
    }
    let header: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
    let mut text = header.join(",");
    for record in records {
        let cells: Option<Vec<String>> = columns
            .iter()
            .map(|column| cell(record.get(*column)))
            .collect();
        text.push('\n');
        text.push_str(&cells?.join(","));
    }
    text.push('\n');
    Some(text)
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_become_csv_only_when_nothing_is_lost() {
        let plain: Record = [("name", "Ada \"A\""), ("city", "a,b\nc")]
            .into_iter()
            .collect();
        let other: Record = [("name", serde_json::json!(null)), ("age", 36.into())]
            .into_iter()
            .collect();
        let csv = csv_of(&[plain, other]).unwrap();
        assert_eq!(
            csv,
            "\"age\",\"city\",\"name\"\n,\"a,b\nc\",\"Ada \"\"A\"\"\"\n36,,\n"
        );
        let nested: Record = [("tags", serde_json::json!(["a"]))].into_iter().collect();
        assert_eq!(csv_of(&[nested]), None);
        assert_eq!(csv_of(&[Record::default()]), None);
    }
}

//! Creating a batch exactly once, over an API that has no idempotency key.

mod created;
mod echo;
mod known;
mod look;
mod records;
mod verdict;

use std::time::Duration;

use cargo_batch_types::{Batch, BatchUuid, CreateBatchData, CreateBatchRequest, CreateFileData};

pub(crate) use self::created::created;
pub use self::echo::Creation;
use self::echo::Fit;
pub(crate) use self::echo::Sought;
pub(crate) use self::known::Creations;
use self::known::UnderWay;
use self::verdict::{Look, Verdict};
use crate::time::{Instant, later};
use crate::{Client, Error};

/// How long after a creation of which nobody knows the outcome its batch may still appear.
///
/// Gateways give up on the server behind them after a minute at most, as a rule, and what they gave
/// up on ends not much later.
pub(crate) const SETTLING: Duration = Duration::from_secs(60);

/// When to look for a batch that may have been created, as shares of the settling time. The last
/// look decides that there is none; an earlier one may find it.
const LOOKS: [f64; 5] = [1.0 / 60.0, 1.0 / 12.0, 0.25, 0.5, 1.0];

/// When to look once more, where the list could not be read, or was not clear.
const LOOKS_AGAIN: [f64; 3] = [1.25, 1.5, 2.0];

/// How often a batch that is provably absent is created anew.
const ROUNDS: u32 = 5;

impl Client {
    /// Creates a batch, and makes sure that there is one: not none, and not two.
    ///
    /// When nobody knows whether the server acted (the connection was cut, a gateway gave up), this
    /// looks among the batches of the workflow for one with the same data made since, and hands that
    /// over. Only when there is none, nor any that could be it, after the
    /// [settling time](crate::ClientBuilder::settling), it creates again. It never decides by
    /// guessing: where several batches fit, or where the data doesn't tell one batch from
    /// another that is being created at the same time, it ends with an error that
    /// [is ambiguous](Error::is_ambiguous) and names the [candidates](Error::candidates).
    ///
    /// What tells batches apart is their data: an uploaded file, record ids, filters, changes and
    /// re-runs do, unless you (or another program) create the same twice at once; a segment is the
    /// same for everybody. The API doesn't give back `records`. Where all of them have the same
    /// members, with text in each that isn't empty, they are uploaded as a CSV file and run from
    /// that, which has a name of its own: the batch is then one of kind `file`. Other `records`
    /// (a cell can't tell the number 36 from its text) and `form` are sent as they are, and can't be
    /// told apart.
    ///
    /// Dropping the future on the way leaves a batch behind or doesn't; the client remembers that,
    /// so that the same creation begun soon after adopts nothing by mistake.
    ///
    /// # Errors
    /// As [`create_batch`](Self::create_batch). An error that isn't ambiguous says that there is no
    /// batch, so it may be called again.
    pub async fn create_batch_once(
        &self,
        request: impl Into<CreateBatchRequest>,
    ) -> Result<Batch, Error> {
        let request = self.with_key(request.into()).await?;
        let sought = Sought::from(Creation::from(&request));
        let mut own = self.inner.creations.begin(&sought);
        let mut doubt: Option<Error> = None;
        for _ in 0..ROUNDS {
            own.sent();
            let error = match self.create_batch(request.clone()).await {
                Ok(answer) => {
                    own.settled();
                    return Ok(answer.batch);
                }
                Err(error) => error.about(own.began(), &sought),
            };
            if let Some(batch) = error.created() {
                own.settled();
                return self.named(batch).await.ok_or(error);
            }
            let found = if error.is_ambiguous() {
                self.settle(&sought, &mut own).await
            } else if doubt.is_some() {
                // This one made nothing; the one before may have, late.
                self.look_once(&sought, &mut own).await
            } else {
                own.settled();
                return Err(error);
            };
            match (found, error.is_ambiguous()) {
                (Found::Adopted(batch), _) => return Ok(*batch),
                (Found::Absent, true) => doubt = Some(error),
                (Found::Absent, false) => {
                    own.settled();
                    return Err(error);
                }
                (Found::Undecided(candidates, why), _) => {
                    let doubtful = doubt.unwrap_or(error);
                    return Err(doubtful.undecided(candidates, why));
                }
            }
        }
        let error =
            doubt.unwrap_or_else(|| Error::configuration("a creation needs at least one round"));
        // The last look has shown that there is none.
        own.settled();
        Err(error.without_effect("no batch was created"))
    }

    /// The batches that a creation may have made, of which it isn't known whether it did: those of
    /// the same workflow with the same data, made since the creation began and not handed out by
    /// this client already. Where there are none, those of which the data leaves it open (the server
    /// may give it back otherwise than it was sent, or not at all). Where the server
    /// [named the batch](Error::created) in an answer that can't be read, that one.
    ///
    /// `request` is what was sent to [`create_batch`](Self::create_batch) or
    /// [`execute_action_batch`](Self::execute_action_batch). The data of an action isn't given
    /// back: what is found are the batches that may be it, and a `webhook_url` of its own narrows
    /// them down.
    ///
    /// None is no proof that none was made, unless the
    /// [settling time](crate::ClientBuilder::settling) has passed.
    ///
    /// # Errors
    /// As [`list_batches`](Self::list_batches) and [`get_batch`](Self::get_batch), and
    /// [`Unreadable`](crate::ErrorKind::Unreadable) when the list is too long to be read to its end.
    pub async fn find_created<'a>(
        &self,
        request: impl Into<Creation<'a>>,
        error: &Error,
    ) -> Result<Vec<Batch>, Error> {
        if let Some(batch) = error.created() {
            return Ok(vec![self.get_batch(batch).await?.batch]);
        }
        // What was really sent, where that is known: records may have become a file.
        let sought = match error.sought() {
            Some(sought) => sought.clone(),
            None => Sought::from(request.into()),
        };
        let began = error.started().unwrap_or_else(Instant::now);
        let look = self.look(&sought, began).await?;
        if look.candidates.is_empty() && !look.complete {
            return Err(look::too_long());
        }
        Ok(look.into_batches())
    }

    /// A batch that exists, as the server said: asked for as patiently as others are looked for.
    async fn named(&self, batch: BatchUuid) -> Option<Batch> {
        let began = Instant::now();
        for share in [0.0].into_iter().chain(LOOKS) {
            crate::time::sleep_until(later(began, self.inner.settling.mul_f64(share))).await;
            match self.get_batch(batch).await {
                Ok(answer) => return Some(answer.batch),
                Err(error) if look::may_pass(&error) => {}
                Err(_) => break,
            }
        }
        None
    }

    /// Looks for what an ambiguous creation made, until it must have appeared.
    async fn settle(&self, sought: &Sought, own: &mut UnderWay<'_>) -> Found {
        // From now on: whoever may still be acting has been acting until now.
        let ended = Instant::now();
        let mut found = Found::Undecided(Vec::new(), None);
        for share in LOOKS.into_iter().chain(LOOKS_AGAIN) {
            if share > 1.0 && !may_be_clearer(&found) {
                break;
            }
            let at = later(ended, self.inner.settling.mul_f64(share));
            crate::time::sleep_until(at).await;
            found = self.look_once(sought, own).await;
            // A list that can't be read, or holds nothing or nothing clear, may be better later.
            match &found {
                Found::Adopted(_) => return found,
                Found::Undecided(candidates, _) if is_hopeless(sought, candidates) => return found,
                Found::Undecided(..) | Found::Absent => {}
            }
        }
        found
    }

    async fn look_once(&self, sought: &Sought, own: &mut UnderWay<'_>) -> Found {
        let look = match self.look(sought, own.began()).await {
            Ok(look) => look,
            Err(error) => return Found::Undecided(Vec::new(), Some(error)),
        };
        match look.verdict(sought.is_told_apart(), own.is_alone()) {
            Verdict::Absent => Found::Absent,
            Verdict::Adopt(index) => match look.candidates.get(index) {
                Some(it) if own.adopt(it.batch.uuid) => Found::Adopted(Box::new(it.batch.clone())),
                _ => Found::undecided(look),
            },
            Verdict::Undecided => Found::undecided(look),
        }
    }

    /// Records have no key of their own; a file has.
    async fn with_key(&self, mut request: CreateBatchRequest) -> Result<CreateBatchRequest, Error> {
        let CreateBatchData::Records(data) = &request.data else {
            return Ok(request);
        };
        let Some(csv) = records::as_csv(&data.records) else {
            return Ok(request);
        };
        #[cfg(not(target_arch = "wasm32"))]
        let file = self
            .upload_from("records.csv", std::io::Cursor::new(csv.into_bytes()))
            .await;
        #[cfg(target_arch = "wasm32")]
        let file = self.upload_file("records.csv", csv).await;
        // Whatever has become of the file costs nothing, and nothing runs.
        let file = file.map_err(|error| error.without_effect("no batch was created"))?;
        request.data = CreateFileData::new(file.s3_filename).into();
        Ok(request)
    }
}

/// What has become of a creation.
enum Found {
    Adopted(Box<Batch>),
    /// There may be something, but it can't be said whether it is ours; or looking failed.
    Undecided(Vec<Batch>, Option<Error>),
    /// There is nothing.
    Absent,
}

impl Found {
    fn undecided(look: Look) -> Self {
        let why = (look.candidates.is_empty() && !look.complete).then(look::too_long);
        Self::Undecided(look.into_batches(), why)
    }
}

/// Another look may tell more: the list could not be read, or shows batches that are unclear.
fn may_be_clearer(found: &Found) -> bool {
    match found {
        Found::Undecided(candidates, why) => {
            !candidates.is_empty() || why.as_ref().is_some_and(look::may_pass)
        }
        Found::Adopted(_) | Found::Absent => false,
    }
}

/// The data is there, but it is the same for everybody: waiting longer doesn't help.
fn is_hopeless(sought: &Sought, candidates: &[Batch]) -> bool {
    let mut fits = candidates.iter().map(|batch| sought.fit(batch));
    !sought.is_told_apart() && fits.any(|fit| fit == Fit::Same)
}

#[cfg(test)]
mod sample {
    use cargo_batch_types::{Batch, from_json};
    use serde_json::{Value, json};

    pub fn uuid(number: u128) -> String {
        format!("00000000-0000-4000-8000-{number:012}")
    }

    /// A batch of a workflow of that number.
    pub fn batch(workflow: u128, data: Value) -> Batch {
        let batch = json!({
            "uuid": uuid(2), "workspaceUuid": uuid(1), "workflowUuid": uuid(workflow),
            "temporalWorkflowId": "t", "data": data, "status": "pending", "runsCount": 0,
            "executedRunsCount": 0, "failedRunsCount": 0, "creditsUsedCount": 0,
            "createdAt": "2026-01-15T10:00:00Z", "updatedAt": "2026-01-15T10:00:00Z",
        });
        from_json(batch.to_string().as_bytes()).unwrap()
    }
}

//! The steps of a creation: note, send, search, decide.

use cargo_batch_types::{Batch, BatchUuid};

use super::BatchCreation;
use super::listing::{Depth, may_pass};
use super::note::Note;
use super::search::{self, Found, Search};
use super::state::{Created, Sent};
use crate::CreationRequest;
use crate::attempts::Attempts;
use crate::time::{Instant, later, sleep_until};
use crate::{Client, Error, trace};

/// How often a request is sent whose batch was proved absent.
const MAX_REQUESTS: u32 = 5;

impl BatchCreation {
    /// Creates the batch, or finds the one that was created.
    ///
    /// When the outcome of a request is unknown (the connection was lost, a gateway timed out), this searches
    /// among the batches of the workflow, and adopts
    ///
    /// - the one that runs the uploaded file, where only this creation has used that,
    /// - else the one with the same data (a file, record ids, a filter, a change, a re-run) that did not exist
    ///   before the first request, by its id and by the server's own dates.
    ///
    /// Only where there is none, nor any that could be it, after the
    /// [settling time](crate::ClientBuilder::settling_time), the request is retried. It never guesses: where
    /// several batches fit, or where the data is the same for all callers (a segment, a form, records that
    /// aren't a file, an action) and such a batch has appeared, it fails with an error that
    /// [is ambiguous](Error::is_ambiguous) and names the [candidates](Error::candidates). While another
    /// creation with the same data is in flight on this client, neither adopts.
    ///
    /// A second call returns the same batch. Up to 5 requests are sent, and each whose outcome is unknown takes up
    /// to twice the settling time longer, which is a minute by default.
    ///
    /// # Errors
    /// [`InvalidRequest`](crate::ErrorKind::InvalidRequest) where a saved creation is for another server or
    /// workspace, or its batch has been deleted; [`Superseded`](crate::ErrorKind::Superseded) where the guard refuses;
    /// [`TooManyRecords`](crate::ErrorKind::TooManyRecords) where there are more than
    /// [`max_records`](Self::max_records), and the errors of [`preview`](Client::preview) where that is set;
    /// and the errors of [`create_batch`](Client::create_batch). An error that isn't ambiguous means that no
    /// batch was created.
    ///
    /// # Cancel safety
    /// Not cancel safe in the sense that a batch may exist after the future is dropped; another call finds it.
    pub async fn create(&self) -> Result<Batch, Error> {
        let scope = trace::Scope::creation(self.id());
        let done = scope.run(self.known_or_created()).await;
        match &done {
            Ok(batch) => scope.created(batch.uuid, self.adopted()),
            Err(error) => scope.failed(error),
        }
        done
    }

    async fn known_or_created(&self) -> Result<Batch, Error> {
        self.check_origin()?;
        let creation = &self.creation;
        let _running = creation.run.lock().await;
        if creation.is_unsent() {
            creation.set_limit(self.max_records);
        }
        let _in_flight = self.client.inner.registry.begin(creation);
        let done = match self.known().await {
            Ok(None) => self.run().await,
            Ok(Some(batch)) => Ok(batch),
            Err(error) => Err(error),
        };
        creation.state().is_returned = true;
        done
    }

    /// Does the remaining steps.
    async fn run(&self) -> Result<Batch, Error> {
        let creation = &self.creation;
        let sent_before = match self.sent_until() {
            None => false,
            Some(at) => {
                let found = self.search().settle(at, true).await;
                if let Some(batch) = self.decided(found, Error::interrupted_creation)? {
                    return Ok(batch);
                }
                creation.state().sent = Sent::No;
                true
            }
        };
        self.make_ready().await?;
        self.send(sent_before).await
    }

    /// Searches once for the batch of a creation that may have been sent, and never sends.
    ///
    /// `None` proves nothing until the [settling time](crate::ClientBuilder::settling_time) has passed.
    ///
    /// # Errors
    /// Those of [`create`](Self::create), and of the list; ambiguous ones name the candidates.
    pub async fn find(&self) -> Result<Option<Batch>, Error> {
        self.check_origin()?;
        let _running = self.creation.run.lock().await;
        if let Some(batch) = self.known().await? {
            self.creation.state().is_returned = true;
            return Ok(Some(batch));
        }
        let found = self.search().once().await;
        self.decided(found, Error::interrupted_creation)
    }

    /// Sends until a batch exists, or it is known that none does.
    async fn send(&self, mut sent_before: bool) -> Result<Batch, Error> {
        let creation = &self.creation;
        let client = self
            .client
            .sending(creation, self.guard.clone(), self.max_records);
        let limited = creation.limited();
        let request = limited
            .as_ref()
            .map_or(&creation.request, |form| &form.request);
        let mut doubt: Option<Error> = None;
        let mut attempts = Attempts::unlimited(&self.client);
        for _ in 0..MAX_REQUESTS {
            // Before it counts as sent: where this is dropped meanwhile, nothing was.
            let response = match client.check_max_records().await {
                Ok(()) => {
                    creation.state().sent = Sent::Now;
                    client.start(request).await
                }
                Err(error) => Err(error),
            };
            creation.ended();
            let error = match response {
                Ok(batch) => return self.created(batch, sent_before).await,
                Err(error) => error,
            };
            attempts.count_call(&error);
            let error = attempts.note(error);
            if let Some(batch) = error.created() {
                creation.named(batch);
                return self
                    .client
                    .named(batch, self.settling)
                    .await
                    .map_err(|_| error);
            }
            let ended = self.sent_until().unwrap_or_else(Instant::now);
            if error.is_ambiguous() {
                trace::unclear(self.settling, &error);
                match self.search().settle(ended, false).await {
                    Found::Adopted(batch) => return Ok(*batch),
                    Found::Undecided(candidates, why) => {
                        let error = attempts.note(doubt.unwrap_or(error));
                        return Err(error.undecided(candidates, why));
                    }
                    Found::Absent => creation.state().sent = Sent::No,
                }
                trace::absent();
                doubt = Some(error);
                sent_before = true;
                continue;
            }
            if sent_before {
                // This request created nothing; the one before may have, late.
                let found = self.search().once().await;
                let unclear = || doubt.take().unwrap_or_else(Error::interrupted_creation);
                if let Some(batch) = self.decided(found, unclear)? {
                    return Ok(batch);
                }
            }
            creation.state().sent = Sent::No;
            return Err(error);
        }
        let error = attempts.note(doubt.unwrap_or_else(Error::interrupted_creation));
        // The last search has shown that none exists.
        Err(error.without_effect("no batch was created"))
    }

    /// Takes the batch of a response, unless an earlier request has created another.
    async fn created(&self, batch: Batch, sent_before: bool) -> Result<Batch, Error> {
        self.client.inner.registry.saw(&batch);
        self.creation.created(batch.clone(), false);
        if sent_before
            && let Ok(mut others) = self.search().others().await
            && !others.is_empty()
        {
            others.insert(0, batch);
            return Err(Error::created_twice(others));
        }
        Ok(batch)
    }

    /// Returns the batch of a creation that has one.
    async fn known(&self) -> Result<Option<Batch>, Error> {
        let created = self.creation.state().created.clone();
        match created {
            None => Ok(None),
            Some(Created {
                batch: Some(batch), ..
            }) => Ok(Some(*batch)),
            Some(created) => {
                let batch = self.client.named(created.uuid, self.settling).await?;
                self.creation.created(batch.clone(), created.adopted);
                Ok(Some(batch))
            }
        }
    }

    fn search(&self) -> Search<'_> {
        Search {
            client: &self.client,
            creation: &self.creation,
            settling: self.settling,
        }
    }

    fn decided(
        &self,
        found: Found,
        unclear: impl FnOnce() -> Error,
    ) -> Result<Option<Batch>, Error> {
        match found {
            Found::Adopted(batch) => Ok(Some(*batch)),
            Found::Absent => Ok(None),
            Found::Undecided(candidates, why) => Err(unclear().undecided(candidates, why)),
        }
    }

    /// Returns until when a request may have been sent, where one may have been.
    fn sent_until(&self) -> Option<Instant> {
        match self.creation.state().sent {
            Sent::No => None,
            Sent::Until(at) => Some(at),
            Sent::Now | Sent::Elsewhere => Some(Instant::now()),
        }
    }

    /// Notes what exists, and has the sending form stored, before the first request.
    async fn make_ready(&self) -> Result<(), Error> {
        let (is_saved_prepared, is_announced) = {
            let state = self.creation.state();
            (state.is_saved_prepared, state.is_announced)
        };
        if is_announced {
            return Ok(());
        }
        if is_saved_prepared {
            if self.first_send.is_none() {
                return Err(Error::invalid_request(
                    self.creation.request.operation(),
                    "the creation was saved as prepared: set `before_first_send`, which stores the \
                     sending form, or save it with `save` instead",
                ));
            }
            // Others may have created the same since it was prepared.
            self.creation.state().is_noted = false;
            self.note().await?;
        }
        if let Some(store) = &self.first_send {
            store(self.save()).await.map_err(Error::superseded)?;
        }
        self.creation.state().is_announced = true;
        Ok(())
    }

    /// Notes what the list shows before the first request; once, whatever comes of it.
    pub(super) async fn note(&self) -> Result<(), Error> {
        let creation = &self.creation;
        if creation.own_file || creation.state().is_noted {
            return Ok(());
        }
        let fingerprint = &creation.fingerprint;
        let registry = &self.client.inner.registry;
        let listings = &self.client.inner.listings;
        let listing = listings
            .list(&self.client, fingerprint.workflow, Depth::Head, &|_| false)
            .await;
        let mut note = None;
        if let Ok(listing) = listing {
            listing.batches.iter().for_each(|batch| registry.saw(batch));
            note = Note::of(&listing, fingerprint);
            let earlier = listing
                .batches
                .iter()
                .find(|batch| fingerprint.has_run_file(batch));
            if let Some(earlier) = earlier.filter(|_| !creation.again) {
                return Err(Error::file_has_run(
                    creation.request.operation(),
                    earlier.clone(),
                ));
            }
        }
        let earlier = fingerprint
            .file_name()
            .and_then(|name| registry.batch_of_file(name));
        if let Some(earlier) = earlier.filter(|_| !creation.again) {
            let batch = self.client.named(earlier, self.settling).await?;
            return Err(Error::file_has_run(creation.request.operation(), batch));
        }
        let mut state = creation.state();
        state.note = note;
        state.is_noted = true;
        Ok(())
    }

    /// Refuses what was saved for another server or workspace: a search would find nothing there, and
    /// the batch would be paid for a second time.
    fn check_origin(&self) -> Result<(), Error> {
        let Some((base_url, workspace)) = &self.saved_for else {
            return Ok(());
        };
        let wrong = |what: &str, saved: &dyn std::fmt::Display, own: &dyn std::fmt::Display| {
            Err(Error::invalid_request(
                self.creation.request.operation(),
                format!(
                    "the creation was saved for the {what} {saved}, and this client is for {own}"
                ),
            ))
        };
        if base_url != self.client.base_url() {
            return wrong("base URL", base_url, &self.client.base_url());
        }
        match (workspace, self.client.known_workspace()) {
            (Some(saved), Some(own)) if *saved != own => wrong("workspace", saved, &own),
            _ => Ok(()),
        }
    }
}

impl Client {
    /// Sends the one request of a creation.
    async fn start(&self, request: &CreationRequest) -> Result<Batch, Error> {
        request.clone().send(self).await
    }

    /// Fetches a batch that exists according to the server: as often as others are searched for.
    async fn named(&self, batch: BatchUuid, settling: std::time::Duration) -> Result<Batch, Error> {
        let began = Instant::now();
        let mut attempts = Attempts::unlimited(self);
        let mut last = None;
        for share in search::schedule() {
            sleep_until(later(began, settling.mul_f64(share))).await;
            let error = match self.get_batch(batch).await {
                Ok(response) => return Ok(response.batch),
                Err(error) => error,
            };
            attempts.count_call(&error);
            if !may_pass(&error) {
                return Err(attempts.note(error));
            }
            last = Some(error);
        }
        Err(attempts.note(last.unwrap_or_else(Error::interrupted_creation)))
    }
}

//! A creation, to be continued by another process.

use std::fmt;

use cargo_batch_types::{BatchUuid, WorkspaceUuid};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::fingerprint::Fingerprint;
use super::id::CreationId;
use super::note::Note;
use crate::CreationRequest;

/// The form that this release writes. A release that changes what a field means counts up.
const VERSION: u64 = 1;

/// A creation as plain data, for a database or a file: created by
/// [`BatchCreation::save`](crate::BatchCreation::save), continued by
/// [`Client::resume_creation`](crate::Client::resume_creation).
///
/// Its JSON form is readable by later releases of this crate: times are text, and a `version` says how to read
/// it. A webhook secret of the request is in it in plain text, so store it as you store secrets; `Debug`
/// doesn't show it.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SavedCreation {
    version: Version,
    /// The id of the creation.
    pub id: CreationId,
    /// How far it has come: whether a request may have been sent.
    pub state: CreationState,
    /// The request that is sent: records that became a file are one here.
    pub request: CreationRequest,
    /// The data is a file that was uploaded for this creation and that no other has used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) own_file: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) again: bool,
    /// When it was prepared, by this machine's clock. It is information only; nothing is decided by it.
    pub prepared_at: DateTime<Utc>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<Note>,
    /// The [limit of its records](crate::BatchCreation::max_records); `None` without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_records: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) records: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) seen_before: Option<DateTime<Utc>>,
    /// The base URL of the server that it is for.
    pub base_url: String,
    /// The workspace that it is for; `None` where it was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace: Option<WorkspaceUuid>,
    /// The batch; `None` until it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<BatchUuid>,
}

/// How far a [`SavedCreation`] has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum CreationState {
    /// No request was ever sent: a process that resumes it creates at once.
    Prepared,
    /// A request may have been sent: a process that resumes it searches first.
    Sending,
}

impl SavedCreation {
    #[allow(clippy::too_many_arguments)]
    pub(super) fn new(
        creation: &super::state::Shared,
        state: CreationState,
        base_url: &str,
        workspace: Option<WorkspaceUuid>,
        max_records: Option<u64>,
    ) -> Self {
        let known = creation.state();
        Self {
            version: Version,
            id: creation.id,
            state,
            request: creation.request.clone(),
            own_file: creation.own_file,
            again: creation.again,
            prepared_at: creation.prepared_at,
            note: known
                .note
                .clone()
                .filter(|_| state == CreationState::Sending),
            max_records,
            records: creation.records,
            seen_before: creation.seen_before,
            base_url: base_url.to_owned(),
            workspace,
            batch: known.batch_uuid(),
        }
    }

    /// Returns a text that is equal for equal data, for a UNIQUE column: a second job over the same file
    /// is refused by the database. `None` where the API doesn't return the data.
    pub fn key(&self) -> Option<String> {
        Fingerprint::from(&self.request).text()
    }

    /// Returns whether the batch can be recognised among others by its data.
    ///
    /// Where it can't (a segment, a form, records that can't become a file, an action), a creation whose
    /// process ended can end in an error that [is final](crate::Error::is_final).
    pub fn is_distinguishable(&self) -> bool {
        Fingerprint::from(&self.request).is_distinguishable()
    }
}

#[cfg(not(target_arch = "wasm32"))]
crate::saved_file::as_file!(SavedCreation);

impl fmt::Debug for SavedCreation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SavedCreation")
            .field("id", &self.id)
            .field("state", &self.state)
            .field("request", &self.request)
            .field("prepared_at", &self.prepared_at)
            .field("base_url", &self.base_url)
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

/// The one version that can be read.
#[derive(Clone, Copy, PartialEq)]
struct Version;

impl Serialize for Version {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(VERSION)
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u64::deserialize(deserializer)? {
            VERSION => Ok(Self),
            other => Err(serde::de::Error::custom(format!(
                "version {other} of a saved creation is newer than this release of the crate, \
                 which reads version {VERSION}: update it"
            ))),
        }
    }
}

//! What a creation does right before each of its requests.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::saved::SavedCreation;
use super::state::Shared;
use crate::CreationRequest;
use crate::time::Instant;
use crate::{Client, Error};

/// How long a guard's permission is valid.
const GUARD_VALIDITY: Duration = Duration::from_secs(5);

/// How often a guard is called before one request, where each permission comes too late.
const GUARD_ATTEMPTS: u32 = 3;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[cfg(not(target_arch = "wasm32"))]
type Permission = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;
#[cfg(target_arch = "wasm32")]
type Permission = Pin<Box<dyn Future<Output = Result<(), BoxError>>>>;

/// Called before every request that can spend credits.
pub(super) type Guard = Arc<dyn Fn() -> Permission + Send + Sync>;

/// Called with the form to store before the first request.
pub(super) type FirstSend = Arc<dyn Fn(SavedCreation) -> Permission + Send + Sync>;

/// The creation that a request is sent for.
#[derive(Clone)]
pub(crate) struct Sending {
    pub creation: Arc<Shared>,
    pub guard: Option<Guard>,
    pub max_records: Option<u64>,
}

/// How many records may be in a batch that is created by one plain call.
#[derive(Debug)]
pub(crate) struct Limit {
    /// What the caller has given, without the limit.
    pub request: CreationRequest,
    pub max_records: u64,
}

impl Client {
    /// Returns this client for a plain creation with a limit of records, and the request to send.
    pub(crate) fn limited<R>(&self, body: R, most: u64) -> (Self, R)
    where
        R: Into<CreationRequest> + TryFrom<CreationRequest> + Clone,
    {
        // Called again, the limit of before is none of the caller's data.
        let request = match &self.limit {
            Some(limit) => limit.request.clone(),
            None => body.clone().into(),
        };
        let sent = request.limited_to(most).unwrap_or_else(|| request.clone());
        let limit = Limit {
            request,
            max_records: most,
        };
        let client = Self {
            limit: Some(Arc::new(limit)),
            ..self.clone()
        };
        (client, R::try_from(sent).unwrap_or(body))
    }

    /// Checks how many records the batch that this client creates would run over.
    pub(crate) async fn check_max_records(&self) -> Result<(), Error> {
        let (request, given, most) = match (&self.sending, &self.limit) {
            (
                Some(Sending {
                    creation,
                    max_records: Some(most),
                    ..
                }),
                _,
            ) => (&creation.request, creation.records, *most),
            (None, Some(limit)) => (&limit.request, None, limit.max_records),
            _ => return Ok(()),
        };
        let operation = request.operation();
        let unknown = |why: &str| {
            let what = format!(
                "how many records there are can't be checked against `max_records` ({most}): {why}; leave \
                 `max_records` out, or give data of which a preview says the number"
            );
            Error::invalid_request(operation, what)
        };
        let given = given.or(request.given_records());
        let count = match (given, request) {
            (Some(count), _) => count,
            (None, CreationRequest::CreateBatch(request)) => {
                let client = Self {
                    sending: None,
                    limit: None,
                    ..self.clone()
                };
                // A call within a call has no size otherwise.
                Box::pin(client.count_records(request))
                    .await?
                    .map_err(unknown)?
            }
            (None, CreationRequest::ExecuteActionBatch(_)) => {
                return Err(unknown("an action has no preview"));
            }
        };
        match count > most {
            true => Err(Error::too_many_records(operation, count, most)),
            false => Ok(()),
        }
    }
}

impl Sending {
    /// Asks the guard whether the request may be sent, and then gets what it is sent with: last, so that nothing else
    /// is waited for after the permission.
    pub async fn permit<T, F: Future<Output = Result<T, Error>>>(
        &self,
        ready: impl Fn() -> F,
    ) -> Result<T, Error> {
        let Some(guard) = &self.guard else {
            return ready().await;
        };
        for _ in 0..GUARD_ATTEMPTS {
            let asked = Moment::now();
            guard().await.map_err(Error::superseded)?;
            let ready = ready().await?;
            // A process may have been suspended meanwhile, and its lock be another's by now.
            if asked.elapsed() <= GUARD_VALIDITY {
                return Ok(ready);
            }
        }
        let what = format!(
            "each decision of the guard took longer than {} s",
            GUARD_VALIDITY.as_secs()
        );
        Err(Error::superseded(what.into()))
    }
}

impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sending")
            .field("creation", &self.creation.id)
            .finish_non_exhaustive()
    }
}

/// An instant by both clocks: a suspended machine stops the one, and the other can be set back.
struct Moment(Instant, SystemTime);

impl Moment {
    fn now() -> Self {
        Self(Instant::now(), crate::time::now())
    }

    fn elapsed(&self) -> Duration {
        let by_wall = crate::time::now()
            .duration_since(self.1)
            .unwrap_or_default();
        self.0.elapsed().max(by_wall)
    }
}

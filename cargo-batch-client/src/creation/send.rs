//! What a creation asks for right before each of its requests.

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

/// For how long a guard's yes holds.
const GUARD_VALIDITY: Duration = Duration::from_secs(5);

/// How often a guard is asked before one request, where each yes comes too late.
const GUARD_ATTEMPTS: u32 = 3;

pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[cfg(not(target_arch = "wasm32"))]
type Permission = Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send>>;
#[cfg(target_arch = "wasm32")]
type Permission = Pin<Box<dyn Future<Output = Result<(), BoxError>>>>;

/// Asked before every request that can spend credits.
pub(super) type Guard = Arc<dyn Fn() -> Permission + Send + Sync>;

/// Given the form to store before the first request.
pub(super) type FirstSend = Arc<dyn Fn(SavedCreation) -> Permission + Send + Sync>;

/// The creation that a request is sent for.
#[derive(Clone)]
pub(crate) struct Sending {
    pub creation: Arc<Shared>,
    pub guard: Option<Guard>,
    pub max_records: Option<u64>,
}

impl Client {
    /// Checks how many records the creation that this client sends for would run over.
    pub(crate) async fn check_max_records(&self) -> Result<(), Error> {
        let Some(sending) = &self.sending else {
            return Ok(());
        };
        let (creation, Some(most)) = (&sending.creation, sending.max_records) else {
            return Ok(());
        };
        let operation = creation.request.operation();
        let unknown = |why: &str| {
            let what = format!(
                "how many records there are can't be checked against `max_records` ({most}): {why}; leave \
                 `max_records` out, or give data of which a preview says the number"
            );
            Error::invalid_request(operation, what)
        };
        let given = creation.records.or(creation.request.given_records());
        let count = match (given, &creation.request) {
            (Some(count), _) => count,
            (None, CreationRequest::CreateBatch(request)) => {
                let client = Self {
                    sending: None,
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
    /// Asks whether the request may be sent, and then gets what it is sent with: last, so that nothing else
    /// is waited for after the yes.
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
            // A process may have been frozen meanwhile, and its lock be another's by now.
            if asked.elapsed() <= GUARD_VALIDITY {
                return Ok(ready);
            }
        }
        let what = format!(
            "each answer took longer than {} s",
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

/// A moment by both clocks: a suspended machine stops the one, and the other can be set back.
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

//! What is known of the servers that requests go to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use reqwest::Url;

use crate::gate::{Closed, Gate, Lane, Pass};
use crate::permits::{Permit, Permits};
use crate::time::{Instant, timeout};
use crate::{Client, Error};

/// Of how many servers something is kept. The API is one, and storage a few.
const HOSTS: usize = 64;

/// The servers of a client, shared by its clones, and the requests in flight to them.
#[derive(Debug)]
pub(crate) struct Hosts {
    /// One or two mostly, which are found sooner by comparing than by hashing.
    known: RwLock<Vec<(Box<str>, Arc<Host>)>>,
    in_flight: Permits,
}

/// A server, by its host and port.
#[derive(Debug)]
struct Host {
    /// A response of it has come.
    is_heard: AtomicBool,
    gate: Gate,
}

/// A request that may be sent, and its place among those in flight.
#[derive(Debug)]
pub(crate) struct Departure {
    host: Arc<Host>,
    pass: Pass,
    _permit: Permit,
}

impl Hosts {
    /// Returns the servers of a client that sends so many requests at once.
    pub fn new(max_in_flight: usize) -> Self {
        Self {
            known: RwLock::default(),
            in_flight: Permits::new(max_in_flight),
        }
    }

    /// Waits until a request may be sent to a URL.
    ///
    /// # Errors
    /// Where it may not be sent before the deadline.
    pub async fn depart(
        &self,
        url: &Url,
        lane: Lane,
        deadline: Instant,
    ) -> Result<Departure, Closed> {
        let host = self.host(url);
        loop {
            let pass = host.gate.pass(lane, deadline).await?;
            let permit = match self.in_flight.try_acquire() {
                Some(permit) => permit,
                None => {
                    let left = deadline.saturating_duration_since(Instant::now());
                    let permit = timeout(left, self.in_flight.acquire()).await;
                    permit.map_err(|_| Closed)?
                }
            };
            // While it waited for the permit, another request may have been refused.
            if host.gate.holds(pass) {
                return Ok(Departure {
                    host,
                    pass,
                    _permit: permit,
                });
            }
        }
    }

    fn host(&self, url: &Url) -> Arc<Host> {
        let name = url.authority();
        let find = |known: &[(Box<str>, Arc<Host>)]| {
            let found = known.iter().find(|(known, _)| **known == *name);
            found.map(|(_, host)| host.clone())
        };
        if let Some(host) = find(&self.known.read().unwrap_or_else(PoisonError::into_inner)) {
            return host;
        }
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = find(&known) {
            return host;
        }
        let host = Arc::new(Host::new());
        if known.len() < HOSTS {
            known.push((name.into(), host.clone()));
        }
        host
    }
}

impl Host {
    fn new() -> Self {
        Self {
            is_heard: AtomicBool::new(false),
            gate: Gate::new(),
        }
    }
}

impl Departure {
    /// Notes a response, whatever it says.
    pub fn heard(&self) {
        self.host.is_heard.store(true, Ordering::Release);
    }

    /// Notes what the response to a client means for other requests.
    pub fn responded(&self, client: &Client, error: Option<&Error>) {
        let Some(error) = error.filter(|error| error.is_throttled()) else {
            return self.host.gate.accepted(self.pass);
        };
        let asked = error.retry_after();
        // More is an error for each call that meets it, and doesn't hold up the others.
        let asked = asked.filter(|asked| *asked <= client.retry.max_retry_after);
        let asked = asked.map(|asked| client.inner.retries.jittered(asked));
        self.host.gate.refused(self.pass, asked.unwrap_or_default());
    }

    /// Notes in an error that no response of this server has ever come.
    pub fn note(&self, error: Error) -> Error {
        match self.host.is_heard.load(Ordering::Acquire) {
            true => error,
            false => error.of_unheard(),
        }
    }
}

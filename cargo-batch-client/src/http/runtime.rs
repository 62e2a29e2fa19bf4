//! A pool of connections for each tokio runtime.
//!
//! A connection is driven by the runtime that opened it: from another one it would never be read.

use std::sync::{Arc, PoisonError, RwLock, Weak};

use reqwest::Url;
use tokio::runtime::{Handle, Id, RuntimeFlavor};
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::Settings;
use super::own::Own;
use crate::Error;

/// The HTTP clients of a [`Client`](crate::Client).
#[derive(Clone)]
pub(crate) enum Http {
    /// A reqwest client of the caller's.
    Callers(reqwest::Client),
    /// Clients of our own.
    Own {
        pools: Arc<Pools>,
        writer: reqwest::Client,
    },
}

impl Http {
    /// Clients of our own, made as runtimes use them.
    pub fn own(settings: Settings, base_url: &Url) -> Result<Self, Error> {
        let own = Own::new(settings);
        // The first is made here, so that what can't work is known now.
        let writer = own.client(is_encrypted(base_url))?;
        let pools = Arc::new(Pools {
            own,
            open: RwLock::default(),
        });
        Ok(Self::Own { pools, writer })
    }

    /// A client of the caller's, whose connections are the caller's concern.
    pub fn callers(client: reqwest::Client) -> Self {
        Self::Callers(client)
    }

    /// The client that requests are put together with.
    pub fn writer(&self) -> reqwest::Client {
        match self {
            Self::Callers(client) | Self::Own { writer: client, .. } => client.clone(),
        }
    }

    /// Fails where tokio would panic.
    pub fn check_runtime(&self) -> Result<(), Error> {
        runtime().map(|_| ())
    }

    /// Returns the client to send a request to a URL with, here and now: connections of it that have
    /// ended by now are known to have ended.
    pub async fn ready(&self, url: &Url) -> Result<reqwest::Client, Error> {
        let runtime = runtime()?;
        let client = match self {
            Self::Callers(client) => client.clone(),
            Self::Own { pools, .. } => pools.client(&runtime, is_encrypted(url))?,
        };
        read_connections(&runtime).await;
        Ok(client)
    }

    /// Whether a connection of this client has ever come up; true where that isn't known.
    pub fn has_connected(&self) -> bool {
        match self {
            Self::Callers(_) => true,
            Self::Own { pools, .. } => pools.own.connected.get(),
        }
    }
}

fn is_encrypted(url: &Url) -> bool {
    url.scheme() != "http"
}

fn runtime() -> Result<Handle, Error> {
    Handle::try_current().map_err(|_| {
        Error::configuration(
            "there is no tokio runtime here: call it inside one (`#[tokio::main]`, \
             `Runtime::block_on`), or use `Blocking`, of the feature `blocking`",
        )
    })
}

/// Lets the tasks of connections read what has arrived, such as the end of one.
///
/// A program that computes, or blocks its thread, between two calls doesn't drive its connections
/// meanwhile: without this a request would be written to one that the server has closed, or be
/// answered by bytes that came before it was sent.
async fn read_connections(runtime: &Handle) {
    match runtime.runtime_flavor() {
        // A task that yields is queued after the driver was polled, behind all that it woke. (A
        // future in `block_on` would be polled before those.)
        RuntimeFlavor::CurrentThread => drop(runtime.spawn(yield_now()).await),
        // Outside of a worker this costs next to nothing: the workers drive the connections.
        _ => {
            yield_now().await;
            yield_now().await;
        }
    }
}

/// The pools of connections there are.
pub(crate) struct Pools {
    own: Own,
    /// Few: one or two for each runtime in use.
    open: RwLock<Vec<Pool>>,
}

struct Pool {
    runtime: Id,
    encrypted: bool,
    client: reqwest::Client,
    /// Ends the task that waits for the end of the runtime.
    _end: oneshot::Sender<()>,
}

impl Pools {
    fn client(
        self: &Arc<Self>,
        runtime: &Handle,
        encrypted: bool,
    ) -> Result<reqwest::Client, Error> {
        let id = runtime.id();
        let find = |open: &[Pool]| {
            let pool = open
                .iter()
                .find(|pool| pool.runtime == id && pool.encrypted == encrypted);
            pool.map(|pool| pool.client.clone())
        };
        if let Some(client) = find(&self.open.read().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(client);
        }
        let client = self.own.client(encrypted)?;
        let (end, ended) = oneshot::channel();
        {
            let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(client) = find(&open) {
                return Ok(client);
            }
            open.push(Pool {
                runtime: id,
                encrypted,
                client: client.clone(),
                _end: end,
            });
        }
        // A runtime drops its tasks when it ends, and its connections with them.
        let forget = Forget {
            pools: Arc::downgrade(self),
            runtime: id,
        };
        runtime.spawn(async move {
            let _forget = forget;
            let _ = ended.await;
        });
        Ok(client)
    }
}

/// Forgets the pools of a runtime that has ended.
struct Forget {
    pools: Weak<Pools>,
    runtime: Id,
}

impl Drop for Forget {
    fn drop(&mut self) {
        let Some(pools) = self.pools.upgrade() else {
            return;
        };
        let mut open = pools.open.write().unwrap_or_else(PoisonError::into_inner);
        let (ended, rest) = open
            .drain(..)
            .partition(|pool| pool.runtime == self.runtime);
        *open = rest;
        drop(open);
        // Not while the lock is held: this drops connections.
        drop::<Vec<Pool>>(ended);
    }
}

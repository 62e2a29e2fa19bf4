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
            is_noted: is_encrypted(base_url) && cfg!(feature = "rustls"),
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

    /// Returns whether a connection to the API may have come up: false only where it is known that none has.
    pub fn may_have_connected(&self) -> bool {
        match self {
            Self::Callers(_) => true,
            Self::Own { pools, .. } => !pools.is_noted || pools.own.connected.get(),
        }
    }
}

fn is_encrypted(url: &Url) -> bool {
    url.scheme() != "http"
}

fn runtime() -> Result<Handle, Error> {
    #[cfg(feature = "blocking")]
    crate::blocking::check()?;
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
    /// Connections to the API are noted as they come up.
    is_noted: bool,
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::net::TcpListener;
    use tokio::runtime::{Builder, Runtime};

    use super::*;

    const WITH_TLS: bool = cfg!(feature = "rustls") != cfg!(feature = "native-tls");

    fn http(base_url: &str) -> (Http, Arc<Pools>) {
        let settings = Settings {
            user_agent: None,
            roots: Default::default(),
            proxy: None,
            connect_timeout: Duration::from_secs(1),
            settling: Duration::from_secs(60),
        };
        let http = Http::own(settings, &base_url.parse().unwrap()).unwrap();
        match &http {
            Http::Own { pools, .. } => (http.clone(), pools.clone()),
            Http::Callers(_) => panic!("a client of our own"),
        }
    }

    fn runtime() -> Runtime {
        Builder::new_current_thread().enable_all().build().unwrap()
    }

    fn open(pools: &Pools) -> usize {
        pools.open.read().unwrap().len()
    }

    #[test]
    fn a_runtime_that_has_ended_is_forgotten() {
        let (http, pools) = http("http://127.0.0.1/v1");
        let links = match WITH_TLS {
            true => vec!["http://127.0.0.1/a", "https://127.0.0.1/a"],
            false => vec!["http://127.0.0.1/a"],
        };
        let runtimes = [runtime(), runtime(), runtime()];
        for runtime in runtimes.iter().chain(&runtimes) {
            for link in &links {
                let url = link.parse().unwrap();
                runtime.block_on(http.ready(&url)).unwrap();
            }
        }
        assert_eq!(open(&pools), 3 * links.len());
        let [first, second, third] = runtimes;
        drop(second);
        assert_eq!(open(&pools), 2 * links.len());
        third.shutdown_background();
        drop(first);
        assert_eq!(open(&pools), 0);
    }

    #[test]
    fn a_client_that_is_dropped_leaves_no_task_behind() {
        let runtime = runtime();
        for _ in 0..3 {
            let (http, pools) = http("http://127.0.0.1/v1");
            let url = "http://127.0.0.1/v1".parse().unwrap();
            runtime.block_on(http.ready(&url)).unwrap();
            assert_eq!(runtime.metrics().num_alive_tasks(), 1);
            drop((http, pools));
            runtime.block_on(yield_now());
            runtime.block_on(yield_now());
            assert_eq!(runtime.metrics().num_alive_tasks(), 0);
        }
    }

    #[test]
    fn where_no_connection_is_recorded_one_may_have_come_up() {
        assert!(http("http://127.0.0.1/v1").0.may_have_connected());
        assert!(Http::callers(reqwest_client()).may_have_connected());
    }

    #[cfg(feature = "rustls")]
    #[tokio::test]
    async fn a_connection_has_come_up_once_the_server_has_responded_with_a_certificate() {
        if !WITH_TLS {
            return;
        }
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: Url = format!("https://{}/v1", listener.local_addr().unwrap())
            .parse()
            .unwrap();
        let (https, pools) = http(url.as_str());
        assert!(!https.may_have_connected());
        let client = https.ready(&url).await.unwrap();
        let response = async {
            // It doesn't speak TLS.
            let (stream, _) = listener.accept().await.unwrap();
            stream.writable().await.unwrap();
            stream.try_write(b"nothing of TLS\r\n\r\n").unwrap();
        };
        let (error, ()) = tokio::join!(client.get(url).send(), response);
        assert!(error.unwrap_err().is_connect());
        assert!(!https.may_have_connected());
        pools.own.connected.set();
        assert!(https.may_have_connected());
    }

    fn reqwest_client() -> reqwest::Client {
        let (http, _) = http("http://127.0.0.1/v1");
        http.writer()
    }
}

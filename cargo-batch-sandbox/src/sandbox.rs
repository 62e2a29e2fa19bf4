//! A running sandbox.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cargo_batch_types::{BatchUuid, Record};
use tokio::net::TcpListener;

use crate::clock::{Clock, at, from_system};
use crate::creation_record::CreationRecord;
use crate::faults::{FaultPlan, InvalidPlan};
use crate::fixtures::Fixtures;
use crate::middleware::Middleware;
use crate::outcome::Outcomes;
use crate::recorded_request::RecordedRequest;
use crate::server::{Exchange, Listener};
use crate::settings::Settings;
use crate::state::App;
use crate::views::credits;
use crate::{Origin, api, control, page, storage};

/// The API and its storage, each on a port of loopback. Dropping it stops both.
pub struct Sandbox {
    middleware: Arc<Middleware>,
    address: SocketAddr,
}

/// Configures and starts a [`Sandbox`]; created by [`Sandbox::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start` is called"]
pub struct SandboxBuilder {
    seed: u64,
    begins: SystemTime,
    speed: f64,
    settings: Settings,
    outcomes: Option<Outcomes>,
    listen: SocketAddr,
    remote: bool,
    checked: bool,
    faults: FaultPlan,
    credits: f64,
}

impl Sandbox {
    /// Starts a sandbox with the defaults of [`SandboxBuilder`] on the current tokio runtime.
    ///
    /// # Errors
    /// Returns an error if loopback has no free port.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Returns a builder with default settings.
    pub fn builder() -> SandboxBuilder {
        SandboxBuilder {
            seed: 1,
            begins: at(0).into(),
            speed: 1.0,
            settings: Settings::new(),
            outcomes: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            remote: false,
            checked: true,
            faults: FaultPlan::new(),
            credits: 1_000_000.0,
        }
    }

    /// Returns the base URL of its API, as a client takes it: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> &str {
        &self.middleware.base_url
    }

    /// Returns the address the API listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the token that is valid now. [`Fault::RevokeToken`](crate::Fault::RevokeToken) replaces it.
    pub fn token(&self) -> String {
        self.middleware.token()
    }

    /// Returns a client of this sandbox, with the current token and a fixed jitter seed.
    ///
    /// For a client with other settings use [`base_url`](Self::base_url) and [`token`](Self::token).
    /// Needs the feature `client`, which is on by default.
    ///
    /// # Panics
    /// Panics if no client can be created, for example if TLS has no certificates to trust.
    #[cfg(feature = "client")]
    pub fn client(&self) -> cargo_batch_client::Client {
        let client = cargo_batch_client::Client::builder(self.token())
            .base_url(self.base_url())
            .jitter_seed(1)
            .build();
        client.unwrap_or_else(|error| panic!("no client: {error}"))
    }

    /// Returns the ids of what exists from the start: workflows, models, segments, records.
    pub fn fixtures(&self) -> &Fixtures {
        self.middleware.app.fixtures()
    }

    /// Returns the requests received at both ports, oldest first. Only the newest 100,000 are kept.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.middleware.log().from(0).cloned().collect()
    }

    /// Returns the distinct request bodies that batches were created from, each with its count, in the
    /// order of their first creation.
    pub fn created(&self) -> Vec<CreationRecord> {
        self.middleware.all_created()
    }

    /// Returns the ids of all batches created through the API, in the order of creation, including those
    /// whose response was lost.
    pub fn created_batches(&self) -> Vec<BatchUuid> {
        self.middleware.created_batches()
    }

    /// Injects faults from now on, in place of the previous plan. An empty plan injects none.
    ///
    /// # Errors
    /// Returns an error if the plan is invalid; the previous plan then stays in force.
    pub async fn faults(&self, plan: impl Into<FaultPlan>) -> Result<(), InvalidPlan> {
        self.middleware.arm(plan.into()).await
    }

    /// Returns for each rule of the current plan how many requests it has hit.
    pub fn hits(&self) -> Vec<u64> {
        self.middleware.faults().hits()
    }

    /// Returns the responses of this sandbox that violated the specification. It should be empty.
    ///
    /// It always is after [`validate_responses(false)`](SandboxBuilder::validate_responses).
    pub fn violations(&self) -> Vec<String> {
        self.middleware.violations()
    }

    /// Advances the sandbox's clock by `time` at once. Tokio's clock isn't changed.
    pub fn advance(&self, time: Duration) {
        self.middleware.app.advance(time);
    }

    /// Returns the current settings of the simulated servers.
    pub fn settings(&self) -> Settings {
        self.middleware.app.state().settings.clone()
    }

    /// Changes the settings of the simulated servers from now on.
    pub fn set(&self, settings: Settings) {
        self.middleware.app.state().settings = settings;
    }

    /// Returns the credits the workspace has left: those it started with, less those spent so far.
    pub fn credits_left(&self) -> f64 {
        let app = &self.middleware.app;
        let spent = app.state().spent(app.now());
        credits(app.cents().saturating_sub(spent))
    }

    /// Stops the sandbox: no connection is accepted any more, and requests in progress have one more
    /// second to complete.
    pub async fn shutdown(self) {
        let listeners =
            [Origin::Api, Origin::Storage].map(|origin| self.middleware.listener(origin));
        listeners.into_iter().for_each(Listener::close);
        for listener in listeners {
            listener.closed().await;
        }
    }
}

impl fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sandbox")
            .field("base_url", &self.base_url())
            .finish_non_exhaustive()
    }
}

impl SandboxBuilder {
    /// Sets the seed of everything random, such as durations and failing runs. Default: 1.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how many credits the workspace has at the start. Default: 1,000,000. Negative values count as 0.
    ///
    /// A batch that would cost more than what is left, once all other batches have ended, is refused
    /// with `notEnoughCredits`.
    pub fn credits(mut self, credits: f64) -> Self {
        self.credits = credits.max(0.0);
        self
    }

    /// Sets the moment its clock starts at. Default: 15 January 2026, 10:00 UTC.
    ///
    /// The dates in the records of its models stay before that January.
    pub fn begins(mut self, at: impl Into<SystemTime>) -> Self {
        self.begins = at.into();
        self
    }

    /// Sets the behaviour of the simulated servers. Default: that of [`Settings`].
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Sets the outcome of each record, decided when its batch is created: the output columns of its run,
    /// or the message it fails with.
    ///
    /// Default: the columns `sandbox_score` and `sandbox_checked_at`, which the API doesn't have, and some
    /// failing runs, chosen at random.
    ///
    /// ```
    /// use cargo_batch_sandbox::Sandbox;
    /// use cargo_batch_types::Record;
    ///
    /// let sandbox = Sandbox::builder().outcomes(|record| {
    ///     let email = record.get("email").and_then(|email| email.as_str());
    ///     match email.is_some_and(|email| email.contains('@')) {
    ///         true => Ok(Record::from_iter([("company", "Example Ltd")])),
    ///         false => Err("this is not an email".to_owned()),
    ///     }
    /// });
    /// ```
    pub fn outcomes(
        mut self,
        decide: impl Fn(&Record) -> Result<Record, String> + Send + Sync + 'static,
    ) -> Self {
        self.outcomes = Some(Outcomes::new(decide));
        self
    }

    /// Sets how many seconds pass in the sandbox per second of tokio's clock. Default: 1.
    ///
    /// With 0, NaN or a negative value only [`Sandbox::advance`] moves its clock.
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed.max(0.0);
        self
    }

    /// Sets the address to listen on. Default: a free port of 127.0.0.1.
    ///
    /// Storage listens on a free port of the same IP address.
    pub fn listen(mut self, address: impl Into<SocketAddr>) -> Self {
        self.listen = address.into();
        self
    }

    /// Sets whether addresses other than loopback may be listened on. Default: false.
    ///
    /// Everyone who can reach the sandbox can control it: `/sandbox/world` returns the token.
    pub fn allow_remote(mut self, allowed: bool) -> Self {
        self.remote = allowed;
        self
    }

    /// Sets whether responses are validated against the specification, for [`Sandbox::violations`].
    /// Default: true. It costs time with very large lists.
    pub fn validate_responses(mut self, checked: bool) -> Self {
        self.checked = checked;
        self
    }

    /// Sets the faults to inject. Default: none.
    pub fn faults(mut self, plan: impl Into<FaultPlan>) -> Self {
        self.faults = plan.into();
        self
    }

    /// Starts the sandbox on the current tokio runtime.
    ///
    /// # Errors
    /// - [`io::ErrorKind::InvalidInput`]: the fault plan is invalid, or the start of its clock isn't between
    ///   the years 1970 and 8000.
    /// - [`io::ErrorKind::PermissionDenied`]: the address isn't loopback, and
    ///   [`allow_remote`](Self::allow_remote) wasn't called.
    /// - Any error of listening on the address.
    ///
    /// # Panics
    /// Panics outside of a tokio runtime.
    pub async fn start(self) -> io::Result<Sandbox> {
        let ip = self.listen.ip();
        if !ip.is_loopback() && !self.remote {
            let message = format!("{ip} is not an address of loopback, and others could reach it");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        let begins = from_system(self.begins).ok_or_else(|| {
            let message = "the time to begin at is not between the years 1970 and 8000";
            io::Error::new(io::ErrorKind::InvalidInput, message)
        })?;
        let api_port = TcpListener::bind(self.listen).await?;
        let storage_port = TcpListener::bind((ip, 0)).await?;
        let address = api_port.local_addr()?;
        let app = App::new(
            self.seed,
            format!("sandbox-token-{}", self.seed),
            Clock::new(begins, self.speed),
            format!("http://{}", storage_port.local_addr()?),
            (self.credits * 100.0) as u64,
            self.settings,
            self.outcomes,
        );
        let base_url = format!("http://{address}/v1");
        let middleware = Arc::new(Middleware::new(app.clone(), base_url, self.checked));
        let outside = control::routes(middleware.clone())
            .merge(page::routes(middleware.clone(), api::routes(app.clone())));
        middleware.listener(Origin::Api).serve(
            api_port,
            Exchange {
                middleware: middleware.clone(),
                origin: Origin::Api,
                operations: api::routes(app.clone()),
                control: Some(outside),
            },
        )?;
        middleware.listener(Origin::Storage).serve(
            storage_port,
            Exchange {
                middleware: middleware.clone(),
                origin: Origin::Storage,
                operations: storage::routes(app),
                control: None,
            },
        )?;
        let sandbox = Sandbox {
            middleware,
            address,
        };
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidInput, error);
        sandbox.faults(self.faults).await.map_err(wrong)?;
        Ok(sandbox)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        for origin in [Origin::Api, Origin::Storage] {
            self.middleware.listener(origin).close();
        }
    }
}

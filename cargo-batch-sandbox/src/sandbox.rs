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

/// The API on two ports of loopback, one of them its storage; it ends when this is dropped.
pub struct Sandbox {
    middleware: Arc<Middleware>,
    address: SocketAddr,
}

/// Sets up a [`Sandbox`]; made by [`Sandbox::builder`].
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
    /// Starts one on the current tokio runtime.
    ///
    /// # Errors
    /// When loopback has no free port.
    pub async fn start() -> io::Result<Self> {
        Self::builder().start().await
    }

    /// Sets one up.
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

    /// Where its API is, as a client takes it: `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> &str {
        &self.middleware.base_url
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The token it takes now.
    pub fn token(&self) -> String {
        self.middleware.token()
    }

    /// A client of it, with the token it takes now and a fixed seed. For one that is set up in another
    /// way there are [`base_url`](Self::base_url) and [`token`](Self::token).
    ///
    /// # Panics
    /// When no client can be made at all, as where TLS has no certificates to trust.
    #[cfg(feature = "client")]
    pub fn client(&self) -> cargo_batch_client::Client {
        let client = cargo_batch_client::Client::builder(self.token())
            .base_url(self.base_url())
            .jitter_seed(1)
            .build();
        client.unwrap_or_else(|error| panic!("no client: {error}"))
    }

    /// The ids there are.
    pub fn fixtures(&self) -> &Fixtures {
        self.middleware.app.fixtures()
    }

    /// Everything it has received at both ports, the newest last; of very many only the newest
    /// 100,000.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.middleware.log().from(0).cloned().collect()
    }

    /// What batches were created from, and how often, in the order of the first time.
    pub fn created(&self) -> Vec<CreationRecord> {
        self.middleware.all_created()
    }

    /// Returns every batch that was created through the API, in the order of creation, whatever it was
    /// created from and whether or not its response arrived.
    pub fn created_batches(&self) -> Vec<BatchUuid> {
        self.middleware.created_batches()
    }

    /// Lets things go wrong on purpose from now on, in place of the plan before; with an empty plan
    /// nothing does.
    ///
    /// # Errors
    /// When the plan is wrong; then the one before is still in force.
    pub async fn faults(&self, plan: impl Into<FaultPlan>) -> Result<(), InvalidPlan> {
        self.middleware.arm(plan.into()).await
    }

    /// How many requests each rule of the plan in force has hit.
    pub fn hits(&self) -> Vec<u64> {
        self.middleware.faults().hits()
    }

    /// Its own answers that broke the specification: there should be none.
    pub fn violations(&self) -> Vec<String> {
        self.middleware.violations()
    }

    /// Lets time pass in it at once. Tokio's time stays what it is.
    pub fn advance(&self, time: Duration) {
        self.middleware.app.advance(time);
    }

    /// Returns how the servers that it stands for behave now.
    pub fn settings(&self) -> Settings {
        self.middleware.app.state().settings.clone()
    }

    /// Changes how the servers that it stands for behave from now on.
    pub fn set(&self, settings: Settings) {
        self.middleware.app.state().settings = settings;
    }

    /// The credits that the workspace has left: those it began with, less those spent so far.
    pub fn credits_left(&self) -> f64 {
        let app = &self.middleware.app;
        let spent = app.state().spent(app.now());
        credits(app.cents().saturating_sub(spent))
    }

    /// Ends it: no connection is taken any more, requests that are being answered have another
    /// second.
    pub async fn shutdown(self) {
        let doors = [Origin::Api, Origin::Storage].map(|origin| self.middleware.door(origin));
        doors.into_iter().for_each(Listener::close);
        for door in doors {
            door.closed().await;
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
    /// What everything that happens by chance follows from; 1 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many credits the workspace has at the beginning; a million by default.
    ///
    /// A batch that would cost more than what is left, once all other batches have ended, is refused
    /// with `notEnoughCredits`.
    pub fn credits(mut self, credits: f64) -> Self {
        self.credits = credits.max(0.0);
        self
    }

    /// Sets when its time begins; 15 January 2026, 10:00 UTC, by default. With `SystemTime::now()` it
    /// is that of the machine. The dates in the records of its models stay those before that January.
    pub fn begins(mut self, at: impl Into<SystemTime>) -> Self {
        self.begins = at.into();
        self
    }

    /// Sets how the servers that it stands for behave; see [`Settings`] for the defaults.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Sets what comes of each record, decided when its batch is created: the columns that its run puts
    /// out, or why it fails. By default the columns `sandbox_score` and `sandbox_checked_at`, which are
    /// inventions of the sandbox, and a failure of some runs, by chance.
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

    /// How many seconds pass in it while one passes outside; 1 by default, and with 0 only
    /// [`Sandbox::advance`] moves its time.
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed.max(0.0);
        self
    }

    /// Where to listen; a free port of 127.0.0.1 by default. Storage has a free port of the same
    /// address.
    pub fn listen(mut self, address: impl Into<SocketAddr>) -> Self {
        self.listen = address.into();
        self
    }

    /// Lets it listen on addresses that others can reach. Whoever reaches it can do everything with
    /// it: `/sandbox/world` tells the token.
    pub fn allow_remote(mut self, allowed: bool) -> Self {
        self.remote = allowed;
        self
    }

    /// Whether it checks its own answers against the specification, for [`Sandbox::violations`];
    /// true by default.
    pub fn validate_responses(mut self, checked: bool) -> Self {
        self.checked = checked;
        self
    }

    /// What goes wrong on purpose; nothing by default.
    pub fn faults(mut self, plan: impl Into<FaultPlan>) -> Self {
        self.faults = plan.into();
        self
    }

    /// Starts it on the current tokio runtime.
    ///
    /// # Errors
    /// When the plan of faults is wrong or the time to begin at isn't between the years 1970 and 8000
    /// ([`io::ErrorKind::InvalidInput`]), when the address can't be listened on, or isn't one of loopback although
    /// [`allow_remote`](Self::allow_remote) wasn't called.
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
        middleware.door(Origin::Api).serve(
            api_port,
            Exchange {
                middleware: middleware.clone(),
                origin: Origin::Api,
                operations: api::routes(app.clone()),
                control: Some(outside),
            },
        )?;
        middleware.door(Origin::Storage).serve(
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
            self.middleware.door(origin).close();
        }
    }
}

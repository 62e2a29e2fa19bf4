//! A running sandbox.

use std::io;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::state::App;
use crate::views::credits;
use crate::world::World;
use crate::{api, storage};

/// The API on two free ports of loopback, one of them its storage; it ends when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    app: App,
    base_url: String,
    token: String,
    world: World,
    servers: [JoinHandle<()>; 2],
}

/// Sets up a [`Sandbox`]; made by [`Sandbox::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start` is called"]
pub struct SandboxBuilder {
    seed: u64,
    speed: f64,
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
            speed: 1.0,
            credits: 1_000_000.0,
        }
    }

    /// Where its API is, as a client takes it.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The token it takes.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The ids there are.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Moves its time on, by hand; besides, it follows tokio's at the speed of the builder.
    pub fn advance(&self, by: Duration) {
        self.app.advance(by);
    }

    /// The credits that the workspace has left: those it began with, less those spent so far.
    pub fn credits_left(&self) -> f64 {
        let spent = self.app.state().spent(self.app.now());
        credits(self.app.cents().saturating_sub(spent))
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

    /// How many seconds pass in it while one passes outside; 1 by default, and with 0 only
    /// [`Sandbox::advance`] moves its time.
    pub fn speed(mut self, speed: f64) -> Self {
        self.speed = speed.max(0.0);
        self
    }

    /// Starts it on the current tokio runtime.
    ///
    /// # Errors
    /// When loopback has no free port.
    pub async fn start(self) -> io::Result<Sandbox> {
        let api_port = TcpListener::bind("127.0.0.1:0").await?;
        let storage_port = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}/v1", api_port.local_addr()?);
        let storage_url = format!("http://{}", storage_port.local_addr()?);
        let token = format!("sandbox-token-{}", self.seed);
        let app = App::new(
            self.seed,
            token.clone(),
            Clock::new(self.speed),
            storage_url,
            (self.credits * 100.0) as u64,
        );
        let world = app.world().clone();
        let serve = |listener, routes| {
            // It goes on until it is dropped; what ends one connection doesn't end the server.
            tokio::spawn(async move { axum::serve(listener, routes).await.unwrap_or_default() })
        };
        let servers = [
            serve(api_port, api::routes(app.clone())),
            serve(storage_port, storage::routes(app.clone())),
        ];
        Ok(Sandbox {
            app,
            base_url,
            token,
            world,
            servers,
        })
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

//! A running sandbox.

use std::io;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::state::App;
use crate::world::World;
use crate::{api, storage};

/// The API on two free ports of loopback, one of them its storage; it ends when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
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
}

impl SandboxBuilder {
    /// What everything that happens by chance follows from; 1 by default.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How many seconds pass in it while one passes outside; 1 by default.
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
        );
        let world = app.world().clone();
        let serve = |listener, routes| {
            // It goes on until it is dropped; what ends one connection doesn't end the server.
            tokio::spawn(async move { axum::serve(listener, routes).await.unwrap_or_default() })
        };
        let servers = [
            serve(api_port, api::routes(app.clone())),
            serve(storage_port, storage::routes(app)),
        ];
        Ok(Sandbox {
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

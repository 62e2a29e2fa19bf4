//! For programs without an async runtime: the same code, waited for.

use std::pin::pin;
use std::thread::{self, JoinHandle};

use futures_core::Stream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use crate::{Client, Error};

/// A client with a runtime of its own, for programs that have none.
///
/// Everything a [`Client`] can do is done through it and [waited for](Self::wait), or
/// [read one after the other](Self::iter):
///
/// ```no_run
/// # use cargo_batch_client::{Blocking, Client, types::BatchUuid};
/// # fn run(id: BatchUuid) -> Result<(), cargo_batch_client::Error> {
/// let cargo = Blocking::new(Client::from_env()?)?;
/// for state in cargo.iter(cargo.client().watch(id)) {
///     println!("{}", state?.status);
/// }
/// let batch = cargo.wait(cargo.client().get_batch(id))?.batch;
/// # Ok(()) }
/// ```
///
/// It must not be used inside an async runtime, whose thread it would block. Its connections are
/// driven by a thread of its own, also while the program does something else.
#[derive(Debug)]
pub struct Blocking {
    client: Client,
    runtime: Handle,
    /// Dropped, it ends the runtime.
    end: Option<oneshot::Sender<()>>,
    driver: Option<JoinHandle<()>>,
}

impl Blocking {
    /// Gives a client a runtime.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the system gives no runtime, or no thread for it.
    pub fn new(client: Client) -> Result<Self, Error> {
        let failed = |error| Error::io("no runtime can be built", error);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(failed)?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel();
        let driver = thread::Builder::new()
            .name("cargo-batch".to_owned())
            .spawn(move || drop(runtime.block_on(ended)))
            .map_err(failed)?;
        Ok(Self {
            client,
            runtime: handle,
            end: Some(end),
            driver: Some(driver),
        })
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for anything that would be awaited.
    pub fn wait<F: IntoFuture>(&self, future: F) -> F::Output {
        // Inside the runtime, for what asks for its clock before it is first polled.
        let _context = self.runtime.enter();
        self.runtime.block_on(future.into_future())
    }

    /// Reads a stream one item after the other.
    pub fn iter<S: Stream + Unpin>(&self, mut stream: S) -> impl Iterator<Item = S::Item> {
        std::iter::from_fn(move || {
            self.wait(std::future::poll_fn(|context| {
                pin!(&mut stream).poll_next(context)
            }))
        })
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        drop(self.end.take());
        // A task of the runtime may hold the last reference: a thread can't wait for itself.
        let another = |driver: &JoinHandle<()>| driver.thread().id() != thread::current().id();
        if let Some(driver) = self.driver.take().filter(another) {
            // Only a runtime that panics gives an error, and it has said so.
            drop(driver.join());
        }
    }
}

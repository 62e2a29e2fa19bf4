//! For programs without an async runtime: the same code, waited for.

use std::pin::pin;

use futures_core::Stream;
use tokio::runtime::{Builder, Runtime};

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
/// It must not be used inside an async runtime, whose thread it would block.
#[derive(Debug)]
pub struct Blocking {
    client: Client,
    runtime: Runtime,
}

impl Blocking {
    /// Gives a client a runtime.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the system gives no runtime.
    pub fn new(client: Client) -> Result<Self, Error> {
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| Error::io("no runtime can be made", error))?;
        Ok(Self { client, runtime })
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

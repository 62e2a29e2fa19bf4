//! The client for programs without an async runtime.

use std::cell::Cell;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};

use futures_core::Stream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tokio::task::coop;

use crate::{Client, Error};

/// A client with its own runtime, for programs that have none.
///
/// Everything a [`Client`] can do is done through it and [waited for](Self::block_on), or
/// [iterated over](Self::iter):
///
/// ```no_run
/// # use cargo_batch_client::{Blocking, Client, types::BatchUuid};
/// # fn run(id: BatchUuid) -> Result<(), cargo_batch_client::Error> {
/// let cargo = Blocking::new(Client::from_env()?)?;
/// for state in cargo.iter(cargo.client().watch(id)) {
///     println!("{}", state?.status);
/// }
/// let batch = cargo.block_on(cargo.client().get_batch(id))?.batch;
/// # Ok(()) }
/// ```
///
/// It must not be used in async code, whose thread it would block: [`new`](Self::new) fails there, and so does
/// every call of the client that is waited for; neither panics. `spawn_blocking` is not async code, and it may be
/// dropped everywhere. Its connections are driven by a thread of its own, also while the program does something
/// else.
#[derive(Debug)]
pub struct Blocking {
    client: Client,
    runtime: Handle,
    /// Ends the runtime when it is dropped.
    end: Option<oneshot::Sender<()>>,
    driver: Option<JoinHandle<()>>,
}

impl Blocking {
    /// Creates a runtime for a client.
    ///
    /// # Errors
    /// [`Io`](crate::ErrorKind::Io) when the system can't create the runtime or its thread;
    /// [`Configuration`](crate::ErrorKind::Configuration) in async code.
    pub fn new(client: Client) -> Result<Self, Error> {
        if in_async() {
            return Err(Error::configuration(MISUSED));
        }
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

    /// Returns the client, whose calls [`block_on`](Self::block_on) waits for.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Blocks the thread until a future, or anything else that can be awaited, has completed, and returns its output.
    ///
    /// In async code it doesn't panic: every call of the client in the future ends with an error of the kind
    /// [`Configuration`](crate::ErrorKind::Configuration).
    pub fn block_on<F: IntoFuture>(&self, future: F) -> F::Output {
        let is_misused = in_async();
        // Inside the runtime, for futures that need its clock before they are first polled.
        let _context = self.runtime.enter();
        let _misused = Misused::set(is_misused);
        // The budget of a task, if this is one, is not restored before it returns.
        let mut future = pin!(coop::unconstrained(future.into_future()));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        // tokio's own way to wait would panic in async code.
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(output) => return output,
                Poll::Pending => thread::park(),
            }
        }
    }

    /// Returns an iterator over the items of a stream, such as a [`Watch`](crate::Watch) or
    /// [`Items`](crate::Items). Each call of `next` blocks the thread as [`block_on`](Self::block_on) does.
    pub fn iter<S: Stream + Unpin>(&self, mut stream: S) -> impl Iterator<Item = S::Item> {
        std::iter::from_fn(move || {
            self.block_on(std::future::poll_fn(|context| {
                pin!(&mut stream).poll_next(context)
            }))
        })
    }
}

const MISUSED: &str = "`Blocking` is used in async code, whose thread it would block: use the `Client` itself, \
                       with `.await`, or do this in `tokio::task::spawn_blocking`";

/// Returns whether this is the code of a task, and not of a thread that may block: tasks have a budget.
fn in_async() -> bool {
    /// More than the budget of a task.
    const STEPS: usize = 1000;
    if Handle::try_current().is_err() {
        return false;
    }
    let mut context = Context::from_waker(Waker::noop());
    (0..STEPS).any(|_| match coop::poll_proceed(&mut context) {
        Poll::Ready(step) => {
            step.made_progress();
            false
        }
        Poll::Pending => true,
    })
}

thread_local! {
    static IS_MISUSED: Cell<bool> = const { Cell::new(false) };
}

/// Fails while [`Blocking::block_on`] is called in async code.
pub(crate) fn check() -> Result<(), Error> {
    match IS_MISUSED.get() {
        true => Err(Error::configuration(MISUSED)),
        false => Ok(()),
    }
}

/// While it lives, the calls of this thread are those of a `block_on` in async code.
struct Misused(bool);

impl Misused {
    fn set(is_misused: bool) -> Self {
        Self(IS_MISUSED.replace(is_misused))
    }
}

impl Drop for Misused {
    fn drop(&mut self) {
        IS_MISUSED.set(self.0);
    }
}

/// Wakes the thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
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

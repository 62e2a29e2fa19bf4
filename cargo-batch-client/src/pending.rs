//! A request in flight.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::Error;
use crate::platform::MaybeSend;

#[cfg(not(target_arch = "wasm32"))]
type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;
#[cfg(target_arch = "wasm32")]
type Boxed<T> = Pin<Box<dyn Future<Output = Result<T, Error>>>>;

/// The future of a request that is awaited. It holds all it needs, so it can be spawned.
///
/// Dropping it drops the request; what the server has received of it may take effect all the same.
#[must_use = "futures do nothing unless awaited"]
pub struct Pending<T>(Boxed<T>);

impl<T> Pending<T> {
    pub(crate) fn new(
        future: impl Future<Output = Result<T, Error>> + MaybeSend + 'static,
    ) -> Self {
        Self(Box::pin(future))
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context)
    }
}

impl<T> fmt::Debug for Pending<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").finish_non_exhaustive()
    }
}

//! Notes that a connection came up.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use tower_layer::Layer;
use tower_service::Service;

/// Whether any connection has ever come up.
#[derive(Clone, Debug, Default)]
pub(super) struct Connected(Arc<AtomicBool>);

impl Connected {
    pub fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

impl<S> Layer<S> for Connected {
    type Service = Noting<S>;

    fn layer(&self, connector: S) -> Noting<S> {
        Noting {
            connector,
            connected: self.clone(),
        }
    }
}

/// A connector whose successes are noted.
#[derive(Clone)]
pub(super) struct Noting<S> {
    connector: S,
    connected: Connected,
}

impl<S, R> Service<R> for Noting<S>
where
    S: Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.connector.poll_ready(context)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let connecting = self.connector.call(target);
        let connected = self.connected.clone();
        Box::pin(async move {
            let connection = connecting.await?;
            // Before anything can be written to it.
            connected.0.store(true, Ordering::Release);
            Ok(connection)
        })
    }
}

//! Notes that a connection came up.

use std::future::{Future, poll_fn};
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
        Noting(Arc::new(Noted {
            connector,
            connected: self.clone(),
        }))
    }
}

/// A connector whose successes are noted.
///
/// Each request clones the connector a few times, also where it needs no new connection, and reqwest's are boxes
/// in boxes: here only a reference to it is cloned.
pub(super) struct Noting<S>(Arc<Noted<S>>);

struct Noted<S> {
    connector: S,
    connected: Connected,
}

impl<S> Clone for Noting<S> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<S, R> Service<R> for Noting<S>
where
    S: Service<R> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    R: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, target: R) -> Self::Future {
        let noted = self.0.clone();
        Box::pin(async move {
            let mut connector = noted.connector.clone();
            poll_fn(|context| connector.poll_ready(context)).await?;
            let connection = connector.call(target).await?;
            // Before anything can be written to it.
            noted.connected.0.store(true, Ordering::Release);
            Ok(connection)
        })
    }
}

//! Requests that are sent after something was dropped.

use crate::pending::Pending;

/// Sends a request in the background; its outcome is not reported. Without a runtime it is
/// not sent.
#[cfg(not(target_arch = "wasm32"))]
pub(crate) fn spawn_detached<T: 'static>(request: impl IntoFuture<IntoFuture = Pending<T>>) {
    let request = request.into_future();
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(async { drop(request.await) });
    }
}

#[cfg(target_arch = "wasm32")]
pub(crate) fn spawn_detached<T: 'static>(request: impl IntoFuture<IntoFuture = Pending<T>>) {
    let request = request.into_future();
    wasm_bindgen_futures::spawn_local(async { drop(request.await) });
}

//! Timers where there is no tokio: those of JavaScript.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use gloo_timers::future::TimeoutFuture;
pub(crate) use web_time::Instant;
use web_time::web::SystemTimeExt;

/// A timer counts milliseconds in 31 bits, and ends at once when there are more.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Waits.
pub(crate) async fn sleep(time: Duration) {
    sleep_until(super::later(Instant::now(), time)).await;
}

/// Waits until an instant.
pub(crate) async fn sleep_until(moment: Instant) {
    loop {
        let left = moment.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        // Rounded up: a timer that ends too early would only be set once more.
        let millis = left.min(LONGEST).as_millis() as u32 + 1;
        TimeoutFuture::new(millis).await;
    }
}

/// The error of a timeout.
pub(crate) struct Elapsed;

/// Waits for a future until a timeout.
pub(crate) async fn timeout<F: Future>(time: Duration, future: F) -> Result<F::Output, Elapsed> {
    let (mut future, mut end) = (pin!(future), pin!(sleep(time)));
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(done) => Poll::Ready(Ok(done)),
        Poll::Pending => end.as_mut().poll(context).map(|()| Err(Elapsed)),
    })
    .await
}

/// Returns the time of the system clock.
pub(crate) fn now() -> SystemTime {
    web_time::SystemTime::now().to_std()
}

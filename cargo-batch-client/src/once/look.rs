//! Looking through the batches of a workflow.

use std::time::{Duration, SystemTime};

use cargo_batch_types::Batch;

use super::echo::Sought;
use super::verdict::Look;
use crate::pace::asked;
use crate::time::{Instant, sleep};
use crate::{Client, Error, ErrorKind, operations};

/// `Date` has whole seconds, and a batch is dated by another machine than answers are.
const PRECISION: Duration = Duration::from_secs(3);

/// How wrong a clock may be. A batch that by the clocks is this much older than the creation is
/// never adopted, but keeps another from being created.
const TOLERANCE: Duration = Duration::from_secs(120);

/// How many pages of a list are read, 100 batches each, in an order the API doesn't document.
const PAGES: usize = 100;

/// How often a page that can't be read is asked for again in a look, and how long after. A list of
/// many pages would hardly ever be read to its end otherwise, while many requests fail.
const AGAIN: u32 = 10;
const PAUSE: Duration = Duration::from_secs(2);

/// So many batches in a row, the newest first, are no coincidence.
const ORDERED: usize = 20;

impl Client {
    /// Looks for batches that may be what a creation made that began then.
    pub(super) async fn look(&self, sought: &Sought, began: Instant) -> Result<Look, Error> {
        // No filter but the workflow: one that a server understands otherwise would hide the batch.
        let mut list = self.list_batches();
        if let Some(workflow) = sought.workflow {
            list = list.workflow_uuids([workflow]);
        }
        let own = sought.key();
        let mut pages = list.pages();
        let mut order = Order::default();
        let mut look = Look::default();
        let (mut read, mut failed) = (0, 0);
        while read < PAGES {
            let Some(page) = pages.next().await else {
                look.complete = true;
                break;
            };
            let page = match page {
                Ok(page) => page,
                Err(error) if failed < AGAIN && may_pass(&error) => {
                    failed += 1;
                    let pause = self.inner.retries.jitter(PAUSE).max(asked(&error));
                    sleep(pause).await;
                    pages.resume();
                    continue;
                }
                Err(error) => return Err(error),
            };
            read += 1;
            let window = Window::new(page.date, began.elapsed());
            for batch in page.items {
                order.take(&batch);
                let made = batch.created_at.timestamp_millis();
                if made < window.doubtful || self.inner.creations.is_explained(&batch, own.as_ref())
                {
                    continue;
                }
                let fit = sought.fit(&batch);
                look.add(batch, fit, made >= window.since);
            }
            if order.is_past(window.doubtful) {
                look.complete = true;
                break;
            }
        }
        Ok(look)
    }
}

/// The page may be better when it is asked for again: also one that broke off in its middle, that was
/// refused for a reason that makes no sense for a list, or whose token had just been replaced.
pub(super) fn may_pass(error: &Error) -> bool {
    let status = error.status().map(|status| status.as_u16());
    match error.kind() {
        ErrorKind::Refused => !matches!(status, Some(403 | 404)),
        ErrorKind::Unreadable | ErrorKind::Unauthorized => status.is_some(),
        _ => error.is_retryable(),
    }
}

pub(super) fn too_long() -> Error {
    let what = format!("the list has more than {PAGES} pages, in no order that would spare them");
    Error::endless(&operations::LIST_BATCHES, what)
}

/// The moments of the server's clock that matter, in milliseconds of Unix time.
#[derive(Debug, PartialEq, Eq)]
struct Window {
    /// What was made from then on can be the creation's.
    since: i64,
    /// What was made from then on can be so if the clocks are wrong.
    doubtful: i64,
}

impl Window {
    /// The window of a creation that began that long ago.
    fn new(server: Option<SystemTime>, ago: Duration) -> Self {
        let (now, margin) = match server {
            Some(date) => (date, PRECISION),
            None => (crate::time::now(), TOLERANCE),
        };
        let before = |margin: Duration| {
            let began = now
                .checked_sub(ago.saturating_add(margin))
                .and_then(|began| began.duration_since(SystemTime::UNIX_EPOCH).ok())
                .unwrap_or_default();
            i64::try_from(began.as_millis()).unwrap_or(i64::MAX)
        };
        Self {
            since: before(margin),
            doubtful: before(margin + TOLERANCE),
        }
    }
}

/// Whether a list has turned out to have its newest first.
#[derive(Default)]
struct Order {
    read: usize,
    oldest: Option<i64>,
    broken: bool,
}

impl Order {
    fn take(&mut self, batch: &Batch) {
        let made = batch.created_at.timestamp_millis();
        self.broken |= self.oldest.is_some_and(|oldest| made > oldest);
        self.oldest = Some(made);
        self.read += 1;
    }

    /// What is still to come is older than that.
    fn is_past(&self, moment: i64) -> bool {
        !self.broken && self.read >= ORDERED && self.oldest.is_some_and(|oldest| oldest < moment)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::sample::batch;
    use super::*;

    #[test]
    fn a_list_is_past_a_moment_only_if_it_is_in_order() {
        let order = |times: &[i64]| {
            let mut order = Order::default();
            for &time in times {
                let mut batch = batch(1, json!({ "kind": "file", "s3Filename": "f" }));
                batch.created_at += Duration::from_millis(u64::try_from(time).unwrap());
                order.take(&batch);
            }
            order
        };
        let start = batch(1, json!({ "kind": "file", "s3Filename": "f" })).created_at;
        let moment = start.timestamp_millis() + 10;
        let ordered: Vec<i64> = (0..20).rev().collect();
        assert!(order(&ordered).is_past(moment));
        // Several may be of the same moment.
        assert!(order(&[vec![19], ordered.clone()].concat()).is_past(moment));
        assert!(!order(&ordered[1..]).is_past(moment), "too few to tell");
        assert!(!order(&ordered[..10]).is_past(moment));
        let to_the_moment: Vec<i64> = (10..30).rev().collect();
        assert!(!order(&to_the_moment).is_past(moment));
        let mut broken = ordered;
        broken.swap(3, 4);
        assert!(!order(&broken).is_past(moment));
    }

    #[test]
    fn the_window_is_of_the_servers_clock_and_has_margins() {
        let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let window = Window::new(Some(date), Duration::from_secs(60));
        assert_eq!(window.since, 937_000);
        assert_eq!(window.doubtful, 817_000);
        assert_eq!(
            Window::new(Some(SystemTime::UNIX_EPOCH), Duration::MAX),
            Window {
                since: 0,
                doubtful: 0
            }
        );
    }
}

//! How the servers that a sandbox simulates behave, which can be changed while it runs.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

use crate::clock::{seconds, written};

/// How the servers that a sandbox simulates behave: their clocks, and the order of their list. It can
/// be set at the start ([`settings`](crate::SandboxBuilder::settings)) and changed at any time
/// ([`set`](crate::Sandbox::set), `POST /sandbox/settings`).
///
/// As JSON it is an object with these fields, with their names as in `dateOffset`. Those that are left
/// out have their default, and in `POST /sandbox/settings` stay as they are.
///
/// ```
/// use cargo_batch_sandbox::{ListOrder, Settings};
///
/// // A proxy five minutes ahead writes `Date`, and the list shows what has changed last.
/// let settings = Settings::new().date_offset(300.0).order(ListOrder::UpdatedFirst);
/// let json = r#"{ "dateOffset": 300, "order": "updatedFirst" }"#;
/// assert_eq!(serde_json::from_str::<Settings>(json)?, settings);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Settings {
    /// Whether responses have a `Date` header. Default: true.
    pub sends_date: bool,
    /// How many seconds the clock that writes `Date` is ahead of the sandbox's; 0 by default, and
    /// negative for behind. (At most 1e9 either way, as all offsets.)
    pub date_offset: f64,
    /// How many seconds the clocks that write the dates of batches and runs (`createdAt`, `updatedAt`,
    /// `startedAt`, `finishedAt`) are ahead of the sandbox's, each clock in turn one batch. One clock, 0
    /// seconds ahead, by default. A batch keeps the clock it was created by, so that another offset is
    /// a jump of the clock, also backwards.
    pub created_offsets: Vec<f64>,
    /// Whether those dates are in whole seconds, rounded down; false by default. A batch keeps this as
    /// it keeps its clock.
    pub whole_seconds: bool,
    /// The order of `list_batches`; newest first by default.
    pub order: ListOrder,
}

/// An order of `list_batches`. The API documents none. As JSON it is the name beginning with a small
/// letter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum ListOrder {
    /// By `createdAt`, the latest first. The default.
    #[default]
    NewestFirst,
    /// By `createdAt`, the earliest first.
    OldestFirst,
    /// By `updatedAt`, the latest first: a batch that runs moves to the front.
    UpdatedFirst,
    /// By chance, but the same in every response: a new batch comes in anywhere.
    Shuffled,
    /// By chance, another one in every response, so that pages don't fit together.
    ShuffledEachTime,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sends_date: true,
            date_offset: 0.0,
            created_offsets: vec![0.0],
            whole_seconds: false,
            order: ListOrder::default(),
        }
    }
}

impl Settings {
    /// Returns the defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether responses have a `Date` header. Default: true.
    #[must_use]
    pub fn sends_date(mut self, sends: bool) -> Self {
        self.sends_date = sends;
        self
    }

    /// Sets by how many seconds the clock of the `Date` header is ahead. Default: 0.
    #[must_use]
    pub fn date_offset(mut self, seconds: f64) -> Self {
        self.date_offset = seconds;
        self
    }

    /// Sets by how many seconds the clocks of batches are ahead; batches use them in turn. Default: `[0.0]`.
    #[must_use]
    pub fn created_offsets(mut self, seconds: impl IntoIterator<Item = f64>) -> Self {
        self.created_offsets = seconds.into_iter().collect();
        self
    }

    /// Sets whether the dates of batches are in full seconds. Default: false.
    #[must_use]
    pub fn whole_seconds(mut self, whole: bool) -> Self {
        self.whole_seconds = whole;
        self
    }

    /// Sets the order of `list_batches`. Default: newest first.
    #[must_use]
    pub fn order(mut self, order: ListOrder) -> Self {
        self.order = order;
        self
    }

    /// What the clock that writes `Date` shows.
    pub(crate) fn date(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        plus(now, offset(self.date_offset))
    }

    /// The clock of a batch that so many were created before.
    pub(crate) fn clock(&self, before: usize) -> BatchClock {
        let place = before.checked_rem(self.created_offsets.len());
        let ahead = place.and_then(|place| self.created_offsets.get(place));
        BatchClock {
            ahead: offset(ahead.copied().unwrap_or_default()),
            whole: self.whole_seconds,
        }
    }
}

/// The clock that writes the dates of a batch and of its runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BatchClock {
    ahead: Duration,
    whole: bool,
}

impl BatchClock {
    /// What it shows at a moment of the sandbox's time.
    pub fn at(self, time: DateTime<Utc>) -> DateTime<Utc> {
        let time = plus(time, self.ahead);
        match self.whole {
            true => DateTime::from_timestamp(time.timestamp(), 0).unwrap_or(time),
            false => time,
        }
    }

    /// That, as the API writes it.
    pub fn written(self, time: DateTime<Utc>) -> String {
        written(self.at(time))
    }
}

/// The most that clocks are apart, in seconds.
const MOST: f64 = 1e9;

/// What isn't a number is no offset.
fn offset(ahead: f64) -> Duration {
    seconds(ahead.clamp(-MOST, MOST))
}

fn plus(time: DateTime<Utc>, ahead: Duration) -> DateTime<Utc> {
    time.checked_add_signed(ahead).unwrap_or(time)
}

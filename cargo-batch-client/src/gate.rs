//! How fast a server is asked that has said 429.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::permits::Permits;
use crate::time::{Instant, later, sleep_until, timeout};

/// The spacing of requests after the first 429.
const FIRST: Duration = Duration::from_millis(50);

/// The longest spacing: how often a server is asked that responds with nothing but 429.
const LONGEST: Duration = Duration::from_secs(5);

/// Requests that come more closely than this aren't held up.
const SHORTEST: Duration = Duration::from_micros(100);

/// How much of what a late timer has cost is made up for.
const LATE: Duration = Duration::from_millis(5);

/// By how much the spacing grows for a refusal.
const SLOWER: f64 = 1.2;

/// By how much it shrinks for each request that was let through, until the first refusal after it was set or
/// an outage, and at most later.
const FASTER: f64 = 1.5;

/// By how much it shrinks for the first request that was let through after a refusal, and by how much that
/// grows for each further one in a row. A limit that permits no two requests at once takes a whole spacing for
/// each refusal: near the pace that was permitted last it is approached slowly, and left behind fast where it
/// no longer holds.
const CAREFUL: f64 = 0.005;
const BOLDER: f64 = 1.25;

/// How many refusals in a row are an outage, which says nothing about the pace that is permitted after it.
const OUTAGE: i32 = 16;

/// Over how many requests it is measured at what pace they are let through.
const MEASURED: usize = 32;

/// Who waits. Polls have a lane of their own, as one would be late that waits for many calls: they go next, after
/// a gap in which the server gets ready for them. Where many of both wait, they take turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    Calls,
    Polls,
}

/// Lets requests to a server through: all at once, until the server says 429; from then on one after the
/// other, at a pace that is found by what the server refuses.
#[derive(Debug)]
pub(crate) struct Gate {
    state: Mutex<State>,
    /// One of each lane waits for its time, the others for that one.
    lanes: [Permits; 2],
}

#[derive(Debug, Default)]
struct State {
    /// How often the pace has changed.
    changes: u64,
    /// How often it had when it last slowed down.
    slowed: u64,
    /// `None` where all are let through.
    pace: Option<Pace>,
    /// When the last requests were found not to be refused.
    accepted: VecDeque<Instant>,
}

#[derive(Debug)]
struct Pace {
    spacing: Duration,
    /// It is a guess: no request was refused since it was set, or since an outage.
    is_guess: bool,
    /// How often it has shrunk since it last grew, or (below 0) grown since it last shrank.
    in_a_row: i32,
    /// The server asked for no request before.
    closed_until: Instant,
    /// When the next call may go.
    next_call: Instant,
    /// When the last request went, and whose it was.
    last: Instant,
    last_lane: Lane,
}

/// A request was let through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pass {
    is_paced: bool,
    /// How often the pace had changed: what becomes of the request says nothing about a later one.
    changes: u64,
}

/// The gate doesn't open before the deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Closed;

impl Gate {
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            lanes: [Permits::new(1), Permits::new(1)],
        }
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// Where it may not be sent before the deadline: at once, as far as that is known.
    pub async fn pass(&self, lane: Lane, deadline: Instant) -> Result<Pass, Closed> {
        match self.state().open_at() {
            Err(pass) => return Ok(pass),
            Ok(at) if at >= deadline => return Err(Closed),
            Ok(_) => {}
        }
        let left = deadline.saturating_duration_since(Instant::now());
        let _turn = timeout(left, self.lanes[lane as usize].acquire())
            .await
            .map_err(|_| Closed)?;
        loop {
            let at = match self.state().take(lane) {
                Ok(pass) => return Ok(pass),
                Err(at) => at,
            };
            if at >= deadline {
                return Err(Closed);
            }
            sleep_until(at).await;
        }
    }

    /// Returns whether a request that was let through, and has waited for something else since, may still be
    /// sent.
    pub fn holds(&self, pass: Pass) -> bool {
        match &self.state().pace {
            None => true,
            Some(pace) => pass.is_paced && pace.closed_until <= Instant::now(),
        }
    }

    /// Notes that a request was refused with 429, and for how long the server asks for no other.
    pub fn refused(&self, pass: Pass, asked: Duration) {
        let now = Instant::now();
        let closed_until = later(now, asked);
        let mut state = self.state();
        let is_old = pass.changes < state.slowed;
        match &mut state.pace {
            None => {
                state.pace = Some(Pace {
                    spacing: FIRST,
                    is_guess: true,
                    in_a_row: 0,
                    closed_until,
                    next_call: now + FIRST,
                    last: now,
                    last_lane: Lane::Calls,
                });
            }
            Some(pace) => {
                pace.closed_until = pace.closed_until.max(closed_until);
                if is_old {
                    return;
                }
                pace.spacing = pace.spacing.mul_f64(SLOWER).min(LONGEST);
                pace.in_a_row = pace.in_a_row.min(0).saturating_sub(1);
                pace.is_guess = pace.in_a_row <= -OUTAGE;
                pace.next_call = pace.next_call.max(now + pace.spacing);
            }
        }
        state.changes += 1;
        state.slowed = state.changes;
    }

    /// Notes that a request was not refused with 429.
    pub fn accepted(&self, pass: Pass) {
        let now = Instant::now();
        let mut state = self.state();
        let measured = state.measured(now);
        let is_old = pass.changes < state.changes;
        let Some(pace) = state.pace.as_mut().filter(|_| !is_old) else {
            return;
        };
        if pace.in_a_row <= 0 && measured < pace.spacing {
            pace.spacing = measured;
            pace.next_call = pace.next_call.min(now + measured);
        }
        pace.in_a_row = pace.in_a_row.max(0);
        pace.spacing = pace.spacing.div_f64(match pace.is_guess {
            true => FASTER,
            false => (1.0 + CAREFUL * BOLDER.powi(pace.in_a_row)).min(FASTER),
        });
        pace.in_a_row = pace.in_a_row.saturating_add(1);
        if pace.spacing < SHORTEST {
            state.pace = None;
        }
        state.changes += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn passed(&self) -> Pass {
        Pass {
            is_paced: self.pace.is_some(),
            changes: self.changes,
        }
    }

    /// Counts a request that was let through, and returns the mean spacing of the last ones.
    fn measured(&mut self, now: Instant) -> Duration {
        if self.accepted.len() >= MEASURED {
            self.accepted.pop_front();
        }
        self.accepted.push_back(now);
        match (self.accepted.front(), self.accepted.len() as u32 - 1) {
            (Some(first), spacings @ 1..) => now.saturating_duration_since(*first) / spacings,
            _ => Duration::MAX,
        }
    }

    /// Returns when the server may be asked again; the pass, where all are let through.
    fn open_at(&self) -> Result<Instant, Pass> {
        let pace = self.pace.as_ref().ok_or_else(|| self.passed())?;
        Ok(pace.closed_until)
    }

    /// Takes the next time of a lane; where it is yet to come, that.
    fn take(&mut self, lane: Lane) -> Result<Pass, Instant> {
        let now = Instant::now();
        if let Some(pace) = &mut self.pace {
            pace.take(lane, now)?;
        }
        Ok(self.passed())
    }
}

impl Pace {
    /// Takes the next time of a lane, as [`State::take`].
    fn take(&mut self, lane: Lane, now: Instant) -> Result<(), Instant> {
        let next = match lane {
            Lane::Calls => self.next_call,
            Lane::Polls => self.last + 2 * self.spacing,
        };
        let at = next.max(self.closed_until);
        let after = at.max(now) + self.spacing;
        if at > now {
            if (lane, self.last_lane) == (Lane::Polls, Lane::Calls) {
                self.next_call = self.next_call.max(after);
            }
            return Err(at);
        }
        self.next_call = match lane {
            Lane::Calls => next.max(now.checked_sub(LATE).unwrap_or(now)) + self.spacing,
            Lane::Polls => self.next_call.max(after),
        };
        (self.last, self.last_lane) = (now, lane);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn far() -> Instant {
        later(Instant::now(), Duration::from_secs(3600))
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_refusals_slows_down_once() {
        let gate = Gate::new();
        let mut passes = Vec::new();
        for _ in 0..50 {
            passes.push(gate.pass(Lane::Calls, far()).await.unwrap());
        }
        let start = Instant::now();
        passes
            .iter()
            .for_each(|pass| gate.refused(*pass, Duration::ZERO));
        assert!(passes.iter().all(|pass| !gate.holds(*pass)));
        gate.pass(Lane::Calls, far()).await.unwrap();
        assert_eq!(start.elapsed(), FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn the_pace_follows_what_is_refused_and_is_given_up_when_nothing_is() {
        let gate = Gate::new();
        let pass = gate.pass(Lane::Calls, far()).await.unwrap();
        gate.refused(pass, Duration::from_secs(7));
        let start = Instant::now();
        let pass = gate.pass(Lane::Calls, far()).await.unwrap();
        assert_eq!(start.elapsed(), Duration::from_secs(7));
        // As slow as it gets.
        gate.refused(pass, Duration::ZERO);
        for _ in 0..50 {
            let pass = gate.pass(Lane::Calls, far()).await.unwrap();
            gate.refused(pass, Duration::ZERO);
        }
        let start = Instant::now();
        gate.pass(Lane::Calls, far()).await.unwrap();
        assert_eq!(start.elapsed(), LONGEST);
        for _ in 0..60 {
            let pass = gate.pass(Lane::Calls, far()).await.unwrap();
            gate.accepted(pass);
        }
        let start = Instant::now();
        for _ in 0..50 {
            gate.pass(Lane::Calls, far()).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn many_polls_and_many_calls_take_turns() {
        let gate = std::sync::Arc::new(Gate::new());
        let pass = gate.pass(Lane::Calls, far()).await.unwrap();
        gate.refused(pass, Duration::ZERO);
        let order = std::sync::Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for lane in [Lane::Calls, Lane::Polls] {
            for _ in 0..20 {
                let (gate, order) = (gate.clone(), order.clone());
                tasks.push(tokio::spawn(async move {
                    gate.pass(lane, far()).await.unwrap();
                    order.lock().unwrap().push(lane);
                }));
            }
        }
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        for chunk in order.chunks(4) {
            assert!(
                chunk.contains(&Lane::Calls) && chunk.contains(&Lane::Polls),
                "{order:?}"
            );
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_waiter_delays_no_other() {
        let gate = Gate::new();
        let pass = gate.pass(Lane::Calls, far()).await.unwrap();
        gate.refused(pass, Duration::ZERO);
        let start = Instant::now();
        for lane in [Lane::Polls, Lane::Calls].repeat(20) {
            let waiting = timeout(FIRST / 50, gate.pass(lane, far()));
            waiting.await.unwrap_err();
        }
        gate.pass(Lane::Calls, far()).await.unwrap();
        gate.pass(Lane::Polls, far()).await.unwrap();
        assert!(start.elapsed() <= 5 * FIRST, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn after_an_outage_the_pace_is_found_again_at_once() {
        let gate = Gate::new();
        let pass = gate.pass(Lane::Polls, far()).await.unwrap();
        gate.refused(pass, Duration::ZERO);
        for _ in 0..3 * OUTAGE {
            let pass = gate.pass(Lane::Polls, far()).await.unwrap();
            gate.refused(pass, Duration::ZERO);
        }
        let start = Instant::now();
        for _ in 0..30 {
            let pass = gate.pass(Lane::Polls, far()).await.unwrap();
            gate.accepted(pass);
        }
        assert!(start.elapsed() < 8 * LONGEST, "{:?}", start.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_without_time_left_is_rejected_at_once() {
        let gate = Gate::new();
        let pass = gate.pass(Lane::Calls, far()).await.unwrap();
        gate.refused(pass, Duration::from_secs(60));
        let start = Instant::now();
        let deadline = start + Duration::from_secs(59);
        assert_eq!(gate.pass(Lane::Polls, deadline).await.unwrap_err(), Closed);
        // Also where another one waits already.
        let mut waiting = std::pin::pin!(gate.pass(Lane::Calls, far()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        assert_eq!(gate.pass(Lane::Calls, deadline).await.unwrap_err(), Closed);
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}

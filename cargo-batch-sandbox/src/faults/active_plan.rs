//! The plan that is in force, and what it has decided so far.

use serde::Serialize;

use super::{Fault, FaultPlan, InvalidPlan, Rule};
use crate::Origin;

/// A plan in force.
#[derive(Debug, Default)]
pub struct ActivePlan {
    seed: u64,
    rules: Vec<Counted>,
}

/// A rule, with what it has done.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counted {
    #[serde(flatten)]
    rule: Rule,
    /// How many requests it was about.
    seen: u64,
    /// How many it has hit.
    hits: u64,
}

/// What a rule is asked about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Event<'a> {
    /// A connection was accepted.
    Connection,
    /// A request for an operation has come.
    Request(&'a str),
}

impl ActivePlan {
    pub fn new(plan: FaultPlan) -> Result<Self, InvalidPlan> {
        plan.check()?;
        let counted = |rule| Counted {
            rule,
            seen: 0,
            hits: 0,
        };
        Ok(Self {
            seed: plan.seed.unwrap_or(1),
            rules: plan.rules.into_iter().map(counted).collect(),
        })
    }

    /// The faults that begin at once, and the ports they are about.
    pub fn refusals(&self) -> impl Iterator<Item = (&str, f64)> {
        self.rules
            .iter()
            .filter_map(|counted| match &counted.rule.fault {
                Fault::ConnectionRefused { seconds } => {
                    Some((counted.rule.operation.as_str(), *seconds))
                }
                _ => None,
            })
    }

    /// What hits something that happens at a port.
    pub fn decide(&mut self, origin: Origin, event: Event<'_>) -> Option<Fault> {
        let mut hit = None;
        for (place, counted) in self.rules.iter_mut().enumerate() {
            let rule = &counted.rule;
            if !is_about(rule, origin, event) {
                continue;
            }
            let n = counted.seen;
            counted.seen += 1;
            let seed = rule.seed.unwrap_or_else(|| mix(self.seed, place as u64));
            let free = hit.is_none()
                && n >= rule.skip
                && rule.count.is_none_or(|count| counted.hits < count);
            if free && chance(seed, n) < rule.probability {
                counted.hits += 1;
                hit = Some(rule.fault.clone());
            }
        }
        hit
    }

    /// The rules and what they have done.
    pub fn rules(&self) -> &[Counted] {
        &self.rules
    }

    /// How many requests each rule has hit.
    pub fn hits(&self) -> Vec<u64> {
        self.rules.iter().map(|counted| counted.hits).collect()
    }

    /// What everything follows from.
    pub fn seed(&self) -> u64 {
        self.seed
    }
}

fn is_about(rule: &Rule, origin: Origin, event: Event<'_>) -> bool {
    let fits = match (rule.operation.as_str(), event) {
        ("*", _) => true,
        ("api", _) => origin == Origin::Api,
        ("storage", _) => origin == Origin::Storage,
        (operation, Event::Request(id)) => operation == id,
        (_, Event::Connection) => false,
    };
    let goes = match rule.fault {
        Fault::ConnectionRefused { .. } => false,
        Fault::CloseOnAccept => event == Event::Connection,
        // All others are of requests: their effects are in `server::faulty`.
        _ => event != Event::Connection,
    };
    // Storage takes no token.
    let takes = rule.fault != Fault::RevokeToken || origin == Origin::Api;
    fits && goes && takes
}

/// A number from 0 to 1 that depends on nothing but these two.
fn chance(seed: u64, n: u64) -> f64 {
    fastrand::Rng::with_seed(mix(seed, n)).f64()
}

/// Two numbers as one; neighbours land far from each other.
pub fn mix(one: u64, other: u64) -> u64 {
    // The finalizer of SplitMix64.
    let mut mixed = one ^ other.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

//! Faults, on purpose: the kinds there are, the plan that says when, and what they do.

mod active_plan;
mod content;
mod fault;
mod mutate;
mod plan;
pub mod responses;

pub use active_plan::{ActivePlan, Event, mix};
pub use content::changed;
pub use fault::{Fault, LateResponse};
pub use mutate::{
    extra_fields, invalid_json, overlap, reordered_page, unknown_kind, unknown_status,
};
pub use plan::{FaultPlan, InvalidPlan, Rule};

//! Faults, on purpose: the kinds there are, the plan that says when, and what they do.

mod alter;
mod armed;
mod content;
mod fault;
mod plan;
pub mod responses;

pub use alter::{
    extra_fields, invalid_json, overlap, reordered_page, unknown_kind, unknown_status,
};
pub use armed::{Armed, Event, mix};
pub use content::changed;
pub use fault::{Fault, LateResponse};
pub use plan::{FaultPlan, InvalidPlan, Rule};

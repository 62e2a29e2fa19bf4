//! Faults, on purpose: the kinds there are, the plan that says when, and what they do.

mod alter;
mod answers;
mod armed;
mod content;
mod fault;
mod plan;

pub use alter::{alter, overlap};
pub use answers::instead;
pub use armed::{Armed, Event};
pub use content::changed;
pub use fault::Fault;
pub use plan::{FaultPlan, InvalidPlan, Rule};

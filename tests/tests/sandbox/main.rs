//! The sandbox: the whole API on loopback.

mod connections;
mod control;
mod cors;
mod counters;
mod data;
mod fault_plans;
mod fault_responses;
mod fault_storage;
mod faults;
mod filters;
mod http2;
mod late;
mod lists;
mod outcomes;
mod reasons;
mod settings;
mod storage;
mod time;
mod validation;
mod workspace;

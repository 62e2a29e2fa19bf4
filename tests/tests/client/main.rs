//! The client: requests, retries, creations, waiting, transfers, rows.

mod after;
mod blocking;
mod check;
mod classify;
mod config;
mod connections;
mod cost;
#[cfg(unix)]
mod crash;
mod creation;
mod double_payments;
mod doubles;
mod download;
mod errors;
mod every_fault;
mod find;
mod job;
mod messages;
mod money;
mod network;
mod pages;
mod preview;
mod requests;
mod retry;
mod rows;
mod run_outputs;
mod simulation;
mod threats;
mod throttling;
mod upload;
mod watch;
mod watch_many;
mod wire;
mod workspace;

//! The batches API of Cargo on loopback.

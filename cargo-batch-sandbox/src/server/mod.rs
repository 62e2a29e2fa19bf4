//! The two ports, and what goes on at them.
//!
//! The accept loop is our own, since a fault may need a port that is closed, a connection that is
//! reset or a body that ends too soon; a ready-made server takes care that none of this happens.

mod connection;
mod cors;
mod faulty;
mod listener;
mod request;
mod throttled_body;

pub use listener::Listener;
pub use request::Exchange;

use serde::{Deserialize, Serialize};

/// The two origins of a sandbox, as the API and its storage are two hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Origin {
    /// The API.
    Api,
    /// The origin of signed URLs.
    Storage,
}

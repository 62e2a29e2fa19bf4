//! Clients and runtimes of both sides of a measurement.

use std::path::PathBuf;
use std::time::Duration;

use cargo_batch_client::Client;
use reqwest::header::{ACCEPT, AUTHORIZATION, HeaderMap, HeaderValue};
use tokio::runtime::Runtime;

use crate::Result;

const TOKEN: &str = "token-of-nobody";

/// Returns a client of cargo-batch with its usual setup.
pub fn client(origin: &str) -> Result<Client> {
    let builder = Client::builder(TOKEN).base_url(format!("{origin}/v1"));
    Ok(builder.build()?)
}

/// Returns a client of reqwest that sends the same headers.
pub fn reqwest() -> Result<reqwest::Client> {
    Ok(builder()?.build()?)
}

/// Returns a client of reqwest with the same timeout as that of cargo-batch.
pub fn reqwest_with_timeout() -> Result<reqwest::Client> {
    Ok(builder()?.timeout(Duration::from_secs(60)).build()?)
}

fn builder() -> Result<reqwest::ClientBuilder> {
    // It fails if one is already installed.
    rustls::crypto::ring::default_provider()
        .install_default()
        .ok();
    let mut headers = HeaderMap::new();
    headers.insert(
        AUTHORIZATION,
        HeaderValue::try_from(format!("Bearer {TOKEN}"))?,
    );
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    Ok(reqwest::Client::builder()
        .user_agent("by-hand/1.0.0")
        .default_headers(headers))
}

/// Returns the header of the token, for a request without a client.
pub fn authorization() -> Result<HeaderValue> {
    Ok(HeaderValue::try_from(format!("Bearer {TOKEN}"))?)
}

/// Returns a runtime of one thread, so that both sides are scheduled alike; the server has the other core.
pub fn runtime() -> Result<Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?)
}

/// Returns a folder on the disk of the target folder; `/tmp` may be in memory.
pub fn folder() -> Result<tempfile::TempDir> {
    let program = std::env::current_exe()?;
    let folder = program.parent().map(PathBuf::from).unwrap_or_default();
    Ok(tempfile::tempdir_in(folder)?)
}

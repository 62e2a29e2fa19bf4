//! A browser has one pool of connections, and says nothing about it.

use reqwest::Url;

use super::Settings;
use crate::Error;

/// The HTTP client of a [`Client`](crate::Client).
#[derive(Clone)]
pub(crate) struct Http(reqwest::Client);

impl Http {
    pub fn own(settings: Settings, _base_url: &Url) -> Result<Self, Error> {
        let builder = reqwest::Client::builder().user_agent(settings.name());
        Ok(Self(builder.build().map_err(Error::no_http_client)?))
    }

    pub fn callers(client: reqwest::Client) -> Self {
        Self(client)
    }

    /// The client that requests are put together with.
    pub fn writer(&self) -> reqwest::Client {
        self.0.clone()
    }

    pub fn check_runtime(&self) -> Result<(), Error> {
        Ok(())
    }

    pub async fn ready(&self, _url: &Url) -> Result<reqwest::Client, Error> {
        Ok(self.0.clone())
    }

    /// A browser doesn't say: what isn't known counts as connected.
    pub fn may_have_connected(&self) -> bool {
        true
    }
}

//! A client that keeps requests instead of sending them, and always has the same response.

use std::sync::{Arc, Mutex};

use reqwest::Request;
use serde::de::DeserializeOwned;

use crate::operation::Operation;

type Build<'a> = &'a (dyn Fn() -> Result<Request, Error> + Sync);

#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) client: reqwest::Client,
    response: &'static str,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Client {
    pub fn answering(response: &'static str) -> Self {
        // Nothing is sent, so there is nothing to encrypt.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self {
            client: reqwest::Client::new(),
            response,
            sent: Arc::default(),
        }
    }

    /// Returns the requests as they would be sent: the method, the URL after the server, and the body.
    pub fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.sent.lock().expect("no test panics with it"))
    }

    pub(crate) fn url(&self, path: std::fmt::Arguments<'_>) -> reqwest::Url {
        let url = format!("http://sink{path}");
        url.parse().expect("a URL")
    }

    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        _: &'static Operation,
        request: Build<'_>,
    ) -> Result<Response<T>, Error> {
        let request = request()?;
        let url = request.url();
        let mut line = format!("{} {}", request.method(), url.path());
        if let Some(query) = url.query() {
            line.push_str(&format!("?{query}"));
        }
        if let Some(body) = request.body().and_then(reqwest::Body::as_bytes) {
            line.push_str(&format!(" {}", String::from_utf8_lossy(body)));
        }
        self.sent.lock().expect("no test panics with it").push(line);
        let inner =
            serde_json::from_str(self.response).map_err(|error| Error(error.to_string()))?;
        Ok(Response { inner })
    }
}

#[derive(Debug)]
pub struct Response<T> {
    inner: T,
}

impl<T> Response<T> {
    pub fn into_inner(self) -> T {
        self.inner
    }
}

#[derive(Debug, PartialEq)]
pub struct Error(pub String);

impl Error {
    pub(crate) fn invalid_request(_: &'static Operation, what: impl Into<String>) -> Self {
        Self(what.into())
    }

    pub(crate) fn unbuildable(_: &'static Operation, error: reqwest::Error) -> Self {
        Self(error.to_string())
    }
}

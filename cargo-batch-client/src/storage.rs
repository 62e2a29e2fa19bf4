//! Requests to storage, by signed URLs.
//!
//! A URL is its own permission, and its host is not the API's: no token is sent there. Redirects are
//! followed here, as those of the API must not be, and never with a `Referer`, which would be the URL.

use std::time::Duration;

#[cfg(not(target_arch = "wasm32"))]
use bytes::Bytes;
use bytes::BytesMut;
use cargo_batch_types::SignedUrl;
#[cfg(not(target_arch = "wasm32"))]
use reqwest::header::HeaderMap;
use reqwest::header::{HeaderValue, IF_RANGE, LOCATION, RANGE};
use reqwest::{Method, RequestBuilder, StatusCode, Url};

use crate::call::{BodyStream, next_chunk};
use crate::gate::Lane;
use crate::hosts::Departure;
use crate::response::RawResponse;
use crate::time::{Instant, later};
use crate::{Client, Error, config, trace};

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// How much of an error response is read.
const ERROR_BYTES: usize = 64 << 10;

/// How long it may take to arrive.
const ERROR_TIME: Duration = Duration::from_secs(10);

/// The rest of a file that is to be sent, as long as it is the same file.
pub(crate) struct Rest<'a> {
    pub from: u64,
    pub etag: &'a HeaderValue,
}

/// Requests a file; `is_new` says that the URL was issued for this very attempt.
///
/// # Errors
/// Whatever isn't a success, with the message of storage.
pub(crate) async fn get(
    client: &Client,
    url: &SignedUrl,
    rest: Option<Rest<'_>>,
    is_new: bool,
) -> Result<reqwest::Response, Error> {
    let request = |request: RequestBuilder| match &rest {
        Some(rest) => request
            .header(RANGE, format!("bytes={}-", rest.from))
            .header(IF_RANGE, rest.etag.clone()),
        None => request,
    };
    let limit = client.timing.attempt;
    let (response, departure) = send(client, Method::GET, url, limit, &request).await?;
    let done = match response.status().is_success() {
        true => Ok(response),
        false => Err(refusal(response, is_new).await),
    };
    departure.responded(client, done.as_ref().err());
    done
}

/// Puts bytes where a URL that was just issued points to; returns the headers of the response.
///
/// # Errors
/// As [`get`].
#[cfg(not(target_arch = "wasm32"))]
pub(crate) async fn put(
    client: &Client,
    url: &SignedUrl,
    content: Bytes,
) -> Result<HeaderMap, Error> {
    let length = content.len() as u64;
    let request = |request: RequestBuilder| request.body(content.clone());
    let limit = client.for_bytes(length).timing.attempt;
    let (mut response, departure) = send(client, Method::PUT, url, limit, &request).await?;
    let done = match response.status().is_success() {
        true => Ok(std::mem::take(response.headers_mut())),
        false => Err(refusal(response, true).await),
    };
    departure.responded(client, done.as_ref().err());
    done
}

async fn send(
    client: &Client,
    method: Method,
    url: &SignedUrl,
    mut limit: Duration,
    request: &(dyn Fn(RequestBuilder) -> RequestBuilder + Sync),
) -> Result<(reqwest::Response, Departure), Error> {
    let has_body = method != Method::GET;
    let mut url = config::signed_url(url)?;
    let attempt = limit;
    for _ in 0..=REDIRECTS {
        let deadline = later(Instant::now(), client.timing.overall);
        let departure = client.inner.hosts.depart(&url, Lane::Calls, deadline).await;
        let departure = departure.map_err(|_| {
            Error::held_back(None, client.timing)
                .of_storage()
                .sent_to(&url)
        })?;
        let http = client.inner.http.ready(&url).await?;
        let request = request(http.request(method.clone(), url.clone()));
        let began = Instant::now();
        let call = async {
            crate::time::timeout(limit, request.send())
                .await
                .map_err(|_| Error::timed_out(None, attempt, client.timing, true))
                .and_then(|sent| sent.map_err(|error| Error::transport(None, error, has_body)))
                .map_err(|error| departure.note(error.of_storage().sent_to(&url)))
        };
        let response = trace::storage(&method, url.as_str(), call).await?;
        departure.heard();
        limit = limit.saturating_sub(began.elapsed());
        // A client of the caller's may have followed a redirect already.
        check(&url, response.url())?;
        let Some(next) = redirect(&method, &response) else {
            return Ok((response, departure));
        };
        departure.responded(client, None);
        check(&url, &next)?;
        url = next;
    }
    let what = format!("storage redirected more than {REDIRECTS} times");
    Err(Error::unexpected_content(what))
}

/// Returns whether a status may mean that a URL has expired: storages differ in this.
pub(crate) fn may_be_expired(status: StatusCode) -> bool {
    matches!(status.as_u16(), 400 | 401 | 403 | 404 | 410)
}

/// Returns where a response redirects the request to, if it does.
fn redirect(method: &Method, response: &reqwest::Response) -> Option<Url> {
    let follows = match response.status() {
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => true,
        // It is to be asked for with GET, which stores nothing.
        StatusCode::SEE_OTHER => method == Method::GET,
        _ => false,
    };
    let location = response.headers().get(LOCATION).filter(|_| follows)?;
    response.url().join(location.to_str().ok()?).ok()
}

/// Fails where a redirect leads to where it can be read on the way, or from the internet to this machine.
fn check(from: &Url, to: &Url) -> Result<(), Error> {
    let is_downgrade = from.scheme() == "https" && to.scheme() != "https";
    if is_downgrade || !config::is_private(to) {
        return Err(Error::unexpected_content(
            "storage redirected to a URL that isn't encrypted, which is not followed",
        ));
    }
    Ok(())
}

/// Reads why storage refuses.
async fn refusal(mut response: reqwest::Response, is_new: bool) -> Error {
    let status = response.status();
    let headers = std::mem::take(response.headers_mut());
    let mut body: BodyStream = Box::pin(response.bytes_stream());
    let mut read = BytesMut::new();
    let reading = async {
        while read.len() < ERROR_BYTES
            && let Some(Ok(chunk)) = next_chunk(&mut body).await
        {
            read.extend_from_slice(&chunk);
        }
    };
    // What can't be read in time is left out: the status is known.
    let _ = crate::time::timeout(ERROR_TIME, reading).await;
    read.truncate(ERROR_BYTES);
    let body = read.freeze();
    let text = String::from_utf8_lossy(&body);
    let (code, message) = (element(&text, "Code"), element(&text, "Message"));
    let response = RawResponse::new(status, headers, body.clone());
    Error::status_of_storage(response, (code.as_deref(), message.as_deref()), is_new)
}

/// Returns the content of an element of the XML that storages write of errors.
///
/// It is found wherever it is: what else there is, and whether all of it is XML, doesn't matter.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let mut plain = text.trim().to_owned();
    for (entity, letter) in [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ] {
        plain = plain.replace(entity, letter);
    }
    Some(plain).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_storage_are_found_in_its_xml() {
        let s3 = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code>\
                  <Message>Key &lt;a&amp;b&gt;</Message></Error>";
        assert_eq!(element(s3, "Code").as_deref(), Some("AccessDenied"));
        assert_eq!(element(s3, "Message").as_deref(), Some("Key <a&b>"));
        for nothing in ["", "<Code>", "<Code></Code>", "</Code><Code>x", "{}"] {
            assert_eq!(element(nothing, "Code"), None, "{nothing}");
        }
    }

    #[test]
    fn a_redirect_stays_encrypted_and_outside() {
        let url = |text: &str| Url::parse(text).unwrap();
        for (from, to, is_followed) in [
            ("https://a.example/x", "https://b.example/y", true),
            ("http://127.0.0.1:1/x", "http://127.0.0.1:2/y", true),
            ("http://127.0.0.1:1/x", "https://b.example/y", true),
            ("https://a.example/x", "http://b.example/y", false),
            ("https://a.example/x", "http://127.0.0.1:2/y", false),
            ("http://127.0.0.1:1/x", "http://b.example/y", false),
            ("http://127.0.0.1:1/x", "ftp://127.0.0.1/y", false),
            ("https://a.example/x", "file:///etc/passwd", false),
        ] {
            let followed = check(&url(from), &url(to)).is_ok();
            assert_eq!(followed, is_followed, "{from} -> {to}");
        }
    }
}

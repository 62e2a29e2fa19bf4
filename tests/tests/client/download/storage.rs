//! Storage: its signed URLs, redirects, errors and delays.

use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Response};
use cargo_batch_client::ErrorKind;
use cargo_batch_tests::script::{Script, Seen, TOKEN, json, status};
use futures_util::stream;
use serde_json::json as value;

use super::{content, file, servers, signed, to_file};

#[tokio::test(start_paused = true)]
async fn a_link_that_expires_on_the_way_is_asked_for_again() {
    let whole = content(300_000, 1);
    let served = whole.clone();
    let (storage, api, client) = servers(move |seen| {
        let fresh = seen.values("link") == ["1"];
        match (seen.number, fresh) {
            (0, _) => file(seen, &served, "\"v1\"", 100_000),
            (_, false) => status(403),
            (_, true) => file(seen, &served, "\"v1\"", usize::MAX),
        }
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (300_000, &whole));
    assert_eq!((api.seen().len(), storage.seen().len()), (2, 3));
    assert_eq!(storage.seen()[2].headers["range"], "bytes=100000-");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_link_that_is_refused_is_an_error() {
    let (storage, api, client) = servers(|_| status(403)).await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap_err().status().unwrap().as_u16(), 403);
    assert!(left.is_empty());
    assert_eq!((api.seen().len(), storage.seen().len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_storage_that_never_gives_a_byte_ends_it() {
    let (storage, _, client) = servers(|_| status(503)).await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap_err().kind(), ErrorKind::Status);
    assert!(left.is_empty());
    assert_eq!(storage.seen().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_token_stays_away_from_storage_and_the_link_out_of_errors() {
    let (storage, _, client) = servers(|_| status(500)).await;
    let (done, _) = to_file(&client).await;
    let error = done.unwrap_err();
    let shown = format!("{error} {error:?} {error:#?}");
    assert!(
        !shown.contains("very-secret") && !shown.contains(TOKEN),
        "{shown}"
    );
    for seen in storage.seen() {
        let headers: &HeaderMap = &seen.headers;
        assert!(!headers.contains_key("authorization"));
        assert!(!format!("{headers:?}").contains(TOKEN));
    }
}

#[tokio::test(start_paused = true)]
async fn a_link_that_is_not_encrypted_is_not_followed() {
    for link in [
        "http://s3.example/r?X-Sig=hush",
        "ftp://127.0.0.1/r",
        "/r.csv",
        "file:///etc/passwd",
    ] {
        let api = Script::start(move |_| json(value!({ "url": link }))).await;
        let (done, left) = to_file(&api.client()).await;
        let error = done.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidResponse);
        assert!(!format!("{error} {error:?}").contains("hush"));
        assert!(left.is_empty());
    }
    // One that is, is: but nothing listens there.
    let link = "https://127.0.0.1:1/r";
    let api = Script::start(move |_| json(value!({ "url": link }))).await;
    let error = to_file(&api.client()).await.0.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
}

#[tokio::test(start_paused = true)]
async fn redirects_of_storage_are_followed_without_a_referer() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let own = reqwest::Client::builder();
    let own = own.redirect(reqwest::redirect::Policy::none()).build();
    let own = own.unwrap();
    for code in [301, 302, 303, 307, 308] {
        let whole = content(10_000, 1);
        let served = whole.clone();
        let (storage, api, client) = servers(move |seen| match seen.number % 3 {
            2 => file(seen, &served, "\"v1\"", usize::MAX),
            turn => Response::builder()
                .status(code)
                .header("location", format!("/moved/{turn}?X-Sig=other-secret"))
                .body(Body::empty())
                .unwrap(),
        })
        .await;
        let with_own = api.builder().http_client(own.clone()).build().unwrap();
        for client in [client, with_own] {
            let (done, left) = to_file(&client).await;
            assert_eq!((done.unwrap(), &left[0].1), (10_000, &whole), "{code}");
        }
        assert_eq!(storage.seen().len(), 6);
        for seen in storage.seen() {
            assert!(!format!("{:?}", seen.headers).contains("secret"));
            assert!(!seen.headers.contains_key("referer"));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_without_end_or_to_the_open_are_not_followed() {
    for (to, requests, says) in [
        ("/again?X-Sig=hush", 6, "redirected more than 5 times"),
        ("http://s3.example/r?X-Sig=hush", 1, "isn't encrypted"),
        ("ftp://127.0.0.1/r?X-Sig=hush", 1, "isn't encrypted"),
        // Nothing to follow.
        ("", 1, "302 Found"),
    ] {
        let (storage, _, client) = servers(move |_| {
            let mut response = status(302);
            if !to.is_empty() {
                let headers = response.headers_mut();
                headers.insert("location", to.parse().unwrap());
            }
            response
        })
        .await;
        let error = to_file(&client).await.0.unwrap_err();
        let text = format!("{error} {error:?}");
        assert!(text.contains(says) && !text.contains("hush"), "{text}");
        assert!(!text.contains("base URL"), "{text}");
        assert_eq!(storage.seen().len(), requests, "{to}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_of_storage_speaks_of_storage() {
    for (code, says) in [
        (400, "for a newly issued URL"),
        (401, "for a newly issued URL"),
        (403, "for a newly issued URL"),
        (404, "for a newly issued URL"),
        (304, "storage returned 304"),
        (416, "storage returned 416"),
        (501, "storage returned 501"),
        (505, "storage returned 505"),
    ] {
        let (storage, _, client) = servers(move |_| {
            let mut response = status(code);
            if code != 304 {
                *response.body_mut() = Body::from(
                    "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code><Message>Request &lt;has \
                     expired: https://s3.example/a?X-Sig=hush</Message><Signature>hush</Signature></Error>",
                );
            }
            response
        })
        .await;
        let error = to_file(&client).await.0.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Status);
        let text = format!("{error} {error:?}");
        assert!(
            text.contains(says) && text.contains("download of batch"),
            "{text}"
        );
        for wrong in ["token", "Check the id", "base URL", "hush"] {
            assert!(!text.contains(wrong), "{text}");
        }
        if code != 304 {
            assert!(
                text.contains("(AccessDenied): Request <has expired"),
                "{text}"
            );
            assert!(error.body().unwrap().ends_with(b"</Error>"));
        }
        assert_eq!(storage.seen().len(), 1, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_keeps_to_the_retry_policy_and_to_what_storage_asks_for() {
    use cargo_batch_client::RetryPolicy;

    let unavailable = |code, after: &'static str| {
        move |_: &Seen| {
            let mut response = status(code);
            let headers = response.headers_mut();
            headers.insert("retry-after", after.parse().unwrap());
            response
        }
    };
    for code in [408, 425, 500, 502, 503, 504, 507, 520, 599] {
        let (storage, api, _) = servers(unavailable(code, "8")).await;
        let mut policy = RetryPolicy::default();
        policy.max_attempts = 7;
        let client = api.builder().retry(policy).build().unwrap();
        let error = to_file(&client).await.0.unwrap_err();
        let at: Vec<Duration> = storage.seen().iter().map(|seen| seen.at).collect();
        assert_eq!((at.len(), error.attempts()), (7, 7), "{code}");
        for pair in at.windows(2) {
            let delay = pair[1] - pair[0];
            assert!(delay >= Duration::from_secs(8), "{delay:?}");
            assert!(delay < Duration::from_secs(9), "{delay:?}");
        }
        assert_ne!(at[1] - at[0], at[2] - at[1], "jitter");
    }
    // Longer than is waited for.
    let (storage, api, client) = servers(unavailable(503, "61")).await;
    assert!(to_file(&client).await.0.is_err());
    assert_eq!(storage.seen().len(), 1);
    drop(api);
    // Never means never: not after a refusal, not after a cut.
    let (storage, api, _) = servers(unavailable(503, "1")).await;
    let client = api.builder().retry(RetryPolicy::never()).build().unwrap();
    assert_eq!(to_file(&client).await.0.unwrap_err().attempts(), 1);
    assert_eq!(storage.seen().len(), 1);
    let served = content(100_000, 1);
    let (storage, api, _) = servers(move |seen| file(seen, &served, "\"v1\"", 40_000)).await;
    let client = api.builder().retry(RetryPolicy::never()).build().unwrap();
    let error = to_file(&client).await.0.unwrap_err();
    assert!(
        error.to_string().contains("after 40000 of 100000 bytes"),
        "{error}"
    );
    assert_eq!(storage.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn progress_costs_nothing_of_the_budget_and_a_lack_of_it_does() {
    use cargo_batch_client::RetryPolicy;

    let mut policy = RetryPolicy::default();
    policy.budget = 2;
    let served = content(1_000_000, 1);
    let (storage, api, _) = servers(move |seen| file(seen, &served, "\"v1\"", 45_000)).await;
    let client = api.builder().retry(policy.clone()).build().unwrap();
    to_file(&client).await.0.unwrap();
    assert!(storage.seen().len() > 20);
    policy.max_attempts = 50;
    let (storage, api, _) = servers(|_| status(503)).await;
    let client = api.builder().retry(policy).build().unwrap();
    to_file(&client).await.0.unwrap_err();
    assert_eq!(storage.seen().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_byte_now_and_then_is_not_a_transfer() {
    let drops = || {
        stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        })
    };
    let (storage, _, client) = servers(move |_| {
        let response = Response::builder().header("content-length", 1_000_000);
        let response = response.header("etag", "\"v1\"");
        response.body(Body::from_stream(drops())).unwrap()
    })
    .await;
    let begin = tokio::time::Instant::now();
    let (done, left) = to_file(&client).await;
    let error = done.unwrap_err();
    assert!(
        error.to_string().contains("less than 1 KiB a second"),
        "{error}"
    );
    assert!(left.is_empty());
    assert_eq!(storage.seen().len(), 6);
    assert!(
        begin.elapsed() < Duration::from_secs(450),
        "{:?}",
        begin.elapsed()
    );
    // Four times as much is one.
    let (_storage, _, client) = servers(move |_| {
        let chunks = stream::unfold(0, |sent| async move {
            tokio::time::sleep(Duration::from_millis(300)).await;
            (sent < 1000).then_some((Ok::<_, std::io::Error>(vec![b'x'; 400]), sent + 1))
        });
        let response = Response::builder().header("content-length", 400_000);
        response.body(Body::from_stream(chunks)).unwrap()
    })
    .await;
    assert_eq!(to_file(&client).await.0.unwrap(), 400_000);
}

#[tokio::test(start_paused = true)]
async fn any_signed_url_is_a_download() {
    let served = content(100_000, 1);
    let whole = served.clone();
    let (storage, api, client) = servers(move |seen| match seen.number {
        0 | 1 => file(seen, &served, "\"v1\"", 60_000),
        _ => status(403),
    })
    .await;
    let url = format!("{}/runs.csv?X-Sig=hush", storage.base_url());
    let link = client.download_url(signed(&url));
    assert!(link.bytes().await.unwrap() == whole);
    // No other URL can be requested.
    let error = client.download_url(signed(&url)).bytes().await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        text.contains("may have expired") && !text.contains("hush"),
        "{text}"
    );
    assert_eq!((storage.seen().len(), api.seen().len()), (3, 0));
}

//! Transfers that are cut: what is resumed, what starts over, and what ends them.

use std::time::Duration;

use axum::body::Body;
use axum::http::HeaderMap;
use cargo_batch_client::ErrorKind;
use cargo_batch_tests::script::status;
use futures_util::{StreamExt, stream};

use super::{content, file, id, part, servers, to_file};

#[tokio::test(start_paused = true)]
async fn a_download_that_is_cut_again_and_again_goes_on_where_it_was() {
    let whole = content(1_000_000, 1);
    let served = whole.clone();
    let (storage, api, client) = servers(move |seen| file(seen, &served, "\"v1\"", 45_000)).await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap(), 1_000_000);
    assert_eq!(left, [("r.csv".to_owned(), whole)]);
    let seen = storage.seen();
    assert!(seen.len() > 20, "{}", seen.len());
    assert!(!seen[0].headers.contains_key("range"));
    assert!(
        seen[1..]
            .iter()
            .all(|seen| seen.headers["if-range"] == "\"v1\"")
    );
    assert_eq!(api.seen().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_changes_on_the_way_is_fetched_anew() {
    let (old, new) = (content(200_000, 1), content(150_000, 2));
    let whole = new.clone();
    let (_, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &old, "\"old\"", 120_000),
        _ => file(seen, &new, "\"new\"", 100_000),
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap(), 150_000);
    assert_eq!(left, [("r.csv".to_owned(), whole)]);
}

#[tokio::test(start_paused = true)]
async fn a_writer_cannot_take_back_what_changed_and_says_so() {
    let (old, new) = (content(200_000, 1), content(150_000, 2));
    let (_, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &old, "\"old\"", 120_000),
        _ => file(seen, &new, "\"new\"", 100_000),
    })
    .await;
    let error = client
        .batch(id())
        .download()
        .to_writer(&mut Vec::new())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("changed at its source"),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_shorter_than_what_is_missing_is_followed_by_the_next() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &served, "\"v1\"", 80_000),
        // A server may give less than the range it was asked for, and ends its response properly.
        1 => part(&served, 80_000..90_000),
        _ => file(seen, &served, "\"v1\"", usize::MAX),
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap(), 200_000);
    assert_eq!(left, [("r.csv".to_owned(), whole)]);
    assert_eq!(storage.seen()[2].headers["range"], "bytes=90000-");
}

#[tokio::test(start_paused = true)]
async fn a_part_that_is_longer_than_what_is_missing_is_an_error() {
    let whole = content(200_000, 1);
    let (_storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &whole[..100_000], "\"v1\"", 80_000),
        _ => {
            let mut longer = part(&whole, 80_000..200_000);
            let range = "bytes 80000-99999/100000".parse().unwrap();
            longer.headers_mut().insert("content-range", range);
            longer
        }
    })
    .await;
    let (done, left) = to_file(&client).await;
    let error = done.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(
        error.to_string().contains("but was announced with 100000"),
        "{error}"
    );
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn a_part_of_another_place_is_not_taken_for_the_one_that_is_missing() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &served, "\"v1\"", 80_000),
        1 => part(&served, 0..200_000),
        _ => file(seen, &served, "\"v1\"", usize::MAX),
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!(done.unwrap(), 200_000);
    assert_eq!(left, [("r.csv".to_owned(), whole)]);
    let seen = storage.seen();
    assert!(seen[1].headers.contains_key("range") && !seen[2].headers.contains_key("range"));
}

#[tokio::test(start_paused = true)]
async fn a_range_that_can_not_be_had_is_not_asked_for_again() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &served, "\"v1\"", 80_000),
        1 => status(416),
        _ => file(seen, &served, "\"v1\"", usize::MAX),
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (200_000, &whole));
    assert!(!storage.seen()[2].headers.contains_key("range"));
}

#[tokio::test(start_paused = true)]
async fn storage_that_says_whether_it_has_ranges_is_believed() {
    for (ranges, resumed) in [("bytes", true), ("none", false)] {
        let whole = content(200_000, 1);
        let (storage, _, client) = servers(move |seen| {
            let cut = [80_000, usize::MAX][seen.number.min(1)];
            let mut response = file(seen, &whole, "\"v1\"", cut);
            let headers = response.headers_mut();
            headers.insert("accept-ranges", ranges.parse().unwrap());
            response
        })
        .await;
        to_file(&client).await.0.unwrap();
        let asked = storage.seen()[1].headers.contains_key("range");
        assert_eq!(asked, resumed, "{ranges}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_length_nothing_is_resumed() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| {
        let cut = [80_000, usize::MAX][seen.number.min(1)];
        let mut response = file(seen, &served, "\"v1\"", cut);
        response.headers_mut().remove("content-length");
        response
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (200_000, &whole));
    assert!(!storage.seen()[1].headers.contains_key("range"));
}

#[tokio::test(start_paused = true)]
async fn without_a_tag_nothing_is_resumed() {
    let whole = content(200_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| {
        let cut = if seen.number == 0 {
            120_000
        } else {
            usize::MAX
        };
        let mut response = file(seen, &served, "\"v1\"", cut);
        response.headers_mut().remove("etag");
        response
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (200_000, &whole));
    assert!(
        storage
            .seen()
            .iter()
            .all(|seen| !seen.headers.contains_key("range"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_stands_still_or_can_never_be_resumed_is_an_error() {
    let served = content(100_000, 1);
    let changing = served.clone();
    let (storage, _, client) =
        servers(move |seen| file(seen, &changing, &format!("\"{}\"", seen.number), 40_000)).await;
    let (done, left) = to_file(&client).await;
    let error = done.unwrap_err().to_string();
    assert!(error.contains("started over 5 times"), "{error}");
    // None came farther than the first.
    assert_eq!((left.len(), storage.seen().len()), (0, 6));
    let (storage, _, client) = servers(move |seen| {
        let mut response = file(seen, &served, "W/\"weak\"", 40_000);
        response
            .headers_mut()
            .insert("accept-ranges", "none".parse().unwrap());
        response
    })
    .await;
    to_file(&client).await.0.unwrap_err();
    assert_eq!(storage.seen().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_range_of_another_file_is_never_put_behind_the_first_bytes() {
    let (old, new) = (content(100_000, 1), content(100_000, 2));
    // What the response to the range says of itself, and what the error says of it.
    for (etag, range, cause) in [
        (Some("\"v2\""), "bytes 40000-99999/100000", "changed"),
        (Some("W/\"v1\""), "bytes 40000-99999/100000", "changed"),
        (
            None,
            "bytes 40000-99999/100000",
            "doesn't say of which file",
        ),
        (Some("\"v1\""), "bytes 40000-99999/100001", "changed"),
        (Some("\"v1\""), "bytes 39999-99998/100000", "another range"),
        (Some("\"v1\""), "lines 40000-99999/100000", "another range"),
    ] {
        let (old, whole) = (old.clone(), new.clone());
        let served = new.clone();
        let (storage, _, client) = servers(move |seen| match seen.number {
            0 => file(seen, &old, "\"v1\"", 40_000),
            _ if seen.headers.contains_key("range") => {
                let mut rest = part(&served, 40_000..100_000);
                let headers = rest.headers_mut();
                headers.remove("etag");
                headers.extend(etag.map(|etag| (axum::http::header::ETAG, etag.parse().unwrap())));
                headers.insert("content-range", range.parse().unwrap());
                rest
            }
            _ => file(seen, &served, "\"v2\"", usize::MAX),
        })
        .await;
        let (done, left) = to_file(&client).await;
        assert_eq!(done.unwrap(), 100_000, "{etag:?} {range}");
        assert!(left == [("r.csv".to_owned(), whole)], "{etag:?} {range}");
        assert_eq!(storage.seen().len(), 3);

        let (old, served) = (content(100_000, 1), new.clone());
        let (storage, _, client) = servers(move |seen| match seen.number {
            0 => file(seen, &old, "\"v1\"", 40_000),
            _ => {
                let mut rest = part(&served, 40_000..100_000);
                let headers = rest.headers_mut();
                headers.remove("etag");
                headers.extend(etag.map(|etag| (axum::http::header::ETAG, etag.parse().unwrap())));
                headers.insert("content-range", range.parse().unwrap());
                rest
            }
        })
        .await;
        let mut written = Vec::new();
        let download = client.batch(id()).download();
        let error = download.to_writer(&mut written).await.unwrap_err();
        assert!(error.to_string().contains(cause), "{error} for {cause}");
        assert!(written == content(100_000, 1)[..40_000]);
        assert_eq!((storage.seen().len(), error.attempts()), (2, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_range_is_the_same_in_any_case_and_without_a_total() {
    for range in ["Bytes 40000-99999/100000", "bytes 40000-99999/*"] {
        let whole = content(100_000, 1);
        let served = whole.clone();
        let (storage, _, client) = servers(move |seen| match seen.number {
            0 => file(seen, &served, "\"v1\"", 40_000),
            _ => {
                let mut rest = part(&served, 40_000..100_000);
                let headers = rest.headers_mut();
                headers.insert("content-range", range.parse().unwrap());
                rest
            }
        })
        .await;
        let (done, left) = to_file(&client).await;
        assert_eq!((done.unwrap(), &left[0].1), (100_000, &whole));
        assert_eq!(storage.seen().len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_download_that_cannot_be_resumed_is_not_reported_as_changed() {
    type Change = fn(&mut HeaderMap);
    let cases: [(Change, &str); 4] = [
        (|headers| drop(headers.remove("etag")), "gives no ETag"),
        (
            |headers| drop(headers.insert("etag", "W/\"v1\"".parse().unwrap())),
            "only a weak ETag",
        ),
        (
            |headers| drop(headers.insert("accept-ranges", "None".parse().unwrap())),
            "sends no ranges",
        ),
        (
            |headers| drop(headers.remove("content-length")),
            "its length is unknown",
        ),
    ];
    for (change, cause) in cases {
        let served = content(100_000, 1);
        let (storage, _, client) = servers(move |seen| {
            let mut response = file(seen, &served, "\"v1\"", 40_000);
            change(response.headers_mut());
            response
        })
        .await;
        let download = client.batch(id()).download();
        let error = download.to_writer(&mut Vec::new()).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(cause) && !text.contains("changed"), "{text}");
        assert!(text.contains("40000"), "{text}");
        assert!(
            text.contains(&format!("download of batch {}", id())),
            "{text}"
        );
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        // What would be of no use isn't fetched.
        assert_eq!(storage.seen().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_lost_after_the_last_byte_is_success() {
    let whole = content(100_000, 1);
    let served = whole.clone();
    let (storage, _, client) = servers(move |seen| match seen.number {
        0 => file(seen, &served, "\"v1\"", 40_000),
        _ => {
            let rest = stream::iter([Ok(served[40_000..].to_vec())]);
            let cut = stream::once(async {
                tokio::time::sleep(Duration::from_millis(10)).await;
                Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
            });
            let mut response = part(&served, 40_000..100_000);
            response.headers_mut().remove("content-length");
            *response.body_mut() = Body::from_stream(rest.chain(cut));
            response
        }
    })
    .await;
    let (done, left) = to_file(&client).await;
    assert_eq!((done.unwrap(), &left[0].1), (100_000, &whole));
    assert_eq!(storage.seen().len(), 2);
}

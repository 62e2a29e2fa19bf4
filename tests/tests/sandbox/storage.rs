//! Uploads in parts, and what signed URLs give and refuse.

use cargo_batch_tests::calls::{ApiResult, Calls};
use reqwest::{Method, Response};
use serde_json::{Value, json};

const MULTIPART: &str = "/workspaceManagement/files/multipart";
const SMALLEST: usize = 5 << 20;

struct Upload<'a> {
    calls: &'a Calls,
    begun: Value,
}

impl<'a> Upload<'a> {
    async fn begin(calls: &'a Calls) -> Self {
        let body = json!({ "contentType": "text/csv", "filename": "large.csv" });
        let begun = calls.post(&format!("{MULTIPART}/create"), &body).await.ok();
        Self { calls, begun }
    }

    async fn call(&self, what: &str, more: Value) -> ApiResult {
        let mut body = self.begun.clone();
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        self.calls.post(&format!("{MULTIPART}/{what}"), &body).await
    }

    async fn link(&self, number: u64) -> String {
        let response = self
            .call("sign", json!({ "partNumber": number }))
            .await
            .ok();
        response["url"].as_str().unwrap().to_owned()
    }

    /// Sends a part; gives what `complete` asks for.
    async fn send(&self, number: u64, content: Vec<u8>) -> Value {
        let response = self.calls.http.put(self.link(number).await).body(content);
        let response = response.send().await.unwrap();
        assert_eq!(response.status(), 200);
        let etag = response.headers()["etag"].to_str().unwrap();
        json!({ "partNumber": number, "etag": etag })
    }

    async fn complete(&self, parts: Value) -> ApiResult {
        self.call("complete", json!({ "parts": parts })).await
    }
}

#[tokio::test]
async fn parts_make_a_file() {
    let calls = Calls::start().await;
    let upload = Upload::begin(&calls).await;
    let mut first = b"email,name\n".to_vec();
    first.resize(SMALLEST, b'x');
    // In any order, one of them twice, one that is not wanted in the end.
    let last = upload
        .send(10_000, b"\nada@example.com,Ada\n".to_vec())
        .await;
    upload.send(1, b"wrong".to_vec()).await;
    let one = upload.send(1, first).await;
    upload.send(7, b"not wanted".to_vec()).await;
    let done = upload.complete(json!([one, last])).await.ok();
    assert_eq!(done["s3Filename"], upload.begun["s3Filename"]);
    let name = done["s3Filename"].as_str().unwrap();
    let path = format!("/workspaceManagement/files/listColumns?s3Filename={name}");
    let columns = calls.get(&path).await.ok();
    assert_eq!(
        columns["columns"],
        json!([
            { "type": "string", "name": "email" }, { "type": "string", "name": "name" },
        ])
    );
    // It is over: nothing more can be done with it.
    assert_eq!(upload.complete(json!([one, last])).await.status, 404);
    assert_eq!(
        upload.call("sign", json!({ "partNumber": 2 })).await.status,
        404
    );
    assert_eq!(upload.call("abort", json!({})).await.status, 404);
}

#[tokio::test]
async fn parts_that_do_not_fit_are_refused() {
    let calls = Calls::start().await;
    let upload = Upload::begin(&calls).await;
    for number in [0, 10_001, u64::MAX] {
        let response = upload.call("sign", json!({ "partNumber": number })).await;
        assert_eq!(response.status, 400, "{number}");
        assert!(
            response.message().contains(&number.to_string()),
            "{response:?}"
        );
    }
    let small = upload.send(1, vec![b'a'; SMALLEST - 1]).await;
    let two = upload.send(2, b"b".to_vec()).await;
    let three = upload.send(3, vec![b'c'; SMALLEST]).await;
    let other = json!({ "partNumber": 2, "etag": small["etag"] });
    for (parts, says) in [
        (json!([]), "empty"),
        (json!([small, two]), "at least 5242880"),
        (json!([three, two]), "part 2 comes after part 3"),
        (json!([three, three]), "part 3 comes after part 3"),
        (json!([other]), "ETag"),
        (
            json!([{ "partNumber": 4, "etag": "x" }]),
            "part 4 has not been sent",
        ),
    ] {
        let response = upload.complete(parts).await;
        assert_eq!(response.status, 422);
        assert!(response.message().contains(says), "{response:?}");
    }
    // The last one may be small, and stand alone.
    upload.complete(json!([two])).await.ok();
    let stranger = Upload {
        calls: &calls,
        begun: json!({ "uploadId": "nobody", "s3Filename": upload.begun["s3Filename"] }),
    };
    for (what, rest) in [
        ("complete", json!({ "parts": [two] })),
        ("abort", json!({})),
    ] {
        let response = stranger.call(what, rest).await;
        assert_eq!(response.status, 404, "{response:?}");
    }
}

#[tokio::test]
async fn giving_up_leaves_nothing() {
    let calls = Calls::start().await;
    let upload = Upload::begin(&calls).await;
    let link = upload.link(2).await;
    let part = upload.send(1, b"email\n".to_vec()).await;
    assert_eq!(upload.call("abort", json!({})).await.ok(), json!({}));
    assert_eq!(
        upload.call("abort", json!({})).await.ok(),
        json!({}),
        "again does no harm"
    );
    assert_eq!(upload.complete(json!([part])).await.status, 404);
    let late = calls.http.put(link).body("late").send().await.unwrap();
    assert_eq!(late.status(), 404);
    let name = upload.begun["s3Filename"].as_str().unwrap();
    let path = format!("/workspaceManagement/files/listColumns?s3Filename={name}");
    assert_eq!(calls.get(&path).await.reason(), "noColumnsFound");
}

/// A signed URL of results, and the results.
async fn results(calls: &Calls) -> (String, Vec<u8>) {
    let data = json!({ "kind": "records", "records": [{ "email": "ada@example.com" }] });
    let batch = calls
        .create(json!(calls.fixtures().tool_workflow_uuid), data)
        .await;
    calls.pass(600);
    let path = format!(
        "/orchestration/batches/{}/download",
        batch["uuid"].as_str().unwrap()
    );
    let link = calls.post(&path, &json!({})).await;
    let url = link.clone().ok()["url"].as_str().unwrap().to_owned();
    (url, calls.fetch(link).await.1)
}

#[tokio::test]
async fn links_are_their_own_permission_for_a_while() {
    let calls = Calls::start().await;
    let (url, content) = results(&calls).await;
    assert!(
        !url.starts_with(calls.sandbox.base_url()),
        "storage is another origin"
    );
    let get = async |url: &str| calls.http.get(url).send().await.unwrap();
    assert_eq!(get(&url).await.bytes().await.unwrap(), content);
    let carried = calls.http.get(&url).bearer_auth(calls.sandbox.token());
    let carried = carried.send().await.unwrap();
    assert_eq!(carried.status(), 400);
    assert!(carried.text().await.unwrap().contains("auth mechanism"));
    let upload = Upload::begin(&calls).await;
    let part = calls
        .http
        .put(upload.link(1).await)
        .bearer_auth("x")
        .body("a");
    assert_eq!(part.send().await.unwrap().status(), 400);

    let key = url.split("key=").nth(1).unwrap().split('&').next().unwrap();
    for (part, other) in [
        (key, "elsewhere"),
        ("part=0", "part=1"),
        ("expires=1", "expires=2"),
    ] {
        let wrong = url.replacen(part, other, 1);
        assert_ne!(wrong, url);
        assert_eq!(get(&wrong).await.status(), 403, "{part}");
    }
    // A signed URL for reading is none for writing.
    let wrong = url.replace("/file?", "/part?");
    assert_eq!(
        calls
            .http
            .put(wrong)
            .body("a")
            .send()
            .await
            .unwrap()
            .status(),
        403
    );
    assert_eq!(get(url.split('?').next().unwrap()).await.status(), 400);
    calls.pass(300);
    assert_eq!(get(&url).await.status(), 200);
    calls.sandbox.advance(std::time::Duration::from_millis(1));
    let expired = get(&url).await;
    assert_eq!(expired.status(), 403);
    assert!(expired.text().await.unwrap().contains("expired"));
}

#[tokio::test]
async fn ranges_of_a_file() {
    let calls = Calls::start().await;
    let (url, content) = results(&calls).await;
    let total = content.len();
    let ask = async |method: Method, range: &str, if_range: Option<&str>| -> Response {
        let mut request = calls.http.request(method, &url).header("range", range);
        if let Some(tag) = if_range {
            request = request.header("if-range", tag);
        }
        request.send().await.unwrap()
    };
    let etag = calls.http.get(&url).send().await.unwrap().headers()["etag"].clone();
    let etag = etag.to_str().unwrap().to_owned();
    for (range, bytes) in [
        ("bytes=0-4".to_owned(), 0..5),
        ("bytes=5-".to_owned(), 5..total),
        ("bytes=-6".to_owned(), total - 6..total),
        (format!("bytes=3-{}", total * 2), 3..total),
        (format!("bytes=-{}", total * 2), 0..total),
    ] {
        for if_range in [None, Some(etag.as_str())] {
            let response = ask(Method::GET, &range, if_range).await;
            assert_eq!(response.status(), 206, "{range}");
            let says = response.headers()["content-range"].to_str().unwrap();
            let wanted = format!("bytes {}-{}/{total}", bytes.start, bytes.end - 1);
            assert_eq!(says, wanted);
            assert_eq!(response.headers()["etag"].to_str().unwrap(), etag);
            assert_eq!(
                response.bytes().await.unwrap(),
                content[bytes.clone()],
                "{range}"
            );
        }
    }
    for range in ["bytes=0-1,3-4", "bytes=4-2", "lines=0-1", "bytes=x-"] {
        let response = ask(Method::GET, range, None).await;
        assert_eq!(response.status(), 200, "{range} is ignored");
        assert_eq!(response.bytes().await.unwrap(), content);
    }
    for other in ["\"another\"", "W/\"weak\"", "Thu, 15 Jan 2026 10:00:00 GMT"] {
        let response = ask(Method::GET, "bytes=5-", Some(other)).await;
        assert_eq!(response.status(), 200, "{other} is not this file");
        assert_eq!(response.bytes().await.unwrap(), content);
    }
    for range in [format!("bytes={total}-"), "bytes=-0".to_owned()] {
        let response = ask(Method::GET, &range, None).await;
        assert_eq!(response.status(), 416, "{range}");
        let says = response.headers()["content-range"].to_str().unwrap();
        assert_eq!(says, format!("bytes */{total}"));
    }
    let head = calls.http.head(&url).send().await.unwrap();
    assert_eq!(head.status(), 200);
    assert_eq!(head.headers()["content-length"], total.to_string().as_str());
    assert_eq!(head.headers()["etag"].to_str().unwrap(), etag);
    assert!(head.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_form_must_hold_a_file_with_a_name() {
    use reqwest::multipart::{Form, Part};
    let calls = Calls::start().await;
    let path = "/workspaceManagement/files/upload";
    let named = |name: &'static str| Part::bytes(b"email\n".to_vec()).file_name(name);
    let form = Form::new().part("file", Part::bytes(b"email\n".to_vec()));
    let request = calls.http.post(calls.url(path)).multipart(form);
    assert_eq!(calls.send(request).await.reason(), "noFile");
    for form in [
        Form::new().part("other", named("leads.csv")),
        Form::new()
            .part("file", named("a.csv"))
            .part("file", named("b.csv")),
    ] {
        let request = calls.http.post(calls.url(path)).multipart(form);
        assert_eq!(calls.send(request).await.status, 400);
    }
    assert_eq!(calls.post(path, &json!({})).await.status, 415);
    let part = named("leads.csv").mime_str("text/csv").unwrap();
    let form = Form::new().part("file", part);
    let request = calls.http.post(calls.url(path)).multipart(form);
    let stored = calls.send(request).await.ok();
    assert_eq!(
        (&stored["name"], &stored["contentType"]),
        (&json!("leads.csv"), &json!("text/csv"))
    );
    let again = calls.upload("leads.csv", "email\n").await;
    assert_ne!(
        stored["s3Filename"],
        json!(again),
        "every file has a name of its own"
    );
}

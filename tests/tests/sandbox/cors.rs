//! A page of another origin may use the API and storage.

use cargo_batch_sandbox::{Fault, FaultPlan, Rule, Sandbox};
use cargo_batch_tests::raw::Ask;
use cargo_batch_tests::sandbox::{Checked, list};

const ORIGIN: &str = "https://app.example";

#[tokio::test]
async fn a_browser_is_permitted_what_a_client_sends() {
    let (sandbox, client) = Checked::start().await;
    let url = format!("{}/orchestration/batches", sandbox.base_url());
    let ask = Ask::new("OPTIONS", &url)
        .header("origin", ORIGIN)
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        );
    let response = ask.send().await.unwrap();
    assert_eq!(response.status, 204);
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    let methods = response.header("access-control-allow-methods").unwrap();
    for method in ["GET", "POST", "PUT", "DELETE"] {
        assert!(methods.contains(method), "{methods}");
    }
    assert_eq!(
        response.header("access-control-allow-headers"),
        Some("authorization,content-type")
    );
    assert!(sandbox.requests().is_empty(), "it is no request of the API");

    // Storage is another origin, and its headers are needed to resume.
    let file = client
        .upload_file("leads.csv", "email\na@x.example\n")
        .await
        .unwrap();
    let workflow = sandbox.fixtures().tool_workflow_uuid;
    let request = cargo_batch_client::types::CreateBatchRequest::new(file).workflow(workflow);
    let batch = client.create_batch(request).await.unwrap().batch;
    sandbox.advance(std::time::Duration::from_secs(3600));
    let link = client
        .download_batch(
            batch.uuid,
            cargo_batch_client::types::DownloadBatchRequest::new(),
        )
        .await
        .unwrap();
    let response = Ask::new("GET", link.url.expose())
        .header("origin", ORIGIN)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    let exposed = response.header("access-control-expose-headers").unwrap();
    for name in ["date", "retry-after", "etag", "content-range"] {
        assert!(exposed.contains(name), "{exposed}");
    }
}

#[tokio::test]
async fn errors_can_be_read_as_well_and_nothing_is_added_for_others() {
    let plan = FaultPlan::new().rule(Rule::new(Fault::TooManyRequests {
        retry_after: Some(3),
        as_date: false,
    }));
    let (sandbox, _) = Checked::set_up(Sandbox::builder().faults(plan)).await;
    let response = list(&sandbox)
        .header("origin", ORIGIN)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status, 429);
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
    let response = list(&sandbox).send().await.unwrap();
    assert_eq!(response.header("access-control-allow-origin"), None);
    // What controls the sandbox tells its token, and is for its own page alone.
    let url = format!("http://{}/sandbox/world", sandbox.address());
    let response = Ask::new("GET", &url)
        .header("origin", ORIGIN)
        .send()
        .await
        .unwrap();
    assert_eq!(response.header("access-control-allow-origin"), None);
}

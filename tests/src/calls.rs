//! Calls to the sandbox as they stand on the wire. Every response is checked against `openapi.yaml`.

use std::sync::LazyLock;
use std::time::Duration;

use cargo_batch_sandbox::{Fixtures, Sandbox, SandboxBuilder};
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

/// A sandbox whose time is moved by hand, and a plain HTTP client.
pub struct Calls {
    /// The sandbox.
    pub sandbox: Sandbox,
    /// A client that knows no token.
    pub http: reqwest::Client,
}

/// A response of the API.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiResult {
    /// Its status.
    pub status: u16,
    /// Its body.
    pub body: Value,
}

impl ApiResult {
    /// The body of a success.
    ///
    /// # Panics
    /// When it is none.
    pub fn ok(self) -> Value {
        assert_eq!(self.status, 200, "{}", self.body);
        self.body
    }

    /// The reason, with that of the data, as the table of reasons writes it.
    pub fn reason(&self) -> String {
        let reason = self.body["reason"].as_str().unwrap_or_default();
        match self.body["dataError"]["reason"].as_str() {
            Some(data) => format!("{reason}: {data}"),
            None => reason.to_owned(),
        }
    }

    /// What is said besides.
    pub fn message(&self) -> &str {
        self.body["errorMessage"].as_str().unwrap_or_default()
    }
}

impl Calls {
    /// Starts a sandbox.
    pub async fn start() -> Self {
        Self::with(Sandbox::builder()).await
    }

    /// Starts a sandbox that is set up so.
    ///
    /// # Panics
    /// When loopback has no free port.
    pub async fn with(builder: SandboxBuilder) -> Self {
        let sandbox = builder.speed(0.0).start().await.expect("a free port");
        Self {
            sandbox,
            http: plain_client(),
        }
    }

    /// The ids there are.
    pub fn fixtures(&self) -> &Fixtures {
        self.sandbox.fixtures()
    }

    /// Moves the time on.
    pub fn pass(&self, seconds: u64) {
        self.sandbox.advance(Duration::from_secs(seconds));
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> ApiResult {
        self.send(self.http.get(self.url(path))).await
    }

    /// Sends a body; nothing in place of `null`.
    pub async fn post(&self, path: &str, body: &Value) -> ApiResult {
        let request = self.http.post(self.url(path));
        self.send(match body {
            Value::Null => request,
            body => request.json(body),
        })
        .await
    }

    /// Uploads a file; gives its `s3Filename`.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn upload(&self, name: &str, content: impl Into<Vec<u8>>) -> String {
        let part = Part::bytes(content.into()).file_name(name.to_owned());
        let path = "/workspaceManagement/files/upload";
        let form = Form::new().part("file", part);
        let request = self.http.post(self.url(path)).multipart(form);
        let file = self.send(request).await.ok();
        file["s3Filename"].as_str().expect("a name").to_owned()
    }

    /// Creates a batch, and gives it.
    pub async fn create(&self, workflow: impl Into<Value>, data: Value) -> Value {
        let body = json!({ "workflowUuid": workflow.into(), "data": data });
        let mut response = self.post("/orchestration/batches", &body).await.ok();
        response["batch"].take()
    }

    /// A batch as it stands now.
    pub async fn batch(&self, batch: &Value) -> Value {
        let uuid = batch["uuid"].as_str().unwrap_or_default();
        let mut response = self
            .get(&format!("/orchestration/batches/{uuid}"))
            .await
            .ok();
        response["batch"].take()
    }

    /// The runs that meet the filters, all pages of them.
    pub async fn runs(&self, mut filters: Value) -> Vec<Value> {
        let mut runs = Vec::new();
        loop {
            filters["offset"] = runs.len().into();
            let mut page = self.post("/orchestration/runs/list", &filters).await.ok();
            let Value::Array(more) = page["runs"].take() else {
                return runs;
            };
            let last = more.is_empty();
            runs.extend(more);
            if last {
                return runs;
            }
        }
    }

    /// The content that a download leads to, with its media type.
    ///
    /// # Panics
    /// When there is none.
    pub async fn fetch(&self, download: ApiResult) -> (String, Vec<u8>) {
        let url = download.ok()["url"].as_str().expect("a link").to_owned();
        let response = self.http.get(url).send().await.expect("a response");
        assert_eq!(response.status(), 200);
        let media = response.headers()["content-type"].to_str().expect("text");
        let media = media.to_owned();
        (media, response.bytes().await.expect("a body").to_vec())
    }

    /// The address of an operation.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.sandbox.base_url())
    }

    /// Sends any request with the token.
    ///
    /// # Panics
    /// When the response is none that the specification has for the operation.
    pub async fn send(&self, request: reqwest::RequestBuilder) -> ApiResult {
        let request = request.bearer_auth(self.sandbox.token());
        let response = request.send().await.expect("a response");
        let status = response.status().as_u16();
        let text = response.text().await.expect("a body");
        let body: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("JSON: {text}"));
        assert_eq!(self.sandbox.violations(), [""; 0]);
        ApiResult { status, body }
    }
}

/// An HTTP client that knows no token.
pub fn plain_client() -> reqwest::Client {
    // Another test of the same process may have been first, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::new()
}

/// The specification as JSON.
static SPECIFICATION: LazyLock<Value> = LazyLock::new(|| {
    let path = crate::root().join("cargo-batch-sandbox/src/generated/openapi.json");
    let text = std::fs::read_to_string(path).expect("it is generated");
    serde_json::from_str(&text).expect("it is JSON")
});

/// Operation and reason of every row of the specification, a reason of the data as
/// `dataError: REASON`.
pub fn documented_reasons() -> Vec<(String, String)> {
    let schemas = &SPECIFICATION["components"]["schemas"];
    let resolve = |value: &'static Value| -> &'static Value {
        let name = value["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next());
        name.map_or(value, |name| &schemas[name])
    };
    let field = |schema: &'static Value, name: &str| -> &'static Value {
        let property = &schema["properties"][name]["allOf"][0];
        resolve(property)
    };
    let values = |schema: &'static Value| -> Vec<String> {
        let values = schema["enum"].as_array().into_iter().flatten();
        values
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect()
    };
    let mut rows = Vec::new();
    let paths = SPECIFICATION["paths"].as_object();
    for item in paths.into_iter().flat_map(|paths| paths.values()) {
        for operation in item.as_object().into_iter().flat_map(|item| item.values()) {
            let name = operation["operationId"].as_str().unwrap_or_default();
            let error = &operation["responses"]["4XX"]["content"]["application/json"]["schema"];
            let error = resolve(error);
            let reasons = values(field(error, "reason"));
            rows.extend(reasons.into_iter().map(|reason| (name.to_owned(), reason)));
            if name == "create_batch" {
                let data = values(field(field(error, "dataError"), "reason"));
                let data = data
                    .into_iter()
                    .map(|reason| format!("dataError: {reason}"));
                rows.extend(data.map(|reason| (name.to_owned(), reason)));
            }
        }
    }
    rows
}

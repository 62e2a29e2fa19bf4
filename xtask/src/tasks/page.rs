//! `cargo xtask page`: checks the sandbox's page in a headless browser.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use super::process::{self, Sandbox, folder};
use super::{Task, http, root, unknown};

pub const TASK: Task = Task {
    name: "page",
    help: "check the sandbox's page in headless Chromium; with --update renew the README's picture",
    run,
};

/// The path of the README's picture.
const PICTURE: &str = "docs/sandbox.png";

fn run(arguments: &[&str]) -> Result<(), String> {
    let update = match arguments {
        [] => false,
        ["--update"] => true,
        other => return Err(unknown(&TASK, other)),
    };
    let browser = ["chromium", "chromium-browser", "google-chrome"]
        .into_iter()
        .find(|program| process::is_there(program))
        .ok_or("there is no Chromium: install the package `chromium`")?;
    let target = root().join("target/page");
    folder(&target)?;
    // Its time advances only on request, so that the picture is the same every time.
    let sandbox = Sandbox::start(&["--seed", "1", "--speed", "0"])?;
    let batches = fill(&sandbox.origin)?;

    let live = dom(browser, &target, &format!("{}/", sandbox.origin))?;
    for batch in &batches {
        contains(&live, batch, "the batch that was created")?;
    }
    contains(&live, "create_batch", "the request that created it")?;
    contains(&live, "class=\"bar\"", "the progress of its runs")?;

    let reference = dom(browser, &target, &format!("{}/#reference", sandbox.origin))?;
    for entry in [
        "create_batch",
        "list_runs",
        "CreateBatchData",
        "notEnoughCredits",
    ] {
        contains(&reference, entry, "an entry of the API reference")?;
    }

    let picture = if update {
        root().join(PICTURE)
    } else {
        target.join("sandbox.png")
    };
    let mut shot = headless(browser, &target);
    shot.arg(format!("--screenshot={}", picture.display()));
    process::output(shot.arg(format!("{}/", sandbox.origin)))?;
    println!("the page shows what it should: {}", picture.display());
    Ok(())
}

/// Creates batches for the page to show; returns their ids as the page shows them.
fn fill(origin: &str) -> Result<Vec<String>, String> {
    let fixtures = http::send(origin, "GET", "/sandbox/world", "", None)?;
    let token = fixtures["token"].as_str().unwrap_or_default();
    let records: Vec<Value> = (1..=60)
        .map(|n| json!({ "email": format!("lead{n}@example.com") }))
        .collect();
    let plays = &fixtures["playWorkflowUuid"];
    let orders = [
        (
            plays,
            json!({ "kind": "recordIds", "modelUuid": fixtures["modelUuid"], "ids": fixtures["recordIds"] }),
            30,
        ),
        (
            &fixtures["toolWorkflowUuid"],
            json!({ "kind": "records", "records": records }),
            30,
        ),
        (
            plays,
            json!({ "kind": "filter", "modelUuid": fixtures["modelUuid"], "limit": 40 }),
            20,
        ),
        (
            plays,
            json!({ "kind": "segment", "segmentUuid": fixtures["segmentUuid"] }),
            30,
        ),
    ];
    let mut batches = Vec::new();
    for (workflow, data, seconds) in orders {
        let body = json!({ "workflowUuid": workflow, "data": data });
        let response = http::send(
            origin,
            "POST",
            "/v1/orchestration/batches",
            token,
            Some(&body),
        )?;
        let uuid = response["batch"]["uuid"].as_str().unwrap_or_default();
        http::send(
            origin,
            "POST",
            "/sandbox/advance",
            token,
            Some(&json!({ "seconds": seconds })),
        )?;
        let path = format!("/v1/orchestration/batches/{uuid}");
        http::send(origin, "GET", &path, token, None)?;
        // The page shows the beginning of an id.
        batches.push(uuid.chars().take(8).collect());
    }
    Ok(batches)
}

fn contains(page: &str, wanted: &str, what: &str) -> Result<(), String> {
    match page.contains(wanted) {
        true => Ok(()),
        false => Err(format!(
            "the page lacks {what}: {wanted:?} is not on it\n{page}"
        )),
    }
}

/// Returns the page after its script has run.
fn dom(browser: &str, target: &Path, url: &str) -> Result<String, String> {
    process::output(headless(browser, target).arg("--dump-dom").arg(url))
}

/// A headless browser without background requests.
fn headless(browser: &str, target: &Path) -> Command {
    let mut command = Command::new(browser);
    command
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
        ])
        .args(["--no-first-run", "--disable-background-networking"])
        .args(["--disable-component-update", "--disable-sync"])
        .args(["--window-size=1280,760", "--virtual-time-budget=3000"])
        .arg(format!(
            "--user-data-dir={}",
            target.join("profile").display()
        ));
    command
}

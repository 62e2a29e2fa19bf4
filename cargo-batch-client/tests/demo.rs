//! What `cargo demo` shows.

// What only the program needs is not used here.
#[allow(dead_code)]
#[path = "../examples/demo/main.rs"]
mod demo;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cargo_batch_client::Client;
use cargo_batch_client::types::{Batch, BatchStatus, BatchUuid, CreateBatchRequest};
use cargo_batch_sandbox::Sandbox;
use demo::figures::{Pace, grouped, percent, progress};
use demo::interrupts::{Answer, agrees, read};
use demo::{Interrupts, Job, Options, Screen};
use tokio::time::Instant;

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Kept {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn options(arguments: &[&str]) -> anyhow::Result<Options> {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned());
    Ok(Options::read(arguments)?.unwrap())
}

async fn whole_demo() -> String {
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.csv");
    let options = options(&["--virtual", "--results", results.to_str().unwrap()]).unwrap();
    let kept = Kept::default();
    let screen = Screen::lines(kept.clone());
    demo::in_sandbox(options, screen, Interrupts::none())
        .await
        .unwrap();
    let rows = std::fs::read_to_string(&results).unwrap().lines().count();
    assert_eq!(rows, 121);
    tokio::time::resume();
    kept.text()
        .replace(results.to_str().unwrap(), "results.csv")
}

#[tokio::test]
async fn its_lines_are_the_same_every_time() {
    let text = whole_demo().await;
    assert_eq!(text, whole_demo().await);
    let mut labels: Vec<&str> = text.lines().map(|line| line[..10].trim()).collect();
    labels.dedup();
    assert_eq!(
        labels,
        [
            "No CARGO_A",
            "found",
            "uploaded",
            "checked",
            "",
            "created",
            "pending",
            "querying",
            "running",
            "success",
            "outcome",
            "",
            "spent",
            "results"
        ]
    );
    assert!(
        text.contains("\noutcome    it finished, but 4 of 120 runs failed\n"),
        "{text}"
    );
    assert!(
        text.contains("\n              2 × Email not found\n"),
        "{text}"
    );
    // At most a line for each tenth, and for each change of the status.
    assert!(text.lines().count() < 30, "{text}");
}

#[tokio::test]
async fn the_picture_in_the_readme_shows_them() {
    let workspace = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    if !std::path::Path::new(workspace)
        .join("openapi.yaml")
        .exists()
    {
        return; // The crate by itself, without the pictures.
    }
    let picture = std::fs::read_to_string(format!("{workspace}/docs/demo.svg")).unwrap();
    let mut rest = picture.as_str();
    for line in whole_demo().await.lines().skip(1) {
        let (about, text) = line.split_at(10);
        for piece in [about, text]
            .map(str::trim)
            .iter()
            .filter(|it| !it.is_empty())
        {
            let at = rest.find(&format!(">{piece}</text>"));
            let at = at.unwrap_or_else(|| panic!("{piece:?}: renew it with `cargo xtask picture`"));
            rest = &rest[at + piece.len()..];
        }
    }
}

/// A batch that an earlier run of the demo has left running.
async fn left() -> (Sandbox, Client, BatchUuid) {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder(sandbox.token()).base_url(sandbox.base_url());
    let client = client.build().unwrap();
    let file = client.upload_file("leads.csv", "email\nada@example.com\n");
    let workflow = sandbox.fixtures().tool_workflow_uuid;
    let request = CreateBatchRequest::new(file.await.unwrap()).workflow(workflow);
    let uuid = client.create_batch_once(request).await.unwrap().uuid;
    (sandbox, client, uuid)
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_was_left_is_gone_on_with() {
    let (sandbox, client, uuid) = left().await;
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("results.csv");
    let (uuid, path) = (uuid.to_string(), results.to_str().unwrap());
    let options = options(&["--resume", &uuid, "--results", path]).unwrap();
    let kept = Kept::default();
    let screen = Screen::lines(kept.clone());
    let job = Job::new(client, options, screen, Interrupts::none());
    job.run().await.unwrap();
    assert!(
        kept.text().contains("\noutcome    it succeeded\n"),
        "{}",
        kept.text()
    );
    assert!(
        std::fs::read_to_string(&results)
            .unwrap()
            .contains("ada@example.com")
    );
    assert_eq!(sandbox.created().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn interrupted_without_a_terminal_it_leaves_the_batch_running() {
    let (_sandbox, client, uuid) = left().await;
    let interrupts = Interrupts::none();
    interrupts.keep();
    let mut options = options(&["--resume", &uuid.to_string()]).unwrap();
    options.interval = Some(Duration::from_secs(600));
    let kept = Kept::default();
    let job = Job::new(
        client.clone(),
        options,
        Screen::lines(kept.clone()),
        interrupts,
    );
    job.run().await.unwrap();
    let hint = format!("cargo demo -- --resume {uuid}");
    assert!(kept.text().contains(&hint), "{}", kept.text());
    let batch = client.batch(uuid).get().await.unwrap();
    assert!(!batch.is_finished());
}

/// As the server writes one, with so many runs ended.
async fn running(executed: u64, runs: u64) -> Batch {
    let sandbox = Sandbox::start().await.unwrap();
    let client = Client::builder(sandbox.token()).base_url(sandbox.base_url());
    let client = client.build().unwrap();
    let file = client.upload_file("leads.csv", "email\nada@example.com\n");
    let workflow = sandbox.fixtures().tool_workflow_uuid;
    let request = CreateBatchRequest::new(file.await.unwrap()).workflow(workflow);
    let mut batch = client.create_batch_once(request).await.unwrap();
    batch.status = BatchStatus::Running;
    (batch.executed_runs_count, batch.runs_count) = (executed, runs);
    batch
}

#[tokio::test(start_paused = true)]
async fn time_left_follows_from_the_runs_that_were_seen_to_end() {
    let mut batch = running(20, 100).await;
    let (mut pace, start) = (Pace::default(), Instant::now());
    // What had ended before says nothing about how fast it was.
    assert_eq!(pace.left(&batch, start), None);
    batch.executed_runs_count = 40;
    let later = start + Duration::from_secs(10);
    assert_eq!(pace.left(&batch, later), Some(Duration::from_secs(30)));
    let line = progress(&batch, pace.left(&batch, later));
    assert_eq!(
        line,
        "  40 of 100 runs ( 40 %), 0 failed, 0.00 provider credits, about 30s left"
    );
    batch.executed_runs_count = 100;
    assert_eq!(pace.left(&batch, later), None);
    // A server that miscounts.
    batch.executed_runs_count = 7;
    assert_eq!(pace.left(&batch, later), None);
    batch.executed_runs_count = u64::MAX;
    assert_eq!(pace.left(&batch, later), None);
    assert_eq!(percent(u64::MAX, 1), u64::MAX);
    assert_eq!(progress(&running(0, 0).await, None), "no runs yet");
}

#[test]
fn failures_are_counted_by_reason() {
    let some = |text: &str| Some(text.to_owned());
    let reasons = [some("b"), None, some("a"), some("c"), some("c")];
    let grouped = grouped(reasons);
    let grouped: Vec<_> = grouped.iter().map(|(why, n)| (why.as_str(), *n)).collect();
    assert_eq!(
        grouped,
        [("c", 2), ("a", 1), ("b", 1), ("no reason given", 1)]
    );
}

#[test]
fn only_a_clear_answer_cancels() {
    assert_eq!(read("c\n"), Answer::Cancel);
    assert_eq!(read(" Cancel \r\n"), Answer::Cancel);
    assert_eq!(read("l\n"), Answer::Leave);
    assert_eq!(read(""), Answer::Leave);
    for other in ["\n", "w\n", "yes\n", "cc\n"] {
        assert_eq!(read(other), Answer::Wait);
    }
}

#[test]
fn only_a_clear_yes_spends() {
    assert!(agrees("y\n") && agrees(" Yes \r\n"));
    for other in ["", "\n", "n\n", "yy\n", "yes please\n"] {
        assert!(!agrees(other), "{other:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_terminal_nothing_is_spent() {
    let sandbox = Sandbox::start().await.unwrap();
    for (arguments, said) in [
        (
            &["--tool", "enrich LEAD"][..],
            "`--yes` creates it without a question",
        ),
        (&["--tool", "Enrich leads"], "Enrich lead"),
        (&[], "cargo demo -- --tool NAME"),
        (&["--tool", "Enrich lead", "--file", "no.csv"], "no.csv"),
    ] {
        let client = Client::builder(sandbox.token()).base_url(sandbox.base_url());
        let client = client.build().unwrap();
        let screen = Screen::lines(Kept::default());
        let job = Job::new(
            client,
            options(arguments).unwrap(),
            screen,
            Interrupts::none(),
        );
        let error = format!("{:#}", job.run().await.unwrap_err());
        assert!(error.contains(said), "{error}");
    }
    assert!(sandbox.created().is_empty());
}

#[test]
fn mistakes_on_the_command_line_are_named() {
    let said = |arguments: &[&str]| format!("{:#}", options(arguments).err().unwrap());
    assert!(
        said(&["--resume", "x"]).starts_with("the value of --resume: \"x\" is not a BatchUuid")
    );
    assert_eq!(said(&["--file"]), "--file needs a value");
    assert!(said(&["--files"]).starts_with("there is no option --files\n\ncargo demo"));
}

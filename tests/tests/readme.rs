//! The READMEs: what a reader pastes compiles and runs against the sandbox, and what they say is so.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use cargo_batch_client::RetryPolicy;
use cargo_batch_sandbox::{Fault, Rule, Sandbox};
use cargo_batch_tests::root;
use tempfile::TempDir;
use tokio::process;

// Those that are tests themselves.
include!(concat!(env!("OUT_DIR"), "/readme_tests.rs"));

const PAGES: [&str; 4] = [
    "README.md",
    "cargo-batch-client/README.md",
    "cargo-batch-types/README.md",
    "cargo-batch-sandbox/README.md",
];

fn page(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap()
}

/// A folder with the file that the programs start from.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let leads = root().join("cargo-batch-client/examples/leads.csv");
    std::fs::copy(leads, folder.path().join("leads.csv")).unwrap();
    folder
}

async fn sandbox() -> Sandbox {
    Sandbox::builder().speed(300.0).start().await.unwrap()
}

fn error(status: u16, reason: Option<&str>) -> Fault {
    Fault::ApiError {
        status,
        reason: reason.map(str::to_owned),
        data_reason: None,
        message: None,
        acted: false,
    }
}

async fn run(name: &str, sandbox: &Sandbox, folder: &Path) -> Output {
    process::Command::new(env!("CARGO_BIN_EXE_readme"))
        .arg(name)
        .current_dir(folder)
        .env("CARGO_API_TOKEN", sandbox.token())
        .env("CARGO_BASE_URL", sandbox.base_url())
        .env_remove("CARGO_WORKSPACE_UUID")
        .output()
        .await
        .unwrap()
}

async fn succeeds(name: &str, sandbox: &Sandbox, folder: &Path) -> String {
    let output = run(name, sandbox, folder).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{name}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn each_program_is_run_by_a_test() {
    let output = Command::new(env!("CARGO_BIN_EXE_readme")).output().unwrap();
    let names = String::from_utf8(output.stdout).unwrap();
    assert_eq!(
        names.lines().collect::<Vec<_>>(),
        [
            "project_0",
            "project_1",
            "project_2",
            "project_3",
            "types_0"
        ]
    );
}

/// All at once: each waits for its polls, in real time.
#[tokio::test]
async fn each_program_does_what_its_page_says() {
    tokio::join!(
        the_quick_start_writes_its_results(),
        the_checked_batch_prints_its_progress_its_failures_and_its_cost(),
        the_checked_batch_says_top_up_first_where_credits_are_missing(),
        the_saved_job_is_paid_once_though_it_dies_before_its_results(),
        the_many_batches_end_one_by_one(),
        the_program_of_the_types_needs_no_server(),
    );
}

async fn the_quick_start_writes_its_results() {
    let (sandbox, folder) = (sandbox().await, folder());
    let printed = succeeds("project_0", &sandbox, folder.path()).await;
    assert!(printed.starts_with("batch "), "{printed}");
    let results = std::fs::read_to_string(folder.path().join("results.csv")).unwrap();
    let input = std::fs::read_to_string(folder.path().join("leads.csv")).unwrap();
    assert_eq!(results.lines().count(), input.lines().count());
    assert_eq!(sandbox.created().len(), 1);
}

async fn the_checked_batch_prints_its_progress_its_failures_and_its_cost() {
    let (sandbox, folder) = (sandbox().await, folder());
    let printed = succeeds("project_1", &sandbox, folder.path()).await;
    assert!(printed.contains("120 records"), "{printed}");
    assert!(printed.contains("120 of 120"), "{printed}");
    assert!(
        printed.lines().last().unwrap().contains("credit"),
        "{printed}"
    );
}

async fn the_checked_batch_says_top_up_first_where_credits_are_missing() {
    let folder = folder();
    let sandbox = sandbox().await;
    // Between the check and the creation they were spent.
    let spent = Rule::new(error(402, Some("notEnoughCredits"))).on("create_batch");
    sandbox.faults(spent).await.unwrap();
    let output = run("project_1", &sandbox, folder.path()).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains("top up first"), "{errors}");
    assert_eq!(sandbox.created().len(), 0);
}

async fn the_saved_job_is_paid_once_though_it_dies_before_its_results() {
    let (sandbox, folder) = (sandbox().await, folder());
    let lost = Rule::new(error(403, None)).on("download_batch").count(1);
    sandbox.faults(lost).await.unwrap();
    let output = run("project_2", &sandbox, folder.path()).await;
    assert!(!output.status.success());
    assert!(folder.path().join("job.json").exists());
    succeeds("project_2", &sandbox, folder.path()).await;
    assert_eq!(sandbox.created().len(), 1);
    assert!(folder.path().join("results.csv").exists());
    assert!(!folder.path().join("job.json").exists());
}

async fn the_many_batches_end_one_by_one() {
    let (sandbox, folder) = (sandbox().await, folder());
    let printed = succeeds("project_3", &sandbox, folder.path()).await;
    let last = printed.lines().last().unwrap();
    assert!(last.ends_with("0 still running"), "{printed}");
    assert_eq!(sandbox.created().len(), 3);
}

async fn the_program_of_the_types_needs_no_server() {
    let (sandbox, folder) = (sandbox().await, folder());
    succeeds("types_0", &sandbox, folder.path()).await;
    assert!(sandbox.requests().is_empty());
}

/// The page of the client in a registry, where relative links and pictures lead nowhere.
#[test]
fn the_clients_page_is_the_projects_without_what_only_a_repository_has() {
    let mut expected = String::new();
    let mut is_repository_only = false;
    for line in page("README.md").lines() {
        is_repository_only |= line == "<!-- repository only -->";
        if !is_repository_only {
            expected += line;
            expected += "\n";
        }
        is_repository_only &= line != "<!-- end -->";
    }
    assert_eq!(
        page("cargo-batch-client/README.md"),
        expected,
        "run `sed '/^<!-- repository only -->/,/^<!-- end -->/d' README.md > cargo-batch-client/README.md`"
    );
}

#[test]
fn links_of_packages_are_absolute_and_those_of_the_project_exist() {
    for path in PAGES {
        for target in page(path).split("](").skip(1) {
            let target = target.split(')').next().unwrap();
            let is_absolute = target.starts_with("https://");
            assert!(is_absolute || path == "README.md", "{path}: {target}");
            assert!(
                is_absolute || root().join(target).exists(),
                "{path}: {target}"
            );
        }
    }
}

#[test]
fn the_project_page_is_short_and_begins_with_two_commands() {
    let page = page("README.md");
    assert!(
        page.lines().count() <= 300,
        "{} lines",
        page.lines().count()
    );
    let commands = page.split("```sh\n").nth(1).unwrap();
    let commands: Vec<&str> = commands.lines().take(2).collect();
    assert!(commands[0].starts_with("cargo demo"), "{commands:?}");
    assert!(
        commands[1].starts_with("cargo test --workspace"),
        "{commands:?}"
    );
    let first = page.split("\n\n").nth(1).unwrap();
    assert!(first.contains("Unofficial"), "{first}");
}

#[test]
fn defaults_of_the_settings_are_those_of_the_page() {
    let page = page("README.md");
    let default = |setting: &str| {
        let row = page
            .lines()
            .find(|line| line.starts_with('|') && line.contains(&format!("`{setting}`")));
        let row = row.unwrap_or_else(|| panic!("no row for {setting}"));
        row.trim_end_matches('|')
            .rsplit('|')
            .next()
            .unwrap()
            .trim()
            .to_owned()
    };
    let policy = RetryPolicy::default();
    assert_eq!(default("max_attempts"), policy.max_attempts.to_string());
    let seconds = |time: Duration| format!("{} s", time.as_secs_f64());
    let delays = format!(
        "{}, {}",
        seconds(policy.base_delay),
        seconds(policy.max_delay)
    );
    assert_eq!(default("base_delay"), delays);
    assert_eq!(default("max_retry_after"), seconds(policy.max_retry_after));
    assert_eq!(default("budget"), policy.budget.to_string());
    assert_eq!(
        default("base_url"),
        format!("`{}`", cargo_batch_client::BASE_URL)
    );
    // Those of the builder show in its `Debug` only.
    let builder = format!(
        "{:?}",
        cargo_batch_client::Client::builder("a-token-of-a-workspace")
    );
    for (setting, printed) in [
        ("timeout", "overall: 180s"),
        ("attempt_timeout", "attempt: 60s"),
        ("connect_timeout", "connect_timeout: 10s"),
        ("settling_time", "settling: 60s"),
        ("max_in_flight", "max_in_flight: 32"),
        ("max_response_bytes", "max_response_bytes: 67108864"),
    ] {
        assert!(builder.contains(printed), "{printed}: {builder}");
        let number = match setting {
            "timeout" => "3 minutes",
            "connect_timeout" => "10 s",
            "max_in_flight" => "32",
            "max_response_bytes" => "64 MiB",
            _ => "60 s",
        };
        assert_eq!(default(setting), number);
    }
}

/// What is said of operations and examples is complete.
#[test]
fn every_operation_and_every_example_has_a_line() {
    let page = page("README.md");
    for operation in cargo_batch_client::operations::ALL {
        assert!(page.contains(operation.id), "{}", operation.id);
    }
    for folder in ["examples", "cargo-batch-client/examples"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let example = name.trim_end_matches(".rs");
            if !matches!(example, "account" | "leads.csv") {
                assert!(page.contains(example), "{folder}/{name}");
            }
        }
    }
}

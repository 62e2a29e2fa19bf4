//! The job is killed at random and started twice, against servers that act late: one batch each, none lost.
//!
//! `CRASH_KILLS` says how often (20), `CRASH_SPEED` how fast the sandbox's clock runs (20), and
//! `CRASH_LATENESS` how late it acts at most, as a share of the settling time (0.9).

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use cargo_batch_sandbox::{Fault, FaultPlan, LateResponse, Rule, Sandbox, Settings};
use rusqlite::Connection;
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

const SETTLING: f64 = 1.0;

fn setting<T: std::str::FromStr>(name: &str, default: T) -> T {
    let value = std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok());
    value.unwrap_or(default)
}

/// Creations that act late, whoever still listens; whose connection is cut; whose response is lost.
fn faults(seed: u64) -> FaultPlan {
    let late = setting("CRASH_LATENESS", 0.9) * SETTLING;
    let act = |seconds, respond| Fault::ActLate { seconds, respond };
    let stall = Fault::Stall {
        seconds: Some(0.9),
        acted: true,
    };
    let on = |fault, probability| Rule::new(fault).on("create_batch").probability(probability);
    FaultPlan::new()
        .seed(seed)
        .rule(on(act(late, LateResponse::AfterActing), 0.15))
        .rule(on(act(late, LateResponse::Reset), 0.15))
        .rule(on(act(late / 2.0, LateResponse::GatewayTimeout), 0.15))
        .rule(on(stall, 0.8))
        .rule(on(Fault::ResetAfterActing, 0.5))
}

async fn sandbox(seed: u64, clock: f64) -> Sandbox {
    let sandbox = Sandbox::builder()
        .seed(seed)
        .speed(setting("CRASH_SPEED", 20.0))
        .settings(
            Settings::default()
                .created_offsets([clock])
                .date_offset(-clock),
        )
        .faults(faults(seed));
    sandbox.start().await.unwrap()
}

struct Night {
    folder: tempfile::TempDir,
    sandbox: Sandbox,
    /// Runs the program without any protection, as the control.
    is_naive: bool,
}

impl Night {
    fn new(sandbox: Sandbox, is_naive: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("leads.csv"),
            "email\na@x.example\nb@x.example\n",
        )
        .unwrap();
        Self {
            folder,
            sandbox,
            is_naive,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start(&self, date: usize) -> Child {
        let mut command = match self.is_naive {
            true => {
                let mut command = Command::new(std::env::current_exe().unwrap());
                command
                    .args(["--exact", "naive_program"])
                    .env("NAIVE", self.path(&format!("{date}.csv")));
                command
            }
            false => Command::new(env!("CARGO_BIN_EXE_cargo-batch-nightly")),
        };
        if !self.is_naive {
            command
                .arg(self.path("jobs.db"))
                .args(["leads", &date.to_string()])
                .arg(self.path("leads.csv"))
                .arg(self.sandbox.fixtures().tool_workflow_uuid.to_string())
                .arg(self.path(&format!("{date}.csv")));
        }
        command
            .env("CARGO_API_TOKEN", self.sandbox.token())
            .env("CARGO_BASE_URL", self.sandbox.base_url())
            .env("NIGHTLY_SETTLING_SECONDS", SETTLING.to_string())
            .env(
                "WORKFLOW",
                self.sandbox.fixtures().tool_workflow_uuid.to_string(),
            )
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap()
    }

    /// Whether the database knows the batch of a job.
    fn is_recorded(&self, date: usize) -> bool {
        let Ok(database) = Connection::open(self.path("jobs.db")) else {
            return false;
        };
        let row = database.query_row(
            "SELECT creation FROM jobs WHERE date = ?1",
            [date.to_string()],
            |row| row.get::<_, Option<String>>(0),
        );
        row.ok()
            .flatten()
            .is_some_and(|creation| creation.contains("\"batch\":"))
    }

    /// Kills and restarts the job of a date until it is done; returns how many kills fell, and how many of them
    /// between the server's act and the recording.
    async fn run(
        &self,
        date: usize,
        random: &mut fastrand::Rng,
        mut kills: usize,
    ) -> (usize, usize) {
        let before = self.sandbox.created_batches().len();
        let (mut fell, mut dangerous) = (0, 0);
        loop {
            let mut program = self.start(date);
            if kills > 0 {
                kills -= 1;
                let life = Duration::from_millis(random.u64(150..900));
                if timeout(life, program.wait()).await.is_err() {
                    program.kill().await.unwrap();
                    fell += 1;
                    let has_acted = self.sandbox.created_batches().len() > before;
                    dangerous += usize::from(has_acted && !self.is_recorded(date));
                    continue;
                }
            }
            let ended = timeout(Duration::from_secs(120), program.wait()).await;
            if ended.expect("it ends").unwrap().success()
                && self.path(&format!("{date}.csv")).exists()
            {
                return (fell, dangerous);
            }
            // As cron does with one that failed: again.
            sleep(Duration::from_millis(100)).await;
        }
    }
}

fn rows(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap().lines().count()
}

/// Kills the jobs of one night, whose server's clock is off, and returns how many kills fell between the
/// server's act and the recording.
async fn kill_at_random(seed: u64, clock: f64, kills: usize) -> usize {
    let night = Night::new(sandbox(seed, clock).await, false);
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut fell, mut dangerous, mut jobs) = (0, 0, 0);
    while fell < kills {
        let (more, of_these) = night.run(jobs, &mut random, 2).await;
        (fell, dangerous, jobs) = (fell + more, dangerous + of_these, jobs + 1);
    }
    // What was to act late has acted by now.
    sleep(Duration::from_secs_f64(2.0 * SETTLING)).await;
    let created = night.sandbox.created_batches().len();
    println!(
        "clock {clock:+} s: {fell} kills, {dangerous} between the server's act and the recording, \
         {jobs} jobs, {created} batches"
    );
    if setting("CRASH_LATENESS", 0.9) < 1.0 {
        assert_eq!(created, jobs, "twice or lost");
    }
    for date in 0..jobs {
        assert_eq!(
            rows(&night.path(&format!("{date}.csv"))),
            3,
            "a result that isn't whole"
        );
    }
    dangerous
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_killed_at_random_is_paid_for_once() {
    let kills = setting("CRASH_KILLS", 20_usize);
    let mut nights = JoinSet::new();
    for (seed, clock) in [(1, 0.0), (2, 3600.0), (3, -3600.0)] {
        nights.spawn(kill_at_random(seed, clock, kills.div_ceil(3)));
    }
    let dangerous: usize = nights.join_all().await.into_iter().sum();
    assert!(
        kills < 100 || dangerous >= kills / 5,
        "it proves nothing: {dangerous}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_is_started_twice_is_paid_for_once() {
    let night = Night::new(sandbox(4, 0.0).await, false);
    for date in 0..3 {
        let (mut one, mut other) = (night.start(date), night.start(date));
        let (one, other) = (one.wait().await.unwrap(), other.wait().await.unwrap());
        assert!(one.success() || other.success());
        night.run(date, &mut fastrand::Rng::with_seed(1), 0).await;
    }
    sleep(Duration::from_secs_f64(2.0 * SETTLING)).await;
    assert_eq!(night.sandbox.created_batches().len(), 3);
}

/// The control: the same kills double batches where nothing is saved. Without it the test above proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn without_protection_the_same_kills_pay_twice() {
    // It is killed no more often than it takes to show the difference.
    let kills = setting("CRASH_KILLS", 20).min(100);
    let night = Night::new(sandbox(1, 0.0).await, true);
    let mut random = fastrand::Rng::with_seed(1);
    let (mut fell, mut jobs) = (0, 0);
    while fell < kills {
        fell += night.run(jobs, &mut random, 2).await.0;
        jobs += 1;
    }
    sleep(Duration::from_secs_f64(2.0 * SETTLING)).await;
    let doubled = night.sandbox.created_batches().len().saturating_sub(jobs);
    println!("control: {fell} kills, {jobs} jobs, {doubled} batches too many");
    assert!(doubled >= if kills < 100 { 1 } else { 20 }, "{doubled}");
}

/// What one writes first: the program of the control, in a process of its own.
#[tokio::test]
async fn naive_program() {
    use cargo_batch_client::{Client, types::CreateBatchRequest, types::WorkflowUuid};
    let Some(result) = std::env::var_os("NAIVE") else {
        return;
    };
    let client = Client::from_env().unwrap();
    let workflow: WorkflowUuid = std::env::var("WORKFLOW").unwrap().parse().unwrap();
    let csv = "email\na@x.example\nb@x.example\n";
    let file = client.upload_file("leads.csv", csv).await.unwrap();
    let request = CreateBatchRequest::new(file).workflow(workflow);
    let batch = client.create_batch(request).await.unwrap().batch;
    let finished = client.batch(batch.uuid).wait().await.unwrap();
    finished.download().to_file(result).await.unwrap();
}

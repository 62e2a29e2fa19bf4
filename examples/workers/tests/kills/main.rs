//! Workers are killed, frozen, cut off from the database and drained: one batch a job, none lost.
//!
//! `CRASH_KILLS` says how often they are killed (30).

mod gateway;
mod postgres;

use std::path::PathBuf;
use std::time::Duration;

use cargo_batch_sandbox::{Fault, FaultPlan, LateResponse, Rule, Sandbox};
use sqlx::postgres::{PgPool, PgPoolOptions};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use gateway::Gateway;
use postgres::Postgres;

const ORPHAN: f64 = 3.0;
const SETTLING: f64 = 1.0;

/// Everything the jobs of a test need, and three workers.
struct Fleet {
    // Before the database, which they would miss.
    workers: Vec<Worker>,
    database: PgPool,
    sandbox: Sandbox,
    folder: tempfile::TempDir,
    jobs: usize,
    _postgres: Postgres,
}

struct Worker {
    process: Child,
    gateway: Gateway,
}

/// Creations that stall after acting, act late, or lose their response.
fn hard_faults() -> FaultPlan {
    let on = |fault, probability| Rule::new(fault).on("create_batch").probability(probability);
    let stall = Fault::Stall {
        seconds: Some(1.5),
        acted: true,
    };
    let late = Fault::ActLate {
        seconds: 0.8 * SETTLING,
        respond: LateResponse::Reset,
    };
    FaultPlan::new()
        .seed(1)
        .rule(on(late, 0.2))
        .rule(on(stall, 0.7))
        .rule(on(Fault::ResetAfterActing, 0.5))
}

impl Fleet {
    async fn new(faults: FaultPlan) -> Self {
        let postgres = Postgres::start();
        let url = format!("postgres://jobs@127.0.0.1:{}/jobs", postgres.port);
        let database = PgPoolOptions::new()
            .max_connections(2)
            .connect(&url)
            .await
            .unwrap();
        let sandbox = Sandbox::builder()
            .speed(20.0)
            .faults(faults)
            .start()
            .await
            .unwrap();
        let fleet = Self {
            workers: Vec::new(),
            database,
            sandbox,
            folder: tempfile::tempdir().unwrap(),
            jobs: 0,
            _postgres: postgres,
        };
        let init = fleet
            .command(fleet._postgres.port)
            .arg("init")
            .status()
            .await
            .unwrap();
        assert!(init.success());
        fleet
    }

    fn command(&self, port: u16) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-batch-workers"));
        command
            .env(
                "DATABASE_URL",
                format!("postgres://jobs@127.0.0.1:{port}/jobs"),
            )
            .env("CARGO_API_TOKEN", self.sandbox.token())
            .env("CARGO_BASE_URL", self.sandbox.base_url())
            .env("WORKERS_RESULTS", self.folder.path())
            .env("WORKERS_CONCURRENCY", "3")
            .env("WORKERS_ORPHAN_SECONDS", ORPHAN.to_string())
            .env("WORKERS_SWEEP_SECONDS", "1")
            .env("WORKERS_SETTLING_SECONDS", SETTLING.to_string())
            .kill_on_drop(true);
        command
    }

    async fn start(&mut self, chaos: &str) {
        let gateway = Gateway::to(self._postgres.port).await;
        let process = self.spawn(&gateway, chaos);
        self.workers.push(Worker { process, gateway });
    }

    fn spawn(&self, gateway: &Gateway, chaos: &str) -> Child {
        let path = self.folder.path().join("log");
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        self.command(gateway.port)
            .arg("work")
            .env("WORKERS_CHAOS", chaos)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    async fn add(&mut self, jobs: usize) {
        let csv = self.folder.path().join("in.csv");
        for _ in 0..jobs {
            // A file of its own for each job.
            std::fs::write(
                &csv,
                format!("email\na{0}@x.example\nb{0}@x.example\n", self.jobs),
            )
            .unwrap();
            let workflow = self.sandbox.fixtures().tool_workflow_uuid.to_string();
            let mut add = self.command(self._postgres.port);
            let added = add
                .arg("add")
                .arg(format!("job{}", self.jobs))
                .arg(&csv)
                .arg(workflow);
            assert!(added.status().await.unwrap().success());
            self.jobs += 1;
        }
    }

    async fn done(&self) -> usize {
        let count = "SELECT count(*) FROM batch_jobs WHERE result IS NOT NULL OR error IS NOT NULL";
        let done: i64 = sqlx::query_scalar(count)
            .fetch_one(&self.database)
            .await
            .unwrap();
        done.try_into().unwrap()
    }

    /// Waits until every job has ended, and restarts workers that died meanwhile.
    async fn finish(&mut self, chaos: &str) {
        let all = async {
            while self.done().await < self.jobs {
                for index in 0..self.workers.len() {
                    if self.workers[index].process.try_wait().unwrap().is_some() {
                        self.workers[index].process =
                            self.spawn(&self.workers[index].gateway, chaos);
                    }
                }
                sleep(Duration::from_millis(200)).await;
            }
        };
        let ended = timeout(Duration::from_secs(240), all).await;
        assert!(ended.is_ok(), "{}", self.log());
        // What was to act late has acted by now.
        sleep(Duration::from_secs_f64(2.0 * SETTLING)).await;
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn result(&self, job: usize) -> PathBuf {
        self.folder.path().join(format!("job{job}.csv"))
    }

    /// Checks that every job has the complete result of one batch.
    async fn check(&self) {
        let failed: Vec<String> =
            sqlx::query_scalar("SELECT error FROM batch_jobs WHERE error IS NOT NULL")
                .fetch_all(&self.database)
                .await
                .unwrap();
        assert_eq!(failed, [""; 0]);
        for job in 0..self.jobs {
            let rows = std::fs::read_to_string(self.result(job))
                .unwrap()
                .lines()
                .count();
            assert_eq!(rows, 3, "job {job}");
        }
        assert_eq!(
            self.sandbox.created_batches().len(),
            self.jobs,
            "{}",
            self.log()
        );
    }
}

/// Kills workers at random while jobs run; `forget` makes the rows those of a program that saves nothing.
async fn kill_at_random(fleet: &mut Fleet, kills: usize, forget: bool) {
    let mut random = fastrand::Rng::with_seed(1);
    for kill in 0..kills {
        if fleet.jobs - fleet.done().await < 4 {
            fleet.add(3).await;
        }
        sleep(Duration::from_millis(random.u64(300..1200))).await;
        let index = kill % fleet.workers.len();
        fleet.workers[index].process.kill().await.unwrap();
        if forget {
            let forget = "UPDATE batch_jobs SET creation = NULL, state = NULL, creation_key = NULL WHERE batch IS NULL";
            sqlx::query(forget).execute(&fleet.database).await.unwrap();
        }
        fleet.workers[index].process = fleet.spawn(&fleet.workers[index].gateway, "");
    }
}

fn kills() -> usize {
    let kills = std::env::var("CRASH_KILLS").ok();
    kills.and_then(|kills| kills.parse().ok()).unwrap_or(30)
}

async fn fleet(faults: FaultPlan, workers: usize, chaos: &str) -> Fleet {
    let mut fleet = Fleet::new(faults).await;
    for _ in 0..workers {
        fleet.start(chaos).await;
    }
    fleet
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_killed_workers_are_paid_for_once() {
    let mut fleet = fleet(hard_faults(), 3, "").await;
    kill_at_random(&mut fleet, kills(), false).await;
    fleet.finish("").await;
    println!(
        "{} kills, {} jobs, {} batches",
        kills(),
        fleet.jobs,
        fleet.sandbox.created_batches().len()
    );
    fleet.check().await;
}

/// The control: the same kills double batches where no creation is saved.
#[tokio::test(flavor = "multi_thread")]
async fn without_saved_creations_the_same_kills_pay_twice() {
    let mut fleet = fleet(hard_faults(), 3, "").await;
    kill_at_random(&mut fleet, kills().min(60), true).await;
    fleet.finish("").await;
    let doubled = fleet.sandbox.created_batches().len() - fleet.jobs;
    println!(
        "control: {} kills, {} jobs, {doubled} batches too many",
        kills().min(60),
        fleet.jobs
    );
    assert!(doubled > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_workers_that_die_at_named_points_are_paid_for_once() {
    let chaos = "kill:0.15";
    let mut fleet = fleet(hard_faults(), 3, chaos).await;
    fleet.add(12).await;
    fleet.finish(chaos).await;
    let deaths = fleet.log().matches("killed at").count();
    println!("{deaths} deaths at named points, {} jobs", fleet.jobs);
    assert!(deaths > 2);
    fleet.check().await;
}

/// Frozen after the check, for longer than it takes others to believe it dead: its lock keeps them out.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_worker_keeps_its_job() {
    let mut fleet = fleet(FaultPlan::new(), 1, "freeze:after the check").await;
    fleet.add(1).await;
    let frozen = async {
        while !fleet.log().contains("frozen at") {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), frozen).await.unwrap();
    fleet.start("").await;
    let locked = async {
        while !fleet.log().contains("job0: Locked") {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(Duration::from_secs(30), locked).await.unwrap();
    assert_eq!(fleet.sandbox.created_batches().len(), 0);
    let pid = fleet.workers[0].process.id().unwrap().to_string();
    let thawed = Command::new("kill")
        .args(["-CONT", &pid])
        .status()
        .await
        .unwrap();
    assert!(thawed.success());
    fleet.finish("").await;
    fleet.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_that_are_cut_off_from_the_database_pay_once() {
    let mut fleet = fleet(hard_faults(), 3, "").await;
    for _ in 0..3 {
        fleet.add(3).await;
        sleep(Duration::from_secs(1)).await;
        let gateway = fleet.workers[0].gateway.clone();
        gateway.set_open(false);
        sleep(Duration::from_secs(5)).await;
        gateway.set_open(true);
    }
    fleet.finish("").await;
    fleet.check().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_worker_gives_its_jobs_to_others() {
    let mut fleet = fleet(hard_faults(), 2, "").await;
    fleet.add(6).await;
    sleep(Duration::from_secs(1)).await;
    let mut drained = fleet.workers.remove(0);
    let pid = drained.process.id().unwrap().to_string();
    let sent = Command::new("kill")
        .args(["-TERM", &pid])
        .status()
        .await
        .unwrap();
    assert!(sent.success());
    let ended = timeout(Duration::from_secs(20), drained.process.wait()).await;
    assert!(
        ended.expect("it ends").unwrap().success(),
        "{}",
        fleet.log()
    );
    fleet.finish("").await;
    fleet.check().await;
}

//! A program that ends at each point of its job in turn, and is started until it is done: one batch, and
//! its results.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use cargo_batch_client::types::WorkflowUuid;
use cargo_batch_sandbox::Sandbox;
use cargo_batch_tests::crash::{Gateway, IS_UNDECIDED, Point, Running, VARIABLE};
use tokio::process::{Child, Command};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How many jobs run at once: most of the time they wait.
const AT_ONCE: usize = 16;

/// A program that isn't done after so many starts never will be.
const MAX_STARTS: usize = 5;

const SIGABRT: i32 = 6;

/// What the job runs over, and how it is saved before it is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    /// A file, saved as sending.
    File,
    /// A file, saved as prepared.
    Prepared,
    /// A segment, saved as prepared: its batch is not distinguishable by its data.
    Segment,
}

#[derive(Clone, Debug)]
struct Case {
    kind: Kind,
    gateway: Gateway,
    plan: Vec<Point>,
}

impl Case {
    /// Every combination that there is.
    fn all(kind: Kind) -> Vec<Self> {
        use Point::*;
        let mut plans: Vec<Vec<Point>> = [
            BeforeUpload,
            AfterUpload,
            BeforeSave,
            AfterSave,
            BeforeSend,
            BeforeAct,
            AfterAct,
            BeforeRecording,
            AfterRecording,
            BeforeResult,
            AfterResult,
        ]
        .map(|point| vec![point])
        .into();
        if kind != Kind::File {
            plans.extend([vec![BeforeSwap], vec![AfterSwap]]);
        }
        // Before and after the server has acted; and what is only searched for after a restart.
        plans.extend([
            vec![BeforeAct, DuringSearch],
            vec![AfterAct, DuringSearch],
            vec![AfterAct, AfterAdopting],
            vec![DuringSearch],
        ]);
        let cases = plans.into_iter().flat_map(|plan| {
            Gateway::ALL.map(|gateway| Self {
                kind,
                gateway,
                plan: plan.clone(),
            })
        });
        cases.filter(Self::is_reached).collect()
    }

    /// Returns whether the program comes to these points at all.
    fn is_reached(&self) -> bool {
        let is_response_needed = self.plan.iter().any(|point| *point > Point::DuringSearch);
        match self.kind {
            // A response that is lost ends a segment's job, and none is ever adopted.
            Kind::Segment if self.plan.contains(&Point::AfterAdopting) => false,
            Kind::Segment if is_response_needed => !self.is_lost_by_gateway(),
            _ if self.plan == [Point::DuringSearch] => self.gateway.cuts(),
            _ => true,
        }
    }

    fn is_lost_by_gateway(&self) -> bool {
        matches!(self.gateway, Gateway::ActsAndCuts | Gateway::ActsOnceGone)
    }

    /// Returns whether the job can be ended without a person: for a file always, for a segment where no
    /// batch was created that only its data could tell of.
    fn is_decidable(&self) -> bool {
        let is_lost = match self.plan[0] {
            Point::BeforeAct => self.gateway != Gateway::NeverActs,
            Point::AfterAct | Point::BeforeRecording => true,
            _ => false,
        };
        self.kind != Kind::Segment || !(is_lost || self.is_lost_by_gateway())
    }

    async fn run(self) {
        let sandbox = Sandbox::builder().speed(60.0).validate_responses(false);
        let sandbox = sandbox.start().await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let fixtures = sandbox.fixtures();
        let workflow = match self.kind {
            Kind::Segment => fixtures.play_workflow_uuid,
            Kind::File | Kind::Prepared => fixtures.tool_workflow_uuid,
        };
        let gateway = self.gateway.start(sandbox.base_url(), &self.plan).await;
        let (gateway, mut kills) = gateway.unwrap();
        let mut starts = 0;
        let ended = loop {
            starts += 1;
            assert!(starts <= MAX_STARTS, "{self:?}: {:?} left", gateway.left());
            let mut job = self.start(&gateway, &sandbox, workflow, folder.path());
            let status = tokio::select! {
                status = job.wait() => status.unwrap(),
                Some(ended) = kills.recv() => {
                    job.kill().await.unwrap();
                    ended.send(()).unwrap();
                    continue;
                }
            };
            if status.signal() != Some(SIGABRT) {
                break status;
            }
            let point = gateway.left().front().copied();
            assert!(
                point.is_some_and(|point| !point.is_of_gateway()),
                "{self:?}"
            );
            gateway.passed();
        };
        assert_eq!(gateway.left(), [], "{self:?}: not reached");
        self.check(ended, &sandbox, folder.path()).await;
        assert!(starts > self.plan.len(), "{self:?}: {starts} starts");
    }

    fn start(
        &self,
        gateway: &Running,
        sandbox: &Sandbox,
        workflow: WorkflowUuid,
        folder: &Path,
    ) -> Child {
        let said = |name: &str| {
            let mut file = std::fs::File::options();
            let file = file.create(true).append(true).open(folder.join(name));
            Stdio::from(file.unwrap())
        };
        let mut job = Command::new(env!("CARGO_BIN_EXE_crash_job"));
        job.arg(format!("{:?}", self.kind).to_lowercase())
            .args([&gateway.base_url, &sandbox.token()])
            .arg(workflow.to_string())
            .arg(sandbox.fixtures().segment_uuid.to_string())
            .current_dir(folder)
            .stdout(said("stdout"))
            .stderr(said("stderr"))
            .kill_on_drop(true);
        for name in ["HTTP_PROXY", "ALL_PROXY"] {
            job.env_remove(name).env_remove(name.to_lowercase());
        }
        match gateway.left().front() {
            Some(point) => job.env(VARIABLE, (*point as u8).to_string()),
            None => job.env_remove(VARIABLE),
        };
        job.spawn().unwrap()
    }

    /// One batch; and its results, whole, unless a person has to say which batch it is.
    async fn check(&self, ended: ExitStatus, sandbox: &Sandbox, folder: &Path) {
        let said = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        let created = sandbox.created_batches();
        assert_eq!(
            created.len(),
            1,
            "{self:?}: {created:?}\n{}",
            said("stderr")
        );
        if !self.is_decidable() {
            assert_eq!(
                ended.code(),
                Some(IS_UNDECIDED.into()),
                "{self:?}: {}",
                said("stderr")
            );
            assert_eq!(said("stdout").trim(), created[0].to_string(), "{self:?}");
            return;
        }
        assert!(ended.success(), "{self:?}: {ended}\n{}", said("stderr"));
        let mut whole = Vec::new();
        let download = sandbox.client().batch(created[0]).download();
        download.to_writer(&mut whole).await.unwrap();
        assert!(whole.iter().filter(|byte| **byte == b'\n').count() > 2);
        assert_eq!(said("results.csv").as_bytes(), whole, "{self:?}");
    }
}

/// Runs all cases, and returns how many there were.
async fn run_all(kind: Kind) -> usize {
    let permits = Arc::new(Semaphore::new(AT_ONCE));
    let mut running = JoinSet::new();
    for case in Case::all(kind) {
        let permits = permits.clone();
        running.spawn(async move {
            let _permit = permits.acquire().await.unwrap();
            case.run().await;
        });
    }
    running.join_all().await.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_run_once_wherever_its_program_ends() {
    assert_eq!(run_all(Kind::File).await, 73);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_was_saved_as_prepared_is_run_once_wherever_its_program_ends() {
    assert_eq!(run_all(Kind::Prepared).await, 83);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_segment_is_run_once_or_left_to_a_person_wherever_its_program_ends() {
    assert_eq!(run_all(Kind::Segment).await, 70);
}

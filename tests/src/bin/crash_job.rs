//! A job from a file to its results, which ends itself at the point that `CRASH_AT` numbers and is then
//! started again: the steps of the guide, and nothing else.
//!
//! `crash_job KIND BASE_URL TOKEN WORKFLOW SEGMENT`, in the folder that keeps what survives.

#![forbid(unsafe_code)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use cargo_batch_client::types::{CreateBatchData, CreateBatchRequest, SegmentUuid, WorkflowUuid};
use cargo_batch_client::{BatchCreation, Client, CreationState, Error, SavedCreation};
use cargo_batch_tests::crash::{IS_UNDECIDED, Point, SETTLING};

const SAVED: &str = "job.json";
const RESULT: &str = "results.csv";

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [kind, base_url, token, workflow, segment] = arguments.as_slice() else {
        panic!("five arguments, not {arguments:?}");
    };
    let client = Client::builder(token.as_str())
        .base_url(base_url)
        .settling_time(SETTLING);
    let job = Job {
        client: client.build().expect("a client"),
        is_prepared: kind != "file",
        segment: (kind == "segment").then(|| segment.parse().expect("an id")),
        workflow: workflow.parse().expect("an id"),
    };
    match job.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_ambiguous() && error.is_final() => {
            for candidate in error.candidates() {
                println!("{}", candidate.uuid);
            }
            ExitCode::from(IS_UNDECIDED)
        }
        Err(error) => panic!("{error:#}"),
    }
}

struct Job {
    client: Client,
    /// Saved as never sent, and swapped for the sending form right before the first request.
    is_prepared: bool,
    segment: Option<SegmentUuid>,
    workflow: WorkflowUuid,
}

impl Job {
    async fn run(&self) -> Result<(), Error> {
        if Path::new(RESULT).exists() {
            return Ok(());
        }
        let creation = match SavedCreation::load_from(SAVED).await? {
            Some(saved) => self.client.resume_creation(saved),
            None => self.begin().await?,
        };
        let mut creation = creation.guard(|| async {
            Point::BeforeSend.pass();
            Ok::<_, Error>(())
        });
        if self.is_prepared {
            creation = creation.before_first_send(swap);
        }
        let batch = creation.create().await?;
        if creation.adopted() {
            Point::AfterAdopting.pass();
        }
        Point::BeforeRecording.pass();
        creation.save().save_to(SAVED).await?;
        Point::AfterRecording.pass();
        let batch = self.client.batch(batch.uuid);
        batch.watch().interval(Duration::from_millis(20)).await?;
        Point::BeforeResult.pass();
        batch.download().to_file(RESULT).await?;
        Point::AfterResult.pass();
        Ok(())
    }

    async fn begin(&self) -> Result<BatchCreation, Error> {
        Point::BeforeUpload.pass();
        let data = match self.segment {
            Some(segment) => CreateBatchData::segment(segment),
            None => {
                let text = "email\nada@example.com\ngrace@example.com\n";
                self.client.upload_file("leads.csv", text).await?.into()
            }
        };
        Point::AfterUpload.pass();
        let request = CreateBatchRequest::new(data).workflow(self.workflow);
        let creation = self.client.prepare_batch(request).await?;
        Point::BeforeSave.pass();
        let saved = match self.is_prepared {
            true => creation.save_prepared(),
            false => creation.save(),
        };
        saved.save_to(SAVED).await?;
        Point::AfterSave.pass();
        Ok(creation)
    }
}

/// Replaces the prepared form by the sending one.
async fn swap(sending: SavedCreation) -> Result<(), Error> {
    Point::BeforeSwap.pass();
    let stored = SavedCreation::load_from(SAVED).await?;
    let state = stored.map(|saved| saved.state);
    assert_eq!(
        state,
        Some(CreationState::Prepared),
        "one process at a time"
    );
    sending.save_to(SAVED).await?;
    Point::AfterSwap.pass();
    Ok(())
}

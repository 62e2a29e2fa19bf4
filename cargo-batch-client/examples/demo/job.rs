//! What the demo is about.

use anyhow::Context;
use cargo_batch_client::types::{Batch, BatchUuid, CreateBatchRequest, Outcome, WorkflowUuid};
use cargo_batch_client::{Client, Error, FailedRow, RowMatch};
use indicatif::HumanBytes;

use super::figures::grouped;
use super::interrupts::Answer;
use super::{Interrupts, Options, Screen};

pub struct Job {
    client: Client,
    options: Options,
    screen: Screen,
    interrupts: Interrupts,
}

impl Job {
    pub fn new(client: Client, options: Options, screen: Screen, interrupts: Interrupts) -> Self {
        Self {
            client,
            options,
            screen,
            interrupts,
        }
    }

    pub async fn run(mut self) -> anyhow::Result<()> {
        let uuid = match self.options.resume {
            Some(uuid) => uuid,
            None => self.start().await?,
        };
        let Some(batch) = self.wait(uuid).await? else {
            return self.left(uuid);
        };
        self.tell(&batch).await?;
        match batch.outcome() {
            Some(Outcome::Succeeded | Outcome::PartlyFailed { .. }) => self.fetch(uuid).await,
            _ => Ok(()),
        }
    }

    /// Uploads the file, checks the batch and creates it.
    async fn start(&mut self) -> anyhow::Result<BatchUuid> {
        let workflow = self.workflow().await?;
        let path = self.options.file.clone();
        // What is wrong with the file is found before it is uploaded.
        self.client.check_file(&path, workflow).await?.require()?;
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = name.to_string_lossy().into_owned();
        let bar = self.screen.transfer("upload");
        let upload = self.client.upload(&path).on_progress(bar.moved());
        let file = tokio::select! {
            file = upload => file?,
            () = self.interrupts.next() => {
                anyhow::bail!("stopped before a batch was created: nothing was spent");
            }
        };
        drop(bar);
        self.screen.line("uploaded", &name)?;

        let request = CreateBatchRequest::new(file).workflow(workflow);
        let report = self.client.check(&request).await?;
        for (number, line) in report.to_string().lines().enumerate() {
            let about = if number == 0 { "checked" } else { "" };
            self.screen.line(about, line)?;
        }
        report.require()?;
        self.confirm().await?;
        let batch = self.create(request).await?;
        self.screen
            .line("created", &format!("batch {}", batch.uuid))?;
        Ok(batch.uuid)
    }

    /// The workflow that is named, or that of the tool that is.
    async fn workflow(&mut self) -> anyhow::Result<WorkflowUuid> {
        if let Some(workflow) = self.options.workflow {
            return Ok(workflow);
        }
        let name = self.options.tool.as_deref().context(
            "CARGO_API_TOKEN is set, so this would run on the real API and spend credits: name the \
             tool to run with `cargo demo -- --tool NAME`",
        )?;
        let tool = self.client.tools().find(name).await?;
        self.screen.line("found", &format!("tool {}", tool.name))?;
        Ok(tool.workflow_uuid)
    }

    /// Asks before credits are spent; without a terminal none are.
    async fn confirm(&self) -> anyhow::Result<()> {
        if self.options.yes || self.interrupts.confirm(self.screen.is_terminal()).await? {
            return Ok(());
        }
        anyhow::bail!(
            "no batch was created, and nothing was spent; `--yes` creates it without a question"
        )
    }

    /// Whoever stops here would not know what was created, so the question comes afterwards.
    async fn create(&mut self, request: CreateBatchRequest) -> anyhow::Result<Batch> {
        let mut creation = self.client.create_batch_once(request).into_future();
        tokio::select! {
            batch = &mut creation => return Ok(batch?),
            () = self.interrupts.next() => self.interrupts.keep(),
        }
        self.screen
            .note("One moment, the batch is being created; a second Ctrl-C ends at once.")?;
        Ok(creation.await?)
    }

    /// Nothing when it was left running.
    async fn wait(&mut self, uuid: BatchUuid) -> anyhow::Result<Option<Batch>> {
        let mut watch = self.client.watch(uuid);
        if let Some(interval) = self.options.interval {
            watch = watch.interval(interval);
        }
        let mut runs = self.screen.runs();
        loop {
            tokio::select! {
                state = watch.next() => {
                    let state: Result<Batch, Error> = state.context("the batch was not seen")?;
                    let batch = state.with_context(|| resume_hint(uuid))?;
                    runs.show(&mut self.screen, &batch)?;
                    if batch.is_finished() {
                        return Ok(Some(batch));
                    }
                }
                () = self.interrupts.next() => {
                    runs.hide();
                    match self.interrupts.ask(self.screen.is_terminal()).await? {
                        Answer::Leave => return Ok(None),
                        Answer::Cancel => {
                            self.client.cancel_batch(uuid).await?;
                            self.screen.note("Cancelling; what has run by now was paid for.")?;
                        }
                        Answer::Wait => {}
                    }
                }
            }
        }
    }

    fn left(&mut self, uuid: BatchUuid) -> anyhow::Result<()> {
        match self.options.ends_with_us {
            false => self.screen.note(&resume_hint(uuid))?,
            true => self.screen.note(&format!(
                "This sandbox ends now, and the batch with it. On the real API it goes on, and\n  \
                 cargo demo -- --resume {uuid}\nwaits for it again."
            ))?,
        }
        Ok(())
    }

    /// How it ended, why runs failed, and what it cost.
    async fn tell(&mut self, batch: &Batch) -> anyhow::Result<()> {
        if let Some(outcome) = batch.outcome() {
            self.screen.line("outcome", &format!("it {outcome}"))?;
        }
        if batch.failed_runs_count > 0 {
            let handle = self.client.batch(batch.uuid);
            let failed = handle.failed_runs().await?.try_collect().await?;
            for (reason, count) in grouped(failed.into_iter().map(|run| run.error_message)) {
                self.screen.line("", &format!("{count:>4} × {reason}"))?;
            }
            match handle.failed_rows(&self.options.file).await {
                Ok(rows) => self.rows(&rows)?,
                // The results are there all the same.
                Err(error) => self.screen.line("", &format!("which rows: {error}"))?,
            }
        }
        // The results are there all the same.
        let spent = match self.client.batch(batch.uuid).cost().await {
            Ok(cost) => cost.to_string(),
            Err(error) => format!("{:.2} provider credits; {error}", batch.credits_used_count),
        };
        Ok(self.screen.line("spent", &spent)?)
    }

    /// The rows of the file whose runs failed.
    fn rows(&mut self, failed: &[FailedRow]) -> std::io::Result<()> {
        for row in failed.iter().take(SHOWN_ROWS) {
            self.screen.line("", &described(row))?;
        }
        match failed.len().saturating_sub(SHOWN_ROWS) {
            0 => Ok(()),
            more => self.screen.line("", &format!("     and {more} more")),
        }
    }

    async fn fetch(&mut self, uuid: BatchUuid) -> anyhow::Result<()> {
        let path = &self.options.results;
        let bar = self.screen.transfer("download");
        let download = self.client.batch(uuid).download();
        let download = download.on_progress(bar.moved());
        let bytes = tokio::select! {
            bytes = download.to_file(path) => bytes.with_context(|| resume_hint(uuid))?,
            () = self.interrupts.next() => return self.left(uuid),
        };
        drop(bar);
        let results = format!("{}, {}", path.display(), HumanBytes(bytes));
        Ok(self.screen.line("results", &results)?)
    }
}

/// Of more failed rows only the number is shown.
const SHOWN_ROWS: usize = 5;

/// The row of the file that a failed run was a run of, numbered as a spreadsheet does it.
fn described(failed: &FailedRow) -> String {
    let title = &failed.run.record_title;
    match &failed.row {
        RowMatch::One { index, .. } => format!("     row {}: {title}", index + 2),
        RowMatch::Ambiguous { indexes } => format!("     {title}: one of {} rows", indexes.len()),
        _ => format!("     {title}: in no row of the file"),
    }
}

fn resume_hint(uuid: BatchUuid) -> String {
    format!("the batch is not lost, go on with\n  cargo demo -- --resume {uuid}")
}

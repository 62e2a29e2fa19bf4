//! Where the demo is watched: lines anywhere, and on a terminal a bar below them.

use std::io::{self, IsTerminal, Write};

use cargo_batch_client::Progress;
use cargo_batch_client::types::{Batch, BatchStatus};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use super::figures::{Pace, percent, progress};

pub struct Screen {
    out: Box<dyn Write + Send>,
    terminal: bool,
}

impl Screen {
    pub fn stdout() -> Self {
        Self {
            terminal: io::stdout().is_terminal(),
            out: Box::new(io::stdout()),
        }
    }

    /// Lines only, to wherever.
    #[allow(dead_code)] // For the test.
    pub fn lines(out: impl Write + Send + 'static) -> Self {
        Self {
            terminal: false,
            out: Box::new(out),
        }
    }

    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// A line that stays: what it is about, and what there is to say.
    pub fn line(&mut self, about: &str, text: &str) -> io::Result<()> {
        self.note(&format!("{about:<10} {text}"))
    }

    pub fn note(&mut self, text: &str) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// A bar for bytes that are moved, which is gone when it is dropped.
    pub fn transfer(&self, about: &'static str) -> Bar {
        Bar(self.bar(about, "{bytes} of {total_bytes}"))
    }

    /// A bar for the runs of a batch; elsewhere than on a terminal, lines now and then.
    pub fn runs(&self) -> Runs {
        Runs {
            bar: Bar(self.bar("", "{wide_msg}")),
            pace: Pace::default(),
            last: None,
        }
    }

    fn bar(&self, about: &'static str, end: &str) -> ProgressBar {
        if !self.terminal {
            return ProgressBar::hidden();
        }
        let template = format!("{{prefix:<10}} {{bar:24.green}} {end}");
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stdout());
        match ProgressStyle::with_template(&template) {
            Ok(style) => bar.with_style(style.progress_chars("━╸─")),
            Err(_) => bar,
        }
        .with_prefix(about)
    }
}

pub struct Bar(ProgressBar);

impl Bar {
    /// What is to be called with every piece that was moved.
    pub fn moved(&self) -> impl FnMut(Progress) + Send + 'static {
        let bar = self.0.clone();
        move |progress| {
            bar.set_length(progress.total.unwrap_or(progress.bytes));
            bar.set_position(progress.bytes);
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

pub struct Runs {
    bar: Bar,
    pace: Pace,
    /// What the last line said: the status, and how many tenths.
    last: Option<(BatchStatus, u64)>,
}

impl Runs {
    pub fn show(&mut self, screen: &mut Screen, batch: &Batch) -> io::Result<()> {
        let left = self.pace.left(batch, Instant::now());
        let text = progress(batch, left);
        if screen.is_terminal() && !batch.is_finished() {
            let bar = &self.bar.0;
            if bar.is_finished() {
                bar.reset();
            }
            // A bar of nothing at all would be a full one.
            bar.set_length(batch.runs_count.max(1));
            bar.set_position(batch.executed_runs_count);
            bar.set_prefix(batch.status.to_string());
            bar.set_message(text);
            return Ok(());
        }
        let (done, runs) = (batch.executed_runs_count, batch.runs_count);
        let now = Some((batch.status.clone(), percent(done, runs) / 10));
        if self.last == now {
            return Ok(());
        }
        self.last = now;
        self.hide();
        screen.line(batch.status.as_str(), &text)
    }

    /// Makes room for something else, until there is something to show again.
    pub fn hide(&self) {
        self.bar.0.finish_and_clear();
    }
}

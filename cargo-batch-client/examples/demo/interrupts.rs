//! Ctrl-C: the first is a question, the second an order.

use std::io::{self, BufRead, IsTerminal, Write};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

/// What a shell calls a program that Ctrl-C has ended.
const INTERRUPTED: i32 = 130;

pub struct Interrupts {
    sender: UnboundedSender<()>,
    receiver: UnboundedReceiver<()>,
    /// There was one, and it has not been answered yet.
    pending: Arc<AtomicBool>,
}

/// What is to become of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Cancel,
    Leave,
    Wait,
}

impl Interrupts {
    /// None will come.
    #[allow(dead_code)] // For the test.
    pub fn none() -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        Self {
            sender,
            receiver,
            pending: Arc::default(),
        }
    }

    /// From now on Ctrl-C no longer ends the program, but the second in a row does.
    pub fn listen() -> Self {
        let interrupts = Self::none();
        let (sender, pending) = (interrupts.sender.clone(), interrupts.pending.clone());
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() {
                if pending.swap(true, Ordering::SeqCst) {
                    println!();
                    process::exit(INTERRUPTED);
                }
                if sender.send(()).is_err() {
                    return;
                }
            }
        });
        interrupts
    }

    /// Ends when there is one.
    pub async fn next(&mut self) {
        // It always has a sender, its own.
        self.receiver.recv().await;
    }

    /// This one is to be answered later.
    pub fn keep(&self) {
        self.sender.send(()).ok();
    }

    /// Asks what to do; without a terminal the batch is left running.
    pub async fn ask(&self, terminal: bool) -> io::Result<Answer> {
        let question = "\rCancel the batch, leave it running, or go on waiting? [c/l/w] ";
        let Some(line) = answered(question, terminal).await? else {
            return Ok(Answer::Leave);
        };
        let answer = read(&line);
        if answer == Answer::Wait {
            self.pending.store(false, Ordering::SeqCst);
        }
        Ok(answer)
    }

    /// Asks whether credits may be spent; without a terminal they may not.
    pub async fn confirm(&self, terminal: bool) -> io::Result<bool> {
        let line = answered("Create the batch, which spends credits? [y/N] ", terminal).await?;
        Ok(line.is_some_and(|line| agrees(&line)))
    }
}

/// Reads the line typed in reply to a question; `None` without a terminal.
async fn answered(question: &'static str, terminal: bool) -> io::Result<Option<String>> {
    if !terminal || !io::stdin().is_terminal() {
        return Ok(None);
    }
    let line = tokio::task::spawn_blocking(move || {
        print!("{question}");
        io::stdout().flush()?;
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line)?;
        Ok(Some(line))
    });
    line.await.map_err(io::Error::other)?
}

/// Only a clear yes spends credits.
pub fn agrees(line: &str) -> bool {
    ["y", "yes"].contains(&line.trim().to_ascii_lowercase().as_str())
}

/// What isn't understood stops nothing.
pub fn read(line: &str) -> Answer {
    match line.trim().to_ascii_lowercase().as_str() {
        "c" | "cancel" => Answer::Cancel,
        "l" | "leave" => Answer::Leave,
        // The end of the input: nobody is there any more.
        "" if line.is_empty() => Answer::Leave,
        _ => Answer::Wait,
    }
}

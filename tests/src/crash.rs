//! The points at which a job ends, and a gateway before the sandbox that ends it at some of them.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use crate::raw::{Ask, Raw};

/// The variable that says at which point the program ends itself, by its number.
pub const VARIABLE: &str = "CRASH_AT";

/// How the program ends where a person has to choose between batches.
pub const IS_UNDECIDED: u8 = 3;

/// The settling time of the job.
pub const SETTLING: Duration = Duration::from_secs(1);

/// A moment of the job, numbered in the order of their first occurrence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Point {
    BeforeUpload = 1,
    AfterUpload,
    BeforeSave,
    AfterSave,
    BeforeSwap,
    AfterSwap,
    BeforeSend,
    /// The server has the request, and has not acted.
    BeforeAct,
    /// The server has acted, and no byte of the response was sent.
    AfterAct,
    /// The list was asked for.
    DuringSearch,
    AfterAdopting,
    /// The batch is known to the program alone.
    BeforeRecording,
    AfterRecording,
    BeforeResult,
    AfterResult,
}

impl Point {
    /// Returns whether the gateway ends the program there, rather than the program itself.
    pub fn is_of_gateway(self) -> bool {
        matches!(self, Self::BeforeAct | Self::AfterAct | Self::DuringSearch)
    }

    /// Ends the process where it is to end here.
    pub fn pass(self) {
        let number = std::env::var(VARIABLE).unwrap_or_default();
        if number == (self as u8).to_string() {
            std::process::abort();
        }
    }
}

/// What a gateway does with the first creation; all later ones are passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gateway {
    PassesOn,
    /// Acts after half of the settling time, and responds after some more.
    ActsLate,
    /// Acts, and resets the connection.
    ActsAndCuts,
    /// Resets the connection, and never acts.
    NeverActs,
    /// Resets the connection, and acts after 0.9 of the settling time.
    ActsOnceGone,
}

impl Gateway {
    pub const ALL: [Self; 5] = [
        Self::PassesOn,
        Self::ActsLate,
        Self::ActsAndCuts,
        Self::NeverActs,
        Self::ActsOnceGone,
    ];

    /// Returns whether the client gets no response to its first creation.
    pub fn cuts(self) -> bool {
        matches!(
            self,
            Self::ActsAndCuts | Self::NeverActs | Self::ActsOnceGone
        )
    }

    /// Starts it before a server, with the points at which the job ends one after the other. Where it is a
    /// point of the gateway, the receiver has to end the program before it responds.
    ///
    /// # Errors
    /// When there is no free port.
    pub async fn start(
        self,
        upstream: &str,
        plan: &[Point],
    ) -> io::Result<(Running, mpsc::UnboundedReceiver<oneshot::Sender<()>>)> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let base_url = format!("http://{}/v1", listener.local_addr()?);
        let (kills, killed) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            gateway: self,
            upstream: upstream.trim_end_matches("/v1").to_owned(),
            creations: AtomicUsize::new(0),
            late: Mutex::new(None),
            plan: Mutex::new(plan.iter().copied().collect()),
            kills,
        });
        let running = Running {
            base_url,
            shared: shared.clone(),
        };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = shared.clone();
                // A connection that breaks off is the business of its client.
                tokio::spawn(async move { shared.serve(stream).await.ok() });
            }
        });
        Ok((running, killed))
    }
}

/// A gateway that runs; it ends with the runtime.
pub struct Running {
    /// Where its API is.
    pub base_url: String,
    shared: Arc<Shared>,
}

impl Running {
    /// Returns the points that are left, in their order.
    pub fn left(&self) -> VecDeque<Point> {
        self.shared.plan().clone()
    }

    /// Notes that the program has ended itself at the next point.
    pub fn passed(&self) {
        self.shared.plan().pop_front();
    }
}

struct Shared {
    gateway: Gateway,
    upstream: String,
    creations: AtomicUsize,
    /// When the first creation is acted on, and whether it was.
    late: Mutex<Option<(Instant, watch::Receiver<bool>)>>,
    plan: Mutex<VecDeque<Point>>,
    kills: mpsc::UnboundedSender<oneshot::Sender<()>>,
}

impl Shared {
    fn plan(&self) -> std::sync::MutexGuard<'_, VecDeque<Point>> {
        self.plan.lock().expect("nothing panics with it")
    }

    /// Ends the program where that is the next point of the plan, and returns once it has ended.
    async fn pass(&self, point: Point) {
        {
            let mut plan = self.plan();
            if plan.front() != Some(&point) {
                return;
            }
            plan.pop_front();
        }
        let (ended, waits) = oneshot::channel();
        if self.kills.send(ended).is_ok() {
            waits.await.ok();
        }
    }

    async fn serve(self: &Arc<Self>, stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut stream = BufReader::new(stream);
        while let Some((line, ask)) = self.read(&mut stream).await? {
            let response = match line.as_str() {
                "POST /v1/orchestration/batches" => match self.create(ask).await? {
                    Some(response) => response,
                    None => return reset(&stream.into_inner()),
                },
                "GET /v1/orchestration/batches/list" => {
                    if self.creations.load(Ordering::SeqCst) > 0 {
                        self.pass(Point::DuringSearch).await;
                    }
                    self.until_acted().await;
                    ask.send().await?
                }
                _ => ask.send().await?,
            };
            let head = format!(
                "HTTP/1.1 {} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
                response.status,
                response.body.len()
            );
            let bytes = [head.as_bytes(), &response.body].concat();
            stream.get_mut().write_all(&bytes).await?;
        }
        Ok(())
    }

    /// Reads a request: its line without the query, and what is passed on.
    async fn read(&self, stream: &mut BufReader<TcpStream>) -> io::Result<Option<(String, Ask)>> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await? == 0 {
                return Ok(None);
            }
        }
        let header = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let length = header("content-length").and_then(|length| length.parse().ok());
        let mut words = head.split(' ');
        let method = words.next().unwrap_or_default();
        let target = words.next().unwrap_or_default();
        let mut ask = Ask::new(method, &format!("{}{target}", self.upstream));
        for name in ["authorization", "content-type"] {
            if let Some(value) = header(name) {
                ask = ask.header(name, value);
            }
        }
        let line = format!("{method} {}", target.split('?').next().unwrap_or_default());
        let mut body = vec![0; length.unwrap_or_default()];
        stream.read_exact(&mut body).await?;
        Ok(Some((line, ask.body(body))))
    }

    /// Does with a creation what is to be done; `None` where the connection is reset.
    async fn create(self: &Arc<Self>, ask: Ask) -> io::Result<Option<Raw>> {
        let is_first = self.creations.fetch_add(1, Ordering::SeqCst) == 0;
        self.pass(Point::BeforeAct).await;
        let gateway = match is_first {
            true => self.gateway,
            false => Gateway::PassesOn,
        };
        match gateway {
            Gateway::PassesOn => Ok(Some(self.act(ask).await?)),
            Gateway::ActsAndCuts => self.act(ask).await.map(|_| None),
            Gateway::NeverActs => Ok(None),
            Gateway::ActsLate => {
                let response = self.act_late(ask, SETTLING / 2).await??;
                tokio::time::sleep(SETTLING / 10).await;
                Ok(Some(response))
            }
            Gateway::ActsOnceGone => {
                self.act_late(ask, SETTLING * 9 / 10);
                Ok(None)
            }
        }
    }

    async fn act(&self, ask: Ask) -> io::Result<Raw> {
        let response = ask.send().await?;
        self.pass(Point::AfterAct).await;
        Ok(response)
    }

    /// Acts later, whether or not the client is still there.
    fn act_late(
        self: &Arc<Self>,
        ask: Ask,
        after: Duration,
    ) -> tokio::task::JoinHandle<io::Result<Raw>> {
        let due = Instant::now() + after;
        let (acts, acted) = watch::channel(false);
        *self.late.lock().expect("nothing panics with it") = Some((due, acted));
        let shared = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep_until(due).await;
            let response = ask.send().await;
            acts.send_replace(true);
            shared.pass(Point::AfterAct).await;
            response
        })
    }

    /// Waits for what is due, so that a slow machine doesn't make the server later than it is meant to be.
    async fn until_acted(&self) {
        let late = self.late.lock().expect("nothing panics with it").clone();
        if let Some((due, mut acted)) = late
            && due <= Instant::now()
        {
            acted.wait_for(|acted| *acted).await.ok();
        }
    }
}

/// Has the system end a connection with a reset.
fn reset(stream: &TcpStream) -> io::Result<()> {
    stream.set_zero_linger()
}

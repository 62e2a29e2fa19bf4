//! What proxies do to creations, each with what must come of it.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cargo_batch_client::types::{
    BatchUuid, CreateBatchData, CreateBatchRequest, CreateFilterData, Filter, NumberCondition,
};
use cargo_batch_client::{Client, ClientBuilder, Error};
use cargo_batch_sandbox::{
    CreationRecord, Fault, FaultPlan, LateResponse, Rule, Sandbox, Settings,
};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::proxy::{KilledServer, Program, Protocol, Proxy, Setup};

/// How long after a request its batch may still appear, where a scenario isn't about the default.
const SETTLING: Duration = Duration::from_secs(4);

/// How late the sandbox acts at most: well within the settling time.
const LATE: Duration = Duration::from_secs(1);

/// Within what an own file whose batch is there is adopted.
const ADOPTION: Duration = Duration::from_secs(2);

/// How often a creation, or an upload, is retried that is known to have created nothing.
const MOST_TRIES: usize = 20;

const LEGEND: &str = "\
lost: a batch that was created, and was neither returned nor the subject of an ambiguous error
ambiguous: ended in an ambiguous error, adopted a batch, or took as long as it takes to prove that there is
none, so that nothing that was searched for is missing here";

/// How many errors of a scenario are printed.
const MOST_ERRORS: usize = 5;

#[derive(Clone, Debug)]
struct Scenario {
    name: &'static str,
    proxy: Setup,
    /// What happens to creations at the sandbox.
    faults: Vec<Rule>,
    /// How many seconds the clock that dates batches is ahead of the proxy's.
    clock: f64,
    meanwhile: Meanwhile,
    how: How,
    settling: Option<Duration>,
    creations: usize,
    /// How many creations are in flight at the same time; odd, so that each task has files and filters.
    concurrency: usize,
    /// How many creations may be [ambiguous](Counts::ambiguous), and must be: with too few nothing has happened.
    ambiguous: RangeInclusive<usize>,
    expected: Expected,
}

/// What happens during the creations, again and again.
#[derive(Clone, Copy, Debug)]
enum Meanwhile {
    Nothing,
    Reloads,
    Kills,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum How {
    /// `create_batch`.
    Plain,
    /// `create_batch_once`, by the two steps that it consists of: the second knows whether it adopted.
    Once,
    /// `create_batch` with an HTTP client that retries requests on its own, as reqwest does by default.
    Resending,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Once,
    /// And adopted within [`ADOPTION`].
    OnceAndSoon,
    /// The control: where it doesn't pay twice, the scenario proves nothing.
    Twice,
}

fn scenarios() -> Vec<Scenario> {
    let scenario = Scenario {
        name: "",
        proxy: Setup {
            program: Program::Nginx,
            protocol: Protocol::Http2,
            global: "",
            server: "",
        },
        faults: Vec::new(),
        clock: 0.0,
        meanwhile: Meanwhile::Nothing,
        how: How::Once,
        settling: Some(SETTLING),
        creations: 200,
        concurrency: 25,
        ambiguous: 0..=0,
        expected: Expected::Once,
    };
    let slowly = |seconds, acted| {
        let seconds = Some(seconds);
        Rule::new(Fault::Stall { seconds, acted })
    };
    // The server acts, and its connection ends: as a rule one that has served requests before, of which
    // haproxy then says over HTTP/2 that it was refused.
    let dying = Scenario {
        name: "connections to the server die",
        proxy: Setup {
            program: Program::Haproxy,
            ..scenario.proxy
        },
        faults: vec![Rule::new(Fault::ResetAfterActing).probability(0.5)],
        ambiguous: 50..=150,
        ..scenario.clone()
    };
    let reloads = Scenario {
        name: "reloaded",
        faults: vec![slowly(0.2, true)],
        meanwhile: Meanwhile::Reloads,
        ambiguous: 0..=20,
        ..scenario.clone()
    };
    let cut_off = Scenario {
        name: "reloaded, requests in flight cut off",
        proxy: Setup {
            global: "worker_shutdown_timeout 100ms;",
            ..scenario.proxy
        },
        ambiguous: 20..=200,
        ..reloads.clone()
    };
    let killed = Scenario {
        name: "server killed",
        // Before it acts, and after it has.
        faults: vec![slowly(0.05, true).probability(0.5), slowly(0.05, false)],
        meanwhile: Meanwhile::Kills,
        concurrency: 75,
        ambiguous: 20..=200,
        ..scenario.clone()
    };
    let read_timeout = Scenario {
        name: "proxy_read_timeout before a late server",
        proxy: Setup {
            server: "proxy_read_timeout 500ms;",
            ..scenario.proxy
        },
        faults: vec![Rule::new(Fault::ActLate {
            seconds: LATE.as_secs_f64(),
            respond: LateResponse::AfterActing,
        })],
        concurrency: 75,
        ambiguous: 200..=200,
        ..scenario.clone()
    };
    let clock = Scenario {
        name: "its own Date, batches dated 10 minutes later",
        faults: vec![Rule::new(Fault::ResetAfterActing)],
        clock: 600.0,
        settling: None,
        concurrency: 75,
        ambiguous: 200..=200,
        expected: Expected::OnceAndSoon,
        ..scenario.clone()
    };
    let keepalive = Scenario {
        name: "keepalive_requests 100",
        proxy: Setup {
            server: "keepalive_requests 100;",
            ..scenario.proxy
        },
        creations: 1000,
        concurrency: 75,
        ambiguous: 0..=10,
        ..scenario
    };
    let resending = Scenario {
        how: How::Resending,
        ambiguous: 0..=200,
        expected: Expected::Twice,
        ..dying.clone()
    };
    vec![
        dying.clone(),
        dying.clone().plain(),
        resending,
        dying.http1(),
        reloads,
        cut_off.clone(),
        cut_off.http1(),
        killed.clone(),
        killed.http1(),
        read_timeout,
        clock.clone(),
        Scenario {
            name: "its own Date, batches dated 10 minutes earlier",
            clock: -600.0,
            ..clock
        },
        keepalive.clone(),
        keepalive.clone().plain(),
        keepalive.clone().http1(),
        keepalive.http1().plain(),
    ]
}

/// Runs the scenarios whose titles contain a text, and prints a line for each.
pub async fn run_all(folder: &Path, wanted: &str) -> Result<(), String> {
    let mut scenarios = scenarios();
    scenarios.retain(|scenario| scenario.title().contains(wanted));
    if scenarios.is_empty() {
        return Err(format!("no scenario is called {wanted:?}"));
    }
    println!("{LEGEND}");
    let mut violations = Vec::new();
    for scenario in scenarios {
        let done = scenario.run(folder).await;
        let counts = done.map_err(|error| format!("{}: {error:#}", scenario.title()))?;
        println!("{}", scenario.line(&counts));
        violations.extend(scenario.violations(&counts));
    }
    match violations.is_empty() {
        true => Ok(()),
        false => Err(violations.join("\n")),
    }
}

/// What came of a scenario, as counted by the sandbox, and held against what the client returned.
#[derive(Debug, Default)]
struct Counts {
    /// The batches that the sandbox created.
    batches: usize,
    /// Creations of which it created more than one batch.
    twice: usize,
    /// Creations that returned no batch of theirs, though there is one, and no error that says so; or
    /// one that isn't theirs. And batches of no creation.
    lost: usize,
    /// Creations that were not certain: that ended in an ambiguous error, adopted a batch, or took as long as
    /// it takes to prove that there is none. (Which is at least those that were searched for.)
    ambiguous: usize,
    adopted: usize,
    /// The longest that a creation took which adopted the batch of an own file.
    adoption: Duration,
    /// What `create_batch_once` ended in, where not in a batch.
    errors: Vec<String>,
    elapsed: Duration,
    /// How often it happened what a scenario has happen meanwhile.
    happened: u64,
}

/// A creation that has ended.
struct Ended {
    /// What the sandbox knows it by.
    data: Value,
    is_own_file: bool,
    batch: Result<BatchUuid, Error>,
    adopted: bool,
    took: Duration,
}

impl Scenario {
    fn http1(mut self) -> Self {
        self.proxy.protocol = Protocol::Http1;
        self
    }

    fn plain(mut self) -> Self {
        self.how = How::Plain;
        self
    }

    fn title(&self) -> String {
        let (proxy, name, how) = (self.proxy, self.name, self.how.name());
        let protocol = proxy.protocol.name();
        format!("{} ({protocol}), {name}, {how}", proxy.program.name())
    }

    fn line(&self, counts: &Counts) -> String {
        let mut line = format!(
            "{}: {} creations, {} batches, {} twice, {} lost, {} ambiguous, {} adopted, {:.1} s",
            self.title(),
            self.creations,
            counts.batches,
            counts.twice,
            counts.lost,
            counts.ambiguous,
            counts.adopted,
            counts.elapsed.as_secs_f64(),
        );
        if self.expected == Expected::OnceAndSoon {
            let adoption = counts.adoption.as_secs_f64();
            line.push_str(&format!("; own files within {adoption:.2} s"));
        }
        match self.meanwhile {
            Meanwhile::Nothing => {}
            Meanwhile::Reloads => line.push_str(&format!("; {} reloads", counts.happened)),
            Meanwhile::Kills => line.push_str(&format!("; {} kills", counts.happened)),
        }
        line
    }

    fn violations(&self, counts: &Counts) -> Vec<String> {
        let mut all: Vec<String> = counts.errors.iter().take(MOST_ERRORS).cloned().collect();
        match self.expected {
            Expected::Twice if counts.twice == 0 => {
                all.push("the control pays once: this proves nothing".to_owned());
            }
            Expected::Twice => {}
            Expected::Once | Expected::OnceAndSoon if counts.twice > 0 => {
                all.push(format!("{} paid twice", counts.twice));
            }
            Expected::Once | Expected::OnceAndSoon => {}
        }
        if counts.lost > 0 {
            all.push(format!("{} lost", counts.lost));
        }
        if !self.ambiguous.contains(&counts.ambiguous) {
            let (is, expected) = (counts.ambiguous, &self.ambiguous);
            all.push(format!("{is} ambiguous, not {expected:?}"));
        }
        if self.expected == Expected::OnceAndSoon && counts.adoption > ADOPTION {
            all.push(format!("adopted after {:?}", counts.adoption));
        }
        if !matches!(self.meanwhile, Meanwhile::Nothing) && counts.happened < 5 {
            all.push(format!("it happened only {} times", counts.happened));
        }
        let title = self.title();
        all.iter().map(|one| format!("{title}: {one}")).collect()
    }

    async fn run(&self, folder: &Path) -> Result<Counts, Box<dyn std::error::Error>> {
        let sandbox = Sandbox::builder()
            // The clock of nginx, which writes a `Date` of its own.
            .begins(SystemTime::now())
            .settings(Settings::new().created_offsets([self.clock]))
            .validate_responses(false)
            .start()
            .await?;
        let mut server = KilledServer::start(sandbox.address()).await?;
        let proxy = Proxy::start(self.proxy, server.address, folder).await?;
        let sandbox = Arc::new(sandbox);
        let client = self.client(&sandbox, &proxy)?;
        let mut faults = FaultPlan::new();
        for rule in &self.faults {
            // Once for each creation: what is created once more, against the rules, shows soon.
            faults = faults.rule(rule.clone().on("create_batch").count(self.creations as u64));
        }
        sandbox.faults(faults).await?;

        let begun = Instant::now();
        let mut happened = 0;
        let ended = {
            let creations = self.create_all(&client, &sandbox);
            let meanwhile = async {
                loop {
                    match self.meanwhile {
                        Meanwhile::Nothing => std::future::pending().await,
                        Meanwhile::Reloads => proxy.reload().await?,
                        Meanwhile::Kills => server.kill(Duration::from_millis(50)).await?,
                    }
                    happened += 1;
                    // Not always the same, so that it keeps pace with no delay of a client.
                    sleep(Duration::from_millis(100 + 30 * (happened % 5))).await;
                }
            };
            tokio::select! {
                ended = creations => ended?,
                failed = meanwhile => return failed,
            }
        };
        let elapsed = begun.elapsed();
        // What acts after its response was lost has acted by then.
        sleep(LATE).await;
        Ok(Counts {
            elapsed,
            happened,
            ..self.count(&sandbox, &ended)
        })
    }

    fn client(
        &self,
        sandbox: &Sandbox,
        proxy: &Proxy,
    ) -> Result<Client, Box<dyn std::error::Error>> {
        let mut client: ClientBuilder = Client::builder(sandbox.token())
            .base_url(&proxy.base_url)
            .jitter_seed(1);
        if let Some(settling) = self.settling {
            client = client.settling_time(settling);
        }
        if self.how == How::Resending {
            // An error means that there is one already.
            rustls::crypto::ring::default_provider()
                .install_default()
                .ok();
            client = client.http_client(reqwest::Client::new());
        }
        Ok(client.build()?)
    }

    async fn create_all(
        &self,
        client: &Client,
        sandbox: &Arc<Sandbox>,
    ) -> Result<Vec<Ended>, Error> {
        let mut tasks = JoinSet::new();
        for task in 0..self.concurrency {
            let (client, sandbox, scenario) = (client.clone(), sandbox.clone(), self.clone());
            tasks.spawn(async move {
                let mut ended = Vec::new();
                for number in (task..scenario.creations).step_by(scenario.concurrency) {
                    ended.push(scenario.create(&client, &sandbox, number).await?);
                }
                Ok(ended)
            });
        }
        let ended: Result<Vec<Vec<Ended>>, Error> = tasks.join_all().await.into_iter().collect();
        Ok(ended?.into_iter().flatten().collect())
    }

    async fn create(
        &self,
        client: &Client,
        sandbox: &Sandbox,
        number: usize,
    ) -> Result<Ended, Error> {
        let request = request(client, sandbox, number).await?;
        let is_own_file = request.data.tag() == "file";
        let data = serde_json::to_value(&request.data).unwrap_or_default();
        let begun = Instant::now();
        let create = || async {
            match self.how {
                How::Plain | How::Resending => {
                    let created = client.create_batch(request.clone()).await?;
                    Ok((created.batch.uuid, false))
                }
                How::Once => {
                    let creation = client.prepare_batch(request.clone()).await?;
                    let batch = creation.create().await?;
                    Ok((batch.uuid, creation.adopted()))
                }
            }
        };
        let created = insistently(create, Error::is_ambiguous).await;
        Ok(Ended {
            data,
            is_own_file,
            adopted: created.as_ref().is_ok_and(|(_, adopted)| *adopted),
            batch: created.map(|(batch, _)| batch),
            took: begun.elapsed(),
        })
    }

    fn count(&self, sandbox: &Sandbox, all: &[Ended]) -> Counts {
        let created = sandbox.created();
        let mut counts = Counts {
            batches: sandbox.created_batches().len(),
            ..Counts::default()
        };
        let has_creation =
            |created: &&CreationRecord| all.iter().any(|ended| created.body["data"] == ended.data);
        counts.lost += created.len() - created.iter().filter(has_creation).count();
        for ended in all {
            let batches = created
                .iter()
                .find(|created| created.body["data"] == ended.data)
                .map_or(&[][..], |created| &created.batch_uuids);
            counts.twice += usize::from(batches.len() > 1);
            let is_ambiguous = match &ended.batch {
                Ok(batch) => {
                    counts.lost += usize::from(!batches.contains(batch));
                    self.how == How::Once && (ended.adopted || ended.took >= self.settling())
                }
                Err(error) => {
                    counts.lost += usize::from(!error.is_ambiguous() && !batches.is_empty());
                    if self.how == How::Once || !error.is_ambiguous() {
                        counts.errors.push(format!("{error:#}"));
                    }
                    error.is_ambiguous()
                }
            };
            counts.ambiguous += usize::from(is_ambiguous);
            if ended.adopted {
                counts.adopted += 1;
                if ended.is_own_file {
                    counts.adoption = counts.adoption.max(ended.took);
                }
            }
        }
        counts
    }

    fn settling(&self) -> Duration {
        // The default of the client.
        self.settling.unwrap_or(Duration::from_secs(60))
    }
}

impl How {
    fn name(self) -> &'static str {
        match self {
            Self::Plain => "create_batch",
            Self::Once => "create_batch_once",
            Self::Resending => "create_batch of a client that resends (control)",
        }
    }
}

/// The n-th of as many creations as one likes, no two of them the same: half of them of a file of their
/// own, half of them of a filter.
async fn request(
    client: &Client,
    sandbox: &Sandbox,
    number: usize,
) -> Result<CreateBatchRequest, Error> {
    let fixtures = sandbox.fixtures();
    let upload = || async {
        let text = format!("column_{number}\na@example.com\n");
        client.upload_file("leads.csv", text).await
    };
    if number.is_multiple_of(2) {
        // A file that is uploaded twice costs nothing.
        let file = insistently(upload, |_| false).await?;
        return Ok(CreateBatchRequest::new(file).workflow(fixtures.tool_workflow_uuid));
    }
    let below = NumberCondition::lower_than("employees", 1_000_000 + number as u32);
    let data = CreateFilterData::new(fixtures.model_uuid, Filter::all(below)).limit(1);
    Ok(CreateBatchRequest::new(CreateBatchData::from(data)).workflow(fixtures.play_workflow_uuid))
}

/// As a service would: what failed is retried after a while, unless it must stop there.
async fn insistently<T, F: Future<Output = Result<T, Error>>>(
    call: impl Fn() -> F,
    stop: impl Fn(&Error) -> bool,
) -> Result<T, Error> {
    for _ in 1..MOST_TRIES {
        match call().await {
            Err(error) if !stop(&error) => sleep(Duration::from_millis(200)).await,
            done => return done,
        }
    }
    call().await
}

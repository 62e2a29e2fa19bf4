//! What proxies do to creations, each with what must come of it.

use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cargo_batch_client::types::{
    BatchUuid, CreateBatchData, CreateBatchRequest, CreateFilterData, Filter, NumberCondition,
};
use cargo_batch_client::{Client, ClientBuilder, Error};
use cargo_batch_sandbox::{Fault, LateResponse, Rule, Sandbox, Settings};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::proxy::{Killed, Kind, Proxy};

/// How long after a request its batch may still appear, where a scenario isn't about the default.
const SETTLING: Duration = Duration::from_secs(4);

/// How late the sandbox acts at most: well within the settling time.
const LATE: Duration = Duration::from_secs(1);

/// Within what an own file whose batch is there is adopted.
const ADOPTION: Duration = Duration::from_secs(2);

/// How often a creation, or an upload, is tried that provably created nothing.
const MOST_TRIES: usize = 50;

#[derive(Clone, Debug)]
struct Scenario {
    name: &'static str,
    proxy: Kind,
    /// On creations.
    fault: Option<Rule>,
    /// How many seconds the clock that dates batches is ahead of the proxy's.
    clock: f64,
    meanwhile: Meanwhile,
    how: How,
    settling: Option<Duration>,
    creations: usize,
    /// How many creations are in flight at the same time.
    concurrency: usize,
    /// How many creations may, and must, be [ambiguous](Counts::ambiguous): it is no scenario if too few are.
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
    /// `create_batch` with an HTTP client that sends requests again on its own, as reqwest does by default.
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

const NGINX: Kind = Kind::Nginx {
    protocol: "http2",
    global: "",
    server: "",
};

const fn nginx(protocol: &'static str, server: &'static str) -> Kind {
    Kind::Nginx {
        protocol,
        global: "",
        server,
    }
}

fn scenarios() -> Vec<Scenario> {
    let scenario = Scenario {
        name: "",
        proxy: NGINX,
        fault: None,
        clock: 0.0,
        meanwhile: Meanwhile::Nothing,
        how: How::Once,
        settling: Some(SETTLING),
        creations: 200,
        concurrency: 20,
        ambiguous: 0..=0,
        expected: Expected::Once,
    };
    let slowly = Fault::Stall {
        seconds: Some(0.2),
        acted: true,
    };
    // The server acts and its connection ends, as a rule one that has served other requests before.
    let haproxy = Scenario {
        name: "haproxy, whose reused connections die",
        proxy: Kind::Haproxy,
        fault: Some(Rule::new(Fault::ResetAfterActing).probability(0.5)),
        ambiguous: 50..=150,
        ..scenario.clone()
    };
    let reloads = Scenario {
        name: "nginx, reloaded",
        fault: Some(Rule::new(slowly.clone())),
        meanwhile: Meanwhile::Reloads,
        ambiguous: 0..=20,
        ..scenario.clone()
    };
    let clock = Scenario {
        name: "nginx's Date, batches dated 10 minutes later",
        fault: Some(Rule::new(Fault::ResetAfterActing)),
        clock: 600.0,
        settling: None,
        ambiguous: 200..=200,
        expected: Expected::OnceAndSoon,
        ..scenario.clone()
    };
    let keepalive = Scenario {
        name: "nginx, keepalive_requests 100, HTTP/2",
        proxy: nginx("http2", "keepalive_requests 100;"),
        creations: 1000,
        concurrency: 50,
        ambiguous: 0..=10,
        ..scenario.clone()
    };
    let keepalive_http1 = Scenario {
        name: "nginx, keepalive_requests 100, HTTP/1",
        proxy: nginx("", "keepalive_requests 100;"),
        ..keepalive.clone()
    };
    vec![
        haproxy.clone(),
        Scenario {
            how: How::Plain,
            ..haproxy.clone()
        },
        Scenario {
            how: How::Resending,
            ambiguous: 0..=200,
            expected: Expected::Twice,
            ..haproxy
        },
        reloads.clone(),
        Scenario {
            name: "nginx, reloaded, old processes cut off",
            proxy: Kind::Nginx {
                protocol: "http2",
                global: "worker_shutdown_timeout 50ms;",
                server: "",
            },
            ambiguous: 20..=200,
            ..reloads
        },
        Scenario {
            name: "nginx, server killed",
            fault: Some(Rule::new(slowly)),
            meanwhile: Meanwhile::Kills,
            ambiguous: 20..=200,
            ..scenario.clone()
        },
        Scenario {
            name: "nginx, proxy_read_timeout before a late server",
            proxy: nginx("http2", "proxy_read_timeout 500ms;"),
            fault: Some(Rule::new(Fault::ActLate {
                seconds: LATE.as_secs_f64(),
                respond: LateResponse::AfterActing,
            })),
            concurrency: 50,
            ambiguous: 200..=200,
            ..scenario
        },
        clock.clone(),
        Scenario {
            name: "nginx's Date, batches dated 10 minutes earlier",
            clock: -600.0,
            ..clock
        },
        keepalive.clone(),
        Scenario {
            how: How::Plain,
            ..keepalive
        },
        keepalive_http1.clone(),
        Scenario {
            how: How::Plain,
            ..keepalive_http1
        },
    ]
}

/// Runs all scenarios, and prints a line for each.
pub async fn run_all(folder: &Path) -> Result<(), String> {
    let mut violations = Vec::new();
    for scenario in scenarios() {
        let done = scenario.run(folder).await;
        let counts = done.map_err(|error| format!("{}: {error}", scenario.name))?;
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
    /// one that isn't theirs.
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
    happened: usize,
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
    fn line(&self, counts: &Counts) -> String {
        let (name, how) = (self.name, self.how.name());
        let happened = match self.meanwhile {
            Meanwhile::Nothing => String::new(),
            Meanwhile::Reloads => format!(" {} times", counts.happened),
            Meanwhile::Kills => format!(" {} times", counts.happened),
        };
        format!(
            "{name}{happened}, {how}: {} creations, {} batches, {} twice, {} lost, {} ambiguous, {} adopted, \
             {:.1} s",
            self.creations,
            counts.batches,
            counts.twice,
            counts.lost,
            counts.ambiguous,
            counts.adopted,
            counts.elapsed.as_secs_f64(),
        )
    }

    fn violations(&self, counts: &Counts) -> Vec<String> {
        let mut all = counts.errors.clone();
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
        let called = format!("{}, {}", self.name, self.how.name());
        all.iter().map(|one| format!("{called}: {one}")).collect()
    }

    async fn run(&self, folder: &Path) -> Result<Counts, Box<dyn std::error::Error>> {
        let sandbox = Sandbox::builder()
            // The clock of nginx, which writes a `Date` of its own.
            .begins(SystemTime::now())
            .settings(Settings::new().created_offsets([self.clock]))
            .check_answers(false)
            .start()
            .await?;
        let mut server = Killed::start(sandbox.address()).await?;
        let proxy = Proxy::start(self.proxy, server.address, folder).await?;
        let sandbox = Arc::new(sandbox);
        let client = self.client(&sandbox, &proxy)?;
        if let Some(rule) = &self.fault {
            sandbox.faults(rule.clone().on("create_batch")).await?;
        }

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
                    sleep(Duration::from_millis(150)).await;
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
            .seed(1);
        if let Some(settling) = self.settling {
            client = client.settling_time(settling);
        }
        if self.how == How::Resending {
            // It is installed already where another scenario's client has been built.
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
    let world = sandbox.world();
    let upload = || async {
        let text = format!("column_{number}\na@example.com\n");
        client.upload_file("leads.csv", text).await
    };
    if number.is_multiple_of(2) {
        // A file that is uploaded twice costs nothing.
        let file = insistently(upload, |_| false).await?;
        return Ok(CreateBatchRequest::new(file).workflow(world.tool_workflow_uuid));
    }
    let below = NumberCondition::lower_than("employees", 1_000_000 + number as u32);
    let data = CreateFilterData::new(world.model_uuid, Filter::all(below)).limit(1);
    Ok(CreateBatchRequest::new(CreateBatchData::from(data)).workflow(world.play_workflow_uuid))
}

/// As a service would: what failed is tried again after a while, unless it must stop there.
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

//! What has been done so far.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use cargo_batch_types::{
    BatchUuid, NodeUuid, Record, ReleaseUuid, RunUuid, TraceUuid, WorkflowUuid,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::clock::Clock;
use crate::digest::etag;
use crate::fixtures::{Catalog, Fixtures, random_uuid};
use crate::graph::Graph;
use crate::outcome::Outcomes;
use crate::schedule::{Plan, Start, Way};
use crate::settings::{BatchClock, Settings};

/// Everything the servers share.
#[derive(Clone)]
pub struct App(Arc<Inner>);

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

struct Inner {
    fixtures: Fixtures,
    catalog: Catalog,
    token: String,
    clock: Clock,
    storage_url: String,
    /// The credits of the workspace at the beginning, in hundredths.
    cents: u64,
    state: Mutex<State>,
}

/// What changes.
pub struct State {
    pub settings: Settings,
    /// How many lists of batches have been asked for.
    pub lists: u64,
    random: fastrand::Rng,
    outcomes: Option<Outcomes>,
    /// In the order of their creation, with the runs that were created by themselves.
    pub batches: Vec<Batch>,
    index: HashMap<BatchUuid, usize>,
    /// Batch and place in it of every run there will be.
    runs: HashMap<RunUuid, (usize, usize)>,
    /// Files by name.
    pub files: HashMap<String, File>,
    /// Uploads in parts that are not complete.
    pub uploads: HashMap<String, Upload>,
    /// Uploads in parts that were given up.
    pub aborted: HashSet<String>,
    /// What all batches will have cost at their end, in hundredths of a credit.
    committed: u64,
}

/// What a batch is created from.
pub struct NewBatch {
    pub workflow: WorkflowUuid,
    /// The release that is executed, unless the graph was given for this batch only.
    pub release: Option<ReleaseUuid>,
    pub graph: Arc<Graph>,
    pub created: DateTime<Utc>,
    /// As it is given back.
    pub data: Value,
    pub parent: Parent,
    pub way: Way,
    pub records: Vec<(Arc<Record>, Start)>,
}

/// A batch, from its creation on.
pub struct Batch {
    pub uuid: BatchUuid,
    pub workflow: WorkflowUuid,
    pub release: Option<ReleaseUuid>,
    pub graph: Arc<Graph>,
    pub created: DateTime<Utc>,
    /// What writes its dates.
    pub clock: BatchClock,
    pub data: Value,
    pub parent: Parent,
    /// What ties the runs to each other.
    pub trace: TraceUuid,
    pub records: Vec<Arc<Record>>,
    pub plan: Plan,
    /// It is no batch, but the one run in it, which was created by itself.
    pub is_alone: bool,
}

impl Batch {
    /// The kind of its data.
    pub fn kind(&self) -> &str {
        self.data["kind"].as_str().unwrap_or_default()
    }
}

/// What something was started from within.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parent {
    pub batch: Option<BatchUuid>,
    pub run: Option<RunUuid>,
    pub node: Option<NodeUuid>,
}

/// A file in storage.
#[derive(Clone, Debug)]
pub struct File {
    pub content: Bytes,
    pub content_type: String,
    pub etag: String,
}

impl File {
    pub fn new(content: Bytes, content_type: &str) -> Self {
        Self {
            etag: etag(&content),
            content_type: content_type.to_owned(),
            content,
        }
    }
}

/// A file that comes in parts.
#[derive(Clone, Debug, Default)]
pub struct Upload {
    pub s3_filename: String,
    pub content_type: String,
    /// ETag and content, by number.
    pub parts: HashMap<u64, (String, Bytes)>,
}

impl App {
    pub fn new(
        seed: u64,
        token: String,
        clock: Clock,
        storage_url: String,
        cents: u64,
        settings: Settings,
        outcomes: Option<Outcomes>,
    ) -> Self {
        let state = State {
            settings,
            outcomes,
            lists: 0,
            random: fastrand::Rng::with_seed(seed ^ 0xba7c),
            batches: Vec::new(),
            index: HashMap::new(),
            runs: HashMap::new(),
            files: HashMap::new(),
            uploads: HashMap::new(),
            aborted: HashSet::new(),
            committed: 0,
        };
        let fixtures = Fixtures::new(seed);
        Self(Arc::new(Inner {
            catalog: Catalog::new(&fixtures),
            fixtures,
            token,
            clock,
            storage_url,
            cents,
            state: Mutex::new(state),
        }))
    }

    pub fn fixtures(&self) -> &Fixtures {
        &self.0.fixtures
    }

    pub fn catalog(&self) -> &Catalog {
        &self.0.catalog
    }

    pub fn token(&self) -> &str {
        &self.0.token
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    /// When the sandbox's time began.
    pub fn began(&self) -> DateTime<Utc> {
        self.0.clock.began()
    }

    pub fn advance(&self, by: std::time::Duration) {
        self.0.clock.advance(by);
    }

    pub fn storage_url(&self) -> &str {
        &self.0.storage_url
    }

    /// The credits of the workspace at the beginning, in hundredths.
    pub fn cents(&self) -> u64 {
        self.0.cents
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A new id.
    pub fn id(&mut self) -> Uuid {
        random_uuid(&mut self.random)
    }

    /// Adds a batch, unless it will cost more than the credits that no other batch will spend.
    pub fn create(&mut self, new: NewBatch, cents: u64) -> Option<&Batch> {
        let uuid = BatchUuid::from(self.id());
        let trace = TraceUuid::from(self.id());
        let is_alone = matches!(new.way, Way::Alone);
        let records = new
            .records
            .iter()
            .map(|(record, start)| (&**record, *start));
        let outcomes = self.outcomes.as_ref();
        let random = &mut self.random;
        let plan = Plan::new(random, new.created, new.way, &new.graph, records, outcomes);
        let committed = self.committed.saturating_add(plan.total());
        if committed > cents {
            return None;
        }
        self.committed = committed;
        let place = self.batches.len();
        if !is_alone {
            self.index.insert(uuid, place);
        }
        let runs = plan.planned().enumerate();
        self.runs
            .extend(runs.map(|(n, run)| (run.uuid, (place, n))));
        self.batches.push(Batch {
            uuid,
            workflow: new.workflow,
            release: new.release,
            graph: new.graph,
            created: new.created,
            clock: self.settings.clock(place),
            data: new.data,
            parent: new.parent,
            trace,
            records: new.records.into_iter().map(|(record, _)| record).collect(),
            plan,
            is_alone,
        });
        self.batches.last()
    }

    pub fn batch(&self, uuid: BatchUuid) -> Option<&Batch> {
        self.batches.get(*self.index.get(&uuid)?)
    }

    /// The batch that a run belongs to, and the run's place in it.
    pub fn place_of(&self, run: RunUuid) -> Option<(usize, usize)> {
        self.runs.get(&run).copied()
    }

    /// Changes the plan of a batch; what it then doesn't cost any more is free for others.
    pub fn change<T>(&mut self, batch: usize, change: impl FnOnce(&mut Plan) -> T) -> Option<T> {
        let plan = &mut self.batches.get_mut(batch)?.plan;
        let before = plan.total();
        let result = change(plan);
        self.committed = (self.committed - before) + plan.total();
        Some(result)
    }

    /// How many runs that were created by themselves have not ended.
    pub fn under_way(&self, now: DateTime<Utc>) -> usize {
        let alone = self.batches.iter().filter(|batch| batch.is_alone);
        let open = |batch: &Batch| {
            batch
                .plan
                .runs(now)
                .iter()
                .any(|run| run.at(now).finished.is_none())
        };
        alone.filter(|batch| open(batch)).count()
    }

    /// The place of a batch in the order of creation.
    pub fn place(&self, uuid: BatchUuid) -> Option<usize> {
        self.index.get(&uuid).copied()
    }

    /// What has been spent so far, in hundredths of a credit, executions of nodes included.
    pub fn spent(&self, now: DateTime<Utc>) -> u64 {
        let standings = self.batches.iter().map(|batch| batch.plan.at(now));
        standings.map(|now| now.cents + now.nodes).sum()
    }

    /// Stores a file under a unique name.
    pub fn store(&mut self, name: &str, content_type: &str, content: Bytes) -> String {
        let s3_filename = format!("uploads/{}/{name}", self.id());
        let file = File::new(content, content_type);
        self.files.insert(s3_filename.clone(), file);
        s3_filename
    }
}

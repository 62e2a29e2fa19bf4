//! What has been done so far.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Bytes;
use cargo_batch_types::{BatchUuid, Record, ReleaseUuid, WorkflowUuid};
use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::clock::Clock;
use crate::plan::{Plan, RunPlan};
use crate::world::{World, random_uuid};

/// Everything the servers share.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    pub world: World,
    pub token: String,
    pub clock: Clock,
    pub storage_url: String,
    state: Mutex<State>,
}

/// What changes.
pub struct State {
    random: fastrand::Rng,
    /// In the order of their creation.
    pub batches: Vec<Batch>,
    index: HashMap<BatchUuid, usize>,
    /// Files by name.
    pub files: HashMap<String, File>,
    /// Uploads in parts that are not complete.
    pub uploads: HashMap<String, Upload>,
}

/// A batch, from its creation on.
pub struct Batch {
    pub uuid: BatchUuid,
    pub workflow: WorkflowUuid,
    pub release: ReleaseUuid,
    pub created: DateTime<Utc>,
    /// As it is given back.
    pub data: Value,
    pub records: Vec<Record>,
    pub plan: Plan,
}

impl Batch {
    pub fn runs(&self) -> impl Iterator<Item = (&RunPlan, &Record)> {
        self.plan.runs.iter().zip(&self.records)
    }
}

/// A file in storage.
#[derive(Clone, Debug)]
pub struct File {
    pub content: Bytes,
    pub content_type: String,
}

impl File {
    pub fn new(content: Bytes, content_type: &str) -> Self {
        Self {
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
    pub parts: HashMap<u64, (String, Bytes)>,
}

impl App {
    pub fn new(seed: u64, token: String, clock: Clock, storage_url: String) -> Self {
        let state = State {
            random: fastrand::Rng::with_seed(seed ^ 0xba7c),
            batches: Vec::new(),
            index: HashMap::new(),
            files: HashMap::new(),
            uploads: HashMap::new(),
        };
        let (world, state) = (World::new(seed), Mutex::new(state));
        Self(Arc::new(Inner {
            world,
            token,
            clock,
            storage_url,
            state,
        }))
    }

    pub fn world(&self) -> &World {
        &self.0.world
    }

    pub fn token(&self) -> &str {
        &self.0.token
    }

    pub fn now(&self) -> DateTime<Utc> {
        self.0.clock.now()
    }

    pub fn advance(&self, by: std::time::Duration) {
        self.0.clock.advance(by);
    }

    pub fn storage_url(&self) -> &str {
        &self.0.storage_url
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

    pub fn create(
        &mut self,
        workflow: WorkflowUuid,
        release: ReleaseUuid,
        created: DateTime<Utc>,
        data: Value,
        records: Vec<Record>,
    ) -> &Batch {
        let uuid = BatchUuid::from(self.id());
        let fails: Vec<Option<bool>> = records.iter().map(fails).collect();
        let plan = Plan::new(&mut self.random, created, &fails);
        self.index.insert(uuid, self.batches.len());
        self.batches.push(Batch {
            uuid,
            workflow,
            release,
            created,
            data,
            records,
            plan,
        });
        &self.batches[self.batches.len() - 1]
    }

    pub fn batch(&mut self, uuid: BatchUuid) -> Option<&mut Batch> {
        let index = *self.index.get(&uuid)?;
        self.batches.get_mut(index)
    }

    /// Keeps a file under a name nobody else has.
    pub fn store(&mut self, name: &str, content_type: &str, content: Bytes) -> String {
        let s3_filename = format!("uploads/{}/{name}", self.id());
        let file = File {
            content,
            content_type: content_type.to_owned(),
        };
        self.files.insert(s3_filename.clone(), file);
        s3_filename
    }
}

/// A record can say itself whether its run fails.
fn fails(record: &Record) -> Option<bool> {
    match record.get("fail")? {
        Value::Bool(fails) => Some(*fails),
        Value::String(text) => Some(matches!(text.as_str(), "true" | "yes" | "1")),
        _ => None,
    }
}

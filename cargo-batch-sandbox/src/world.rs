//! What there is before anybody has done anything.

use cargo_batch_types::{
    ChangeUuid, ModelUuid, NodeUuid, Record, ReleaseUuid, SegmentUuid, UserUuid, WorkflowUuid,
    WorkspaceUuid,
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// The ids of a sandbox, the same for the same seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct World {
    /// The workspace that the token belongs to.
    pub workspace_uuid: WorkspaceUuid,
    /// A play: it takes segments, filters and record ids.
    pub play_workflow_uuid: WorkflowUuid,
    /// A tool: it takes files and records.
    pub tool_workflow_uuid: WorkflowUuid,
    /// The release that both workflows have deployed.
    pub release_uuid: ReleaseUuid,
    /// The model whose records the play works on.
    pub model_uuid: ModelUuid,
    /// A segment of that model that stands alone.
    pub segment_uuid: SegmentUuid,
    /// The segment the play keeps for itself, which it can't be started with.
    pub play_segment_uuid: SegmentUuid,
    /// A change of the play's own segment, which the play can be started with.
    pub change_uuid: ChangeUuid,
    /// The ids of the model's records.
    pub record_ids: Vec<String>,
    #[serde(skip)]
    pub(crate) user_uuid: UserUuid,
    #[serde(skip)]
    node_uuids: [NodeUuid; 3],
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let mut id = || random_uuid(&mut random);
        Self {
            workspace_uuid: id().into(),
            play_workflow_uuid: id().into(),
            tool_workflow_uuid: id().into(),
            release_uuid: id().into(),
            model_uuid: id().into(),
            segment_uuid: id().into(),
            play_segment_uuid: id().into(),
            change_uuid: id().into(),
            record_ids: (1..=200).map(|n| format!("contact-{n}")).collect(),
            user_uuid: id().into(),
            node_uuids: [id().into(), id().into(), id().into()],
        }
    }

    /// A record of the model.
    pub(crate) fn record(&self, id: &str) -> Option<Record> {
        let n = self.record_ids.iter().position(|known| known == id)?;
        let country = ["France", "Spain", "Germany", "Italy"][n % 4];
        Some(
            [
                ("id", json!(id)),
                ("email", json!(format!("{id}@example.com"))),
                ("country", json!(country)),
                ("employees", json!(n * 7 % 1000)),
            ]
            .into_iter()
            .collect(),
        )
    }

    /// The graph that the release runs.
    pub(crate) fn nodes(&self) -> Vec<Value> {
        let [start, enrich, end] = &self.node_uuids;
        let node = |uuid: &NodeUuid, slug: &str, action: &str, children: &[&NodeUuid], x: i64| {
            json!({
                "uuid": uuid, "slug": slug, "kind": "native", "actionSlug": action, "config": {},
                "childrenUuids": children, "fallbackOnFailure": false,
                "position": { "x": x, "y": 0 },
            })
        };
        vec![
            node(start, "start", "start", &[enrich], 0),
            node(enrich, "enrich", "enrich", &[end], 200),
            node(end, "end", "end", &[], 400),
        ]
    }

    /// The slugs of the nodes, in the order they run.
    pub(crate) fn slugs() -> [&'static str; 3] {
        ["start", "enrich", "end"]
    }

    pub(crate) fn node(&self, index: usize) -> NodeUuid {
        self.node_uuids[index]
    }
}

/// A version 4 uuid by chance.
pub(crate) fn random_uuid(random: &mut fastrand::Rng) -> Uuid {
    let mut bytes = random.u128(..).to_be_bytes();
    bytes[6] = (bytes[6] & 0x0f) | 0x40;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

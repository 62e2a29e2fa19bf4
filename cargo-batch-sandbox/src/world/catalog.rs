//! What the ids of the world stand for.

use std::sync::Arc;

use cargo_batch_types::{
    ChangeKind, ChangeUuid, ModelUuid, PlayUuid, Record, ReleaseUuid, SegmentUuid, ToolUuid,
    WorkflowUuid,
};

use super::models::{Model, companies, contacts};
use super::releases::{self, Release};
use super::workflows::{self, Kind, Play, Tool, Workflow};
use super::{World, models};

/// Everything that is in the workspace from the beginning, and stays as it is.
#[derive(Debug)]
pub struct Catalog {
    pub workflows: Vec<Workflow>,
    pub tools: Vec<Tool>,
    pub plays: Vec<Play>,
    pub models: Vec<Model>,
    pub segments: Vec<Segment>,
    pub changes: Vec<Change>,
    releases: Vec<Release>,
}

#[derive(Debug)]
pub struct Segment {
    pub uuid: SegmentUuid,
    pub slug: &'static str,
    pub name: &'static str,
    pub model: ModelUuid,
    pub records: Vec<Arc<Record>>,
    /// It belongs to a play.
    pub linked: bool,
    /// Its records can be fetched.
    pub reachable: bool,
}

impl Segment {
    pub fn holds(&self, record: &Record) -> bool {
        let id = record.get("id");
        id.is_some() && self.records.iter().any(|held| held.get("id") == id)
    }
}

/// What happened to the records of a segment between two moments.
#[derive(Debug)]
pub struct Change {
    pub uuid: ChangeUuid,
    pub segment: SegmentUuid,
    pub model: ModelUuid,
    records: Vec<(ChangeKind, Arc<Record>)>,
}

impl Change {
    /// The records that changed in one of these ways.
    pub fn records(&self, kinds: &[ChangeKind]) -> Vec<Arc<Record>> {
        let wanted = self.records.iter().filter(|(kind, _)| kinds.contains(kind));
        wanted.map(|(_, record)| record.clone()).collect()
    }

    /// How many records changed in this way.
    pub fn count(&self, kind: &ChangeKind) -> usize {
        self.records.iter().filter(|(is, _)| is == kind).count()
    }
}

impl Catalog {
    pub fn new(world: &World) -> Self {
        let contacts = contacts(world.model_uuid);
        let companies = companies(world.company_model_uuid);
        let every = |model: &Model, step: usize| {
            let records = model.records.iter().step_by(step);
            records.cloned().collect::<Vec<_>>()
        };
        let segment = |uuid, (slug, name), model: &Model, step| Segment {
            uuid,
            slug,
            name,
            model: model.uuid,
            records: every(model, step),
            linked: false,
            reachable: true,
        };
        let segments = vec![
            segment(
                world.segment_uuid,
                ("every_second", "Every second contact"),
                &contacts,
                2,
            ),
            Segment {
                linked: true,
                ..segment(
                    world.play_segment_uuid,
                    ("route_contacts", "Route contacts"),
                    &contacts,
                    3,
                )
            },
            segment(
                world.company_segment_uuid,
                ("companies", "Every second company"),
                &companies,
                2,
            ),
            Segment {
                reachable: false,
                ..segment(
                    world.unreachable_segment_uuid,
                    ("unreachable", "Contacts that can't be fetched"),
                    &contacts,
                    4,
                )
            },
            Segment {
                linked: true,
                ..segment(
                    world.paused_play_segment_uuid,
                    ("route_contacts_by_country", "Route contacts by country"),
                    &contacts,
                    5,
                )
            },
        ];
        // Ten came in, eight changed, six left, four stayed.
        let kinds = [
            (ChangeKind::Added, 10),
            (ChangeKind::Updated, 8),
            (ChangeKind::Removed, 6),
            (ChangeKind::Unchanged, 4),
        ];
        let kinds = kinds
            .iter()
            .flat_map(|(kind, count)| std::iter::repeat_n(kind.clone(), *count));
        let change =
            |uuid, segment: &Segment, kinds: &mut dyn Iterator<Item = ChangeKind>| Change {
                uuid,
                segment: segment.uuid,
                model: segment.model,
                records: kinds.zip(segment.records.iter().cloned()).collect(),
            };
        let added = |count| std::iter::repeat_n(ChangeKind::Added, count);
        let changes = vec![
            change(world.change_uuid, &segments[1], &mut kinds.into_iter()),
            change(world.additions_change_uuid, &segments[0], &mut added(5)),
            change(world.company_change_uuid, &segments[2], &mut added(3)),
        ];
        Self {
            workflows: workflows::workflows(world),
            tools: workflows::tools(world),
            plays: workflows::plays(world),
            releases: releases::all(world),
            models: vec![contacts, companies, models::events(world.event_model_uuid)],
            segments,
            changes,
        }
    }

    pub fn workflow(&self, uuid: WorkflowUuid) -> Option<&Workflow> {
        self.workflows.iter().find(|known| known.uuid == uuid)
    }

    pub fn tool(&self, uuid: ToolUuid) -> Option<&Tool> {
        self.tools.iter().find(|known| known.uuid == uuid)
    }

    pub fn play(&self, uuid: PlayUuid) -> Option<&Play> {
        self.plays.iter().find(|known| known.uuid == uuid)
    }

    pub fn model(&self, uuid: ModelUuid) -> Option<&Model> {
        self.models.iter().find(|known| known.uuid == uuid)
    }

    pub fn segment(&self, uuid: SegmentUuid) -> Option<&Segment> {
        self.segments.iter().find(|known| known.uuid == uuid)
    }

    pub fn change(&self, uuid: ChangeUuid) -> Option<&Change> {
        self.changes.iter().find(|known| known.uuid == uuid)
    }

    /// The latest change of a segment.
    pub fn latest_change(&self, segment: SegmentUuid) -> Option<&Change> {
        self.changes.iter().find(|known| known.segment == segment)
    }

    /// The release that is executed when none is named.
    pub fn deployed(&self, workflow: WorkflowUuid) -> Option<&Release> {
        let mut all = self.releases.iter();
        all.find(|known| known.workflow == workflow && known.status == "deployed")
    }

    /// Whether only plays can be started with a release.
    pub fn is_of_play(&self, release: &Release) -> bool {
        let workflow = self.workflow(release.workflow);
        workflow.is_some_and(|workflow| workflow.kind == Kind::Play)
    }

    pub fn release(&self, uuid: ReleaseUuid) -> Option<&Release> {
        self.releases.iter().find(|known| known.uuid == uuid)
    }
}

//! Which runs are meant.
//!
//! What the API leaves open is the sandbox's choice: a part of a title is enough and its case doesn't
//! matter, an id must be equal; the moment of `createdAfter` and its like doesn't count itself.

use std::collections::HashSet;

use cargo_batch_types::{
    BatchUuid, Conjonction, ExecutionStatus, ExecutionsCondition, ExecutionsConditionKind,
    ExecutionsConditionStatus, ExecutionsFilter, ExecutionsFilterGroup, NodeUuid, ReleaseUuid,
    RunStatus, RunUuid, UserUuid, WorkflowUuid,
};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::RunView;
use crate::fixtures::Fixtures;
use crate::refusal::Refusal;
use crate::state::{Batch, State};

/// The filters of every operation on runs; those that an operation doesn't have stay unset.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RunFilter {
    pub workflow_uuid: Option<WorkflowUuid>,
    user_uuid: Option<UserUuid>,
    pub uuids: Option<HashSet<RunUuid>>,
    pub batch_uuid: Option<BatchUuid>,
    pub release_uuid: Option<ReleaseUuid>,
    statuses: Option<Vec<RunStatus>>,
    parent_batch_uuid: Option<BatchUuid>,
    #[serde(alias = "parentRunUuid")]
    parent_uuid: Option<RunUuid>,
    parent_node_uuid: Option<NodeUuid>,
    is_group_parent: Option<bool>,
    record_id: Option<String>,
    #[serde(alias = "title")]
    record_title: Option<String>,
    #[serde(alias = "titleOrId")]
    record_title_or_id: Option<String>,
    /// The ids of records, where records are meant.
    ids: Option<HashSet<String>>,
    is_finished: Option<bool>,
    executions_filter: Option<ExecutionsFilter>,
    created_after: Option<DateTime<Utc>>,
    created_before: Option<DateTime<Utc>>,
    updated_after: Option<DateTime<Utc>>,
    updated_before: Option<DateTime<Utc>>,
    pub limit: Option<u64>,
    pub offset: Option<u64>,
}

impl RunFilter {
    /// Finds what no run could ever meet.
    pub fn check(&self) -> Result<(), Refusal> {
        let statuses = self.statuses.iter().flatten();
        for (n, status) in statuses.enumerate() {
            if matches!(status, RunStatus::Unknown(_)) {
                let message = format!("statuses[{n}]: there is no status {:?}", status.as_str());
                return Err(Refusal::malformed(message));
            }
        }
        let Some(filter) = &self.executions_filter else {
            return Ok(());
        };
        let conjonctions = filter.groups.iter().map(|group| &group.conjonction);
        for conjonction in conjonctions.chain([&filter.conjonction]) {
            if !matches!(conjonction, Conjonction::And | Conjonction::Or) {
                let is = conjonction.as_str();
                return Err(wrong(&format!("conjonction is and or or, not {is:?}")));
            }
        }
        let conditions = filter.groups.iter().flat_map(|group| &group.conditions);
        for condition in conditions {
            if condition.kind != ExecutionsConditionKind::Node {
                let kind = condition.kind.as_str();
                return Err(wrong(&format!("there is no kind {kind:?}")));
            }
            if let ExecutionsConditionStatus::Unknown(status) = &condition.status {
                return Err(wrong(&format!("there is no status {:?}", status.as_str())));
            }
        }
        Ok(())
    }

    /// Whether there are filters besides the workflow and the uuids.
    pub fn narrows(&self) -> bool {
        let Self {
            workflow_uuid: _,
            uuids: _,
            limit: _,
            offset: _,
            user_uuid,
            batch_uuid,
            release_uuid,
            statuses,
            parent_batch_uuid,
            parent_uuid,
            parent_node_uuid,
            is_group_parent,
            record_id,
            record_title,
            record_title_or_id,
            ids,
            is_finished,
            executions_filter,
            created_after,
            created_before,
            updated_after,
            updated_before,
        } = self;
        user_uuid.is_some()
            || batch_uuid.is_some()
            || release_uuid.is_some()
            || statuses.is_some()
            || parent_batch_uuid.is_some()
            || parent_uuid.is_some()
            || parent_node_uuid.is_some()
            || is_group_parent.is_some()
            || record_id.is_some()
            || record_title.is_some()
            || record_title_or_id.is_some()
            || ids.is_some()
            || is_finished.is_some()
            || executions_filter.is_some()
            || created_after.is_some()
            || created_before.is_some()
            || updated_after.is_some()
            || updated_before.is_some()
    }

    /// The runs that meet all the filters, oldest batch first, in the order of the records.
    pub fn find<'a>(
        &'a self,
        state: &'a State,
        fixtures: &Fixtures,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = RunView<'a>> {
        let user = self.user_uuid.is_none_or(|user| user == fixtures.user_uuid);
        // One batch is found by its id, not by looking through all.
        let batches = match self.batch_uuid {
            Some(uuid) => state.batch(uuid).map_or(&[][..], std::slice::from_ref),
            None => &state.batches[..],
        };
        batches
            .iter()
            .filter(move |batch| user && self.takes(batch))
            .flat_map(move |batch| RunView::all(batch, now))
            .filter(|run| self.is_met_by(run))
    }

    fn takes(&self, batch: &Batch) -> bool {
        fn is<T: PartialEq>(wanted: Option<T>, is: Option<T>) -> bool {
            wanted.is_none() || wanted == is
        }
        is(self.workflow_uuid, Some(batch.workflow))
            && is(self.release_uuid, batch.release)
            && is(self.parent_batch_uuid, batch.parent.batch)
            && is(self.parent_uuid, batch.parent.run)
            && is(self.parent_node_uuid, batch.parent.node)
            && self
                .created_before
                .is_none_or(|before| batch.created < before)
    }

    fn is_met_by(&self, run: &RunView) -> bool {
        let titled = |wanted: &String| {
            let title = run.record_title().to_lowercase();
            title.contains(&wanted.to_lowercase())
        };
        let standing = run.standing();
        let (after, before) = (self.updated_after, self.updated_before);
        let updated = || run.updated();
        self.uuids
            .as_ref()
            .is_none_or(|uuids| uuids.contains(&run.plan().uuid))
            && self
                .statuses
                .as_ref()
                .is_none_or(|all| all.is_empty() || all.contains(&standing.status))
            && self
                .is_finished
                .is_none_or(|finished| finished == standing.finished.is_some())
            && self
                .record_id
                .as_ref()
                .is_none_or(|id| run.record_id() == id.as_str())
            && self
                .ids
                .as_ref()
                .is_none_or(|ids| ids.contains(&*run.record_id()))
            && self.record_title.as_ref().is_none_or(titled)
            && self
                .record_title_or_id
                .as_ref()
                .is_none_or(|wanted| titled(wanted) || run.record_id() == wanted.as_str())
            && self
                .is_group_parent
                .is_none_or(|parent| parent == run.is_group_parent())
            && self.created_after.is_none_or(|after| run.created() > after)
            && self
                .created_before
                .is_none_or(|before| run.created() < before)
            && after.is_none_or(|after| updated() > after)
            && before.is_none_or(|before| updated() < before)
            && self
                .executions_filter
                .as_ref()
                .is_none_or(|filter| executed(run, filter))
    }
}

fn wrong(message: &str) -> Refusal {
    Refusal::malformed(format!("executionsFilter: {message}"))
}

/// Of no conditions, all hold.
fn combine(conjonction: &Conjonction, mut verdicts: impl ExactSizeIterator<Item = bool>) -> bool {
    match conjonction {
        Conjonction::Or => verdicts.len() == 0 || verdicts.any(|holds| holds),
        _ => verdicts.all(|holds| holds),
    }
}

fn executed(run: &RunView, filter: &ExecutionsFilter) -> bool {
    let group = |group: &ExecutionsFilterGroup| {
        let conditions = group.conditions.iter();
        combine(
            &group.conjonction,
            conditions.map(|condition| happened(run, condition)),
        )
    };
    combine(&filter.conjonction, filter.groups.iter().map(group))
}

fn happened(run: &RunView, condition: &ExecutionsCondition) -> bool {
    use ExecutionsConditionStatus as RunFilter;
    let mut executions = run.executions();
    let Some(execution) = executions.find(|one| one.node.slug == condition.node_slug) else {
        return condition.status == RunFilter::Absent;
    };
    let says = |text: Option<&str>| {
        let text = text.unwrap_or_default().to_lowercase();
        let wanted = condition.value.as_ref();
        wanted.is_none_or(|wanted| text.contains(&wanted.to_lowercase()))
    };
    match (&condition.status, execution.status()) {
        (RunFilter::Pending, ExecutionStatus::Pending) => true,
        (RunFilter::Success, ExecutionStatus::Success) => says(execution.title().as_deref()),
        (RunFilter::Error, ExecutionStatus::Error) => says(execution.failure()),
        _ => false,
    }
}

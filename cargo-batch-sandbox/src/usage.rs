//! What was used, day by day.

use std::collections::BTreeMap;

use cargo_batch_types::{
    AgentUuid, ConnectorUuid, ExecutionStatus, ModelUuid, Node, NodeKind, UsageGroup, UsageUnit,
    WorkflowUuid,
};
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use crate::clock::written;
use crate::fixtures::Fixtures;
use crate::runs::RunView;
use crate::state::State;

/// What is asked for. Days begin at midnight UTC, and the last one counts; what is used belongs to the day on which
/// the execution ended: the sandbox's choice.
pub struct RunFilter {
    pub from: NaiveDate,
    pub to: NaiveDate,
    pub unit: Option<UsageUnit>,
    pub group: Option<UsageGroup>,
    pub workflow: Option<WorkflowUuid>,
    /// Nothing is used by a model here, so that with one there is nothing.
    pub model: Option<ModelUuid>,
    pub connector: Option<ConnectorUuid>,
    pub integration: Option<String>,
    pub agent: Option<AgentUuid>,
    pub slug: Option<String>,
}

/// What was used on a day, by slug and group, in hundredths of credits or as executions.
type Day = BTreeMap<(String, Option<String>), Count>;

#[derive(Clone, Copy)]
enum Count {
    Cents(u64),
    Executions(u64),
}

/// The days on which something was used.
pub fn metrics(
    wanted: &RunFilter,
    state: &State,
    fixtures: &Fixtures,
    now: DateTime<Utc>,
) -> Vec<Value> {
    let mut days: BTreeMap<NaiveDate, Day> = BTreeMap::new();
    let batches = state.batches.iter();
    let batches = batches.filter(|batch| wanted.workflow.is_none_or(|is| is == batch.workflow));
    for run in batches.flat_map(|batch| RunView::all(batch, now)) {
        for execution in run.executions() {
            let Some(ended) = execution.ended() else {
                continue;
            };
            let by = By::new(execution.node, run.batch.workflow, fixtures);
            let day = ended.date_naive();
            if !(wanted.from..=wanted.to).contains(&day) || !by.is_met(wanted) {
                continue;
            }
            let outcome = match execution.status() {
                ExecutionStatus::Error => "error",
                _ => "success",
            };
            let cents = execution.cents();
            let group = wanted.group.as_ref().and_then(|group| by.group(group));
            let used = days.entry(day).or_default();
            let mut add = |unit, slug: String, count: Count| {
                let is_wanted = wanted.unit.as_ref().is_none_or(|is| *is == unit)
                    && wanted.slug.as_ref().is_none_or(|is| *is == slug);
                if is_wanted {
                    let known = used.entry((slug, group.clone()));
                    known.and_modify(|known| known.add(count)).or_insert(count);
                }
            };
            let outcome = outcome.to_owned();
            add(
                UsageUnit::OrchestrationExecutions,
                outcome,
                Count::Executions(1),
            );
            if cents > 0 {
                add(
                    UsageUnit::BillingCredits,
                    by.slug.clone(),
                    Count::Cents(cents),
                );
            }
        }
    }
    days.retain(|_, used| !used.is_empty());
    let written = days.into_iter().map(|(day, used)| {
        let items: Vec<Value> = used
            .into_iter()
            .map(|((slug, group), count)| {
                json!({ "slug": slug, "count": count.written(), "groupBy": group })
            })
            .collect();
        let first = day.and_time(chrono::NaiveTime::MIN).and_utc();
        json!({ "date": written(first), "items": items })
    });
    written.collect()
}

impl Count {
    fn add(&mut self, more: Self) {
        match (self, more) {
            (Self::Cents(sum), Self::Cents(more))
            | (Self::Executions(sum), Self::Executions(more)) => *sum += more,
            // The slugs of the units differ.
            _ => {}
        }
    }

    fn written(self) -> Value {
        match self {
            Self::Cents(cents) => crate::views::credits(cents).into(),
            Self::Executions(count) => count.into(),
        }
    }
}

/// What an execution was done by.
struct By {
    /// What providers charge for it under.
    slug: String,
    workflow: WorkflowUuid,
    connector: Option<ConnectorUuid>,
    integration: Option<String>,
    agent: Option<AgentUuid>,
}

impl By {
    fn new(node: &Node, workflow: WorkflowUuid, fixtures: &Fixtures) -> Self {
        let mut by = Self {
            slug: "native.tool".to_owned(),
            workflow,
            connector: None,
            integration: None,
            agent: None,
        };
        match &node.kind {
            NodeKind::Native(native) => by.slug = format!("native.{}", native.action_slug),
            NodeKind::Connector(node) => {
                let (integration, action) = (&node.integration_slug, &node.action_slug);
                by.slug = format!("integration.{integration}.action.{action}");
                by.connector = Some(node.connector_uuid.unwrap_or(fixtures.connector_uuid));
                by.integration = Some(integration.clone());
            }
            NodeKind::Agent(node) => {
                by.slug = "native.agent".to_owned();
                by.agent = Some(node.agent_uuid.unwrap_or(fixtures.agent_uuid));
            }
            _ => {}
        }
        by
    }

    fn is_met(&self, wanted: &RunFilter) -> bool {
        wanted.model.is_none()
            && wanted.connector.is_none_or(|is| self.connector == Some(is))
            && wanted.agent.is_none_or(|is| self.agent == Some(is))
            && (wanted.integration.is_none() || wanted.integration == self.integration)
    }

    fn group(&self, group: &UsageGroup) -> Option<String> {
        match group {
            UsageGroup::WorkflowUuid => Some(self.workflow.to_string()),
            UsageGroup::ConnectorUuid => self.connector.map(|uuid| uuid.to_string()),
            UsageGroup::AgentUuid => self.agent.map(|uuid| uuid.to_string()),
            UsageGroup::IntegrationSlug => self.integration.clone(),
            _ => None,
        }
    }
}

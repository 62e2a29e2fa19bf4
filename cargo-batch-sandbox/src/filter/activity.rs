//! Conditions on what happened around a record: passages through workflows, related records.

use cargo_batch_types::{
    Condition, EnrollmentActivityKind, EnrollmentCondition, Frequency, OccurrenceCondition, Period,
    PeriodOperator, PeriodUnit, Record,
};
use chrono::{DateTime, Utc};

use super::{Filters, Verdict, combine, related_records};
use crate::runs::RunView;

/// What is counted of related records, and nothing else.
const COUNTED: [&str; 8] = [
    "string", "number", "object", "array", "any", "vector", "date", "boolean",
];

impl Filters<'_> {
    /// How often the record went through a workflow.
    pub fn enrollment(&self, record: &Record, condition: &EnrollmentCondition) -> Verdict {
        if self.catalog.workflow(condition.workflow_uuid).is_none() {
            return Err(format!("there is no workflow {}", condition.workflow_uuid));
        }
        let id = record.get("id").and_then(|id| id.as_str());
        let batches = self.state.batches.iter();
        let runs = batches
            .filter(|batch| batch.workflow == condition.workflow_uuid)
            .flat_map(|batch| RunView::all(batch, self.now))
            .filter(|run| Some(&*run.record_id()) == id);
        let mut count = 0;
        for run in runs {
            let times = activity(&run, condition)?;
            for time in times {
                count += usize::from(within(&condition.period, time, self.now)?);
            }
        }
        // A mistake in the period is found even when there is nothing to count.
        within(&condition.period, self.now, self.now)?;
        often(&condition.frequency, count)
    }

    /// How often related records occurred.
    pub fn occurrence(&self, record: &Record, condition: &OccurrenceCondition) -> Verdict {
        let model = self.related_model(condition.related_model_uuid)?;
        let date = model.columns.iter().find(|(_, kind)| *kind == "date");
        let counts = |condition: &&Condition| COUNTED.contains(&condition.tag());
        if let Some(other) = condition.conditions.iter().find(|one| !counts(one)) {
            let kind = other.tag();
            return Err(format!(
                "an occurrence takes no conditions of kind {kind:?}"
            ));
        }
        let mut count = 0;
        for related in related_records(record, model) {
            let text = date.and_then(|(slug, _)| related.get(*slug)?.as_str());
            let time = text.and_then(|text| DateTime::parse_from_rfc3339(text).ok());
            let lately = match time {
                Some(time) => within(&condition.period, time.to_utc(), self.now)?,
                None => true,
            };
            let conditions = condition.conditions.iter();
            let fits = combine(
                &condition.conjonction,
                conditions.map(|condition| self.meets(model, related, condition)),
            )?;
            count += usize::from(lately && fits);
        }
        within(&condition.period, self.now, self.now)?;
        often(&condition.frequency, count)
    }
}

/// When what is counted happened in a run.
fn activity(run: &RunView, condition: &EnrollmentCondition) -> Result<Vec<DateTime<Utc>>, String> {
    let started = (run.plan().start <= run.now).then_some(run.plan().start);
    Ok(match condition.activity_kind {
        EnrollmentActivityKind::WorkflowEntered => started.into_iter().collect(),
        EnrollmentActivityKind::WorkflowLeft => run.standing().finished.into_iter().collect(),
        EnrollmentActivityKind::WorkflowNodeExecuted => run
            .executions()
            .filter(|execution| {
                let slug = condition.node_slug.as_ref();
                slug.is_none_or(|slug| *slug == execution.node.slug)
            })
            .filter_map(|execution| execution.ended())
            .collect(),
        ref other => return Err(format!("there is no activityKind {:?}", other.as_str())),
    })
}

fn within(period: &Period, time: DateTime<Utc>, now: DateTime<Utc>) -> Verdict {
    if period.unit != PeriodUnit::Day {
        return Err(format!("unit is day, not {:?}", period.unit.as_str()));
    }
    let days = (now - time).num_milliseconds() as f64 / 86_400_000.0;
    match period.operator {
        PeriodOperator::LessThan => Ok(days < period.value),
        PeriodOperator::MoreThan => Ok(days > period.value),
        PeriodOperator::Exactly => Ok(days.floor() == period.value),
        ref other => Err(format!(
            "there is no operator {:?} of a period",
            other.as_str()
        )),
    }
}

fn often(frequency: &Frequency, count: usize) -> Verdict {
    let count = count as f64;
    match frequency {
        Frequency::Not => Ok(count == 0.0),
        Frequency::MoreThan(than) => Ok(count > than.value),
        Frequency::LessThan(than) => Ok(count < than.value),
        Frequency::Exactly(times) => Ok(count == times.value),
        other => Err(format!(
            "there is no operator {:?} of a frequency",
            other.tag()
        )),
    }
}

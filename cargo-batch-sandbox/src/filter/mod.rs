//! Filters, evaluated over the records of a model.
//!
//! What the API leaves open is the sandbox's choice: text is compared as it is, `between` includes
//! its bounds, `null` is unlike everything, and of several related records one that fits is enough.

mod activity;
mod compare;
mod sql;

use std::cmp::Ordering;
use std::sync::Arc;

use cargo_batch_types::{
    Condition, Conjonction, Filter, FilterGroup, ModelUuid, Record, SegmentMembership, Sort,
    SortDirection,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::fixtures::{Catalog, Model};
use crate::state::State;

/// What filters can read.
#[derive(Clone, Copy)]
pub struct Filters<'a> {
    pub catalog: &'a Catalog,
    pub state: &'a State,
    pub now: DateTime<Utc>,
}

/// Whether a record passes, or what is wrong with the filter.
type Verdict = Result<bool, String>;

impl Filters<'_> {
    /// The records of a model that pass, in order, as many as wanted.
    pub fn select(
        &self,
        model: &Model,
        filter: Option<&Filter>,
        sort: &[Sort],
        limit: Option<u64>,
    ) -> Result<Vec<Arc<Record>>, String> {
        let mut records = Vec::new();
        for record in &model.records {
            if match filter {
                Some(filter) => self.passes(model, record, filter)?,
                None => true,
            } {
                records.push(record.clone());
            }
        }
        self.sort(model, &mut records, sort)?;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        records.truncate(limit.unwrap_or(usize::MAX));
        Ok(records)
    }

    fn sort(
        &self,
        model: &Model,
        records: &mut [Arc<Record>],
        sort: &[Sort],
    ) -> Result<(), String> {
        for (n, by) in sort.iter().enumerate() {
            if model.column(&by.column_slug).is_none() {
                return Err(format!(
                    "sort[{n}]: there is no column {:?}",
                    by.column_slug
                ));
            }
            if !matches!(by.kind, SortDirection::Asc | SortDirection::Desc) {
                return Err(format!(
                    "sort[{n}]: kind is asc or desc, not {:?}",
                    by.kind.as_str()
                ));
            }
        }
        // Sorting keeps the order of equals, so the entry that weighs most comes last.
        for by in sort.iter().rev() {
            records.sort_by(|one, other| {
                let value = |record: &Record| record.get(&by.column_slug).cloned();
                let order = compare::values(&value(one), &value(other));
                match by.kind {
                    SortDirection::Desc => order.reverse(),
                    _ => order,
                }
            });
        }
        Ok(())
    }

    fn passes(&self, model: &Model, record: &Record, filter: &Filter) -> Verdict {
        let groups = filter.groups.iter();
        combine(
            &filter.conjonction,
            groups.map(|group| self.group(model, record, group)),
        )
    }

    fn group(&self, model: &Model, record: &Record, group: &FilterGroup) -> Verdict {
        let conditions = group.conditions.iter();
        combine(
            &group.conjonction,
            conditions.map(|condition| self.meets(model, record, condition)),
        )
    }

    fn meets(&self, model: &Model, record: &Record, condition: &Condition) -> Verdict {
        // The column's values in this record, or in the related records.
        let any = |slug: &str,
                   kind: &str,
                   related: Option<ModelUuid>,
                   meets: &dyn Fn(&Value) -> Verdict| {
            let column = |model: &Model| match model.column(slug) {
                None => Err(format!("there is no column {slug:?}")),
                Some(is) if kind != "any" && kind != is => Err(format!(
                    "a {kind} condition on {slug:?}, which is a column of {is}"
                )),
                Some(_) => Ok(()),
            };
            let Some(related) = related else {
                column(model)?;
                return meets(record.get(slug).unwrap_or(&Value::Null));
            };
            let other = self.related_model(related)?;
            column(other)?;
            let records = related_records(record, other);
            let mut verdicts: Vec<bool> = Vec::new();
            for record in records {
                verdicts.push(meets(record.get(slug).unwrap_or(&Value::Null))?);
            }
            match verdicts.is_empty() {
                true => meets(&Value::Null),
                false => Ok(verdicts.contains(&true)),
            }
        };
        match condition {
            Condition::String(on) => {
                any(&on.column_slug, "string", on.related_model_uuid, &|value| {
                    compare::string(value, &on.operator)
                })
            }
            Condition::Number(on) => {
                any(&on.column_slug, "number", on.related_model_uuid, &|value| {
                    compare::number(value, &on.operator)
                })
            }
            Condition::Date(on) => any(&on.column_slug, "date", on.related_model_uuid, &|value| {
                compare::date(value, &on.operator)
            }),
            Condition::Boolean(on) => any(
                &on.column_slug,
                "boolean",
                on.related_model_uuid,
                &|value| compare::boolean(value, &on.operator),
            ),
            Condition::Object(on) => {
                any(&on.column_slug, "object", on.related_model_uuid, &|value| {
                    compare::object(value, &on.operator)
                })
            }
            Condition::Array(on) => {
                any(&on.column_slug, "array", on.related_model_uuid, &|value| {
                    compare::object(value, &on.operator)
                })
            }
            Condition::ObjectProperty(on) => {
                any(&on.column_slug, "object", on.related_model_uuid, &|value| {
                    compare::property(value, on)
                })
            }
            Condition::Vector(on) => {
                any(&on.column_slug, "vector", on.related_model_uuid, &|value| {
                    compare::presence(value, &on.operator)
                })
            }
            Condition::Any(on) => any(&on.column_slug, "any", on.related_model_uuid, &|value| {
                compare::presence(value, &on.operator)
            }),
            Condition::Segment(on) => {
                let segment = self.catalog.segment(on.segment_uuid);
                let segment =
                    segment.ok_or_else(|| format!("there is no segment {}", on.segment_uuid))?;
                match on.operator {
                    SegmentMembership::In => Ok(segment.holds(record)),
                    SegmentMembership::NotIn => Ok(!segment.holds(record)),
                    _ => Err(format!(
                        "operator is in or notIn, not {:?}",
                        on.operator.as_str()
                    )),
                }
            }
            Condition::Enrollment(on) => self.enrollment(record, on),
            Condition::Occurrence(on) => self.occurrence(record, on),
            Condition::Sql(on) => sql::passes(&on.clause, model, record)
                .map_err(|error| format!("{:?}: {error}", on.name)),
            other => Err(format!(
                "a condition of kind {:?} without the fields of that kind",
                other.tag()
            )),
        }
    }

    fn related_model(&self, uuid: ModelUuid) -> Result<&Model, String> {
        let model = self.catalog.model(uuid);
        model.ok_or_else(|| format!("there is no model {uuid}"))
    }
}

/// The records of another model that belong to a record: those that refer to it, and those it refers
/// to.
fn related_records<'a>(record: &'a Record, other: &'a Model) -> impl Iterator<Item = &'a Record> {
    let belongs = move |related: &&Arc<Record>| {
        let refers = |from: &Record, field: &str, to: &Record| {
            let id = from.get(field);
            id.is_some() && id == to.get("id")
        };
        refers(related, "contact_id", record) || refers(record, "company_id", related)
    };
    let belonging = other.records.iter().filter(belongs);
    belonging.map(|related| &**related)
}

/// All are looked at, so that a mistake in any of them is found. Of none, all hold.
fn combine(conjonction: &Conjonction, verdicts: impl Iterator<Item = Verdict>) -> Verdict {
    let verdicts: Vec<bool> = verdicts.collect::<Result<_, _>>()?;
    match conjonction {
        Conjonction::And => Ok(!verdicts.contains(&false)),
        Conjonction::Or => Ok(verdicts.is_empty() || verdicts.contains(&true)),
        _ => Err(format!(
            "conjonction is and or or, not {:?}",
            conjonction.as_str()
        )),
    }
}

/// Numbers as numbers, other things as text; what there is not comes last.
fn order(one: &Value, other: &Value) -> Ordering {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other),
        _ => compare::text(one).cmp(&compare::text(other)),
    }
}

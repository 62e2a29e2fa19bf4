//! Credits, and what they were spent on.

use axum::Json;
use axum::extract::{RawQuery, State};
use cargo_batch_types::{AgentUuid, ConnectorUuid, ModelUuid, UsageGroup, UsageUnit, WorkflowUuid};
use chrono::{DateTime, NaiveDate};
use serde_json::{Value, json};

use super::ApiResult;
use super::query::Parameters;
use crate::clock::written;
use crate::refusal::Refusal;
use crate::state::App;
use crate::usage::{self, RunFilter};
use crate::views::credits;

/// One period, which begins with the sandbox and doesn't end.
pub async fn subscription(State(app): State<App>) -> Json<Value> {
    let spent = app.state().spent(app.now());
    let began = written(app.began());
    Json(json!({ "subscription": {
        "uuid": app.fixtures().workspace_uuid,
        "workspaceUuid": app.fixtures().workspace_uuid,
        "provider": "stripe",
        "subscriptionStatus": "active",
        "subscriptionAvailableCreditsCount": credits(app.cents()),
        "subscriptionCreditsUsedCount": credits(spent),
        "additionalAvailableCreditsCount": 0,
        "creditsOverageBehaviors": [{ "unit": "billing.credits", "action": "deny" }],
        "creditsConsumptionBehaviors": [],
        "plan": "self-serve",
        "cadence": "one_time",
        "hasCredits": spent < app.cents(),
        "hasPendingChange": false,
        "startAt": began,
        "resetAt": null,
        "endAt": null,
        "topup": null,
        "createdAt": began,
        "updatedAt": began,
    } }))
}

pub async fn usage(State(app): State<App>, RawQuery(query): RawQuery) -> ApiResult {
    let query = Parameters::read(query.as_deref());
    let unit: Option<String> = query.get("unit")?;
    let group: Option<String> = query.get("groupBy")?;
    let wanted = RunFilter {
        from: day(&query, "from")?,
        to: day(&query, "to")?,
        unit: unit.as_deref().map(UsageUnit::from),
        group: group.as_deref().map(UsageGroup::from),
        workflow: query.get::<WorkflowUuid>("workflowUuid")?,
        model: query.get::<ModelUuid>("modelUuid")?,
        connector: query.get::<ConnectorUuid>("connectorUuid")?,
        integration: query.get("integrationSlug")?,
        agent: query.get::<AgentUuid>("agentUuid")?,
        slug: query.get("slug")?,
    };
    let state = app.state();
    let metrics = usage::metrics(&wanted, &state, app.fixtures(), app.now());
    Ok(Json(json!({ "metrics": metrics })))
}

/// A day, written as one or as a moment in it.
fn day(query: &Parameters, name: &str) -> Result<NaiveDate, Refusal> {
    let text: String = query.get(name)?.unwrap_or_default();
    let moment = || DateTime::parse_from_rfc3339(&text).map(|time| time.to_utc().date_naive());
    let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").or_else(|_| moment());
    // It is text, as it should be, but means no day.
    day.map_err(|_| Refusal::unfit(format!("{name}: {text:?} is not a date.")))
}

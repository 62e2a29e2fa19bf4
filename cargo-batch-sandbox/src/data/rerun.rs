//! Re-runs of past runs.

use std::collections::HashMap;
use std::sync::Arc;

use cargo_batch_types::{CreateRunsData, Record, RunsFilterKind, RunsReset};
use serde_json::json;

use super::{Selected, Target};
use crate::refusal::Refusal;
use crate::runs::{RunFilter, RunView};
use crate::schedule::{Start, Way};
use crate::state::{App, Parent, State};

/// The runs that the filter selects, each with the node it restarts at.
pub fn select(
    data: &CreateRunsData,
    target: &Target,
    app: &App,
    state: &State,
) -> Result<Selected, Refusal> {
    let wanted = serde_json::to_value(&data.filter).map_err(Refusal::failed)?;
    let mut wanted: RunFilter = serde_json::from_value(wanted)
        .map_err(|error| Refusal::malformed(format!("data.filter: {error}")))?;
    wanted.workflow_uuid = target.workflow.map(|(uuid, _)| uuid);
    wanted.check()?;
    let found = wanted.find(state, app.fixtures(), target.now);
    let runs: Vec<RunView> = match &data.filter.kind {
        RunsFilterKind::Runs(_) => found.collect(),
        // Of each record, its latest run.
        RunsFilterKind::Records(_) => {
            let mut places: HashMap<String, usize> = HashMap::new();
            let mut latest: Vec<RunView> = Vec::new();
            for run in found {
                match places.get(&*run.record_id()) {
                    Some(place) => latest[*place] = run,
                    None => {
                        places.insert(run.record_id().into_owned(), latest.len());
                        latest.push(run);
                    }
                }
            }
            latest
        }
        other => {
            let message = format!("data.filter: there is no kind {:?}.", other.tag());
            return Err(Refusal::malformed(message));
        }
    };
    let restarted = |run: RunView| {
        let start = start(&data.reset, target, &run)?;
        Ok((Arc::new(run.record().clone()), start))
    };
    let records: Result<Vec<(Arc<Record>, Start)>, Refusal> =
        runs.into_iter().map(restarted).collect();
    Ok(Selected {
        records: records?,
        returned: json!({ "kind": "runs", "filter": data.filter, "reset": data.reset }),
        way: Way::Query,
        parent: Parent::default(),
    })
}

/// Where a run restarts: the API only names the places, what they mean is the sandbox's choice.
pub fn start(reset: &RunsReset, target: &Target, run: &RunView) -> Result<Start, Refusal> {
    let graph = target.graph;
    let first = Start::At(graph.start());
    let last = run.executions().last();
    // The release may be another one than the run's.
    let here = |uuid| graph.by_uuid(uuid).map(Start::At);
    Ok(match reset {
        RunsReset::FirstNode => first,
        RunsReset::LastNode => last.and_then(|last| here(last.node.uuid)).unwrap_or(first),
        RunsReset::NextNode => match last {
            None => first,
            Some(last) => {
                let next = match last.step.next {
                    Some(next) => Some(next),
                    // A node that failed is left behind.
                    None if last.failure().is_some() => run
                        .batch
                        .graph
                        .children(last.step.node)
                        .iter()
                        .flatten()
                        .next()
                        .copied(),
                    None => None,
                };
                match next.and_then(|next| run.batch.graph.nodes().get(next)) {
                    Some(next) => here(next.uuid).unwrap_or(first),
                    None => Start::Nowhere,
                }
            }
        },
        RunsReset::Node(reset) => here(reset.node_uuid).ok_or_else(|| {
            let message = format!("data.reset: there is no node {}.", reset.node_uuid);
            Refusal::reason("nodesNotFound", message)
        })?,
        other => {
            let message = format!("data.reset: there is no place {:?}.", other.tag());
            return Err(Refusal::malformed(message));
        }
    })
}

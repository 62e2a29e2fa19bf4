//! The rules that a graph must keep.
//!
//! The API documents the rules, and two reasons: `nodesNotFound` for nodes that aren't there,
//! `rootNodeNotFound` for the start and the end. Returning `invalidReleaseOrCustomNodes` to
//! everything else is the sandbox's choice.

use std::collections::HashMap;

use cargo_batch_types::{Node, NodeKind, NodeUuid};
use serde_json::Value;

use super::{action, is_native};
use crate::refusal::Refusal;

/// How deep groups may stand within groups.
const DEEPEST: usize = 8;

/// Where the graph starts, if it keeps the rules.
pub fn check(nodes: &[Node], depth: usize) -> Result<usize, Refusal> {
    if nodes.is_empty() {
        return Err(Refusal::reason(
            "nodesNotFound",
            "nodes is empty: there is nothing to execute.",
        ));
    }
    let mut uuids = HashMap::new();
    for (n, node) in nodes.iter().enumerate() {
        if uuids.insert(node.uuid, n).is_some() {
            return Err(invalid(node, "its uuid is that of another node, too"));
        }
    }
    let start = only(nodes, "start")?;
    only(nodes, "end")?;
    for node in nodes {
        form(node)?;
        children(node, &uuids)?;
        if is_native(node, "group") {
            group(node, depth)?;
        }
    }
    loops(nodes, &uuids)?;
    Ok(start)
}

fn invalid(node: &Node, why: &str) -> Refusal {
    let message = format!("nodes: {:?}: {why}.", node.slug);
    Refusal::reason("invalidReleaseOrCustomNodes", message)
}

/// The one node of this action.
fn only(nodes: &[Node], slug: &str) -> Result<usize, Refusal> {
    let mut all = (0..nodes.len()).filter(|n| is_native(&nodes[*n], slug));
    match (all.next(), all.count()) {
        (Some(one), 0) => Ok(one),
        (found, more) => {
            let count = usize::from(found.is_some()) + more;
            let message = format!("nodes: there must be one native {slug} node, not {count}.");
            Err(Refusal::reason("rootNodeNotFound", message))
        }
    }
}

fn form(node: &Node) -> Result<(), Refusal> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if node.slug.is_empty() || !node.slug.chars().all(is_word) {
        return Err(invalid(node, "a slug is made of word characters"));
    }
    for reserved in ["start", "end"] {
        if node.slug == reserved && !is_native(node, reserved) {
            let why = format!("the slug is kept for the native {reserved} node");
            return Err(invalid(node, &why));
        }
    }
    match &node.kind {
        NodeKind::Tool(tool)
            if tool.tool_uuid.is_none()
                && tool.template_slug.is_none()
                && tool.release_uuid.is_none() =>
        {
            let why = "a tool needs toolUuid, templateSlug or releaseUuid";
            Err(invalid(node, why))
        }
        NodeKind::Agent(agent)
            if agent.agent_uuid.is_none()
                && agent.template_slug.is_none()
                && agent.release_uuid.is_none() =>
        {
            let why = "an agent needs agentUuid, templateSlug or releaseUuid";
            Err(invalid(node, why))
        }
        NodeKind::Unknown(_) => Err(Refusal::malformed(format!(
            "nodes: {:?}: kind must be native, connector, tool or agent, with the fields of that kind.",
            node.slug
        ))),
        _ => Ok(()),
    }
}

fn children(node: &Node, uuids: &HashMap<NodeUuid, usize>) -> Result<(), Refusal> {
    let referred = node.children_uuids.iter().flatten();
    for uuid in referred.chain(&node.fallback_child_uuid) {
        if !uuids.contains_key(uuid) {
            let message = format!("nodes: {:?} refers to {uuid}, which is no node.", node.slug);
            return Err(Refusal::reason("nodesNotFound", message));
        }
    }
    let count = node.children_uuids.len();
    let routes = node.config.get("routes").and_then(Value::as_array);
    let wanted = match &node.kind {
        NodeKind::Native(_) => match (action(node), routes) {
            ("end", _) => 0,
            ("branch" | "split", _) => 2,
            ("switch", Some(routes)) => routes.len(),
            ("switch", None) => count.max(1),
            _ => 1,
        },
        _ => 1,
    };
    if count != wanted {
        let why = format!("it has {count} children, its action asks for {wanted}");
        return Err(invalid(node, &why));
    }
    Ok(())
}

/// A group holds a graph of its own.
fn group(node: &Node, depth: usize) -> Result<(), Refusal> {
    let Some(inner) = node.config.get("_nodes") else {
        return Err(invalid(
            node,
            "a group holds its own graph in config._nodes",
        ));
    };
    if depth >= DEEPEST {
        return Err(invalid(node, "groups stand too deep within groups"));
    }
    let inner: Vec<Node> = serde_json::from_value(inner.clone())
        .map_err(|error| invalid(node, &format!("config._nodes: {error}")))?;
    check(&inner, depth + 1).map(|_| ())
}

/// A run must come to an end.
fn loops(nodes: &[Node], uuids: &HashMap<NodeUuid, usize>) -> Result<(), Refusal> {
    let next = |node: &Node| -> Vec<usize> {
        let referred = node.children_uuids.iter().flatten();
        referred
            .chain(&node.fallback_child_uuid)
            .filter_map(|uuid| uuids.get(uuid).copied())
            .collect()
    };
    let edges: Vec<Vec<usize>> = nodes.iter().map(next).collect();
    let mut before = vec![0_usize; nodes.len()];
    edges.iter().flatten().for_each(|child| before[*child] += 1);
    let mut free: Vec<usize> = (0..nodes.len()).filter(|n| before[*n] == 0).collect();
    let mut left = nodes.len();
    while let Some(node) = free.pop() {
        left -= 1;
        for child in &edges[node] {
            before[*child] -= 1;
            if before[*child] == 0 {
                free.push(*child);
            }
        }
    }
    match (0..nodes.len()).find(|n| left > 0 && before[*n] > 0) {
        Some(node) => Err(invalid(
            &nodes[node],
            "it is part of a loop, or comes after one",
        )),
        None => Ok(()),
    }
}

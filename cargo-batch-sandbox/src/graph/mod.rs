//! The graph that a run goes through.

mod rules;

use std::collections::HashMap;

use cargo_batch_types::{Node, NodeKind, NodeUuid};

use crate::refusal::Refusal;

/// A graph that keeps the rules of the API.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    start: usize,
    /// For each node, the nodes that come next; none where a branch leads nowhere.
    children: Vec<Vec<Option<usize>>>,
    /// For each node, the node that comes next when it fails.
    fallbacks: Vec<Option<usize>>,
}

/// Actions that steer a run and cost nothing.
const FREE: [&str; 8] = [
    "start",
    "end",
    "filter",
    "branch",
    "split",
    "switch",
    "group",
    "variables",
];

impl Graph {
    /// Checks the rules.
    ///
    /// # Errors
    /// Names the node and the rule it breaks.
    pub fn new(nodes: Vec<Node>) -> Result<Self, Refusal> {
        let start = rules::check(&nodes, 0)?;
        let index: HashMap<NodeUuid, usize> = nodes
            .iter()
            .enumerate()
            .map(|(n, node)| (node.uuid, n))
            .collect();
        let place = |uuid: &NodeUuid| index.get(uuid).copied();
        let next = |child: &Option<NodeUuid>| child.as_ref().and_then(place);
        Ok(Self {
            children: nodes
                .iter()
                .map(|node| node.children_uuids.iter().map(next).collect())
                .collect(),
            fallbacks: nodes
                .iter()
                .map(|node| next(&node.fallback_child_uuid).filter(|_| node.fallback_on_failure))
                .collect(),
            start,
            nodes,
        })
    }

    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    pub fn start(&self) -> usize {
        self.start
    }

    /// The nodes that come after one; none where a branch leads nowhere.
    pub fn children(&self, node: usize) -> &[Option<usize>] {
        self.children.get(node).map_or(&[], Vec::as_slice)
    }

    /// Where a run goes on when a node has failed.
    pub fn fallback(&self, node: usize) -> Option<usize> {
        *self.fallbacks.get(node)?
    }

    pub fn by_uuid(&self, uuid: NodeUuid) -> Option<usize> {
        self.nodes.iter().position(|node| node.uuid == uuid)
    }

    pub fn by_slug(&self, slug: &str) -> Option<usize> {
        self.nodes.iter().position(|node| node.slug == slug)
    }

    /// Whether executing a node costs credits, and can fail.
    pub fn works(&self, node: usize) -> bool {
        self.nodes
            .get(node)
            .is_some_and(|node| !FREE.contains(&action(node)))
    }
}

/// The action of a node, as far as it has one.
pub fn action(node: &Node) -> &str {
    match &node.kind {
        NodeKind::Native(native) => &native.action_slug,
        NodeKind::Connector(connector) => &connector.action_slug,
        _ => "",
    }
}

/// Whether it is a native node of this action.
pub fn is_native(node: &Node, slug: &str) -> bool {
    matches!(&node.kind, NodeKind::Native(native) if native.action_slug == slug)
}

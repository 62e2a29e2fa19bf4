//! The releases there are, and the graphs that nobody sends.

use std::sync::Arc;

use cargo_batch_types::{
    Action, Node, NodeKind, NodePosition, NodeUuid, ReleaseUuid, WorkflowUuid,
};
use serde_json::{Map, Value, json};

use super::World;
use crate::graph::Graph;

/// A stored version of a workflow.
#[derive(Debug)]
pub struct Release {
    pub uuid: ReleaseUuid,
    /// The workflow it is said to belong to.
    pub workflow: WorkflowUuid,
    /// The workflows that can be started with it.
    pub usable: Vec<WorkflowUuid>,
    pub version: Option<&'static str>,
    pub status: &'static str,
    pub graph: Arc<Graph>,
    /// Its form fields, as the API writes them.
    pub form: Option<Value>,
}

pub fn all(world: &World) -> Vec<Release> {
    let deployed = |uuid, workflow, version, nodes| Release {
        uuid,
        workflow,
        usable: vec![workflow],
        version: Some(version),
        status: "deployed",
        graph: graph(nodes),
        form: Some(lead_form()),
    };
    vec![
        deployed(
            world.release_uuid,
            world.tool_workflow_uuid,
            "2",
            straight(&world.node_uuids),
        ),
        Release {
            form: None,
            ..deployed(
                world.play_release_uuid,
                world.play_workflow_uuid,
                "2",
                straight(&world.more_node_uuids),
            )
        },
        deployed(
            world.broken_release_uuid,
            world.broken_workflow_uuid,
            "1",
            straight(&world.more_node_uuids[3..]),
        ),
        deployed(
            world.unstoppable_release_uuid,
            world.unstoppable_workflow_uuid,
            "1",
            straight(&world.more_node_uuids[6..]),
        ),
        Release {
            uuid: world.branching_release_uuid,
            workflow: world.play_workflow_uuid,
            usable: vec![world.play_workflow_uuid],
            version: Some("1"),
            status: "archived",
            graph: graph(branching(world)),
            form: None,
        },
        Release {
            uuid: world.draft_release_uuid,
            workflow: world.tool_workflow_uuid,
            usable: Vec::new(),
            version: None,
            status: "draft",
            graph: graph(straight(&world.node_uuids[18..])),
            form: Some(lead_form()),
        },
    ]
}

/// What a lead is asked for: a field of every kind, of which only the email is required.
fn lead_form() -> Value {
    json!([
        {
            "name": "Email", "slug": "email", "kind": "string", "isRequired": true,
            "description": "What the lead is found by.", "placeholder": "ada@example.com",
        },
        { "name": "Employees", "slug": "employees", "kind": "number" },
        { "name": "Subscribed", "slug": "subscribed", "kind": "boolean", "isRequired": false },
        { "name": "Signed up at", "slug": "signed_up_at", "kind": "date" },
        {
            "name": "Country", "slug": "country", "kind": "enum",
            "enum": ["France", "Spain", "Germany", "Italy"],
        },
        {
            "name": "Visits", "slug": "visits", "kind": "array", "fields": [
                { "name": "Page", "slug": "page", "kind": "string", "isRequired": true },
                { "name": "Seconds", "slug": "seconds", "kind": "number" },
            ],
        },
        { "name": "Notes", "slug": "notes", "kind": "any" },
    ])
}

impl Release {
    /// The slugs of the fields that a record must have.
    pub fn required_fields(&self) -> impl Iterator<Item = &str> {
        let fields = self.form.as_ref().and_then(Value::as_array);
        let required = fields.into_iter().flatten();
        required
            .filter(|field| field["isRequired"] == true)
            .filter_map(|field| field["slug"].as_str())
    }
}

/// The graph that a single action is executed in; its node is called `action`.
pub fn action_graph(action: &Action, uuids: [NodeUuid; 3]) -> Vec<Node> {
    let [start, middle, end] = uuids;
    let mut node = node(middle, "action", action.kind.clone(), &[Some(end)], 1);
    node.config = action.config.clone().unwrap_or_default();
    node.retry = action.retry.clone();
    vec![
        self::node(
            start,
            "start",
            NodeKind::native("start"),
            &[Some(middle)],
            0,
        ),
        node,
        self::node(end, "end", NodeKind::native("end"), &[], 2),
    ]
}

fn graph(nodes: Vec<Node>) -> Arc<Graph> {
    // Held by the test below: the graphs of the world keep the rules.
    Arc::new(Graph::new(nodes).unwrap_or_default())
}

fn node(
    uuid: NodeUuid,
    slug: &str,
    kind: NodeKind,
    children: &[Option<NodeUuid>],
    column: u32,
) -> Node {
    let position = NodePosition::new(f64::from(column) * 200.0, 0.0);
    Node::new(
        uuid,
        slug,
        Map::new(),
        children.iter().copied(),
        false,
        position,
        kind,
    )
}

/// A start, a step that costs, an end.
fn straight(uuids: &[NodeUuid]) -> Vec<Node> {
    let uuid = |n: usize| uuids[n];
    let native = NodeKind::native;
    vec![
        node(uuid(0), "start", native("start"), &[Some(uuid(1))], 0),
        node(uuid(1), "enrich", native("enrich"), &[Some(uuid(2))], 1),
        node(uuid(2), "end", native("end"), &[], 2),
    ]
}

/// Something of everything: start, filter, branch; a connector with a fallback or a tool; a group;
/// an agent; end.
fn branching(world: &World) -> Vec<Node> {
    let uuid = |n: usize| world.node_uuids[3 + n];
    let to = |n: usize| [Some(uuid(n))];
    let native = NodeKind::native;
    let mut each = straight(&world.node_uuids[12..]);
    each[1].slug = "each".to_owned();
    let mut tool = NodeKind::tool();
    if let NodeKind::Tool(tool) = &mut tool {
        tool.tool_uuid = Some(world.tool_uuid);
    }
    let mut agent = NodeKind::agent();
    if let NodeKind::Agent(agent) = &mut agent {
        agent.agent_uuid = Some(world.agent_uuid);
    }
    let mut connector = node(
        uuid(3),
        "lookup",
        NodeKind::connector("crm", "lookup"),
        &to(5),
        3,
    );
    connector.fallback_on_failure = true;
    connector.fallback_child_uuid = Some(uuid(4));
    let mut groups = node(uuid(5), "contacts", native("group"), &to(6), 4);
    groups.config = Map::from_iter([("_nodes".to_owned(), json!(each))]);
    vec![
        node(uuid(0), "start", native("start"), &to(1), 0),
        node(uuid(1), "in_europe", native("filter"), &to(2), 1),
        node(
            uuid(2),
            "size",
            native("branch"),
            &[Some(uuid(3)), Some(uuid(4))],
            2,
        ),
        connector,
        node(uuid(4), "research", tool, &to(5), 3),
        groups,
        node(uuid(6), "write", agent, &to(7), 5),
        node(uuid(7), "end", native("end"), &[], 6),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_graphs_of_the_world_keep_the_rules() {
        let world = World::new(1);
        for nodes in [
            straight(&world.node_uuids),
            branching(&world),
            straight(&world.more_node_uuids),
        ] {
            let count = nodes.len();
            assert_eq!(Graph::new(nodes).unwrap().nodes().len(), count);
        }
        let mut uuids = [&*world.node_uuids, &*world.more_node_uuids].concat();
        uuids.sort_unstable();
        uuids.dedup();
        assert_eq!(
            uuids.len(),
            world.node_uuids.len() + world.more_node_uuids.len()
        );
    }
}

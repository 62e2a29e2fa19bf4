//! A batch of one action, without a graph by hand.

use uuid::Uuid;

use crate::{Action, CreateBatchData, CreateBatchRequest, Node, NodeKind, NodePosition, NodeUuid};

/// The slug of the action's node, as the API names it in a batch of `execute_action_batch` (unconfirmed for others).
const SLUG: &str = "action";

/// How far apart the nodes are drawn.
const DISTANCE: f64 = 150.0;

impl Action {
    /// Returns the graph that executes this action and nothing else: a `start` node, the action with the slug
    /// `action`, and an `end` node.
    ///
    /// The same action gives the same graph, ids of nodes included. Unknown: whether the API wants those to be unique
    /// beyond one graph.
    pub fn into_nodes(self) -> Vec<Node> {
        let [start, action, end] = [1, 2, 3].map(id);
        let position = |place: f64| NodePosition::new(0.0, place * DISTANCE);
        let config = serde_json::Map::new;
        let mut step = Node::new(
            action,
            SLUG,
            self.config.unwrap_or_default(),
            [end],
            false,
            position(1.0),
            self.kind,
        );
        step.retry = self.retry;
        let native = |slug: &str| NodeKind::native(slug);
        let first = Node::new(
            start,
            "start",
            config(),
            [action],
            false,
            position(0.0),
            native("start"),
        );
        let none: [NodeUuid; 0] = [];
        let last = Node::new(
            end,
            "end",
            config(),
            none,
            false,
            position(2.0),
            native("end"),
        );
        vec![first, step, last]
    }
}

impl CreateBatchRequest {
    /// Returns the request for a batch that executes one action on each record, without a workflow.
    ///
    /// It is [`new`](Self::new) with the [graph of the action](Action::into_nodes) as its `nodes`. Where the API's own
    /// operation for one action takes records only, this takes all data, also an uploaded file, by whose name a batch
    /// is recognised after a lost response.
    ///
    /// A node of a graph is configured otherwise than an action: a connector needs its
    /// [`connector_uuid`](crate::ConnectorNode::connector_uuid), and the inputs are taken from the
    /// [`config`](Action::config). Unconfirmed: that inputs which the config doesn't have are taken from the record, as
    /// they are in the API's own operation. Test it with one record.
    ///
    /// ```
    /// use cargo_batch_types::{Action, CreateBatchData, CreateBatchRequest};
    ///
    /// let file = CreateBatchData::file("leads.csv");
    /// let request = CreateBatchRequest::of_action(Action::native("enrich"), file);
    /// let slugs: Vec<&str> = request.nodes.iter().flatten().map(|node| node.slug.as_str()).collect();
    /// assert_eq!(slugs, ["start", "action", "end"]);
    /// ```
    pub fn of_action(action: impl Into<Action>, data: impl Into<CreateBatchData>) -> Self {
        Self::new(data).nodes(action.into().into_nodes())
    }
}

/// Returns the id of a node: a uuid of version 4 that no generator of random ones gives out.
fn id(number: u128) -> NodeUuid {
    const FIRST: u128 = 0x0000_0000_0000_4000_8000_0000_0000_0000;
    Uuid::from_u128(FIRST | number).into()
}

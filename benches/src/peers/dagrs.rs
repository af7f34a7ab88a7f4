//! `dagrs`: one `Action` per node, channels along the edges, `Graph::async_start`.
//!
//! A node that knows its senders receives from each (`recv_from`); the sink of the fan-out maps over all, as in
//! the crate's own examples. A node sends only where it has readers.
//!
//! The graph runs `unconstrained`, which its documentation does not ask for: it joins all its tasks at once, and
//! with tokio's cooperative budget each exhausted budget polls all that are left, so that its time grows with the
//! square of the tasks (7 times slower at 100,000). We compare with the better figure.

use std::collections::HashMap;
use std::sync::Arc;

use dagrs::{
    Action, Content, DefaultNode, EnvVar, Graph, InChannels, Node, NodeId, NodeTable, OutChannels, Output,
};
use tokio::task::unconstrained;

use super::{GRAPH_FIRST, NO_CACHE};
use crate::bodies::{add, add_three, sum, wrapping_sum};
use crate::shape::{Shape, neighbours};
use crate::side::Work;

/// What a node does with its inputs, and whether others read its value.
struct Step {
    body: Body,
    has_readers: bool,
}

enum Body {
    Add(u64, u64),
    AddTo(NodeId, u64),
    AddThree([NodeId; 3]),
    Sum,
}

#[dagrs::async_trait::async_trait]
impl Action for Step {
    async fn run(&self, inputs: &mut InChannels, outputs: &mut OutChannels, _env: Arc<EnvVar>) -> Output {
        let value = match &self.body {
            Body::Add(a, b) => add(*a, *b).await,
            Body::AddTo(from, amount) => add(received(inputs, from).await, *amount).await,
            Body::AddThree([a, b, c]) => {
                add_three(received(inputs, a).await, received(inputs, b).await, received(inputs, c).await)
                    .await
            }
            Body::Sum => sum(&inputs.map(|content| number(&content.expect(SENDS))).await).await,
        };
        let content = Content::new(value);
        if self.has_readers {
            outputs.broadcast(content.clone()).await;
        }
        Output::Out(Some(content))
    }
}

/// Runs `shape` as a dagrs graph.
#[must_use]
pub fn work(shape: Shape) -> Option<Work> {
    match shape {
        Shape::Inline { .. } | Shape::CacheHit { .. } => None,
        _ => Some(Box::pin(async move {
            let mut plan = Plan::default();
            let ends = plan.declare(shape);
            let mut graph = plan.finish();
            unconstrained(graph.async_start()).await.expect("the bodies do not fail");
            let results: HashMap<NodeId, Option<Arc<u64>>> = graph.get_results();
            wrapping_sum(ends.iter().map(|end| *results[end].as_deref().expect("every node gives a number")))
        })),
    }
}

/// What a reader of these rows must know.
#[must_use]
pub fn note(shape: Shape) -> Option<&'static str> {
    match shape {
        Shape::Inline { .. } => Some(GRAPH_FIRST),
        Shape::CacheHit { .. } => Some(NO_CACHE),
        _ => Some("runs `unconstrained`, which its documentation does not ask for: up to 7 times faster"),
    }
}

/// A graph in the making.
#[derive(Default)]
struct Plan {
    graph: Graph,
    table: NodeTable,
    nodes: usize,
}

impl Plan {
    /// Declares the graph and returns the nodes whose results are added up.
    fn declare(&mut self, shape: Shape) -> Vec<NodeId> {
        match shape {
            Shape::Independent { tasks } => (0..tasks).map(|i| self.node(Body::Add(i, 1), false)).collect(),
            Shape::Chain { tasks } => vec![self.chain(tasks)],
            Shape::FanOut { width } => vec![self.fan_out(width)],
            Shape::Layered { layers, width } => self.layered(layers, width),
            Shape::Inline { .. } | Shape::CacheHit { .. } => Vec::new(),
        }
    }

    fn chain(&mut self, tasks: u64) -> NodeId {
        let first = self.node(Body::Add(0, 1), tasks > 1);
        (1..tasks).fold(first, |last, i| {
            let next = self.node(Body::AddTo(last, 1), i + 1 < tasks);
            self.edges(last, vec![next]);
            next
        })
    }

    fn fan_out(&mut self, width: u64) -> NodeId {
        let source = self.node(Body::Add(0, 1), true);
        let middle: Vec<NodeId> = (0..width).map(|i| self.node(Body::AddTo(source, i), true)).collect();
        let sink = self.node(Body::Sum, false);
        for &node in &middle {
            self.edges(node, vec![sink]);
        }
        self.edges(source, middle);
        sink
    }

    fn layered(&mut self, layers: u64, width: u64) -> Vec<NodeId> {
        let mut row: Vec<NodeId> = (0..width).map(|i| self.node(Body::Add(i, 1), layers > 1)).collect();
        for layer in 1..layers {
            let mut readers: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
            let mut next = Vec::with_capacity(row.len());
            for column in 0..width {
                let inputs = neighbours(column, width).map(|from| row[from]);
                let node = self.node(Body::AddThree(inputs), layer + 1 < layers);
                for input in inputs {
                    readers.entry(input).or_default().push(node);
                }
                next.push(node);
            }
            for (from, to) in readers {
                self.edges(from, to);
            }
            row = next;
        }
        row
    }

    fn node(&mut self, body: Body, has_readers: bool) -> NodeId {
        self.nodes += 1;
        let node =
            DefaultNode::with_action(self.nodes.to_string(), Step { body, has_readers }, &mut self.table);
        let id = node.id();
        self.graph.add_node(node).expect("each node is new");
        id
    }

    fn edges(&mut self, from: NodeId, to: Vec<NodeId>) {
        self.graph.add_edge(from, to).expect("both ends were added before");
    }

    fn finish(mut self) -> Graph {
        self.graph.set_env(EnvVar::new(self.table));
        self.graph
    }
}

async fn received(inputs: &mut InChannels, from: &NodeId) -> u64 {
    number(&inputs.recv_from(from).await.expect(SENDS))
}

fn number(content: &Content) -> u64 {
    *content.get().expect("every node sends a `u64`")
}

const SENDS: &str = "a node with readers always sends";

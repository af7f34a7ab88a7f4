//! The task graph of a run: which task runs there were, and what each of them waited for.
//!
//! Pure: no async, no clock, no randomness, no I/O. It is a picture of a run, not a plan: nothing
//! here starts, orders or retries a task. [`Graph`] is recorded elsewhere and only read here.
//!
//! ```text
//!  nodes + edges ──► Graph ──► fold ──┬──────────► mermaid, dot
//!                      │              └──► layout ──► svg
//!                      └──────────────────────────► json
//! ```

mod dot;
pub(crate) mod fold;
#[cfg(feature = "store")]
pub(crate) mod json;
mod layout;
pub(crate) mod mermaid;
pub(crate) mod recorded;
pub(crate) mod style;
mod svg;

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use crate::model::{EdgeKind, Kind, State};
use crate::text::apart::apart;
use crate::text::columns::visible;

/// Above this many nodes the pictures fold those that are alike: see [`Graph::folded`].
///
/// Two hundred boxes fill a large screen at a size that can still be read; above it, the reader
/// wants to know how `fetch` went, not how `fetch[713]` went.
pub const FOLD_ABOVE: usize = 200;

/// The task graph of one run.
///
/// ```
/// use flowkit::graph::{Edge, Graph, Node};
///
/// let graph = Graph::new("etl", [Node::new(1, "fetch"), Node::new(2, "load")], [Edge::data(1, 2)]);
/// assert_eq!(graph.edges().len(), 1);
/// assert!(graph.to_mermaid().starts_with("flowchart LR\n"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Graph {
    name: Arc<str>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Pictures show every node.
    is_whole: bool,
}

/// One run of a task or of a sub-flow, as the graph shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Unique within the graph.
    pub id: u64,
    /// The task's name: the same for all its runs.
    pub task: Cow<'static, str>,
    /// What the reader sees: `fetch[3]`, or a run name.
    pub label: String,
    /// Where the run stands.
    pub state: State,
    /// Whether this is a task run or the run of a sub-flow.
    pub kind: Kind,
    /// The name of the `group(…)` the run was called in.
    pub group: Option<Arc<str>>,
    /// How many attempts were started.
    pub attempts: u32,
    /// How long the run took, if it was started.
    pub duration: Option<Duration>,
    /// The run in whose body this one was called. Not an edge: nothing was waited for.
    pub parent: Option<u64>,
}

/// One node waiting for another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Edge {
    /// The node that was waited for.
    pub from: u64,
    /// The node that waited.
    pub to: u64,
    /// Why it waited: for the result, or only to come after it, which is drawn dashed.
    pub kind: EdgeKind,
    /// The branch that was taken, such as `accuracy >= 0.8`.
    pub label: Option<Arc<str>>,
}

impl Graph {
    /// Returns the graph of `nodes` and `edges`, both in the order they are given.
    ///
    /// The second node with the same id is dropped, and so is an edge that names an unknown node,
    /// that leads from a node to itself, or that was already given.
    #[must_use]
    pub fn new(
        name: impl Into<Arc<str>>,
        nodes: impl IntoIterator<Item = Node>,
        edges: impl IntoIterator<Item = Edge>,
    ) -> Graph {
        let mut ids = HashSet::new();
        let nodes = nodes.into_iter().filter(|node| ids.insert(node.id)).collect();
        let mut seen = HashSet::new();
        let edges = edges
            .into_iter()
            .filter(|edge| edge.from != edge.to)
            .filter(|edge| ids.contains(&edge.from) && ids.contains(&edge.to))
            .filter(|edge| seen.insert(edge.clone()))
            .collect();
        Graph { name: name.into(), nodes, edges, is_whole: false }
    }

    /// Makes its pictures show every node, however many there are.
    ///
    /// ```
    /// use flowkit::graph::{Graph, Node};
    ///
    /// let graph = Graph::new("etl", (0..300).map(|id| Node::new(id, "fetch")), []);
    /// assert!(graph.to_dot().contains("fetch ×300"));
    /// assert!(!graph.whole().to_dot().contains("fetch ×300"));
    /// ```
    #[must_use = "returns the changed graph; the original is gone"]
    pub fn whole(self) -> Graph {
        Graph { is_whole: true, ..self }
    }

    /// The name of the flow, or whatever else the graph was given as its title.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The nodes, in the order they were first seen.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The edges. Each of them joins two different nodes of [`Graph::nodes`].
    #[must_use]
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Returns the graph that the pictures show: this one, folded if it is too large to be read.
    fn pictured(&self, edges_max: usize) -> Cow<'_, Graph> {
        if !self.is_whole && (self.nodes.len() > FOLD_ABOVE || self.edges.len() > edges_max) {
            Cow::Owned(self.folded_to(edges_max))
        } else {
            Cow::Borrowed(self)
        }
    }

    /// Returns the labels of the nodes in at most `columns` columns, those that differ still different.
    fn short_labels(&self, columns: usize) -> HashMap<u64, String> {
        let labels: Vec<String> = self.nodes.iter().map(|node| visible(&node.label)).collect();
        let short = apart(&labels.iter().map(String::as_str).collect::<Vec<_>>(), columns);
        self.nodes.iter().map(|node| node.id).zip(short).collect()
    }

    /// Returns the names of the groups in first-seen order. A group's number in a picture is its
    /// place in this list.
    fn groups(&self) -> Vec<&Arc<str>> {
        let mut seen = HashSet::new();
        self.nodes.iter().filter_map(|node| node.group.as_ref()).filter(|name| seen.insert(*name)).collect()
    }
}

impl Node {
    /// Returns a pending task run labelled with its task's name; the fields are there to be set.
    ///
    /// ```
    /// use flowkit::graph::Node;
    ///
    /// let mut node = Node::new(7, "fetch");
    /// node.label = "fetch[3]".into();
    /// assert_eq!(node.task, "fetch");
    /// ```
    #[must_use]
    pub fn new(id: u64, task: impl Into<Cow<'static, str>>) -> Node {
        let task = task.into();
        Node {
            id,
            label: task.to_string(),
            task,
            state: State::Pending,
            kind: Kind::Task,
            group: None,
            attempts: 0,
            duration: None,
            parent: None,
        }
    }
}

impl Edge {
    /// Returns an edge on which the result of `from` goes to `to`.
    #[must_use]
    pub const fn data(from: u64, to: u64) -> Edge {
        Edge { from, to, kind: EdgeKind::Data, label: None }
    }

    /// Returns an edge that makes `to` come after `from`.
    #[must_use]
    pub const fn order(from: u64, to: u64) -> Edge {
        Edge { from, to, kind: EdgeKind::Order, label: None }
    }

    /// Names the branch this edge stands for.
    ///
    /// ```
    /// use flowkit::graph::Edge;
    ///
    /// let edge = Edge::order(1, 2).with_label("accuracy >= 0.8");
    /// assert_eq!(edge.label.as_deref(), Some("accuracy >= 0.8"));
    /// ```
    #[must_use = "returns the changed edge; the original is untouched"]
    pub fn with_label(mut self, label: impl Into<Arc<str>>) -> Edge {
        self.label = Some(label.into());
        self
    }
}

#[cfg(test)]
mod tests;

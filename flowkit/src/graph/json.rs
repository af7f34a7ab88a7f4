//! The graph as JSON, for the web page and for other programs.
//!
//! The one file that knows `serde_json`. Names are given as the user wrote them: a program that shows
//! them escapes them.

use serde::Serialize;

use super::{Edge, Graph, Node};
use crate::model::{EdgeKind, Kind, State};

/// Raised when a reader of the last version would misread the next one.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct NodeView<'a> {
    id: u64,
    task: &'a str,
    label: &'a str,
    state: State,
    kind: Kind,
    group: Option<&'a str>,
    attempts: u32,
    duration_us: Option<u64>,
    parent: Option<u64>,
}

#[derive(Serialize)]
struct EdgeView<'a> {
    from: u64,
    to: u64,
    kind: EdgeKind,
    label: Option<&'a str>,
}

impl Graph {
    /// Returns the graph as one JSON object. It is never folded: it is for programs.
    ///
    /// Durations are microseconds, and what a node or an edge does not have is `null`.
    ///
    /// ```
    /// use flowkit::graph::{Graph, Node};
    ///
    /// let json = Graph::new("etl", [Node::new(1, "fetch")], []).to_json();
    /// assert!(json.starts_with(r#"{"version":1,"name":"etl","nodes":[{"id":1,"task":"fetch""#));
    /// ```
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = begin(&self.name);
        push_all(&mut json, self.nodes.iter().map(node));
        json.push_str(BETWEEN);
        push_all(&mut json, self.edges.iter().map(edge));
        json + END
    }
}

/// Returns what comes before the nodes: a graph that is too large is written in pieces.
pub(crate) fn begin(name: &str) -> String {
    format!(r#"{{"version":{VERSION},"name":{},"nodes":["#, written(&name))
}

/// What comes after the nodes, before the edges.
pub(crate) const BETWEEN: &str = r#"],"edges":["#;

/// What comes after the edges.
pub(crate) const END: &str = "]}";

/// Returns a node.
pub(crate) fn node(node: &Node) -> String {
    written(&node_view(node))
}

/// Returns an edge.
pub(crate) fn edge(edge: &Edge) -> String {
    written(&edge_view(edge))
}

fn push_all(json: &mut String, parts: impl Iterator<Item = String>) {
    for (at, part) in parts.enumerate() {
        if at > 0 {
            json.push(',');
        }
        json.push_str(&part);
    }
}

// Serializing fails on map keys that are no strings and on errors of hand-written
// implementations; the views have neither.
fn written<T: Serialize>(view: &T) -> String {
    serde_json::to_string(view).expect("bug in flowkit: a graph can always be serialized")
}

fn node_view(node: &Node) -> NodeView<'_> {
    NodeView {
        id: node.id,
        task: &node.task,
        label: &node.label,
        state: node.state,
        kind: node.kind,
        group: node.group.as_deref(),
        attempts: node.attempts,
        duration_us: node.duration.map(|it| u64::try_from(it.as_micros()).unwrap_or(u64::MAX)),
        parent: node.parent,
    }
}

fn edge_view(edge: &Edge) -> EdgeView<'_> {
    EdgeView { from: edge.from, to: edge.to, kind: edge.kind, label: edge.label.as_deref() }
}

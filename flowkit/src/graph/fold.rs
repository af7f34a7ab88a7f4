//! Folding: one node per task name, for graphs too large to be read node by node.
//!
//! It is deliberately blind to how the graph is drawn. Folding a graph without cycles may create
//! some (`a` feeds `b`, which feeds the next `a`); the layout copes with that.

use std::collections::HashMap;

use super::{Edge, Graph, Node};
use crate::model::{EdgeKind, State};

impl Graph {
    /// Returns this graph with one node per task name, if it has more than `limit` nodes.
    ///
    /// A node that stands for several has the label `fetch ×4`, the id of the first of them, the
    /// worst of their states, the most attempts and the longest duration. It keeps a group or a
    /// parent only if all of them share it. Edges are merged: data wins over order, and a label
    /// stays if no two of them differ. Edges inside a folded node are dropped.
    ///
    /// ```
    /// use flowkit::graph::{Edge, Graph, Node};
    ///
    /// let fetches = (0..4).map(|id| Node::new(id, "fetch"));
    /// let nodes = fetches.chain([Node::new(9, "merge")]);
    /// let graph = Graph::new("etl", nodes, (0..4).map(|id| Edge::data(id, 9)));
    ///
    /// let folded = graph.folded(4);
    /// assert_eq!(folded.nodes()[0].label, "fetch ×4");
    /// assert_eq!(folded.edges(), [Edge::data(0, 9)]);
    /// assert_eq!(graph.folded(5), graph);
    /// ```
    #[must_use]
    pub fn folded(&self, limit: usize) -> Graph {
        if self.nodes.len() <= limit {
            return self.clone();
        }
        let (nodes, ids) = fold_nodes(&self.nodes);
        let edges = fold_edges(&self.edges, &ids);
        Graph { name: self.name.clone(), nodes, edges }
    }
}

/// Returns the folded nodes in first-seen order, and for every old id the id it became.
fn fold_nodes(nodes: &[Node]) -> (Vec<Node>, HashMap<u64, u64>) {
    let mut places: HashMap<&str, usize> = HashMap::new();
    let mut folded: Vec<(Node, usize)> = Vec::new();
    let place_of: Vec<usize> = nodes
        .iter()
        .map(|node| {
            let place = *places.entry(&node.task).or_insert(folded.len());
            match folded.get_mut(place) {
                Some((all, count)) => {
                    absorb(all, node);
                    *count += 1;
                }
                None => folded.push((node.clone(), 1)),
            }
            place
        })
        .collect();
    let ids = nodes.iter().zip(&place_of).map(|(node, place)| (node.id, folded[*place].0.id));
    let ids: HashMap<u64, u64> = ids.collect();
    // Parents are compared after folding: the calls of `clean` in `fetch[0]` and in `fetch[1]`
    // were all made by `fetch`.
    share_parents(&mut folded, nodes, &place_of, &ids);
    (folded.into_iter().map(labelled).collect(), ids)
}

fn absorb(all: &mut Node, node: &Node) {
    if badness(node.state) > badness(all.state) {
        all.state = node.state;
    }
    if all.group != node.group {
        all.group = None;
    }
    all.attempts = all.attempts.max(node.attempts);
    all.duration = all.duration.max(node.duration);
}

fn share_parents(folded: &mut [(Node, usize)], nodes: &[Node], place_of: &[usize], ids: &HashMap<u64, u64>) {
    let became = |parent: Option<u64>| parent.map(|id| *ids.get(&id).unwrap_or(&id));
    let mut shared = vec![true; folded.len()];
    for (node, place) in nodes.iter().zip(place_of) {
        shared[*place] &= became(node.parent) == became(folded[*place].0.parent);
    }
    for ((all, _), shared) in folded.iter_mut().zip(shared) {
        all.parent = became(all.parent).filter(|parent| shared && *parent != all.id);
    }
}

fn labelled((mut node, count): (Node, usize)) -> Node {
    if count > 1 {
        node.label = format!("{} ×{count}", node.task);
    }
    node
}

fn fold_edges(edges: &[Edge], ids: &HashMap<u64, u64>) -> Vec<Edge> {
    let mut places: HashMap<(u64, u64), usize> = HashMap::new();
    let mut folded: Vec<Edge> = Vec::new();
    let mut disputed: Vec<bool> = Vec::new();
    for edge in edges {
        let (from, to) = (ids[&edge.from], ids[&edge.to]);
        if from == to {
            continue;
        }
        let place = *places.entry((from, to)).or_insert(folded.len());
        let Some(all) = folded.get_mut(place) else {
            folded.push(Edge { from, to, ..edge.clone() });
            disputed.push(false);
            continue;
        };
        if edge.kind == EdgeKind::Data {
            all.kind = EdgeKind::Data;
        }
        disputed[place] |= all.label.is_some() && edge.label.is_some() && all.label != edge.label;
        all.label = all.label.take().or_else(|| edge.label.clone());
    }
    for (edge, disputed) in folded.iter_mut().zip(disputed) {
        edge.label = edge.label.take().filter(|_| !disputed);
    }
    folded
}

/// How much a state calls for attention: failures first, then what was stopped, then what is not
/// over yet, then what went well.
const fn badness(state: State) -> u8 {
    match state {
        State::Failed => 14,
        State::Crashed => 13,
        State::TimedOut => 12,
        State::UpstreamFailed => 11,
        State::Cancelled => 10,
        State::Cancelling => 9,
        State::AwaitingRetry => 8,
        State::Running => 7,
        State::Suspended => 6,
        State::Waiting => 5,
        State::Pending => 4,
        State::Scheduled => 3,
        State::Skipped => 2,
        State::Completed => 1,
        State::Cached => 0,
    }
}

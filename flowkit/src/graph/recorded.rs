//! From the task runs of a run to its graph. Nothing is looked up elsewhere.

use std::borrow::Borrow;
use std::sync::Arc;

use super::fold::Folding;
use super::{Edge, FOLD_ABOVE, Graph, Node};
use crate::model::{TaskRun, TaskRunId};

impl Graph {
    /// Returns the graph of the task runs of `flow`: a node for each of them, an edge for each input.
    #[must_use]
    pub fn of<R: Borrow<TaskRun>>(flow: impl Into<Arc<str>>, task_runs: impl IntoIterator<Item = R>) -> Self {
        let (mut nodes, mut edges, top) = (Vec::new(), Vec::new(), Cluster::default());
        for task_run in task_runs {
            let (node, inputs) = top.parts(task_run.borrow());
            nodes.push(node);
            edges.extend(inputs);
        }
        Self::new(flow, nodes, edges)
    }
}

impl Default for Graph {
    fn default() -> Self {
        Self::new("", [], [])
    }
}

/// Where the task runs of a run are in the graph: at its top, or together, if it is the run of a sub-flow.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cluster {
    /// What the ids of its nodes begin after.
    pub(crate) base: u64,
    /// The name of the cluster, and the node of the sub-flow, if it has one.
    pub(crate) around: Option<(String, Option<u64>)>,
}

impl Cluster {
    /// Returns the id of the node of a task run.
    pub(crate) fn id(&self, task_run: TaskRunId) -> u64 {
        self.base + task_run.get()
    }

    /// Returns the node of a task run, and the edges that lead to it.
    pub(crate) fn parts<'c>(&'c self, task_run: &TaskRun) -> (Node, impl Iterator<Item = Edge> + use<'c>) {
        let mut node = Node::new(self.id(task_run.id), task_run.task.clone());
        node.label = task_run.label();
        node.state = task_run.state;
        node.kind = task_run.kind;
        node.attempts = task_run.attempt;
        node.duration = task_run.duration();
        let (name, outer) = self.around.as_ref().map_or((None, None), |(name, node)| (Some(name), *node));
        node.group = match (name, task_run.group.as_deref()) {
            (Some(name), Some(group)) => Some(format!("{name} › {group}").into()),
            (Some(name), None) => Some(name.as_str().into()),
            (None, group) => group.map(Into::into),
        };
        node.parent = if task_run.parent == TaskRunId::FLOW { outer } else { Some(self.id(task_run.parent)) };
        let label: Option<Arc<str>> = task_run.branch.as_deref().map(Into::into);
        let to = node.id;
        let edges = task_run.edges.clone().into_iter().map(move |edge| Edge {
            from: self.id(edge.from()),
            to,
            kind: edge.kind(),
            label: label.clone(),
        });
        (node, edges)
    }
}

/// The graph that pictures show of a run, made while its task runs are read: in the order of their ids, so that inputs and
/// callers come before what uses them.
#[derive(Debug)]
pub(crate) struct Picture {
    /// All of them, as long as the picture shows them all.
    all: Option<(Vec<Node>, Vec<Edge>)>,
    folding: Folding,
    /// How many nodes it may show; more are folded.
    nodes_max: usize,
}

impl Picture {
    /// Begins a picture; one that `is_whole` shows every node.
    pub(crate) fn new(is_whole: bool) -> Self {
        let nodes_max = if is_whole { usize::MAX } else { FOLD_ABOVE };
        Self { all: Some((Vec::new(), Vec::new())), folding: Folding::default(), nodes_max }
    }

    /// Takes a node and the edges that lead to it.
    pub(crate) fn add(&mut self, node: Node, edges: impl Iterator<Item = Edge>) {
        if self.nodes_max < usize::MAX {
            self.folding.add(&node);
            self.folding.nest(&node);
        }
        for edge in edges {
            if self.nodes_max < usize::MAX {
                self.folding.connect(&edge);
            }
            if let Some((_, edges)) = &mut self.all {
                edges.push(edge);
            }
        }
        if let Some((nodes, _)) = &mut self.all {
            nodes.push(node);
        }
        self.all.take_if(|(nodes, _)| nodes.len() > self.nodes_max);
    }

    /// Returns the graph of the flow `name`, and whether it is folded. Pictures of it have at most `edges_max` edges, if folding
    /// can do that.
    pub(crate) fn finish(self, name: &str, edges_max: usize) -> (Graph, bool) {
        match self.all {
            Some((nodes, edges)) if self.nodes_max == usize::MAX => {
                (Graph::new(name, nodes, edges).whole(), false)
            }
            Some((nodes, edges)) => (Graph::new(name, nodes, edges), false),
            None => {
                let (nodes, edges) = self.folding.finish(edges_max);
                (Graph::new(name, nodes, edges).whole(), true)
            }
        }
    }
}

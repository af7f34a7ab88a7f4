//! From the task runs of a run to its graph. Nothing is looked up elsewhere.

use std::borrow::Borrow;
use std::sync::Arc;

use super::{Edge, Graph, Node};
use crate::model::{TaskRun, TaskRunId};

impl Graph {
    /// Returns the graph of the task runs of `flow`: a node for each of them, an edge for each input.
    #[must_use]
    pub fn of<R: Borrow<TaskRun>>(flow: impl Into<Arc<str>>, task_runs: impl IntoIterator<Item = R>) -> Self {
        let (mut nodes, mut edges) = (Vec::new(), Vec::new());
        for task_run in task_runs {
            let task_run = task_run.borrow();
            let label: Option<Arc<str>> = task_run.branch.as_deref().map(Into::into);
            edges.extend(task_run.edges.iter().map(|edge| Edge {
                from: edge.from().get(),
                to: task_run.id.get(),
                kind: edge.kind(),
                label: label.clone(),
            }));
            nodes.push(node(task_run));
        }
        Self::new(flow, nodes, edges)
    }
}

impl Default for Graph {
    fn default() -> Self {
        Self::new("", [], [])
    }
}

fn node(task_run: &TaskRun) -> Node {
    let mut node = Node::new(task_run.id.get(), task_run.task.clone());
    node.label = task_run.label();
    node.state = task_run.state;
    node.kind = task_run.kind;
    node.group = task_run.group.as_deref().map(Into::into);
    node.attempts = task_run.attempt;
    node.duration = task_run.duration();
    node.parent = (task_run.parent != TaskRunId::FLOW).then(|| task_run.parent.get());
    node
}

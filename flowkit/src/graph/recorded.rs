//! From the record of a run to its graph. The record is not changed, and nothing is looked up elsewhere.

use std::sync::Arc;

use super::{Edge, EdgeKind, Graph, Node, NodeKind};
use crate::model::{self, Kind, RunRecord, TaskRun, TaskRunId};

impl Graph {
    /// Returns the graph of a record: a node per task run, an edge per input.
    #[must_use]
    pub fn of(record: &RunRecord) -> Self {
        let flow = record.task_run(TaskRunId::FLOW).map(TaskRun::label).unwrap_or_default();
        let task_runs = || record.task_runs().skip(1);
        let edges = task_runs().flat_map(|task_run| {
            let label: Option<Arc<str>> = task_run.branch().map(Into::into);
            task_run.edges().iter().map(move |edge| Edge {
                from: edge.from().get(),
                to: task_run.id().get(),
                kind: match edge.kind() {
                    model::EdgeKind::Data => EdgeKind::Data,
                    model::EdgeKind::Order => EdgeKind::Order,
                },
                label: label.clone(),
            })
        });
        Self::new(flow, task_runs().map(node), edges)
    }
}

impl Default for Graph {
    fn default() -> Self {
        Self::new("", [], [])
    }
}

fn node(task_run: &TaskRun) -> Node {
    let mut node = Node::new(task_run.id().get(), task_run.task());
    node.label = task_run.label();
    node.state = task_run.state();
    node.kind = match task_run.declaration().kind {
        Kind::Task => NodeKind::Task,
        Kind::Flow => NodeKind::Flow,
    };
    node.group = task_run.group().map(Into::into);
    node.attempts = task_run.attempt_count();
    node.duration = task_run.duration();
    node.parent = (task_run.parent() != TaskRunId::FLOW).then(|| task_run.parent().get());
    node
}

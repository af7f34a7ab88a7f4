//! From the record of a run to its graph. The record is not changed, and nothing is looked up elsewhere.

use std::sync::Arc;

use super::{Edge, EdgeKind, Graph, Node, NodeKind};
use crate::model::{self, Kind, RunRecord, StoredTaskRun, TaskRun, TaskRunId};

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
                kind: edge_kind(edge.kind()),
                label: label.clone(),
            })
        });
        Self::new(flow, task_runs().map(node), edges)
    }

    /// Returns the graph of task runs that were kept.
    #[must_use]
    pub fn of_rows(flow: impl Into<Arc<str>>, rows: &[StoredTaskRun]) -> Self {
        let edges = rows.iter().flat_map(|row| {
            let label: Option<Arc<str>> = row.branch.as_deref().map(Into::into);
            row.edges.iter().map(move |(from, kind)| Edge {
                from: from.get(),
                to: row.id.get(),
                kind: edge_kind(*kind),
                label: label.clone(),
            })
        });
        Self::new(flow, rows.iter().map(node_of_row), edges)
    }
}

impl Default for Graph {
    fn default() -> Self {
        Self::new("", [], [])
    }
}

const fn edge_kind(kind: model::EdgeKind) -> EdgeKind {
    match kind {
        model::EdgeKind::Data => EdgeKind::Data,
        model::EdgeKind::Order => EdgeKind::Order,
    }
}

const fn node_kind(kind: Kind) -> NodeKind {
    match kind {
        Kind::Task => NodeKind::Task,
        Kind::Flow => NodeKind::Flow,
    }
}

fn node_of_row(row: &StoredTaskRun) -> Node {
    let mut node = Node::new(row.id.get(), row.task.clone());
    node.label = row.label();
    node.state = row.state;
    node.kind = node_kind(row.kind);
    node.group = row.group.as_deref().map(Into::into);
    node.attempts = row.attempt;
    node.duration = row.duration();
    node.parent = (row.parent != TaskRunId::FLOW).then(|| row.parent.get());
    node
}

fn node(task_run: &TaskRun) -> Node {
    let mut node = Node::new(task_run.id().get(), task_run.task());
    node.label = task_run.label();
    node.state = task_run.state();
    node.kind = node_kind(task_run.declaration().kind);
    node.group = task_run.group().map(Into::into);
    node.attempts = task_run.attempt_count();
    node.duration = task_run.duration();
    node.parent = (task_run.parent() != TaskRunId::FLOW).then(|| task_run.parent().get());
    node
}

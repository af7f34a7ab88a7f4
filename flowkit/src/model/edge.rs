//! An edge of the graph: what a task run waits for, and whether data passes.

use smallvec::SmallVec;

use super::TaskRunId;

/// What an edge of the graph stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeKind {
    /// The result of one run is an argument of the other.
    Data,
    /// One run starts after the other, and no data passes.
    Order,
}

/// Something that a task run waits for. It is serialized as a pair: the run that comes first, and the kind.
#[derive(Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(from = "(TaskRunId, EdgeKind)", into = "(TaskRunId, EdgeKind)")]
pub struct Edge(
    // The id and, in the lowest bit, the kind: half the size, and most of a record is edges.
    u64,
);

impl Edge {
    /// An edge from a run.
    pub fn new(from: TaskRunId, kind: EdgeKind) -> Self {
        Self(from.get() << 1 | u64::from(kind == EdgeKind::Order))
    }

    /// Returns the run that comes first.
    pub const fn from(self) -> TaskRunId {
        TaskRunId::new(self.0 >> 1)
    }

    /// Returns what the edge stands for.
    pub const fn kind(self) -> EdgeKind {
        if self.0 & 1 == 0 { EdgeKind::Data } else { EdgeKind::Order }
    }
}

impl From<(TaskRunId, EdgeKind)> for Edge {
    fn from((from, kind): (TaskRunId, EdgeKind)) -> Self {
        Self::new(from, kind)
    }
}

impl From<Edge> for (TaskRunId, EdgeKind) {
    fn from(edge: Edge) -> Self {
        (edge.from(), edge.kind())
    }
}

impl std::fmt::Debug for Edge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Edge({:?} from {})", self.kind(), self.from())
    }
}

/// The inputs of a task run. Four fit in place; most tasks have fewer.
pub(crate) type Edges = SmallVec<[Edge; 4]>;

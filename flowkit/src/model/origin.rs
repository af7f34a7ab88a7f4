//! Where the run of a sub-flow comes from.

use std::sync::Arc;

use super::{FlowRunId, TaskRunId};

/// Where a flow run comes from that was started inside another one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Origin {
    /// The outermost flow run.
    pub root: FlowRunId,
    /// The flow run in whose code the call was made.
    pub flow_run: FlowRunId,
    /// The task run in it: the sub-flow's node, or the body that started the run with `.run()` or `.start()`.
    pub task_run: TaskRunId,
    /// The labels on the way from the outermost flow, itself left out, down to this run: `region[1] › fetch_all`.
    /// Of a very long way only the end.
    pub path: Arc<str>,
}

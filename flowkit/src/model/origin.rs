//! Where the run of a sub-flow comes from.

use std::sync::Arc;

use super::{FlowRunId, TaskRunId};

/// A path of nested flows longer than this, in bytes, begins anew: nobody reads it.
const PATH_MAX: usize = 200;

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

impl Origin {
    /// Returns the path of a run that is called `label` in a run with the path `outer`; the outermost has none.
    pub(crate) fn path_in(outer: Option<&str>, label: &str) -> String {
        match outer {
            // Each of a thousand nested flows would repeat the paths of all around it, in memory and in what is printed.
            Some(outer) if outer.len() > PATH_MAX => format!("… › {label}"),
            Some(outer) => format!("{outer} › {label}"),
            None => label.to_owned(),
        }
    }
}

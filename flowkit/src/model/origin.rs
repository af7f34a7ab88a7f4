//! Where the run of a sub-flow comes from.

use std::sync::Arc;

use super::{FlowRunId, TaskRunId};

/// The length of a path of nested flows, in bytes, above which its beginning is omitted, since it would be unreadable.
const PATH_MAX: usize = 200;

/// Where a flow run that was started inside another one comes from.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Origin {
    /// The outermost flow run.
    pub root: FlowRunId,
    /// The flow run in whose code the call was made.
    pub flow_run: FlowRunId,
    /// The task run in it: the sub-flow's node, or the body that started the run with `.run()` or `.start()`.
    pub task_run: TaskRunId,
    /// The labels from the outermost flow, which is left out, down to this run: `region[1] › fetch_all`. A very long path is
    /// shortened to its end.
    pub path: Arc<str>,
}

impl Origin {
    /// Returns the path of a run with this `label` in a run with the path `outer`; the outermost run has none.
    pub(crate) fn path_in(outer: Option<&str>, label: &str) -> String {
        match outer {
            // Each of a thousand nested flows would repeat the paths of all around it, in memory and in what is printed.
            Some(outer) if outer.len() > PATH_MAX => format!("… › {label}"),
            Some(outer) => format!("{outer} › {label}"),
            None => label.to_owned(),
        }
    }
}

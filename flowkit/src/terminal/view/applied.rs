//! From the events of a store to the view, one after the other, for watching a run of another process. Only what is counted:
//! how long things took and why they failed is in the rows.

use std::borrow::Cow;

use super::RunView;
use crate::model::{EventKind, State, StoredFlowRun, TaskRun, TaskRunId};
use crate::text::columns::visible;

impl RunView {
    /// Begins to look at an outermost run from its first event on.
    pub(crate) fn before_events(run: &StoredFlowRun) -> Self {
        Self::new(run.id, visible(&run.flow), run.created_at)
    }

    /// Applies an event of a task run of `run`, or of `run` itself if there is no row, after which it stands in `state`. Outer
    /// runs come first.
    pub(crate) fn apply(
        &mut self,
        run: &StoredFlowRun,
        row: Option<&TaskRun>,
        kind: &EventKind,
        state: State,
    ) {
        let row = row.map_or_else(|| Cow::Owned(run.as_task_run()), Cow::Borrowed);
        let key = (run.id, row.id);
        if let (TaskRunId::FLOW, Some(caller)) = (row.id, run.parent) {
            self.know_flow(run.id, caller, &run.flow);
        }
        let is_own = key == (self.id, TaskRunId::FLOW);
        let group = if is_own {
            self.state = state;
            None
        } else {
            let own = self.node(key);
            own.or(self.stand(key, &row, state))
        };
        if let EventKind::AttemptFailed { attempt, .. } = kind {
            match group {
                Some(group) => self.retry(group, attempt + 1, *attempt == 1),
                None => self.retries += usize::from(is_own),
            }
        }
    }
}

//! From the events of a store to the view, one after the other, for watching a run of another process. Only what is counted:
//! how long things took and why they failed is in the rows.

use super::RunView;
use crate::model::{EventKind, Kind, State, StoredFlowRun, StoredTaskRun, TaskRunId};
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
        row: Option<&StoredTaskRun>,
        kind: &EventKind,
        state: State,
    ) {
        let key = (run.id, row.map_or(TaskRunId::FLOW, |row| row.id));
        if let (None, Some(caller)) = (row, run.parent) {
            self.know_flow(run.id, caller, &run.flow);
        }
        let is_own = key == (self.id, TaskRunId::FLOW);
        let group = if is_own {
            self.state = state;
            None
        } else {
            let own = self.node(key);
            let group = self.stand(key, state, |view| match row {
                None => {
                    let group = view.inside(key);
                    (group.unwrap_or_else(|| view.group(None, &run.flow, true)), visible(&run.flow))
                }
                Some(row) => {
                    let around = view.inside((run.id, row.parent));
                    (view.group(around, &row.task, row.kind == Kind::Flow), visible(&row.label()))
                }
            });
            own.or(group)
        };
        if let EventKind::AttemptFailed { attempt, .. } = kind {
            match group {
                Some(group) => self.retry(group, attempt + 1, *attempt == 1),
                None => self.retries += usize::from(is_own),
            }
        }
    }
}

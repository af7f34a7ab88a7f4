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

    /// Notes what happened to a task run of `run`, or to `run` itself if there is no row. Outer runs come first.
    pub(crate) fn hear(&mut self, run: &StoredFlowRun, row: Option<&StoredTaskRun>, kind: &EventKind) {
        let key = (run.id, row.map_or(TaskRunId::FLOW, |row| row.id));
        let Some(state) = stands(kind) else { return };
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

/// Says where a run stands after an event, whatever was before: that the event fitted was checked when it was written.
/// `None` if it stands where it stood.
const fn stands(kind: &EventKind) -> Option<State> {
    Some(match kind {
        EventKind::Stopping => return None,
        EventKind::Created | EventKind::Reopened => State::Pending,
        EventKind::Queued => State::Waiting,
        EventKind::Started { .. } => State::Running,
        EventKind::AttemptFailed { .. } => State::AwaitingRetry,
        EventKind::Completed => State::Completed,
        EventKind::Cached => State::Cached,
        EventKind::Failed { .. } => State::Failed,
        EventKind::TimedOut { .. } => State::TimedOut,
        EventKind::Cancelling => State::Cancelling,
        EventKind::Cancelled { .. } => State::Cancelled,
        EventKind::UpstreamFailed { .. } => State::UpstreamFailed,
        EventKind::Skipped { .. } => State::Skipped,
        EventKind::Crashed => State::Crashed,
        EventKind::Suspended | EventKind::Interrupted { .. } => State::Suspended,
    })
}

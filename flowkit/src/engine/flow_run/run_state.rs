//! The record of a run and what must change together with it, under one lock.

use super::ends::Watchers;
use super::stopping::Stopping;
use crate::model::{RunRecord, State, TaskRunId, TaskRunRecord, Timestamp};
use crate::store::Facts;

/// The record and what must change together with it.
#[derive(Default)]
pub(super) struct RunState {
    pub(super) record: RunRecord,
    /// What task runs have said of themselves, if no store keeps the run.
    pub(super) facts: Facts,
    /// The children that have not ended.
    pub(super) live: usize,
    /// What else must end before the run can: lists of children that are not known yet, runs of sub-flows.
    pub(super) pending: usize,
    /// No child may be added any more: the attempt of the flow is ending.
    pub(super) closed: bool,
    /// An attempt of the flow has begun in this process.
    pub(super) opened: bool,
    /// Those who wait for the ends of several runs.
    pub(super) watchers: Watchers,
    /// The store was told the end of the run, and has not said yet whether it is kept.
    pub(super) ending: bool,
    /// The flow's body has returned, and its driver waits for the last child.
    pub(super) joining: bool,
    /// What a stop of the program does to failures.
    pub(super) stopping: Stopping,
}

impl RunState {
    /// The time of an event that happens now. The clock is read before the lock is taken, which all threads want, so
    /// another event may have come in between: time does not go back for that.
    pub(super) fn moment(&self, read: Timestamp) -> Timestamp {
        self.record.events().last().map_or(read, |last| last.at.max(read))
    }

    /// Where the flow itself stands.
    pub(super) fn state(&self) -> State {
        self.record.task_run(TaskRunId::FLOW).map_or(State::Pending, TaskRunRecord::state)
    }

    /// Whether anything has happened in this process: a resumed run keeps its recorded state until it is reopened.
    pub(super) fn is_begun(&self) -> bool {
        !self.record.events().is_empty()
    }

    /// Whether it has ended for good: a flow that was interrupted is under way until it is suspended or cancelled.
    pub(super) fn is_over(&self) -> bool {
        self.is_begun() && (self.ending || self.state().is_terminal())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.live == 0 && self.pending == 0
    }

    /// The row of a run, as it stands.
    ///
    /// # Panics
    ///
    /// If there is no such run: ids come from the record itself, so this is a bug.
    pub(super) fn row(&self, id: TaskRunId) -> TaskRunRecord {
        self.record.task_run(id).expect("bug in flowkit: a task run has no row").clone()
    }

    /// Whether the driver waits for just what has happened now.
    pub(super) fn driver_may_go(&self) -> bool {
        self.joining && self.is_idle()
    }
}

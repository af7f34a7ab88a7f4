//! The record of a flow run and everything that happens under its lock: only this folder can take that lock.
//!
//! The store is given each change under the lock, so that it has them in the order of the record. Observers, wakers and the
//! store's back-pressure come after the lock is released, and no closure of a user runs under it. The only other locks that
//! are taken under it are those of the store's queue, of what earlier processes left (`replay`), of [`Ends`](super::ends::Ends)
//! and of the cancellation tree.

mod events;
mod lifecycle;
mod read;
mod stop;

use parking_lot::{Mutex, MutexGuard};

pub(crate) use self::lifecycle::OpenGuard;
use self::stop::Stopping;
use super::ends::Watchers;
use crate::model::{RunRecord, State, TaskRunId, TaskRunRecord, Timestamp};
use crate::store::Facts;

/// The record and what must change together with it, behind their lock.
pub(super) struct SharedState(Mutex<RunState>);

impl SharedState {
    /// A run that admits no children before an attempt of the flow has [opened](super::Run::open) it.
    pub(super) fn new(record: RunRecord) -> Self {
        Self(Mutex::new(RunState { record, closed: true, ..RunState::default() }))
    }

    #[inline]
    fn lock(&self) -> MutexGuard<'_, RunState> {
        self.0.lock()
    }
}

#[derive(Default)]
struct RunState {
    record: RunRecord,
    /// What task runs have reported, if the run has no store.
    facts: Facts,
    /// The children that have not ended.
    live: usize,
    /// What else must end before the run can: lists of children that are not known yet, runs of sub-flows.
    pending: usize,
    /// No child may be added any more: the attempt of the flow is ending.
    closed: bool,
    /// An attempt of the flow has begun in this process.
    opened: bool,
    /// The waits for the ends of several runs.
    watchers: Watchers,
    /// The end of the run was proposed to the store, which has not answered yet.
    ending: bool,
    /// The flow's body has returned, and its driver waits for the last child.
    joining: bool,
    /// How stopping the program affects failures.
    stopping: Stopping,
}

impl RunState {
    /// The time of an event that happens now. `read` was read before the lock was taken, which all threads contend for, so
    /// another event may have come in between: recorded time does not go back for that.
    fn moment(&self, read: Timestamp) -> Timestamp {
        self.record.events().last().map_or(read, |last| last.at.max(read))
    }

    /// The state of the flow itself.
    fn flow_state(&self) -> State {
        self.record.task_run(TaskRunId::FLOW).map_or(State::Pending, TaskRunRecord::state)
    }

    /// Whether anything has happened in this process: a resumed run stays in its recorded state until it is reopened.
    fn is_begun(&self) -> bool {
        !self.record.events().is_empty()
    }

    /// Whether it has ended for good: an interrupted flow is under way until it is suspended or cancelled.
    fn is_over(&self) -> bool {
        self.is_begun() && (self.ending || self.flow_state().is_terminal())
    }

    fn is_idle(&self) -> bool {
        self.live == 0 && self.pending == 0
    }

    /// A copy of a task run's record.
    ///
    /// # Panics
    ///
    /// If there is no such run: ids come from the record itself, so this is a bug.
    fn row(&self, id: TaskRunId) -> TaskRunRecord {
        self.record.task_run(id).expect("bug in flowkit: a task run has no row").clone()
    }

    /// Whether the driver of the flow waits for exactly what has happened now.
    fn driver_may_go(&self) -> bool {
        self.joining && self.is_idle()
    }
}

//! How a run is stopped: cancelled, suspended with its program, or lost by its store.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::RunState;
use crate::engine::flow_run::Run;
use crate::engine::replay::run_store::RunStore;
use crate::model::{EventKind, FlowRunId, Kind, State, TaskRunId, TaskRunRecord, Timestamp};
use crate::store::StoreError;

/// A failure at most this long before the program was asked to stop counts as caused by the stop. A signal to a process group
/// reaches child processes too, and the death of one may be seen before the signal handler of this program has run.
const JUST_BEFORE: Duration = Duration::from_secs(1);

/// How stopping the program affects the failures of a run.
#[derive(Default)]
pub(super) struct Stopping {
    /// The program was asked to stop.
    begun: bool,
    /// The latest failures and their times: they count as interruptions if the program is asked to stop soon.
    failed: VecDeque<(TaskRunId, Timestamp)>,
    /// The task runs whose failure was taken back, which run again, and those that called them.
    interrupted: HashSet<TaskRunId>,
    callers: HashSet<TaskRunId>,
}

impl Run {
    /// Fails the run, since its store persists it no further, and all runs of the same outermost flow with it: none of them is
    /// complete without the others.
    pub(crate) fn lose_all(&self, why: &StoreError) {
        let root = self.root();
        let runs = self.runtime.active_runs().all();
        let mut tree: Vec<_> = runs.into_iter().filter(|run| run.root() == root).collect();
        // All are marked as lost before the first is stopped: a sub-flow that is stopped with the outer one is lost, too.
        tree.retain(|run| run.lose(why));
        for run in tree {
            tracing::error!(flow_run = %run.id, error = %why, "stopped: the run is kept no further");
            run.cancellation.cancel();
        }
    }

    /// Marks the run as lost by its store. Returns whether it has to be stopped for that.
    pub(crate) fn lose(&self, why: &StoreError) -> bool {
        // Under the lock: the store gets no result after it was told that the run is suspended.
        let state = self.state.lock();
        !state.is_over()
            && !self.is_suspended()
            && self.run_store.as_ref().is_some_and(|run_store| run_store.lose(why.clone()))
    }

    /// Returns why the store persists the run no further, if so.
    pub(crate) fn lost(&self) -> Option<&StoreError> {
        self.run_store.as_ref().and_then(RunStore::lost)
    }

    /// The outermost run to which this one belongs.
    pub(crate) fn root(&self) -> FlowRunId {
        self.origin.as_ref().map_or(self.id, |origin| origin.root)
    }

    /// Cancels the run, unless it has ended.
    pub(crate) fn cancel(&self) {
        let read = self.clock.now();
        let mut state = self.state.lock();
        if state.is_over() || self.cancellation.is_cancelled() {
            return;
        }
        if state.is_begun() {
            let at = state.moment(read);
            self.append(&mut state, TaskRunId::FLOW, at, EventKind::Cancelling);
        }
        drop(state);
        tracing::info!(flow_run = %self.id, "cancelling");
        self.cancellation.cancel();
        self.publish();
    }

    /// Notes that the program was asked to stop: no failure is final from now on, nor was one just before. Failures of a run
    /// without a store stay final, since it cannot be resumed.
    pub(crate) fn begin_to_stop(&self) {
        if self.run_store.is_none() {
            return;
        }
        let read = self.clock.now();
        let mut state = self.state.lock();
        let is_under_way = state.is_begun() && !state.is_over() && state.flow_state() != State::Cancelling;
        if !is_under_way || std::mem::replace(&mut state.stopping.begun, true) {
            return;
        }
        let at = state.moment(read);
        self.append(&mut state, TaskRunId::FLOW, at, EventKind::Stopping);
        for (task_run, ended_at) in std::mem::take(&mut state.stopping.failed) {
            if at.since(ended_at) <= JUST_BEFORE {
                self.interrupt(&mut state, task_run);
            }
        }
        drop(state);
        self.publish();
    }

    /// Notes a failure that does not count if the program is stopping, or is asked to stop soon.
    pub(super) fn note_failure(&self, state: &mut RunState, task_run: TaskRunId, at: Timestamp) {
        if self.run_store.is_none() {
            return;
        }
        if state.stopping.begun {
            // It was about to be recorded when the signal came.
            return self.interrupt(state, task_run);
        }
        let failed = &mut state.stopping.failed;
        while failed.front().is_some_and(|(_, ended_at)| at.since(*ended_at) > JUST_BEFORE) {
            failed.pop_front();
        }
        failed.push_back((task_run, at));
    }

    /// Takes a failure back: the task run is suspended, and runs again when the flow is resumed.
    fn interrupt(&self, state: &mut RunState, task_run: TaskRunId) {
        let row = state.row(task_run);
        let Some(error) = row.extras().error.clone().filter(|_| row.attempt_count() > 0) else { return };
        let kind = EventKind::Interrupted { attempt: row.attempt_count(), error };
        let at = state.moment(self.clock.now());
        if self.append(state, task_run, at, kind) {
            state.stopping.interrupted.insert(task_run);
            state.stopping.callers.insert(row.parent());
        }
    }

    /// Whether a task run called one whose failure was taken back, or has one among its inputs.
    pub(crate) fn rests_on_an_interrupted_run(&self, id: TaskRunId) -> bool {
        let state = self.state.lock();
        let Stopping { interrupted, callers, .. } = &state.stopping;
        let Some(row) = state.record.task_run(id).filter(|_| !interrupted.is_empty()) else { return false };
        callers.contains(&id) || row.edges().iter().any(|edge| interrupted.contains(&edge.from()))
    }

    /// Suspends the run, unless it has ended: the store gets nothing more of it. Without a store it is cancelled instead.
    /// [`stop_suspended`](Self::stop_suspended) stops what still runs of it. Returns whether it was suspended.
    pub(crate) fn suspend(&self) -> bool {
        let Some(run_store) = &self.run_store else {
            self.cancel();
            return false;
        };
        // Under the lock: the store gets no result after it was told that the run is suspended.
        let state = self.state.lock();
        let is_over = state.is_over() || state.flow_state() == State::Cancelling;
        let is_news = !is_over && !self.suspended.swap(true, Ordering::AcqRel);
        if is_news {
            run_store.suspend();
        }
        is_news
    }

    /// Stops what still runs of a suspended run.
    pub(crate) fn stop_suspended(&self) {
        tracing::info!(flow_run = %self.id, "suspended");
        self.cancellation.cancel();
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// Whether a task of the run is running.
    pub(crate) fn is_at_work(&self) -> bool {
        let state = self.state.lock();
        let running =
            |row: &TaskRunRecord| row.declaration().kind == Kind::Task && row.state() == State::Running;
        !state.flow_state().is_over() && state.record.task_runs().any(running)
    }
}

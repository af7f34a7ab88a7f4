//! How a run is told to stop: cancelled, suspended with its program, or lost by its store.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Run;
use super::run_state::RunState;
use crate::engine::replay::run_store::{PersistRequest, RunStore};
use crate::model::{Edge, Event, EventKind, FlowRunId, Kind, State, TaskRunId, TaskRunRecord, Timestamp};
use crate::store::StoreError;

/// What failed at most so long before the program was told to stop counts as stopped with it. A signal to a process group
/// reaches child processes, too, and one of those may be seen to die before the handler of this program has run.
const JUST_BEFORE: Duration = Duration::from_secs(1);

/// What a stop of the program does to the failures of a run.
#[derive(Default)]
pub(super) struct Stopping {
    /// The program was told to stop.
    begun: bool,
    /// What failed just now, and when: it counts as interrupted if the program is told to stop soon.
    failed: VecDeque<(TaskRunId, Timestamp)>,
    /// What failed just before, and is made again.
    interrupted: Vec<TaskRunId>,
}

impl Run {
    /// Ends the run as failed, since its store keeps it no further; and with it all runs of the same outermost flow, of which
    /// none is whole without the others.
    pub(crate) fn lose_all(&self, why: &StoreError) {
        let root = self.root();
        let runs = self.runtime.live().all();
        let mut tree: Vec<_> = runs.into_iter().filter(|run| run.root() == root).collect();
        // All of them know of it before the first is stopped: a sub-flow that is stopped with the outer one is lost, too.
        tree.retain(|run| run.loses(why));
        for run in tree {
            tracing::error!(flow_run = %run.id, error = %why, "stopped: the run is kept no further");
            run.cancellation.cancel();
        }
    }

    /// Takes note that the store keeps the run no further. Whether the run has to be stopped for it.
    pub(super) fn loses(&self, why: &StoreError) -> bool {
        // Under the lock: the store hears of no result after it was told that the run is suspended.
        let ledger = self.ledger.lock();
        !ledger.is_over()
            && !self.is_suspended()
            && self.kept.as_ref().is_some_and(|kept| kept.lose(why.clone()))
    }

    /// Returns why the store keeps the run no further, if so.
    pub(crate) fn lost(&self) -> Option<&StoreError> {
        self.kept.as_ref().and_then(RunStore::lost)
    }

    /// The outermost run to which this one belongs.
    pub(super) fn root(&self) -> FlowRunId {
        self.origin.as_ref().map_or(self.id, |origin| origin.root)
    }

    /// Tells the run to stop, unless it has ended.
    pub(crate) fn cancel(&self) {
        let read = self.clock.now();
        let mut ledger = self.ledger.lock();
        if ledger.is_over() || self.cancellation.is_cancelled() {
            return;
        }
        let event = Event { task_run: TaskRunId::FLOW, at: ledger.moment(read), kind: EventKind::Cancelling };
        if ledger.is_begun()
            && self.accepted(ledger.record.apply(event.clone()), TaskRunId::FLOW)
            && let Some(kept) = &self.kept
        {
            kept.record(event, ledger.row(TaskRunId::FLOW), PersistRequest::default());
        }
        drop(ledger);
        tracing::info!(flow_run = %self.id, "cancelling");
        self.cancellation.cancel();
        self.wrote();
        self.announce();
    }

    /// Takes note that the program was told to stop: from now on, and from just before on, no failure is final. Of a run
    /// without a store it is, since nobody can resume that.
    pub(crate) fn begin_to_stop(&self) {
        let Some(kept) = &self.kept else { return };
        let read = self.clock.now();
        let mut ledger = self.ledger.lock();
        let is_under_way = ledger.is_begun() && !ledger.is_over() && ledger.state() != State::Cancelling;
        if !is_under_way || std::mem::replace(&mut ledger.stopping.begun, true) {
            return;
        }
        let at = ledger.moment(read);
        let event = Event { task_run: TaskRunId::FLOW, at, kind: EventKind::Stopping };
        if self.accepted(ledger.record.apply(event.clone()), TaskRunId::FLOW) {
            kept.record(event, ledger.row(TaskRunId::FLOW), PersistRequest::default());
        }
        for (task_run, ended_at) in std::mem::take(&mut ledger.stopping.failed) {
            if at.since(ended_at) <= JUST_BEFORE {
                self.interrupt(&mut ledger, task_run);
            }
        }
        drop(ledger);
        self.wrote();
        self.announce();
    }

    /// Takes note of a failure that does not count if the program is being stopped, or is told to stop soon.
    pub(super) fn failed(&self, ledger: &mut RunState, task_run: TaskRunId, at: Timestamp) {
        if self.kept.is_none() {
            return;
        }
        if ledger.stopping.begun {
            // It was about to be told when the signal came.
            return self.interrupt(ledger, task_run);
        }
        let failed = &mut ledger.stopping.failed;
        while failed.front().is_some_and(|(_, ended_at)| at.since(*ended_at) > JUST_BEFORE) {
            failed.pop_front();
        }
        failed.push_back((task_run, at));
    }

    /// Takes a failure back: the task run is suspended, to be made again.
    fn interrupt(&self, ledger: &mut RunState, task_run: TaskRunId) {
        let row = ledger.row(task_run);
        let Some(error) = row.extras().error.clone().filter(|_| row.attempt_count() > 0) else { return };
        let kind = EventKind::Interrupted { attempt: row.attempt_count(), error };
        let event = Event { task_run, at: ledger.moment(self.clock.now()), kind };
        if self.accepted(ledger.record.apply(event.clone()), task_run)
            && let Some(kept) = &self.kept
        {
            kept.record(event, ledger.row(task_run), PersistRequest::default());
            ledger.stopping.interrupted.push(task_run);
        }
    }

    /// Whether a task run has called one whose failure was taken back, or was given its outcome.
    pub(crate) fn rests_on_an_interrupted_run(&self, id: TaskRunId) -> bool {
        let ledger = self.ledger.lock();
        let interrupted = &ledger.stopping.interrupted;
        let Some(row) = ledger.record.task_run(id).filter(|_| !interrupted.is_empty()) else { return false };
        let has_called =
            |other: &TaskRunId| ledger.record.task_run(*other).is_some_and(|other| other.parent() == id);
        let was_given = |edge: &Edge| interrupted.contains(&edge.from());
        interrupted.iter().any(has_called) || row.edges().iter().any(was_given)
    }

    /// Suspends the run, unless it has ended: the store hears no more of it. Without a store it is cancelled. What runs of
    /// it is stopped by [`stop_suspended`](Self::stop_suspended). Returns whether it was suspended.
    pub(crate) fn suspend(&self) -> bool {
        let Some(kept) = &self.kept else {
            self.cancel();
            return false;
        };
        // Under the lock: the store hears of no result after it was told that the run is suspended.
        let ledger = self.ledger.lock();
        let is_over = ledger.is_over() || ledger.state() == State::Cancelling;
        let goes_aside = !is_over && !self.suspended.swap(true, Ordering::AcqRel);
        if goes_aside {
            kept.suspend();
        }
        goes_aside
    }

    /// Stops what still runs of a run that was suspended.
    pub(crate) fn stop_suspended(&self) {
        tracing::info!(flow_run = %self.id, "suspended");
        self.cancellation.cancel();
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// Whether a task of the run is running.
    pub(crate) fn is_at_work(&self) -> bool {
        let ledger = self.ledger.lock();
        let running =
            |row: &TaskRunRecord| row.declaration().kind == Kind::Task && row.state() == State::Running;
        !ledger.state().is_over() && ledger.record.task_runs().any(running)
    }
}

//! How a run is told to stop: cancelled, put aside, or lost by its store.

use std::sync::atomic::Ordering;

use super::Run;
use crate::engine::recover::kept::{Keeping, Kept};
use crate::model::{Event, EventKind, FlowRunId, Kind, State, TaskRun, TaskRunId};
use crate::store::StoreError;

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
        // Under the lock: no result is told to the store after it was told that the run is put aside.
        let ledger = self.ledger.lock();
        !ledger.is_over()
            && !self.is_suspended()
            && self.kept.as_ref().is_some_and(|kept| kept.lose(why.clone()))
    }

    /// Returns why the store keeps the run no further, if so.
    pub(crate) fn lost(&self) -> Option<&StoreError> {
        self.kept.as_ref().and_then(Kept::lost)
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
            kept.record(event, ledger.row(TaskRunId::FLOW), Keeping::default());
        }
        drop(ledger);
        tracing::info!(flow_run = %self.id, "cancelling");
        self.cancellation.cancel();
        self.wrote();
        self.announce();
    }

    /// Puts the run aside, unless it has ended: the store hears no more of it, and what runs of it is stopped. Without a
    /// store it is cancelled. Returns whether it was put aside.
    pub(crate) fn suspend(&self) -> bool {
        let Some(kept) = &self.kept else {
            self.cancel();
            return false;
        };
        // Under the lock: no result is told to the store after it was told that the run is put aside.
        let ledger = self.ledger.lock();
        let is_over = ledger.is_over() || ledger.state() == State::Cancelling;
        let goes_aside = !is_over && !self.suspended.swap(true, Ordering::AcqRel);
        if goes_aside {
            kept.suspend();
        }
        drop(ledger);
        if goes_aside {
            tracing::info!(flow_run = %self.id, "put aside");
            self.cancellation.cancel();
        }
        goes_aside
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended.load(Ordering::Acquire)
    }

    /// Whether a task of the run is running.
    pub(crate) fn is_at_work(&self) -> bool {
        let ledger = self.ledger.lock();
        let running = |row: &TaskRun| row.declaration().kind == Kind::Task && row.state() == State::Running;
        !ledger.state().is_over() && ledger.record.task_runs().any(running)
    }
}

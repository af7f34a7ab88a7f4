//! How a run is told to stop: cancelled, put aside, or lost to another process.

use std::sync::atomic::Ordering;

use super::Run;
use crate::engine::recover::kept::Keeping;
use crate::model::{Event, EventKind, Kind, State, TaskRun, TaskRunId};

impl Run {
    /// Stops a run that another process has taken over.
    pub(crate) fn lose(&self) {
        if let Some(kept) = &self.kept {
            kept.fall_silent();
        }
        self.cancel();
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

//! What others read of a run while it lives, and the few things of a row that are no event.

use std::sync::atomic::Ordering;
use std::task::Waker;

use super::Run;
use crate::model::{Edges, Event, RunRecord, State, TaskRun, TaskRunId};

impl Run {
    pub(crate) fn read<R>(&self, f: impl FnOnce(&RunRecord) -> R) -> R {
        f(&self.ledger.lock().record)
    }

    pub(crate) fn change_task_run(&self, id: TaskRunId, change: impl FnOnce(&mut TaskRun)) {
        if let Some(task_run) = self.ledger.lock().record.task_run_mut(id) {
            change(task_run);
        }
    }

    pub(crate) fn set_edges(&self, id: TaskRunId, edges: Edges) {
        self.change_task_run(id, |task_run| task_run.set_edges(edges));
    }

    pub(crate) fn task_run(&self, id: TaskRunId) -> Option<TaskRun> {
        self.ledger.lock().record.task_run(id).cloned()
    }

    pub(crate) fn state(&self) -> State {
        self.ledger.lock().state()
    }

    pub(crate) fn event_count(&self) -> usize {
        self.ledger.lock().record.events().len()
    }

    pub(crate) fn event(&self, index: usize) -> Option<(Event, TaskRun)> {
        let ledger = self.ledger.lock();
        let event = ledger.record.events().get(index)?.clone();
        let task_run = ledger.record.task_run(event.task_run)?.clone();
        Some((event, task_run))
    }

    /// Wakes `waker` at the next event.
    pub(crate) fn wake_at_next_event(&self, waker: &Waker) {
        let mut wakers = self.stream_wakers.lock();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        self.stream_waiting.store(true, Ordering::SeqCst);
    }
}

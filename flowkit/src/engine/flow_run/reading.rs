//! What others read of a run while it lives, and the few things of a row that are no event.

use std::sync::atomic::Ordering;
use std::task::Waker;

use super::Run;
use crate::graph::Graph;
use crate::model::{Edges, Event, RunRecord, State, TaskRun, TaskRunId, TaskRunRecord};

impl Run {
    pub(crate) fn read<R>(&self, f: impl FnOnce(&RunRecord) -> R) -> R {
        f(&self.ledger.lock().record)
    }

    pub(crate) fn change_task_run(&self, id: TaskRunId, change: impl FnOnce(&mut TaskRunRecord)) {
        if let Some(task_run) = self.ledger.lock().record.task_run_mut(id) {
            change(task_run);
        }
    }

    pub(crate) fn set_edges(&self, id: TaskRunId, edges: Edges) {
        self.change_task_run(id, |task_run| task_run.set_edges(edges));
    }

    /// Returns a task run as readers see it.
    pub(crate) fn task_run(&self, id: TaskRunId) -> Option<TaskRun> {
        self.read(|record| Some(record.task_run(id)?.row(self.clock.created())))
    }

    /// Returns the task runs in the order of their calls, without the flow itself.
    pub(crate) fn task_runs(&self) -> Vec<TaskRun> {
        self.read(|record| self.rows(record).collect())
    }

    pub(crate) fn graph(&self) -> Graph {
        let flow = self.task_run(TaskRunId::FLOW).map(|flow| flow.label()).unwrap_or_default();
        self.read(|record| Graph::of(flow, self.rows(record)))
    }

    fn rows<'r>(&self, record: &'r RunRecord) -> impl Iterator<Item = TaskRun> + use<'r> {
        let created_at = self.clock.created();
        record.task_runs().skip(1).map(move |task_run| task_run.row(created_at))
    }

    pub(crate) fn state(&self) -> State {
        self.ledger.lock().state()
    }

    pub(crate) fn event_count(&self) -> usize {
        self.ledger.lock().record.events().len()
    }

    pub(crate) fn event(&self, index: usize) -> Option<Event> {
        self.read(|record| record.events().get(index).cloned())
    }

    /// Returns an event, and the task run to which it happened, as it stands now.
    pub(super) fn event_and_row(&self, index: usize) -> Option<(Event, TaskRun)> {
        self.read(|record| {
            let event = record.events().get(index)?;
            let task_run = record.task_run(event.task_run)?;
            Some((event.clone(), task_run.row(self.clock.created())))
        })
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

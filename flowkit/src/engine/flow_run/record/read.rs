//! What others read of a run while it lives, and the few things of a task run that change without an event.

use std::sync::atomic::Ordering;
use std::task::Waker;

use crate::engine::flow_run::Run;
use crate::graph::Graph;
use crate::model::{Event, RunRecord, State, TaskRun, TaskRunId, TaskRunRecord};
use crate::store::Facts;

impl Run {
    pub(crate) fn read<R>(&self, read: impl FnOnce(&RunRecord) -> R) -> R {
        read(&self.state.lock().record)
    }

    /// Reads the facts that were reported in a run without a store.
    pub(crate) fn read_facts<R>(&self, read: impl FnOnce(&Facts) -> R) -> R {
        read(&self.state.lock().facts)
    }

    pub(crate) fn change_task_run(&self, id: TaskRunId, change: impl FnOnce(&mut TaskRunRecord)) {
        if let Some(task_run) = self.state.lock().record.task_run_mut(id) {
            change(task_run);
        }
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

    /// The state of the flow itself.
    pub(crate) fn state(&self) -> State {
        self.state.lock().flow_state()
    }

    pub(crate) fn event_count(&self) -> usize {
        self.read(|record| record.events().len())
    }

    pub(crate) fn event(&self, index: usize) -> Option<Event> {
        self.read(|record| record.events().get(index).cloned())
    }

    /// Returns an event, and the task run to which it happened, in its current state.
    pub(crate) fn event_and_row(&self, index: usize) -> Option<(Event, TaskRun)> {
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

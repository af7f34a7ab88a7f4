//! The record of a flow run: one row per task run, one entry per event, and nothing that is not told by an event.

mod task_run;

use std::collections::BTreeMap;

pub use self::task_run::TaskRunRecord;
pub(crate) use self::task_run::{Extras, NewTaskRun, label_of};
use super::{Chunks, Event, EventKind, IllegalTransition, OrderNo, TaskRunId, Timestamp};

/// Everything that happened in one flow run, in order.
///
/// Of a run that was resumed, it has the task runs of earlier processes that were called again, and what has happened
/// since. The rest is history, and a store tells of it.
#[derive(Debug, Default)]
pub(crate) struct RunRecord {
    /// The task runs of earlier processes that were called again.
    claimed: BTreeMap<TaskRunId, TaskRunRecord>,
    /// How many ids earlier processes have used.
    used: u64,
    /// The task runs of this process, by id less `used`.
    task_runs: Chunks<TaskRunRecord>,
    events: Chunks<Event>,
    /// The number of the last begin or end.
    last_no: u64,
}

impl RunRecord {
    /// The record of a run that goes on: `flow` is the flow itself, and ids below `used` are taken.
    pub(crate) fn resumed(flow: TaskRunRecord, used: u64) -> Self {
        Self { claimed: BTreeMap::from([(TaskRunId::FLOW, flow)]), used, ..Self::default() }
    }

    /// Has begins and ends numbered above `last`.
    pub(crate) fn numbered_above(self, last: Option<OrderNo>) -> Self {
        Self { last_no: last.map_or(0, OrderNo::get), ..self }
    }

    /// Returns the number of the last begin or end.
    pub(crate) fn last_no(&self) -> Option<OrderNo> {
        OrderNo::new(self.last_no)
    }

    /// Adds a task run in the state `Pending`, with the event that tells of it. The first one is the flow itself.
    pub(crate) fn create(&mut self, new: NewTaskRun, at: Timestamp) -> TaskRunId {
        let id = self.next_id();
        self.task_runs.push(TaskRunRecord::new(id, new, at));
        self.events.push(Event { task_run: id, at, kind: EventKind::Created });
        id
    }

    /// Takes a task run of an earlier process up again, as it stood. Nothing happens to it by that.
    pub(crate) fn claim(&mut self, task_run: TaskRunRecord) {
        self.claimed.insert(task_run.id(), task_run);
    }

    /// Returns the id that the next new task run will have.
    pub(crate) fn next_id(&self) -> TaskRunId {
        TaskRunId::new(self.used + self.task_runs.len() as u64)
    }

    /// Moves a task run by an event.
    ///
    /// # Errors
    ///
    /// [`IllegalTransition`], and nothing changes, if the event cannot happen in the run's state.
    ///
    /// # Panics
    ///
    /// If there is no such task run: ids are given out by this record only, so this is a bug.
    pub(crate) fn apply(&mut self, event: Event) -> Result<(), IllegalTransition> {
        let next = OrderNo::MIN.saturating_add(self.last_no);
        let run = self.task_run_mut(event.task_run).expect("bug in flowkit: an event of an unknown task run");
        run.apply(&event, next)?;
        if event.kind.is_numbered() {
            self.last_no = next.get();
        }
        self.events.push(event);
        Ok(())
    }

    /// Returns a task run as it would stand after an event, which does not happen by that.
    ///
    /// # Errors
    ///
    /// [`IllegalTransition`], if the event cannot happen in the run's state.
    ///
    /// # Panics
    ///
    /// As [`apply`](Self::apply).
    pub(crate) fn after(&self, event: &Event) -> Result<TaskRunRecord, IllegalTransition> {
        let next = OrderNo::MIN.saturating_add(self.last_no);
        let run = self.task_run(event.task_run);
        let mut run = run.expect("bug in flowkit: an event of an unknown task run").clone();
        run.apply(event, next)?;
        Ok(run)
    }

    /// Returns the task runs in the order in which they were created; the first one is the flow itself.
    pub(crate) fn task_runs(&self) -> impl Iterator<Item = &TaskRunRecord> {
        self.claimed.values().chain(self.task_runs.iter())
    }

    /// Returns the events of this process in the order in which they happened.
    pub(crate) fn events(&self) -> &Chunks<Event> {
        &self.events
    }

    /// Returns one task run.
    pub(crate) fn task_run(&self, id: TaskRunId) -> Option<&TaskRunRecord> {
        match id.get().checked_sub(self.used) {
            Some(index) => self.task_runs.get(index as usize),
            None => self.claimed.get(&id),
        }
    }

    pub(crate) fn task_run_mut(&mut self, id: TaskRunId) -> Option<&mut TaskRunRecord> {
        match id.get().checked_sub(self.used) {
            Some(index) => self.task_runs.get_mut(index as usize),
            None => self.claimed.get_mut(&id),
        }
    }
}

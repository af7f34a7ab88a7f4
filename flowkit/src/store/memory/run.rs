//! One run in memory: how an entry, a log line and the death of its process change it.

use std::collections::{BTreeMap, HashMap};

use crate::model::{
    Event, EventKind, OrderNo, State, StoredEvent, StoredFlowRun, StoredLog, TaskRun, TaskRunId, WallTime,
};
use crate::policy::resume::RedoRequest;
use crate::store::rows::{self, LOG_LINES_MAX};
use crate::store::{Entry, Facts, LogEntry, NewFlowRun, StoreError};

/// A run with everything that belongs to it.
#[derive(Debug)]
pub(super) struct MemoryRun {
    /// The number of the run in its store, counted from 1.
    pub(super) no: u64,
    pub(super) row: StoredFlowRun,
    pub(super) epoch: u64,
    /// Whether a living store owns it: the one with the epoch.
    pub(super) owned: bool,
    pub(super) cancel_requested: bool,
    /// Its process was told to stop: a task run that dies with it now did not bring it down.
    pub(super) stopping: bool,
    /// What was requested to be redone.
    pub(super) redo_request: Option<RedoRequest>,
    pub(super) task_runs: BTreeMap<TaskRunId, TaskRun>,
    pub(super) events: Vec<StoredEvent>,
    pub(super) results: HashMap<TaskRunId, Vec<u8>>,
    pub(super) facts: Facts,
    pub(super) logs: Vec<StoredLog>,
    /// How many lines each task run logged, dropped ones included.
    pub(super) logged: BTreeMap<TaskRunId, u64>,
}

impl MemoryRun {
    pub(super) fn new(no: u64, new: &NewFlowRun) -> Self {
        Self {
            no,
            row: rows::new_flow_row(new),
            epoch: new.owned.epoch,
            owned: true,
            cancel_requested: false,
            stopping: false,
            redo_request: None,
            task_runs: BTreeMap::new(),
            events: vec![rows::created_row(new)],
            results: HashMap::new(),
            facts: Facts::default(),
            logs: Vec::new(),
            logged: BTreeMap::new(),
        }
    }

    /// Records an event, with the row and the result that come from it.
    pub(super) fn record(&mut self, entry: Entry) -> Result<(), StoreError> {
        let id = entry.event.task_run;
        let before = self.state_of(id);
        // A run that has ended stays as it is; late entries change nothing.
        let is_reopened = entry.event.kind.leads_on();
        if before.is_some_and(State::is_terminal) && !is_reopened {
            return Err(StoreError::Ended { id: self.row.id, task_run: id, event: entry.event.kind.name() });
        }
        if id == TaskRunId::FLOW {
            self.stopping |= matches!(entry.event.kind, EventKind::Stopping);
            rows::update_flow_row(&mut self.row, &entry.task_run);
            self.owned = !self.row.state.is_terminal();
        } else {
            let created_at = self.row.created_at;
            let mut row = match self.task_runs.remove(&id) {
                Some(before) => entry.task_run.row_after(before, created_at),
                None => entry.task_run.row(created_at),
            };
            row.call = entry.call.or(row.call);
            row.has_result = entry.result.is_some() || row.has_result && !is_reopened;
            row.provenance = entry.provenance.or(row.provenance);
            self.task_runs.insert(id, row);
        }
        if is_reopened {
            // Its earlier result is void, even if the new one is not persisted.
            self.results.remove(&id);
        }
        if let Some(result) = entry.result {
            self.results.insert(id, result);
        }
        self.push_event(&entry.event);
        Ok(())
    }

    /// Takes the run from its owner: `transition` returns the event for a run in a given state.
    pub(super) fn release(&mut self, now: WallTime, transition: fn(State, bool) -> Option<EventKind>) {
        let events = rows::release(&mut self.row, &mut self.task_runs, transition, now, self.stopping);
        events.iter().for_each(|event| self.push_event(event));
        self.owned = false;
        self.cancel_requested = false;
    }

    pub(super) fn log(&mut self, line: LogEntry) {
        let logged = self.logged.entry(line.task_run).or_default();
        *logged += 1;
        if *logged <= LOG_LINES_MAX {
            self.logs.push(rows::log_row(line, self.logs.len() as u64 + 1));
        }
    }

    /// Returns the greatest number that a begin or an end has.
    pub(super) fn last_no(&self) -> Option<OrderNo> {
        self.task_runs.values().map(TaskRun::last_no).max().flatten().max(self.row.last_no())
    }

    fn state_of(&self, id: TaskRunId) -> Option<State> {
        if id == TaskRunId::FLOW {
            return Some(self.row.state);
        }
        self.task_runs.get(&id).map(|row| row.state)
    }

    fn push_event(&mut self, event: &Event) {
        let sequence = self.events.len() as u64 + 1;
        self.events.push(rows::event_row(event, sequence, self.row.created_at));
    }
}

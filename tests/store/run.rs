//! One run on a [`Shelf`](crate::shelf::Shelf): how an entry, a fact, a log line and the end of its process change it.

use std::collections::BTreeMap;

use flowkit::State;
use flowkit::model::{
    Digest, Event, EventKind, StoredArtifact, StoredEvent, StoredFlowRun, StoredLog, StoredMetric, TaskRun,
    TaskRunId, WallTime,
};
use flowkit::policy::resume::RedoRequest;
use flowkit::store::rows::{self, LOG_LINES_MAX};
use flowkit::store::{Entry, FactKind, LogEntry, NewFlowRun, StoreError, TimeUp};

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) row: StoredFlowRun,
    /// The process that owns it.
    pub(crate) owner: Option<u32>,
    pub(crate) epoch: u64,
    pub(crate) is_cancel_requested: bool,
    pub(crate) is_stopping: bool,
    pub(crate) redo: Option<RedoRequest>,
    pub(crate) task_runs: BTreeMap<TaskRunId, TaskRun>,
    pub(crate) events: Vec<StoredEvent>,
    pub(crate) results: BTreeMap<TaskRunId, Vec<u8>>,
    pub(crate) artifacts: Vec<(StoredArtifact, Vec<u8>)>,
    pub(crate) metrics: Vec<StoredMetric>,
    pub(crate) used: Vec<(TaskRunId, Digest)>,
    pub(crate) times_up: BTreeMap<Digest, TimeUp>,
    pub(crate) logs: Vec<StoredLog>,
    /// How many lines each task run logged, dropped ones included.
    pub(crate) logged: BTreeMap<TaskRunId, u64>,
}

impl Run {
    pub(crate) fn new(new: &NewFlowRun, owner: u32) -> Self {
        Self {
            row: rows::new_flow_row(new),
            owner: Some(owner),
            epoch: new.owned.epoch,
            is_cancel_requested: false,
            is_stopping: false,
            redo: None,
            task_runs: BTreeMap::new(),
            events: vec![rows::created_row(new)],
            results: BTreeMap::new(),
            artifacts: Vec::new(),
            metrics: Vec::new(),
            used: Vec::new(),
            times_up: BTreeMap::new(),
            logs: Vec::new(),
            logged: BTreeMap::new(),
        }
    }

    pub(crate) fn record(&mut self, entry: Entry) -> Result<(), StoreError> {
        let (id, kind) = (entry.event.task_run, &entry.event.kind);
        let before = if id == TaskRunId::FLOW {
            Some(self.row.state)
        } else {
            self.task_runs.get(&id).map(|row| row.state)
        };
        let leads_on = kind.leads_on();
        if before.is_some_and(State::is_terminal) && !leads_on {
            return Err(StoreError::Ended { id: self.row.id, task_run: id, event: kind.name() });
        }
        if leads_on {
            self.results.remove(&id);
        }
        if id == TaskRunId::FLOW {
            self.is_stopping |= matches!(kind, EventKind::Stopping);
            rows::update_flow_row(&mut self.row, &entry.task_run);
            self.owner = self.owner.filter(|_| !self.row.state.is_terminal());
        } else {
            let created_at = self.row.created_at;
            let mut row = match self.task_runs.remove(&id) {
                Some(before) => entry.task_run.row_after(before, created_at),
                None => entry.task_run.row(created_at),
            };
            row.call = entry.call.or(row.call);
            row.has_result = entry.result.is_some() || self.results.contains_key(&id);
            row.provenance = entry.provenance.or(row.provenance);
            self.task_runs.insert(id, row);
        }
        if let Some(result) = entry.result {
            self.results.insert(id, result);
        }
        self.push_event(&entry.event);
        Ok(())
    }

    pub(crate) fn add(&mut self, task_run: TaskRunId, at: WallTime, fact: FactKind) {
        match fact {
            FactKind::Made(artifact) => {
                let earlier = self.artifacts.iter().filter(|(row, _)| row.key == artifact.key).count();
                let sequence = self.artifacts.len() as u64 + 1;
                self.artifacts.push(rows::artifact_row(artifact, sequence, earlier, task_run, at));
            }
            FactKind::Measured(metric) => {
                let sequence = self.metrics.len() as u64 + 1;
                self.metrics.push(rows::metric_row(metric, sequence, task_run, at));
            }
            FactKind::Used(file) => self.used.push((task_run, file)),
            FactKind::TimeUp(time_up) => drop(self.times_up.insert(time_up.key, time_up)),
            other => panic!("a fact of a later version: {other:?}"),
        }
    }

    pub(crate) fn log(&mut self, line: LogEntry) {
        let logged = self.logged.entry(line.task_run).or_default();
        *logged += 1;
        if *logged <= LOG_LINES_MAX {
            self.logs.push(rows::log_row(line, self.logs.len() as u64 + 1));
        }
    }

    /// Takes the run from its owner; `transition` is one of those in [`rows`].
    pub(crate) fn release(&mut self, now: WallTime, transition: fn(State, bool) -> Option<EventKind>) {
        let events = rows::release(&mut self.row, &mut self.task_runs, transition, now, self.is_stopping);
        events.iter().for_each(|event| self.push_event(event));
        self.owner = None;
        self.is_cancel_requested = false;
    }

    fn push_event(&mut self, event: &Event) {
        let sequence = self.events.len() as u64 + 1;
        self.events.push(rows::event_row(event, sequence, self.row.created_at));
    }
}

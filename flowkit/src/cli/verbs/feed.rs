//! The new events of a run and its sub-flows since the last read, in order. Does not format them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::cli::rows::{self, SUB_FLOWS_MAX};
use crate::cli::usage::UsageResult;
use crate::engine::flow_run::observer::Notice;
use crate::model::{
    Event, EventKind, FlowRunId, Origin, State, StoredEvent, StoredFlowRun, TaskRun, TaskRunId, Timestamp,
    WallTime,
};
use crate::store::Store;

/// A run and its sub-flows, as far as their events have been read.
pub(super) struct Feed {
    /// Each run before its sub-flows.
    runs: Vec<SeenRun>,
}

struct SeenRun {
    id: FlowRunId,
    /// The sub-flows that lead to it, with itself; `None` for the outermost.
    path: Option<String>,
    /// The number of the last event that has been read.
    since: u64,
    /// The states of its task runs after that event.
    states: HashMap<TaskRunId, State>,
}

impl SeenRun {
    fn new(id: FlowRunId, path: Option<String>) -> Self {
        Self { id, path, since: 0, states: HashMap::new() }
    }

    /// Returns the state of a task run after its next event. An event that does not fit was refused when it was recorded.
    fn apply(&mut self, event: &StoredEvent) -> State {
        let state = self.states.entry(event.task_run).or_insert(State::Scheduled);
        *state = state.after(&event.kind).unwrap_or(*state);
        *state
    }
}

/// An event, with what an observer in the process that executes the run gets with it.
pub(super) struct FeedEvent {
    flow_run: FlowRunId,
    origin: Option<Arc<Origin>>,
    event: Event,
    task_run: TaskRun,
    at: WallTime,
}

impl FeedEvent {
    pub(super) fn notice(&self) -> Notice<'_> {
        Notice {
            flow_run: self.flow_run,
            origin: self.origin.as_deref(),
            event: &self.event,
            task_run: &self.task_run,
            at: self.at.into(),
        }
    }
}

impl Feed {
    pub(super) fn of(run: &StoredFlowRun) -> Self {
        Self { runs: vec![SeenRun::new(run.id, None)] }
    }

    /// Reads the events since the last call.
    pub(super) fn read(&mut self, store: &dyn Store) -> UsageResult<Vec<FeedEvent>> {
        let mut all = Vec::new();
        let mut next = 0;
        // Sub-flows that are discovered on the way are read as well.
        while next < self.runs.len() {
            let seen = &mut self.runs[next];
            next += 1;
            let events = rows::events(store, seen.id, seen.since)?;
            let Some(last) = events.last() else { continue };
            seen.since = last.sequence;
            // Read after the events, so that every run in them is there.
            let Some(run) = store.flow_run(seen.id)? else { continue };
            let path = seen.path.clone();
            let ids = events.iter().map(|event| event.task_run).filter(|id| *id != TaskRunId::FLOW);
            let mut task_runs = rows::tasks_between(store, run.id, ids.clone().min(), ids.max())?;
            let states: Vec<State> = events.iter().map(|event| seen.apply(event)).collect();
            self.discover(path.as_deref(), &task_runs);
            let root = self.runs[0].id;
            let origin = path.zip(run.parent).map(|(path, (flow_run, task_run))| {
                Arc::new(Origin { root, flow_run, task_run, path: path.into() })
            });
            task_runs.push(run.as_task_run());
            let task_runs: HashMap<_, _> = task_runs.into_iter().map(|row| (row.id, row)).collect();
            // The events of a run are ordered by number. Their times may not be: threads report with a delay.
            let mut latest = run.created_at;
            all.extend(events.into_iter().zip(states).filter_map(
                |(StoredEvent { task_run: id, at, kind, .. }, state)| {
                    latest = latest.max(at);
                    let task_run = rewound(task_runs.get(&id)?, at, &kind, state);
                    let event = Event { task_run: id, at: Timestamp::new(at.since(run.created_at)), kind };
                    let event = FeedEvent { flow_run: run.id, origin: origin.clone(), event, task_run, at };
                    Some((latest, event))
                },
            ));
        }
        // Stable: of events in the same microsecond, that of the outer run comes first.
        all.sort_by_key(|(at, _)| *at);
        Ok(all.into_iter().map(|(_, event)| event).collect())
    }

    /// Adds the sub-flows that were started in a run.
    fn discover(&mut self, outer: Option<&str>, task_runs: &[TaskRun]) {
        for row in task_runs {
            let Some(id) = row.flow_run.filter(|_| self.runs.len() <= SUB_FLOWS_MAX) else { continue };
            if self.runs.iter().all(|seen| seen.id != id) {
                let path = Some(Origin::path_in(outer, &row.label()));
                self.runs.push(SeenRun::new(id, path));
            }
        }
    }
}

/// Returns a task run as it was after an event at `at`, which left it in `state`.
fn rewound(row: &TaskRun, at: WallTime, kind: &EventKind, state: State) -> TaskRun {
    let mut attempts = row.attempts();
    attempts.retain(|attempt| attempt.started_at <= at);
    let last = attempts.last().cloned();
    if kind.is_end() || matches!(kind, EventKind::Started { .. }) {
        // The attempt that begins or ends is no earlier one.
        attempts.pop_if(|last| last.ended_at.is_none_or(|end| end >= at));
    }
    let error = match kind {
        EventKind::Failed { error }
        | EventKind::TimedOut { error, .. }
        | EventKind::UpstreamFailed { error } => Some(Arc::clone(error)),
        _ => None,
    };
    TaskRun {
        state,
        attempt: last.as_ref().map_or(0, |last| last.number),
        attempt_started_at: last.map(|last| last.started_at),
        earlier_attempts: attempts,
        ended_at: kind.is_end().then_some(at),
        error,
        ..row.clone()
    }
}

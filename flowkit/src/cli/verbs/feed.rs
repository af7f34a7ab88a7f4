//! What has happened to a run and to those of its sub-flows since somebody looked last, in order. Not how it is told.

use std::collections::HashMap;

use crate::cli::rows::{self, SUB_FLOWS_MAX};
use crate::cli::usage::Outcome;
use crate::model::{FlowRunId, Origin, State, StoredEvent, StoredFlowRun, TaskRun, TaskRunId};
use crate::store::Store;

/// A run and its sub-flows, as far as they were read.
pub(super) struct Feed {
    /// The outermost first, each before those inside it.
    runs: Vec<SeenRun>,
}

struct SeenRun {
    id: FlowRunId,
    /// The sub-flows that lead to it and itself; none for the outermost.
    path: Option<String>,
    /// The number of the last event that was read.
    since: u64,
    /// Where its task runs stand after that event.
    states: HashMap<TaskRunId, State>,
}

impl SeenRun {
    fn new(id: FlowRunId, path: Option<String>) -> Self {
        Self { id, path, since: 0, states: HashMap::new() }
    }

    /// Returns where a task run stands after its next event. One that does not fit was refused when it was recorded.
    fn apply(&mut self, event: &StoredEvent) -> State {
        let state = self.states.entry(event.task_run).or_insert(State::Scheduled);
        *state = state.after(&event.kind).unwrap_or(*state);
        *state
    }
}

/// An event.
pub(super) struct FeedEvent {
    /// To which flow run, as it stands now.
    pub(super) run: StoredFlowRun,
    pub(super) path: Option<String>,
    /// To which of its task runs, as it stands now; `None` for the flow run itself.
    pub(super) row: Option<TaskRun>,
    pub(super) event: StoredEvent,
    /// Where it stood after the event.
    pub(super) state: State,
}

impl Feed {
    pub(super) fn of(run: &StoredFlowRun) -> Self {
        Self { runs: vec![SeenRun::new(run.id, None)] }
    }

    /// Reads what has happened.
    pub(super) fn read(&mut self, store: &dyn Store) -> Outcome<Vec<FeedEvent>> {
        let mut all = Vec::new();
        let mut next = 0;
        // Those that are found on the way are read as well.
        while next < self.runs.len() {
            let known = &mut self.runs[next];
            next += 1;
            let events = rows::events(store, known.id, known.since)?;
            let Some(last) = events.last() else { continue };
            known.since = last.sequence;
            // Read after the events, so that what they tell of is there.
            let Some(run) = store.flow_run(known.id)? else { continue };
            let path = known.path.clone();
            let ids = events.iter().map(|event| event.task_run).filter(|id| *id != TaskRunId::FLOW);
            let task_runs = rows::tasks_between(store, run.id, ids.clone().min(), ids.max())?;
            let states: Vec<State> = events.iter().map(|event| known.apply(event)).collect();
            self.discover(path.as_deref(), &task_runs);
            let task_runs: HashMap<_, _> = task_runs.into_iter().map(|row| (row.id, row)).collect();
            // The order of a run is that of its numbers: threads may be a moment late to say what they did.
            let mut latest = run.created_at;
            all.extend(events.into_iter().zip(states).map(|(event, state)| {
                latest = latest.max(event.at);
                let row = task_runs.get(&event.task_run).cloned();
                (latest, FeedEvent { run: run.clone(), path: path.clone(), row, event, state })
            }));
        }
        // Stable: what happened in the same microsecond to an outer run comes first.
        all.sort_by_key(|(at, _)| *at);
        Ok(all.into_iter().map(|(_, happened)| happened).collect())
    }

    /// Takes note of the sub-flows that were started in a run.
    fn discover(&mut self, outer: Option<&str>, task_runs: &[TaskRun]) {
        for row in task_runs {
            let Some(id) = row.flow_run.filter(|_| self.runs.len() <= SUB_FLOWS_MAX) else { continue };
            if self.runs.iter().all(|known| known.id != id) {
                let path = Some(Origin::path_in(outer, &row.label()));
                self.runs.push(SeenRun::new(id, path));
            }
        }
    }
}

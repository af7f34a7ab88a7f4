//! The new events of a run and its sub-flows since the last read, in order. Does not format them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use crate::cli::rows::{self, PAGE, SUB_FLOWS_MAX};
use crate::cli::usage::UsageResult;
use crate::engine::flow_run::observer::Notice;
use crate::model::{
    Event, EventKind, FlowRunId, Origin, State, StoredEvent, StoredFlowRun, TaskRun, TaskRunId, Timestamp,
    WallTime,
};
use crate::store::Store;

/// How many events of all runs together are held.
const HELD_MAX: usize = 5 * PAGE;

/// A run and its sub-flows, as far as their events have been read. Holds a page of each run at a time.
pub(super) struct Feed {
    /// Each run before its sub-flows.
    runs: Vec<SeenRun>,
    /// Their ids.
    known: HashSet<FlowRunId>,
}

struct SeenRun {
    id: FlowRunId,
    /// The sub-flows that lead to it, with itself; `None` for the outermost.
    path: Option<String>,
    /// Its row, as it was after its own last event.
    run: Option<StoredFlowRun>,
    /// The number of the last event that has been read.
    since: u64,
    /// All of its events have been read since there was none to return.
    is_read: bool,
    /// The events that were read and not returned.
    held: VecDeque<(WallTime, FeedEvent)>,
    /// The latest time of an event. The events of a run are ordered by number. Their times may not be: threads report with a
    /// delay.
    latest: WallTime,
    /// The states of its task runs after the last event.
    states: HashMap<TaskRunId, State>,
}

impl SeenRun {
    fn new(id: FlowRunId, path: Option<String>) -> Self {
        let latest = WallTime::from_micros(i64::MIN);
        Self {
            id,
            path,
            run: None,
            since: 0,
            is_read: false,
            held: VecDeque::new(),
            latest,
            states: HashMap::new(),
        }
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
        Self { runs: vec![SeenRun::new(run.id, None)], known: HashSet::from([run.id]) }
    }

    /// Returns the next event; `None` if there is none at present.
    pub(super) fn next(&mut self, store: &dyn Store) -> UsageResult<Option<FeedEvent>> {
        let mut next = 0;
        // Sub-flows that are discovered on the way are read as well.
        while next < self.runs.len() {
            if self.runs[next].held.is_empty() && !self.runs[next].is_read {
                self.read(store, next)?;
            }
            next += 1;
        }
        // Of events in the same microsecond, that of the outer run comes first.
        let first = self.runs.iter_mut().filter(|run| !run.held.is_empty());
        let first = first.min_by_key(|run| run.held.front().map(|(at, _)| *at));
        let Some((_, event)) = first.and_then(|run| run.held.pop_front()) else {
            self.runs.iter_mut().for_each(|run| run.is_read = false);
            return Ok(None);
        };
        Ok(Some(event))
    }

    /// Reads the next page of a run.
    fn read(&mut self, store: &dyn Store, index: usize) -> UsageResult<()> {
        let page = (HELD_MAX / self.runs.len()).clamp(1, PAGE);
        let root = self.runs[0].id;
        let seen = &mut self.runs[index];
        let events = store.events(seen.id, seen.since, page)?;
        seen.is_read = events.len() < page;
        let Some(last) = events.last() else { return Ok(()) };
        seen.since = last.sequence;
        // Read after the events, so that every run in them is there. Only where it is needed: the store counts the failures of a
        // flow run whenever it is read.
        if seen.run.is_none() || events.iter().any(|event| event.task_run == TaskRunId::FLOW) {
            seen.run = store.flow_run(seen.id)?;
        }
        let Some(run) = seen.run.clone() else { return Ok(()) };
        let mut task_runs = rows::tasks_of(store, run.id, events.iter().map(|event| event.task_run))?;
        task_runs.insert(TaskRunId::FLOW, run.as_task_run());
        let path = seen.path.clone();
        let origin = path.clone().zip(run.parent).map(|(path, (flow_run, task_run))| {
            Arc::new(Origin { root, flow_run, task_run, path: path.into() })
        });
        seen.latest = seen.latest.max(run.created_at);
        for event in events {
            let state = seen.apply(&event);
            let StoredEvent { task_run: id, at, kind, .. } = event;
            seen.latest = seen.latest.max(at);
            let Some(row) = task_runs.get(&id) else { continue };
            let task_run = rewound(row, at, &kind, state);
            let event = Event { task_run: id, at: Timestamp::new(at.since(run.created_at)), kind };
            let event = FeedEvent { flow_run: run.id, origin: origin.clone(), event, task_run, at };
            seen.held.push_back((seen.latest, event));
        }
        self.discover(path.as_deref(), task_runs.values());
        Ok(())
    }

    /// Adds the sub-flows that were started in a run.
    fn discover<'r>(&mut self, outer: Option<&str>, task_runs: impl Iterator<Item = &'r TaskRun>) {
        let mut nodes: Vec<_> =
            task_runs.filter_map(|row| Some((row.id, row.flow_run?, row.label()))).collect();
        nodes.sort_unstable_by_key(|(node, ..)| *node);
        for (_, id, label) in nodes {
            if self.runs.len() <= SUB_FLOWS_MAX && self.known.insert(id) {
                self.runs.push(SeenRun::new(id, Some(Origin::path_in(outer, &label))));
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

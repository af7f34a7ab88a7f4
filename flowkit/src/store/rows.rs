//! What every store makes of what the engine hands it, so that stores agree: rows, and what becomes of a run when its process
//! dies. For authors of a [`Store`](super::Store).
//!
//! Pure. Does not decide when a row is written. The row of a task run comes from [`TaskRunRecord::row`] and
//! [`row_after`](TaskRunRecord::row_after). All rows implement serde's traits, so they can be persisted as they are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::{LogEntry, NewFlowRun};
use crate::model::{
    Artifact, Attempt, Event, EventKind, FlowRunId, Metric, State, StoredArtifact, StoredEvent,
    StoredFlowRun, StoredLog, StoredMetric, TaskRun, TaskRunId, TaskRunRecord, Timestamp, WallTime,
};

/// The most log lines of one task run that are persisted; further ones are counted and dropped. One task that floods its
/// log then costs about a megabyte, and the others keep theirs.
pub const LOG_LINES_MAX: u64 = 10_000;

/// Returns the row of a run that begins.
pub fn new_flow_row(new: &NewFlowRun) -> StoredFlowRun {
    let flow = new.flow.row(new.owned.created_at);
    StoredFlowRun {
        id: new.owned.id,
        flow: flow.task.into_owned(),
        path: flow.path.into_owned(),
        version: flow.version.map(Cow::into_owned),
        name: flow.name,
        tags: flow.tags.into_iter().map(Cow::into_owned).collect(),
        state: flow.state,
        parameters: new.parameters.clone(),
        parent: new.parent,
        created_at: new.owned.created_at,
        started_at: flow.started_at,
        ended_at: flow.ended_at,
        begun_no: flow.begun_no,
        ended_no: flow.ended_no,
        attempt: flow.attempt,
        earlier_attempts: flow.earlier_attempts,
        attempt_started_at: flow.attempt_started_at,
        error: flow.error,
        crashes: 0,
        location: flow.location,
        owner: new.flow.declaration().owner.map(str::to_owned),
        revision: new.revision.as_deref().map(str::to_owned),
        program: None,
        failures: 0,
    }
}

/// Updates the row of a flow run after an event of the flow itself. What only the row has stays: parameters, parent, crashes.
pub fn update_flow_row(row: &mut StoredFlowRun, flow: &TaskRunRecord) {
    let flow = flow.row_after(row.as_task_run(), row.created_at);
    row.name = flow.name;
    row.state = flow.state;
    row.started_at = flow.started_at;
    row.ended_at = flow.ended_at;
    row.begun_no = flow.begun_no;
    row.ended_no = flow.ended_no;
    row.attempt = flow.attempt;
    row.attempt_started_at = flow.attempt_started_at;
    row.error = flow.error;
    row.earlier_attempts = flow.earlier_attempts;
}

/// Returns the first event of a run that begins: that it was created.
pub fn created_row(new: &NewFlowRun) -> StoredEvent {
    let created = Event { task_run: TaskRunId::FLOW, at: new.flow.created_at(), kind: EventKind::Created };
    event_row(&created, 1, new.owned.created_at)
}

/// Returns the row of an event of a flow run that was created at `created_at`.
pub fn event_row(event: &Event, sequence: u64, created_at: WallTime) -> StoredEvent {
    StoredEvent {
        sequence,
        task_run: event.task_run,
        at: created_at.plus(event.at),
        kind: event.kind.clone(),
    }
}

/// Returns the row of a log line.
pub fn log_row(line: LogEntry, sequence: u64) -> StoredLog {
    let LogEntry { run: _, task_run, at, level, target, message } = line;
    StoredLog { sequence, task_run, at, level, target, message }
}

/// Returns the row of a metric.
pub fn metric_row(metric: Metric, sequence: u64, task_run: TaskRunId, at: WallTime) -> StoredMetric {
    let Metric { name, step, value } = metric;
    StoredMetric { sequence, task_run, at, name, step, value }
}

/// Returns the row of an artifact, and its content. `earlier` artifacts of the run have the same key.
pub fn artifact_row(
    artifact: Artifact,
    sequence: u64,
    earlier: usize,
    task_run: TaskRunId,
    at: WallTime,
) -> (StoredArtifact, Vec<u8>) {
    let Artifact { key, kind, media_type, file_name, content, describes } = artifact;
    let version = u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1);
    let bytes = content.len() as u64;
    let row = StoredArtifact {
        sequence,
        task_run,
        at,
        key,
        version,
        kind,
        media_type,
        file_name,
        bytes,
        describes,
    };
    (row, content)
}

/// Returns the event of a task run, or of the flow itself, in this state when the process that owns the run is found dead; `None`
/// if there is none.
///
/// A run that was being cancelled is cancelled. A task run that waited may go on waiting in another process; the flow itself may
/// not, since its body is gone.
pub fn death_of(state: State, is_flow: bool) -> Option<EventKind> {
    match state {
        State::Cancelling => Some(EventKind::Cancelled { orphaned: false }),
        State::Running => Some(EventKind::Crashed),
        State::Pending | State::Waiting | State::AwaitingRetry if is_flow => Some(EventKind::Crashed),
        _ => None,
    }
}

/// Returns the event of a task run, or of the flow itself, in this state when the owner suspends the run; `None` if there is none.
pub fn suspension_of(state: State, is_flow: bool) -> Option<EventKind> {
    match death_of(state, is_flow) {
        Some(EventKind::Crashed) => Some(EventKind::Suspended),
        other => other,
    }
}

/// Updates the rows of a run whose owner leaves it, and returns the events of that, the flow's own last. `transition` is
/// [`death_of`] or [`suspension_of`]. If the process `was_stopping` (the flow has an [`EventKind::Stopping`]), a task run that dies
/// with it did not cause the death: its crash does not count.
pub fn release(
    flow: &mut StoredFlowRun,
    task_runs: &mut BTreeMap<TaskRunId, TaskRun>,
    transition: fn(State, bool) -> Option<EventKind>,
    now: WallTime,
    was_stopping: bool,
) -> Vec<Event> {
    let at = Timestamp::new(now.since(flow.created_at));
    // A transition fits the state that it was asked for.
    let leave = |state: State, is_flow| {
        let kind = transition(state, is_flow)?;
        let after = state.after(&kind).ok()?;
        Some((kind, after))
    };
    let mut events = Vec::new();
    for row in task_runs.values_mut() {
        if let Some((kind, after)) = leave(row.state, false) {
            leave_task_run(row, after, now, was_stopping);
            events.push(Event { task_run: row.id, at, kind });
        }
    }
    if let Some((kind, after)) = leave(flow.state, true) {
        leave_flow(flow, after, now);
        events.push(Event { task_run: TaskRunId::FLOW, at, kind });
    }
    events
}

fn leave_flow(row: &mut StoredFlowRun, after: State, now: WallTime) {
    if let Some(started_at) = row.attempt_started_at.filter(|_| has_crashed(row.state, after)) {
        add_crashed_attempt(&mut row.earlier_attempts, row.attempt, started_at);
    }
    row.crashes += u32::from(after == State::Crashed);
    row.state = after;
    row.ended_at = after.is_terminal().then_some(now).or(row.ended_at);
}

fn leave_task_run(row: &mut TaskRun, after: State, now: WallTime, was_stopping: bool) {
    if let Some(started_at) = row.attempt_started_at.filter(|_| has_crashed(row.state, after)) {
        add_crashed_attempt(&mut row.earlier_attempts, row.attempt, started_at);
        row.crashes += u32::from(!was_stopping);
    }
    row.state = after;
    if after.is_terminal() {
        row.ended_at = Some(now);
        // No rank, as for every end that is neither a success nor the body's own doing.
        row.rank = row.rank.filter(|_| row.cancelled_by_body);
    }
}

fn has_crashed(before: State, after: State) -> bool {
    after == State::Crashed && before == State::Running
}

/// Counts the failed task runs of a run and of its sub-flows ([`StoredFlowRun::failures`]). A sub-flow's own node is not counted
/// beside the failures in it. `rows` returns the rows of a run that the store has.
pub fn failures<'a>(
    run: FlowRunId,
    rows: impl Fn(FlowRunId) -> Option<(&'a StoredFlowRun, &'a BTreeMap<TaskRunId, TaskRun>)>,
) -> u64 {
    let mut open = vec![run];
    let mut failures = 0;
    while let Some((row, task_runs)) = open.pop().and_then(&rows) {
        let since = row.anew_since();
        for row in task_runs.values() {
            let inner = row.flow_run.and_then(|inner| Some((inner, rows(inner)?.1)));
            if has_failed(row) && row.ended_no > since {
                failures += u64::from(!inner.is_some_and(|(_, inner)| inner.values().any(has_failed)));
            }
            let counts = row.ended_no.is_none() || row.ended_no > since;
            open.extend(inner.filter(|_| counts).map(|(id, _)| id));
        }
    }
    failures
}

fn has_failed(row: &TaskRun) -> bool {
    matches!(row.state, State::Failed | State::TimedOut)
}

/// Adds the attempt that was running when its process died. One that had failed, and was to be followed at once, stays as it is.
pub(crate) fn add_crashed_attempt(known: &mut Vec<Attempt>, number: u32, started_at: WallTime) {
    if known.last().is_none_or(|last| last.number < number) {
        known.push(Attempt::crashed(number, started_at));
    }
}

//! Records as rows: how a task run in memory reads once it is kept. The one place for it, so that stores agree.
//!
//! Pure. Not: when a row is written, and by whom.

use super::NewFlowRun;
use crate::model::{
    Attempt, CallId, Event, EventKind, State, StoredAttempt, StoredEvent, StoredFlowRun, StoredTaskRun,
    TaskRun, WallTime, place,
};

/// So many lines of one task run are kept; what it logs beyond them is counted and dropped. One task that floods its
/// log then costs about a megabyte, and the others keep theirs.
pub(crate) const LOG_LINES_MAX: u64 = 10_000;

/// Writes down a run that begins.
pub(crate) fn new_flow_row(new: &NewFlowRun) -> StoredFlowRun {
    let flow = &new.flow;
    let declaration = flow.declaration();
    let created_at = new.owned.created_at;
    StoredFlowRun {
        id: new.owned.id,
        flow: declaration.name.to_owned(),
        path: declaration.path.to_owned(),
        version: declaration.version.map(str::to_owned),
        name: flow.name().map(str::to_owned),
        tags: flow.tags().map(str::to_owned).collect(),
        state: flow.state(),
        parameters: new.parameters.clone(),
        parent: new.parent,
        created_at,
        started_at: flow.started_at().map(|at| created_at.plus(at)),
        ended_at: flow.ended_at().map(|at| created_at.plus(at)),
        begun_no: flow.begun_no(),
        ended_no: flow.ended_no(),
        attempt: flow.attempt_count(),
        earlier_attempts: attempts_after(0, flow, created_at).collect(),
        attempt_started_at: attempt_started_at(flow, created_at),
        error: flow.error().cloned(),
        crashes: 0,
        location: place(flow.location()),
        failures: 0,
    }
}

/// Brings the row of a flow run up to date. What only the row knows stays: its parameters, its parent, its crashes.
pub(crate) fn update_flow_row(row: &mut StoredFlowRun, flow: &TaskRun) {
    let created_at = row.created_at;
    row.name = flow.name().map(str::to_owned);
    row.state = flow.state();
    row.started_at = flow.started_at().map(|at| created_at.plus(at));
    row.ended_at = flow.ended_at().map(|at| created_at.plus(at));
    row.begun_no = flow.begun_no();
    row.ended_no = flow.ended_no();
    row.attempt = flow.attempt_count();
    row.attempt_started_at = attempt_started_at(flow, created_at);
    row.error = flow.error().cloned();
    add_attempts(&mut row.earlier_attempts, flow, created_at);
}

/// Writes down a task run of a flow run that was created at `created_at`. Of the row `before` it keeps what its successor
/// cannot know: its call, crashed attempts, whether a result is persisted and of what it was made.
pub(crate) fn task_row(
    task_run: &TaskRun,
    call: Option<CallId>,
    created_at: WallTime,
    before: Option<StoredTaskRun>,
) -> StoredTaskRun {
    let declaration = task_run.declaration();
    let provenance = before.as_ref().and_then(|before| before.provenance);
    let (mut earlier_attempts, known_call, crashes, has_result) = match before {
        Some(before) => (before.earlier_attempts, before.call, before.crashes, before.has_result),
        None => (Vec::new(), None, 0, false),
    };
    add_attempts(&mut earlier_attempts, task_run, created_at);
    StoredTaskRun {
        id: task_run.id(),
        parent: task_run.parent(),
        call: call.or(known_call),
        unknown: task_run.unknown().map(str::to_owned),
        kind: declaration.kind,
        task: declaration.name.to_owned(),
        path: declaration.path.to_owned(),
        version: declaration.version.map(str::to_owned),
        source_hash: declaration.source_hash,
        index: task_run.index(),
        name: task_run.name().map(str::to_owned),
        tags: task_run.tags().map(str::to_owned).collect(),
        group: task_run.group().map(str::to_owned),
        branch: task_run.branch().map(str::to_owned),
        location: place(task_run.location()),
        edges: task_run.edges().iter().map(|edge| (edge.from(), edge.kind())).collect(),
        state: task_run.state(),
        attempt: task_run.attempt_count(),
        earlier_attempts,
        created_at: created_at.plus(task_run.created_at()),
        started_at: task_run.started_at().map(|at| created_at.plus(at)),
        attempt_started_at: attempt_started_at(task_run, created_at),
        ended_at: task_run.ended_at().map(|at| created_at.plus(at)),
        begun_no: task_run.begun_no(),
        ended_no: task_run.ended_no(),
        rank: task_run.rank(),
        error: task_run.error().cloned(),
        skip_reason: task_run.skip_reason().map(str::to_owned),
        flow_run: task_run.flow_run(),
        orphaned: task_run.is_orphaned(),
        cancelled_by_body: task_run.is_cancelled_by_body(),
        crashes,
        has_result,
        not_persisted: task_run.not_persisted().map(str::to_owned),
        provenance,
    }
}

/// Writes down an event of a flow run that was created at `created_at`.
pub(crate) fn event_row(event: &Event, sequence: u64, created_at: WallTime) -> StoredEvent {
    StoredEvent {
        sequence,
        task_run: event.task_run,
        at: created_at.plus(event.at),
        kind: event.kind.clone(),
    }
}

/// Returns what befalls a run in this state when the process that owns it is found dead; `None` leaves it as it is.
///
/// A run that had been told to stop has stopped. What waited may go on waiting in another process, except for the flow
/// itself, of which nothing is under way any more.
pub(crate) fn death_of(state: State, is_flow: bool) -> Option<EventKind> {
    match state {
        State::Cancelling => Some(EventKind::Cancelled { orphaned: false }),
        State::Running => Some(EventKind::Crashed),
        State::Pending | State::Waiting | State::AwaitingRetry if is_flow => Some(EventKind::Crashed),
        _ => None,
    }
}

/// Returns what befalls a run in this state when its owner puts it aside in order; `None` leaves it as it is.
pub(crate) fn suspension_of(state: State, is_flow: bool) -> Option<EventKind> {
    match death_of(state, is_flow) {
        Some(EventKind::Crashed) => Some(EventKind::Suspended),
        other => other,
    }
}

/// Writes down the attempt that was under way when its process died. Nobody saw its end.
pub(crate) fn crashed_attempt(number: u32, started_at: WallTime) -> StoredAttempt {
    StoredAttempt {
        number,
        state: State::Crashed,
        started_at,
        ended_at: None,
        ended_no: None,
        error: None,
        retry_in: None,
    }
}

/// The same, among those that are known. One that had failed, and was to be followed at once, stays as it is.
pub(crate) fn add_crashed_attempt(known: &mut Vec<StoredAttempt>, number: u32, started_at: WallTime) {
    if known.last().is_none_or(|last| last.number < number) {
        known.push(crashed_attempt(number, started_at));
    }
}

/// Writes down the attempts that another one followed, from the one after `known` on: what is known of an attempt does not
/// change when it is over.
pub(crate) fn attempts_after(
    known: u32,
    task_run: &TaskRun,
    created_at: WallTime,
) -> impl Iterator<Item = StoredAttempt> {
    let all = task_run.earlier_attempts();
    // From the end: most of them are known.
    let first = all.iter().rposition(|attempt| attempt.number <= known).map_or(0, |last| last + 1);
    all[first..].iter().map(move |attempt| attempt_row(attempt, created_at))
}

fn add_attempts(known: &mut Vec<StoredAttempt>, task_run: &TaskRun, created_at: WallTime) {
    let last = known.last().map_or(0, |attempt| attempt.number);
    known.extend(attempts_after(last, task_run, created_at));
}

fn attempt_row(attempt: &Attempt, created_at: WallTime) -> StoredAttempt {
    StoredAttempt {
        number: attempt.number,
        state: attempt.state,
        started_at: created_at.plus(attempt.started_at),
        ended_at: attempt.ended_at.map(|at| created_at.plus(at)),
        ended_no: attempt.ended_no,
        error: attempt.error.as_deref().cloned(),
        retry_in: attempt.retry_in,
    }
}

fn attempt_started_at(task_run: &TaskRun, created_at: WallTime) -> Option<WallTime> {
    task_run.attempt_started_at().map(|at| created_at.plus(at))
}

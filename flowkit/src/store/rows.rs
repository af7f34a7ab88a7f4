//! What every store makes of what the engine hands it, so that stores agree: the row of a flow run, that of an event, and what
//! becomes of a run when its process dies.
//!
//! Pure. Not the row of a task run, which the model makes, nor when a row is written.

use std::borrow::Cow;

use super::NewFlowRun;
use crate::model::{Attempt, Event, EventKind, State, StoredEvent, StoredFlowRun, TaskRunRecord, WallTime};

/// So many lines of one task run are kept; what it logs beyond them is counted and dropped. One task that floods its
/// log then costs about a megabyte, and the others keep theirs.
pub(crate) const LOG_LINES_MAX: u64 = 10_000;

/// Writes down a run that begins.
pub(crate) fn new_flow_row(new: &NewFlowRun) -> StoredFlowRun {
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
        failures: 0,
    }
}

/// Brings the row of a flow run up to date. What only the row knows stays: its parameters, its parent, its crashes.
pub(crate) fn update_flow_row(row: &mut StoredFlowRun, flow: &TaskRunRecord) {
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

/// Adds the attempt that was running when its process died. One that had failed, and was to be followed at once, stays as it is.
pub(crate) fn add_crashed_attempt(known: &mut Vec<Attempt>, number: u32, started_at: WallTime) {
    if known.last().is_none_or(|last| last.number < number) {
        known.push(Attempt::crashed(number, started_at));
    }
}

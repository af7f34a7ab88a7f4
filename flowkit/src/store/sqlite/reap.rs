//! Runs that have lost their owner: it died, or suspended them.

use rusqlite::{Connection, Statement, params};

use super::events::{EventsOut, NewEvent};
use super::owner::{self, Other};
use super::stop_reason;
use super::stop_reason::StopReason;
use super::write::attempt_row;
use super::{clock, codes};
use crate::model::{Attempt, EventKind, FlowRunId, State, TaskRunId, WallTime};
use crate::store::rows::{death_of, suspension_of};

/// The event for a run in this state; the flag tells the flow itself from a task run.
pub(super) type Transition = fn(State, bool) -> Option<EventKind>;

/// A dead owner, whose row is removed.
#[derive(Debug)]
pub(super) struct Dead {
    pub(super) owner: Other,
    /// The runs that were marked.
    pub(super) runs: Vec<FlowRunId>,
}

/// Finds dead owners, marks their runs, and removes the owners from the table. The caller removes their lock files once
/// this is committed.
pub(super) fn reap(connection: &Connection, me: &owner::Owner) -> rusqlite::Result<Vec<Dead>> {
    let others = owner::others(connection, me.no)?;
    let dead = others.into_iter().filter(|other| !me.locks().is_alive(other, &me.identity));
    dead.map(|other| reap_one(connection, me.locks().stop_reasons(&other), other)).collect()
}

/// Whether there are dead owners. Only reads.
pub(super) fn finds_dead(connection: &Connection, me: &owner::Owner) -> rusqlite::Result<bool> {
    let others = owner::others(connection, me.no)?;
    Ok(others.iter().any(|other| !me.locks().is_alive(other, &me.identity)))
}

/// Whether an owner is alive. One that is not in the table has closed in order.
pub(super) fn living(
    connection: &Connection,
    me: &owner::Owner,
    no: i64,
) -> rusqlite::Result<Option<owner::ProcessIdentity>> {
    if no == me.no {
        return Ok(Some(me.identity.clone()));
    }
    let other = owner::find(connection, no)?;
    Ok(other.filter(|other| me.locks().is_alive(other, &me.identity)).map(|other| other.identity))
}

fn reap_one(connection: &Connection, reasons: Vec<StopReason>, owner: Other) -> rusqlite::Result<Dead> {
    let mut statement = connection.prepare_cached("SELECT no, id FROM flow_runs WHERE owner = ?1")?;
    let rows = statement.query_map([owner.no], |row| Ok((row.get(0)?, codes::flow_run(row.get(1)?))))?;
    let runs: Vec<(i64, FlowRunId)> = rows.collect::<rusqlite::Result<_>>()?;
    for (run, id) in &runs {
        let mut out = EventsOut::of(connection, *run)?;
        // This run did not bring its process down: the store could not write any more, and closed in order.
        let reason = stop_reason::of(&reasons, *id);
        let transition = if reason.is_some() { suspension_of } else { death_of };
        release(connection, &mut out, *run, clock::wall(), transition)?;
        out.finish(connection)?;
        if let Some(reason) = reason {
            record_reason(connection, *run, reason)?;
        }
    }
    connection.prepare_cached("DELETE FROM owners WHERE no = ?1")?.execute([owner.no])?;
    Ok(Dead { owner, runs: runs.into_iter().map(|(_, id)| id).collect() })
}

/// The columns of a row that a transition changes.
struct RowState {
    id: TaskRunId,
    state: State,
    attempt: u32,
    attempt_started_at: Option<i64>,
}

const STANDING: &str = "state, attempt, coalesce(attempt_started_at, started_at)";

fn row_state(id: TaskRunId, row: &rusqlite::Row<'_>) -> rusqlite::Result<RowState> {
    Ok(RowState {
        id,
        state: codes::state(row.get(0)?)?,
        attempt: row.get(1)?,
        attempt_started_at: row.get(2)?,
    })
}

/// Takes a run from its owner: its tasks first, then the flow.
pub(super) fn release(
    connection: &Connection,
    out: &mut EventsOut,
    run: i64,
    now: WallTime,
    transition: Transition,
) -> rusqlite::Result<()> {
    let under_way = [State::Running, State::Cancelling].map(codes::state_code);
    let tasks: Vec<RowState> = connection
        .prepare_cached(&format!(
            "SELECT {STANDING}, id FROM task_runs WHERE run = ?1 AND state IN (?2, ?3)"
        ))?
        .query_map(params![run, under_way[0], under_way[1]], |row| {
            row_state(codes::task_run(row.get(3)?), row)
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut update = connection.prepare_cached(
        // Task runs that were under way while the process was being stopped did not bring it down. The rank is cleared,
        // as for every end that is neither a success nor the body's own doing.
        "UPDATE task_runs SET state = ?3, crashes = crashes + (?4 AND NOT (SELECT stopping FROM flow_runs WHERE no = ?1)),
             ended_at = coalesce(?5, ended_at),
             rare = CASE WHEN ?5 IS NULL OR rare->>'cancelled_by_body' THEN rare ELSE json_remove(rare, '$.rank') END
         WHERE run = ?1 AND id = ?2",
    )?;
    for task in &tasks {
        if let Some(kind) = transition(task.state, false) {
            out.push(connection, &NewEvent::new(task.id, now, &kind))?;
            meet(connection, &mut update, run, task, &kind, now)?;
        }
    }
    let flow = connection
        .prepare_cached(&format!("SELECT {STANDING} FROM flow_runs WHERE no = ?1"))?
        .query_row([run], |row| row_state(TaskRunId::FLOW, row))?;
    if let Some(kind) = transition(flow.state, true) {
        out.push(connection, &NewEvent::new(TaskRunId::FLOW, now, &kind))?;
        let mut update = connection.prepare_cached(
            "UPDATE flow_runs SET state = ?3, crashes = crashes + ?4, ended_at = coalesce(?5, ended_at)
             WHERE no = ?1 AND ?2 = 0",
        )?;
        meet(connection, &mut update, run, &flow, &kind, now)?;
    }
    // Its owner may only be asleep: it no longer owns the run, so it writes nothing when it wakes up.
    connection
        .prepare_cached("UPDATE flow_runs SET owner = NULL, cancel_requested = 0 WHERE no = ?1")?
        .execute([run])?;
    Ok(())
}

/// Records why a suspended run is no longer persisted.
pub(super) fn record_reason(connection: &Connection, run: i64, why: &StopReason) -> rusqlite::Result<()> {
    let (flow, location) = connection
        .prepare_cached(
            "SELECT t.name, p.text FROM flow_runs f JOIN tasks t ON t.no = f.task JOIN locations p ON p.no = f.location
             WHERE f.no = ?1",
        )?
        .query_row([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
    connection.prepare_cached("UPDATE flow_runs SET error = ?2 WHERE no = ?1 AND state = ?3")?.execute(
        params![run, codes::json(&why.report(flow, location))?, codes::state_code(State::Suspended)],
    )?;
    Ok(())
}

fn meet(
    connection: &Connection,
    update: &mut Statement<'_>,
    run: i64,
    row: &RowState,
    kind: &EventKind,
    now: WallTime,
) -> rusqlite::Result<()> {
    // A transition returns only events that fit the state.
    let state = row.state.after(kind).unwrap_or(row.state);
    let crashed = state == State::Crashed;
    if let (true, 1.., Some(at)) =
        (crashed && row.state == State::Running, row.attempt, row.attempt_started_at)
    {
        let attempt = Attempt::crashed(row.attempt, WallTime::from_micros(at));
        attempt_row(connection, run, codes::number(row.id), &attempt)?;
    }
    let ended_at = state.is_terminal().then_some(now.as_micros());
    update.execute(params![
        run,
        codes::number(row.id),
        codes::state_code(state),
        i64::from(crashed),
        ended_at
    ])?;
    Ok(())
}

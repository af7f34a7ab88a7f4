//! Runs that nobody is at work on any more: those of dead owners, and those that their owner puts aside.

use rusqlite::{Connection, Statement, params};

use super::events::{EventsOut, Happened};
use super::owner::{self, Other};
use super::{clock, codes};
use crate::model::{EventKind, FlowRunId, State, TaskRunId, WallTime};
use crate::store::rows::{crashed_attempt, death_of, merge_attempts};

/// What befalls a run in this state: a task run, or the flow itself.
pub(super) type Fate = fn(State, bool) -> Option<EventKind>;

/// A dead owner, whose rows are taken away.
#[derive(Debug)]
pub(super) struct Dead {
    pub(super) owner: Other,
    /// The runs that were marked.
    pub(super) runs: Vec<FlowRunId>,
}

/// Finds owners that are dead, marks their runs, and takes the owners out of the table. Their lock files are left to the
/// caller, to be removed once this is committed.
pub(super) fn reap(connection: &Connection, me: &owner::Owner) -> rusqlite::Result<Vec<Dead>> {
    let others = owner::others(connection, me.no)?;
    let dead = others.into_iter().filter(|other| !me.locks().is_alive(other, &me.identity));
    dead.map(|other| bury(connection, other)).collect()
}

/// Whether an owner is at work. One that is not in the table has left in order.
pub(super) fn living(
    connection: &Connection,
    me: &owner::Owner,
    no: i64,
) -> rusqlite::Result<Option<owner::Identity>> {
    if no == me.no {
        return Ok(Some(me.identity.clone()));
    }
    let other = owner::find(connection, no)?;
    Ok(other.filter(|other| me.locks().is_alive(other, &me.identity)).map(|other| other.identity))
}

fn bury(connection: &Connection, owner: Other) -> rusqlite::Result<Dead> {
    let mut statement = connection.prepare_cached("SELECT no, id FROM flow_runs WHERE owner = ?1")?;
    let rows = statement.query_map([owner.no], |row| Ok((row.get(0)?, codes::flow_run(row.get(1)?))))?;
    let runs: Vec<(i64, FlowRunId)> = rows.collect::<rusqlite::Result<_>>()?;
    for (run, _) in &runs {
        let mut out = EventsOut::of(connection, *run)?;
        leave(connection, &mut out, *run, clock::wall(), death_of)?;
        out.finish(connection)?;
    }
    connection.prepare_cached("DELETE FROM owners WHERE no = ?1")?.execute([owner.no])?;
    Ok(Dead { owner, runs: runs.into_iter().map(|(_, id)| id).collect() })
}

/// The part of a row that a fate changes.
struct Standing {
    id: TaskRunId,
    state: State,
    attempt: u32,
    attempt_started_at: Option<i64>,
    attempts: Option<String>,
    attempts_before: Option<String>,
}

const STANDING: &str = "state, attempt, attempt_started_at, attempts, attempts_before";

fn standing(id: TaskRunId, row: &rusqlite::Row<'_>) -> rusqlite::Result<Standing> {
    Ok(Standing {
        id,
        state: codes::state(row.get(0)?)?,
        attempt: row.get(1)?,
        attempt_started_at: row.get(2)?,
        attempts: row.get(3)?,
        attempts_before: row.get(4)?,
    })
}

/// Gives a run up: its tasks first, then the flow.
pub(super) fn leave(
    connection: &Connection,
    out: &mut EventsOut,
    run: i64,
    now: WallTime,
    fate: Fate,
) -> rusqlite::Result<()> {
    let under_way = [State::Running, State::Cancelling].map(codes::state_code);
    let tasks: Vec<Standing> = connection
        .prepare_cached(&format!(
            "SELECT {STANDING}, id FROM task_runs WHERE run = ?1 AND state IN (?2, ?3)"
        ))?
        .query_map(params![run, under_way[0], under_way[1]], |row| {
            standing(codes::task_run(row.get(5)?), row)
        })?
        .collect::<rusqlite::Result<_>>()?;
    let mut update = connection.prepare_cached(
        "UPDATE task_runs SET state = ?3, attempts = NULL, attempts_before = ?4, crashes = crashes + ?5,
             ended_at = coalesce(?6, ended_at)
         WHERE run = ?1 AND id = ?2",
    )?;
    for task in &tasks {
        if let Some(kind) = fate(task.state, false) {
            out.push(connection, &Happened::new(task.id, now, &kind))?;
            meet(&mut update, run, task, &kind, now)?;
        }
    }
    let flow = connection
        .prepare_cached(&format!("SELECT {STANDING} FROM flow_runs WHERE no = ?1"))?
        .query_row([run], |row| standing(TaskRunId::FLOW, row))?;
    if let Some(kind) = fate(flow.state, true) {
        out.push(connection, &Happened::new(TaskRunId::FLOW, now, &kind))?;
        let mut update = connection.prepare_cached(
            "UPDATE flow_runs SET state = ?3, attempts = NULL, attempts_before = ?4, crashes = crashes + ?5,
                 ended_at = coalesce(?6, ended_at)
             WHERE no = ?1 AND ?2 = 0",
        )?;
        meet(&mut update, run, &flow, &kind, now)?;
    }
    // Its owner may only be asleep: without the run, it writes nothing when it wakes up.
    connection
        .prepare_cached("UPDATE flow_runs SET owner = NULL, cancel_requested = 0 WHERE no = ?1")?
        .execute([run])?;
    Ok(())
}

fn meet(
    update: &mut Statement<'_>,
    run: i64,
    row: &Standing,
    kind: &EventKind,
    now: WallTime,
) -> rusqlite::Result<()> {
    // A fate names only what fits.
    let state = row.state.after(kind).unwrap_or(row.state);
    let read = |text: &Option<String>| text.as_deref().map_or(Ok(Vec::new()), codes::read_json);
    let mut attempts = merge_attempts(read(&row.attempts_before)?, read(&row.attempts)?);
    let crashed = state == State::Crashed;
    if let (true, 1.., Some(at)) =
        (crashed && row.state == State::Running, row.attempt, row.attempt_started_at)
    {
        attempts.push(crashed_attempt(row.attempt, WallTime::from_micros(at)));
    }
    let attempts = if attempts.is_empty() { None } else { Some(codes::json(&attempts)?) };
    let ended_at = state.is_terminal().then_some(now.as_micros());
    update.execute(params![
        run,
        codes::number(row.id),
        codes::state_code(state),
        attempts,
        i64::from(crashed),
        ended_at
    ])?;
    Ok(())
}

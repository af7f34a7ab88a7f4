//! Ownership of runs: taking over, asking the owner to cancel, and idempotency keys.
//!
//! Each function checks and acts in the transaction of its caller: a process that stands still between two transactions
//! keeps no right from the first.

use rusqlite::{Connection, OptionalExtension, params};

use super::events::EventsOut;
use super::owner::Owner;
use super::stop_reason::StopReason;
use super::{clock, codes, reap};
use crate::model::{FlowRunId, State, WallTime};
use crate::policy::resume::RedoRequest;
use crate::store::rows::suspension_of;
use crate::store::{OwnedRun, Reserved, StoreError};

/// The answer of a transaction: an error of the store does not fail the transaction.
pub(super) type Answer<T> = rusqlite::Result<Result<T, StoreError>>;

struct RunRow {
    no: i64,
    state: State,
    owner: Option<i64>,
    epoch: u64,
    created_at: WallTime,
}

fn find(connection: &Connection, id: FlowRunId) -> Answer<RunRow> {
    let found = connection
        .prepare_cached("SELECT no, state, owner, epoch, created_at FROM flow_runs WHERE id = ?1")?
        .query_row([id.as_uuid().as_bytes()], |row| {
            Ok(RunRow {
                no: row.get(0)?,
                state: codes::state(row.get(1)?)?,
                owner: row.get(2)?,
                epoch: row.get::<_, i64>(3)?.cast_unsigned(),
                created_at: WallTime::from_micros(row.get(4)?),
            })
        })
        .optional()?;
    Ok(found.ok_or_else(|| StoreError::UnknownRun { id: id.to_string() }))
}

/// Makes `me` the owner of a run that has none. Dead owners were reaped before, in the same transaction.
pub(super) fn take_over(connection: &Connection, me: &Owner, id: FlowRunId) -> Answer<OwnedRun> {
    let run = match find(connection, id)? {
        Ok(run) => run,
        Err(error) => return Ok(Err(error)),
    };
    if let Some(owner) = run.owner
        && let Some(owner) = reap::living(connection, me, owner)?
    {
        return Ok(Err(StoreError::Owned { id, owner: owner.name() }));
    }
    if !run.state.can_reopen() {
        return Ok(Err(StoreError::NotResumable { id, state: run.state }));
    }
    connection
        .prepare_cached(
            "UPDATE flow_runs SET owner = ?2, epoch = epoch + 1, cancel_requested = 0, stopping = 0 WHERE no = ?1",
        )?
        .execute([run.no, me.no])?;
    Ok(Ok(OwnedRun { id, epoch: run.epoch + 1, created_at: run.created_at }))
}

/// Records what is to be redone of a run of `me`.
pub(super) fn request_redo(
    connection: &Connection,
    me: &Owner,
    run: OwnedRun,
    request: &RedoRequest,
) -> Answer<()> {
    let OwnedRun { id, epoch, .. } = run;
    let changed = connection
        .prepare_cached("UPDATE flow_runs SET redo_request = ?4 WHERE id = ?1 AND owner = ?2 AND epoch = ?3")?
        .execute(params![id.as_uuid().as_bytes(), me.no, epoch.cast_signed(), codes::json(request)?])?;
    Ok(if changed > 0 { Ok(()) } else { Err(StoreError::LostOwnership { id }) })
}

/// Suspends runs that `me` owns but no longer writes, each with the reason, so that any process, `me` included, can
/// take them over.
pub(super) fn suspend_all(
    connection: &Connection,
    me: &Owner,
    runs: &[(OwnedRun, StoreError)],
) -> rusqlite::Result<()> {
    for (OwnedRun { id, epoch, .. }, why) in runs {
        let Ok(run) = find(connection, *id)? else { continue };
        if run.owner == Some(me.no) && run.epoch == *epoch {
            let mut out = EventsOut::of(connection, run.no)?;
            reap::release(connection, &mut out, run.no, clock::wall(), suspension_of)?;
            out.finish(connection)?;
            reap::record_reason(connection, run.no, &StopReason::of(*id, why))?;
        }
    }
    Ok(())
}

/// Leaves a cancel request for the owner of a run; `false` if it has none.
pub(super) fn request_cancel(connection: &Connection, me: &Owner, id: FlowRunId) -> rusqlite::Result<bool> {
    let Ok(RunRow { no, owner: Some(owner), .. }) = find(connection, id)? else { return Ok(false) };
    if reap::living(connection, me, owner)?.is_none() {
        return Ok(false);
    }
    connection.prepare_cached("UPDATE flow_runs SET cancel_requested = 1 WHERE no = ?1")?.execute([no])?;
    Ok(true)
}

/// Returns the runs of `me` with a cancel request.
pub(super) fn cancel_requests(connection: &Connection, me: i64) -> rusqlite::Result<Vec<FlowRunId>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM flow_runs WHERE owner = ?1 AND cancel_requested = 1")?;
    let rows = statement.query_map([me], |row| Ok(codes::flow_run(row.get(0)?)))?;
    rows.collect()
}

pub(super) fn owns_any(connection: &Connection, me: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM flow_runs WHERE owner = ?1")?.exists([me])
}

/// Reserves a key for a run that `me` is about to begin, unless the key has a run or a living store has reserved it.
pub(super) fn reserve(
    connection: &Connection,
    me: &Owner,
    key: &str,
    id: FlowRunId,
) -> rusqlite::Result<Reserved> {
    let known: Option<(FlowRunId, Option<i64>)> = connection
        .prepare_cached("SELECT run, owner FROM run_keys WHERE key = ?1")?
        .query_row([key], |row| Ok((codes::flow_run(row.get(0)?), row.get(1)?)))
        .optional()?;
    match known {
        Some((run, None)) => return Ok(Reserved::Begun(run)),
        Some((run, Some(owner))) => {
            if let Some(owner) = reap::living(connection, me, owner)? {
                return Ok(Reserved::Held(run, owner.name()));
            }
        }
        None => {}
    }
    connection
        .prepare_cached(
            "INSERT INTO run_keys (key, run, owner) VALUES (?1, ?2, ?3)
             ON CONFLICT (key) DO UPDATE SET run = excluded.run, owner = excluded.owner",
        )?
        .execute(params![key, id.as_uuid().as_bytes(), me.no])?;
    Ok(Reserved::Granted)
}

/// Assigns a key to the run that it was reserved for; `false` if that reservation is gone.
pub(super) fn use_key(connection: &Connection, key: &str, id: FlowRunId) -> rusqlite::Result<bool> {
    let changed = connection
        .prepare_cached("UPDATE run_keys SET owner = NULL WHERE key = ?1 AND run = ?2")?
        .execute(params![key, id.as_uuid().as_bytes()])?;
    Ok(changed > 0)
}

/// Frees a key that was reserved for a run that has not begun.
pub(super) fn give_back(connection: &Connection, key: &str, id: FlowRunId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM run_keys WHERE key = ?1 AND run = ?2 AND owner IS NOT NULL")?
        .execute(params![key, id.as_uuid().as_bytes()])?;
    Ok(())
}

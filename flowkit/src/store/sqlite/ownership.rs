//! Whose a run is: taking it over, asking its owner to cancel it, idempotency keys, and leases of cache keys.
//!
//! Each function looks and acts in the transaction of its caller: a process that stands still between two of them has no right
//! left from the first when the second comes.

use rusqlite::{Connection, OptionalExtension, params};

use super::events::EventsOut;
use super::owner::Owner;
use super::stop_reason::StopReason;
use super::{clock, codes, reap};
use crate::model::{FlowRunId, State, WallTime};
use crate::policy::cache::CacheKey;
use crate::policy::resume::RedoRequest;
use crate::store::rows::suspension_of;
use crate::store::{OwnedRun, Reserved, StoreError};

/// What a transaction answers: an error of ours is no error of the transaction.
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

/// Makes `me` the owner of a run that nobody is at work on. Dead owners have been buried before, in the same transaction.
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

/// Writes down what is to be done again of a run of `me`.
pub(super) fn ask_again(
    connection: &Connection,
    me: &Owner,
    run: OwnedRun,
    asked: &RedoRequest,
) -> Answer<()> {
    let OwnedRun { id, epoch, .. } = run;
    let changed = connection
        .prepare_cached("UPDATE flow_runs SET asked = ?4 WHERE id = ?1 AND owner = ?2 AND epoch = ?3")?
        .execute(params![id.as_uuid().as_bytes(), me.no, epoch.cast_signed(), codes::json(asked)?])?;
    Ok(if changed > 0 { Ok(()) } else { Err(StoreError::LostOwnership { id }) })
}

/// Puts runs aside that `me` owns and writes no more of, each with the reason, so that they can be taken over, by `me` too.
pub(super) fn suspend_all(
    connection: &Connection,
    me: &Owner,
    runs: &[(OwnedRun, StoreError)],
) -> rusqlite::Result<()> {
    for (OwnedRun { id, epoch, .. }, why) in runs {
        let Ok(run) = find(connection, *id)? else { continue };
        if run.owner == Some(me.no) && run.epoch == *epoch {
            let mut out = EventsOut::of(connection, run.no)?;
            reap::leave(connection, &mut out, run.no, clock::wall(), suspension_of)?;
            out.finish(connection)?;
            reap::say_why(connection, run.no, &StopReason::of(*id, why))?;
        }
    }
    Ok(())
}

/// Leaves a wish with the owner of a run; `false` if nobody is at work on it.
pub(super) fn request_cancel(connection: &Connection, me: &Owner, id: FlowRunId) -> rusqlite::Result<bool> {
    let Ok(RunRow { no, owner: Some(owner), .. }) = find(connection, id)? else { return Ok(false) };
    if reap::living(connection, me, owner)?.is_none() {
        return Ok(false);
    }
    connection.prepare_cached("UPDATE flow_runs SET cancel_requested = 1 WHERE no = ?1")?.execute([no])?;
    Ok(true)
}

/// Returns the runs of `me` that somebody wants cancelled.
pub(super) fn cancel_requests(connection: &Connection, me: i64) -> rusqlite::Result<Vec<FlowRunId>> {
    let mut statement =
        connection.prepare_cached("SELECT id FROM flow_runs WHERE owner = ?1 AND cancel_requested = 1")?;
    let rows = statement.query_map([me], |row| Ok(codes::flow_run(row.get(0)?)))?;
    rows.collect()
}

pub(super) fn owns_any(connection: &Connection, me: i64) -> rusqlite::Result<bool> {
    connection.prepare_cached("SELECT 1 FROM flow_runs WHERE owner = ?1")?.exists([me])
}

/// Reserves a key for a run that `me` is about to begin, unless a run stands for it or a living store has reserved it.
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

/// Lets a key stand for the run for which it was reserved; `false` if it is not reserved for that run any more.
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

/// Takes the lease of a cache key, unless a living store has it, be it this one.
pub(super) fn lease(connection: &Connection, me: &Owner, key: CacheKey) -> rusqlite::Result<bool> {
    let digest = key.digest();
    let owner: Option<i64> = connection
        .prepare_cached("SELECT owner FROM cache_leases WHERE key = ?1")?
        .query_row([digest.as_bytes()], |row| row.get(0))
        .optional()?;
    if let Some(owner) = owner
        && reap::living(connection, me, owner)?.is_some()
    {
        return Ok(false);
    }
    connection
        .prepare_cached(
            "INSERT INTO cache_leases (key, owner) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET owner = ?2",
        )?
        .execute(params![digest.as_bytes(), me.no])?;
    Ok(true)
}

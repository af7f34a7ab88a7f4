//! Writes a batch inside a transaction, on the conditions that this store owns the run and that the row has not ended.

use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::batch::{Batch, RowSlot, RunPart};
use super::cache_entries::LikenessHashes;
use super::events::{EventsOut, NewEvent};
use super::interned::Interned;
use super::owner::Owner;
use super::task_rows::TaskRows;
use super::values::{Hash, Values};
use super::{clock, codes, facts, failure, leases, logs, reap};
use crate::model::{Attempt, EventKind, TaskRunId, TaskRunRecord, WallTime};
use crate::store::{CacheEntry, StoreError, rows};

/// What a transaction needs besides the connection.
pub(super) struct Tools<'a> {
    pub(super) interned: &'a mut Interned,
    pub(super) values: &'a Values,
    /// Results larger than this become files.
    pub(super) inline_max: usize,
    /// This store.
    pub(super) owner: &'a Owner,
}

/// The outcome of writing the part of one run.
pub(super) enum PartVerdict {
    /// It is written, except these slots: their task runs had ended before.
    Written { refused: Vec<usize> },
    /// Nothing of it is written.
    Refused(StoreError),
}

/// Writes everything; returns one verdict for each run.
pub(super) fn batch(
    connection: &Connection,
    tools: &mut Tools<'_>,
    batch: &Batch,
) -> rusqlite::Result<Vec<PartVerdict>> {
    let mut verdicts = Vec::with_capacity(batch.runs.len());
    for part in &batch.runs {
        verdicts.push(run(connection, tools, part)?);
    }
    logs::write(connection, batch)?;
    leases::release_all(connection, tools.owner, &batch.released)?;
    Ok(verdicts)
}

fn run(connection: &Connection, tools: &mut Tools<'_>, part: &RunPart) -> rusqlite::Result<PartVerdict> {
    if let Some(new) = &part.begin {
        super::begin::insert(connection, tools, new)?;
    }
    let id = part.owned.id;
    let found = connection
        .prepare_cached("SELECT no, epoch, owner FROM flow_runs WHERE id = ?1")?
        .query_row([id.as_uuid().as_bytes()], |row| {
            let owner: Option<i64> = row.get(2)?;
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?.cast_unsigned(), owner))
        })
        .optional()?;
    let Some((no, epoch, owner)) = found else {
        return Ok(PartVerdict::Refused(StoreError::UnknownRun { id: id.to_string() }));
    };
    if epoch != part.owned.epoch || owner != Some(tools.owner.no) {
        return Ok(PartVerdict::Refused(StoreError::LostOwnership { id }));
    }
    let created_at = part.owned.created_at;
    let mut task_rows = TaskRows::of(connection, no, created_at)?;
    let mut result_row = connection.prepare_cached(RESULT_ROW)?;
    let mut refused = Vec::new();
    for (index, slot) in part.slots.iter().enumerate() {
        let is_flow = slot.task_run.id() == TaskRunId::FLOW;
        let written = if is_flow {
            flow_row(connection, tools, no, slot, created_at)?
        } else {
            task_rows.write(connection, tools, slot)?
        };
        if written && slot.reopened {
            // Its earlier result is void, even if the new one is not persisted.
            connection
                .prepare_cached("DELETE FROM results WHERE run = ?1 AND task_run = ?2")?
                .execute(params![no, codes::number(slot.task_run.id())])?;
        }
        if written {
            attempts(connection, no, &slot.task_run, created_at)?;
            result(connection, tools, &mut result_row, (no, created_at), slot)?;
        } else {
            refused.push(index);
        }
    }
    facts::write(connection, tools, no, &part.facts)?;
    events(connection, no, part, &refused)?;
    Ok(PartVerdict::Written { refused })
}

fn events(connection: &Connection, run: i64, part: &RunPart, refused: &[usize]) -> rusqlite::Result<()> {
    let created_at = part.owned.created_at;
    let mut out = EventsOut::of(connection, run)?;
    if let Some(new) = &part.begin {
        let at = created_at.plus(new.flow.created_at());
        out.push(connection, &NewEvent::new(TaskRunId::FLOW, at, &EventKind::Created))?;
    }
    for (slot, event) in &part.events {
        if !refused.contains(slot) {
            let at = created_at.plus(event.at);
            out.push(connection, &NewEvent::new(event.task_run, at, &event.kind))?;
        }
    }
    if part.suspended {
        reap::release(connection, &mut out, run, clock::wall(), rows::suspension_of)?;
    }
    out.finish(connection)
}

/// Writes the flow itself; `false` if it had ended before.
fn flow_row(
    connection: &Connection,
    tools: &Tools<'_>,
    run: i64,
    slot: &RowSlot,
    created_at: WallTime,
) -> rusqlite::Result<bool> {
    let flow = &slot.task_run;
    let at = |time: Option<_>| time.map(|at| created_at.plus(at).as_micros());
    // The process that ends a run releases it.
    let owner = (!flow.state().is_terminal()).then_some(tools.owner.no);
    let changed = connection
        .prepare_cached(
            "UPDATE flow_runs SET name = ?2, state = ?3, started_at = ?4, attempt_started_at = ?5, ended_at = ?6,
                 attempt = ?7, error = ?8, owner = ?9, begun_no = ?12, ended_no = ?13,
                 cancel_requested = CASE WHEN ?9 IS NULL THEN 0 ELSE cancel_requested END,
                 stopping = stopping OR ?14
             WHERE no = ?1 AND (state < ?10 OR ?11)",
        )?
        .execute(params![
            run,
            flow.extras().name.as_deref().map(codes::text),
            codes::state_code(flow.state()),
            at(flow.started_at()),
            at(flow.attempt_started_at()),
            at(flow.ended_at()),
            flow.attempt_count(),
            error(flow)?,
            owner,
            codes::FIRST_TERMINAL,
            slot.reopened,
            codes::order_no(flow.begun_no()),
            codes::order_no(flow.ended_no()),
            slot.stopping,
        ])?;
    Ok(changed > 0)
}

const RESULT_ROW: &str = "
    INSERT INTO results (run, task_run, body, file) VALUES (?1, ?2, ?3, ?4)
    ON CONFLICT (run, task_run) DO UPDATE SET body = excluded.body, file = excluded.file";

/// Writes the attempts that have no row yet: however often a task is tried, each attempt is written once.
fn attempts(
    connection: &Connection,
    run: i64,
    task_run: &TaskRunRecord,
    created_at: WallTime,
) -> rusqlite::Result<()> {
    if task_run.extras().earlier_attempts.is_empty() {
        return Ok(());
    }
    let id = codes::number(task_run.id());
    let known: Option<u32> = connection
        .prepare_cached("SELECT max(number) FROM attempts WHERE run = ?1 AND task_run = ?2")?
        .query_row([run, id], |row| row.get(0))?;
    for attempt in task_run.attempts_after(known.unwrap_or(0), created_at) {
        attempt_row(connection, run, id, &attempt)?;
    }
    Ok(())
}

/// Writes an attempt, unless it has a row.
pub(super) fn attempt_row(
    connection: &Connection,
    run: i64,
    task_run: i64,
    attempt: &Attempt,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO attempts (run, task_run, number, body) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
        )?
        .execute(params![run, task_run, attempt.number, codes::json(attempt)?])?;
    Ok(())
}

pub(super) fn error(task_run: &TaskRunRecord) -> rusqlite::Result<Option<String>> {
    task_run.extras().error.as_ref().map(codes::json).transpose()
}

/// Writes a result, and its cache entry with it.
fn result(
    connection: &Connection,
    tools: &Tools<'_>,
    row: &mut Statement<'_>,
    (run, created_at): (i64, WallTime),
    slot: &RowSlot,
) -> rusqlite::Result<()> {
    let Some(envelope) = &slot.result else { return Ok(()) };
    let task_run = codes::number(slot.task_run.id());
    let Content { body, file } = Content::of(tools, envelope)?;
    row.execute(params![run, task_run, body, file])?;
    match &slot.cache {
        Some(cache) => {
            let stored_at = slot.task_run.ended_at().map_or_else(clock::wall, |at| created_at.plus(at));
            cache_entry(connection, run, task_run, cache, stored_at)
        }
        None => Ok(()),
    }
}

/// Bytes as the columns of a row: themselves, or the name of their file.
pub(super) struct Content<'a> {
    pub(super) body: Option<&'a [u8]>,
    pub(super) file: Option<Hash>,
}

impl<'a> Content<'a> {
    pub(super) fn of(tools: &Tools<'_>, bytes: &'a [u8]) -> rusqlite::Result<Self> {
        if bytes.len() <= tools.inline_max {
            return Ok(Self { body: Some(bytes), file: None });
        }
        // It was written before the transaction, unless the disk refused; and a sweep may have removed an older file
        // that was reused.
        let hash = *blake3::hash(bytes).as_bytes();
        if !tools.values.is_persisted(&hash) {
            tools.values.persist(bytes).map_err(failure::as_sqlite)?;
        }
        Ok(Self { body: None, file: Some(hash) })
    }
}

fn cache_entry(
    connection: &Connection,
    run: i64,
    task_run: i64,
    cache: &CacheEntry,
    stored_at: WallTime,
) -> rusqlite::Result<()> {
    let key = cache.key.digest();
    let ttl = cache.ttl.map(|ttl| i64::try_from(ttl.as_micros()).unwrap_or(i64::MAX));
    let hashes = LikenessHashes::of(&cache.parts);
    connection
        .prepare_cached(
            // A later result of a key gets a new number, too.
            "INSERT OR REPLACE INTO cache (key, run, task_run, stored_at, ttl, task_hash, inputs_hash, parts)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            key.as_bytes(),
            run,
            task_run,
            stored_at.as_micros(),
            ttl,
            hashes.task,
            hashes.inputs,
            codes::json(&cache.parts)?
        ])?;
    connection.prepare_cached("DELETE FROM cache_leases WHERE key = ?1")?.execute([key.as_bytes()])?;
    Ok(())
}

/// Finds a damaged row, which SQLite itself does not.
pub(super) fn checksum(bytes: &[u8]) -> [u8; 16] {
    let mut short = [0; 16];
    short.copy_from_slice(&blake3::hash(bytes).as_bytes()[..16]);
    short
}

//! Log lines: each task run has a quota; lines beyond it are counted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use parking_lot::Mutex;
use rusqlite::{Connection, OptionalExtension, params};

use super::batch::Batch;
use super::codes;
use crate::model::{FlowRunId, TaskRunId};
use crate::store::LogEntry;
use crate::store::rows::LOG_LINES_MAX;

#[derive(Default)]
pub(super) struct Quotas(Mutex<HashMap<(FlowRunId, TaskRunId), Quota>>);

#[derive(Default)]
struct Quota {
    persisted: u64,
    /// Not written yet.
    dropped: u64,
}

impl Quotas {
    /// Counts a line; `false` if it is beyond the quota.
    pub(super) fn admit(&self, line: &LogEntry) -> bool {
        let mut quotas = self.0.lock();
        let quota = quotas.entry((line.run, line.task_run)).or_default();
        let is_persisted = quota.persisted < LOG_LINES_MAX;
        if is_persisted {
            quota.persisted += 1;
        } else {
            quota.dropped += 1;
        }
        is_persisted
    }

    /// Takes the counts of dropped lines since the last time.
    pub(super) fn take_dropped(&self) -> Vec<(FlowRunId, TaskRunId, u64)> {
        let mut quotas = self.0.lock();
        let dropped = quotas.iter_mut().filter(|(_, quota)| quota.dropped > 0);
        dropped
            .map(|((run, task_run), quota)| (*run, *task_run, std::mem::take(&mut quota.dropped)))
            .collect()
    }

    /// Removes a run that has ended, after its counts were taken.
    pub(super) fn forget(&self, run: FlowRunId) {
        self.0.lock().retain(|(of, _), quota| *of != run || quota.dropped > 0);
    }
}

/// Writes the lines of a batch, and the counts of dropped ones. Lines of unknown runs are left out.
pub(super) fn write(connection: &Connection, batch: &Batch) -> rusqlite::Result<()> {
    let mut numbers: HashMap<FlowRunId, Option<(i64, i64)>> = HashMap::new();
    for line in &batch.logs {
        let Some((run, last)) = number(connection, &mut numbers, line.run)? else { continue };
        *last += 1;
        connection
            .prepare_cached(
                "INSERT INTO logs (run, seq, task_run, at, level, target, message)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                *run,
                *last,
                codes::number(line.task_run),
                line.at.as_micros(),
                codes::level_code(line.level),
                codes::text(&line.target),
                codes::text(&line.message),
            ])?;
    }
    for (run, task_run, dropped) in &batch.dropped {
        let Some((run, _)) = number(connection, &mut numbers, *run)? else { continue };
        connection
            .prepare_cached(
                "INSERT INTO dropped_logs (run, task_run, dropped) VALUES (?1, ?2, ?3)
                 ON CONFLICT (run, task_run) DO UPDATE SET dropped = dropped + excluded.dropped",
            )?
            .execute(params![*run, codes::number(*task_run), dropped.cast_signed()])?;
    }
    for (run, last) in numbers.into_values().flatten() {
        connection
            .prepare_cached("UPDATE flow_runs SET last_log = ?2 WHERE no = ?1 AND last_log <> ?2")?
            .execute([run, last])?;
    }
    Ok(())
}

/// Finds the number of a run and its last line, once for each batch.
fn number<'a>(
    connection: &Connection,
    known: &'a mut HashMap<FlowRunId, Option<(i64, i64)>>,
    id: FlowRunId,
) -> rusqlite::Result<Option<&'a mut (i64, i64)>> {
    let entry = match known.entry(id) {
        Entry::Occupied(known) => known.into_mut(),
        Entry::Vacant(unknown) => unknown.insert(
            connection
                .prepare_cached("SELECT no, last_log FROM flow_runs WHERE id = ?1")?
                .query_row([id.as_uuid().as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?,
        ),
    };
    Ok(entry.as_mut())
}

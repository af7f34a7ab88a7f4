//! The cache entries that one is compared with, to explain why a task ran. Each question is answered from an index, however
//! many results a task has. Finding the result of a key is in `ResultCache`.

use rusqlite::{Connection, OptionalExtension, Row, params, params_from_iter};

use super::codes;
use crate::model::{FlowRunId, TaskRunId, WallTime};
use crate::policy::cache::KeyParts;
use crate::store::StoredCacheEntry;

/// The hashes by which entries are found that are like an entry.
pub(super) struct LikenessHashes {
    /// Of the task.
    pub(super) task: i64,
    /// Of the task and its inputs.
    pub(super) inputs: i64,
}

impl LikenessHashes {
    pub(super) fn of(parts: &KeyParts) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(parts.task.as_bytes());
        let task = first_eight(&hasher);
        for input in &parts.inputs {
            hasher.update(&[0]).update(input.name.as_bytes()).update(&[0]).update(input.digest.as_bytes());
        }
        Self { task, inputs: first_eight(&hasher) }
    }
}

fn first_eight(hasher: &blake3::Hasher) -> i64 {
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    i64::from_le_bytes(bytes)
}

/// An entry, and what finds those that are like it.
struct Own {
    no: i64,
    run: i64,
    task_run: i64,
    hashes: LikenessHashes,
    entry: StoredCacheEntry,
}

const ENTRY: &str = "SELECT c.parts, c.stored_at, f.id, c.task_run, c.no, c.run, c.task_hash, c.inputs_hash
    FROM cache c CROSS JOIN flow_runs f ON f.no = c.run";

/// Returns the entry of a task run, and then earlier ones of its task: see [`History::cache_entries`](crate::store::History).
pub(super) fn with_earlier(
    connection: &Connection,
    run: FlowRunId,
    task_run: TaskRunId,
    limit: usize,
) -> rusqlite::Result<Vec<StoredCacheEntry>> {
    let own = connection
        .prepare_cached(&format!(
            "{ENTRY} WHERE c.run = (SELECT no FROM flow_runs WHERE id = ?1) AND c.task_run = ?2"
        ))?
        .query_row(params![run.as_uuid().as_bytes(), codes::number(task_run)], own)
        .optional()?;
    let Some(own) = own else { return Ok(Vec::new()) };
    let mut found = vec![own.entry.clone()];
    // A run that began later may have stored a result earlier; such an entry is found by its inputs only.
    let Own { no, run, task_run, hashes: LikenessHashes { task, inputs }, .. } = own;
    let questions: [(&str, &[i64]); 4] = [
        ("c.inputs_hash = ? AND c.no < ? ORDER BY c.no DESC", &[inputs, no]),
        // The same call in the run before: calls tend to have the same number in each run.
        (
            "c.run = (SELECT max(run) FROM cache WHERE task_hash = ? AND run < ?) AND c.task_run = ? AND c.task_hash = ?",
            &[task, run, task_run, task],
        ),
        ("c.task_hash = ? AND c.run < ? ORDER BY c.run DESC, c.no DESC", &[task, run]),
        ("c.task_hash = ? AND c.run = ? AND c.no < ? ORDER BY c.no DESC", &[task, run, no]),
    ];
    for (condition, values) in questions {
        let mut statement = connection.prepare_cached(&format!("{ENTRY} WHERE {condition} LIMIT ?"))?;
        let room = i64::try_from(limit.saturating_sub(found.len())).unwrap_or(i64::MAX);
        let values = params_from_iter(values.iter().copied().chain([room]));
        for earlier in statement.query_map(values, entry)? {
            let earlier = earlier?;
            if !found.iter().any(|known| known.from == earlier.from) {
                found.push(earlier);
            }
        }
    }
    Ok(found)
}

fn own(row: &Row<'_>) -> rusqlite::Result<Own> {
    Ok(Own {
        no: row.get(4)?,
        run: row.get(5)?,
        task_run: row.get(3)?,
        hashes: LikenessHashes { task: row.get(6)?, inputs: row.get(7)? },
        entry: entry(row)?,
    })
}

fn entry(row: &Row<'_>) -> rusqlite::Result<StoredCacheEntry> {
    Ok(StoredCacheEntry {
        parts: codes::read_json(&row.get::<_, String>(0)?)?,
        stored_at: WallTime::from_micros(row.get(1)?),
        from: (codes::flow_run(row.get(2)?), codes::task_run(row.get(3)?)),
    })
}

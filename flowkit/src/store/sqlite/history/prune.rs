//! Pruning: removes whole families of runs, in transactions so short that no writer notices.
//!
//! A run is claimed first, as if it were taken over, so that no process resumes it while its rows are removed; its own
//! row goes last. If this process dies in between, a reaper releases the claim, and the next `prune` continues.

use std::time::Duration;

use rusqlite::{Connection, params};

use super::super::{SqliteStore, clock, codes};
use crate::store::{PruneReport, Retention, StoreError};

/// How long other processes wait at most, the commit not counted.
const TRANSACTION_MAX: Duration = Duration::from_millis(25);

/// How many families are claimed at once. If the process dies, a reaper has to release no more than these.
const CLAIMED_MAX: usize = 64;

/// How many rows are removed between two looks at the clock.
const ROWS: i64 = 500;

/// The tables with rows of a run, and the column that tells its rows apart. Rows that others refer to come last.
const PARTS: [(&str, &str); 10] = [
    ("logs", "no"),
    ("dropped_logs", "task_run"),
    ("artifacts", "seq"),
    ("metrics", "seq"),
    ("used_files", "file"),
    ("times_up", "key"),
    ("cache", "key"),
    ("events", "first_seq"),
    ("results", "task_run"),
    ("task_runs", "id"),
];

pub(super) fn prune(store: &SqliteStore, retention: Retention) -> Result<PruneReport, StoreError> {
    let mut removed = PruneReport::default();
    if retention == Retention::default() {
        return Ok(removed);
    }
    for roots in old_roots(store, retention)?.chunks(CLAIMED_MAX) {
        let roots = roots.to_vec();
        let mut claimed = store.ask(move |writer| {
            writer.with_owner(|connection, owner| {
                let families = roots.iter().map(|root| claim(connection, owner.no, *root));
                families.collect::<rusqlite::Result<Vec<_>>>().map(|families| families.concat())
            })
        })?;
        while !claimed.is_empty() {
            let left = claimed.clone();
            let gone = store.ask(move |writer| {
                writer.with_owner(|connection, owner| take_apart(connection, owner.no, &left))
            })?;
            claimed.drain(..gone);
            removed.flow_runs += gone as u64;
        }
    }
    let values = store.values.clone();
    removed.files = store.ask(move |writer| writer.with_owner(|connection, _| values.sweep(connection)))?;
    Ok(removed)
}

/// Returns the outermost runs that may be removed, the newest first.
fn old_roots(store: &SqliteStore, retention: Retention) -> Result<Vec<i64>, StoreError> {
    let ended_before = retention.younger_than.map(|age| {
        let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        clock::wall().as_micros().saturating_sub(age)
    });
    let newest = i64::try_from(retention.newest.unwrap_or(0)).unwrap_or(i64::MAX);
    store.readers.read_all(
        "SELECT r.no FROM (
             SELECT no, state, ended_at FROM flow_runs WHERE parent IS NULL ORDER BY no DESC LIMIT -1 OFFSET ?1
         ) r WHERE r.state >= ?2 AND (?3 IS NULL OR r.ended_at < ?3)",
        params![newest, codes::FIRST_TERMINAL, ended_before],
        |row| row.get(0),
    )
}

/// Claims a run and those of its sub-flows, which come first: a run without its children must not look whole. Claims
/// nothing if a process runs one of them, or may resume it.
pub(super) fn claim(connection: &Connection, me: i64, root: i64) -> rusqlite::Result<Vec<i64>> {
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE family (no, id) AS (
             SELECT no, id FROM flow_runs WHERE no = ?1
             UNION ALL SELECT c.no, c.id FROM flow_runs c JOIN family ON c.parent = family.id
         )
         SELECT f.no, f.state >= ?2 AND f.owner IS NULL FROM family JOIN flow_runs f ON f.no = family.no",
    )?;
    let rows =
        statement.query_map(params![root, codes::FIRST_TERMINAL], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let family: Vec<(i64, bool)> = rows.collect::<rusqlite::Result<_>>()?;
    if family.iter().any(|(_, is_free)| !is_free) {
        return Ok(Vec::new());
    }
    let mut claim =
        connection.prepare_cached("UPDATE flow_runs SET owner = ?2, epoch = epoch + 1 WHERE no = ?1")?;
    for (no, _) in &family {
        claim.execute([*no, me])?;
    }
    Ok(family.into_iter().rev().map(|(no, _)| no).collect())
}

/// Removes claimed runs for a short while; returns how many are gone. The next run may have lost some of its rows.
fn take_apart(connection: &Connection, me: i64, runs: &[i64]) -> rusqlite::Result<usize> {
    let began = clock::now();
    for (gone, run) in runs.iter().enumerate() {
        // The claim was made in another transaction: a process that has stood still since may have lost it.
        let mut claimed =
            connection.prepare_cached("SELECT 1 FROM flow_runs WHERE no = ?1 AND owner = ?2")?;
        if !claimed.exists([*run, me])? {
            continue;
        }
        for (table, key) in PARTS {
            let mut statement = connection.prepare_cached(&format!(
                "DELETE FROM {table} WHERE run = ?1 AND {key} IN (SELECT {key} FROM {table} WHERE run = ?1 LIMIT ?2)"
            ))?;
            while statement.execute([*run, ROWS])? > 0 {
                if began.elapsed() >= TRANSACTION_MAX {
                    return Ok(gone);
                }
            }
        }
        connection
            .prepare_cached("DELETE FROM flow_runs WHERE no = ?1 AND owner = ?2")?
            .execute([*run, me])?;
    }
    Ok(runs.len())
}

#[cfg(test)]
mod tests {
    use super::{claim, take_apart};
    use crate::store::contract::StorePlace;
    use crate::store::contract::script::*;
    use crate::store::sqlite::tests::OnDisk;
    use crate::store::{History as _, Ownership as _};

    #[test]
    fn a_claim_that_was_lost_while_its_process_stood_still_removes_nothing() {
        let place = OnDisk::new();
        let store = place.store.as_ref().unwrap();
        let mut run = Script::begin(store);
        run.completes(store, &FETCH, b"1");
        run.ends(store);
        let claimed = store
            .ask(|writer| writer.with_owner(|connection, owner| claim(connection, owner.no, 1)))
            .unwrap();
        assert_eq!(claimed, [1]);
        place.is_seen_from_afar("elsewhere", false);
        let other = place.open();
        other.take_over(run.id()).unwrap();
        store
            .ask(move |writer| {
                writer.with_owner(|connection, owner| take_apart(connection, owner.no, &claimed))
            })
            .unwrap();
        assert_eq!(all_task_runs(&other, run.id()).len(), 1);
        assert_eq!(other.events(run.id(), 0, 99).unwrap().len(), 6);
    }
}

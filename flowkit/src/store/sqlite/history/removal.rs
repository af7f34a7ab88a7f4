//! Removes the rows of runs, and claims runs whose rows are not all gone. Inside the transaction of its caller, who decides when
//! it is late, and which runs go.

use std::collections::VecDeque;

use rusqlite::{Connection, params};

use super::super::{clock, codes};

/// The tables with rows of a run, what tells their rows apart, and how many are removed between two looks at the clock: few
/// of those that may be long. Rows that others refer to come last.
const PARTS: [(&str, &str, usize); 11] = [
    ("logs", "no", 100),
    ("dropped_logs", "(run, task_run)", 500),
    ("artifacts", "(run, seq)", 20),
    ("metrics", "(run, seq)", 500),
    ("used_files", "(run, task_run, file)", 500),
    ("times_up", "(run, key)", 500),
    ("cache", "no", 200),
    ("attempts", "(run, task_run, number)", 200),
    ("events", "(run, first_seq)", 100),
    ("results", "(run, task_run)", 20),
    ("task_runs", "(run, id)", 200),
];

/// Whether a cached result may still be used, at the moment that follows.
pub(super) const FRESH: &str = "coalesce(c.stored_at + c.ttl, 9223372036854775807) >";

/// Runs with consecutive numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stretch {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Stretch {
    pub(super) const fn len(self) -> i64 {
        self.last - self.first + 1
    }
}

/// Runs that this store owns while it removes them, with the sum of their epochs: it grows when one is taken over.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Claim {
    pub(super) stretch: Stretch,
    epochs: i64,
}

impl Claim {
    pub(super) fn is_mine(&self, connection: &Connection, me: i64) -> rusqlite::Result<bool> {
        let Stretch { first, last } = self.stretch;
        let (owned, epochs): (i64, i64) = connection
            .prepare_cached(
                "SELECT count(*), coalesce(sum(epoch), 0) FROM flow_runs WHERE no BETWEEN ?1 AND ?2 AND owner = ?3",
            )?
            .query_row([first, last, me], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(owned == self.stretch.len() && epochs == self.epochs)
    }
}

/// Returns a run and those of its sub-flows, which come first: a run without its children must not look whole. Returns nothing
/// if a process runs one of them, or may resume it, or if the cache offers a result of one and those are spared.
pub(super) fn free_family(
    connection: &Connection,
    root: i64,
    spares_cached: bool,
) -> rusqlite::Result<Vec<i64>> {
    // A cross join is made in the order in which it is written: without it, all runs are searched for the children of each.
    let mut statement = connection.prepare_cached(&format!(
        "WITH RECURSIVE family (no, id) AS (
             SELECT no, id FROM flow_runs WHERE no = ?1
             UNION ALL SELECT c.no, c.id FROM family CROSS JOIN flow_runs c ON c.parent = family.id
         )
         SELECT f.no, f.state >= ?2 AND f.owner IS NULL
             AND NOT (?3 AND EXISTS (SELECT 1 FROM cache c WHERE c.run = f.no AND {FRESH} ?4))
         FROM family CROSS JOIN flow_runs f ON f.no = family.no"
    ))?;
    let now = clock::wall().as_micros();
    let values = params![root, codes::FIRST_TERMINAL, spares_cached, now];
    let rows = statement.query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    let family: Vec<(i64, bool)> = rows.collect::<rusqlite::Result<_>>()?;
    let is_free = family.iter().all(|(_, is_free)| *is_free);
    Ok(family.into_iter().rev().map(|(no, _)| no).filter(|_| is_free).collect())
}

/// Claims runs that no process owns, for the next transaction.
pub(super) fn claim(
    connection: &Connection,
    me: i64,
    stretches: &VecDeque<Stretch>,
) -> rusqlite::Result<VecDeque<Claim>> {
    let mut claim = connection
        .prepare_cached("UPDATE flow_runs SET owner = ?3, epoch = epoch + 1 WHERE no BETWEEN ?1 AND ?2")?;
    let mut epochs =
        connection.prepare_cached("SELECT sum(epoch) FROM flow_runs WHERE no BETWEEN ?1 AND ?2")?;
    let claimed = stretches.iter().map(|stretch| {
        claim.execute([stretch.first, stretch.last, me])?;
        let epochs = epochs.query_row([stretch.first, stretch.last], |row| row.get(0))?;
        Ok(Claim { stretch: *stretch, epochs })
    });
    claimed.collect()
}

/// Claims one run, as an interrupted removal does.
#[cfg(test)]
pub(super) fn claim_one(connection: &Connection, me: i64, run: i64) -> rusqlite::Result<VecDeque<Claim>> {
    claim(connection, me, &VecDeque::from([Stretch { first: run, last: run }]))
}

/// Removes runs, and returns how many; `None` if it is too late for all of them.
pub(super) fn remove(
    connection: &Connection,
    Stretch { first, last }: Stretch,
    is_late: &mut dyn FnMut() -> bool,
) -> rusqlite::Result<Option<u64>> {
    for (table, key, rows) in PARTS {
        let mut statement = connection.prepare_cached(&format!(
            "DELETE FROM {table} WHERE {key} IN (SELECT {columns} FROM {table} WHERE run BETWEEN ?1 AND ?2 LIMIT {rows})",
            columns = key.trim_matches(['(', ')']),
        ))?;
        while statement.execute([first, last])? >= rows {
            if is_late() {
                return Ok(None);
            }
        }
    }
    let removed = connection
        .prepare_cached("DELETE FROM flow_runs WHERE no BETWEEN ?1 AND ?2")?
        .execute([first, last])?;
    Ok(Some(removed as u64))
}

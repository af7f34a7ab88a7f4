//! Pruning: removes whole families of runs, in transactions so short that no writer notices, and then gives the room back to
//! the file system.
//!
//! A family that one transaction does not finish is claimed, as if it were taken over, so that no process resumes it while its
//! rows are removed; the row of the outermost run goes last. If this process dies in between, a reaper releases the claim, and
//! the next `prune` continues.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::super::write::Tools;
use super::super::writer::Writer;
use super::super::{SqliteStore, clock, codes, failure, pages};
use super::removal::{Claim, FRESH, Stretch, claim, free_family, remove};
use crate::store::{PruneReport, Retention, StoreError};

/// How long one transaction removes. With its commit, other processes wait for at most 50 ms.
const TRANSACTION_MAX: Duration = Duration::from_millis(20);

/// How many pages are returned to the file system between two looks at the clock.
const PAGES: i64 = 64;

/// How many runs without sub-flows are removed by the same statements.
const TOGETHER: i64 = 64;

pub(super) fn prune(store: &SqliteStore, retention: Retention) -> Result<PruneReport, StoreError> {
    let mut pruning = store.ask(move |writer| writer.begin_pruning(retention))?;
    while !pruning.is_done() {
        pruning = store.ask(move |writer| {
            writer.proceed_with_pruning(&mut pruning)?;
            Ok(pruning)
        })?;
    }
    Ok(pruning.report)
}

impl Writer {
    /// Finds the runs that `retention` does not spare.
    pub(in super::super) fn begin_pruning(&self, retention: Retention) -> Result<Pruning, StoreError> {
        let roots = match &self.connection {
            Some(connection) if !retention.spares_all() => {
                old_roots(connection, retention).map_err(|error| failure::read(&self.shared.path, error))?
            }
            _ => Vec::new(),
        };
        Ok(Pruning { spares_cached: retention.cached, ..Pruning::of(roots) })
    }

    /// Removes something, in a short transaction. What fails can be tried again.
    pub(in super::super) fn proceed_with_pruning(&mut self, pruning: &mut Pruning) -> Result<(), StoreError> {
        if let (Stage::Files(None), Some(connection)) = (&pruning.stage, &self.connection) {
            // Reading folders takes its time, so it is done outside of the transaction.
            let unused = self.values.unused(connection);
            pruning.stage =
                Stage::Files(Some(unused.map_err(|error| failure::read(&self.shared.path, error))?));
        }
        let begun = &*pruning;
        let next = self.transact(|connection, tools| {
            let mut pruning = begun.clone();
            pruning.proceed(connection, tools, &mut late_after(TRANSACTION_MAX))?;
            Ok(pruning)
        })?;
        *pruning = next;
        if pruning.is_done() {
            self.shorten_file();
        }
        Ok(())
    }
}

/// Returns the outermost runs that may be removed, the oldest first: if time is short, they are the ones that go.
fn old_roots(connection: &Connection, retention: Retention) -> rusqlite::Result<Vec<i64>> {
    let now = clock::wall().as_micros();
    let ended_before = retention.younger_than.map(|age| {
        let age = i64::try_from(age.as_micros()).unwrap_or(i64::MAX);
        now.saturating_sub(age)
    });
    let newest = i64::try_from(retention.newest.unwrap_or(0)).unwrap_or(i64::MAX);
    let mut statement = connection.prepare(&format!(
        "SELECT r.no FROM (
             SELECT no, state, ended_at FROM flow_runs WHERE parent IS NULL ORDER BY no DESC LIMIT -1 OFFSET ?1
         ) r WHERE r.state >= ?2 AND (?3 IS NULL OR r.ended_at < ?3)
             AND NOT (?4 AND EXISTS (SELECT 1 FROM cache c WHERE c.run = r.no AND {FRESH} ?5)) ORDER BY r.no"
    ))?;
    let values = params![newest, codes::FIRST_TERMINAL, ended_before, retention.cached, now];
    let rows = statement.query_map(values, |row| row.get(0))?;
    rows.collect()
}

/// Returns whether it is late, from now on.
fn late_after(time: Duration) -> impl FnMut() -> bool {
    let until = clock::now() + time;
    move || clock::now() >= until
}

/// How far the removal of runs has come.
#[derive(Clone, Debug)]
pub(in super::super) struct Pruning {
    stage: Stage,
    /// The outermost runs.
    roots: Arc<[i64]>,
    /// How many of them are done.
    done: usize,
    /// What is left of the runs that are being removed.
    claimed: VecDeque<Claim>,
    spares_cached: bool,
    report: PruneReport,
}

#[derive(Clone, Debug, PartialEq)]
enum Stage {
    Runs,
    /// The files of results to which no run may refer any more, once they are found.
    Files(Option<Vec<PathBuf>>),
    /// Free pages, with the length of the database before.
    Pages(u64),
    Done,
}

impl Pruning {
    fn of(roots: Vec<i64>) -> Self {
        Self {
            stage: Stage::Runs,
            roots: roots.into(),
            done: 0,
            claimed: VecDeque::new(),
            spares_cached: false,
            report: PruneReport::default(),
        }
    }

    /// Whether runs were found.
    pub(in super::super) fn has_runs(&self) -> bool {
        !self.roots.is_empty()
    }

    pub(in super::super) fn report(&self) -> PruneReport {
        self.report
    }

    pub(in super::super) fn is_done(&self) -> bool {
        self.stage == Stage::Done
    }

    /// Removes something until it is late, inside one transaction.
    fn proceed(
        &mut self,
        connection: &Connection,
        tools: &Tools<'_>,
        is_late: &mut dyn FnMut() -> bool,
    ) -> rusqlite::Result<()> {
        self.stage = match &self.stage {
            Stage::Runs => {
                self.remove_runs(connection, tools.owner.no, is_late)?;
                let is_over = self.claimed.is_empty() && self.done == self.roots.len();
                if is_over { Stage::Files(None) } else { Stage::Runs }
            }
            Stage::Files(unused) => {
                let unused = unused.as_deref().unwrap_or_default();
                let (removed, left) = tools.values.remove_unused(connection, unused, is_late)?;
                self.report.files += removed;
                if left.is_empty() {
                    Stage::Pages(pages::length(connection)?)
                } else {
                    Stage::Files(Some(left))
                }
            }
            Stage::Pages(before) => {
                let before = *before;
                let mut is_over = false;
                while !is_over && !is_late() {
                    is_over = !pages::release(connection, PAGES)?;
                }
                self.report.bytes = before.saturating_sub(pages::length(connection)?);
                if is_over { Stage::Done } else { Stage::Pages(before) }
            }
            Stage::Done => Stage::Done,
        };
        Ok(())
    }

    /// Removes runs until it is late: at least some rows.
    fn remove_runs(
        &mut self,
        connection: &Connection,
        me: i64,
        is_late: &mut dyn FnMut() -> bool,
    ) -> rusqlite::Result<()> {
        while let Some(claim) = self.claimed.front() {
            // The claim was made in another transaction: a process that has stood still since may have lost it.
            if claim.is_mine(connection, me)? {
                match remove(connection, claim.stretch, is_late)? {
                    Some(removed) => self.report.flow_runs += removed,
                    None => return Ok(()),
                }
            }
            self.claimed.pop_front();
        }
        while self.done < self.roots.len() {
            let mut stretches = self.next_stretches(connection)?;
            while let Some(stretch) = stretches.front() {
                match remove(connection, *stretch, is_late)? {
                    Some(removed) => self.report.flow_runs += removed,
                    None => {
                        self.claimed = claim(connection, me, &stretches)?;
                        return Ok(());
                    }
                }
                stretches.pop_front();
            }
            if is_late() {
                break;
            }
        }
        Ok(())
    }

    /// Returns the next runs, in the order in which they are removed: some that have no sub-flows, or one with those of its
    /// sub-flows.
    fn next_stretches(&mut self, connection: &Connection) -> rusqlite::Result<VecDeque<Stretch>> {
        let mut stretch: Option<Stretch> = None;
        while let Some(root) = self.roots.get(self.done).copied() {
            let family = free_family(connection, root, self.spares_cached)?;
            let is_next = stretch.is_some_and(|known| known.last + 1 == root && known.len() < TOGETHER);
            match (&family[..], &mut stretch) {
                ([], _) => {}
                ([only], None) => stretch = Some(Stretch { first: *only, last: *only }),
                ([only], Some(known)) if is_next => known.last = *only,
                (_, Some(_)) => break,
                (family, None) => {
                    self.done += 1;
                    return Ok(family.iter().map(|run| Stretch { first: *run, last: *run }).collect());
                }
            }
            self.done += 1;
        }
        Ok(stretch.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::super::removal::claim_one;
    use super::Pruning;
    use crate::store::contract::StorePlace;
    use crate::store::contract::script::*;
    use crate::store::sqlite::SqliteStore;
    use crate::store::sqlite::tests::OnDisk;
    use crate::store::{FlowRunFilter, History as _, Ownership as _, Retention};

    fn ended(store: &SqliteStore) -> Script {
        let mut run = Script::begin(store);
        run.completes(store, &FETCH, b"1");
        run.ends(store);
        run
    }

    /// Removes runs for as long as it is not late for `looks` times.
    fn remove_runs(store: &SqliteStore, pruning: &Pruning, looks: usize) -> Pruning {
        let begun = pruning.clone();
        store
            .ask(move |writer| {
                writer.with_owner(|connection, owner| {
                    let (mut pruning, mut looks) = (begun.clone(), 0..looks);
                    pruning.remove_runs(connection, owner.no, &mut || looks.next().is_none())?;
                    Ok(pruning)
                })
            })
            .unwrap()
    }

    #[test]
    fn a_claim_that_was_lost_while_its_process_stood_still_removes_nothing() {
        let place = OnDisk::new();
        let store = place.store.as_ref().unwrap();
        let run = ended(store);
        let claimed = store
            .ask(|writer| writer.with_owner(|connection, owner| claim_one(connection, owner.no, 1)))
            .unwrap();
        assert_eq!(claimed.len(), 1);
        place.is_seen_from_afar("elsewhere", false);
        let other = place.open();
        other.take_over(run.id()).unwrap();
        let pruning = Pruning { claimed, ..Pruning::of(Vec::new()) };
        assert_eq!(remove_runs(store, &pruning, 99).report.flow_runs, 0);
        assert_eq!(all_task_runs(&other, run.id()).len(), 1);
        assert_eq!(other.events(run.id(), 0, 99).unwrap().len(), 6);
    }

    #[test]
    fn a_run_that_is_too_long_for_one_transaction_is_claimed_until_it_is_gone() {
        let place = OnDisk::new();
        let store = place.store.as_ref().unwrap();
        let mut run = Script::begin(store);
        for _ in 0..450 {
            run.completes(store, &FETCH, b"1");
        }
        run.ends(store);
        let mut pruning = remove_runs(store, &Pruning::of(vec![1]), 0);
        let mut transactions = 1;
        while !pruning.claimed.is_empty() {
            let error = place.open().take_over(run.id()).unwrap_err();
            assert!(error.to_string().contains("is being run by"), "{error}");
            pruning = remove_runs(store, &pruning, 0);
            transactions += 1;
        }
        assert!(transactions > 3, "{transactions}");
        assert_eq!(pruning.report.flow_runs, 1);
        assert!(store.flow_run(run.id()).unwrap().is_none());
        assert_eq!(store.events(run.id(), 0, 9).unwrap(), []);
    }

    #[test]
    fn pruning_gives_the_room_back_and_leaves_a_whole_file() {
        let place = OnDisk::new();
        let store = place.store.as_ref().unwrap();
        for _ in 0..20 {
            let mut run = Script::begin(store);
            run.completes(store, &FETCH, &vec![7; 100 << 10]);
            run.ends(store);
        }
        let before = std::fs::metadata(store.path()).unwrap().len() + store.wal_bytes();
        let report = store.prune(Retention { newest: Some(1), ..Retention::default() }).unwrap();
        assert_eq!(report.flow_runs, 19);
        assert!(report.bytes > 19 * (100 << 10), "{report:?}");
        let after = std::fs::metadata(store.path()).unwrap().len() + store.wal_bytes();
        assert!(after < before / 4, "{before} → {after}");
        store.check().unwrap();
        let mut place = place;
        // Closing writes the digest of the pages, and opening verifies it.
        place.crash();
        assert_eq!(place.store().flow_runs(&FlowRunFilter::default(), None, 9).unwrap().runs.len(), 1);
    }
}

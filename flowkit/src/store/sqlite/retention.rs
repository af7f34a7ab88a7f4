//! Old runs that are removed without anyone asking, if the options of the store say so: a little at a time, after a run has
//! ended. How runs are removed is in `history/prune.rs`.

use std::time::{Duration, Instant};

use super::clock;
use super::history::prune::Pruning;
use super::writer::Writer;

/// How soon the database is searched for old runs again.
const SEARCH_EVERY: Duration = Duration::from_secs(60);
/// How long closing removes runs. What is left waits for the end of the next run.
const CLOSING_MAX: Duration = Duration::from_millis(200);

/// What is due.
#[derive(Debug, Default)]
pub(super) struct RetentionUpkeep {
    has_ended: bool,
    searched: Option<Instant>,
    pruning: Option<Pruning>,
}

impl RetentionUpkeep {
    pub(super) fn a_run_has_ended(&mut self) {
        self.has_ended = true;
    }

    /// Whether runs are being removed.
    pub(super) fn is_due(&self) -> bool {
        self.pruning.is_some()
    }
}

impl Writer {
    /// Removes runs for a few milliseconds, if there are any to remove.
    pub(super) fn prune_a_little(&mut self) {
        let was_searched = self.retention.searched.is_some_and(|at| at.elapsed() < SEARCH_EVERY);
        if self.retention.pruning.is_some() || !was_searched {
            self.prune_on();
        }
    }

    /// Removes runs for a moment: a program may live only as long as one run.
    pub(super) fn prune_before_closing(&mut self) {
        let until = clock::now() + CLOSING_MAX;
        while self.prune_on() && clock::now() < until {}
    }

    /// Searches for old runs if a run has ended since the last search, and removes some; returns whether there may be more.
    fn prune_on(&mut self) -> bool {
        // During an outage, other things are more urgent.
        if self.settings.retention.spares_all() || self.shared.is_degraded() {
            return false;
        }
        if self.retention.pruning.is_none() && std::mem::take(&mut self.retention.has_ended) {
            self.retention.searched = Some(clock::now());
            let found = self.begin_pruning(self.settings.retention);
            self.retention.pruning = found.ok().filter(Pruning::has_runs);
        }
        let Some(mut pruning) = self.retention.pruning.take() else { return false };
        match self.proceed_with_pruning(&mut pruning) {
            Ok(()) if pruning.is_done() => {
                let report = pruning.report();
                tracing::debug!(runs = report.flow_runs, bytes = report.bytes, "removed old runs");
                false
            }
            Ok(()) => {
                self.retention.pruning = Some(pruning);
                true
            }
            Err(error) => {
                tracing::debug!(%error, "old runs could not be removed");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::tests::OnDisk;
    use super::super::{SqliteStore, Synchronous};
    use crate::model::TaskRunId;
    use crate::store::contract::StorePlace;
    use crate::store::contract::script::*;
    use crate::store::{FlowRunFilter, History as _, Ownership as _, Retention, RunLog as _};

    fn left(store: &SqliteStore) -> usize {
        store.flow_runs(&FlowRunFilter::default(), None, 99).unwrap().runs.len()
    }

    fn opened(place: &OnDisk, retention: Retention) -> SqliteStore {
        let options = SqliteStore::options().synchronous(Synchronous::Normal).retention(retention);
        options.open(place.path()).unwrap()
    }

    #[test]
    fn old_runs_are_removed_when_a_run_has_ended_and_only_if_that_is_configured() {
        let place = OnDisk::new();
        let plain = place.store.as_ref().unwrap();
        // Years old, by its clock.
        for _ in 0..20 {
            Script::begin(plain).ends(plain);
        }
        let mut suspended = Script::begin(plain);
        suspended.happens(plain, TaskRunId::FLOW, started(1));
        acknowledged(|ack| plain.suspend(suspended.owned, Some(ack))).unwrap();
        assert_eq!(left(plain), 21);

        let aged = Retention { younger_than: Some(Duration::from_secs(86_400)), ..Retention::default() };
        drop(opened(&place, aged));
        assert_eq!(left(plain), 21, "no run has ended");
        let store = opened(&place, Retention { newest: Some(5), ..aged });
        let birth = Birth { created_at: Some(crate::clock::wall()), ..Birth::default() };
        Script::born(&store, &ETL, birth).ends(&store);
        drop(store);
        // The newest are the one that has just ended, the suspended one, and three of the old ones.
        assert_eq!(left(plain), 5);
        assert!(plain.flow_run(suspended.id()).unwrap().is_some());
        plain.flush().unwrap();
        plain.check().unwrap();
    }
}

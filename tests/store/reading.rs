//! Looking back at the runs on a [`Shelf`]: every query scans everything.

use std::collections::{BTreeMap, HashSet};

use flowkit::State;
use flowkit::model::{
    Digest, FlowRunId, Lineage, StoredArtifact, StoredEvent, StoredFlowRun, StoredLog, StoredMetric, TaskRun,
    TaskRunId, WallTime,
};
use flowkit::store::rows::{self, LOG_LINES_MAX};
use flowkit::store::{
    FlowRunFilter, FlowRunPage, History, LogFilter, PruneReport, Retention, StoreError, StoredCacheEntry,
    TaskRunFilter,
};

use crate::run::Run;
use crate::shelf::{Contents, Shelf, now};

impl Contents {
    fn counted(&self, run: &Run) -> StoredFlowRun {
        let mut row = run.row.clone();
        row.failures = rows::failures(row.id, |id| self.run(id).map(|run| (&run.row, &run.task_runs)));
        row
    }

    /// Returns the runs to remove.
    fn expired(&self, retention: Retention) -> HashSet<FlowRunId> {
        if retention.spares_all() {
            return HashSet::new();
        }
        let newest = retention.newest.unwrap_or(0) as usize;
        let now = now();
        let is_old = |ended_at: Option<WallTime>| {
            let spared = retention.younger_than;
            spared.is_none_or(|spared| ended_at.is_some_and(|ended_at| now.since(ended_at) > spared))
        };
        let roots = self.runs.iter().rev().filter(|run| run.row.parent.is_none()).skip(newest);
        let families = roots.filter(|run| is_old(run.row.ended_at)).map(|run| self.family(run.row.id));
        let ended = families.filter(|family| family.iter().all(|run| run.row.state.is_terminal()));
        let is_offered = |run: &&Run| {
            self.cache.iter().any(|(_, value, _)| {
                let is_fresh = value.ttl.is_none_or(|ttl| now.since(value.stored_at) < ttl);
                value.from.0 == run.row.id && is_fresh
            })
        };
        let removed = ended.filter(|family| !retention.cached || !family.iter().any(is_offered));
        removed.flatten().map(|run| run.row.id).collect()
    }
}

impl Shelf {
    /// Reads one run; the default if there is no such run.
    fn read<R: Default>(&self, id: FlowRunId, read: impl FnOnce(&Run) -> R) -> Result<R, StoreError> {
        Ok(self.contents().run(id).map_or_else(R::default, read))
    }
}

/// Returns the page of those rows that fit.
fn page<T: Clone>(rows: &[T], limit: usize, fits: impl Fn(&T) -> bool) -> Vec<T> {
    rows.iter().filter(|row| fits(row)).take(limit).cloned().collect()
}

impl History for Shelf {
    fn flow_runs(
        &self,
        filter: &FlowRunFilter,
        before: Option<FlowRunId>,
        limit: usize,
    ) -> Result<FlowRunPage, StoreError> {
        let contents = self.contents();
        let position = |id| contents.runs.iter().position(|run| run.row.id == id);
        let end = before.and_then(position).unwrap_or(contents.runs.len());
        let counted = contents.runs[..end].iter().rev().map(|run| contents.counted(run));
        let mut runs: Vec<_> =
            counted.filter(|row| filter.matches(row)).take(limit.saturating_add(1)).collect();
        let is_last = runs.len() <= limit;
        runs.truncate(limit);
        let next = runs.last().map(|row| row.id).filter(|_| !is_last);
        Ok(FlowRunPage { runs, next })
    }

    fn flow_run(&self, id: FlowRunId) -> Result<Option<StoredFlowRun>, StoreError> {
        let contents = self.contents();
        Ok(contents.run(id).map(|run| contents.counted(run)))
    }

    fn find(&self, prefix: &str, limit: usize) -> Result<Vec<FlowRunId>, StoreError> {
        let prefix = prefix.to_ascii_lowercase();
        let forms = |id: FlowRunId| [id.short(), id.to_string(), id.to_string().replace('-', "")];
        let contents = self.contents();
        let newest_first = contents.runs.iter().rev().map(|run| run.row.id);
        let found = newest_first.filter(|id| forms(*id).iter().any(|form| form.starts_with(&prefix)));
        Ok(found.take(limit).collect())
    }

    fn task_runs(
        &self,
        run: FlowRunId,
        filter: &TaskRunFilter,
        after: TaskRunId,
        limit: usize,
    ) -> Result<Vec<TaskRun>, StoreError> {
        let fits = |row: &&TaskRun| row.id > after && filter.matches(row);
        self.read(run, |run| run.task_runs.values().filter(fits).take(limit).cloned().collect())
    }

    fn counts(&self, run: FlowRunId) -> Result<Vec<(State, u64)>, StoreError> {
        self.read(run, |run| {
            let mut counts = BTreeMap::<u8, (State, u64)>::new();
            for row in run.task_runs.values() {
                counts.entry(row.state as u8).or_insert((row.state, 0)).1 += 1;
            }
            counts.into_values().collect()
        })
    }

    fn events(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(run, |run| page(&run.events, limit, |row| row.sequence > since))
    }

    fn logs(
        &self,
        run: FlowRunId,
        filter: &LogFilter,
        since: u64,
        limit: usize,
    ) -> Result<Vec<StoredLog>, StoreError> {
        self.read(run, |run| page(&run.logs, limit, |row| row.sequence > since && filter.matches(row)))
    }

    fn dropped_logs(&self, run: FlowRunId) -> Result<Vec<(TaskRunId, u64)>, StoreError> {
        self.read(run, |run| {
            let dropped = run.logged.iter().map(|(id, logged)| (*id, logged.saturating_sub(LOG_LINES_MAX)));
            dropped.filter(|(_, dropped)| *dropped > 0).collect()
        })
    }

    fn artifacts(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredArtifact>, StoreError> {
        self.read(run, |run| {
            let rows = run.artifacts.iter().map(|(row, _)| row).filter(|row| row.sequence > since);
            rows.take(limit).cloned().collect()
        })
    }

    fn artifact(&self, run: FlowRunId, sequence: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.read(run, |run| {
            let found = run.artifacts.iter().find(|(row, _)| row.sequence == sequence);
            found.map(|(_, content)| content.clone())
        })
    }

    fn metrics(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredMetric>, StoreError> {
        self.read(run, |run| page(&run.metrics, limit, |row| row.sequence > since))
    }

    fn lineage(&self, file: Digest) -> Result<Lineage, StoreError> {
        let mut lineage = Lineage::default();
        for run in &self.contents().runs {
            let made = run.artifacts.iter().filter(|(row, _)| row.describes == Some(file));
            lineage.made_by.extend(made.map(|(row, _)| (run.row.id, row.task_run)));
            let used = run.used.iter().filter(|(_, used)| *used == file);
            lineage.used_by.extend(used.map(|(task_run, _)| (run.row.id, *task_run)));
        }
        for task_runs in [&mut lineage.made_by, &mut lineage.used_by] {
            task_runs.sort_unstable();
            task_runs.dedup();
        }
        Ok(lineage)
    }

    fn cache_entries(
        &self,
        run: FlowRunId,
        task_run: TaskRunId,
        limit: usize,
    ) -> Result<Vec<StoredCacheEntry>, StoreError> {
        let contents = self.contents();
        let newest_first = contents.cache.iter().rev().map(|(.., entry)| entry);
        let mut entries: Vec<_> = newest_first.skip_while(|entry| entry.from != (run, task_run)).collect();
        if let Some(own) = entries.first().copied() {
            entries.retain(|entry| entry.parts.task == own.parts.task);
            // Stable, so that the newest stay first.
            entries[1..].sort_by_key(|entry| (!entry.parts.has_inputs_of(&own.parts), entry.from.0 == run));
        }
        Ok(entries.into_iter().take(limit).cloned().collect())
    }

    fn prune(&self, retention: Retention) -> Result<PruneReport, StoreError> {
        let mut contents = self.contents();
        let expired = contents.expired(retention);
        contents.runs.retain(|run| !expired.contains(&run.row.id));
        contents.cache.retain(|(.., value, _)| !expired.contains(&value.from.0));
        contents.keys.retain(|_, (id, _)| !expired.contains(id));
        let mut report = PruneReport::default();
        report.flow_runs = expired.len() as u64;
        Ok(report)
    }
}

//! Looking back at runs in memory: every query scans everything that may match.

use std::collections::{BTreeMap, HashSet};

use super::run::MemoryRun;
use super::{Cached, Contents, MemoryStore, now};
use crate::model::{
    Digest, FlowRunId, Lineage, State, StoredArtifact, StoredEvent, StoredFlowRun, StoredLog, StoredMetric,
    TaskRun, TaskRunId, WallTime,
};
use crate::policy::cache::is_fresh;
use crate::store::prefix::Prefix;
use crate::store::rows::{self, LOG_LINES_MAX};
use crate::store::{
    FlowRunFilter, FlowRunPage, History, LogFilter, PruneReport, Retention, StoreError, StoredCacheEntry,
    TaskRunFilter,
};

const EPOCH: WallTime = WallTime::from_micros(0);

impl History for MemoryStore {
    fn flow_runs(
        &self,
        filter: &FlowRunFilter,
        before: Option<FlowRunId>,
        limit: usize,
    ) -> Result<FlowRunPage, StoreError> {
        let contents = self.contents.lock();
        let before = before.and_then(|before| Some(contents.runs.get(&before)?.no));
        let older =
            contents.newest_first().into_iter().filter(|run| before.is_none_or(|before| run.no < before));
        let mut found = older.filter(|run| contents.fits(run, filter));
        let runs: Vec<StoredFlowRun> = found.by_ref().take(limit).map(|run| contents.counted(run)).collect();
        let next = runs.last().map(|row| row.id).filter(|_| found.next().is_some());
        Ok(FlowRunPage { runs, next })
    }

    fn flow_run(&self, id: FlowRunId) -> Result<Option<StoredFlowRun>, StoreError> {
        let contents = self.contents.lock();
        Ok(contents.runs.get(&id).map(|run| contents.counted(run)))
    }

    fn find(&self, prefix: &str, limit: usize) -> Result<Vec<FlowRunId>, StoreError> {
        let prefix = Prefix::of(prefix);
        let contents = self.contents.lock();
        let newest_first = contents.newest_first().into_iter().map(|run| run.row.id);
        Ok(newest_first.filter(|id| prefix.begins(*id)).take(limit).collect())
    }

    fn task_runs(
        &self,
        run: FlowRunId,
        filter: &TaskRunFilter,
        after: TaskRunId,
        limit: usize,
    ) -> Result<Vec<TaskRun>, StoreError> {
        let fits = |row: &&TaskRun| row.id > after && filter.matches(row);
        Ok(self.read(run, |run| run.task_runs.values().filter(fits).take(limit).cloned().collect()))
    }

    fn counts(&self, run: FlowRunId) -> Result<Vec<(State, u64)>, StoreError> {
        Ok(self.read(run, |run| {
            let mut counts = BTreeMap::<u8, (State, u64)>::new();
            for row in run.task_runs.values() {
                counts.entry(row.state as u8).or_insert((row.state, 0)).1 += 1;
            }
            counts.into_values().collect()
        }))
    }

    fn events(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let later = |event: &&StoredEvent| event.sequence > since;
        Ok(self.read(run, |run| run.events.iter().filter(later).take(limit).cloned().collect()))
    }

    fn logs(
        &self,
        run: FlowRunId,
        filter: &LogFilter,
        since: u64,
        limit: usize,
    ) -> Result<Vec<StoredLog>, StoreError> {
        let fits = |line: &&StoredLog| line.sequence > since && filter.matches(line);
        Ok(self.read(run, |run| run.logs.iter().filter(fits).take(limit).cloned().collect()))
    }

    fn dropped_logs(&self, run: FlowRunId) -> Result<Vec<(TaskRunId, u64)>, StoreError> {
        Ok(self.read(run, |run| {
            let dropped = run.logged.iter().map(|(id, logged)| (*id, logged.saturating_sub(LOG_LINES_MAX)));
            dropped.filter(|(_, dropped)| *dropped > 0).collect()
        }))
    }

    fn artifacts(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredArtifact>, StoreError> {
        let later = |row: &&StoredArtifact| row.sequence > since;
        Ok(self.read(run, |run| run.facts.artifacts().filter(later).take(limit).cloned().collect()))
    }

    fn artifact(&self, run: FlowRunId, sequence: u64) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.read(run, |run| run.facts.content(sequence).map(<[u8]>::to_vec)))
    }

    fn metrics(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredMetric>, StoreError> {
        let later = |row: &&StoredMetric| row.sequence > since;
        Ok(self.read(run, |run| run.facts.metrics().iter().filter(later).take(limit).cloned().collect()))
    }

    fn lineage(&self, file: Digest) -> Result<Lineage, StoreError> {
        let contents = self.contents.lock();
        let mut lineage = Lineage::default();
        for run in contents.newest_first().into_iter().rev() {
            let id = &run.row.id;
            lineage.made_by.extend(run.facts.makers(file).into_iter().map(|task_run| (*id, task_run)));
            lineage.used_by.extend(run.facts.users(file).into_iter().map(|task_run| (*id, task_run)));
        }
        Ok(lineage)
    }

    fn cache_entries(
        &self,
        run: FlowRunId,
        task_run: TaskRunId,
        limit: usize,
    ) -> Result<Vec<StoredCacheEntry>, StoreError> {
        let contents = self.contents.lock();
        let Some(own) = contents.cache.values().find(|cached| cached.from == (run, task_run)) else {
            return Ok(Vec::new());
        };
        let of_the_task = contents.cache.values().filter(|cached| cached.parts.task == own.parts.task);
        let mut entries: Vec<_> = of_the_task.filter(|cached| cached.no <= own.no).collect();
        entries.sort_unstable_by_key(|cached| {
            let is_other = cached.no != own.no;
            let has_other_inputs = !cached.parts.has_inputs_of(&own.parts);
            (is_other, has_other_inputs, cached.from.0 == run, std::cmp::Reverse(cached.no))
        });
        let entries = entries.into_iter().map(|cached| StoredCacheEntry {
            parts: cached.parts.clone(),
            stored_at: cached.value.stored_at,
            from: cached.from,
        });
        Ok(entries.take(limit).collect())
    }

    fn prune(&self, retention: Retention) -> Result<PruneReport, StoreError> {
        Ok(PruneReport { flow_runs: self.contents.lock().prune(retention, now()), ..PruneReport::default() })
    }
}

impl MemoryStore {
    /// Reads one run; the default if there is no such run.
    fn read<R: Default>(&self, id: FlowRunId, read: impl FnOnce(&MemoryRun) -> R) -> R {
        self.contents.lock().runs.get(&id).map_or_else(R::default, read)
    }
}

impl Contents {
    fn prune(&mut self, retention: Retention, now: WallTime) -> u64 {
        if retention.spares_all() {
            return 0;
        }
        let is_offered = |id: &FlowRunId| {
            let mut own = self.cache.values().filter(|cached| cached.from.0 == *id);
            own.any(|Cached { value, .. }| {
                is_fresh(value.stored_at.since(EPOCH), value.ttl, now.since(EPOCH))
            })
        };
        let ended_before = retention
            .younger_than
            .map(|age| age.as_micros())
            .map(|age| now.as_micros().saturating_sub(i64::try_from(age).unwrap_or(i64::MAX)));
        let newest = usize::try_from(retention.newest.unwrap_or(0)).unwrap_or(usize::MAX);
        let newest_first = self.newest_first().into_iter();
        let roots = newest_first.filter(|run| run.row.parent.is_none()).skip(newest);
        let old = roots.filter(|run| {
            let ended_at = run.row.ended_at.map(WallTime::as_micros);
            ended_before.is_none_or(|before| ended_at.is_some_and(|ended_at| ended_at < before))
        });
        let families = old.map(|run| self.family(run.row.id));
        let ended = families.filter(|ids| ids.iter().all(|id| self.runs[id].row.state.is_terminal()));
        let removed = ended.filter(|ids| !retention.cached || !ids.iter().any(is_offered));
        let gone: HashSet<FlowRunId> = removed.flatten().collect();
        for id in &gone {
            self.runs.remove(id);
        }
        self.cache.retain(|_, cached| !gone.contains(&cached.from.0));
        self.keys.retain(|_, run| !gone.contains(run));
        gone.len() as u64
    }

    /// Returns a run and all runs of sub-flows below it.
    pub(super) fn family(&self, root: FlowRunId) -> Vec<FlowRunId> {
        let mut family = vec![root];
        let mut next = 0;
        while let Some(&parent) = family.get(next) {
            let children =
                self.runs.values().filter(|run| run.row.parent.is_some_and(|(id, _)| id == parent));
            family.extend(children.map(|run| run.row.id));
            next += 1;
        }
        family
    }
}

impl Contents {
    /// Returns the row of a run, with how many task runs failed.
    fn counted(&self, run: &MemoryRun) -> StoredFlowRun {
        StoredFlowRun { failures: self.failures(run), ..run.row.clone() }
    }

    fn failures(&self, run: &MemoryRun) -> u64 {
        rows::failures(run.row.id, |id| self.runs.get(&id).map(|run| (&run.row, &run.task_runs)))
    }

    fn fits(&self, run: &MemoryRun, filter: &FlowRunFilter) -> bool {
        if filter.failures.is_none() { filter.matches(&run.row) } else { filter.matches(&self.counted(run)) }
    }
}

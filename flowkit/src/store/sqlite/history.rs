//! Looking back: persisted runs as plain rows.

mod choose;
mod lines;
pub(super) mod prune;
mod removal;
#[cfg(test)]
mod tests;

use rusqlite::params;
use rusqlite::types::Value;

use self::choose::Query;
use super::events::{self, EventRow};
use super::readers::ContentRow;
use super::{SqliteStore, cache_entries, codes, facts, interned, stored};
use crate::model::{
    Digest, FlowRunId, Lineage, State, StoredArtifact, StoredEvent, StoredFlowRun, StoredLog, StoredMetric,
    TaskRun, TaskRunId,
};
use crate::store::prefix::Prefix;
use crate::store::{
    FlowRunFilter, FlowRunPage, History, LogFilter, PruneReport, Retention, StoreError, StoredCacheEntry,
    TaskRunFilter,
};

impl History for SqliteStore {
    fn flow_runs(
        &self,
        filter: &FlowRunFilter,
        before: Option<FlowRunId>,
        limit: usize,
    ) -> Result<FlowRunPage, StoreError> {
        // One more than asked for tells whether there is a next page.
        let question = choose::flow_runs(filter, before, limit.saturating_add(1));
        let mut runs = self.readers.read_all(&question.sql, question.values(), stored::flow_run)?;
        let is_last = runs.len() <= limit;
        runs.truncate(limit);
        let next = runs.last().map(|run| run.id).filter(|_| !is_last);
        Ok(FlowRunPage { runs, next })
    }

    fn flow_run(&self, id: FlowRunId) -> Result<Option<StoredFlowRun>, StoreError> {
        let sql = format!("{} WHERE f.id = ?1", stored::FLOW_RUN);
        self.readers.read_one(&sql, [id.as_uuid().as_bytes()], stored::flow_run)
    }

    fn find(&self, prefix: &str, limit: usize) -> Result<Vec<FlowRunId>, StoreError> {
        let prefix = Prefix::of(prefix);
        let (first, last) = prefix.ids.map(|(first, last)| (first.as_uuid(), last.as_uuid())).unzip();
        self.readers.read_all(
            // Short ids have letters and digits only, and `~` comes after all of them.
            "SELECT id FROM flow_runs WHERE id BETWEEN ?1 AND ?2 OR (short >= ?3 AND short < ?3 || '~')
             ORDER BY no DESC LIMIT ?4",
            params![
                first.map(uuid::Uuid::into_bytes),
                last.map(uuid::Uuid::into_bytes),
                prefix.short,
                signed(limit)
            ],
            |row| Ok(codes::flow_run(row.get(0)?)),
        )
    }

    fn task_runs(
        &self,
        run: FlowRunId,
        filter: &TaskRunFilter,
        after: TaskRunId,
        limit: usize,
    ) -> Result<Vec<TaskRun>, StoreError> {
        let mut question = Query::new(stored::TASK_RUN);
        question.and("f.id = ?", [id_value(run)]);
        question.and("r.id > ?", [codes::number(after).into()]);
        question.any_of("r.state", filter.states.iter().map(|state| codes::state_code(*state).into()));
        question.any_of("t.name", filter.tasks.iter().map(|task| text_value(task)));
        if let Some(name) = &filter.called {
            // As `TaskRun::label`.
            question.and(
                "(t.name = ? OR r.name = ? OR (r.name IS NULL AND t.name || '[' || r.position || ']' = ?))",
                std::iter::repeat_n(text_value(name), 3),
            );
        }
        question.end(" ORDER BY r.id LIMIT ?", [signed(limit).into()]);
        self.readers.read_all(&question.sql, question.values(), stored::task_run)
    }

    fn counts(&self, run: FlowRunId) -> Result<Vec<(State, u64)>, StoreError> {
        self.readers.read_all(
            "SELECT r.state, count(*) FROM task_runs r JOIN flow_runs f ON f.no = r.run WHERE f.id = ?1
             GROUP BY r.state ORDER BY r.state",
            [run.as_uuid().as_bytes()],
            |row| Ok((codes::state(row.get(0)?)?, row.get::<_, i64>(1)?.cast_unsigned())),
        )
    }

    fn events(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        let until = since.saturating_add(limit as u64);
        let rows = self.readers.read_all(
            // The key has the first number only; it bounds the last one, so that a page does not read those before it.
            "SELECT e.first_seq, e.body, e.checksum FROM events e JOIN flow_runs f ON f.no = e.run
             WHERE f.id = ?1 AND e.last_seq > ?2 AND e.first_seq BETWEEN ?2 - ?4 AND ?3 ORDER BY e.first_seq",
            params![run.as_uuid().as_bytes(), clamped(since), clamped(until), events::PER_ROW],
            |row| Ok(EventRow { first_seq: row.get(0)?, body: row.get(1)?, checksum: row.get(2)? }),
        )?;
        let mut found = Vec::new();
        for row in &rows {
            found.extend(events::unpack(run, row)?);
        }
        found.retain(|event| since < event.sequence && event.sequence <= until);
        Ok(found)
    }

    fn logs(
        &self,
        run: FlowRunId,
        filter: &LogFilter,
        since: u64,
        limit: usize,
    ) -> Result<Vec<StoredLog>, StoreError> {
        self.readers.read(|connection| lines::read(connection, run, filter, since, limit))
    }

    fn dropped_logs(&self, run: FlowRunId) -> Result<Vec<(TaskRunId, u64)>, StoreError> {
        self.readers.read_all(
            "SELECT d.task_run, d.dropped FROM dropped_logs d JOIN flow_runs f ON f.no = d.run WHERE f.id = ?1
             ORDER BY d.task_run",
            [run.as_uuid().as_bytes()],
            |row| Ok((codes::task_run(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned())),
        )
    }

    fn artifacts(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredArtifact>, StoreError> {
        self.readers.read_all(
            facts::ARTIFACTS,
            params![run.as_uuid().as_bytes(), clamped(since), signed(limit)],
            facts::artifact,
        )
    }

    fn artifact(&self, run: FlowRunId, sequence: u64) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.readers.read_one(
            facts::CONTENT,
            params![run.as_uuid().as_bytes(), clamped(sequence)],
            ContentRow::artifact,
        )?;
        row.map(|row| row.read("an artifact", &self.values)).transpose()
    }

    fn metrics(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredMetric>, StoreError> {
        self.readers.read_all(
            facts::METRICS,
            params![run.as_uuid().as_bytes(), clamped(since), signed(limit)],
            facts::metric,
        )
    }

    fn lineage(&self, file: Digest) -> Result<Lineage, StoreError> {
        let who = |sql| self.readers.read_all(sql, [file.as_bytes()], facts::who);
        Ok(Lineage { made_by: who(facts::MADE_BY)?, used_by: who(facts::USED_BY)? })
    }

    fn cache_entries(
        &self,
        run: FlowRunId,
        task_run: TaskRunId,
        limit: usize,
    ) -> Result<Vec<StoredCacheEntry>, StoreError> {
        self.readers.read(|connection| cache_entries::with_earlier(connection, run, task_run, limit))
    }

    fn last_source(&self, path: &str) -> Result<Option<u64>, StoreError> {
        let sources = self.readers.read_all(interned::LAST_SOURCE, [path], |row| row.get::<_, i64>(0))?;
        Ok(sources.first().map(|source| source.cast_unsigned()))
    }

    fn prune(&self, retention: Retention) -> Result<PruneReport, StoreError> {
        prune::prune(self, retention)
    }
}

fn id_value(id: FlowRunId) -> Value {
    id.as_uuid().as_bytes().to_vec().into()
}

/// Text as it is stored.
fn text_value(text: &str) -> Value {
    codes::text(text).into_owned().into()
}

fn signed(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn clamped(sequence: u64) -> i64 {
    i64::try_from(sequence).unwrap_or(i64::MAX)
}

//! Looking back: what was kept, as plain rows.

use rusqlite::types::Value;
use rusqlite::{ToSql, params};

use super::events::{self, EventRow};
use super::{SqliteStore, codes, failure, stored};
use crate::model::{FlowRunId, State, StoredEvent, StoredFlowRun, StoredLog, StoredTaskRun, TaskRunId, WallTime};
use crate::store::{FlowRunFilter, FlowRunPage, History, Keep, LogFilter, Removed, StoreError, TaskRunFilter};

impl History for SqliteStore {
    fn flow_runs(
        &self,
        _filter: &FlowRunFilter,
        _before: Option<FlowRunId>,
        _limit: usize,
    ) -> Result<FlowRunPage, StoreError> {
        Err(self.not_there_yet())
    }

    fn flow_run(&self, id: FlowRunId) -> Result<Option<StoredFlowRun>, StoreError> {
        let sql = format!("{} WHERE f.id = ?1", stored::FLOW_RUN);
        self.readers.read_one(&sql, [id.as_uuid().as_bytes()], stored::flow_run)
    }

    fn find(&self, prefix: &str, limit: usize) -> Result<Vec<FlowRunId>, StoreError> {
        let prefix = prefix.to_lowercase();
        let Some((first, last)) = id_range(&prefix) else {
            return self.find_short(&prefix, limit);
        };
        self.readers.read_all(
            "SELECT id FROM flow_runs WHERE id BETWEEN ?1 AND ?2 OR (short >= ?3 AND short < ?3 || '~')
             ORDER BY no DESC LIMIT ?4",
            params![first, last, prefix, signed(limit)],
            |row| Ok(codes::flow_run(row.get(0)?)),
        )
    }

    fn task_runs(
        &self,
        run: FlowRunId,
        filter: &TaskRunFilter,
        after: TaskRunId,
        limit: usize,
    ) -> Result<Vec<StoredTaskRun>, StoreError> {
        let mut sql = format!("{} WHERE f.id = ? AND r.id > ?", stored::TASK_RUN);
        let mut values: Vec<Value> =
            vec![run.as_uuid().as_bytes().to_vec().into(), codes::number(after).into()];
        let states = filter.states.iter().map(|state| codes::state_code(*state).into());
        any_of(&mut sql, &mut values, "r.state", states);
        any_of(&mut sql, &mut values, "t.name", filter.tasks.iter().map(|task| task.clone().into()));
        sql.push_str(" ORDER BY r.id LIMIT ?");
        values.push(signed(limit).into());
        let values = rusqlite::params_from_iter(values.iter().map(|value| value as &dyn ToSql));
        self.readers.read_all(&sql, values, stored::task_run)
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
        let rows = self.readers.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT e.first_seq, e.body, e.checksum FROM events e JOIN flow_runs f ON f.no = e.run
                 WHERE f.id = ?1 AND e.last_seq > ?2 ORDER BY e.first_seq",
            )?;
            let mut rows = statement.query(params![run.as_uuid().as_bytes(), since.cast_signed()])?;
            let mut found = Vec::new();
            // A row holds several events, so as many rows as the limit are more than enough; one that is not used is
            // not read.
            let mut last = since.cast_signed();
            while let Some(row) = rows.next()? {
                let event_row = EventRow { first_seq: row.get(0)?, body: row.get(1)?, checksum: row.get(2)? };
                last = last.max(event_row.first_seq);
                found.push(event_row);
                if last.abs_diff(since.cast_signed()) > limit as u64 {
                    break;
                }
            }
            Ok(found)
        })?;
        let mut found = Vec::new();
        for row in &rows {
            found.extend(events::unpack(run, row)?.into_iter().filter(|event| event.sequence > since));
        }
        found.truncate(limit);
        Ok(found)
    }

    fn logs(
        &self,
        run: FlowRunId,
        filter: &LogFilter,
        since: u64,
        limit: usize,
    ) -> Result<Vec<StoredLog>, StoreError> {
        let mut sql = String::from(
            "SELECT l.seq, l.task_run, l.at, l.level, l.target, l.message FROM logs l JOIN flow_runs f ON f.no = l.run
             WHERE f.id = ? AND l.seq > ?",
        );
        let mut values: Vec<Value> = vec![run.as_uuid().as_bytes().to_vec().into(), since.cast_signed().into()];
        any_of(&mut sql, &mut values, "l.task_run", filter.task_run.into_iter().map(|id| codes::number(id).into()));
        if let Some(level) = filter.level {
            sql.push_str(" AND l.level >= ?");
            values.push(codes::level_code(level).into());
        }
        if let Some(text) = &filter.text {
            sql.push_str(" AND instr(lower(l.message), lower(?)) > 0");
            values.push(text.clone().into());
        }
        sql.push_str(" ORDER BY l.seq LIMIT ?");
        values.push(signed(limit).into());
        let values = rusqlite::params_from_iter(values.iter().map(|value| value as &dyn ToSql));
        self.readers.read_all(&sql, values, |row| {
            Ok(StoredLog {
                sequence: row.get::<_, i64>(0)?.cast_unsigned(),
                task_run: codes::task_run(row.get(1)?),
                at: WallTime::from_micros(row.get(2)?),
                level: codes::level(row.get(3)?)?,
                target: row.get(4)?,
                message: row.get(5)?,
            })
        })
    }

    fn dropped_logs(&self, run: FlowRunId) -> Result<Vec<(TaskRunId, u64)>, StoreError> {
        self.readers.read_all(
            "SELECT d.task_run, d.dropped FROM dropped_logs d JOIN flow_runs f ON f.no = d.run WHERE f.id = ?1
             ORDER BY d.task_run",
            [run.as_uuid().as_bytes()],
            |row| Ok((codes::task_run(row.get(0)?), row.get::<_, i64>(1)?.cast_unsigned())),
        )
    }

    fn forget(&self, _keep: Keep) -> Result<Removed, StoreError> {
        Err(self.not_there_yet())
    }
}

impl SqliteStore {
    fn find_short(&self, prefix: &str, limit: usize) -> Result<Vec<FlowRunId>, StoreError> {
        self.readers.read_all(
            "SELECT id FROM flow_runs WHERE short >= ?1 AND short < ?1 || '~' ORDER BY no DESC LIMIT ?2",
            params![prefix, signed(limit)],
            |row| Ok(codes::flow_run(row.get(0)?)),
        )
    }

    fn not_there_yet(&self) -> StoreError {
        failure::write(self.path(), std::io::Error::other("the SQLite store cannot do this yet"))
    }
}

/// Returns the first and the last id that begin so; `None` if none can.
fn id_range(prefix: &str) -> Option<([u8; 16], [u8; 16])> {
    let digits: String = prefix.chars().filter(|letter| *letter != '-').collect();
    let bound = |filling: char| {
        let padded: String = digits.chars().chain(std::iter::repeat(filling)).take(32).collect();
        u128::from_str_radix(&padded, 16).ok().map(u128::to_be_bytes)
    };
    let is_hexadecimal = digits.len() <= 32 && digits.chars().all(|digit| digit.is_ascii_hexdigit());
    is_hexadecimal.then(|| bound('0').zip(bound('f'))).flatten()
}

/// Adds the condition that `column` is one of `alternatives`, if there are any.
fn any_of(sql: &mut String, values: &mut Vec<Value>, column: &str, alternatives: impl Iterator<Item = Value>) {
    let before = values.len();
    values.extend(alternatives);
    let count = values.len() - before;
    if count > 0 {
        let marks = vec!["?"; count].join(", ");
        sql.push_str(&format!(" AND {column} IN ({marks})"));
    }
}

fn signed(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

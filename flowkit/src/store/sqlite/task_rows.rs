//! Writes rows of task runs: the whole row once, when the run is new, and later only what events change.

use rusqlite::{CachedStatement, Connection, Statement, params};

use super::batch::RowSlot;
use super::write::{Tools, error};
use super::{codes, failure, rare};
use crate::failpoint;
use crate::model::WallTime;

/// Parameters 1 to 17 are those of [`UPDATE`].
const INSERT: &str = "
    INSERT INTO task_runs (run, id, name, edges, state, attempt, started_at, attempt_started_at, ended_at, begun_no,
        ended_no, error, flow_run, rare, version, made_from, parent, task, location, key, nth, seal, position, created_at)
    VALUES (?1, ?2, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)
    ON CONFLICT DO NOTHING";

/// The columns that an event may change; `?3` is the first state in which it may not.
const UPDATE: &str = "
    UPDATE task_runs SET name = ?4, edges = ?5, state = ?6, attempt = ?7, started_at = ?8, attempt_started_at = ?9,
        ended_at = ?10, begun_no = ?11, ended_no = ?12, error = ?13, flow_run = ?14, rare = ?15,
        version = coalesce(?16, version), made_from = CASE WHEN ?16 IS NULL THEN made_from ELSE ?17 END
    WHERE run = ?1 AND id = ?2 AND state < ?3";

/// The columns that another process with other code may have written.
const MOVE: &str = "UPDATE task_runs SET task = ?3, location = ?4 WHERE run = ?1 AND id = ?2";

/// The rows of one run. Statements are looked up once, not for each of thousands of rows.
pub(super) struct TaskRows<'c> {
    run: i64,
    created_at: WallTime,
    insert: CachedStatement<'c>,
    update: CachedStatement<'c>,
}

impl<'c> TaskRows<'c> {
    pub(super) fn of(connection: &'c Connection, run: i64, created_at: WallTime) -> rusqlite::Result<Self> {
        let (insert, update) = (connection.prepare_cached(INSERT)?, connection.prepare_cached(UPDATE)?);
        Ok(Self { run, created_at, insert, update })
    }

    /// Writes a task run; `false` if it has ended before.
    pub(super) fn write(
        &mut self,
        connection: &Connection,
        tools: &mut Tools<'_>,
        slot: &RowSlot,
    ) -> rusqlite::Result<bool> {
        failpoint::hit("before-submit-row").map_err(failure::as_sqlite)?;
        let is_inserted = slot.created && self.insert(connection, tools, slot)?;
        let is_written = is_inserted || self.update(slot)?;
        if slot.reopened && is_written {
            let task = tools.interned.task(connection, slot.task_run.declaration())?;
            let location = tools.interned.location(connection, slot.task_run.location())?;
            let id = codes::number(slot.task_run.id());
            connection.prepare_cached(MOVE)?.execute(params![self.run, id, task, location])?;
        }
        failpoint::hit("after-submit-row").map_err(failure::as_sqlite)?;
        Ok(is_written)
    }

    fn insert(
        &mut self,
        connection: &Connection,
        tools: &mut Tools<'_>,
        slot: &RowSlot,
    ) -> rusqlite::Result<bool> {
        let task_run = &slot.task_run;
        bind(&mut self.insert, self.run, slot, self.created_at)?;
        self.insert.raw_bind_parameter(18, codes::number(task_run.parent()))?;
        self.insert.raw_bind_parameter(19, tools.interned.task(connection, task_run.declaration())?)?;
        self.insert.raw_bind_parameter(20, tools.interned.location(connection, task_run.location())?)?;
        self.insert.raw_bind_parameter(21, slot.call.as_ref().map(|call| call.key.as_bytes()))?;
        self.insert.raw_bind_parameter(22, slot.call.map(|call| call.nth))?;
        let seal = slot.call.as_ref().and_then(|call| call.seal.as_ref());
        self.insert.raw_bind_parameter(23, seal.map(|seal| seal.as_bytes()))?;
        self.insert.raw_bind_parameter(24, task_run.index())?;
        self.insert.raw_bind_parameter(25, self.created_at.plus(task_run.created_at()).as_micros())?;
        Ok(self.insert.raw_execute()? > 0)
    }

    fn update(&mut self, slot: &RowSlot) -> rusqlite::Result<bool> {
        bind(&mut self.update, self.run, slot, self.created_at)?;
        Ok(self.update.raw_execute()? > 0)
    }
}

/// Binds the parameters of both statements.
fn bind(
    statement: &mut Statement<'_>,
    run: i64,
    slot: &RowSlot,
    created_at: WallTime,
) -> rusqlite::Result<()> {
    let task_run = &slot.task_run;
    let at = |time: Option<_>| time.map(|at| created_at.plus(at).as_micros());
    let before = if slot.reopened { i64::MAX } else { codes::FIRST_TERMINAL };
    statement.raw_bind_parameter(1, run)?;
    statement.raw_bind_parameter(2, codes::number(task_run.id()))?;
    statement.raw_bind_parameter(3, before)?;
    statement.raw_bind_parameter(4, task_run.extras().name.as_deref().map(codes::text))?;
    statement.raw_bind_parameter(5, codes::edges(task_run.edges()))?;
    statement.raw_bind_parameter(6, codes::state_code(task_run.state()))?;
    statement.raw_bind_parameter(7, task_run.attempt_count())?;
    statement.raw_bind_parameter(8, at(task_run.started_at()))?;
    // For a first attempt, the same time again.
    let attempt =
        task_run.attempt_started_at().filter(|_| task_run.attempt_started_at() != task_run.started_at());
    statement.raw_bind_parameter(9, at(attempt))?;
    statement.raw_bind_parameter(10, at(task_run.ended_at()))?;
    statement.raw_bind_parameter(11, codes::order_no(task_run.begun_no()))?;
    statement.raw_bind_parameter(12, codes::order_no(task_run.ended_no()))?;
    statement.raw_bind_parameter(13, error(task_run)?)?;
    statement
        .raw_bind_parameter(14, task_run.extras().flow_run.as_ref().map(|id| id.as_uuid().into_bytes()))?;
    statement.raw_bind_parameter(15, rare::column(task_run)?)?;
    let provenance = slot.provenance.as_ref();
    statement.raw_bind_parameter(16, provenance.map(|provenance| *provenance.version.as_bytes()))?;
    let made_from = provenance.and_then(|provenance| provenance.made_from);
    statement.raw_bind_parameter(17, made_from.map(|made_from| *made_from.as_bytes()))
}

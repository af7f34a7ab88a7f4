//! Runs in a SQLite file: the only place that knows SQL.
//!
//! ```text
//! record, begin, log ──► queue ──► writer: batch ──► one transaction ──► acknowledged
//!                                    └► values (files)      └► owners fence it: (run, epoch)
//! result, cached, history ◄── readers
//! ```
//!
//! A run is owned by an open store, which holds a lock for as long as it lives. A process that finds that lock free
//! marks the store's runs as crashed and may take them over, with a larger epoch; entries with an older epoch are
//! refused.

mod asking;
mod batch;
mod begin;
mod cache_entries;
mod clock;
mod codes;
mod connection;
mod drafts;
mod events;
mod facts;
mod failure;
mod files;
pub(crate) mod folder;
mod history;
mod interned;
mod leases;
mod logs;
mod options;
mod outage;
mod owner;
mod ownership;
mod pages;
mod preflight;
mod program;
mod queue;
mod rare;
mod readers;
mod reap;
mod retention;
mod schema;
mod seal_key;
mod shared;
mod stop_reason;
mod stored;
#[cfg(unix)]
#[path = "system/unix.rs"]
mod system;
#[cfg(windows)]
#[path = "system/windows.rs"]
mod system;
mod task_rows;
mod transaction;
mod upkeep;
mod values;
mod write;
mod writer;

#[cfg(test)]
mod tests;

pub use connection::Synchronous;
pub use options::SqliteOptions;
pub use shared::SqliteStats;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::params;

use self::queue::{CommitGuard, WriteJob};
use self::readers::{ContentRow, Readers};
use self::shared::Shared;
use self::values::Values;
use super::{
    CachedValue, CommitAck, Entry, Fact, History, LeaseAnswer, LogEntry, Lost, NewFlowRun, OwnedRun,
    Ownership, Recovered, Reserved, ResultCache, RunLog, StoreError, TaskRunFilter,
};
use crate::model::{FlowRunId, SealKey, TaskRunId, WallTime};
use crate::policy::cache::CacheKey;
use crate::policy::resume::RedoRequest;
use crate::value::canonical::Sealing;

/// Persists runs in a SQLite file. Several processes may open the same one.
///
/// Beside the file are `<database>.values`, with large results, and `<database>.owners`, with the locks of the stores
/// that have it open. Dropping the store writes what is queued and releases its locks.
pub struct SqliteStore {
    shared: Arc<Shared>,
    readers: Readers,
    values: Values,
    /// The key that seals secrets, or the file from which it is missing.
    seal_key: Result<SealKey, PathBuf>,
    thread: Option<JoinHandle<()>>,
}

impl SqliteStore {
    /// Opens the database at `path`, and creates it if there is none.
    ///
    /// # Errors
    ///
    /// As [`SqliteOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::options().open(path)
    }

    /// Returns the defaults, to be changed before [`open`](SqliteOptions::open).
    pub fn options() -> SqliteOptions {
        SqliteOptions::default()
    }

    /// Returns where the database lies.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Creates a new key for the secrets of calls, if the one in `<database>.key` is gone. Calls with secrets then run
    /// again, and one that may run at most once and has begun is refused.
    ///
    /// Returns whether it was gone. Stores that have the database open read the new key when they are opened again.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn new_seal_key(&self) -> Result<bool, StoreError> {
        if self.seal_key.is_ok() {
            return Ok(false);
        }
        self.ask(|writer| writer.renew_seal_key().map(|()| true))
    }

    /// Marks the runs of processes that have died, and returns them. Opening does so too.
    ///
    /// # Errors
    ///
    /// If it cannot be written.
    pub fn reap(&self) -> Result<Vec<FlowRunId>, StoreError> {
        self.ask(|writer| Ok(writer.reap()?.into_iter().flat_map(|dead| dead.runs).collect()))
    }

    /// The same for a reader: does nothing while another process is writing.
    pub(crate) fn reap_if_free(&self) -> Result<(), StoreError> {
        self.ask(|writer| writer.reap_if_free())
    }

    /// Checks the whole file for damage, including rows and indexes that contradict each other.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] with what was found.
    pub fn check(&self) -> Result<(), StoreError> {
        self.ask(|writer| writer.look_for_damage())
    }

    /// Whether the last attempt to write failed. The next one that succeeds ends this state.
    pub fn is_degraded(&self) -> bool {
        self.shared.is_degraded()
    }

    /// Returns the length of the write-ahead log, in bytes. Beyond 64 MB, some reader keeps it from being truncated.
    pub fn wal_bytes(&self) -> u64 {
        self.shared.log_bytes()
    }

    /// Returns counts of what the store has done so far.
    pub fn stats(&self) -> SqliteStats {
        self.shared.stats()
    }
}

/// The greatest number of a begin or an end, in a run and in all runs of sub-flows below it.
const LAST_NO: &str = "
    WITH RECURSIVE family (no, id) AS (
        SELECT no, id FROM flow_runs WHERE id = ?1
        UNION ALL SELECT c.no, c.id FROM family CROSS JOIN flow_runs c ON c.parent = family.id
    )
    SELECT max(
        (SELECT coalesce(max(max(coalesce(begun_no, 0), coalesce(ended_no, 0))), 0)
            FROM flow_runs WHERE no IN (SELECT no FROM family)),
        (SELECT coalesce(max(max(coalesce(begun_no, 0), coalesce(ended_no, 0))), 0)
            FROM task_runs WHERE run IN (SELECT no FROM family))
    )";

impl RunLog for SqliteStore {
    fn begin(&self, run: NewFlowRun) {
        self.shared.queue.push(WriteJob::Begin(Box::new(run)));
    }

    fn record(&self, entry: Entry, ack: Option<CommitAck>) {
        self.shared.queue.push(WriteJob::Record(Box::new(entry), CommitGuard::new(ack)));
    }

    fn report(&self, fact: Fact) {
        self.shared.queue.push(WriteJob::Report(Box::new(fact)));
    }

    fn log(&self, line: LogEntry) {
        if self.shared.quotas.admit(&line) {
            self.shared.queue.make_room();
            self.shared.queue.push(WriteJob::Log(Box::new(line)));
        }
    }

    fn result(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.readers.read_one(
            "SELECT r.body, r.file FROM results r JOIN flow_runs f ON f.no = r.run
             WHERE f.id = ?1 AND r.task_run = ?2",
            params![run.as_uuid().as_bytes(), codes::number(task_run)],
            ContentRow::result,
        )?;
        row.map(|row| row.read("a result", &self.values)).transpose()
    }

    fn wait_for_room(&self) {
        self.shared.queue.make_room();
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.ask(|writer| writer.take_unpersisted().map_or(Ok(()), Err))
    }

    fn sealing(&self) -> Sealing<'_> {
        self.seal_key.as_ref().map_err(PathBuf::as_path)
    }

    fn on_loss(&self, listener: Box<dyn Fn(Lost) + Send + Sync>) {
        self.shared.losses.set(listener);
    }
}

impl Ownership for SqliteStore {
    fn take_over(&self, id: FlowRunId) -> Result<Recovered, StoreError> {
        let owned = self.ask(move |writer| writer.take_over(id))?;
        // This process owns it now, so no other one changes it while it is read.
        let run = self.flow_run(id)?.ok_or_else(|| StoreError::UnknownRun { id: id.to_string() })?;
        let task_runs = self.task_runs(id, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX)?;
        let last_no = self.readers.read_one(LAST_NO, [id.as_uuid().as_bytes()], |row| row.get(0))?.flatten();
        let last_no = codes::read_order_no(last_no);
        let times_up = self.readers.read_all(facts::TIMES_UP, [id.as_uuid().as_bytes()], facts::time_up)?;
        Ok(Recovered { owned, run, task_runs, last_no, times_up })
    }

    fn suspend(&self, run: OwnedRun, ack: Option<CommitAck>) {
        self.shared.queue.push(WriteJob::Suspend(run, CommitGuard::new(ack)));
    }

    fn may_be_fenced(&self) -> bool {
        self.shared.may_be_fenced()
    }

    fn request_redo(&self, run: OwnedRun, request: &RedoRequest) -> Result<(), StoreError> {
        let request = request.clone();
        self.ask(move |writer| {
            writer
                .with_owner(|connection, owner| ownership::request_redo(connection, owner, run, &request))?
        })
    }

    fn redo_request(&self, id: FlowRunId) -> Result<Option<RedoRequest>, StoreError> {
        let sql = "SELECT redo_request FROM flow_runs WHERE id = ?1 AND redo_request IS NOT NULL";
        self.readers
            .read_one(sql, [id.as_uuid().as_bytes()], |row| codes::read_json(&row.get::<_, String>(0)?))
    }

    fn sub_flow_runs(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Vec<FlowRunId>, StoreError> {
        self.readers.read_all(
            "SELECT id FROM flow_runs WHERE parent = ?1 AND parent_task_run = ?2 ORDER BY no DESC",
            params![run.as_uuid().as_bytes(), codes::number(task_run)],
            |row| Ok(codes::flow_run(row.get(0)?)),
        )
    }

    fn reserve(&self, key: &str, id: FlowRunId) -> Result<Reserved, StoreError> {
        let key = codes::text(key).into_owned();
        self.ask(move |writer| {
            writer.with_owner(|connection, owner| ownership::reserve(connection, owner, &key, id))
        })
    }

    fn unreserve(&self, key: &str, id: FlowRunId) {
        let key = codes::text(key).into_owned();
        self.shared.queue.push(WriteJob::Ask(Box::new(move |writer| {
            let given_back = writer.with_owner(|connection, _| ownership::give_back(connection, &key, id));
            if let Err(error) = given_back {
                tracing::warn!(%error, "an idempotency key stays reserved until this process ends");
            }
        })));
    }

    fn request_cancel(&self, id: FlowRunId) -> Result<bool, StoreError> {
        self.ask(move |writer| {
            let requested =
                writer.with_owner(|connection, owner| ownership::request_cancel(connection, owner, id))?;
            writer.listen();
            Ok(requested)
        })
    }

    fn on_cancel_request(&self, listener: Box<dyn Fn(FlowRunId) + Send + Sync>) {
        self.shared.cancel_requests.set(listener);
    }
}

impl ResultCache for SqliteStore {
    fn cached(&self, key: CacheKey) -> Result<Option<CachedValue>, StoreError> {
        let found = self.readers.read_one(
            "SELECT r.body, r.file, c.stored_at, c.ttl, f.id, c.task_run
             FROM cache c JOIN results r ON r.run = c.run AND r.task_run = c.task_run JOIN flow_runs f ON f.no = c.run
             WHERE c.key = ?1",
            [key.digest().as_bytes()],
            |row| {
                let ttl: Option<i64> = row.get(3)?;
                let value = CachedValue {
                    envelope: Vec::new(),
                    stored_at: WallTime::from_micros(row.get(2)?),
                    ttl: ttl.map(|ttl| Duration::from_micros(ttl.unsigned_abs())),
                    from: (codes::flow_run(row.get(4)?), codes::task_run(row.get(5)?)),
                };
                Ok((ContentRow::result(row)?, value))
            },
        )?;
        let Some((row, value)) = found else { return Ok(None) };
        match row.read("a result", &self.values) {
            Ok(envelope) => Ok(Some(CachedValue { envelope, ..value })),
            // A damaged entry is a miss: the task runs, and its result replaces this one.
            Err(error) => {
                tracing::warn!(%key, %error, "a cached result is left out");
                Ok(None)
            }
        }
    }

    fn lease(&self, key: CacheKey, answer: LeaseAnswer) {
        self.ask_for_lease(key, answer);
    }

    fn release(&self, key: CacheKey) {
        self.shared.queue.push(WriteJob::Release(key));
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.shared.queue.close();
        if let Some(thread) = self.thread.take() {
            // It catches its own panics.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

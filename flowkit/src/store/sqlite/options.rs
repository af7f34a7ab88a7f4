//! Opening: every check before the first write, then the row of the owner, then the runs of dead owners. A store that
//! only looks back becomes an owner when there is something to write.

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use super::owner::Owner;
use super::readers::Readers;
use super::reap::Dead;
use super::shared::Shared;
use super::values::Values;
use super::writer::Writer;
use super::{
    SqliteStore, Synchronous, connection, drafts, failure, folder, pages, preflight, reap, schema, seal_key,
};
use crate::store::{Retention, StoreError};

/// How a [`SqliteStore`] works; [`SqliteStore::options`] gives the defaults.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing is opened before `open`"]
pub struct SqliteOptions {
    pub(super) settings: StoreSettings,
}

#[derive(Clone, Debug)]
pub(super) struct StoreSettings {
    pub(super) synchronous: Synchronous,
    pub(super) retry_for: Duration,
    /// How long the first attempt waits for the lock of another process.
    pub(super) busy_wait: Duration,
    pub(super) inline_max: usize,
    pub(super) gather: Duration,
    /// Whether the store only looks back: it writes only on request, and waits for no writer.
    pub(super) looks_back: bool,
    /// Whether the digest of the program is computed as soon as a run begins, however short the process may live.
    pub(super) reads_program_at_once: bool,
    /// Which runs are spared when others are removed after the end of a run.
    pub(super) retention: Retention,
}

impl Default for StoreSettings {
    fn default() -> Self {
        Self {
            synchronous: Synchronous::Full,
            retry_for: Duration::from_secs(60),
            busy_wait: connection::BUSY_WAIT,
            inline_max: 256 << 10,
            gather: Duration::from_millis(5),
            looks_back: false,
            reads_program_at_once: false,
            retention: Retention::default(),
        }
    }
}

impl SqliteOptions {
    /// Sets whether a commit waits for the disk; by default [`Synchronous::Full`].
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.settings.synchronous = synchronous;
        self
    }

    /// Sets for how long a failed write is retried: another process has locked the database, the disk is full or has an
    /// error. By default 60 s.
    ///
    /// Meanwhile nothing is lost: the queue stays in memory, up to about 64 MB, and then the tasks wait. When the time
    /// is over, the runs with something in the queue are given up: each ends as failed with [`StoreError::GaveUp`],
    /// which tells what is missing, and is suspended in the database, so that it can be resumed from what is persisted.
    pub fn retry_for(mut self, retry_for: Duration) -> Self {
        self.settings.retry_for = retry_for;
        self
    }

    /// Sets up to which size, in bytes, a result is stored in the database itself; by default 256 KiB. Larger ones
    /// become files in `<database>.values`.
    pub fn inline_max(mut self, bytes: usize) -> Self {
        self.settings.inline_max = bytes;
        self
    }

    /// Removes old runs by itself: after a run has ended, in transactions of a few milliseconds, and for a moment when the store
    /// closes. By default nothing is removed.
    ///
    /// A run is removed only if every condition that is set lets it go. Never removed are runs that have not ended, which
    /// includes suspended and crashed ones, and runs with results that the cache still offers. A failed run can be resumed
    /// until it is removed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use flowkit::store::{Retention, SqliteStore};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let folder = std::env::temp_dir().join(format!("flowkit-retention-{}", std::process::id()));
    /// # std::fs::create_dir_all(&folder)?;
    /// let mut retention = Retention::default();
    /// retention.younger_than = Some(Duration::from_secs(90 * 24 * 60 * 60));
    /// let store = SqliteStore::options().retention(retention).open(folder.join("runs.db"))?;
    /// # drop(store);
    /// # std::fs::remove_dir_all(folder)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn retention(mut self, retention: Retention) -> Self {
        self.settings.retention = Retention { cached: true, ..retention };
        self
    }

    /// For programs that only look back: opening waits for no writer, not even for a process that is stuck in its
    /// commit. Runs of dead processes are marked if no other process is writing. Explicit writes are made, and wait for
    /// their turn.
    pub(crate) fn looking_back(mut self) -> Self {
        self.settings.looks_back = true;
        self
    }

    /// For command lines, which live as long as one run: its program is read while it runs.
    pub(crate) fn reading_program(mut self) -> Self {
        self.settings.reads_program_at_once = true;
        self
    }

    /// Opens the database at `path`, and creates it if there is none.
    ///
    /// Runs whose process has died are marked as crashed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Open`] with the reason and what to do. An existing file stays as it is.
    pub fn open(self, path: impl AsRef<Path>) -> Result<SqliteStore, StoreError> {
        let path = path.as_ref();
        let path = std::path::absolute(path).map_err(|error| failure::open_io(path, "find it", error))?;
        let connection = self.prepare(&path)?;
        self.start(path, connection)
    }

    /// Makes all checks; afterwards the file is one of flowkit, whole and up to date.
    fn prepare(&self, path: &Path) -> Result<Connection, StoreError> {
        preflight::sqlite_version(path, rusqlite::version_number())?;
        preflight::warn_of_file_system(path);
        folder::check_all(path)?;
        if !preflight::is_taken(path).map_err(|error| failure::open_io(path, "look at it", error))? {
            schema::create(path)?;
        }
        preflight::inspect(path)?;
        let mut connection = connection::to_write(path, self.settings.synchronous)?;
        schema::bring_up_to_date(path, &mut connection)?;
        Ok(connection)
    }

    fn start(self, path: PathBuf, mut connection: Connection) -> Result<SqliteStore, StoreError> {
        let mut owner = Owner::of(&path);
        let values = Values::of(&path);
        let shared = Arc::new(Shared::new(path.clone()));
        let synchronous = self.settings.synchronous;
        let mut newcomer = Newcomer {
            path: &path,
            connection: &mut connection,
            synchronous,
            owner: &mut owner,
            values: &values,
        };
        let entered = if self.settings.looks_back {
            newcomer.enter_if_needed()
        } else {
            let locked = newcomer.owner.take_lock();
            locked.map_err(|error| failure::open_io(&path, "take a lock beside it", error))?;
            newcomer.enter()
        };
        let dead = entered.inspect_err(|_| owner.remove_lock())?;
        let seal_key = seal_key::find(&path, &connection)
            .map_err(|error| failure::open_io(&path, "read its key", error))
            .inspect_err(|_| owner.remove_lock())?
            .ok_or_else(|| seal_key::file(&path));
        let writer = Writer::new(Arc::clone(&shared), owner, values.clone(), self.settings, connection);
        writer.forget_dead(&dead);
        let thread = spawn(writer).map_err(|error| failure::open_io(&path, "start a thread", error))?;
        Ok(SqliteStore { readers: Readers::new(path), values, shared, seal_key, thread: Some(thread) })
    }
}

/// A store that is about to open the database.
struct Newcomer<'a> {
    path: &'a Path,
    connection: &'a mut Connection,
    synchronous: Synchronous,
    owner: &'a mut Owner,
    values: &'a Values,
}

impl Newcomer<'_> {
    /// Becomes an owner only if there are dead owners and no other process is writing: they can be reaped another time.
    fn enter_if_needed(&mut self) -> Result<Vec<Dead>, StoreError> {
        let path = self.path;
        let refused = |error| failure::open_sqlite(path, error);
        if !reap::finds_dead(self.connection, self.owner).map_err(refused)? {
            return Ok(Vec::new());
        }
        self.connection.busy_timeout(Duration::ZERO).map_err(refused)?;
        let entered = self.enter();
        self.connection.busy_timeout(connection::BUSY_WAIT).map_err(refused)?;
        match entered {
            Err(error) if failure::is_busy(&error) => {
                self.owner.remove_lock();
                Ok(Vec::new())
            }
            entered => entered,
        }
    }

    /// Makes the store an owner, and reaps dead ones, in one transaction that does not wait for the disk. Who is alive
    /// matters only until the next power cut, and the first commit that waits makes this one durable, too.
    fn enter(&mut self) -> Result<Vec<Dead>, StoreError> {
        let Self { path, connection, synchronous, owner, values } = self;
        let refused = |error| failure::open_sqlite(path, error);
        connection::unawaited(path, connection, *synchronous, |connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(refused)?;
            owner.stamp(&transaction, 0).map_err(refused)?;
            let dead = reap::reap(&transaction, owner).map_err(refused)?;
            // The last store to close in order leaves a digest of the pages; after a death the file has to be checked.
            // For a long file that takes time, so it is checked after a power cut only, which may really damage it. If
            // this finds damage, the dead owners stay in the table, and the next store checks as well.
            let is_short = pages::length(&transaction).map_err(refused)? <= pages::LOOKED_THROUGH_MAX;
            let lost_power = |dead: &Dead| owner.locks().may_have_lost_power(&dead.owner, &owner.identity);
            if (is_short && !dead.is_empty()) || dead.iter().any(lost_power) {
                look_for_damage(path, &transaction, "quick_check")?;
            }
            values.sweep(&transaction).map_err(refused)?;
            drafts::sweep(path, owner.locks(), &transaction).map_err(refused)?;
            transaction.commit().map_err(refused)?;
            Ok(dead)
        })
    }
}

fn bury_at_once(connection: &mut Connection, owner: &mut Owner, number: i64) -> rusqlite::Result<Vec<Dead>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    owner.stamp(&transaction, number)?;
    let dead = reap::reap(&transaction, owner)?;
    transaction.commit()?;
    Ok(dead)
}

fn look_for_damage(path: &Path, connection: &Connection, check: &str) -> Result<(), StoreError> {
    let found: String = connection
        .query_row(&format!("PRAGMA {check}(1)"), [], |row| row.get(0))
        .map_err(|error| failure::open_sqlite(path, error))?;
    if found == "ok" { Ok(()) } else { Err(failure::damaged(path, &found)) }
}

fn spawn(writer: Writer) -> std::io::Result<std::thread::JoinHandle<()>> {
    let shared = Arc::clone(&writer.shared);
    std::thread::Builder::new().name("flowkit-store".to_owned()).spawn(move || {
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| writer.run()));
        if ended.is_err() {
            tracing::error!("bug in flowkit: the writing thread of the store panicked; nothing more is kept");
        }
        // Answers present and later waiters.
        shared.queue.abandon();
    })
}

impl Writer {
    /// Marks the runs of dead owners.
    pub(super) fn reap(&mut self) -> Result<Vec<Dead>, StoreError> {
        let dead = self.with_owner(reap::reap)?;
        self.forget_dead(&dead);
        Ok(dead)
    }

    /// The same, unless another process is writing: it can be done later.
    pub(super) fn reap_if_free(&mut self) -> Result<(), StoreError> {
        let path = self.shared.path.clone();
        let refused = |error| failure::read(&path, error);
        let Some(connection) = &mut self.connection else { return Ok(()) };
        if !reap::finds_dead(connection, &self.owner).map_err(refused)? {
            return Ok(());
        }
        connection.busy_timeout(Duration::ZERO).map_err(refused)?;
        let reaped = bury_at_once(connection, &mut self.owner, self.transaction);
        connection.busy_timeout(connection::BUSY_WAIT).map_err(refused)?;
        match reaped.map_err(refused) {
            Ok(dead) => self.forget_dead(&dead),
            Err(error) if failure::is_busy(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Removes the lock files of owners that are no longer in the table.
    pub(super) fn forget_dead(&self, dead: &[Dead]) {
        for Dead { owner, runs } in dead {
            self.owner.locks().remove(owner.identity.uuid);
            if !runs.is_empty() {
                tracing::warn!(owner = %owner.identity.name(), runs = runs.len(), "found runs whose process died");
            }
        }
    }

    /// Creates a new key for secrets.
    pub(super) fn renew_seal_key(&self) -> Result<(), StoreError> {
        let Some(connection) = &self.connection else { return Ok(()) };
        let renewed = seal_key::renew(&self.shared.path, connection);
        renewed.map(drop).map_err(|error| failure::open_io(&self.shared.path, "make its key", error))
    }

    /// Checks the whole file.
    pub(super) fn look_for_damage(&self) -> Result<(), StoreError> {
        let Some(connection) = &self.connection else { return Ok(()) };
        look_for_damage(&self.shared.path, connection, "integrity_check")
    }
}

//! Connections, set up for durability. Each setting is read back, since SQLite silently ignores what it does not
//! accept.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::failure;
use crate::store::StoreError;

/// What a commit waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Synchronous {
    /// For the disk: what was acknowledged survives a power cut.
    #[default]
    Full,
    /// For nothing: commits survive the end of the process, but a power cut may lose the last of them. It never damages
    /// the file.
    Normal,
}

impl Synchronous {
    pub(super) const fn code(self) -> i64 {
        match self {
            Self::Full => 2,
            Self::Normal => 1,
        }
    }
}

/// How long a statement waits for another process. Transactions of flowkit last for 50 ms at most; those of other
/// programs may not.
pub(super) const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Pages after which a commit moves the log into the database: 4 MB, SQLite's own choice.
const CHECKPOINT_PAGES: i64 = 1000;
/// The length to which SQLite truncates the log when it restarts it, in bytes.
const LOG_BYTES_MAX: i64 = 16 << 20;
/// How many statements stay prepared: there are about 60.
const STATEMENTS: usize = 96;

/// Opens the one connection that writes.
pub(super) fn to_write(path: &Path, synchronous: Synchronous) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(|error| failure::open_sqlite(path, error))?;
    set_up_to_write(&connection, synchronous).map_err(|error| failure::open_sqlite(path, error))?;
    read_back(path, &connection, synchronous)?;
    Ok(connection)
}

/// Sets what commits wait for.
pub(super) fn set_synchronous(connection: &Connection, synchronous: Synchronous) -> rusqlite::Result<()> {
    connection.pragma_update(None, "synchronous", synchronous.code())?;
    match connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0))? {
        found if found == synchronous.code() => Ok(()),
        found => Err(failure::as_sqlite(std::io::Error::other(format!(
            "SQLite holds `synchronous` at {found} instead of {}",
            synchronous.code()
        )))),
    }
}

/// Lets `body` commit without waiting for the disk. Until the next commit that waits, a power cut may lose it.
pub(super) fn unawaited<R>(
    path: &Path,
    connection: &mut Connection,
    synchronous: Synchronous,
    body: impl FnOnce(&mut Connection) -> Result<R, StoreError>,
) -> Result<R, StoreError> {
    let wait = |connection: &Connection, synchronous: Synchronous| {
        connection
            .pragma_update(None, "synchronous", synchronous.code())
            .map_err(|error| failure::open_sqlite(path, error))
    };
    wait(connection, Synchronous::Normal)?;
    let answer = body(connection);
    wait(connection, synchronous)?;
    read_back(path, connection, synchronous)?;
    answer
}

/// Opens a connection that only reads.
pub(super) fn to_read(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    guard(&connection)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

fn guard(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    // A stray write of the program would go straight into a mapped file.
    connection.pragma_update(None, "mmap_size", 0)
}

fn set_up_to_write(connection: &Connection, synchronous: Synchronous) -> rusqlite::Result<()> {
    guard(connection)?;
    // Answers with the mode that holds, so it is a query.
    connection.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", synchronous.code())?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_MAX)
}

fn read_back(path: &Path, connection: &Connection, synchronous: Synchronous) -> Result<(), StoreError> {
    let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let mode = connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0));
    let mode = mode.map_err(|error| failure::open_sqlite(path, error))?;
    if mode != "wal" {
        return Err(failure::open(
            path,
            format!(
                "its file system cannot share memory (journal mode `{mode}` instead of `wal`); use a local disk"
            ),
        ));
    }
    for (name, wanted) in [("synchronous", synchronous.code()), ("foreign_keys", 1), ("trusted_schema", 0)] {
        let found = number(name).map_err(|error| failure::open_sqlite(path, error))?;
        if found != wanted {
            return Err(failure::open(path, format!("SQLite holds `{name}` at {found} instead of {wanted}")));
        }
    }
    Ok(())
}

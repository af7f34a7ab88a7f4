//! The format of the file: created atomically, and migrated in one transaction after a backup.
//!
//! Why not `rusqlite_migration`: running the scripts is the least of it. It does not look at the application id, makes no
//! backup, and leaves no place for what else belongs into the same transaction.

use std::fs;
use std::io;
use std::path::Path;

use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use super::drafts::Draft;
use super::{connection, failure, files, pages, seal_key};
use crate::failpoint;
use crate::model::SealKey;
use crate::store::StoreError;

/// `FLOW` in ASCII: no other program's database has it.
pub(super) const APPLICATION_ID: u32 = 0x464c_4f57;

/// Formats up to this one were never released. Until the release, a change of `0001.sql` in place takes the next
/// number, so that a database of the earlier format is refused.
const UNRELEASED: usize = 3;

/// The scripts that lead from each format to the next, the first one from an empty file.
const MIGRATIONS: &[&str] = &[include_str!("schema/0001.sql")];

/// Creates a new database. A process that dies on the way leaves nothing at `path`; of two processes, the second opens
/// that of the first.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    let refused = |error| failure::open_io(path, "make it", error);
    // First the key: every existing database has one.
    let key = seal_key::make(path).map_err(|error| failure::open_io(path, "make its key", error))?;
    let draft = Draft::begin(path, "new").map_err(refused)?;
    write_new(path, &draft.path, &key)?;
    failpoint::reach("mid-migration");
    publish(&draft.path, path).and_then(|()| files::sync_folder(files::folder_of(path))).map_err(refused)
}

fn write_new(path: &Path, draft: &Path, key: &SealKey) -> Result<(), StoreError> {
    let file = files::private_file(draft).map_err(|error| failure::open_io(path, "make it", error))?;
    let write = || -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(draft, flags)?;
        // No other process knows this file before it is finished: it is synced once, below.
        connection.pragma_update(None, "synchronous", "off")?;
        connection.query_row("PRAGMA journal_mode = memory", [], |_| Ok(()))?;
        // Only an empty file takes it: pruning returns pages to the file system in pieces.
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
        migrate(&mut connection, 0, MIGRATIONS)?;
        seal_key::note(&connection, key)?;
        connection.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)
    };
    write().map_err(|error| failure::open_sqlite(path, error))?;
    file.sync_all().map_err(|error| failure::open_io(path, "make it", error))
}

/// Gives a finished file its name, unless another process was faster.
pub(super) fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Some file systems have no hard links.
        Err(_) if !path.exists() => fs::rename(draft, path),
        other => other,
    }
}

/// Checks the format of an open database, and migrates an older one.
pub(super) fn bring_up_to_date(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    bring_up_to(path, connection, MIGRATIONS)
}

/// The same for any list of migrations, so that a test can add one.
pub(super) fn bring_up_to(
    path: &Path,
    connection: &mut Connection,
    migrations: &[&str],
) -> Result<(), StoreError> {
    let number = |connection: &Connection, name: &str| {
        connection
            .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
            .map_err(|error| failure::open_sqlite(path, error))
    };
    let application = number(connection, "application_id")?;
    if application != i64::from(APPLICATION_ID) {
        return Err(failure::open(path, failure::OTHER_PROGRAM));
    }
    let found = number(connection, "user_version")?;
    let newest = UNRELEASED + migrations.len();
    match usize::try_from(found) {
        Ok(version) if version == newest => pages::verify(path, connection),
        Ok(unreleased @ 1..=UNRELEASED) => Err(failure::open(
            path,
            format!(
                "its format is {unreleased}, which was never released; read it with the flowkit that made it, and begin anew in \
                 another file"
            ),
        )),
        Ok(older) if (UNRELEASED + 1..newest).contains(&older) => {
            pages::verify(path, connection)?;
            back_up(path, connection, older)?;
            migrate(connection, older, migrations).map_err(|error| failure::open_sqlite(path, error))
        }
        _ => Err(failure::open(
            path,
            format!("its format is {found}, and this flowkit knows formats up to {newest}; update flowkit"),
        )),
    }
}

/// Copies the database to `<path>.backup-v<version>`. An existing backup is older, so it stays.
fn back_up(path: &Path, connection: &Connection, version: usize) -> Result<(), StoreError> {
    let backup = files::beside(path, &format!("backup-v{version}"));
    let failed = |error| failure::open_io(path, "make a backup", error);
    if backup.exists() {
        // Its maker may have died before its name was durable.
        return files::sync_folder(files::folder_of(path)).map_err(failed);
    }
    let draft = Draft::begin(path, "backup").map_err(failed)?;
    // SQLite writes into an existing empty file, which so stays private.
    let file = files::private_file(&draft.path).map_err(failed)?;
    connection
        .execute("VACUUM INTO ?1", [draft.path.to_string_lossy()])
        .map_err(|error| failure::open_sqlite(path, error))?;
    let persisted = file.sync_all().and_then(|()| fs::rename(&draft.path, &backup));
    persisted.and_then(|()| files::sync_folder(files::folder_of(path))).map_err(failed)
}

fn migrate(connection: &mut Connection, from: usize, migrations: &[&str]) -> rusqlite::Result<()> {
    connection.busy_timeout(connection::BUSY_WAIT)?;
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    // Another process may have done it while this one waited for the lock.
    let now: i64 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if usize::try_from(now) == Ok(from) {
        let breaks = || failpoint::hit("mid-migration").map_err(failure::as_sqlite);
        for script in &migrations[from.saturating_sub(UNRELEASED)..] {
            breaks()?;
            transaction.execute_batch(script)?;
        }
        // The digest no longer matches.
        transaction.execute("UPDATE page_digest SET digest = NULL", [])?;
        breaks()?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        breaks()?;
        transaction.pragma_update(None, "user_version", (UNRELEASED + migrations.len()) as i64)?;
        breaks()?;
    }
    transaction.commit()
}

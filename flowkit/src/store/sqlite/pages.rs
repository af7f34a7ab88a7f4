//! A digest of all pages of a database. The last store to close writes it, the first one to open voids it (by a trigger
//! on `owners`), and a process that opens a database with a digest verifies that the pages are the same.
//!
//! SQLite finds damage in the structure of a file, not in the content of rows and indexes: a flipped bit there silently
//! gives another answer. The digest finds damage anywhere, including a truncated file.
//!
//! No protection against attackers, who can compute a digest as well. There is none while a store is open or after a
//! death: then `quick_check` checks the structure, and results, events and files have checksums of their own.

use std::fs;
use std::path::Path;

use rusqlite::{Connection, MAIN_DB, OptionalExtension};

use super::{failure, files};
use crate::store::StoreError;

/// Databases up to this length have a digest, and are checked after a death: either reads all of it, which takes about
/// 1.5 ms of processor time a megabyte, and a transaction of flowkit may last for 50 ms.
pub(super) const LOOKED_THROUGH_MAX: u64 = 32 << 20;

/// Counters in the first page that SQLite increments at the very end of a transaction.
const COUNTERS: [std::ops::Range<usize>; 2] = [24..28, 92..100];

/// Writes the digest of a database that no store has open any more. The last step of a transaction: any later write
/// would void the digest.
pub(super) fn set(connection: &Connection) -> rusqlite::Result<()> {
    let is_left = !connection.prepare("SELECT 1 FROM owners")?.exists([])?;
    if is_left && length(connection)? <= LOOKED_THROUGH_MAX {
        let digest = digest(connection)?;
        connection.execute(
            "UPDATE page_digest SET digest = ?1, schema_version = (SELECT schema_version FROM pragma_schema_version)",
            [digest.as_bytes()],
        )?;
    }
    Ok(())
}

/// Verifies that a database is as the last store left it, as far as that is known.
pub(super) fn verify(path: &Path, connection: &mut Connection) -> Result<(), StoreError> {
    let refused = |error| failure::open_sqlite(path, error);
    // One snapshot, although other processes may write meanwhile.
    let snapshot = connection.transaction().map_err(refused)?;
    // `VACUUM` rewrites all pages, and increments the version of the schema.
    let persisted: Option<Option<Vec<u8>>> = snapshot
        .query_row(
            "SELECT CASE WHEN page_digest.schema_version = now.schema_version THEN digest END
             FROM page_digest, pragma_schema_version AS now",
            [],
            |row| row.get(0),
        )
        .optional()
        .map_err(|error| damaged_unless_refused(path, error))?;
    match persisted {
        None => return Err(failure::damaged(path, "the digest of its pages is gone")),
        Some(None) => ends_where_it_should(path, &snapshot)?,
        Some(Some(persisted)) => {
            if digest(&snapshot).map_err(refused)?.as_bytes() != &*persisted {
                return Err(failure::damaged(
                    path,
                    "its pages are not those that were written (if another program has changed it on purpose, let that \
                     run `UPDATE page_digest SET digest = NULL` as well)",
                ));
            }
        }
    }
    snapshot.finish().map_err(refused)
}

/// SQLite takes a truncated page for a whole one, and reads zeros for what is missing.
fn ends_where_it_should(path: &Path, connection: &Connection) -> Result<(), StoreError> {
    let expected = length(connection).map_err(|error| failure::open_sqlite(path, error))?;
    // Pages in the log need not be in the file yet.
    let is_all_in_the_file = fs::metadata(files::wal(path)).map_or(0, |log| log.len()) == 0;
    let found = fs::metadata(path).map_err(|error| failure::open_io(path, "look at it", error))?.len();
    if is_all_in_the_file && found < expected {
        return Err(failure::damaged(path, &format!("it is cut off after {found} of {expected} bytes")));
    }
    Ok(())
}

fn damaged_unless_refused(path: &Path, error: rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::SqliteFailure(..) => failure::open_sqlite(path, error),
        nonsense => failure::damaged(path, &nonsense.to_string()),
    }
}

/// The length of the database, not counting its log.
pub(super) fn length(connection: &Connection) -> rusqlite::Result<u64> {
    let number = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(number("page_count")?.unsigned_abs() * number("page_size")?.unsigned_abs())
}

/// Gives up to `pages` free pages back to the file system; returns whether there may be more.
///
/// The pages at the end of the file move into free ones, so this must not be long in one transaction.
pub(super) fn release(connection: &Connection, pages: i64) -> rusqlite::Result<bool> {
    let free = || connection.pragma_query_value(None, "freelist_count", |row| row.get::<_, i64>(0));
    let before = free()?;
    // Each step of the statement returns one page.
    let mut statement = connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
    let mut rows = statement.query([])?;
    while rows.next()?.is_some() {}
    let after = free()?;
    // Another program may have changed how the file is kept, so that nothing is returned.
    Ok(0 < after && after < before)
}

/// Computes the digest of all pages as this connection sees them, except the page with the digest itself, and without
/// the counters.
fn digest(connection: &Connection) -> rusqlite::Result<blake3::Hash> {
    let page: i64 = connection.pragma_query_value(None, "page_size", |row| row.get(0))?;
    let root: i64 =
        connection.query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'page_digest'", [], |row| {
            row.get(0)
        })?;
    let page = usize::try_from(page).unwrap_or(0);
    let of_digest = usize::try_from(root).unwrap_or(0).saturating_sub(1) * page;
    let pages = connection.serialize(MAIN_DB)?;
    let left_out = COUNTERS.into_iter().chain(std::iter::once(of_digest..of_digest + page));
    let mut hasher = blake3::Hasher::new();
    let mut at = 0;
    for gap in left_out {
        hasher.update(pages.get(at..gap.start).unwrap_or_default());
        at = gap.end;
    }
    hasher.update(pages.get(at..).unwrap_or_default());
    Ok(hasher.finalize())
}

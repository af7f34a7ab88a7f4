//! Checks before SQLite opens a file: where it is, and whether it is one of flowkit. Changes nothing.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{failure, files, schema, system};
use crate::store::StoreError;

/// The first SQLite in which a reset of the write-ahead log cannot damage the database.
const SQLITE_MIN: i32 = 3_051_003;
// At compile time for the bundled one; `sqlite_version` checks again, since another crate may link another SQLite.
const _: () = assert!(rusqlite::ffi::SQLITE_VERSION_NUMBER >= SQLITE_MIN);

/// With less free space than this, writing is likely to fail soon.
const FREE_MIN_BYTES: u64 = 64 << 20;

/// Refuses a SQLite that may damage the file.
pub(super) fn sqlite_version(path: &Path, version: i32) -> Result<(), StoreError> {
    if version >= SQLITE_MIN {
        return Ok(());
    }
    Err(failure::open(
        path,
        format!(
            "this program is linked with SQLite {}, and before 3.51.3 its write-ahead log can damage a database; let \
             no other crate link a system's SQLite",
            rusqlite::version()
        ),
    ))
}

/// Warns of a network file system, and of a disk that is nearly full.
pub(super) fn warn_of_file_system(path: &Path) {
    let folder = files::folder_of(path);
    for warning in warnings(path, system::network_file_system(folder), system::free_bytes(folder)) {
        tracing::warn!("{warning}");
    }
}

/// Returns the warnings about the disk, as far as it is known.
pub(super) fn warnings(path: &Path, network: Option<&str>, free: Option<u64>) -> Vec<String> {
    let shown = path.display();
    let network = network.map(|name| {
        format!(
            "the database `{shown}` lies on {name}: locks may not hold there, and two processes may damage it; use a \
             local disk"
        )
    });
    let full = free
        .filter(|free| *free < FREE_MIN_BYTES)
        .map(|free| format!("there are only {} MB left for the database `{shown}`; make room", free >> 20));
    network.into_iter().chain(full).collect()
}

/// Inspects an existing file: whether it is one of flowkit, as far as its first page tells.
///
/// Only SQLite itself opens it. The system releases all locks of a process on a file when the process closes any
/// descriptor of it: another store in this process would lose its locks, and another process could remove its log.
pub(super) fn inspect(path: &Path) -> Result<(), StoreError> {
    let metadata = fs::metadata(path).map_err(|error| failure::open_io(path, "look at it", error))?;
    if metadata.is_dir() {
        return Err(failure::open(path, "it is a directory; name a file in it"));
    }
    if !metadata.is_file() {
        return Err(failure::open(path, "it is not a file; choose another path"));
    }
    if metadata.len() == 0 {
        return Err(failure::open(
            path,
            "it is empty, so it was cut off or made by something else; delete it if nobody needs it",
        ));
    }
    // Otherwise a read-only database would be noticed only at the first write.
    system::may_write(path).map_err(|error| failure::open_io(path, "write it", error))?;
    match application_id(path) {
        Ok(schema::APPLICATION_ID) => Ok(()),
        Ok(_) => Err(failure::open(path, failure::OTHER_PROGRAM)),
        // What seems to be missing may be in the log, which was not read: really opening it tells.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => Ok(()),
        Err(error) => Err(failure::open_sqlite(path, error)),
    }
}

/// Reads the application id. As immutable: nothing is recovered, and no file is created beside a database that may be
/// another program's.
fn application_id(path: &Path) -> rusqlite::Result<u32> {
    let mut uri = String::from("file:");
    // Escaping everything needs no rules for drives and shares of Windows, which a URI writes differently.
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => {
                uri.push(char::from(*byte))
            }
            // Writing to a `String` cannot fail.
            other => drop(write!(uri, "%{other:02x}")),
        }
    }
    uri.push_str("?immutable=1");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_URI;
    let connection = Connection::open_with_flags(uri, flags)?;
    let found = connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if found != schema::APPLICATION_ID {
        // The id of a truncated file is zero. This reads the whole schema, and notices.
        connection.prepare("SELECT 1 FROM sqlite_schema")?.exists([])?;
    }
    Ok(found)
}

/// Whether anything exists at `path`, even a dangling link.
pub(super) fn is_taken(path: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

//! Errors of SQLite and of the system as errors of the store.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use rusqlite::ErrorCode;

use crate::store::StoreError;

/// Cannot be opened, for a reason that names the remedy.
pub(super) fn open(path: &Path, reason: impl Into<String>) -> StoreError {
    StoreError::Open { path: path.to_owned(), reason: reason.into(), source: None }
}

/// Cannot be opened, because of an error of the system.
pub(super) fn open_io(path: &Path, doing: &str, error: io::Error) -> StoreError {
    let remedy = match error.kind() {
        io::ErrorKind::PermissionDenied => "this user may not; change its permissions or choose another path",
        io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only; choose another path",
        io::ErrorKind::StorageFull => "the disk is full; make room",
        io::ErrorKind::NotFound => "it does not exist; make the directory or choose another path",
        io::ErrorKind::NotADirectory => "a part of the path is not a directory; choose another path",
        _ => "look at the cause",
    };
    StoreError::Open {
        path: path.to_owned(),
        reason: format!("cannot {doing}: {remedy}"),
        source: Some(Arc::new(error)),
    }
}

/// Cannot be opened, because of an error of SQLite.
pub(super) fn open_sqlite(path: &Path, error: rusqlite::Error) -> StoreError {
    let reason = match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => NOT_A_DATABASE,
        Some(ErrorCode::DatabaseCorrupt) => DAMAGED,
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            "this user may not write it, or not write to its directory; change the permissions or choose another path"
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            "another process has held it locked for too long; end that process"
        }
        Some(ErrorCode::DiskFull) => "the disk is full; make room",
        _ if has_no_room_to_share(&error) => "the disk is full; make room",
        _ => "look at the cause",
    };
    StoreError::Open { path: path.to_owned(), reason: reason.to_owned(), source: Some(Arc::new(error)) }
}

/// Whether the shared-memory file beside the log could not grow: SQLite does not report that as a full disk.
fn has_no_room_to_share(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

pub(super) const NOT_A_DATABASE: &str =
    "it is not a SQLite database; choose another path, or move the file away";
pub(super) const OTHER_PROGRAM: &str = "it is a SQLite database of another program; choose another path";
pub(super) const DAMAGED: &str =
    "it is damaged; nothing was changed: restore a backup, or move the file away and begin with a new one";

/// Cannot be opened, because it is damaged in this way.
pub(super) fn damaged(path: &Path, how: &str) -> StoreError {
    open(path, format!("{DAMAGED}: {how}"))
}

/// Whether another process was in the way.
pub(super) fn is_busy(error: &StoreError) -> bool {
    let source = match error {
        StoreError::Open { source, .. } => source.as_ref(),
        StoreError::Write { source, .. } | StoreError::Read { source, .. } => Some(source),
        _ => None,
    };
    let code = source
        .and_then(|source| source.downcast_ref::<rusqlite::Error>())
        .and_then(rusqlite::Error::sqlite_error_code);
    matches!(code, Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

pub(super) fn write(path: &Path, error: impl Error + Send + Sync + 'static) -> StoreError {
    StoreError::Write { path: path.to_owned(), source: Arc::new(error) }
}

/// Cannot be read; content that makes no sense is damage.
pub(super) fn read(path: &Path, error: rusqlite::Error) -> StoreError {
    match error {
        rusqlite::Error::FromSqlConversionFailure(_, _, reason) => {
            StoreError::Damaged { what: format!("a row of `{}`", path.display()), reason: reason.to_string() }
        }
        error if error.sqlite_error_code() == Some(ErrorCode::DatabaseCorrupt) => StoreError::Damaged {
            what: format!("the database `{}`", path.display()),
            reason: error.to_string(),
        },
        error => StoreError::Read { path: path.to_owned(), source: Arc::new(error) },
    }
}

/// An error of the system as one of SQLite, so that a transaction has one error type.
pub(super) fn as_sqlite(error: io::Error) -> rusqlite::Error {
    let code = match error.kind() {
        io::ErrorKind::StorageFull => rusqlite::ffi::SQLITE_FULL,
        _ => rusqlite::ffi::SQLITE_IOERR,
    };
    rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), Some(error.to_string()))
}

/// How to handle a failed transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Give up: it would fail again.
    GiveUp,
    /// Try again: another process writes, or the disk is full.
    Wait,
    /// As `Wait`, but on a new connection: after a failed fsync the system may forget pages that it did not write.
    Reopen,
}

pub(super) fn remedy(error: &rusqlite::Error) -> Remedy {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::DiskFull) => Remedy::Wait,
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly) => Remedy::Reopen,
        _ => Remedy::GiveUp,
    }
}

//! Files and folders beside the database: private to the user whatever the umask, and durable once a function returns.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

pub(super) use super::system::{private_file, private_folder};
use crate::failpoint;
pub(super) use crate::store::disk::sync_folder;

/// Returns `<database>.<suffix>`.
pub(super) fn beside(database: &Path, suffix: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(".");
    name.push(suffix);
    name.into()
}

/// Returns the folder in which a file lies.
pub(super) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Returns where SQLite keeps the write-ahead log of a database.
pub(super) fn wal(database: &Path) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// Makes a write-ahead log and its name durable, even if another process wrote it: where a commit does not wait for the
/// disk, or where a process was killed, the log may be in the system's memory only.
///
/// SQLite has no locks on this file, so closing it releases none.
pub(super) fn sync_log(log: &Path) -> io::Result<()> {
    if failpoint::breaks("trust-the-log") {
        return Ok(());
    }
    // Windows requires a writable handle.
    match File::options().write(true).open(log) {
        Ok(file) => file.sync_all()?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    sync_folder(folder_of(log))
}

//! Files and folders beside the database: private to the user whatever the umask, and durable once a function returns.

use std::path::{Path, PathBuf};

pub(super) use super::system::{private_file, private_folder};
pub(super) use crate::output::sync_folder;

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

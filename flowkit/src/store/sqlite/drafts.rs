//! Files that are being made beside the database. Each is locked for as long as its maker lives, as an open store is,
//! so that leftovers of a dead process can be told from drafts in use, and are removed.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;
use uuid::Uuid;

use super::owner::{LEASE, Locks};
use super::{clock, files};

/// The names of drafts: `<database>.<kind>-<32 digits>`, and what SQLite appends to that.
const KINDS: [&str; 3] = ["new", "key", "backup"];

/// A file that is being made. Its draft name is removed when this is dropped, whether it was finished or not.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    uuid: Uuid,
    locks: Locks,
    /// Never read, only held.
    _lock: File,
}

impl Draft {
    /// Takes the lock first, then the name.
    pub(super) fn begin(database: &Path, kind: &str) -> std::io::Result<Self> {
        let (uuid, locks) = (Uuid::now_v7(), Locks::of(database));
        let lock = locks.take(uuid)?;
        let path = files::beside(database, &format!("{kind}-{}", uuid.simple()));
        Ok(Self { path, uuid, locks, _lock: lock })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // By now it may be a second name of the finished file.
        let _ = fs::remove_file(&self.path);
        self.locks.remove(self.uuid);
    }
}

/// Removes what dead processes left beside the database: drafts, and locks of stores that never entered the table of
/// owners. What cannot be removed now is removed the next time.
pub(super) fn sweep(database: &Path, locks: &Locks, connection: &Connection) -> rusqlite::Result<()> {
    for entry in fs::read_dir(files::folder_of(database)).into_iter().flatten().flatten() {
        let path = entry.path();
        let Some(uuid) = uuid_of_draft(database, &path) else { continue };
        match locks.is_held(uuid) {
            Some(true) => {}
            Some(false) => {
                remove(&path);
                locks.remove(uuid);
            }
            // Its maker may be on another machine, and needs some milliseconds.
            None if is_old(&path) => remove(&path),
            None => {}
        }
    }
    let mut owners = connection.prepare("SELECT uuid FROM owners")?;
    let owners: HashSet<Uuid> =
        owners.query_map([], |row| row.get(0).map(Uuid::from_bytes))?.collect::<rusqlite::Result<_>>()?;
    for (uuid, path) in locks.all() {
        // A lock file is slightly older than the row of its owner.
        if !owners.contains(&uuid) && is_old(&path) && locks.is_held(uuid) == Some(false) {
            remove(&path);
        }
    }
    Ok(())
}

fn remove(path: &Path) {
    let _ = fs::remove_file(path);
}

fn uuid_of_draft(database: &Path, path: &Path) -> Option<Uuid> {
    let rest = path.file_name()?.to_str()?.strip_prefix(database.file_name()?.to_str()?)?;
    let rest = KINDS.iter().find_map(|kind| rest.strip_prefix('.')?.strip_prefix(kind)?.strip_prefix('-'))?;
    Uuid::try_parse(rest.get(..32)?).ok()
}

fn is_old(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    let age =
        modified.ok().and_then(|modified| SystemTime::from(clock::wall()).duration_since(modified).ok());
    age.is_some_and(|age| age > LEASE)
}

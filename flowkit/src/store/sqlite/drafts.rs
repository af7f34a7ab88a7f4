//! Files in the making beside the database. Each has a lock for as long as its maker lives, as an open store has, so that what
//! a death leaves behind can be told from what is still being made, and is removed.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use rusqlite::Connection;
use uuid::Uuid;

use super::owner::{LEASE, Locks};
use super::{clock, files};

/// What drafts are called: `<database>.<kind>-<32 digits>`, and what SQLite adds to that.
const KINDS: [&str; 3] = ["new", "key", "backup"];

/// A file that is being made. Whatever becomes of it, its own name is gone when this is dropped.
pub(super) struct Draft {
    pub(super) path: PathBuf,
    uuid: Uuid,
    locks: Locks,
    /// Never read: it is held.
    _lock: File,
}

impl Draft {
    /// Takes a lock, and only then a name.
    pub(super) fn begin(database: &Path, kind: &str) -> std::io::Result<Self> {
        let (uuid, locks) = (Uuid::now_v7(), Locks::of(database));
        let lock = locks.take(uuid)?;
        let path = files::beside(database, &format!("{kind}-{}", uuid.simple()));
        Ok(Self { path, uuid, locks, _lock: lock })
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        // It may be another name of the finished file by now.
        let _ = fs::remove_file(&self.path);
        self.locks.remove(self.uuid);
    }
}

/// Removes what a death has left beside the database: drafts, and locks of stores that never came into the table. What cannot
/// be removed now can be the next time.
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
        // A moment after it was made, its owner may not be in the table yet.
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

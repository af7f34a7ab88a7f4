//! Results and artifacts too large for a row: files named by the hash of what is in them, below `<database>.values/`.
//!
//! A file is whole and on the disk before a row points to it. One that no row points to is removed after an hour.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rusqlite::Connection;

use super::{clock, files};
use crate::failpoint;
use crate::store::StoreError;

/// What nobody points to may belong to a transaction that is still to come. None takes as long as this.
const UNREFERENCED_FOR: Duration = Duration::from_secs(3600);

pub(super) type Hash = [u8; 32];

#[derive(Clone, Debug)]
pub(super) struct Values {
    folder: PathBuf,
}

impl Values {
    pub(super) fn of(database: &Path) -> Self {
        Self { folder: files::beside(database, "values") }
    }

    fn path(&self, hash: &Hash) -> PathBuf {
        let name = blake3::Hash::from_bytes(*hash).to_hex();
        self.folder.join(&name[..2]).join(name.as_str())
    }

    /// Keeps `bytes` in a file, and returns its name.
    pub(super) fn keep(&self, bytes: &[u8]) -> io::Result<Hash> {
        let hash = *blake3::hash(bytes).as_bytes();
        if self.is_there(&hash, bytes.len() as u64) {
            return Ok(hash);
        }
        files::private_folder(&self.folder)?;
        let draft = self.folder.join(format!("{}.tmp", uuid::Uuid::now_v7().simple()));
        let written = self.write(&draft, &hash, bytes);
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written.map(|()| hash)
    }

    fn write(&self, draft: &Path, hash: &Hash, bytes: &[u8]) -> io::Result<()> {
        let mut file = files::private_file(draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let path = self.path(hash);
        let shelf = files::folder_of(&path);
        let is_new_shelf = !shelf.exists();
        files::private_folder(shelf)?;
        failpoint::hit("mid-artifact-rename")?;
        fs::rename(draft, &path)?;
        files::sync_folder(shelf)?;
        if is_new_shelf {
            files::sync_folder(&self.folder)?;
            files::sync_folder(files::folder_of(&self.folder))?;
        }
        Ok(())
    }

    /// Whether the file is there and whole; makes it young, so that it stays until a row points to it.
    fn is_there(&self, hash: &Hash, len: u64) -> bool {
        let path = self.path(hash);
        let young = File::options().write(true).open(&path).and_then(|file| {
            file.set_modified(SystemTime::from(clock::wall()))?;
            file.metadata()
        });
        // A file that was kept before may have been damaged since: only one that reads well is used again.
        young.is_ok_and(|metadata| metadata.len() == len) && self.read(hash).is_ok()
    }

    /// Whether a file is there; asked inside the transaction that points to it, when nobody sweeps.
    pub(super) fn exists(&self, hash: &Hash) -> bool {
        self.path(hash).exists()
    }

    pub(super) fn read(&self, hash: &Hash) -> Result<Vec<u8>, StoreError> {
        let path = self.path(hash);
        let damaged = |reason: String| StoreError::Damaged { what: format!("`{}`", path.display()), reason };
        let bytes = fs::read(&path).map_err(|error| damaged(error.to_string()))?;
        if blake3::hash(&bytes).as_bytes() != hash {
            return Err(damaged("its hash is not its name".to_owned()));
        }
        Ok(bytes)
    }

    /// Removes old files to which nothing points. Inside a transaction, so that no other one can begin to point there.
    pub(super) fn sweep(&self, connection: &Connection) -> rusqlite::Result<u64> {
        let Ok(shelves) = fs::read_dir(&self.folder) else { return Ok(0) };
        let mut removed = 0;
        for entry in shelves.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|extension| extension == "tmp") {
                removed += u64::from(is_old(&path) && fs::remove_file(&path).is_ok());
                continue;
            }
            for file in fs::read_dir(&path).into_iter().flatten().flatten() {
                let path = file.path();
                if is_old(&path) && !is_referenced(connection, &path)? {
                    removed += u64::from(fs::remove_file(&path).is_ok());
                }
            }
        }
        Ok(removed)
    }
}

fn is_old(path: &Path) -> bool {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.is_ok_and(|modified| {
        let age = SystemTime::from(clock::wall()).duration_since(modified);
        age.is_ok_and(|age| age > UNREFERENCED_FOR)
    })
}

fn is_referenced(connection: &Connection, path: &Path) -> rusqlite::Result<bool> {
    let hash =
        path.file_name().and_then(|name| name.to_str()).and_then(|name| blake3::Hash::from_hex(name).ok());
    // What has no name of ours is not ours to remove.
    let Some(hash) = hash else { return Ok(true) };
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM results WHERE file = ?1 UNION ALL SELECT 1 FROM artifacts WHERE file = ?1",
    )?;
    statement.exists([hash.as_bytes()])
}

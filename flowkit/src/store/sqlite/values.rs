//! Results and artifacts too large for a row: files named by the hash of their content, below `<database>.values/`.
//!
//! A file is complete and durable before a row refers to it. A file that no row refers to is removed after an hour.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use rusqlite::Connection;

use super::{clock, failure, files};
use crate::failpoint;
use crate::store::StoreError;

/// A file without a row may belong to a transaction that is still to come; none takes as long as this.
const UNREFERENCED_FOR: Duration = Duration::from_secs(3600);

pub(super) type Hash = [u8; 32];

#[derive(Clone, Debug)]
pub(super) struct Values {
    folder: PathBuf,
    /// The write-ahead log, which may have newer references than what is on the disk.
    log: PathBuf,
    on_disk: Arc<Mutex<OnDisk>>,
}

/// What this store knows about the disk.
#[derive(Debug, Default)]
struct OnDisk {
    /// Folders whose names are durable. None is ever removed.
    shelves: HashSet<PathBuf>,
    /// Files that could not be synced. After a failed fsync the system may consider them clean, so a second one proves
    /// nothing: they are written again.
    doubtful: HashSet<Hash>,
}

impl Values {
    pub(super) fn of(database: &Path) -> Self {
        Self { folder: files::beside(database, "values"), log: files::wal(database), on_disk: Arc::default() }
    }

    fn path(&self, hash: &Hash) -> PathBuf {
        let name = blake3::Hash::from_bytes(*hash).to_hex();
        self.folder.join(&name[..2]).join(name.as_str())
    }

    /// Writes `bytes` to a file, and returns its name. The file and the names that lead to it are durable then.
    pub(super) fn persist(&self, bytes: &[u8]) -> io::Result<Hash> {
        let hash = *blake3::hash(bytes).as_bytes();
        let persisted = match self.find(&hash, bytes.len() as u64) {
            // Its writer may have died before it was durable, or may just be syncing it.
            Some(_) if failpoint::breaks("trust-what-is-there") => Ok(()),
            Some(file) => file.sync_all().and_then(|()| self.sync_names(&hash)),
            None => self.write_anew(&hash, bytes),
        };
        let mut on_disk = self.on_disk.lock();
        if persisted.is_ok() {
            on_disk.doubtful.remove(&hash);
        } else {
            on_disk.doubtful.insert(hash);
        }
        persisted.map(|()| hash)
    }

    fn write_anew(&self, hash: &Hash, bytes: &[u8]) -> io::Result<()> {
        files::private_folder(&self.folder)?;
        let draft = self.folder.join(format!("{}.tmp", uuid::Uuid::now_v7().simple()));
        let written = self.write(&draft, hash, bytes);
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
        written
    }

    fn write(&self, draft: &Path, hash: &Hash, bytes: &[u8]) -> io::Result<()> {
        let mut file = files::private_file(draft)?;
        file.write_all(bytes)?;
        if !failpoint::breaks("no-value-sync") {
            file.sync_all()?;
        }
        let path = self.path(hash);
        files::private_folder(files::folder_of(&path))?;
        failpoint::hit("mid-artifact-rename")?;
        fs::rename(draft, &path)?;
        self.sync_names(hash)
    }

    /// Makes the names that lead to a file durable: its own, and those of the folders, even if another process created
    /// them.
    fn sync_names(&self, hash: &Hash) -> io::Result<()> {
        let path = self.path(hash);
        let shelf = files::folder_of(&path);
        files::sync_folder(shelf)?;
        if self.on_disk.lock().shelves.contains(shelf) {
            return Ok(());
        }
        // All that exist by now are durable afterwards.
        let shelves = fs::read_dir(&self.folder)?.map(|entry| Ok(entry?.path()));
        let shelves: Vec<PathBuf> = shelves.collect::<io::Result<_>>()?;
        files::sync_folder(&self.folder)?;
        files::sync_folder(files::folder_of(&self.folder))?;
        self.on_disk.lock().shelves.extend(shelves);
        Ok(())
    }

    /// Finds the file if it exists and is whole; renews its age, so that it stays until a row refers to it.
    fn find(&self, hash: &Hash, len: u64) -> Option<File> {
        if self.on_disk.lock().doubtful.contains(hash) {
            return None;
        }
        let file = File::options().write(true).open(self.path(hash)).ok()?;
        file.set_modified(SystemTime::from(clock::wall())).ok()?;
        // An older file may have been damaged since: only one that reads well is reused.
        let is_whole = file.metadata().is_ok_and(|metadata| metadata.len() == len) && self.read(hash).is_ok();
        is_whole.then_some(file)
    }

    /// Whether a file that this store has written still exists; called inside the transaction that refers to it, when
    /// no process sweeps.
    pub(super) fn is_persisted(&self, hash: &Hash) -> bool {
        !self.on_disk.lock().doubtful.contains(hash) && self.path(hash).exists()
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

    /// Removes old files that no row refers to. Inside a transaction, as [`remove_unused`](Self::remove_unused).
    pub(super) fn sweep(&self, connection: &Connection) -> rusqlite::Result<u64> {
        let unused = self.unused(connection)?;
        self.remove_unused(connection, &unused, &mut || false).map(|(removed, _)| removed)
    }

    /// Finds old files that no row refers to, drafts among them.
    pub(super) fn unused(&self, connection: &Connection) -> rusqlite::Result<Vec<PathBuf>> {
        let Ok(shelves) = fs::read_dir(&self.folder) else { return Ok(Vec::new()) };
        let mut unused = Vec::new();
        for entry in shelves.flatten() {
            let path = entry.path();
            if is_draft(&path) {
                unused.extend(is_old(&path).then_some(path));
                continue;
            }
            for file in fs::read_dir(&path).into_iter().flatten().flatten() {
                let path = file.path();
                if is_old(&path) && !is_referenced(connection, &path)? {
                    unused.push(path);
                }
            }
        }
        Ok(unused)
    }

    /// Removes files that are still unused, until it is late: at least one. Inside a transaction, so that no other one can
    /// add a reference meanwhile. Returns how many it removed, and those that are left.
    pub(super) fn remove_unused(
        &self,
        connection: &Connection,
        unused: &[PathBuf],
        is_late: &mut dyn FnMut() -> bool,
    ) -> rusqlite::Result<(u64, Vec<PathBuf>)> {
        // A power cut may restore a row that refers to the file, as long as its replacement is not durable.
        if unused.iter().any(|path| !is_draft(path)) {
            files::sync_log(&self.log).map_err(failure::as_sqlite)?;
        }
        let mut removed = 0;
        for (index, path) in unused.iter().enumerate() {
            let is_unused = is_draft(path) || (is_old(path) && !is_referenced(connection, path)?);
            removed += u64::from(is_unused && fs::remove_file(path).is_ok());
            if is_late() {
                return Ok((removed, unused[index + 1..].to_vec()));
            }
        }
        Ok((removed, Vec::new()))
    }
}

/// Whether a file was still being written.
fn is_draft(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "tmp")
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
    // A file with another kind of name is not one of flowkit, and stays.
    let Some(hash) = hash else { return Ok(true) };
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM results WHERE file = ?1 UNION ALL SELECT 1 FROM artifacts WHERE file = ?1",
    )?;
    statement.exists([hash.as_bytes()])
}

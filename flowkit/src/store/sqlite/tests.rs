//! What only a file can do wrong; the contract of all stores runs here too.

mod damaged;
mod failing;
mod leasing;
mod opening;
mod racing;
mod writing_rows;

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::store::Store;
use crate::store::contract::{StorePlace, store_contract};

/// A database in a folder of its own, which is removed with it.
pub(super) struct OnDisk {
    pub(super) store: Option<SqliteStore>,
    pub(super) folder: TempDir,
}

impl OnDisk {
    pub(super) fn path(&self) -> PathBuf {
        self.folder.path().join("runs.db")
    }

    /// Lets all stores that are open look to others as those of another machine, whose locks cannot be seen. `lease_runs` says
    /// whether they have written of late.
    pub(super) fn is_seen_from_afar(&self, host: &str, lease_runs: bool) {
        let raw = rusqlite::Connection::open(self.path()).unwrap();
        raw.execute(
            "UPDATE owners SET boot_id = 'another', host = ?1, lease_until = lease_until * ?2",
            (host, lease_runs),
        )
        .unwrap();
        for lock in std::fs::read_dir(files::beside(&self.path(), "owners")).unwrap() {
            std::fs::remove_file(lock.unwrap().path()).unwrap();
        }
    }

    /// No test cuts the power.
    pub(super) fn open(&self) -> SqliteStore {
        SqliteStore::options().synchronous(Synchronous::Normal).open(self.path()).unwrap()
    }
}

impl StorePlace for OnDisk {
    fn new() -> Self {
        let mut place = Self { store: None, folder: TempDir::new().unwrap() };
        place.store = Some(place.open());
        place
    }

    fn store(&self) -> &dyn Store {
        self.store.as_ref().unwrap()
    }

    fn elsewhere(&self) -> Option<Box<dyn Store>> {
        Some(Box::new(SqliteStore::open(self.path()).unwrap()))
    }

    /// Leaving with runs under way is what a death looks like to others: the lock is free, the owner is in the table.
    fn crash(&mut self) {
        self.store = None;
        self.store = Some(self.open());
    }
}

store_contract!(OnDisk);

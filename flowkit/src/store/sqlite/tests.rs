//! What only a file can do wrong; the contract of all stores runs here too.

mod failing;
mod opening;
mod racing;
mod writing_rows;

use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::store::contract::{Place, contract};

/// A database in a folder of its own, which is removed with it.
pub(super) struct OnDisk {
    store: Option<SqliteStore>,
    folder: TempDir,
}

impl OnDisk {
    fn path(&self) -> PathBuf {
        self.folder.path().join("runs.db")
    }

    /// No test cuts the power.
    fn open(&self) -> SqliteStore {
        SqliteStore::options().synchronous(Synchronous::Normal).open(self.path()).unwrap()
    }
}

impl Place for OnDisk {
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

contract!(OnDisk);

//! What the writing thread and everyone who calls the store have in common.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::batch::Batch;
use super::files;
use super::logs::Quotas;
use super::queue::Queue;
use crate::store::listener::Listener;

pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) queue: Queue,
    pub(super) quotas: Quotas,
    pub(super) listener: Listener,
    degraded: AtomicBool,
    transactions: AtomicU64,
    events: AtomicU64,
    rows: AtomicU64,
    log_alarms: AtomicU64,
}

/// What a store has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteStats {
    /// Transactions that wrote entries.
    pub transactions: u64,
    /// Events that were written.
    pub events: u64,
    /// Rows of task runs that were written for them.
    pub rows: u64,
    /// Entries that wait to be written.
    pub waiting: usize,
    /// How often the write-ahead log has grown beyond 64 MB, because a reader kept an old state of the database open.
    pub log_alarms: u64,
}

impl Shared {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            queue: Queue::default(),
            quotas: Quotas::default(),
            listener: Listener::default(),
            degraded: AtomicBool::new(false),
            transactions: AtomicU64::new(0),
            events: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            log_alarms: AtomicU64::new(0),
        }
    }

    pub(super) fn is_degraded(&self) -> bool {
        self.degraded.load(Ordering::Relaxed)
    }

    pub(super) fn set_degraded(&self, degraded: bool) {
        self.degraded.store(degraded, Ordering::Relaxed);
    }

    /// The length of the write-ahead log.
    pub(super) fn log_bytes(&self) -> u64 {
        fs::metadata(files::wal(&self.path)).map_or(0, |metadata| metadata.len())
    }

    pub(super) fn count_log_alarm(&self) {
        self.log_alarms.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count(&self, batch: &Batch) {
        let events: usize = batch.runs.iter().map(|run| run.events.len()).sum();
        let rows: usize = batch.runs.iter().map(|run| run.slots.len()).sum();
        self.transactions.fetch_add(1, Ordering::Relaxed);
        self.events.fetch_add(events as u64, Ordering::Relaxed);
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(super) fn stats(&self) -> SqliteStats {
        SqliteStats {
            transactions: self.transactions.load(Ordering::Relaxed),
            events: self.events.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            waiting: self.queue.len(),
            log_alarms: self.log_alarms.load(Ordering::Relaxed),
        }
    }
}

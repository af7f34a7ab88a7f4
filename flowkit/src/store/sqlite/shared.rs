//! State that the writing thread shares with the callers of the store.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::batch::Batch;
use super::logs::Quotas;
use super::queue::WriteQueue;
use super::{clock, failure, files, owner};
use crate::model::FlowRunId;
use crate::store::listener::Listener;
use crate::store::{Lost, StoreError};

/// How long an owner may write nothing before it has to confirm its ownership: later it may be taken for dead where its
/// lock cannot be seen. A healthy one writes every ten seconds.
const DOUBT_AFTER: Duration = Duration::from_secs(owner::LEASE.as_secs() / 2);

pub(super) struct Shared {
    pub(super) path: PathBuf,
    pub(super) queue: WriteQueue,
    pub(super) quotas: Quotas,
    pub(super) cancel_requests: Listener<FlowRunId>,
    pub(super) losses: Listener<Lost>,
    opened: Instant,
    /// When the last transaction was committed, in milliseconds since the store was opened.
    last_commit: AtomicU64,
    degraded: AtomicBool,
    transactions: AtomicU64,
    events: AtomicU64,
    rows: AtomicU64,
    log_alarms: AtomicU64,
}

/// Counts of what a store has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SqliteStats {
    /// Transactions that wrote entries.
    pub transactions: u64,
    /// Events that were written.
    pub events: u64,
    /// Rows of task runs that were written for them.
    pub rows: u64,
    /// Entries in the queue.
    pub waiting: usize,
    /// How often the write-ahead log grew beyond 64 MB, because a reader kept an old snapshot of the database open.
    pub log_alarms: u64,
}

impl Shared {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            queue: WriteQueue::default(),
            quotas: Quotas::default(),
            cancel_requests: Listener::default(),
            losses: Listener::default(),
            opened: clock::now(),
            last_commit: AtomicU64::new(0),
            degraded: AtomicBool::new(false),
            transactions: AtomicU64::new(0),
            events: AtomicU64::new(0),
            rows: AtomicU64::new(0),
            log_alarms: AtomicU64::new(0),
        }
    }

    /// Notes a committed transaction, which confirms the ownership of the runs.
    pub(super) fn has_committed(&self, at: Instant) {
        self.last_commit.store(self.millis(at), Ordering::Relaxed);
        if self.degraded.swap(false, Ordering::Relaxed) {
            self.queue.grant_leases();
        }
    }

    /// Whether the last write is so long ago that other processes may have taken over the runs of this store.
    pub(super) fn may_be_fenced(&self) -> bool {
        let since = self.millis(clock::now()).saturating_sub(self.last_commit.load(Ordering::Relaxed));
        u128::from(since) > DOUBT_AFTER.as_millis()
    }

    fn millis(&self, at: Instant) -> u64 {
        u64::try_from(at.duration_since(self.opened).as_millis()).unwrap_or(u64::MAX)
    }

    /// Calls listeners on a thread of its own: they run foreign code, which may wait for the writing thread.
    pub(super) fn notify(self: &Arc<Self>, notify: impl FnOnce(&Self) + Send + 'static) {
        let shared = Arc::clone(self);
        let notified =
            std::thread::Builder::new().name("flowkit-notify".to_owned()).spawn(move || notify(&shared));
        if let Err(error) = notified {
            tracing::error!(%error, "no thread could be started to tell of what happened to a run");
        }
    }

    pub(super) fn is_degraded(&self) -> bool {
        self.degraded.load(Ordering::Relaxed)
    }

    /// Notes that nothing can be written at present. Callers that wait for leases go on without.
    pub(super) fn set_degraded(&self) {
        self.degraded.store(true, Ordering::Relaxed);
        for request in self.queue.refuse_leases() {
            request.refuse(self.unwritable());
        }
    }

    /// The error of a lease during an outage.
    pub(super) fn unwritable(&self) -> StoreError {
        failure::write(&self.path, std::io::Error::other("it cannot be written at present"))
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

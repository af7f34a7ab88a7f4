//! A flow run as its store sees it: what happens is told to it, and what an earlier process left is claimed from it.
//!
//! Not the record: that is the truth of this process. The store hears of every change of it, in the same order.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::blocking::{self, hold_clock};
use super::clock;
use super::core::Core;
use crate::model::{
    Digest, Error, ErrorReport, Event, Refusal, State, StoredFlowRun, StoredTaskRun, TaskRun, TaskRunId,
};
use crate::policy::resume::{Progress, Redo, Standing, died, progress, rows_to_redo, standing};
use crate::store::{CacheEntry, Entry, OwnedRun, Recovered, Store, StoreError};
use crate::task::Durability;

/// Comes when what was told cannot be lost any more.
pub(crate) type Receipt = oneshot::Receiver<Result<(), StoreError>>;

/// What is kept together with an event.
#[derive(Default)]
pub(crate) struct Keeping {
    pub(crate) key: Option<Digest>,
    pub(crate) result: Option<Vec<u8>>,
    pub(crate) cache: Option<CacheEntry>,
    /// Whether somebody waits until it is kept.
    pub(crate) awaited: bool,
}

/// What an earlier process left of a call that is made again.
#[derive(Clone, Debug)]
pub(crate) enum Claimed {
    /// Its result.
    Kept,
    /// Its failure.
    Failed(Arc<ErrorReport>),
    /// Attempts, after which it goes on.
    Again(Progress),
    /// A reason not to run it.
    Refused(Refusal),
}

pub(crate) struct Kept {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) owned: OwnedRun,
    pub(crate) durability: Durability,
    /// A process has died with this run under way.
    pub(crate) has_crashed: bool,
    earlier: Mutex<Earlier>,
    /// Another process has taken the run over, or it was put aside: the store hears no more of it.
    silent: AtomicBool,
}

/// The task runs of earlier processes that have not been called again so far.
#[derive(Default)]
struct Earlier {
    rows: HashMap<Digest, StoredTaskRun>,
    /// What was refused because its process died, or fails for that again: a retry of the flow does not make it run.
    refused: HashMap<Digest, Refusal>,
    redo: HashSet<TaskRunId>,
    wish: Redo,
    poison_cap: u32,
}

/// A run that was taken over, and what of it is to be done again.
#[derive(Debug)]
pub(crate) struct Resumed {
    pub(crate) recovered: Recovered,
    pub(crate) redo: Redo,
}

impl Kept {
    pub(crate) fn new(store: Arc<dyn Store>, owned: OwnedRun, durability: Durability) -> Self {
        let (earlier, silent) = (Mutex::default(), AtomicBool::new(false));
        Self { store, owned, durability, has_crashed: false, earlier, silent }
    }

    /// Takes note of what an earlier process left.
    pub(crate) fn with_earlier(mut self, resumed: &Resumed, poison_cap: u32) -> Self {
        let Recovered { run, task_runs, .. } = &resumed.recovered;
        let mut earlier = Earlier {
            rows: HashMap::new(),
            refused: HashMap::new(),
            redo: rows_to_redo(task_runs, &resumed.redo),
            wish: resumed.redo.clone(),
            poison_cap,
        };
        for row in task_runs {
            let Some(key) = row.key else { continue };
            let is_success = row.state.is_success();
            let known_success = earlier.rows.get(&key).is_some_and(|known| known.state.is_success());
            if is_success || (counts(row, run) && !known_success) {
                earlier.rows.insert(key, row.clone());
            }
        }
        *self.earlier.get_mut() = earlier;
        self.has_crashed = run.crashes > 0;
        self
    }

    /// Returns what an earlier process left of the call `key`: its row, once, and what becomes of it.
    pub(crate) fn claim(&self, key: Digest, at_most_once: bool) -> (Option<StoredTaskRun>, Option<Claimed>) {
        let mut earlier = self.earlier.lock();
        let Some(row) = earlier.rows.remove(&key) else {
            return (None, earlier.refused.get(&key).cloned().map(Claimed::Refused));
        };
        let claimed = match standing(&row, &earlier.redo, at_most_once, earlier.poison_cap) {
            Standing::Keep => Claimed::Kept,
            Standing::Replay => match &row.error {
                Some(error) => Claimed::Failed(Arc::new(error.clone())),
                None => Claimed::Again(Progress::default()),
            },
            // What is done again although it has ended has all of its retries again.
            Standing::Again if row.state.is_terminal() => {
                Claimed::Again(Progress { attempts: row.attempt, ..Progress::default() })
            }
            Standing::Again => Claimed::Again(progress(&row, clock::wall())),
            Standing::Poison => Claimed::Refused(Refusal::Poison { crashes: row.crashes }),
            Standing::UnknownOutcome => Claimed::Refused(Refusal::UnknownOutcome),
        };
        let is_final = match claimed {
            Claimed::Refused(_) => true,
            Claimed::Failed(_) => died(&row),
            Claimed::Kept | Claimed::Again(_) => false,
        };
        if is_final {
            let poison = Refusal::Poison { crashes: row.crashes };
            earlier.refused.insert(key, if at_most_once { Refusal::UnknownOutcome } else { poison });
        }
        (Some(row), Some(claimed))
    }

    /// Returns the labels of what was recorded and not called again, but for what never began.
    pub(crate) fn not_called_again(&self) -> Vec<String> {
        let earlier = self.earlier.lock();
        let mut rows: Vec<_> = earlier.rows.values().filter(|row| row.state != State::Skipped).collect();
        rows.sort_unstable_by_key(|row| row.id);
        rows.into_iter().map(StoredTaskRun::label).collect()
    }

    /// Returns what is to be done again, for the runs of sub-flows.
    pub(crate) fn redo(&self) -> Redo {
        self.earlier.lock().wish.clone()
    }

    /// Tells the store what happened. Called under the lock of the record, so that the order is the same.
    pub(crate) fn record(&self, event: Event, task_run: TaskRun, keeping: Keeping) -> Option<Receipt> {
        if self.silent.load(Ordering::Acquire) {
            return None;
        }
        let (ack, receipt) = if keeping.awaited {
            let (ack, receipt) = oneshot::channel();
            (Some(ack), Some(receipt))
        } else {
            (None, None)
        };
        let Keeping { key, result, cache, .. } = keeping;
        self.store.record(Entry { run: self.owned, event, task_run, key, result, cache }, ack);
        receipt
    }

    /// Tells the store nothing more.
    pub(crate) fn fall_silent(&self) {
        self.silent.store(true, Ordering::Release);
    }
}

/// Whether what did not succeed still stands. What failed in an attempt of the flow that failed too is why there was a later
/// attempt, which tries it anew, unless it failed because its process died.
fn counts(row: &StoredTaskRun, run: &StoredFlowRun) -> bool {
    let failed = run.earlier_attempts.iter().filter(|attempt| attempt.state != State::Crashed);
    let since = failed.filter_map(|attempt| attempt.ended_at).max();
    !row.state.is_terminal() || died(row) || row.ended_at >= since
}

/// Waits until what was told is kept. Only then may anybody rely on it.
pub(crate) async fn committed<T, E>(
    core: &Core,
    receipt: Receipt,
    result: Result<T, Error<E>>,
) -> Result<T, Error<E>> {
    let hold = hold_clock();
    let answer = receipt.await.unwrap_or(Err(StoreError::Closed));
    hold.release();
    match answer {
        Ok(()) => result,
        Err(error) => {
            tracing::error!(task = %core.label(), %error, "the result could not be kept");
            if let Some(run) = core.run()
                && matches!(error, StoreError::LostOwnership { .. })
            {
                run.lose();
            }
            Err(Error::Store { run: core.label(), source: Arc::new(error) })
        }
    }
}

/// Asks a store something that may wait for a disk.
pub(crate) async fn ask<R: Send + 'static>(
    store: &Arc<dyn Store>,
    question: impl FnOnce(&dyn Store) -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    let store = Arc::clone(store);
    blocking::spawn(move || question(&*store)).await.unwrap_or(Err(StoreError::Closed))
}

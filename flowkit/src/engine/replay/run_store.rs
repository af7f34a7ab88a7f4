//! A flow run's link to its store: events are sent there, and the rows that earlier processes left are claimed here.
//!
//! Not the run's record, which is the truth in this process; the store gets every change of it, in the same order.

use std::any::Any;
use std::collections::HashSet;
use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::sync::oneshot::error::RecvError;

use super::previous::{Claim, PreviousCall, PreviousRuns, ResumedRun};
use crate::engine::blocking::{self, hold_clock};
use crate::engine::task_run::core::Core;
use crate::model::{
    CallId, Error, Event, EventKind, Identity, NewTaskRun, Provenance, Refusal, TaskRunId, TaskRunRecord,
    WallTime,
};
use crate::policy::durability::Durability;
use crate::store::{CacheEntry, Entry, Fact, FactKind, OwnedRun, Store, StoreError};

/// Completes when what was recorded is durable.
pub(crate) type CommitReceipt = oneshot::Receiver<Result<(), StoreError>>;

/// What to persist together with an event.
#[derive(Default)]
pub(crate) struct PersistRequest {
    pub(crate) call: Option<CallId>,
    pub(crate) result: Option<Vec<u8>>,
    pub(crate) provenance: Option<Provenance>,
    pub(crate) cache: Option<CacheEntry>,
    /// Why the result cannot be persisted, if that is so.
    pub(crate) not_persisted: Option<Arc<str>>,
    /// Whether the caller waits until the event is durable.
    pub(crate) awaited: bool,
    /// Whether the event is a failure that does not count if the program turns out to be stopping.
    pub(crate) revocable: bool,
}

pub(crate) struct RunStore {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) owned: OwnedRun,
    pub(crate) durability: Durability,
    /// What earlier processes left; `None` for a run that begins in this one.
    previous: Option<Mutex<PreviousRuns>>,
    /// Whether a process died while it was running this run.
    pub(crate) has_crashed: bool,
    /// Whether the run has an idempotency key. It begins only if the key is still reserved for it.
    pub(crate) is_keyed: bool,
    /// Whether the run was suspended or lost, so that nothing more is sent to the store.
    silent: AtomicBool,
    /// Why nothing more of the run is persisted.
    lost: OnceLock<StoreError>,
    /// The value that the flow returned although its end could not be persisted.
    unpersisted_value: Mutex<Option<Box<dyn Any + Send>>>,
    /// The tasks, by path, about which a warning was given, with its reason: results not persisted, or made again.
    warned: Mutex<HashSet<(&'static str, Arc<str>)>>,
}

impl RunStore {
    pub(crate) fn new(store: Arc<dyn Store>, owned: OwnedRun, durability: Durability) -> Self {
        Self {
            store,
            owned,
            durability,
            previous: None,
            has_crashed: false,
            is_keyed: false,
            silent: AtomicBool::new(false),
            lost: OnceLock::new(),
            unpersisted_value: Mutex::default(),
            warned: Mutex::default(),
        }
    }

    pub(crate) fn keyed(self, is_keyed: bool) -> Self {
        Self { is_keyed, ..self }
    }

    /// Adds what earlier processes left of the run.
    pub(crate) fn resuming(self, resumed: &ResumedRun, max_crashes: u32) -> Self {
        let previous = Some(Mutex::new(PreviousRuns::new(resumed, max_crashes)));
        Self { previous, has_crashed: resumed.recovered.run.crashes > 0, ..self }
    }

    /// Whether a warning about a task, by its path, is the first with this reason.
    pub(crate) fn is_first_warning(&self, task: &'static str, reason: &Arc<str>) -> bool {
        self.warned.lock().insert((task, Arc::clone(reason)))
    }

    /// Claims the row that an earlier process left of the call `new`, and returns what becomes of the call.
    ///
    /// # Errors
    ///
    /// If the call is not recorded, the run is strict, and recorded calls are missing.
    pub(crate) fn claim(
        &self,
        identity: Identity,
        new: &NewTaskRun,
        at_most_once: bool,
    ) -> Result<Claim, Refusal> {
        let Some(previous) = &self.previous else { return Ok((None, None)) };
        let mut previous = previous.lock();
        let claim = previous.claim(identity, new, at_most_once)?;
        let warning = match &claim {
            (Some(row), Some(PreviousCall::Succeeded)) => previous.older_source(row, new.task),
            _ => None,
        };
        drop(previous);
        if let Some(warning) = warning {
            tracing::warn!(flow_run = %self.owned.id, "{warning}");
        }
        Ok(claim)
    }

    /// Reads what earlier processes left; `None` if the run began in this one.
    pub(crate) fn previous<R>(&self, read: impl FnOnce(&PreviousRuns) -> R) -> Option<R> {
        self.previous.as_ref().map(|previous| read(&previous.lock()))
    }

    /// Warns about recorded calls that were not made again, now that the body of the flow has returned.
    ///
    /// # Errors
    ///
    /// If there are any, and the run is strict.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let Some((strict, missing, instead, left_behind, twice)) = self.previous(|previous| {
            let missing = previous.not_called_again(None);
            let instead = previous.called_instead().to_vec();
            (previous.strict, missing, instead, previous.left_behind(), previous.perhaps_twice())
        }) else {
            return Ok(());
        };
        for (task, gone, made) in twice {
            tracing::error!(
                flow_run = %self.owned.id,
                "`{task}`: recorded calls that were not made again: {gone}; calls that are not recorded: {made}. It may run at \
                 most once, and one of them may be the same call twice"
            );
        }
        if !left_behind.is_empty() {
            tracing::warn!(
                flow_run = %self.owned.id,
                ?left_behind,
                "tasks that have finished had started others and not awaited them: those did not end, and are not made again"
            );
        }
        let Some(recorded) = missing.first() else { return Ok(()) };
        if strict {
            return Err(Refusal::Diverged { recorded: recorded.clone(), got: None });
        }
        tracing::warn!(
            flow_run = %self.owned.id,
            recorded = ?missing,
            called_instead = ?instead,
            "the code has changed: recorded task runs were not called again, and their results were not used"
        );
        Ok(())
    }

    /// Sends an event to the store. Called under the lock of the record, so that the order is the same.
    pub(crate) fn record(
        &self,
        event: Event,
        task_run: TaskRunRecord,
        request: PersistRequest,
    ) -> Option<CommitReceipt> {
        if self.silent.load(Ordering::Acquire) {
            // A result that is not persisted does not count, and a task that may run at most once does not begin unrecorded.
            let matters = task_run.state().is_success() || matches!(event.kind, EventKind::Started { .. });
            return (request.awaited && matters).then(|| self.refuse());
        }
        let (ack, receipt) = if request.awaited {
            let (ack, receipt) = oneshot::channel();
            (Some(ack), Some(receipt))
        } else {
            (None, None)
        };
        let PersistRequest { call, result, provenance, cache, .. } = request;
        self.store.record(Entry { run: self.owned, event, task_run, call, result, provenance, cache }, ack);
        receipt
    }

    /// Sends what a task run reports to the store. Called under the lock of the record, as [`record`](Self::record) is.
    pub(crate) fn report(&self, task_run: TaskRunId, at: WallTime, kind: FactKind) {
        // The process that resumes the run executes again what was running, which reports it again.
        if !self.silent.load(Ordering::Acquire) {
            self.store.report(Fact { run: self.owned, task_run, at, kind });
        }
    }

    fn refuse(&self) -> CommitReceipt {
        let (ack, receipt) = oneshot::channel();
        let why = self.lost.get().cloned();
        // The other end is right here.
        let _ = ack.send(Err(why.unwrap_or(StoreError::LostOwnership { id: self.owned.id })));
        receipt
    }

    /// Ends the run in this process, so that another one can resume it.
    pub(crate) fn suspend(&self) {
        if !self.silent.swap(true, Ordering::AcqRel) {
            self.store.suspend(self.owned, None);
        }
    }

    /// Takes note that the store persists nothing more of the run, and suspends it. Returns `false` if that was known.
    pub(crate) fn lose(&self, why: StoreError) -> bool {
        let is_first = self.lost.set(why).is_ok();
        if is_first {
            self.suspend();
        }
        is_first
    }

    /// Returns why the store persists nothing more of the run, if so.
    pub(crate) fn lost(&self) -> Option<&StoreError> {
        self.lost.get()
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Acquire)
    }

    /// Stores the value that the flow returned although it is not persisted, for callers that ask for it.
    pub(crate) fn leave_unpersisted<T: Send + 'static>(&self, value: T) {
        *self.unpersisted_value.lock() = Some(Box::new(value));
    }

    pub(crate) fn take_unpersisted<T: 'static>(&self) -> Option<T> {
        let value = self.unpersisted_value.lock().take()?;
        value.downcast().ok().map(|value| *value)
    }
}

/// Waits until an event is durable, and returns `result` then: before that no caller may rely on it.
pub(crate) async fn committed<T, E>(
    core: &Core,
    receipt: CommitReceipt,
    result: Result<T, Error<E>>,
) -> Result<T, Error<E>> {
    match acknowledged(core, receipt).await {
        Ok(()) => result,
        Err(_) if core.is_suspended() => Err(core.stopped(false)),
        Err(error @ StoreError::UnknownRun { .. }) if is_keyed(core) => {
            // The run did not begin: another process has begun one for the same key.
            core.run().inspect(|run| run.lose_all(&error));
            Err(Error::Refused { run: core.label(), refusal: Refusal::KeyTaken })
        }
        Err(error) => {
            tracing::error!(task = %core.label(), %error, "the result could not be persisted");
            if let Some(run) = core.run()
                && is_loss(&error)
            {
                run.lose_all(&error);
            }
            Err(Error::Store { run: core.label(), source: Arc::new(error) })
        }
    }
}

/// Waits for the acknowledgement of the store.
pub(crate) async fn acknowledged(core: &Core, receipt: CommitReceipt) -> Result<(), StoreError> {
    let may_block = core.run_store().is_none_or(|run_store| run_store.store.may_block());
    answered(may_block, receipt).await
}

/// Waits for the answer of a store. The clock of a test is paused meanwhile if the answer `may_block`.
pub(crate) async fn answered<R>(
    may_block: bool,
    answer: impl Future<Output = Result<Result<R, StoreError>, RecvError>>,
) -> Result<R, StoreError> {
    let hold = may_block.then(hold_clock);
    let answer = answer.await.unwrap_or(Err(StoreError::Closed));
    if let Some(hold) = hold {
        hold.release();
    }
    answer
}

/// Whether the store persists nothing more of a run after this error.
fn is_loss(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::LostOwnership { .. }
            | StoreError::GaveUp { .. }
            | StoreError::Removed { .. }
            | StoreError::Closed
    )
}

fn is_keyed(core: &Core) -> bool {
    core.run_store().is_some_and(|run_store| run_store.is_keyed)
}

/// Queries a store, on the blocking pool if that may wait for a disk.
pub(crate) async fn ask<R: Send + 'static>(
    store: &Arc<dyn Store>,
    query: impl FnOnce(&dyn Store) -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    if !store.may_block() {
        return query(&**store);
    }
    let store = Arc::clone(store);
    blocking::ask(move || query(&*store)).await.unwrap_or(Err(StoreError::Closed))
}

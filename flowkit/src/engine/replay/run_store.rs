//! A flow run as its store sees it: what happens is told to it, and what an earlier process left is claimed from it.
//!
//! Not the record: that is the truth of this process. The store hears of every change of it, in the same order.

use std::any::Any;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use tokio::sync::oneshot;

use super::previous::{Left, PreviousCall, PreviousRuns, Resumed};
use crate::engine::blocking::{self, hold_clock};
use crate::engine::task_run::core::Core;
use crate::model::{
    CallId, Error, Event, EventKind, Identity, NewTaskRun, Provenance, Refusal, TaskRunId, TaskRunRecord,
    WallTime,
};
use crate::policy::durability::Durability;
use crate::store::{CacheEntry, Entry, Fact, FactKind, OwnedRun, Store, StoreError};

/// Comes when what was told cannot be lost any more.
pub(crate) type CommitReceipt = oneshot::Receiver<Result<(), StoreError>>;

/// What is kept together with an event.
#[derive(Default)]
pub(crate) struct PersistRequest {
    pub(crate) call: Option<CallId>,
    pub(crate) result: Option<Vec<u8>>,
    pub(crate) provenance: Option<Provenance>,
    pub(crate) cache: Option<CacheEntry>,
    /// Why there is no result to persist, although there was to be one.
    pub(crate) not_persisted: Option<Arc<str>>,
    /// Whether somebody waits until it is kept.
    pub(crate) awaited: bool,
    /// It is a failure that counts as none if the program turns out to be stopping.
    pub(crate) revocable: bool,
}

pub(crate) struct RunStore {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) owned: OwnedRun,
    pub(crate) durability: Durability,
    /// What earlier processes left; `None` for a run that begins in this one.
    earlier: Option<Mutex<PreviousRuns>>,
    /// A process has died with this run under way.
    pub(crate) has_crashed: bool,
    /// The run stands for an idempotency key, and begins only if that is still reserved for it.
    pub(crate) is_keyed: bool,
    /// The run was suspended, or it is persisted no further: the store hears no more of it.
    silent: AtomicBool,
    /// Why it is kept no further.
    lost: OnceLock<StoreError>,
    /// What the flow gave although its end could not be kept.
    unkept: Mutex<Option<Box<dyn Any + Send>>>,
    /// Of which tasks, by path, and for which reasons, it was said that their results are not persisted.
    not_persisted: Mutex<HashSet<(&'static str, Arc<str>)>>,
}

impl RunStore {
    pub(crate) fn new(store: Arc<dyn Store>, owned: OwnedRun, durability: Durability) -> Self {
        Self {
            store,
            owned,
            durability,
            earlier: None,
            has_crashed: false,
            is_keyed: false,
            silent: AtomicBool::new(false),
            lost: OnceLock::new(),
            unkept: Mutex::default(),
            not_persisted: Mutex::default(),
        }
    }

    /// Takes note of whether the run stands for an idempotency key.
    pub(crate) fn keyed(self, is_keyed: bool) -> Self {
        Self { is_keyed, ..self }
    }

    /// Takes note of what an earlier process left.
    pub(crate) fn with_earlier(self, resumed: &Resumed, max_crashes: u32) -> Self {
        let earlier = Some(Mutex::new(PreviousRuns::new(resumed, max_crashes)));
        Self { earlier, has_crashed: resumed.recovered.run.crashes > 0, ..self }
    }

    /// Takes note that results of a task are not persisted for a reason; whether that is news.
    pub(crate) fn is_news(&self, task: &'static str, reason: &Arc<str>) -> bool {
        self.not_persisted.lock().insert((task, Arc::clone(reason)))
    }

    /// Returns what an earlier process left of the call `new`: its row, once, and what becomes of the call.
    ///
    /// # Errors
    ///
    /// If the call is not recorded, and the run wants recorded ones first.
    pub(crate) fn claim(
        &self,
        identity: Identity,
        new: &NewTaskRun,
        at_most_once: bool,
    ) -> Result<Left, Refusal> {
        let Some(earlier) = &self.earlier else { return Ok((None, None)) };
        let mut earlier = earlier.lock();
        let left = earlier.claim(identity, new, at_most_once)?;
        let older = match &left {
            (Some(row), Some(PreviousCall::Kept)) => earlier.older_source(row, new.task),
            _ => None,
        };
        drop(earlier);
        if let Some(words) = older {
            tracing::warn!(flow_run = %self.owned.id, "{words}");
        }
        Ok(left)
    }

    /// Looks at what an earlier process left; `None` if the run begins in this one.
    pub(crate) fn earlier<R>(&self, look: impl FnOnce(&PreviousRuns) -> R) -> Option<R> {
        self.earlier.as_ref().map(|earlier| look(&earlier.lock()))
    }

    /// Says what of the record the flow has not called again, now that its body has returned.
    ///
    /// # Errors
    ///
    /// If there is something, and the run is strict.
    pub(crate) fn check(&self) -> Result<(), Refusal> {
        let Some((strict, missing, instead, left, twice)) = self.earlier(|earlier| {
            let missing = earlier.not_called_again(None);
            let instead = earlier.called_instead().to_vec();
            (earlier.wish.strict, missing, instead, earlier.left_behind(), earlier.perhaps_twice())
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
        if !left.is_empty() {
            tracing::warn!(
                flow_run = %self.owned.id,
                left_behind = ?left,
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

    /// Tells the store what happened. Called under the lock of the record, so that the order is the same.
    pub(crate) fn record(
        &self,
        event: Event,
        task_run: TaskRunRecord,
        keeping: PersistRequest,
    ) -> Option<CommitReceipt> {
        if self.silent.load(Ordering::Acquire) {
            // A result that nobody keeps is none, and what may run once does not begin unrecorded.
            let matters = task_run.state().is_success() || matches!(event.kind, EventKind::Started { .. });
            return (keeping.awaited && matters).then(|| self.refuse());
        }
        let (ack, receipt) = if keeping.awaited {
            let (ack, receipt) = oneshot::channel();
            (Some(ack), Some(receipt))
        } else {
            (None, None)
        };
        let PersistRequest { call, result, provenance, cache, .. } = keeping;
        self.store.record(Entry { run: self.owned, event, task_run, call, result, provenance, cache }, ack);
        receipt
    }

    /// Tells the store what a task run says of itself. Called under the lock of the record, as [`record`](Self::record) is.
    pub(crate) fn say(&self, task_run: TaskRunId, at: WallTime, kind: FactKind) {
        // The process that resumes the run executes again what was under way, and reports it again.
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

    /// Leaves the run to the process that resumes it.
    pub(crate) fn suspend(&self) {
        if !self.silent.swap(true, Ordering::AcqRel) {
            self.store.suspend(self.owned, None);
        }
    }

    /// Takes note that the run is kept no further, and leaves it to the process that resumes it. Returns whether that is news.
    pub(crate) fn lose(&self, why: StoreError) -> bool {
        let is_news = self.lost.set(why).is_ok();
        if is_news {
            self.suspend();
        }
        is_news
    }

    /// Returns why the run is kept no further, if so.
    pub(crate) fn lost(&self) -> Option<&StoreError> {
        self.lost.get()
    }

    pub(crate) fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Acquire)
    }

    /// Leaves the flow's value to callers that ask for it although it is not persisted.
    pub(crate) fn leave_unpersisted<T: Send + 'static>(&self, value: T) {
        *self.unkept.lock() = Some(Box::new(value));
    }

    pub(crate) fn take_unpersisted<T: 'static>(&self) -> Option<T> {
        let value = self.unkept.lock().take()?;
        value.downcast().ok().map(|value| *value)
    }
}

/// Waits until what was told is kept. Only then may anybody rely on it.
pub(crate) async fn committed<T, E>(
    core: &Core,
    receipt: CommitReceipt,
    result: Result<T, Error<E>>,
) -> Result<T, Error<E>> {
    match comes(core, receipt).await {
        Ok(()) => result,
        Err(_) if core.is_suspended() => Err(core.stopped(false)),
        Err(error @ StoreError::UnknownRun { .. }) if is_keyed(core) => {
            // It did not begin: another process has begun one for its key.
            core.run().inspect(|run| run.lose_all(&error));
            Err(Error::Refused { run: core.label(), refusal: Refusal::KeyTaken })
        }
        Err(error) => {
            tracing::error!(task = %core.label(), %error, "the result could not be kept");
            if let Some(run) = core.run()
                && is_loss(&error)
            {
                run.lose_all(&error);
            }
            Err(Error::Store { run: core.label(), source: Arc::new(error) })
        }
    }
}

/// Waits for the answer of the store; a test's clock stands still meanwhile.
pub(crate) async fn comes(core: &Core, receipt: CommitReceipt) -> Result<(), StoreError> {
    let may_block = core.run_store().is_none_or(|kept| kept.store.may_block());
    let hold = may_block.then(hold_clock);
    let answer = receipt.await.unwrap_or(Err(StoreError::Closed));
    if let Some(hold) = hold {
        hold.release();
    }
    answer
}

/// Whether nothing more is kept of a run after this error, whatever else is told of it.
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
    core.run_store().is_some_and(|kept| kept.is_keyed)
}

/// Asks a store something that may wait for a disk.
pub(crate) async fn ask<R: Send + 'static>(
    store: &Arc<dyn Store>,
    question: impl FnOnce(&dyn Store) -> Result<R, StoreError> + Send + 'static,
) -> Result<R, StoreError> {
    if !store.may_block() {
        return question(&**store);
    }
    let store = Arc::clone(store);
    blocking::ask(move || question(&*store)).await.unwrap_or(Err(StoreError::Closed))
}

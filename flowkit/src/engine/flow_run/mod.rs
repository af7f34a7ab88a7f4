//! One flow run while it lives: its record, its children, its end.

pub(crate) mod active_runs;
mod attempt;
pub(crate) mod begin;
pub(crate) mod cancellation;
mod ending;
pub(crate) mod ends;
pub(crate) mod observer;
mod reading;
mod run_state;
pub(crate) mod start;
mod stopping;
pub(crate) mod sub_flow;
pub(crate) mod tally;
mod telling;
pub(crate) mod waits;

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Waker;

use tokio::sync::Notify;

pub(crate) use self::attempt::{CriticalFailure, FlowAttempt};
use self::begin::{Begun, begin, origin};
use self::cancellation::Cancellation;
use self::observer::{Audience, tell};
use self::run_state::RunState;
use crate::clock::RunClock;
use crate::engine::context::Current;
use crate::engine::limits::Want;
use crate::engine::replay::memo::ResultMemo;
use crate::engine::replay::previous::{PreviousCall, Resumed};
use crate::engine::replay::run_store::{CommitReceipt, PersistRequest, RunStore};
use crate::engine::runtime::Runtime;
use crate::engine::task_run::queue::ReadyQueue;
use crate::model::{
    Event, EventKind, FlowRunId, Identity, IllegalTransition, NewTaskRun, OrderNo, Origin, Provenance,
    Refusal, TaskRunId, TaskRunRecord,
};
use crate::policy::TaskPolicy;
use crate::policy::durability::Durability;

/// Flows that call each other may nest this deep; beyond it somebody recurses without end.
pub(crate) const DEPTH_MAX: u32 = 10_000;

/// The number of flow runs that are alive in this process, to tell a lost context from a program without flows.
static ALIVE: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Run {
    pub(crate) id: FlowRunId,
    pub(crate) runtime: Runtime,
    pub(crate) depth: u32,
    /// Where a run inside another one comes from.
    pub(crate) origin: Option<Box<Origin>>,
    pub(crate) clock: RunClock,
    pub(crate) tokio: tokio::runtime::Handle,
    /// The task runs that are ready to start.
    pub(crate) queue: ReadyQueue,
    /// What the flow and the runtime say to tasks that say nothing themselves; `None` when both say nothing.
    pub(crate) task_defaults: Option<TaskPolicy>,
    /// The limit on the tasks of this run that run at the same time.
    pub(crate) max_concurrency: Option<Want>,
    /// The results that later attempts of the flow take over. Calls have keys where there is one: in a flow that may be
    /// retried, or that is kept.
    pub(crate) journal: Option<ResultMemo>,
    /// The store's side of the run, if a store keeps it.
    pub(crate) kept: Option<RunStore>,
    /// Of the whole run; each attempt of the flow has a child of it.
    pub(crate) cancellation: Cancellation,
    /// It was suspended with its program.
    suspended: AtomicBool,
    pub(crate) audience: Audience,
    /// How many events the audience was told of.
    pub(crate) told: Mutex<usize>,
    ledger: Mutex<RunState>,
    idle: Notify,
    stream_waiting: AtomicBool,
    stream_wakers: Mutex<Vec<Waker>>,
}

pub(crate) struct NewRun<'a> {
    pub(crate) runtime: Runtime,
    pub(crate) tokio: tokio::runtime::Handle,
    pub(crate) parent: Option<&'a Current>,
    pub(crate) depth: u32,
    pub(crate) task_defaults: TaskPolicy,
    pub(crate) max_concurrency: Option<u32>,
    pub(crate) retries: u32,
    pub(crate) durability: Option<Durability>,
    /// The arguments as a JSON object, for the process that resumes the run.
    pub(crate) parameters: Option<String>,
    /// The id of the run, and the key that is reserved for it.
    pub(crate) keyed: Option<(FlowRunId, Arc<str>)>,
    /// What an earlier process left of the run.
    pub(crate) resumed: Option<Box<Resumed>>,
    pub(crate) root: NewTaskRun,
}

/// A call that is part of the run now.
pub(crate) struct Child {
    pub(crate) id: TaskRunId,
    pub(crate) claimed: Option<PreviousCall>,
    /// The number of its end in an earlier process, if it ends so again.
    pub(crate) recorded_no: Option<OrderNo>,
    /// What is recorded of the value, if it is a result or a failure.
    pub(crate) recorded: Option<Provenance>,
}

/// Keeps a run open until it is dropped.
pub(crate) struct OpenGuard(Arc<Run>);

impl Drop for OpenGuard {
    fn drop(&mut self) {
        let mut ledger = self.0.ledger.lock();
        ledger.pending -= 1;
        let idle = ledger.driver_may_go();
        drop(ledger);
        if idle {
            self.0.idle.notify_one();
        }
    }
}

impl Run {
    pub(crate) fn new(mut new: NewRun<'_>) -> Arc<Self> {
        let parent = new.parent.and_then(|current| match &current.core().home {
            crate::engine::task_run::core::RunScope::Flow(attempt) => Some(attempt),
            crate::engine::task_run::core::RunScope::Outside(_) => None,
        });
        let task_defaults = new.task_defaults.or(new.runtime.task_defaults());
        let origin = new.parent.and_then(|current| origin(current.core(), &new.root));
        let Begun { id, clock, record, kept } = begin(&mut new, parent, origin.as_ref());
        ALIVE.fetch_add(1, Ordering::Relaxed);
        let run = Arc::new(Self {
            id,
            depth: new.depth,
            origin: origin.map(Box::new),
            cancellation: parent.map_or_else(Cancellation::new, |attempt| attempt.cancellation.child()),
            max_concurrency: new.max_concurrency.map(|slots| {
                let name = format!("flow run {id}");
                new.runtime.limits().set(&name, slots);
                Want { name: name.into(), weight: 1 }
            }),
            journal: (new.retries > 0 || kept.is_some()).then(|| ResultMemo::new(new.retries > 0)),
            kept,
            task_defaults: (task_defaults != TaskPolicy::EMPTY).then_some(task_defaults),
            audience: new.runtime.observers().audience(),
            runtime: new.runtime,
            clock,
            tokio: new.tokio,
            queue: ReadyQueue::default(),
            told: Mutex::new(0),
            suspended: AtomicBool::new(false),
            ledger: Mutex::new(RunState { record, closed: true, ..RunState::default() }),
            idle: Notify::new(),
            stream_waiting: AtomicBool::new(false),
            stream_wakers: Mutex::default(),
        });
        run.runtime.live().add(&run);
        run
    }

    /// Adds a child, or takes up what an earlier process left of it.
    ///
    /// # Errors
    ///
    /// If the run is closed, or wants recorded calls first.
    pub(crate) fn create(
        &self,
        new: NewTaskRun,
        identity: Option<Identity>,
        at_most_once: bool,
    ) -> Result<Child, Refusal> {
        let read = self.clock.now();
        let mut ledger = self.ledger.lock();
        if ledger.closed {
            return Err(Refusal::FlowEnded);
        }
        let at = ledger.moment(read);
        let (row, claimed) = match self.kept.as_ref().zip(identity) {
            Some((kept, identity)) => kept.claim(identity, &new, at_most_once)?,
            None => (None, None),
        };
        let child = match row {
            None => {
                ledger.live += 1;
                let id = ledger.record.create(new, at);
                if let Some(kept) = &self.kept {
                    let event = Event { task_run: id, at, kind: EventKind::Created };
                    let call = identity.map(|identity| identity.call);
                    kept.record(event, ledger.row(id), PersistRequest { call, ..PersistRequest::default() });
                }
                Child { id, claimed, recorded_no: None, recorded: None }
            }
            Some(row) => {
                // A retried failure may end at another time, and a run that was interrupted has not ended, unless that was while
                // a success was being made again.
                let ends_so = row.state.is_success()
                    || !row.state.is_terminal()
                    || !matches!(claimed, Some(PreviousCall::Again(_) | PreviousCall::Refused(_)));
                let recorded_no = row.place_among_ends().filter(|_| ends_so && row.unknown.is_none());
                ledger.record.claim(TaskRunRecord::recovered(new, &row, self.clock.created()));
                if matches!(claimed, None | Some(PreviousCall::Again(_) | PreviousCall::Refused(_))) {
                    self.reopen_in(&mut ledger, row.id);
                }
                Child { id: row.id, claimed, recorded_no, recorded: row.provenance }
            }
        };
        drop(ledger);
        self.wrote();
        self.announce();
        Ok(child)
    }

    /// Makes a run that has ended in an earlier process run again.
    pub(crate) fn reopen(&self, id: TaskRunId) {
        self.reopen_in(&mut self.ledger.lock(), id);
        self.wrote();
        self.announce();
    }

    fn reopen_in(&self, ledger: &mut RunState, id: TaskRunId) {
        if id != TaskRunId::FLOW {
            ledger.live += 1;
        }
        let event = Event { task_run: id, at: self.clock.now(), kind: EventKind::Reopened };
        if self.accepted(ledger.record.apply(event.clone()), id)
            && let Some(kept) = &self.kept
        {
            kept.record(event, ledger.row(id), PersistRequest::default());
        }
    }

    /// Says what happened to a run of this flow run.
    pub(crate) fn emit(&self, task_run: TaskRunId, kind: EventKind) {
        self.emit_persisted(task_run, kind, &mut PersistRequest::default());
    }

    /// Says what happened to a run of this flow run, with what is to be kept of it; that is taken only where there is a store.
    pub(crate) fn emit_persisted(
        &self,
        task_run: TaskRunId,
        kind: EventKind,
        keeping: &mut PersistRequest,
    ) -> Option<CommitReceipt> {
        let read = self.clock.now();
        let mut ledger = self.ledger.lock();
        let at = ledger.moment(read);
        let is_end = kind.is_end() && task_run != TaskRunId::FLOW;
        let is_revocable = keeping.revocable && task_run != TaskRunId::FLOW;
        let event = Event { task_run, at, kind };
        let told = self.kept.as_ref().map(|kept| (kept, event.clone()));
        if !self.accepted(ledger.record.apply(event), task_run) {
            return None;
        }
        if let Some(reason) = &keeping.not_persisted
            && let Some(row) = ledger.record.task_run_mut(task_run)
        {
            row.set_not_persisted(Arc::clone(reason));
        }
        let receipt =
            told.and_then(|(kept, event)| kept.record(event, ledger.row(task_run), std::mem::take(keeping)));
        if is_revocable {
            self.failed(&mut ledger, task_run, at);
        }
        let mut idle = false;
        let mut watchers = None;
        if is_end {
            ledger.live -= 1;
            idle = ledger.driver_may_go();
            let no = ledger.record.last_no();
            watchers = ledger.watchers.ended(task_run, no);
        }
        drop(ledger);
        if idle {
            self.idle.notify_one();
        }
        if let Some(watchers) = watchers {
            watchers.into_iter().for_each(Waker::wake);
        }
        self.wrote();
        self.announce();
        receipt
    }

    /// Whether an event fitted the state of its run.
    fn accepted(&self, applied: Result<(), IllegalTransition>, task_run: TaskRunId) -> bool {
        let Err(illegal) = applied else { return true };
        debug_assert!(false, "bug in flowkit: {illegal}");
        tracing::error!(flow_run = %self.id, %task_run, %illegal, "bug in flowkit: an event was refused");
        false
    }

    /// Says what an earlier process has recorded and this one has not called.
    ///
    /// # Errors
    ///
    /// If there is something, and the run is strict.
    pub(crate) fn check_against_record(&self) -> Result<(), Refusal> {
        self.kept.as_ref().map_or(Ok(()), RunStore::check)
    }

    /// Waits, where so much is to be written that more would cost memory without end.
    fn wrote(&self) {
        if let Some(kept) = &self.kept {
            kept.store.wait_for_room();
        }
    }

    /// Keeps the run open for what is not a child, or not yet; `None` if it is closed.
    pub(crate) fn hold_open(self: &Arc<Self>) -> Option<OpenGuard> {
        let mut ledger = self.ledger.lock();
        if ledger.closed {
            return None;
        }
        ledger.pending += 1;
        Some(OpenGuard(Arc::clone(self)))
    }

    /// Waits until no child is left, and closes the run to further ones.
    pub(crate) async fn join(&self) {
        loop {
            {
                let mut ledger = self.ledger.lock();
                ledger.joining = !ledger.is_idle();
                if !ledger.joining {
                    ledger.closed = true;
                    return;
                }
            }
            self.idle.notified().await;
        }
    }

    /// The number of children that have not ended.
    pub(crate) fn live(&self) -> usize {
        self.ledger.lock().live
    }

    /// Gives the observers the rest, and forgets what was set up for this run only.
    pub(crate) fn finish(&self) {
        match &self.kept {
            // It had ended and only gave its result once more, or nobody came to go on with it: it stays as it is.
            Some(kept) if self.event_count() == 0 => kept.suspend(),
            // The tokio runtime ended before the run began.
            _ if !self.state().is_over() => {
                self.emit(TaskRunId::FLOW, EventKind::Cancelled { orphaned: false });
            }
            _ => {}
        }
        if let Some(limit) = &self.max_concurrency {
            self.runtime.limits().remove(&limit.name);
        }
        self.announce();
        self.runtime.live().remove(self.id);
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }

    fn announce(&self) {
        // Mostly nobody waits, and a load leaves the line in every thread's cache. A waiter says so before it looks
        // at the record once more, and the event was written under the record's lock: one of the two sees the other.
        if self.stream_waiting.load(Ordering::SeqCst) && self.stream_waiting.swap(false, Ordering::SeqCst) {
            for waker in std::mem::take(&mut *self.stream_wakers.lock()) {
                waker.wake();
            }
        }
        if !self.audience.is_empty() {
            tell(self);
        }
    }
}

/// Whether any flow run is alive in this process.
pub(crate) fn any_alive() -> bool {
    ALIVE.load(Ordering::Relaxed) > 0
}

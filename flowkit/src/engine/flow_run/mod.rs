//! One flow run while it lives: its record, its children, its end.

pub(crate) mod active_runs;
mod attempt;
pub(crate) mod begin;
pub(crate) mod cancellation;
pub(crate) mod ends;
pub(crate) mod observer;
mod record;
pub(crate) mod start;
pub(crate) mod sub_flow;
pub(crate) mod tally;
pub(crate) mod waits;

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Waker;

use tokio::sync::Notify;

pub(crate) use self::attempt::{CriticalFailure, FlowAttempt};
use self::begin::{Begun, begin, origin};
use self::cancellation::Cancellation;
use self::observer::{Audience, notify};
pub(crate) use self::record::OpenGuard;
use self::record::SharedState;
use crate::clock::RunClock;
use crate::engine::context::Current;
use crate::engine::limits::Want;
use crate::engine::replay::memo::ResultMemo;
use crate::engine::replay::previous::{PreviousCall, ResumedRun};
use crate::engine::replay::run_store::RunStore;
use crate::engine::runtime::Runtime;
use crate::engine::task_run::queue::ReadyQueue;
use crate::model::{EventKind, FlowRunId, NewTaskRun, OrderNo, Origin, Provenance, TaskRunId};
use crate::policy::TaskPolicy;
use crate::policy::durability::Durability;

/// Flows that call each other may nest this deep; anything deeper is an endless recursion. A chain of one cause per level
/// can be dropped by plain recursion, which takes some 250 bytes of the stack for each.
pub(crate) const DEPTH_MAX: u32 = 1_000;

/// The number of flow runs that are alive in this process, to distinguish a lost context from a program without flows.
static ALIVE: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Run {
    pub(crate) id: FlowRunId,
    pub(crate) runtime: Runtime,
    pub(crate) depth: u32,
    /// The run inside which this one was started.
    pub(crate) origin: Option<Box<Origin>>,
    pub(crate) clock: RunClock,
    pub(crate) tokio: tokio::runtime::Handle,
    /// The task runs that are ready to start.
    pub(crate) queue: ReadyQueue,
    /// The policy of the flow and of the runtime for tasks that set none themselves; `None` when both are empty.
    pub(crate) task_defaults: Option<TaskPolicy>,
    /// The limit on concurrently running tasks of this run.
    pub(crate) max_concurrency: Option<Want>,
    /// The results that later attempts of the flow take over. Calls have keys only in runs that have a memo: those of flows
    /// that may be retried, and persisted ones.
    pub(crate) memo: Option<ResultMemo>,
    /// The store's side of the run; `None` if it is not persisted.
    pub(crate) run_store: Option<RunStore>,
    /// Cancels the whole run; each attempt of the flow has a child of it.
    pub(crate) cancellation: Cancellation,
    /// It was suspended with its program.
    suspended: AtomicBool,
    pub(crate) audience: Audience,
    /// How many events the audience was notified of.
    pub(crate) notified: Mutex<usize>,
    state: SharedState,
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
    pub(crate) resumed: Option<Box<ResumedRun>>,
    pub(crate) root: NewTaskRun,
}

/// A call that is part of the run now.
pub(crate) struct Child {
    pub(crate) id: TaskRunId,
    pub(crate) claimed: Option<PreviousCall>,
    /// The number of its end in an earlier process, if it ends the same way again.
    pub(crate) recorded_no: Option<OrderNo>,
    /// The recorded provenance of its value or failure.
    pub(crate) recorded: Option<Provenance>,
}

impl Run {
    pub(crate) fn new(mut new: NewRun<'_>) -> Arc<Self> {
        let parent = new.parent.and_then(|current| match &current.core().scope {
            crate::engine::task_run::core::RunScope::Flow(attempt) => Some(attempt),
            crate::engine::task_run::core::RunScope::Outside(_) => None,
        });
        let task_defaults = new.task_defaults.or(new.runtime.task_defaults());
        let origin = new.parent.and_then(|current| origin(current.core(), &new.root));
        let Begun { id, clock, record, run_store } = begin(&mut new, parent, origin.as_ref());
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
            memo: (new.retries > 0 || run_store.is_some()).then(|| ResultMemo::new(new.retries > 0)),
            run_store,
            task_defaults: (task_defaults != TaskPolicy::EMPTY).then_some(task_defaults),
            audience: new.runtime.observers().of_events.get().unwrap_or_default(),
            runtime: new.runtime,
            clock,
            tokio: new.tokio,
            queue: ReadyQueue::default(),
            notified: Mutex::new(0),
            suspended: AtomicBool::new(false),
            state: SharedState::new(record),
            idle: Notify::new(),
            stream_waiting: AtomicBool::new(false),
            stream_wakers: Mutex::default(),
        });
        run.runtime.active_runs().add(&run);
        run
    }

    /// Notifies the observers of the remaining events, and removes what was set up for this run only.
    pub(crate) fn finish(&self) {
        match &self.run_store {
            // It had ended and only gave its result once more, or its driver was dropped before it resumed: it stays as it is.
            Some(run_store) if self.event_count() == 0 => run_store.suspend(),
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
        self.runtime.active_runs().remove(self.id);
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }

    /// What follows each change of the record, when its lock is released.
    #[inline]
    fn publish(&self) {
        self.wait_for_room();
        self.announce();
    }

    /// Waits while the store has so much left to write that more would use memory without bound.
    fn wait_for_room(&self) {
        if let Some(run_store) = &self.run_store {
            run_store.store.wait_for_room();
        }
    }

    fn announce(&self) {
        // Mostly no stream waits, and a load leaves the line in every thread's cache. A waiter sets the flag before it
        // reads the record once more, and the event was recorded under the lock: one of the two sees the other.
        if self.stream_waiting.load(Ordering::SeqCst) && self.stream_waiting.swap(false, Ordering::SeqCst) {
            for waker in std::mem::take(&mut *self.stream_wakers.lock()) {
                waker.wake();
            }
        }
        if !self.audience.is_empty() {
            notify(self);
        }
    }
}

/// Whether any flow run is alive in this process.
pub(crate) fn any_alive() -> bool {
    ALIVE.load(Ordering::Relaxed) > 0
}

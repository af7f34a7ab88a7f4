//! One flow run while it lives: its record, its children, its end.

use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::Waker;

use tokio::sync::Notify;

use super::cancellation::Cancellation;
use super::clock::RunClock;
use super::context::Current;
use super::journal::{Journal, Ordinals};
use super::limits::Want;
use super::observer::{Audience, tell};
use super::queue::Queue;
use super::runtime::Runtime;
use crate::model::{
    Edges, Event, EventKind, FlowRunId, NewTaskRun, Origin, RunRecord, State, TaskRun, TaskRunId, Timestamp,
    label_of,
};
use crate::policy::TaskPolicy;

/// Flows that call each other may nest this deep; beyond it somebody recurses without end.
pub(crate) const DEPTH_MAX: u32 = 10_000;

/// A path of nested flows longer than this, in bytes, begins anew: nobody reads it.
const PATH_MAX: usize = 200;

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
    pub(crate) queue: Queue,
    /// What the flow and the runtime say to tasks that say nothing themselves; `None` when both say nothing.
    pub(crate) task_defaults: Option<TaskPolicy>,
    /// The limit on the tasks of this run that run at the same time.
    pub(crate) max_concurrency: Option<Want>,
    /// The results that later attempts of the flow take over; kept only where the flow may be retried.
    pub(crate) journal: Option<Journal>,
    /// Of the whole run; each attempt of the flow has a child of it.
    pub(crate) cancellation: Cancellation,
    pub(crate) audience: Audience,
    /// How many events the audience was told of.
    pub(crate) told: Mutex<usize>,
    ledger: Mutex<Ledger>,
    idle: Notify,
    stream_waiting: AtomicBool,
    stream_wakers: Mutex<Vec<Waker>>,
}

/// The record and what must change together with it.
#[derive(Default)]
struct Ledger {
    record: RunRecord,
    /// The children that have not ended.
    live: usize,
    /// What else must end before the run can: lists of children that are not known yet, runs of sub-flows.
    pending: usize,
    /// No child may be added any more: the attempt of the flow is ending.
    closed: bool,
    /// The flow's body has returned, and its driver waits for the last child.
    joining: bool,
}

/// One attempt of a flow: what its children belong to.
pub(crate) struct FlowAttempt {
    pub(crate) run: Arc<Run>,
    pub(crate) cancellation: Cancellation,
    pub(crate) ordinals: Ordinals,
    /// The number of the first task run that this attempt may create.
    pub(crate) first_child: u64,
}

pub(crate) struct NewRun<'a> {
    pub(crate) runtime: Runtime,
    pub(crate) tokio: tokio::runtime::Handle,
    pub(crate) parent: Option<&'a Current>,
    pub(crate) depth: u32,
    pub(crate) task_defaults: TaskPolicy,
    pub(crate) max_concurrency: Option<u32>,
    pub(crate) retries: u32,
    pub(crate) root: NewTaskRun,
}

impl Ledger {
    /// The time of an event that happens now. The clock is read before the lock is taken, which all threads want, so
    /// another event may have come in between: time does not go back for that.
    fn moment(&self, read: Timestamp) -> Timestamp {
        self.record.events().last().map_or(read, |last| last.at.max(read))
    }

    fn is_idle(&self) -> bool {
        self.live == 0 && self.pending == 0
    }

    /// Whether the driver waits for just what has happened now.
    fn driver_may_go(&self) -> bool {
        self.joining && self.is_idle()
    }
}

/// Keeps a run open until it is dropped.
pub(crate) struct KeptOpen(Arc<Run>);

impl Drop for KeptOpen {
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
    pub(crate) fn new(new: NewRun<'_>) -> Arc<Self> {
        let id = FlowRunId::new(uuid::Uuid::now_v7());
        let parent = new.parent.and_then(|current| match &current.core().home {
            super::core::Home::Flow(attempt) => Some(attempt),
            super::core::Home::Outside(_) => None,
        });
        let task_defaults = new.task_defaults.or(new.runtime.task_defaults());
        let origin = new.parent.and_then(|current| origin(current.core(), &new.root));
        let clock = RunClock::start();
        let mut record = RunRecord::default();
        record.create(new.root, clock.now());
        ALIVE.fetch_add(1, Ordering::Relaxed);
        Arc::new(Self {
            id,
            depth: new.depth,
            origin: origin.map(Box::new),
            cancellation: parent.map_or_else(Cancellation::new, |attempt| attempt.cancellation.child()),
            max_concurrency: new.max_concurrency.map(|slots| {
                let name = format!("flow run {id}");
                new.runtime.limits().set(&name, slots);
                Want { name: name.into(), weight: 1 }
            }),
            journal: (new.retries > 0).then(Journal::default),
            task_defaults: (task_defaults != TaskPolicy::EMPTY).then_some(task_defaults),
            audience: new.runtime.observers().audience(),
            runtime: new.runtime,
            clock,
            tokio: new.tokio,
            queue: Queue::default(),
            told: Mutex::new(0),
            ledger: Mutex::new(Ledger { record, live: 0, pending: 0, closed: true, joining: false }),
            idle: Notify::new(),
            stream_waiting: AtomicBool::new(false),
            stream_wakers: Mutex::default(),
        })
    }

    /// Opens the run for the children of an attempt.
    pub(crate) fn open(self: &Arc<Self>) -> Arc<FlowAttempt> {
        let mut ledger = self.ledger.lock();
        ledger.closed = false;
        let first_child = ledger.record.next_id().get();
        self.attempt(self.cancellation.child(), first_child)
    }

    /// What the flow itself belongs to: no attempt of it, but the run as a whole.
    pub(crate) fn whole(self: &Arc<Self>) -> Arc<FlowAttempt> {
        self.attempt(self.cancellation.clone(), 0)
    }

    fn attempt(self: &Arc<Self>, cancellation: Cancellation, first_child: u64) -> Arc<FlowAttempt> {
        Arc::new(FlowAttempt {
            run: Arc::clone(self),
            cancellation,
            ordinals: Ordinals::default(),
            first_child,
        })
    }

    /// Adds a child; `None` if the run is closed.
    pub(crate) fn create(&self, new: NewTaskRun) -> Option<TaskRunId> {
        let read = self.clock.now();
        let mut ledger = self.ledger.lock();
        if ledger.closed {
            return None;
        }
        let at = ledger.moment(read);
        ledger.live += 1;
        let id = ledger.record.create(new, at);
        drop(ledger);
        self.announce();
        Some(id)
    }

    /// Says what happened to a run of this flow run.
    pub(crate) fn emit(&self, task_run: TaskRunId, kind: EventKind) {
        let read = self.clock.now();
        let mut ledger = self.ledger.lock();
        let at = ledger.moment(read);
        let is_end = kind.is_end() && task_run != TaskRunId::FLOW;
        let applied = ledger.record.apply(Event { task_run, at, kind });
        let mut idle = false;
        if applied.is_ok() && is_end {
            ledger.live -= 1;
            idle = ledger.driver_may_go();
        }
        drop(ledger);
        if let Err(illegal) = applied {
            debug_assert!(false, "bug in flowkit: {illegal}");
            tracing::error!(flow_run = %self.id, %task_run, %illegal, "bug in flowkit: an event was refused");
            return;
        }
        if idle {
            self.idle.notify_one();
        }
        self.announce();
    }

    /// Keeps the run open for what is not a child, or not yet; `None` if it is closed.
    pub(crate) fn keep_open(self: &Arc<Self>) -> Option<KeptOpen> {
        let mut ledger = self.ledger.lock();
        if ledger.closed {
            return None;
        }
        ledger.pending += 1;
        Some(KeptOpen(Arc::clone(self)))
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

    /// Tells the run to stop, unless it has ended.
    pub(crate) fn cancel(&self) {
        if !self.state().is_terminal() && !self.cancellation.is_cancelled() {
            tracing::info!(flow_run = %self.id, "cancelling");
            self.cancellation.cancel();
        }
    }

    /// The number of children that have not ended.
    pub(crate) fn live(&self) -> usize {
        self.ledger.lock().live
    }

    /// Gives the observers the rest, and forgets what was set up for this run only.
    pub(crate) fn finish(&self) {
        if !self.state().is_terminal() {
            // The tokio runtime ended before the run began.
            self.emit(TaskRunId::FLOW, EventKind::Cancelled { orphaned: false });
        }
        if let Some(limit) = &self.max_concurrency {
            self.runtime.limits().remove(&limit.name);
        }
        self.announce();
        ALIVE.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn read<R>(&self, f: impl FnOnce(&RunRecord) -> R) -> R {
        f(&self.ledger.lock().record)
    }

    pub(crate) fn change_task_run(&self, id: TaskRunId, change: impl FnOnce(&mut TaskRun)) {
        if let Some(task_run) = self.ledger.lock().record.task_run_mut(id) {
            change(task_run);
        }
    }

    pub(crate) fn set_edges(&self, id: TaskRunId, edges: Edges) {
        self.change_task_run(id, |task_run| task_run.set_edges(edges));
    }

    pub(crate) fn task_run(&self, id: TaskRunId) -> Option<TaskRun> {
        self.ledger.lock().record.task_run(id).cloned()
    }

    pub(crate) fn state(&self) -> State {
        self.ledger.lock().record.task_run(TaskRunId::FLOW).map_or(State::Pending, TaskRun::state)
    }

    pub(crate) fn event_count(&self) -> usize {
        self.ledger.lock().record.events().len()
    }

    pub(crate) fn event(&self, index: usize) -> Option<(Event, TaskRun)> {
        let ledger = self.ledger.lock();
        let event = ledger.record.events().get(index)?.clone();
        let task_run = ledger.record.task_run(event.task_run)?.clone();
        Some((event, task_run))
    }

    /// Wakes `waker` at the next event.
    pub(crate) fn wake_at_next_event(&self, waker: &Waker) {
        let mut wakers = self.stream_wakers.lock();
        if !wakers.iter().any(|known| known.will_wake(waker)) {
            wakers.push(waker.clone());
        }
        self.stream_waiting.store(true, Ordering::SeqCst);
    }

    fn announce(&self) {
        // Mostly nobody waits, and a load leaves the line in every thread's cache. Whoever waits says so before it looks
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

/// Says where a run comes from that is started in the scope of `parent`.
fn origin(parent: &super::core::Core, root: &NewTaskRun) -> Option<Origin> {
    let outer = parent.run()?;
    // Behind a node, the node's name is the run's: it knows the index. A run apart has a name of its own.
    let is_node = parent.id != TaskRunId::FLOW && std::ptr::eq(parent.declaration, root.task);
    let label = if is_node {
        parent.label().as_str().to_owned()
    } else {
        label_of(root.task, root.index, root.extras.as_deref())
    };
    let (root, path) = match &outer.origin {
        // Flows may be nested 10,000 deep, and all of those paths would be alive at the same time.
        Some(origin) if origin.path.len() > PATH_MAX => (origin.root, format!("… › {label}").into()),
        Some(origin) => (origin.root, format!("{} › {label}", origin.path).into()),
        None => (outer.id, label.into()),
    };
    Some(Origin { root, flow_run: outer.id, task_run: parent.id, path })
}

/// Whether any flow run is alive in this process.
pub(crate) fn any_alive() -> bool {
    ALIVE.load(Ordering::Relaxed) > 0
}

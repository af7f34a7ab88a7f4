//! A start that is put off until the inputs have ended, and then until its turn comes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use parking_lot::Mutex;

use super::CauseKind;
use crate::engine::flow_run::Run;
use crate::engine::task_run::completion::Continuation;
use crate::engine::task_run::queue::Ready;

/// Something that starts when its inputs have ended.
pub(crate) trait Deferrable: Send + 'static {
    /// The flow run to which it belongs.
    fn run(&self) -> &Arc<Run>;
    /// Subscribes to the pending inputs and returns how many there are.
    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> usize;
    /// Queues for the slots that it needs, now that its inputs have ended.
    fn reserve(&self);
    /// Has `waker` woken when it is cancelled.
    fn wake_at_cancel(&self, waker: &Waker);
    /// Spawns a driver for it, which must be counted as ahead in the queue of its run.
    fn spawn(self);
}

/// Holds something until it is ready to start, and then until its turn comes: the end of its last input makes it ready.
///
/// Cancelling makes it ready early, so that it can end as cancelled.
pub(crate) struct Deferred<D> {
    remaining: AtomicUsize,
    /// It is ready. The thread that sets this queues it, and the one that takes it from the queue finds it set.
    ready: AtomicBool,
    deferred: Mutex<Option<D>>,
}

/// More than there can be inputs, so that inputs that end early start nothing before all are counted.
const NOT_COUNTED_YET: usize = usize::MAX / 2;

impl<D: Deferrable> Deferred<D> {
    /// Holds what waits only for its turn.
    pub(crate) fn ready(deferred: D) -> Self {
        Self { remaining: AtomicUsize::new(0), ready: AtomicBool::new(true), deferred: Some(deferred).into() }
    }

    /// Starts `deferred` when all of its inputs have ended: now, if they have.
    pub(crate) fn schedule(deferred: D) {
        let this = Arc::new(Self {
            remaining: AtomicUsize::new(NOT_COUNTED_YET),
            ready: AtomicBool::new(false),
            deferred: Mutex::new(Some(deferred)),
        });
        let continuation: Arc<dyn Continuation> = this.clone();
        let pending = this.deferred.lock().as_ref().map_or(0, |deferred| {
            deferred.wake_at_cancel(&Waker::from(Arc::clone(&this)));
            deferred.subscribe(&continuation)
        });
        let surplus = NOT_COUNTED_YET - pending;
        if this.remaining.fetch_sub(surplus, Ordering::AcqRel) == surplus && this.becomes_ready() {
            this.enqueue();
        }
    }

    /// Takes out what was deferred.
    pub(crate) fn take(&self) -> D {
        self.deferred.lock().take().expect("bug in flowkit: a task run was started twice")
    }

    fn becomes_ready(&self) -> bool {
        !self.ready.swap(true, Ordering::AcqRel)
    }
}

impl<D: Deferrable> Ready for Deferred<D> {
    fn enqueue(self: Arc<Self>) {
        let run = self.deferred.lock().as_ref().map(|deferred| {
            deferred.reserve();
            Arc::clone(deferred.run())
        });
        let run = run.expect("bug in flowkit: a task run was queued twice");
        if run.queue.admit() { self.spawn() } else { run.queue.push(self) }
    }

    fn spawn(self: Arc<Self>) {
        self.take().spawn();
    }

    fn abandon(self: Arc<Self>) {
        drop(self.take());
    }
}

impl<D: Deferrable> Wake for Deferred<D> {
    fn wake(self: Arc<Self>) {
        if self.becomes_ready() {
            self.enqueue();
        }
    }
}

impl<D: Deferrable> Continuation for Deferred<D> {
    fn input_ended(self: Arc<Self>, _failure: Option<CauseKind>) -> Option<Arc<dyn Ready>> {
        let is_last = self.remaining.fetch_sub(1, Ordering::AcqRel) == 1;
        (is_last && self.becomes_ready()).then_some(self as Arc<dyn Ready>)
    }
}

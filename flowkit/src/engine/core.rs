//! The part of a task run that does not depend on its types: who it is, where it belongs, how it is stopped.

use parking_lot::{Mutex, MutexGuard};
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::task::{Context, Poll};

use futures_util::task::AtomicWaker;

use super::flow_run::{FlowAttempt, Run};
use super::limits::{Permit, Want};
use super::runtime::Runtime;
use crate::model::{Declaration, Digest, EventKind, RunLabel, TaskRunId, label_of};

/// Whatever runs in the scope of a task run: its slot, or the core itself for a call that is awaited in place.
pub(crate) trait Scoped: Send + Sync {
    fn core(&self) -> &Core;
}

/// Where a task run belongs.
#[derive(Clone)]
pub(crate) enum Home {
    /// To an attempt of a flow run, which records it.
    Flow(Arc<FlowAttempt>),
    /// To nobody: it was called outside a flow.
    Outside(Runtime),
}

#[doc(hidden)]
pub struct Core {
    pub(crate) home: Home,
    pub(crate) id: TaskRunId,
    pub(crate) declaration: &'static Declaration,
    pub(crate) index: Option<u32>,
    pub(crate) location: &'static Location<'static>,
    attempt: AtomicU32,
    flags: AtomicU8,
    cancel_waker: AtomicWaker,
    extras: Mutex<Option<Box<CoreExtras>>>,
}

/// What few task runs have.
#[derive(Default)]
struct CoreExtras {
    name: Option<String>,
    key: Option<Digest>,
    parent_key: Option<Digest>,
    hold: Option<Hold>,
}

/// The slots of limits that a running attempt holds, or held before it began to wait.
struct Hold {
    wants: Arc<[Want]>,
    permit: Option<Permit>,
}

const CANCELLED: u8 = 1;
const COOPERATIVE: u8 = 2;
const FATAL: u8 = 4;
const ORPHANED: u8 = 8;
const HOLDS: u8 = 16;

impl Core {
    pub(crate) fn new(
        home: Home,
        id: TaskRunId,
        declaration: &'static Declaration,
        index: Option<u32>,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            home,
            id,
            declaration,
            index,
            location,
            attempt: AtomicU32::new(0),
            flags: AtomicU8::new(0),
            cancel_waker: AtomicWaker::new(),
            extras: Mutex::new(None),
        }
    }

    pub(crate) fn run(&self) -> Option<&Arc<Run>> {
        match &self.home {
            Home::Flow(attempt) => Some(&attempt.run),
            Home::Outside(_) => None,
        }
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        match &self.home {
            Home::Flow(attempt) => &attempt.run.runtime,
            Home::Outside(runtime) => runtime,
        }
    }

    pub(crate) fn label(&self) -> RunLabel {
        let name = self.extras().as_ref().and_then(|extras| extras.name.clone());
        let label = name.unwrap_or_else(|| label_of(self.declaration, self.index, None));
        RunLabel::new(self.declaration.kind, label)
    }

    pub(crate) fn set_name(&self, name: &str) {
        self.extras().get_or_insert_default().name = Some(name.to_owned());
    }

    pub(crate) fn key(&self) -> Option<Digest> {
        self.extras().as_ref().and_then(|extras| extras.key)
    }

    pub(crate) fn set_key(&self, key: Digest) {
        self.extras().get_or_insert_default().key = Some(key);
    }

    /// Returns the key of the run in whose body this one was called.
    pub(crate) fn parent_key(&self) -> Option<Digest> {
        self.extras().as_ref().and_then(|extras| extras.parent_key)
    }

    pub(crate) fn set_parent_key(&self, key: Digest) {
        self.extras().get_or_insert_default().parent_key = Some(key);
    }

    pub(crate) fn set_attempt(&self, attempt: u32) {
        self.attempt.store(attempt, Ordering::Relaxed);
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.attempt.load(Ordering::Relaxed)
    }

    pub(crate) fn emit(&self, kind: EventKind) {
        if let Some(run) = self.run() {
            run.emit(self.id, kind);
        }
    }

    /// Begins an attempt: what the one before said of itself is forgotten.
    pub(crate) fn begin(&self, attempt: u32) {
        self.attempt.store(attempt, Ordering::Relaxed);
        self.clear(FATAL | ORPHANED);
        self.emit(EventKind::Started { attempt });
    }

    fn has(&self, flag: u8) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    fn set(&self, flag: u8) {
        self.flags.fetch_or(flag, Ordering::AcqRel);
    }

    fn clear(&self, flags: u8) {
        // Most attempts find nothing to clear, and a load is cheaper than a locked write.
        if self.has(flags) {
            self.flags.fetch_and(!flags, Ordering::AcqRel);
        }
    }

    /// Says that the error about to be returned shall not be retried.
    pub(crate) fn set_fatal(&self) {
        self.set(FATAL);
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.has(FATAL)
    }

    /// Says that the body could not be stopped.
    pub(crate) fn set_orphaned(&self) {
        self.set(ORPHANED);
    }

    pub(crate) fn is_orphaned(&self) -> bool {
        self.has(ORPHANED)
    }

    /// Says that the body listens for cancellation and is to be given the grace period.
    pub(crate) fn set_cooperative(&self) {
        self.set(COOPERATIVE);
    }

    pub(crate) fn is_cooperative(&self) -> bool {
        self.has(COOPERATIVE)
    }

    /// Stops this task run only.
    pub(crate) fn cancel(&self) {
        self.set(CANCELLED);
        self.cancel_waker.wake();
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
            || matches!(&self.home, Home::Flow(attempt) if attempt.cancellation.is_cancelled())
    }

    /// Polls whether this task run, or the flow attempt to which it belongs, was told to stop.
    ///
    /// At most one future may wait at a time: the attempt loop.
    fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        if self.has(CANCELLED) {
            return Poll::Ready(());
        }
        self.cancel_waker.register(cx.waker());
        if self.has(CANCELLED) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until this task run, or the flow attempt to which it belongs, is told to stop.
    pub(crate) async fn cancelled(&self) {
        let Home::Flow(attempt) = &self.home else {
            return poll_fn(|cx| self.poll_cancelled(cx)).await;
        };
        let mut flow = pin!(attempt.cancellation.cancelled());
        poll_fn(
            |cx| if self.poll_cancelled(cx).is_ready() { Poll::Ready(()) } else { flow.as_mut().poll(cx) },
        )
        .await;
    }

    pub(crate) fn hold(&self, wants: Arc<[Want]>, permit: Permit) {
        self.extras().get_or_insert_default().hold = Some(Hold { wants, permit: Some(permit) });
        self.set(HOLDS);
    }

    /// Whether the attempt holds slots, or will want them back when it stops waiting.
    fn holds_slots(&self) -> bool {
        self.has(HOLDS)
    }

    /// Gives the slots back while the body waits; what is wanted stays known.
    pub(crate) fn lay_down(&self) {
        if self.holds_slots() {
            // Dropped after the lock is free, since it wakes those who wait for the slots.
            let permit = self.extras().as_mut().and_then(|extras| extras.hold.as_mut()?.permit.take());
            drop(permit);
        }
    }

    /// Returns what the body must get back before it goes on, if it laid anything down.
    pub(crate) fn laid_down(&self) -> Option<Arc<[Want]>> {
        if !self.holds_slots() {
            return None;
        }
        let extras = self.extras();
        let hold = extras.as_ref()?.hold.as_ref()?;
        hold.permit.is_none().then(|| Arc::clone(&hold.wants))
    }

    /// Takes the slots up again.
    pub(crate) fn take_up(&self, permit: Permit) {
        if let Some(hold) = self.extras().as_mut().and_then(|extras| extras.hold.as_mut()) {
            hold.permit = Some(permit);
        }
    }

    /// Ends the hold: the attempt is over, or its slots go to the thread that runs it.
    pub(crate) fn let_go(&self) -> Option<Permit> {
        if !self.holds_slots() {
            return None;
        }
        self.clear(HOLDS);
        let hold = self.extras().as_mut().and_then(|extras| extras.hold.take());
        hold.and_then(|hold| hold.permit)
    }

    fn extras(&self) -> MutexGuard<'_, Option<Box<CoreExtras>>> {
        self.extras.lock()
    }
}

impl Scoped for Core {
    fn core(&self) -> &Core {
        self
    }
}

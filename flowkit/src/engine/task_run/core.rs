//! The part of a task run that does not depend on its types: its identity, the run it belongs to, and how it is stopped.

mod events;
mod recorded;

use parking_lot::{Mutex, MutexGuard};
use std::future::{Future, poll_fn};
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures_util::task::AtomicWaker;

use self::events::Outside;
use crate::clock;
use crate::engine::attempt::permit::AttemptPermit;
use crate::engine::flow_run::{CriticalFailure, FlowAttempt, OpenGuard, Run};
use crate::engine::limits::{Acquire, Place};
use crate::engine::replay::previous::PreviousCall;
use crate::engine::replay::run_store::RunStore;
use crate::engine::runtime::Runtime;
use crate::model::{
    Declaration, Error, Identity, OrderNo, Provenance, RunLabel, TaskError, TaskRunId, ValueVersion, label_of,
};
use crate::policy::durability::Durability;
use crate::policy::resume::AttemptProgress;

/// The interval at which a screen is drawn.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What the ambient context holds of a task run: its slot, or the core itself for a call that is awaited in place.
pub(crate) trait TaskLocal: Send + Sync {
    fn core(&self) -> &Core;
}

/// What a task run belongs to.
#[derive(Clone)]
pub(crate) enum RunScope {
    /// An attempt of a flow run, which records it.
    Flow(Arc<FlowAttempt>),
    /// Nothing but a runtime: it was called outside a flow.
    Outside(Runtime),
}

#[doc(hidden)]
pub struct Core {
    pub(crate) scope: RunScope,
    pub(crate) id: TaskRunId,
    pub(crate) declaration: &'static Declaration,
    pub(crate) index: Option<u32>,
    pub(crate) location: &'static Location<'static>,
    attempt: AtomicU32,
    /// The number of calls awaited in place by the body that handle cancellation cooperatively.
    pub(in crate::engine) listeners: AtomicU32,
    flags: AtomicU16,
    cancel_waker: AtomicWaker,
    extras: Mutex<Option<Box<CoreExtras>>>,
}

/// What few task runs have.
#[derive(Default)]
pub(in crate::engine) struct CoreExtras {
    name: Option<String>,
    identity: Option<Identity>,
    claimed: Option<PreviousCall>,
    /// The number of its end in an earlier process or attempt of the flow, if it ends the same way again.
    recorded_no: Option<OrderNo>,
    /// The recorded provenance of the value or failure that an earlier process left, if it left one.
    recorded: Option<Provenance>,
    /// Keeps the flow open until it is known whether the record is valid.
    open: Option<OpenGuard>,
    /// An item among its arguments counts in its key by position, not by content.
    items_by_position: bool,
    /// The values from which it is made.
    made_from: Option<ValueVersion>,
    /// The version of the value that it gave, for the calls that take it.
    version: Option<ValueVersion>,
    pub(in crate::engine) permit: Option<AttemptPermit>,
    /// Its place among those that wait for slots, once it has one.
    pub(in crate::engine) place: Option<Place>,
    /// The slots of its first attempt, for which it queued before a driver executes it.
    pub(in crate::engine) reserved: Option<Acquire>,
    /// The record of a call outside a flow, for its hooks.
    outside: Option<Box<Outside>>,
    /// When its progress was last announced.
    progress_announced: Option<tokio::time::Instant>,
}

const CANCELLED: u16 = 1;
const COOPERATIVE: u16 = 2;
const FATAL: u16 = 4;
const ORPHANED: u16 = 8;
pub(in crate::engine) const HAS_PERMIT: u16 = 16;
const CLAIMED: u16 = 32;
const CRITICAL: u16 = 64;
const BY_BODY: u16 = 128;
pub(in crate::engine) const RESERVED: u16 = 256;

impl Core {
    pub(crate) fn new(
        scope: RunScope,
        id: TaskRunId,
        declaration: &'static Declaration,
        index: Option<u32>,
        location: &'static Location<'static>,
    ) -> Self {
        Self {
            scope,
            id,
            declaration,
            index,
            location,
            attempt: AtomicU32::new(0),
            listeners: AtomicU32::new(0),
            flags: AtomicU16::new(0),
            cancel_waker: AtomicWaker::new(),
            extras: Mutex::new(None),
        }
    }

    pub(crate) fn run(&self) -> Option<&Arc<Run>> {
        match &self.scope {
            RunScope::Flow(attempt) => Some(&attempt.run),
            RunScope::Outside(_) => None,
        }
    }

    /// The store's side of the run to which it belongs; `None` if that is not persisted.
    pub(crate) fn run_store(&self) -> Option<&RunStore> {
        self.run().and_then(|run| run.run_store.as_ref())
    }

    pub(crate) fn runtime(&self) -> &Runtime {
        match &self.scope {
            RunScope::Flow(attempt) => &attempt.run.runtime,
            RunScope::Outside(runtime) => runtime,
        }
    }

    pub(crate) fn label(&self) -> RunLabel {
        let name = self.extras().as_ref().and_then(|extras| extras.name.clone());
        let label = name.unwrap_or_else(|| label_of(self.declaration.name, self.index, None));
        RunLabel::new(self.declaration.kind, label)
    }

    pub(crate) fn set_name(&self, name: &str) {
        let mut extras = self.extras();
        let extras = extras.get_or_insert_default();
        extras.name = Some(name.to_owned());
        if let Some(outside) = &mut extras.outside {
            outside.task_run.set_name(name.to_owned());
        }
    }

    /// Returns which call this is; `None` if no later attempt or process may make it again.
    pub(crate) fn identity(&self) -> Option<Identity> {
        self.run()?.memo.as_ref()?;
        self.extras().as_ref().and_then(|extras| extras.identity)
    }

    pub(crate) fn set_identity(&self, identity: Identity) {
        self.extras().get_or_insert_default().identity = Some(identity);
    }

    /// Returns the number of the recorded end of this call, which orders it among the ends of others.
    pub(crate) fn recorded_no(&self) -> Option<OrderNo> {
        self.extras().as_ref().and_then(|extras| extras.recorded_no)
    }

    pub(crate) fn set_recorded_no(&self, no: OrderNo) {
        self.extras().get_or_insert_default().recorded_no = Some(no);
    }

    pub(crate) fn set_claimed(&self, claimed: PreviousCall) {
        self.extras().get_or_insert_default().claimed = Some(claimed);
        self.set(CLAIMED);
    }

    /// Whether an earlier process left a record of this call.
    pub(crate) fn is_claimed(&self) -> bool {
        self.has(CLAIMED)
    }

    /// Returns what an earlier process left of this call.
    pub(crate) fn claimed(&self) -> Option<PreviousCall> {
        if !self.has(CLAIMED) {
            return None;
        }
        self.extras().as_ref().and_then(|extras| extras.claimed.clone())
    }

    /// Returns the attempts that earlier processes made.
    pub(crate) fn attempts_left(&self) -> AttemptProgress {
        if self.is_claimed() { self.attempts_claimed() } else { AttemptProgress::default() }
    }

    #[inline(never)]
    fn attempts_claimed(&self) -> AttemptProgress {
        match self.claimed() {
            Some(PreviousCall::Again(progress)) => progress,
            _ => AttemptProgress::default(),
        }
    }

    /// Discards the recorded end of this call, so that it runs again.
    pub(crate) fn reopen(&self) {
        if let Some(run) = self.run() {
            run.reopen(self.id);
        }
        self.release_flow();
        self.clear(CLAIMED);
    }

    pub(crate) fn set_attempt(&self, attempt: u32) {
        self.attempt.store(attempt, Ordering::Relaxed);
    }

    pub(crate) fn attempt(&self) -> u32 {
        self.attempt.load(Ordering::Relaxed)
    }

    /// Clears the marks that an earlier attempt set.
    pub(crate) fn forget_marks(&self) {
        self.clear(FATAL | ORPHANED);
    }

    /// Whether an attempt must not continue before its beginning is durable.
    ///
    /// That holds for a flow: otherwise its tasks might work for a run that cannot be found and resumed, or that must not begin
    /// because its key belongs to another run. It holds for every task of a run whose process has crashed, so that the next
    /// process knows which task was running at a crash. And it holds while another process may have taken the run over.
    pub(crate) fn awaits_beginnings(&self) -> bool {
        self.run_store().is_some_and(|run_store| {
            let of_flow = run_store.is_keyed || run_store.durability == Durability::Full;
            run_store.has_crashed
                || run_store.store.may_be_fenced()
                || (self.id == TaskRunId::FLOW && of_flow)
        })
    }

    pub(in crate::engine) fn has(&self, flag: u16) -> bool {
        self.flags.load(Ordering::Acquire) & flag != 0
    }

    pub(in crate::engine) fn set(&self, flag: u16) {
        self.flags.fetch_or(flag, Ordering::AcqRel);
    }

    pub(in crate::engine) fn clear(&self, flags: u16) {
        // Most attempts find nothing to clear, and a load is cheaper than a locked write.
        if self.has(flags) {
            self.flags.fetch_and(!flags, Ordering::AcqRel);
        }
    }

    /// Marks the error about to be returned as one that is not retried.
    pub(crate) fn set_fatal(&self) {
        self.set(FATAL);
    }

    pub(crate) fn is_fatal(&self) -> bool {
        self.has(FATAL)
    }

    /// Notes that the body could not be stopped.
    pub(crate) fn set_orphaned(&self) {
        self.set(ORPHANED);
    }

    pub(crate) fn is_orphaned(&self) -> bool {
        self.has(ORPHANED)
    }

    /// Notes that the body handles cancellation cooperatively, so that it gets the grace period.
    pub(crate) fn set_cooperative(&self) {
        self.set(COOPERATIVE);
    }

    /// Whether the body handles cancellation cooperatively, or a call that it awaits in place does, which would end with it.
    pub(crate) fn is_cooperative(&self) -> bool {
        self.has(COOPERATIVE) || self.listeners.load(Ordering::Relaxed) > 0
    }

    /// Marks this task run as one without which the flow fails.
    pub(crate) fn set_critical(&self) {
        self.set(CRITICAL);
    }

    /// Fails the attempt of the flow to which this task run belongs, if it is critical.
    pub(crate) fn fail_flow_if_critical<E: TaskError>(&self, error: &Error<E>) {
        let RunScope::Flow(attempt) = &self.scope else { return };
        let is_failure =
            !matches!(error, Error::Cancelled { .. } | Error::Suspended { .. } | Error::Skipped { .. });
        // A critical flow is critical for the flow that calls it, as a node there.
        if is_failure && self.has(CRITICAL) && self.id != TaskRunId::FLOW {
            attempt.fail(CriticalFailure { task: self.label(), cause: Arc::new(error.clone()) });
        }
    }

    /// Stops this task run only, by a decision of the body, which a resumed flow makes again.
    pub(crate) fn cancel_by_body(&self) {
        self.set(BY_BODY);
        self.cancel();
    }

    /// Stops this task run only.
    pub(crate) fn cancel(&self) {
        self.set(CANCELLED);
        self.cancel_waker.wake();
    }

    /// Has `waker` woken when this task run is stopped, until an attempt of it waits.
    pub(crate) fn wake_at_cancel(&self, waker: &Waker) {
        self.cancel_waker.register(waker);
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.has(CANCELLED)
            || matches!(&self.scope, RunScope::Flow(attempt) if attempt.cancellation.is_cancelled())
    }

    /// The error of a run that was stopped: cancelled, suspended with the program, or lost by its store.
    pub(crate) fn stopped<E>(&self, orphaned: bool) -> Error<E> {
        let run = self.label();
        // A task that is stopped because its flow was lost is cancelled; the flow itself fails.
        let lost = self.run().filter(|_| self.id == TaskRunId::FLOW).and_then(|run| run.lost());
        match lost {
            _ if self.is_suspended() => Error::Suspended { run },
            Some(why) => Error::Store { run, source: Arc::new(why.clone()) },
            None => Error::Cancelled { run, orphaned },
        }
    }

    /// Whether progress is announced: not more often than people can see, but always at the end.
    pub(crate) fn may_announce_progress(&self, is_end: bool) -> bool {
        let now = clock::now();
        let mut extras = self.extras();
        let last = &mut extras.get_or_insert_default().progress_announced;
        if !is_end && last.is_some_and(|last| now.duration_since(last) < PROGRESS_EVERY) {
            return false;
        }
        *last = Some(now);
        true
    }

    /// Whether the program is being stopped and this run can be resumed, so that a failure may be caused by the stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.run().is_some_and(|run| run.run_store.is_some() && run.runtime.active_runs().is_stopping())
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.run().is_some_and(|run| run.is_suspended())
    }

    /// Polls whether this task run was cancelled, apart from its flow attempt.
    ///
    /// At most one future may wait at a time: the attempt loop.
    fn poll_cancelled(&self, cx: &Context<'_>) -> Poll<()> {
        if self.has(CANCELLED) {
            return Poll::Ready(());
        }
        self.cancel_waker.register(cx.waker());
        if self.has(CANCELLED) { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Waits until this task run, or the flow attempt to which it belongs, is cancelled.
    pub(crate) async fn cancelled(&self) {
        let RunScope::Flow(attempt) = &self.scope else {
            return poll_fn(|cx| self.poll_cancelled(cx)).await;
        };
        let mut flow = pin!(attempt.cancellation.cancelled());
        poll_fn(
            |cx| if self.poll_cancelled(cx).is_ready() { Poll::Ready(()) } else { flow.as_mut().poll(cx) },
        )
        .await;
    }

    pub(in crate::engine) fn extras(&self) -> MutexGuard<'_, Option<Box<CoreExtras>>> {
        self.extras.lock()
    }
}

impl TaskLocal for Core {
    fn core(&self) -> &Core {
        self
    }
}

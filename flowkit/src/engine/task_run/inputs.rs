//! What a task run waits for: the results of others. Collects edges, waits, and says what became of the inputs.

use std::error::Error as StdError;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;
use smallvec::SmallVec;

use super::completion::Continuation;
use super::core::{Core, RunScope};
use super::queue::Ready;
use super::slot::Slot;
use crate::engine::flow_run::{FlowAttempt, Run};
use crate::model::{CallId, Digest, Edge, EdgeKind, Edges, Error, RunLabel, TaskError, ValueVersion};
use crate::policy::trigger::{InputCounts, Trigger, TriggerVerdict};

/// A run whose end another one waits for.
pub trait Input: Send + Sync {
    /// The run, if it is recorded.
    #[doc(hidden)]
    fn input_core(&self) -> Option<&Core>;
    /// What it counts for in the key of a call that takes its result.
    #[doc(hidden)]
    fn call(&self) -> Option<CallId> {
        self.input_core().and_then(|core| core.identity()).map(|identity| identity.call)
    }
    /// Whether it stands for one item of the list that it gives.
    #[doc(hidden)]
    fn is_item(&self) -> bool {
        false
    }
    /// How it ended.
    #[doc(hidden)]
    fn outcome(&self) -> InputOutcome;
    /// Asks to be told of its end; `false` if it has ended.
    #[doc(hidden)]
    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool;
    /// Visits this, and the runs that it is known to stand for by now.
    #[doc(hidden)]
    fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>);
}

/// How an input ended, or that it has not.
#[doc(hidden)]
pub enum InputOutcome {
    Pending,
    Success,
    Failure(Cause),
}

impl InputOutcome {
    /// Returns how an input ended whose result is this; `None` if it has none yet.
    pub(crate) fn of<T, E: TaskError>(result: Option<&Result<T, Error<E>>>) -> Self {
        match result {
            None => Self::Pending,
            Some(Ok(_)) => Self::Success,
            Some(Err(error)) => Self::Failure(Cause::of(error)),
        }
    }
}

/// Why an input has no value.
#[doc(hidden)]
#[derive(Clone)]
pub struct Cause {
    pub(crate) kind: CauseKind,
    pub(crate) input: RunLabel,
    pub(crate) error: Arc<dyn StdError + Send + Sync>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum CauseKind {
    Failed,
    UpstreamFailed,
    Skipped,
    Cancelled,
}

impl<T: Send + Sync, E: TaskError> Input for Slot<T, E> {
    fn input_core(&self) -> Option<&Core> {
        Some(&self.core)
    }

    fn outcome(&self) -> InputOutcome {
        InputOutcome::of(self.promise.get())
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        self.promise.subscribe(continuation)
    }

    fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>) {
        visit(self, kind);
    }
}

impl Cause {
    pub(crate) fn is_skip(&self) -> bool {
        self.kind == CauseKind::Skipped
    }

    pub(crate) fn of<E: TaskError>(error: &Error<E>) -> Self {
        let kind = match error {
            Error::Upstream { .. } => CauseKind::UpstreamFailed,
            Error::Skipped { .. } => CauseKind::Skipped,
            Error::Cancelled { .. } | Error::Suspended { .. } => CauseKind::Cancelled,
            _ => CauseKind::Failed,
        };
        let cause = match error {
            // The root is what people need, and a chain of 100,000 symptoms could not even be dropped.
            Error::Upstream { cause, .. } => Arc::clone(cause),
            other => Arc::new(other.clone()),
        };
        Self { kind, input: error.run().clone(), error: cause }
    }
}

/// Calls a visitor for each input, with what kind of edge it makes.
#[doc(hidden)]
pub type Visit<'a> = dyn FnMut(&dyn Input, EdgeKind) + 'a;

/// A set of inputs: a task's arguments and what it was told to run after.
pub(crate) trait Inputs {
    fn visit(&self, visit: &mut Visit<'_>);

    /// Visits the arguments that may change what comes out.
    fn visit_compared(&self, visit: &mut Visit<'_>) {
        self.visit(visit);
    }
}

impl<F: Fn(&mut Visit<'_>)> Inputs for F {
    fn visit(&self, visit: &mut Visit<'_>) {
        self(visit);
    }
}

/// Lists the edges that lead into a run of this flow attempt, and counts the inputs that are pending.
pub(crate) fn edges(inputs: &impl Inputs, flow: &Arc<FlowAttempt>) -> (Edges, usize) {
    let mut edges = Edges::new();
    let mut pending = 0;
    inputs.visit(&mut |input, kind| {
        if matches!(input.outcome(), InputOutcome::Pending) {
            pending += 1;
        }
        if let Some(core) = input.input_core()
            && let RunScope::Flow(home) = &core.home
            && Arc::ptr_eq(&home.run, &flow.run)
            && core.id != crate::model::TaskRunId::FLOW
        {
            let edge = Edge::new(core.id, kind);
            if !edges.contains(&edge) {
                edges.push(edge);
            }
        }
    });
    (edges, pending)
}

/// Subscribes to every pending input and returns how many there are.
pub(crate) fn subscribe(inputs: &impl Inputs, continuation: &Arc<dyn Continuation>) -> usize {
    let mut pending = 0;
    inputs.visit(&mut |input, _| pending += usize::from(input.subscribe(continuation)));
    pending
}

/// What became of the inputs so far: the verdict, the value that is missing, and the input that failed. A failure says
/// more than what was skipped, so it is the one that is named.
pub(crate) fn look(inputs: &impl Inputs, trigger: Trigger) -> (TriggerVerdict, Option<Cause>, Option<Cause>) {
    let mut counts = InputCounts::default();
    let mut failed = None;
    let mut missing: Option<Cause> = None;
    inputs.visit(&mut |input, edge| {
        counts.total += 1;
        match input.outcome() {
            InputOutcome::Pending => {}
            InputOutcome::Success => counts.succeeded += 1,
            InputOutcome::Failure(cause) => {
                match cause.kind {
                    CauseKind::Failed | CauseKind::Cancelled => counts.failed += 1,
                    CauseKind::UpstreamFailed => counts.upstream_failed += 1,
                    CauseKind::Skipped => counts.skipped += 1,
                }
                if edge == EdgeKind::Data
                    && missing.as_ref().is_none_or(|known| known.is_skip() && !cause.is_skip())
                {
                    missing = Some(cause.clone());
                }
                if !cause.is_skip() {
                    failed.get_or_insert(cause);
                }
            }
        }
    });
    (trigger.verdict(&counts), missing, failed)
}

/// Returns the version of all data inputs of a call together, which have ended; `None` if there are none.
pub(crate) fn made_from(inputs: &impl Inputs, call: &Core) -> Option<ValueVersion> {
    // Most calls have few inputs: a hasher is larger than what it would be given.
    let mut versions: Option<SmallVec<[u8; 64]>> = None;
    visit_versioned(inputs, call, |input| {
        let versions = versions.get_or_insert_default();
        // A list that is mapped stands for its items, of which there may be none.
        if let Some(core) = input.input_core() {
            versions.extend_from_slice(core.version().as_bytes());
        }
    });
    versions.map(|versions| ValueVersion::of_content(Digest::from_bytes(*blake3::hash(&versions).as_bytes())))
}

/// Visits the data inputs of a call whose versions tell from what it is made. An item whose content is in the key of the call
/// is none of them: the rest of its list makes no difference, and the same call may be given the item by value. Nor is what the
/// task ignores.
pub(crate) fn visit_versioned(inputs: &impl Inputs, call: &Core, mut visit: impl FnMut(&dyn Input)) {
    inputs.visit_compared(&mut |input, kind| {
        if kind == EdgeKind::Data && (!input.is_item() || call.has_items_by_place()) {
            visit(input);
        }
    });
}

/// Whether an input stands for others that are recorded: the items of a list that is mapped.
pub(crate) fn has_unrecorded(inputs: &impl Inputs) -> bool {
    let mut any = false;
    inputs.visit(&mut |input, _| any |= input.input_core().is_none());
    any
}

/// Waits until the trigger rule has decided and every data input has ended.
pub(crate) async fn wait<I: Inputs + Send>(inputs: &mut I, trigger: Trigger) {
    let bell = Arc::new(Bell::default());
    let continuation: Arc<dyn Continuation> = bell.clone();
    let mut outstanding = 0;
    poll_fn(move |cx| {
        bell.waker.register(cx.waker());
        outstanding -= bell.rung.swap(0, Ordering::AcqRel);
        while !decided(inputs, trigger) {
            // Inputs that were unknown before, such as the items of a list that is mapped, appear by and by.
            if outstanding == 0 {
                outstanding = subscribe(inputs, &continuation);
            }
            if outstanding > 0 {
                return Poll::Pending;
            }
        }
        Poll::Ready(())
    })
    .await;
}

/// Whether nothing is left to wait for.
pub(crate) fn decided(inputs: &impl Inputs, trigger: Trigger) -> bool {
    let mut data_pending = false;
    let mut any_pending = false;
    inputs.visit(&mut |input, kind| {
        if matches!(input.outcome(), InputOutcome::Pending) {
            any_pending = true;
            data_pending |= kind == EdgeKind::Data;
        }
    });
    if !any_pending {
        return true;
    }
    match look(inputs, trigger).0 {
        TriggerVerdict::Wait => false,
        TriggerVerdict::Run => !data_pending,
        TriggerVerdict::Skip | TriggerVerdict::UpstreamFailed => true,
    }
}

/// Wakes one future when any input has ended.
#[derive(Default)]
struct Bell {
    waker: AtomicWaker,
    rung: AtomicUsize,
}

impl Continuation for Bell {
    fn input_ended(self: Arc<Self>) -> Option<Arc<dyn Ready>> {
        self.rung.fetch_add(1, Ordering::AcqRel);
        self.waker.wake();
        None
    }
}

/// Something that is to start when its inputs have ended.
pub(crate) trait Deferrable: Send + 'static {
    /// The flow run to which it belongs.
    fn run(&self) -> &Arc<Run>;
    /// Subscribes to the pending inputs and returns how many there are.
    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> usize;
    /// Asks for `waker` to be woken when it is told to stop.
    fn wake_at_cancel(&self, waker: &Waker);
    /// Spawns a driver for it, which must be counted as ahead in the queue of its run.
    fn spawn(self);
}

/// Keeps something until it is ready to start, and then until its turn comes: the last of its inputs makes it ready.
///
/// It is made ready early when it is told to stop, so that it can say so.
pub(crate) struct Deferred<D> {
    remaining: AtomicUsize,
    /// It was made ready. The thread that sets this queues it, and the one that takes it from the queue finds it set.
    ready: AtomicBool,
    deferred: Mutex<Option<D>>,
}

/// More than there can be inputs: it keeps those that end early from starting before all are counted.
const NOT_COUNTED_YET: usize = usize::MAX / 2;

impl<D: Deferrable> Deferred<D> {
    /// Keeps what waits for nothing but its turn.
    pub(crate) fn ready(deferred: D) -> Self {
        Self { remaining: AtomicUsize::new(0), ready: AtomicBool::new(true), deferred: Some(deferred).into() }
    }

    /// Starts `deferred` once, when all of its inputs have ended; at once, if they have.
    pub(crate) fn arrange(deferred: D) {
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

    /// Takes out what was queued.
    pub(crate) fn take(&self) -> D {
        self.deferred.lock().take().expect("bug in flowkit: a task run was started twice")
    }

    fn becomes_ready(&self) -> bool {
        !self.ready.swap(true, Ordering::AcqRel)
    }
}

impl<D: Deferrable> Ready for Deferred<D> {
    fn enqueue(self: Arc<Self>) {
        let run = self.deferred.lock().as_ref().map(|deferred| Arc::clone(deferred.run()));
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
    fn input_ended(self: Arc<Self>) -> Option<Arc<dyn Ready>> {
        let is_last = self.remaining.fetch_sub(1, Ordering::AcqRel) == 1;
        (is_last && self.becomes_ready()).then_some(self as Arc<dyn Ready>)
    }
}

//! The inputs of a task run: the results of others that it waits for, and the edges that they make.

pub(crate) mod deferred;
mod distinct;
mod ends;
pub(crate) mod wait;

use std::error::Error as StdError;
use std::sync::Arc;

use smallvec::SmallVec;

use self::distinct::Distinct;
use super::completion::Continuation;
use super::core::{Core, RunScope};
use super::slot::Slot;
use crate::engine::flow_run::FlowAttempt;
use crate::model::{CallId, Digest, Edge, EdgeKind, Edges, Error, RunLabel, TaskError, ValueVersion};
use crate::policy::trigger::{InputCounts, Trigger, TriggerVerdict};

/// A run whose end another one waits for.
pub trait Input: Send + Sync {
    /// The run, if it is recorded.
    #[doc(hidden)]
    fn input_core(&self) -> Option<&Core>;
    /// Its identity in the key of a call that takes its result.
    #[doc(hidden)]
    fn call(&self) -> Option<CallId> {
        self.input_core().and_then(|core| core.identity()).map(|identity| identity.call)
    }
    /// Whether it stands for one item of the list that is its result.
    #[doc(hidden)]
    fn is_item(&self) -> bool {
        false
    }
    /// How it ended.
    #[doc(hidden)]
    fn outcome(&self) -> InputOutcome;
    /// Has `continuation` called at its end; `false` if it has ended.
    #[doc(hidden)]
    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool;
    /// Visits this, and the runs that it is known to stand for by now.
    #[doc(hidden)]
    fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>);
}

/// How an input ended, or that it is pending.
#[doc(hidden)]
pub enum InputOutcome {
    Pending,
    Success,
    Failure(Cause),
}

impl InputOutcome {
    /// The outcome of an input with this result; pending without one.
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

#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CauseKind {
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
        InputOutcome::of(self.completion.get())
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        self.completion.subscribe(continuation)
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
        let kind = CauseKind::of(error);
        let cause = match error {
            // People need the root cause, and a chain of 100,000 symptoms could not even be dropped.
            Error::Upstream { cause, .. } => Arc::clone(cause),
            other => Arc::new(other.clone()),
        };
        Self { kind, input: error.run().clone(), error: cause }
    }
}

impl CauseKind {
    pub(crate) fn of<E>(error: &Error<E>) -> Self {
        match error {
            Error::Upstream { .. } => Self::UpstreamFailed,
            Error::Skipped { .. } => Self::Skipped,
            Error::Cancelled { .. } | Error::Suspended { .. } => Self::Cancelled,
            _ => Self::Failed,
        }
    }
}

/// Counts an input that has ended, with a value or without.
fn count(counts: &mut InputCounts, failure: Option<CauseKind>) {
    match failure {
        None => counts.succeeded += 1,
        Some(CauseKind::Failed | CauseKind::Cancelled) => counts.failed += 1,
        Some(CauseKind::UpstreamFailed) => counts.upstream_failed += 1,
        Some(CauseKind::Skipped) => counts.skipped += 1,
    }
}

/// Calls a visitor for each input, with the kind of edge that it makes.
#[doc(hidden)]
pub type Visit<'a> = dyn FnMut(&dyn Input, EdgeKind) + 'a;

/// A set of inputs: a task's arguments and what it runs after.
pub(crate) trait Inputs {
    fn visit(&self, visit: &mut Visit<'_>);

    /// Visits the arguments whose values may change the result.
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
    let (mut edges, mut known) = (Edges::new(), Distinct::new());
    let mut pending = 0;
    inputs.visit(&mut |input, kind| {
        if matches!(input.outcome(), InputOutcome::Pending) {
            pending += 1;
        }
        if let Some(core) = input.input_core()
            && let RunScope::Flow(attempt) = &core.scope
            && Arc::ptr_eq(&attempt.run, &flow.run)
            && core.id != crate::model::TaskRunId::FLOW
        {
            let edge = Edge::new(core.id, kind);
            if known.is_new(&edges, edge) {
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

/// How the inputs stand.
pub(crate) struct Evaluated {
    pub(crate) verdict: TriggerVerdict,
    /// Why a value is missing.
    pub(crate) missing: Option<Cause>,
    /// An input that failed. A failure says more than a skip, so it is the one that is reported.
    pub(crate) failed: Option<Cause>,
    /// Whether an input stands for others that are recorded: the items of a mapped list.
    pub(crate) has_list: bool,
}

/// Evaluates the inputs so far.
pub(crate) fn evaluate(inputs: &impl Inputs, trigger: Trigger) -> Evaluated {
    let mut counts = InputCounts::default();
    let mut failed = None;
    let mut missing: Option<Cause> = None;
    let mut has_list = false;
    inputs.visit(&mut |input, edge| {
        counts.total += 1;
        has_list |= input.input_core().is_none();
        match input.outcome() {
            InputOutcome::Pending => {}
            InputOutcome::Success => count(&mut counts, None),
            InputOutcome::Failure(cause) => {
                count(&mut counts, Some(cause.kind));
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
    Evaluated { verdict: trigger.verdict(&counts), missing, failed, has_list }
}

/// Returns the version of all data inputs of a call together, once they have ended; `None` if there are none.
pub(crate) fn made_from(inputs: &impl Inputs, call: &Core) -> Option<ValueVersion> {
    // Most calls have few inputs: a hasher is larger than its input here.
    let mut versions: Option<SmallVec<[u8; 64]>> = None;
    visit_versioned(inputs, call, |input| {
        let versions = versions.get_or_insert_default();
        // A mapped list stands for its items, which may be none.
        if let Some(core) = input.input_core() {
            versions.extend_from_slice(core.version().as_bytes());
        }
    });
    versions.map(|versions| ValueVersion::of_content(Digest::from_bytes(*blake3::hash(&versions).as_bytes())))
}

/// Visits the data inputs of a call whose versions decide from what it is made. That excludes an item whose content is in
/// the key of the call: the rest of its list makes no difference, and the same call may have the item by value. It excludes
/// arguments that the task ignores, too.
pub(crate) fn visit_versioned(inputs: &impl Inputs, call: &Core, mut visit: impl FnMut(&dyn Input)) {
    inputs.visit_compared(&mut |input, kind| {
        if kind == EdgeKind::Data && (!input.is_item() || call.has_items_by_position()) {
            visit(input);
        }
    });
}

/// Whether an input has not ended.
pub(crate) fn has_pending(inputs: &impl Inputs) -> bool {
    let mut any = false;
    inputs.visit(&mut |input, _| any |= matches!(input.outcome(), InputOutcome::Pending));
    any
}

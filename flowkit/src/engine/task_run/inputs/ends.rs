//! Counts how the inputs of a waiting call end, so that the end of one does not cost a visit of all others.

use std::sync::Arc;
use std::task::Waker;

use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

use super::{CauseKind, InputOutcome, Inputs, count};
use crate::engine::task_run::completion::Continuation;
use crate::engine::task_run::queue::Ready;
use crate::model::EdgeKind;
use crate::policy::trigger::{InputCounts, Trigger, TriggerVerdict};

/// The ends of all inputs that were known when it [began to listen](Bell::listen). Each end wakes the waiting call.
#[derive(Default)]
pub(super) struct Bell {
    waker: AtomicWaker,
    heard: Mutex<Heard>,
}

#[derive(Default)]
struct Heard {
    counts: InputCounts,
    /// Data inputs that have not ended.
    data_pending: usize,
    /// A mapped list is known by now, and with it inputs that were not counted.
    has_new_inputs: bool,
}

/// What a [`Bell`] can tell about a trigger rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Inputs that have not ended may change the decision, or are needed.
    Wait,
    /// Nothing is left to wait for.
    Decided,
    /// Inputs have appeared that it does not count.
    Outdated,
}

impl Bell {
    /// Subscribes to all pending inputs, and counts the others.
    pub(super) fn listen(inputs: &impl Inputs) -> Arc<Self> {
        let bell = Arc::new(Self::default());
        let input_of = |kind, is_list| -> Arc<dyn Continuation> {
            Arc::new(PendingInput { bell: Arc::clone(&bell), kind, is_list })
        };
        let (data, order) = (input_of(EdgeKind::Data, false), input_of(EdgeKind::Order, false));
        inputs.visit(&mut |input, kind| {
            // Before it is subscribed to, since it may end at once.
            bell.heard.lock().expect_one(kind);
            let subscribed = match kind {
                _ if input.input_core().is_none() => input.subscribe(&input_of(kind, true)),
                EdgeKind::Data => input.subscribe(&data),
                EdgeKind::Order => input.subscribe(&order),
            };
            if !subscribed {
                let failure = match input.outcome() {
                    InputOutcome::Failure(cause) => Some(cause.kind),
                    InputOutcome::Pending | InputOutcome::Success => None,
                };
                bell.heard.lock().ended(kind, failure);
            }
        });
        bell
    }

    /// Has `waker` woken at the next end.
    pub(super) fn wake_at_next_end(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    pub(super) fn answer(&self, trigger: Trigger) -> Answer {
        let heard = self.heard.lock();
        let is_decided = match trigger.verdict(&heard.counts) {
            _ if heard.has_new_inputs => return Answer::Outdated,
            TriggerVerdict::Wait => false,
            TriggerVerdict::Run => heard.data_pending == 0,
            TriggerVerdict::Skip | TriggerVerdict::UpstreamFailed => true,
        };
        if is_decided { Answer::Decided } else { Answer::Wait }
    }
}

impl Heard {
    fn expect_one(&mut self, kind: EdgeKind) {
        self.counts.total += 1;
        self.data_pending += usize::from(kind == EdgeKind::Data);
    }

    fn ended(&mut self, kind: EdgeKind, failure: Option<CauseKind>) {
        count(&mut self.counts, failure);
        self.data_pending -= usize::from(kind == EdgeKind::Data);
    }
}

/// One or more pending inputs that count alike.
struct PendingInput {
    bell: Arc<Bell>,
    kind: EdgeKind,
    /// Whether it is a list of inputs that are not known yet.
    is_list: bool,
}

impl Continuation for PendingInput {
    fn input_ended(self: Arc<Self>, failure: Option<CauseKind>) -> Option<Arc<dyn Ready>> {
        let mut heard = self.bell.heard.lock();
        heard.ended(self.kind, failure);
        heard.has_new_inputs |= self.is_list;
        drop(heard);
        self.bell.waker.wake();
        None
    }
}

//! An attempt of a flow: what the children of one run of its body belong to, and what ends them together.

use std::error::Error;
use std::sync::{Arc, OnceLock};

use super::Run;
use crate::engine::flow_run::cancellation::Cancellation;
use crate::engine::replay::memo::Ordinals;
use crate::model::{OrderNo, RunLabel};

/// One attempt of a flow: what its children belong to.
pub(crate) struct FlowAttempt {
    pub(crate) run: Arc<Run>,
    pub(crate) cancellation: Cancellation,
    pub(crate) ordinals: Ordinals,
    /// The number of the first task run that this attempt may create.
    pub(crate) first_child: u64,
    /// The last number before it.
    pub(crate) after: Option<OrderNo>,
    /// What it cannot go on without, and has not got.
    failure: OnceLock<CriticalFailure>,
}

/// A critical task that gave no value.
#[derive(Clone)]
pub(crate) struct CriticalFailure {
    pub(crate) task: RunLabel,
    pub(crate) cause: Arc<dyn Error + Send + Sync>,
}

impl FlowAttempt {
    /// Stops the attempt with everything in it, since it cannot go on; the first that says so is the reason. One that fails
    /// while it is being stopped, its time being up for instance, is none.
    pub(crate) fn fail(&self, failure: CriticalFailure) {
        if !self.cancellation.is_cancelled() && self.failure.set(failure).is_ok() {
            self.cancellation.cancel();
        }
    }

    /// Returns why the attempt could not go on.
    pub(crate) fn failure(&self) -> Option<&CriticalFailure> {
        self.failure.get()
    }
}

impl Run {
    /// Opens the run for the children of an attempt.
    pub(crate) fn open(self: &Arc<Self>) -> Arc<FlowAttempt> {
        let mut ledger = self.ledger.lock();
        ledger.closed = false;
        // What the first attempt of this process claims from earlier ones belongs to it too.
        let is_first = !std::mem::replace(&mut ledger.opened, true);
        let first_child = if is_first { 1 } else { ledger.record.next_id().get() };
        self.attempt(self.cancellation.child(), first_child, ledger.record.last_no())
    }

    /// What the flow itself belongs to: no attempt of it, but the run as a whole.
    pub(crate) fn whole(self: &Arc<Self>) -> Arc<FlowAttempt> {
        self.attempt(self.cancellation.clone(), 0, None)
    }

    fn attempt(
        self: &Arc<Self>,
        cancellation: Cancellation,
        first_child: u64,
        after: Option<OrderNo>,
    ) -> Arc<FlowAttempt> {
        Arc::new(FlowAttempt {
            run: Arc::clone(self),
            cancellation,
            ordinals: Ordinals::default(),
            first_child,
            after,
            failure: OnceLock::new(),
        })
    }
}

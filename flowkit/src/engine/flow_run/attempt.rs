//! An attempt of a flow: the children of one run of its body belong to it and end with it.

use std::error::Error;
use std::sync::{Arc, OnceLock};

use super::Run;
use crate::engine::flow_run::cancellation::Cancellation;
use crate::engine::replay::memo::Ordinals;
use crate::model::{OrderNo, RunLabel};

/// One attempt of a flow, to which its children belong.
pub(crate) struct FlowAttempt {
    pub(crate) run: Arc<Run>,
    pub(crate) cancellation: Cancellation,
    pub(crate) ordinals: Ordinals,
    /// The number of the first task run that this attempt may create.
    pub(crate) first_child: u64,
    /// The last order number before it began.
    pub(crate) after: Option<OrderNo>,
    /// The critical task without which it failed.
    failure: OnceLock<CriticalFailure>,
}

/// A critical task that gave no value.
#[derive(Clone)]
pub(crate) struct CriticalFailure {
    pub(crate) task: RunLabel,
    pub(crate) cause: Arc<dyn Error + Send + Sync>,
}

impl FlowAttempt {
    /// Stops the attempt with everything in it; the first failure is the reason. A failure while the attempt is being
    /// stopped, for instance by a timeout, is not.
    pub(crate) fn fail(&self, failure: CriticalFailure) {
        if !self.cancellation.is_cancelled() && self.failure.set(failure).is_ok() {
            self.cancellation.cancel();
        }
    }

    /// Returns the critical failure that stopped the attempt.
    pub(crate) fn failure(&self) -> Option<&CriticalFailure> {
        self.failure.get()
    }
}

impl Run {
    /// The scope of the flow itself: the run as a whole, and none of its attempts.
    pub(crate) fn whole(self: &Arc<Self>) -> Arc<FlowAttempt> {
        self.attempt(self.cancellation.clone(), 0, None)
    }

    pub(super) fn attempt(
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

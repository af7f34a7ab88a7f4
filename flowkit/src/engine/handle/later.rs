//! The handles of a list that is not known yet, because the list that it is mapped over is pending.

use std::sync::Arc;

use super::Handle;
use super::known::Gathered;
use crate::engine::flow_run::cancellation::Cancellation;
use crate::engine::task_run::completion::{Completion, Continuation};
use crate::engine::task_run::inputs::{Input, InputOutcome, Visit};
use crate::model::{CallId, EdgeKind, Error, TaskError};

pub(crate) type LaterResult<T, E> = Result<Vec<Handle<T, E>>, Error<E>>;

/// A list of handles that is not known yet.
pub(crate) struct Later<T, E> {
    pub(crate) completion: Completion<LaterResult<T, E>>,
    /// Cancelled when the runs are cancelled before they are known.
    pub(crate) cancellation: Cancellation,
    /// Stands for the list in the key of a call that takes it, whether its items are known by then or not.
    pub(crate) call: Option<CallId>,
    pub(super) gathered: Gathered<T, E>,
}

impl<T, E> Later<T, E> {
    pub(crate) fn new(cancellation: Cancellation, call: Option<CallId>) -> Self {
        Self { completion: Completion::new(), cancellation, call, gathered: Gathered::default() }
    }

    /// A list that will never be known.
    pub(super) fn refused(error: Error<E>) -> Self {
        Self { completion: Completion::completed(Err(error)), ..Self::new(Cancellation::new(), None) }
    }
}

impl<T: Send + Sync, E: TaskError> Input for Later<T, E> {
    fn input_core(&self) -> Option<&crate::engine::task_run::core::Core> {
        None
    }

    fn call(&self) -> Option<CallId> {
        self.call
    }

    fn outcome(&self) -> InputOutcome {
        InputOutcome::of(self.completion.get())
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        self.completion.subscribe(continuation)
    }

    fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>) {
        visit(self, kind);
        for handle in self.completion.get().and_then(|list| list.as_ref().ok()).into_iter().flatten() {
            visit(&*handle.slot, kind);
        }
    }
}

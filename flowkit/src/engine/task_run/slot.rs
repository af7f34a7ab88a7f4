//! A submitted task run with its result: one allocation, shared by its handles, its readers and its driver.

use std::sync::Arc;

use super::completion::Completion;
use super::core::{Core, TaskLocal};
use crate::model::Error;

pub(crate) struct Slot<T, E> {
    pub(crate) core: Core,
    pub(crate) completion: Completion<Result<T, Error<E>>>,
}

impl<T, E> Slot<T, E> {
    pub(crate) fn new(core: Core) -> Self {
        Self { core, completion: Completion::new() }
    }

    /// A slot whose run ended before it began.
    pub(crate) fn ended(core: Core, result: Result<T, Error<E>>) -> Self {
        Self { core, completion: Completion::completed(result) }
    }

    /// Returns the result of a run that has ended.
    ///
    /// # Panics
    ///
    /// If the run has not ended: readers are started by the end of their inputs, so this is a bug.
    pub(crate) fn result(&self) -> &Result<T, Error<E>> {
        self.completion.get().expect("bug in flowkit: a result was read before its task run had ended")
    }

    /// Moves the value out if this is the last reference to the slot, and clones it otherwise.
    pub(crate) fn take(mut self: Arc<Self>) -> Result<T, Error<E>>
    where
        T: Clone,
    {
        // Not `try_unwrap`, which moves the whole slot.
        match Arc::get_mut(&mut self) {
            Some(slot) => slot
                .completion
                .take()
                .expect("bug in flowkit: a result was taken before its task run had ended"),
            None => self.result().clone(),
        }
    }
}

impl<T: Send + Sync, E: Send + Sync> TaskLocal for Slot<T, E> {
    fn core(&self) -> &Core {
        &self.core
    }
}

//! The arguments beside values and handles: a gathered list, one item of a list, a failure as a value.

use std::sync::{Arc, OnceLock};

use crate::engine::handle::list::{Handles, List};
use crate::engine::task_run::completion::Continuation;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::inputs::{Input, InputOutcome, Visit};
use crate::engine::task_run::slot::Slot;
use crate::model::{EdgeKind, Error, TaskError};
use crate::task::args::{Lender, Source, no_value};

/// The values of a list of handles, gathered when all have ended.
pub(crate) struct Gathered<T, E> {
    handles: Handles<T, E>,
    values: OnceLock<Vec<T>>,
}

impl<T: Clone, E> Gathered<T, E> {
    pub(crate) fn new(handles: Handles<T, E>) -> Self {
        Self { handles, values: OnceLock::new() }
    }

    fn gather(&self) -> &Vec<T> {
        self.values.get_or_init(|| {
            let list = self.handles.known().unwrap_or_default();
            list.iter()
                .map(|handle| match handle.slot.result() {
                    Ok(value) => value.clone(),
                    Err(_) => no_value(),
                })
                .collect()
        })
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Gathered<T, E> {
    fn visit_all(&self, visit: &mut Visit<'_>) {
        match &self.handles.list {
            List::Known(list) => list.iter().for_each(|handle| visit(&*handle.slot, EdgeKind::Data)),
            List::Later(later) => later.visit_as(EdgeKind::Data, visit),
        }
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<Vec<T>> for Gathered<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_all(visit);
    }

    fn take(self: Arc<Self>) -> Vec<T> {
        let (handles, values) = match Arc::try_unwrap(self) {
            Ok(Self { handles, values }) => (handles, values.into_inner()),
            Err(shared) => (shared.handles.clone(), None),
        };
        values.unwrap_or_else(|| handles.take().unwrap_or_else(|_| no_value()))
    }

    fn peek(&self) -> &Vec<T> {
        self.gather()
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Lender<[T]> for Gathered<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_all(visit);
    }

    fn by_ref(&self) -> &[T] {
        self.gather()
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Lender<Vec<T>> for Gathered<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_all(visit);
    }

    fn by_ref(&self) -> &Vec<T> {
        self.gather()
    }
}

/// One item of a list that a task returned.
pub(crate) struct Element<T, E> {
    pub(crate) list: Arc<Slot<Vec<T>, E>>,
    pub(crate) index: usize,
}

impl<T, E> Element<T, E> {
    pub(crate) fn get(&self) -> &T {
        match self.list.result() {
            Ok(list) => &list[self.index],
            Err(_) => no_value(),
        }
    }
}

impl<T: Send + Sync, E: TaskError> Input for Element<T, E> {
    fn input_core(&self) -> Option<&Core> {
        self.list.input_core()
    }

    fn is_item(&self) -> bool {
        true
    }

    fn outcome(&self) -> InputOutcome {
        self.list.outcome()
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        self.list.subscribe(continuation)
    }

    fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>) {
        visit(self, kind);
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<T> for Element<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        visit(self, EdgeKind::Data);
    }

    fn take(self: Arc<Self>) -> T {
        self.get().clone()
    }

    fn peek(&self) -> &T {
        self.get()
    }

    fn index(&self) -> Option<usize> {
        Some(self.index)
    }
}

/// A handle whose failure is a value, made by [`allow_failure`](crate::allow_failure).
pub struct AllowFailure<T, E> {
    pub(crate) slot: Arc<Slot<T, E>>,
}

impl<T: Send + Sync, E: TaskError> AllowFailure<T, E> {
    fn visit_ended(&self, visit: &mut Visit<'_>) {
        visit(&Ended(&self.slot), EdgeKind::Data);
    }
}

/// An input that counts as a success however it ended.
struct Ended<'a, T, E>(&'a Slot<T, E>);

impl<T: Send + Sync, E: TaskError> Input for Ended<'_, T, E> {
    fn input_core(&self) -> Option<&Core> {
        self.0.input_core()
    }

    fn outcome(&self) -> InputOutcome {
        match self.0.completion.get() {
            None => InputOutcome::Pending,
            Some(_) => InputOutcome::Success,
        }
    }

    fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        self.0.completion.subscribe(continuation)
    }

    fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>) {
        visit(self, kind);
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<Result<T, Error<E>>> for AllowFailure<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_ended(visit);
    }

    fn take(self: Arc<Self>) -> Result<T, Error<E>> {
        self.slot.result().clone()
    }

    fn peek(&self) -> &Result<T, Error<E>> {
        self.slot.result()
    }
}

impl<T: Send + Sync + 'static, E: TaskError> Lender<Result<T, Error<E>>> for AllowFailure<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.visit_ended(visit);
    }

    fn by_ref(&self) -> &Result<T, Error<E>> {
        self.slot.result()
    }
}

//! The arguments beside values and handles: a gathered list, an optional value, one item of a list. Those whose failure is a
//! value are in [`outcomes`](crate::task::outcomes).

use std::sync::{Arc, OnceLock};

use crate::engine::handle::{Handle, Handles};
use crate::engine::task_run::completion::Continuation;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::inputs::{Input, InputOutcome, Visit};
use crate::engine::task_run::slot::Slot;
use crate::model::{EdgeKind, TaskError};
use crate::task::args::{Lender, Source, no_value};

/// The values of a list of handles, gathered when all have ended.
pub(crate) struct Gathered<T, E> {
    handles: Handles<T, E>,
    values: Arc<OnceLock<Vec<T>>>,
}

impl<T: Clone, E> Gathered<T, E> {
    pub(crate) fn new(handles: Handles<T, E>) -> Self {
        Self { values: handles.gathered().values.share(), handles }
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

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<Vec<T>> for Gathered<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.handles.visit_as(EdgeKind::Data, visit);
    }

    fn take(self: Arc<Self>) -> Vec<T> {
        let (handles, values) = match Arc::try_unwrap(self) {
            Ok(Self { handles, values }) => (handles, Arc::into_inner(values).and_then(OnceLock::into_inner)),
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
        self.handles.visit_as(EdgeKind::Data, visit);
    }

    fn by_ref(&self) -> &[T] {
        self.gather()
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Lender<Vec<T>> for Gathered<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        self.handles.visit_as(EdgeKind::Data, visit);
    }

    fn by_ref(&self) -> &Vec<T> {
        self.gather()
    }
}

/// The value of a handle that may be missing, for an optional parameter.
pub(crate) struct Optional<T, E> {
    slot: Arc<Slot<T, E>>,
    /// A copy, for those who look at the argument before the task takes it.
    seen: OnceLock<Option<T>>,
}

impl<T, E> Optional<T, E> {
    pub(crate) fn new(handle: &Handle<T, E>) -> Self {
        Self { slot: Arc::clone(&handle.slot), seen: OnceLock::new() }
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<Option<T>> for Optional<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        visit(&*self.slot, EdgeKind::Data);
    }

    fn take(self: Arc<Self>) -> Option<T> {
        let (slot, seen) = match Arc::try_unwrap(self) {
            Ok(Self { slot, seen }) => (slot, seen.into_inner()),
            Err(shared) => (Arc::clone(&shared.slot), None),
        };
        seen.unwrap_or_else(|| Some(slot.take().unwrap_or_else(|_| no_value())))
    }

    fn peek(&self) -> &Option<T> {
        self.seen.get_or_init(|| match self.slot.result() {
            Ok(value) => Some(value.clone()),
            Err(_) => no_value(),
        })
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

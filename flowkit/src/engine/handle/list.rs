//! The runs of a mapped list: known immediately, or only when the list is.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use futures_util::task::AtomicWaker;

use super::{Ending, Handle, NextEnd};
use crate::engine::attempt::permit::Reacquire;
use crate::engine::flow_run::cancellation::Cancellation;
use crate::engine::flow_run::ends::Ends;
use crate::engine::task_run::completion::{Completion, Continuation, WaiterSlot};
use crate::engine::task_run::inputs::{Input, InputOutcome, Visit};
use crate::engine::task_run::queue::Ready;
use crate::engine::task_run::slot::Slot;
use crate::model::{CallId, EdgeKind, Error, TaskError};

/// The runs of a mapped list, in the order of its items.
///
/// `handles.await` gives all values, or the first failure as soon as it happens. As an argument, a `Handles` stands for a
/// `Vec<T>` or a `&[T]`.
pub struct Handles<T, E> {
    pub(crate) list: List<T, E>,
}

pub(crate) enum List<T, E> {
    Known(Vec<Handle<T, E>>),
    /// The length is known when the mapped list is.
    Later(Arc<Later<T, E>>),
}

pub(crate) type LaterResult<T, E> = Result<Vec<Handle<T, E>>, Error<E>>;

/// A list of handles that is not known yet.
pub(crate) struct Later<T, E> {
    pub(crate) completion: Completion<LaterResult<T, E>>,
    /// Cancelled when the runs are cancelled before they are known.
    pub(crate) cancellation: Cancellation,
    /// Stands for the list in the key of a call that takes it, whether its items are known by then or not.
    pub(crate) call: Option<CallId>,
}

impl<T, E> Clone for Handles<T, E> {
    fn clone(&self) -> Self {
        let list = match &self.list {
            List::Known(list) => List::Known(list.clone()),
            List::Later(later) => List::Later(Arc::clone(later)),
        };
        Self { list }
    }
}

impl<T, E> FromIterator<Handle<T, E>> for Handles<T, E> {
    fn from_iter<I: IntoIterator<Item = Handle<T, E>>>(handles: I) -> Self {
        Self { list: List::Known(handles.into_iter().collect()) }
    }
}

impl<T, E> From<Vec<Handle<T, E>>> for Handles<T, E> {
    fn from(list: Vec<Handle<T, E>>) -> Self {
        Self { list: List::Known(list) }
    }
}

impl<T, E> Handles<T, E> {
    pub(crate) fn later(later: Arc<Later<T, E>>) -> Self {
        Self { list: List::Later(later) }
    }

    pub(crate) fn refused(error: Error<E>) -> Self {
        let (completion, cancellation) = (Completion::completed(Err(error)), Cancellation::new());
        Self::later(Arc::new(Later { completion, cancellation, call: None }))
    }

    /// Returns the identity of a list that is made later, if it is one; it is `None` if calls have no keys.
    pub(crate) fn identity(&self) -> Option<Option<CallId>> {
        match &self.list {
            List::Known(_) => None,
            List::Later(later) => Some(later.call),
        }
    }

    /// Returns the handles, or `None` while the mapped list is pending.
    pub fn known(&self) -> Option<&[Handle<T, E>]> {
        match &self.list {
            List::Known(list) => Some(list),
            List::Later(later) => later.completion.get()?.as_ref().ok().map(Vec::as_slice),
        }
    }

    /// Waits for the mapped list, and returns the handles of its runs.
    ///
    /// # Errors
    ///
    /// The error of the mapped list, or that the lists differ in length.
    pub async fn list(&self) -> Result<&[Handle<T, E>], Error<E>> {
        match &self.list {
            List::Known(list) => Ok(list),
            List::Later(later) => {
                let mut waiter = WaiterSlot::default();
                let mut reacquire = Reacquire::default();
                std::future::poll_fn(|cx| {
                    let over = later.completion.poll(&mut waiter, cx).is_ready();
                    reacquire.poll(over, cx)
                })
                .await;
                match later.completion.get() {
                    Some(Ok(list)) => Ok(list),
                    Some(Err(error)) => Err(error.clone()),
                    None => unreachable!("bug in flowkit: a list was read before it was there"),
                }
            }
        }
    }

    /// Returns the handles of a list that was known from the beginning; otherwise the list itself.
    pub(crate) fn into_known(self) -> Result<Vec<Handle<T, E>>, Self> {
        match self.list {
            List::Known(list) => Ok(list),
            later @ List::Later(_) => Err(Self { list: later }),
        }
    }

    /// Waits for the mapped list, and takes the handles of its runs.
    pub(crate) async fn into_list(self) -> Result<Vec<Handle<T, E>>, Error<E>> {
        match self.list {
            List::Known(list) => Ok(list),
            List::Later(_) => self.list().await.map(<[_]>::to_vec),
        }
    }

    /// Moves the values out of runs that have ended, and clones those that are shared.
    pub(crate) fn take(self) -> Result<Vec<T>, Error<E>>
    where
        T: Clone,
    {
        match self.list {
            List::Known(list) => list.into_iter().map(|handle| handle.slot.take()).collect(),
            List::Later(_) => {
                self.known().unwrap_or_default().iter().map(|handle| handle.slot.result().clone()).collect()
            }
        }
    }

    /// Cancels every run of the list. A list that is still pending will have no runs.
    pub fn cancel(&self) {
        if let List::Later(later) = &self.list {
            later.cancellation.cancel();
        }
        for handle in self.known().unwrap_or_default() {
            handle.cancel();
        }
    }

    /// Cancels every run of a known list, without recording that as a decision of the body.
    pub(crate) fn stop(&self) {
        for handle in self.known().unwrap_or_default() {
            handle.slot.core.cancel();
        }
    }
}

impl<T, E> fmt::Debug for Handles<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(list) => f.debug_list().entries(list).finish(),
            None => f.write_str("[not known yet]"),
        }
    }
}

impl<T, E> IntoFuture for Handles<T, E>
where
    T: Clone + Send + Sync + 'static,
    E: TaskError,
{
    type Output = Result<Vec<T>, Error<E>>;
    type IntoFuture = futures_util::future::BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let list = self.list().await?;
            if wait_for_all(list).await { self.take() } else { Err(first_failure(list).await) }
        })
    }
}

/// Waits until every run has succeeded, or one has failed: one wake-up, whatever their number. Returns whether none has
/// failed.
async fn wait_for_all<T: Send + Sync + 'static, E: TaskError>(list: &[Handle<T, E>]) -> bool {
    let gate = Arc::new(Gate {
        pending: AtomicUsize::new(1),
        failed: AtomicBool::new(false),
        waker: AtomicWaker::new(),
    });
    let mut subscriptions = Vec::new();
    for handle in list {
        if handle.slot.completion.get().is_none() {
            let watch = Arc::new(Watch { gate: Arc::clone(&gate), slot: Arc::clone(&handle.slot) });
            gate.pending.fetch_add(1, Ordering::AcqRel);
            let continuation: Arc<dyn Continuation> = watch;
            if !handle.slot.completion.subscribe(&continuation) {
                continuation.input_ended();
            } else {
                subscriptions.push(continuation);
            }
        }
        if let Some(Err(_)) = handle.slot.completion.get() {
            return false;
        }
    }
    gate.pending.fetch_sub(1, Ordering::AcqRel);
    let mut reacquire = Reacquire::default();
    std::future::poll_fn(|cx| {
        gate.waker.register(cx.waker());
        let over = gate.pending.load(Ordering::Acquire) == 0 || gate.failed.load(Ordering::Acquire);
        reacquire.poll(over, cx)
    })
    .await;
    !gate.failed.load(Ordering::Acquire)
}

/// Returns the first failure; at least one of the runs must have failed. A resumed flow gets the same one.
async fn first_failure<T: Send + Sync + 'static, E: TaskError>(list: &[Handle<T, E>]) -> Error<E> {
    let ends = Ends::of(list.iter().map(|handle| &handle.slot.core));
    loop {
        let next = NextEnd::of(&ends, |position| -> &dyn Ending { &*list[position].slot }).await;
        if let Err(failure) = list[next].slot.result() {
            return failure.clone();
        }
    }
}

struct Gate {
    pending: AtomicUsize,
    failed: AtomicBool,
    waker: AtomicWaker,
}

struct Watch<T, E> {
    gate: Arc<Gate>,
    slot: Arc<Slot<T, E>>,
}

impl<T: Send + Sync, E: TaskError> Continuation for Watch<T, E> {
    fn input_ended(self: Arc<Self>) -> Option<Arc<dyn Ready>> {
        let failed = matches!(self.slot.completion.get(), Some(Err(_)));
        if failed {
            self.gate.failed.store(true, Ordering::Release);
        }
        if self.gate.pending.fetch_sub(1, Ordering::AcqRel) == 1 || failed {
            self.gate.waker.wake();
        }
        None
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

//! What a submitted call returns: [`Handle`] for one run, [`Handles`] for a mapped list of them.

mod after;
mod all;
mod ending;
mod known;
mod later;
mod list;

pub use after::After;
pub use ending::AnyHandle;
pub(crate) use ending::{Ending, NextEnd};
pub(crate) use later::{Later, LaterResult};
pub use list::Handles;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use crate::engine::attempt::permit::Reacquire;
use crate::engine::task_run::completion::WaiterSlot;
use crate::engine::task_run::slot::Slot;
use crate::model::{Error, State, TaskError, TaskRun, TaskRunId};

/// A started task run: clone it, await it, pass it to other tasks.
///
/// `handle.await` gives the value, and clones it if there are other handles of the run; `(&handle).await` lends it, and
/// needs no `Clone`. Dropping a handle does not stop the run: the flow joins it at its end.
///
/// Only a handle that is passed on makes an edge. An awaited value is a value like any other: the graph does not show where
/// it comes from, and after `rerun --from` this task, a call that took the value runs again only if the value has changed. So
/// pass the handle on: `next::of(&handle)`, or `next::of(allow_failure(&handle))` if the next task runs whether this one fails
/// or not ([`allow_failure`](crate::allow_failure)). Await what the flow itself decides by; `.after(&handle)` then records at
/// least the order.
///
/// While a task waits for a handle it holds no slot of any limit.
///
/// A resumed or retried flow gets the same answer to "which of these ended first?", if the body asks flowkit:
/// [`as_completed`](crate::as_completed), [`first_success`](crate::first_success), [`first_failure`](crate::first_failure),
/// [`first_ended`](crate::first_ended), [`wait_within`](crate::wait_within). flowkit does not see decisions that a body
/// makes with `select!`, [`is_finished`](Self::is_finished), [`state`](Self::state) or a timeout of tokio. A body that acts
/// on such a decision should record it: `once("winner", || winner)`.
pub struct Handle<T, E> {
    pub(crate) slot: Arc<Slot<T, E>>,
}

impl<T, E> Clone for Handle<T, E> {
    fn clone(&self) -> Self {
        Self { slot: Arc::clone(&self.slot) }
    }
}

impl<T, E> From<&Self> for Handle<T, E> {
    fn from(handle: &Self) -> Self {
        handle.clone()
    }
}

impl<T, E> Handle<T, E> {
    pub(crate) fn new(slot: Arc<Slot<T, E>>) -> Self {
        Self { slot }
    }

    /// Returns the run's id inside its flow run.
    pub fn id(&self) -> TaskRunId {
        self.slot.core.id
    }

    /// Returns the state of the run, without waiting.
    pub fn state(&self) -> State {
        let run = self.slot.core.run();
        let state = run.and_then(|run| run.read(|record| Some(record.task_run(self.id())?.state())));
        // It may have been refused before it had a record.
        state.unwrap_or(State::Failed)
    }

    /// Returns the recorded task run; `None` if the call was refused.
    pub fn task_run(&self) -> Option<TaskRun> {
        self.slot.core.run().and_then(|run| run.task_run(self.slot.core.id))
    }

    /// Whether the run has ended by now. A resumed flow may get another answer.
    pub fn is_finished(&self) -> bool {
        self.slot.completion.get().is_some()
    }

    /// Cancels this run, and only this one. A run that has ended stays as it is.
    ///
    /// The cancellation is recorded as a decision of the body: a resumed or retried flow gets a cancelled run, which does
    /// not begin, unless an earlier failure is retried.
    pub fn cancel(&self) {
        self.slot.core.cancel_by_body();
    }
}

impl<T, E: TaskError> Handle<T, E> {
    /// Waits for the end and returns its state; an error stays in the handle.
    pub async fn ended(&self) -> State
    where
        T: Send + Sync,
    {
        Wait::new(Arc::clone(&self.slot)).await;
        self.state()
    }
}

impl<T, E> fmt::Debug for Handle<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({}, {})", self.slot.core.label(), self.state())
    }
}

/// Waits until a slot has its result, and until the waiting task has reacquired its slots of limits.
struct Wait<T, E> {
    slot: Arc<Slot<T, E>>,
    waiter: WaiterSlot,
    reacquire: Reacquire,
}

impl<T, E> Wait<T, E> {
    fn new(slot: Arc<Slot<T, E>>) -> Self {
        Self { slot, waiter: WaiterSlot::default(), reacquire: Reacquire::default() }
    }
}

impl<T, E> Future for Wait<T, E> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let over = this.slot.completion.poll(&mut this.waiter, cx).is_ready();
        this.reacquire.poll(over, cx)
    }
}

impl<T, E> Drop for Wait<T, E> {
    fn drop(&mut self) {
        self.slot.completion.leave(&mut self.waiter);
    }
}

/// The future of an awaited [`Handle`].
#[must_use = "futures do nothing until they are awaited"]
pub struct Joined<T, E> {
    // Taken at the end, so that the last holder moves the value out.
    wait: Option<Wait<T, E>>,
}

impl<T: Clone, E> Future for Joined<T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let wait = self.wait.as_mut().expect("`Joined` polled after it was ready");
        ready!(Pin::new(wait).poll(cx));
        let slot = self.wait.take().map(|wait| Arc::clone(&wait.slot));
        Poll::Ready(slot.expect("bug in flowkit: the slot is held until here").take())
    }
}

impl<T: Clone, E> IntoFuture for Handle<T, E> {
    type Output = Result<T, Error<E>>;
    type IntoFuture = Joined<T, E>;

    fn into_future(self) -> Joined<T, E> {
        Joined { wait: Some(Wait::new(self.slot)) }
    }
}

/// The future of a [`Handle`] that is awaited by reference.
#[must_use = "futures do nothing until they are awaited"]
pub struct Lending<'a, T, E> {
    slot: &'a Slot<T, E>,
    waiter: WaiterSlot,
    reacquire: Reacquire,
}

impl<'a, T, E> Future for Lending<'a, T, E> {
    type Output = Result<&'a T, Error<E>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        let over = this.slot.completion.poll(&mut this.waiter, cx).is_ready();
        ready!(this.reacquire.poll(over, cx));
        Poll::Ready(this.slot.result().as_ref().map_err(Clone::clone))
    }
}

impl<T, E> Drop for Lending<'_, T, E> {
    fn drop(&mut self) {
        self.slot.completion.leave(&mut self.waiter);
    }
}

impl<'a, T, E> IntoFuture for &'a Handle<T, E> {
    type Output = Result<&'a T, Error<E>>;
    type IntoFuture = Lending<'a, T, E>;

    fn into_future(self) -> Lending<'a, T, E> {
        Lending { slot: &self.slot, waiter: WaiterSlot::default(), reacquire: Reacquire::default() }
    }
}

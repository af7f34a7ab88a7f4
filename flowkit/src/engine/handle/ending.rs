//! Waiting for the next of several runs to end, whatever their types.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Handle;
use crate::engine::attempt::permit::Reacquire;
use crate::engine::flow_run::ends::Ends;
use crate::engine::task_run::completion::WaiterSlot;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::slot::Slot;

/// A [`Handle`] of any types, for [`first_ended`](crate::first_ended).
pub trait AnyHandle: Send + Sync {
    #[doc(hidden)]
    fn any_run(&self) -> AnyRun<'_>;
}

impl<T: Send + Sync, E: Send + Sync> AnyHandle for Handle<T, E> {
    fn any_run(&self) -> AnyRun<'_> {
        AnyRun(&*self.slot)
    }
}

impl<H: AnyHandle + ?Sized> AnyHandle for &H {
    fn any_run(&self) -> AnyRun<'_> {
        (**self).any_run()
    }
}

/// A run whose end can be waited for.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct AnyRun<'a>(pub(crate) &'a (dyn Ending + Send + Sync));

impl std::fmt::Debug for AnyRun<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AnyRun({})", self.0.core().label())
    }
}

/// A run without its types, as something that ends.
pub(crate) trait Ending {
    fn core(&self) -> &Core;
    /// Polls for its result; `waiter` belongs to the polling future, which must leave it.
    fn poll_end(&self, waiter: &mut WaiterSlot, cx: &Context<'_>) -> Poll<()>;
    fn leave(&self, waiter: &mut WaiterSlot);
}

impl<T, E> Ending for Slot<T, E> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn poll_end(&self, waiter: &mut WaiterSlot, cx: &Context<'_>) -> Poll<()> {
        self.completion.poll(waiter, cx).map(|_| ())
    }

    fn leave(&self, waiter: &mut WaiterSlot) {
        self.completion.leave(waiter);
    }
}

/// Waits for the next of several runs in the order of their ends, and takes it out of `ends`. Its output is the position of
/// the run. Dropped before it is ready, it has taken nothing.
pub(crate) struct NextEnd<'a, 'r, R: Fn(usize) -> &'r dyn Ending> {
    ends: &'a Ends,
    run: R,
    /// The position of the run that it waits for now.
    watched: Option<(usize, WaiterSlot)>,
    reacquire: Reacquire,
}

impl<'a, 'r, R: Fn(usize) -> &'r dyn Ending> NextEnd<'a, 'r, R> {
    /// `run` returns the run at a position.
    pub(crate) fn of(ends: &'a Ends, run: R) -> Self {
        Self { ends, run, watched: None, reacquire: Reacquire::default() }
    }

    /// The position of the next run, if its result is available.
    fn next(&mut self, cx: &Context<'_>) -> Option<usize> {
        let Poll::Ready(next) = self.ends.poll_next(cx.waker()) else { return None };
        if self.watched.as_ref().is_none_or(|(watched, _)| *watched != next) {
            self.leave();
        }
        let (_, waiter) = self.watched.get_or_insert_with(|| (next, WaiterSlot::default()));
        (self.run)(next).poll_end(waiter, cx).is_ready().then_some(next)
    }

    fn leave(&mut self) {
        if let Some((watched, mut waiter)) = self.watched.take() {
            (self.run)(watched).leave(&mut waiter);
        }
    }
}

impl<'r, R: Unpin + Fn(usize) -> &'r dyn Ending> Future for NextEnd<'_, 'r, R> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.get_mut();
        let next = this.next(cx);
        ready!(this.reacquire.poll(next.is_some(), cx));
        // It becomes ready only if there is a next run.
        next.map_or(Poll::Pending, |next| {
            this.ends.take(next);
            Poll::Ready(next)
        })
    }
}

impl<'r, R: Fn(usize) -> &'r dyn Ending> Drop for NextEnd<'_, 'r, R> {
    fn drop(&mut self) {
        self.leave();
    }
}

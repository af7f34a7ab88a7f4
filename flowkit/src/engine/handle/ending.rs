//! Waiting for the next of several runs to end, whatever their types.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::Handle;
use crate::engine::attempt::reacquire::TakeUp;
use crate::engine::flow_run::ends::Ends;
use crate::engine::task_run::completion::WaiterSeat;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::slot::Slot;

/// A [`Handle`] of whatever types, for [`first_ended`](crate::first_ended).
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

/// What can be asked of a run without its types.
pub(crate) trait Ending {
    fn core(&self) -> &Core;
    /// Whether its result is there; `seat` belongs to who asks, who leaves it.
    fn poll_end(&self, seat: &mut WaiterSeat, cx: &Context<'_>) -> Poll<()>;
    fn leave(&self, seat: &mut WaiterSeat);
}

impl<T, E> Ending for Slot<T, E> {
    fn core(&self) -> &Core {
        &self.core
    }

    fn poll_end(&self, seat: &mut WaiterSeat, cx: &Context<'_>) -> Poll<()> {
        self.promise.poll(seat, cx).map(|_| ())
    }

    fn leave(&self, seat: &mut WaiterSeat) {
        self.promise.leave(seat);
    }
}

/// Waits until the next of several runs can be given, in the order of their ends, and takes it out of `ends`. It gives the
/// run's position. Dropped before, it has taken nothing.
pub(crate) struct NextEnd<'a, 'r, R: Fn(usize) -> &'r dyn Ending> {
    ends: &'a Ends,
    run: R,
    /// Whose end it waits for now.
    watched: Option<(usize, WaiterSeat)>,
    take_up: TakeUp,
}

impl<'a, 'r, R: Fn(usize) -> &'r dyn Ending> NextEnd<'a, 'r, R> {
    /// `run` gives the run at a position.
    pub(crate) fn of(ends: &'a Ends, run: R) -> Self {
        Self { ends, run, watched: None, take_up: TakeUp::default() }
    }

    /// The position of the run that is the next, if its result is there.
    fn next(&mut self, cx: &Context<'_>) -> Option<usize> {
        let Poll::Ready(next) = self.ends.poll_next(cx.waker()) else { return None };
        if self.watched.as_ref().is_none_or(|(watched, _)| *watched != next) {
            self.leave();
        }
        let (_, seat) = self.watched.get_or_insert_with(|| (next, WaiterSeat::default()));
        (self.run)(next).poll_end(seat, cx).is_ready().then_some(next)
    }

    fn leave(&mut self) {
        if let Some((watched, mut seat)) = self.watched.take() {
            (self.run)(watched).leave(&mut seat);
        }
    }
}

impl<'r, R: Unpin + Fn(usize) -> &'r dyn Ending> Future for NextEnd<'_, 'r, R> {
    type Output = usize;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<usize> {
        let this = self.get_mut();
        let next = this.next(cx);
        ready!(this.take_up.poll(next.is_some(), cx));
        // It is ready only where something is.
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

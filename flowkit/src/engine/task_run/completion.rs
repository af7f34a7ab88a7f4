//! A value that is set once and read by many: where a task run meets those who wait for its result.
//!
//! Waiters are wakers (a future awaits the value) or continuations (a task run starts because of it). It is no channel:
//! nothing is queued.

use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;

use super::inputs::CauseKind;
use super::queue::Ready;
use crate::model::Error;

/// What happens when an input has ended.
#[doc(hidden)]
pub trait Continuation: Send + Sync {
    /// Returns what is ready to start because of it. `failure` says why the input has no value, if so.
    fn input_ended(self: Arc<Self>, failure: Option<CauseKind>) -> Option<Arc<dyn Ready>>;
}

/// A value that tells whether its task run has failed.
pub(crate) trait Outcome {
    fn failure(&self) -> Option<CauseKind>;
}

impl<T, E> Outcome for Result<T, Error<E>> {
    #[inline]
    fn failure(&self) -> Option<CauseKind> {
        self.as_ref().err().map(CauseKind::of)
    }
}

pub(crate) struct Completion<R> {
    value: OnceLock<R>,
    waiters: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    // One waiter is the common case: a chain, or an awaited handle. Three need no memory of their own either.
    list: SmallVec<[Waiter; 3]>,
}

enum Waiter {
    Vacant,
    Wake(Waker),
    Continue(Arc<dyn Continuation>),
}

/// The index of an awaiting future in the list of waiters, once it is registered.
#[derive(Default)]
pub(crate) struct WaiterSlot(Option<usize>);

impl<R> Completion<R> {
    pub(crate) fn new() -> Self {
        Self { value: OnceLock::new(), waiters: Mutex::default() }
    }

    pub(crate) fn completed(value: R) -> Self {
        Self { value: OnceLock::from(value), waiters: Mutex::default() }
    }

    pub(crate) fn get(&self) -> Option<&R> {
        self.value.get()
    }

    pub(crate) fn take(&mut self) -> Option<R> {
        self.value.take()
    }

    /// Polls for the value; `slot` belongs to the polling future.
    pub(crate) fn poll(&self, slot: &mut WaiterSlot, cx: &Context<'_>) -> Poll<&R> {
        if let Some(value) = self.value.get() {
            return Poll::Ready(value);
        }
        let mut waiters = self.waiters.lock();
        // The value may have been set before the lock was taken; a thread that sets it later sees this waiter.
        if let Some(value) = self.value.get() {
            return Poll::Ready(value);
        }
        let before = match slot.0 {
            Some(index) => match &mut waiters.list[index] {
                Waiter::Wake(waker) if waker.will_wake(cx.waker()) => None,
                other => Some(std::mem::replace(other, Waiter::Wake(cx.waker().clone()))),
            },
            None => {
                slot.0 = Some(waiters.add(Waiter::Wake(cx.waker().clone())));
                None
            }
        };
        drop(waiters);
        // Under no lock: dropping a waker also drops the task that it would have woken, if nothing else holds that.
        drop(before);
        Poll::Pending
    }

    /// Frees a slot: its future is dropped.
    pub(crate) fn leave(&self, slot: &mut WaiterSlot) {
        if let Some(index) = slot.0.take() {
            let mut waiters = self.waiters.lock();
            let before = waiters.list.get_mut(index).map(|waiter| std::mem::replace(waiter, Waiter::Vacant));
            drop(waiters);
            drop(before);
        }
    }

    /// Has `continuation` called when the value is set; `false` if it is set already.
    pub(crate) fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        if self.value.get().is_some() {
            return false;
        }
        let mut waiters = self.waiters.lock();
        if self.value.get().is_some() {
            return false;
        }
        waiters.add(Waiter::Continue(Arc::clone(continuation)));
        true
    }
}

impl<R: Outcome> Completion<R> {
    /// Sets the value, wakes all waiters, and starts what is ready because of it. A second value is dropped.
    pub(crate) fn complete(&self, value: R) {
        self.complete_with(value, &mut Ready::enqueue);
    }

    /// As [`complete`](Self::complete), but lets `start` start what is ready.
    pub(crate) fn complete_with(&self, value: R, start: &mut dyn FnMut(Arc<dyn Ready>)) {
        if self.value.set(value).is_err() {
            return;
        }
        let list = std::mem::take(&mut self.waiters.lock().list);
        let mut failure = None;
        for waiter in list {
            match waiter {
                Waiter::Vacant => {}
                Waiter::Wake(waker) => waker.wake(),
                Waiter::Continue(continuation) => {
                    let failure = *failure.get_or_insert_with(|| self.get().and_then(R::failure));
                    run_soon((continuation, failure), start);
                }
            }
        }
    }
}

impl Waiters {
    fn add(&mut self, waiter: Waiter) -> usize {
        // A vacant slot is searched only before the list must grow, so that the search costs no more than growing, or if the
        // last slot is vacant, as after a future that came and went.
        let is_vacant = |waiter: &Waiter| matches!(waiter, Waiter::Vacant);
        if (self.list.last().is_some_and(is_vacant) || self.list.len() == self.list.capacity())
            && let Some(index) = self.list.iter().rposition(is_vacant)
        {
            self.list[index] = waiter;
            return index;
        }
        self.list.push(waiter);
        self.list.len() - 1
    }
}

/// A continuation, and what it is told.
type Continued = (Arc<dyn Continuation>, Option<CauseKind>);

thread_local! {
    /// The continuations to run after the current one; `None` while none runs on this thread.
    static QUEUE: RefCell<Option<VecDeque<Continued>>> = const { RefCell::new(None) };
}

/// Runs a continuation, after the one that is running now if there is one.
///
/// A continuation may end another run and so lead to further ones; in a chain of 100,000 tasks that are cancelled
/// together, calling them from one another would overflow the stack.
fn run_soon(continued: Continued, start: &mut dyn FnMut(Arc<dyn Ready>)) {
    let mut next = QUEUE.with_borrow_mut(|queue| match queue {
        Some(queue) => {
            queue.push_back(continued);
            None
        }
        None => {
            *queue = Some(VecDeque::new());
            Some(continued)
        }
    });
    if next.is_none() {
        return;
    }
    while let Some((continuation, failure)) = next {
        if let Some(ready) = continuation.input_ended(failure) {
            start(ready);
        }
        next = QUEUE.with_borrow_mut(|queue| queue.as_mut().and_then(VecDeque::pop_front));
    }
    QUEUE.set(None);
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Chain {
        next: Option<Arc<Completion<()>>>,
    }

    impl Outcome for () {
        fn failure(&self) -> Option<CauseKind> {
            None
        }
    }

    impl Continuation for Chain {
        fn input_ended(self: Arc<Self>, _failure: Option<CauseKind>) -> Option<Arc<dyn Ready>> {
            if let Some(next) = &self.next {
                next.complete(());
            }
            None
        }
    }

    #[test]
    fn a_long_chain_of_continuations_does_not_overflow_the_stack() {
        let completions: Vec<_> = (0..200_000).map(|_| Arc::new(Completion::<()>::new())).collect();
        for pair in completions.windows(2) {
            let link: Arc<dyn Continuation> = Arc::new(Chain { next: Some(Arc::clone(&pair[1])) });
            assert!(pair[0].subscribe(&link));
        }
        completions[0].complete(());
        assert!(completions.iter().all(|completion| completion.get().is_some()));
    }

    #[test]
    fn a_slot_that_was_left_is_used_again() {
        let completion = Completion::<()>::new();
        let cx = Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            let mut slot = WaiterSlot::default();
            assert!(completion.poll(&mut slot, &cx).is_pending());
            completion.leave(&mut slot);
        }
        assert_eq!(completion.waiters.lock().list.len(), 1);
    }
}

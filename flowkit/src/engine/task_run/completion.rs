//! A value that is given once and read by many: the meeting point of a task run and those who wait for it.
//!
//! Waiters are wakers (somebody awaits) or continuations (somebody is to be started). Not a channel: nothing is queued.

use parking_lot::Mutex;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Waker};

use smallvec::SmallVec;

use super::queue::Ready;

/// Something to be told that an input has ended.
#[doc(hidden)]
pub trait Continuation: Send + Sync {
    /// Gives what is ready to start because of it.
    fn input_ended(self: Arc<Self>) -> Option<Arc<dyn Ready>>;
}

pub(crate) struct Completion<R> {
    value: OnceLock<R>,
    waiters: Mutex<Waiters>,
}

#[derive(Default)]
struct Waiters {
    // One waiter is the common case: a chain, or an awaited handle. Three need no memory of their own either.
    list: SmallVec<[WaiterSlot; 3]>,
}

enum WaiterSlot {
    Vacant,
    Wake(Waker),
    Continue(Arc<dyn Continuation>),
}

/// The place of an awaiting future in the list of waiters.
#[derive(Default)]
pub(crate) struct WaiterSeat(Option<usize>);

impl<R> Completion<R> {
    pub(crate) fn new() -> Self {
        Self { value: OnceLock::new(), waiters: Mutex::default() }
    }

    pub(crate) fn kept(value: R) -> Self {
        Self { value: OnceLock::from(value), waiters: Mutex::default() }
    }

    pub(crate) fn get(&self) -> Option<&R> {
        self.value.get()
    }

    pub(crate) fn take(&mut self) -> Option<R> {
        self.value.take()
    }

    /// Gives the value, tells everyone who waits, and starts what is ready because of it. A second value is dropped.
    pub(crate) fn keep(&self, value: R) {
        self.complete_and(value, &mut Ready::enqueue);
    }

    /// As [`keep`](Self::keep), but leaves it to `start` to start what is ready.
    pub(crate) fn complete_and(&self, value: R, start: &mut dyn FnMut(Arc<dyn Ready>)) {
        if self.value.set(value).is_err() {
            return;
        }
        let list = std::mem::take(&mut self.waiters.lock().list);
        for waiter in list {
            match waiter {
                WaiterSlot::Vacant => {}
                WaiterSlot::Wake(waker) => waker.wake(),
                WaiterSlot::Continue(continuation) => run_soon(continuation, start),
            }
        }
    }

    /// Polls for the value; `seat` belongs to the polling future.
    pub(crate) fn poll(&self, seat: &mut WaiterSeat, cx: &Context<'_>) -> Poll<&R> {
        if let Some(value) = self.value.get() {
            return Poll::Ready(value);
        }
        let mut waiters = self.waiters.lock();
        // The value may have been given before the lock was taken; a thread that gives it later sees this waiter.
        if let Some(value) = self.value.get() {
            return Poll::Ready(value);
        }
        let before = match seat.0 {
            Some(taken) => match &mut waiters.list[taken] {
                WaiterSlot::Wake(waker) if waker.will_wake(cx.waker()) => None,
                other => Some(std::mem::replace(other, WaiterSlot::Wake(cx.waker().clone()))),
            },
            None => {
                seat.0 = Some(waiters.take_slot(WaiterSlot::Wake(cx.waker().clone())));
                None
            }
        };
        drop(waiters);
        // Under no lock: with a waker goes whatever it would have woken, if nobody else has that.
        drop(before);
        Poll::Pending
    }

    /// Gives up a seat: the future that held it is dropped.
    pub(crate) fn leave(&self, seat: &mut WaiterSeat) {
        if let Some(taken) = seat.0.take() {
            let mut waiters = self.waiters.lock();
            let before =
                waiters.list.get_mut(taken).map(|waiter| std::mem::replace(waiter, WaiterSlot::Vacant));
            drop(waiters);
            drop(before);
        }
    }

    /// Asks for `continuation` to be told; `false` if the value is there already.
    pub(crate) fn subscribe(&self, continuation: &Arc<dyn Continuation>) -> bool {
        if self.value.get().is_some() {
            return false;
        }
        let mut waiters = self.waiters.lock();
        if self.value.get().is_some() {
            return false;
        }
        waiters.take_slot(WaiterSlot::Continue(Arc::clone(continuation)));
        true
    }
}

impl Waiters {
    fn take_slot(&mut self, waiter: WaiterSlot) -> usize {
        // Looked for before the list must grow, so that looking costs no more than growing, and at its end, where who
        // comes and goes leaves it.
        let is_vacant = |waiter: &WaiterSlot| matches!(waiter, WaiterSlot::Vacant);
        if (self.list.last().is_some_and(is_vacant) || self.list.len() == self.list.capacity())
            && let Some(seat) = self.list.iter().rposition(is_vacant)
        {
            self.list[seat] = waiter;
            return seat;
        }
        self.list.push(waiter);
        self.list.len() - 1
    }
}

thread_local! {
    /// The continuations to run when the current one is done; `None` while none runs on this thread.
    static QUEUE: RefCell<Option<VecDeque<Arc<dyn Continuation>>>> = const { RefCell::new(None) };
}

/// Runs a continuation, after the one that is running now if there is one.
///
/// A continuation may end another run and so lead to further ones; in a chain of 100,000 tasks that are cancelled
/// together, calling them from one another would overflow the stack.
fn run_soon(continuation: Arc<dyn Continuation>, start: &mut dyn FnMut(Arc<dyn Ready>)) {
    let queued = QUEUE.with_borrow_mut(|queue| match queue {
        Some(queue) => {
            queue.push_back(Arc::clone(&continuation));
            true
        }
        None => {
            *queue = Some(VecDeque::new());
            false
        }
    });
    if queued {
        return;
    }
    let mut next = Some(continuation);
    while let Some(continuation) = next {
        if let Some(ready) = continuation.input_ended() {
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

    impl Continuation for Chain {
        fn input_ended(self: Arc<Self>) -> Option<Arc<dyn Ready>> {
            if let Some(next) = &self.next {
                next.keep(());
            }
            None
        }
    }

    #[test]
    fn a_long_chain_of_continuations_does_not_overflow_the_stack() {
        let promises: Vec<_> = (0..200_000).map(|_| Arc::new(Completion::<()>::new())).collect();
        for pair in promises.windows(2) {
            let link: Arc<dyn Continuation> = Arc::new(Chain { next: Some(Arc::clone(&pair[1])) });
            assert!(pair[0].subscribe(&link));
        }
        promises[0].keep(());
        assert!(promises.iter().all(|promise| promise.get().is_some()));
    }

    #[test]
    fn a_seat_that_was_left_is_taken_again() {
        let promise = Completion::<()>::new();
        let cx = Context::from_waker(Waker::noop());
        for _ in 0..1000 {
            let mut seat = WaiterSeat::default();
            assert!(promise.poll(&mut seat, &cx).is_pending());
            promise.leave(&mut seat);
        }
        assert_eq!(promise.waiters.lock().list.len(), 1);
    }
}

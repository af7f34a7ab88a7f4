//! Drops long chains without recursion: the error of a flow may hold that of a sub-flow, and so on ten thousand times.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ops::Deref;

/// So many drops may be inside one another; a drop takes a few hundred bytes of the stack.
const INSIDE_MAX: u32 = 64;

/// A value that may hold another one like it. Dropped deep inside the drop of others, it is dropped after them instead.
pub(super) struct Deep<T> {
    /// `None` only while it is dropped.
    value: Option<T>,
    drop: fn(T),
}

impl<T: Send + 'static> Deep<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: Some(value), drop: drop_or_put_off }
    }
}

impl<T> Deep<T> {
    pub(super) fn into_inner(mut self) -> T {
        self.value.take().expect("bug in flowkit: a value is there until it is dropped")
    }
}

impl<T> Deref for Deep<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.as_ref().expect("bug in flowkit: a value is there until it is dropped")
    }
}

impl<T> Drop for Deep<T> {
    fn drop(&mut self) {
        if let Some(value) = self.value.take() {
            (self.drop)(value);
        }
    }
}

thread_local! {
    /// How many drops are inside one another on this thread.
    static INSIDE: Cell<u32> = const { Cell::new(0) };
    static PUT_OFF: RefCell<Vec<Box<dyn Any + Send>>> = const { RefCell::new(Vec::new()) };
}

/// Counts a drop, also one that panics.
struct Inside(u32);

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

fn drop_or_put_off<T: Send + 'static>(value: T) {
    let inside = Inside(INSIDE.replace(INSIDE.get() + 1));
    match inside.0 {
        0 => {
            drop(value);
            while let Ok(Some(next)) = PUT_OFF.try_with(|list| list.borrow_mut().pop()) {
                drop(next);
            }
        }
        1..INSIDE_MAX => drop(value),
        // Without a list, since the thread is ending, the value is dropped here after all.
        _ => drop(PUT_OFF.try_with(|list| list.borrow_mut().push(Box::new(value)))),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Link {
        dropped: Arc<AtomicUsize>,
        _next: Option<Box<Deep<Link>>>,
    }

    impl Drop for Link {
        fn drop(&mut self) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn chain(length: usize, dropped: &Arc<AtomicUsize>) -> Deep<Link> {
        let link = |next| Link { dropped: Arc::clone(dropped), _next: next };
        (1..length).fold(Deep::new(link(None)), |next, _| Deep::new(link(Some(Box::new(next)))))
    }

    #[test]
    fn a_chain_of_a_million_is_dropped_without_recursion() {
        let dropped = Arc::default();
        drop(chain(1_000_000, &dropped));
        assert_eq!(dropped.load(Ordering::Relaxed), 1_000_000);
    }

    #[test]
    fn a_value_that_is_taken_out_is_not_dropped() {
        let dropped = Arc::default();
        let link = chain(1, &dropped).into_inner();
        assert_eq!(dropped.load(Ordering::Relaxed), 0);
        drop(link);
        assert_eq!(dropped.load(Ordering::Relaxed), 1);
    }
}

//! Counts the bodies of tasks: how many began, how many are over, how many were inside at the same time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Given to tasks as an argument; clones count together.
#[derive(Clone, Debug, Default)]
pub struct Bodies(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    begun: AtomicUsize,
    over: AtomicUsize,
    inside: AtomicUsize,
    most: AtomicUsize,
}

impl Bodies {
    /// Counts a body until what this returns is dropped: also when the body is dropped or panics.
    #[must_use = "the body counts as over when this is dropped"]
    pub fn enter(&self) -> Inside {
        self.0.begun.fetch_add(1, Ordering::SeqCst);
        self.go_in();
        Inside { bodies: self.clone(), is_inside: true }
    }

    /// How many bodies began.
    pub fn begun(&self) -> usize {
        self.0.begun.load(Ordering::SeqCst)
    }

    /// How many bodies have ended or were dropped.
    pub fn over(&self) -> usize {
        self.0.over.load(Ordering::SeqCst)
    }

    /// The largest number of bodies that were inside at the same time.
    pub fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }

    /// Checks that no body is left, and that there were any.
    pub fn assert_all_over(&self) {
        assert!(self.begun() > 0, "no body ever began");
        assert_eq!(self.begun(), self.over(), "bodies began and were dropped");
    }

    fn go_in(&self) {
        let inside = self.0.inside.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(inside, Ordering::SeqCst);
    }
}

/// A body that is running.
#[derive(Debug)]
pub struct Inside {
    bodies: Bodies,
    is_inside: bool,
}

impl Inside {
    /// Steps out while the body waits for something that holds no slot.
    pub async fn outside<F: Future>(&mut self, wait: F) -> F::Output {
        self.bodies.0.inside.fetch_sub(1, Ordering::SeqCst);
        self.is_inside = false;
        let result = wait.await;
        self.bodies.go_in();
        self.is_inside = true;
        result
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        self.bodies.0.inside.fetch_sub(usize::from(self.is_inside), Ordering::SeqCst);
        self.bodies.0.over.fetch_add(1, Ordering::SeqCst);
    }
}

//! Cancels a flow run, its attempts and its sub-flows: a tree in which cancelling reaches everything below.
//!
//! Every task run asks whether it was cancelled, so asking is one load; `tokio_util`'s token takes a lock for it. Callers
//! that need such a token get one ([`Cancellation::token`]), created on demand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// A node of the tree. Cloning gives the same node.
#[derive(Clone)]
pub(crate) struct Cancellation(Arc<CancelNode>);

struct CancelNode {
    cancelled: AtomicBool,
    waiting: Notify,
    below: Mutex<Below>,
}

#[derive(Default)]
struct Below {
    children: Vec<Weak<CancelNode>>,
    /// The length at which dropped children are removed from the list.
    prune_at: usize,
    token: Option<CancellationToken>,
}

impl Cancellation {
    pub(crate) fn new() -> Self {
        Self(Arc::new(CancelNode {
            cancelled: AtomicBool::new(false),
            waiting: Notify::new(),
            below: Mutex::default(),
        }))
    }

    /// Returns a new child, which is cancelled with this node.
    pub(crate) fn child(&self) -> Self {
        let child = Self::new();
        let mut below = self.0.below.lock();
        // Checked under the lock, which `cancel` takes after it has set the flag: no child is missed.
        if self.is_cancelled() {
            child.0.cancelled.store(true, Ordering::Release);
        }
        if below.children.len() >= below.prune_at {
            below.children.retain(|child| child.strong_count() > 0);
            below.prune_at = 2 * below.children.len().max(4);
        }
        below.children.push(Arc::downgrade(&child.0));
        child
    }

    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::Acquire)
    }

    /// Cancels this node and everything below. A second time does nothing.
    pub(crate) fn cancel(&self) {
        // Not recursive: sub-flows may be nested 1,000 deep, on whatever stack is left to the caller.
        let mut rest = vec![Arc::clone(&self.0)];
        while let Some(node) = rest.pop() {
            if node.cancelled.swap(true, Ordering::AcqRel) {
                continue;
            }
            let below = std::mem::take(&mut *node.below.lock());
            node.waiting.notify_waiters();
            if let Some(token) = below.token {
                token.cancel();
            }
            rest.extend(below.children.iter().filter_map(Weak::upgrade));
        }
    }

    /// Waits until this node is cancelled.
    pub(crate) async fn cancelled(&self) {
        let mut waiting = std::pin::pin!(self.0.waiting.notified());
        // A notification counts from the moment the future is created, so the flag is checked after it.
        waiting.as_mut().enable();
        if !self.is_cancelled() {
            waiting.await;
        }
    }

    /// Returns a token that is cancelled with this node.
    pub(crate) fn token(&self) -> CancellationToken {
        let mut below = self.0.below.lock();
        let token = below.token.get_or_insert_default().clone();
        if self.is_cancelled() {
            token.cancel();
        }
        token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelling_reaches_everything_below_and_nothing_above() {
        let root = Cancellation::new();
        let (left, right) = (root.child(), root.child());
        let leaf = left.child();
        let token = leaf.token();
        left.cancel();
        assert!(leaf.is_cancelled() && token.is_cancelled());
        assert!(!root.is_cancelled() && !right.is_cancelled());
        assert!(left.child().is_cancelled(), "a child of a cancelled node is cancelled");
        assert!(left.token().is_cancelled());
    }

    #[test]
    fn a_tree_100_000_deep_is_cancelled_without_overflowing_the_stack() {
        let root = Cancellation::new();
        let mut nodes = vec![root.clone()];
        for _ in 0..100_000 {
            nodes.push(nodes[nodes.len() - 1].child());
        }
        root.cancel();
        assert!(nodes.iter().all(Cancellation::is_cancelled));
    }

    #[test]
    fn children_that_are_gone_take_no_room() {
        let root = Cancellation::new();
        for _ in 0..10_000 {
            drop(root.child());
        }
        assert!(root.0.below.lock().children.len() <= 16);
    }
}

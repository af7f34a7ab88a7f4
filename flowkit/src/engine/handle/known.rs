//! The handles of a list that is known, and the values that calls share which take the list as a slice.

use std::sync::{Arc, OnceLock, Weak};

use parking_lot::Mutex;

use super::Handle;
use crate::model::Error;

/// Handles that are known, in one allocation for all clones of their list.
pub(crate) struct Known<T, E> {
    pub(super) handles: Vec<Handle<T, E>>,
    pub(super) gathered: Gathered<T, E>,
}

impl<T, E> Known<T, E> {
    pub(super) fn new(handles: Vec<Handle<T, E>>) -> Self {
        Self { handles, gathered: Gathered::default() }
    }

    /// Moves the handles out if no other list has them.
    pub(super) fn into_handles(self: Arc<Self>) -> Vec<Handle<T, E>> {
        Arc::try_unwrap(self).map_or_else(|shared| shared.handles.clone(), |known| known.handles)
    }
}

/// Another list of the same handles, which changes on its own.
impl<T, E> Clone for Known<T, E> {
    fn clone(&self) -> Self {
        Self::new(self.handles.clone())
    }
}

/// A value that is made once and shared by the calls that take it, as long as one of them has it.
pub(crate) struct SharedWhileUsed<V>(Mutex<Weak<OnceLock<V>>>);

impl<V> Default for SharedWhileUsed<V> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<V> SharedWhileUsed<V> {
    pub(crate) fn share(&self) -> Arc<OnceLock<V>> {
        let mut shared = self.0.lock();
        shared.upgrade().unwrap_or_else(|| {
            let fresh = Arc::default();
            *shared = Arc::downgrade(&fresh);
            fresh
        })
    }
}

/// What a list gives as a slice: its values, or how each of its runs ended.
pub(crate) struct Gathered<T, E> {
    pub(crate) values: SharedWhileUsed<Vec<T>>,
    pub(crate) outcomes: SharedWhileUsed<Vec<Result<T, Error<E>>>>,
}

impl<T, E> Default for Gathered<T, E> {
    fn default() -> Self {
        Self { values: SharedWhileUsed::default(), outcomes: SharedWhileUsed::default() }
    }
}

//! A callback for what happens to runs of this process from outside: one is to be cancelled, or is lost.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

type Tell<T> = Arc<dyn Fn(T) + Send + Sync>;

/// One listener, or none yet.
pub(super) struct Listener<T>(Mutex<Option<Tell<T>>>);

impl<T> Default for Listener<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Listener<T> {
    pub(super) fn set(&self, notify: Box<dyn Fn(T) + Send + Sync>) {
        let before = self.0.lock().replace(notify.into());
        // Under no lock: it may own anything.
        drop(before);
    }

    /// Calls it, under no lock: it may call the store.
    pub(super) fn notify(&self, what: T) {
        let notify = self.0.lock().clone();
        if let Some(notify) = notify {
            notify(what);
        }
    }
}

impl<T> fmt::Debug for Listener<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

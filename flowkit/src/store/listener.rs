//! Who is told that somebody wants a run cancelled.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::model::FlowRunId;

type Tell = Arc<dyn Fn(FlowRunId) + Send + Sync>;

/// One listener, or none yet.
#[derive(Default)]
pub(super) struct Listener(Mutex<Option<Tell>>);

impl Listener {
    pub(super) fn set(&self, tell: Box<dyn Fn(FlowRunId) + Send + Sync>) {
        *self.0.lock() = Some(tell.into());
    }

    /// Tells it, under no lock: it may call the store.
    pub(super) fn tell(&self, id: FlowRunId) {
        let tell = self.0.lock().clone();
        if let Some(tell) = tell {
            tell(id);
        }
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener")
    }
}

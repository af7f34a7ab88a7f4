//! The mocks of tasks in tests. `testing` adds and removes them.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use parking_lot::Mutex;

/// The mocks of this runtime. Of several mocks of one task, the last one counts.
#[derive(Default)]
pub(crate) struct Mocks(pub(crate) Mutex<HashMap<Mocked, Vec<Replacement>>>);

/// The path of a task, and the type of its closure, which distinguishes the instances of a generic task.
pub(crate) type Mocked = (&'static str, TypeId);

#[derive(Clone)]
pub(crate) struct Replacement {
    /// A boxed closure of the task's own type; the generated code knows which.
    pub(crate) call: Arc<dyn Any + Send + Sync>,
    pub(crate) calls: Arc<AtomicUsize>,
}

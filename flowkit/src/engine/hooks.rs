//! Calls the closures of users that watch a run. None of them can take the engine down.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use super::core::Core;
use super::once::panic_message;
use super::options::{CallOptions, Hook};
use crate::task::TaskInfo;

/// Calls the hooks of an occasion: the attribute's, then the call's. One that panics is logged, and the next is called.
pub(crate) fn hooks<E>(core: &Core, info: &'static TaskInfo, options: Option<&CallOptions<E>>, hook: Hook) {
    let declared = info.hooks.of(hook);
    let said = options.map_or(&[][..], |options| &options.hooks);
    if declared.is_empty() && said.is_empty() {
        return;
    }
    let Some(task_run) = core.run().and_then(|run| run.task_run(core.id)) else {
        return;
    };
    for call in declared {
        let _ = guarded("hook", || call(&task_run));
    }
    for (_, call) in said.iter().filter(|(occasion, _)| *occasion == hook) {
        let _ = guarded("hook", || call(&task_run));
    }
}

/// Calls a user's closure that must not take the engine down; what a panic said is logged and given back.
pub(crate) fn guarded<R>(what: &str, f: impl FnOnce() -> R) -> Result<R, Arc<str>> {
    std::panic::catch_unwind(AssertUnwindSafe(f)).map_err(|panic| {
        let message = panic_message(&*panic);
        tracing::error!(panic = %message, "a {what} panicked");
        message
    })
}

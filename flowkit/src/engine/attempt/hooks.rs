//! Calls the closures of users that watch a run. None of them can take the engine down.

use super::panics::guarded;
use crate::engine::body::TaskInfo;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::options::{CallOptions, Hook};

/// Calls the hooks of an occasion: the attribute's, then the call's. One that panics is logged, and the next is called.
pub(crate) fn hooks<E>(core: &Core, info: &'static TaskInfo, options: Option<&CallOptions<E>>, hook: Hook) {
    let declared = info.hooks.of(hook);
    let said = options.map_or(&[][..], |options| &options.hooks);
    if declared.is_empty() && said.is_empty() {
        return;
    }
    let Some(task_run) = core.task_run() else { return };
    for call in declared {
        guarded("hook", || call(&task_run));
    }
    for (_, call) in said.iter().filter(|(occasion, _)| *occasion == hook) {
        guarded("hook", || call(&task_run));
    }
}

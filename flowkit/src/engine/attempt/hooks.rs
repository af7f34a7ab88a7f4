//! Calls the hooks of users. None of them can take the engine down.

use super::panics::guarded;
use crate::engine::body::TaskInfo;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::options::{CallOptions, Hook};

/// Calls the hooks of an occasion: the attribute's, then the call's. A panic in one is logged, and the next is called.
pub(crate) fn hooks<E>(core: &Core, info: &'static TaskInfo, options: Option<&CallOptions<E>>, hook: Hook) {
    let declared = info.hooks.of(hook);
    let of_call = options.map_or(&[][..], |options| &options.hooks);
    if declared.is_empty() && of_call.is_empty() {
        return;
    }
    let Some(task_run) = core.task_run() else { return };
    for call in declared {
        guarded("hook", || call(&task_run));
    }
    for (_, call) in of_call.iter().filter(|(occasion, _)| *occasion == hook) {
        guarded("hook", || call(&task_run));
    }
}

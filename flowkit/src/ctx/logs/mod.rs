//! Lines of logs on their way into a run's store: who says them is found here.
//!
//! Not what keeps them, which is a store; and no subscriber of its own: [`layer`] is for the registry of the program.

#[cfg(feature = "logs")]
mod layer;
#[cfg(feature = "logs")]
mod line;

#[cfg(feature = "cli")]
pub(crate) use layer::are_heard_and_not_kept;
#[cfg(feature = "logs")]
pub use layer::{LogLayer, layer};

use std::time::Duration;

use crate::clock;
#[cfg(feature = "signals")]
use crate::engine::context::with_core;
use crate::engine::flow_run::Run;
use crate::engine::runtime::Runtime;
use crate::model::{LogLevel, TaskRunId};
use crate::store::LogEntry;
use crate::text::wording::bounded;

/// Where a line that the program has printed comes from.
const PRINTED: &str = "stdout";

impl Runtime {
    /// Keeps a line that the program has printed, for code that captures what it prints and hears of it at most `delay` later:
    /// with the only task that was under way in that time, or else with the flow run. Where several runs are under way nobody
    /// knows whose it is, and it is left out.
    #[doc(hidden)]
    pub fn log_line(&self, text: &str, delay: Duration) {
        if let Some((run, task_run)) = self.live().speaker(delay)
            && run.read(|record| record.task_run(task_run).is_none_or(|row| row.declaration().log_prints))
        {
            keep(&run, task_run, LogLevel::Info, PRINTED.to_owned(), text.to_owned());
        }
    }
}

/// Keeps a line that a child process of the task has printed that runs here, and tells `tracing` of it, for those who look on.
#[cfg(feature = "signals")]
pub(crate) fn printed(target: &'static str, line: &str) {
    with_core(|core| {
        if let Some((core, run)) = core.and_then(|core| Some((core, core.run()?))) {
            keep(run, core.id, LogLevel::Info, target.to_owned(), line.to_owned());
        }
    });
    let tell = || tracing::info!(target: "flowkit::command", stream = target, "{line}");
    #[cfg(feature = "logs")]
    layer::unpersisted(tell);
    #[cfg(not(feature = "logs"))]
    tell();
}

/// Hands a line to the store of a run, if there is one.
fn keep(run: &Run, task_run: TaskRunId, level: LogLevel, target: String, message: String) {
    let Some(kept) = &run.kept else { return };
    kept.store.log(LogEntry {
        run: run.id,
        task_run,
        at: clock::wall(),
        level,
        target,
        message: bounded(message),
    });
}

//! Log lines on their way to a run's store: their task run is found here.
//!
//! It is no subscriber: [`layer()`] is for the program's own registry.

#[cfg(feature = "store")]
pub(crate) mod layer;
pub(crate) mod line;

use std::time::Duration;

use crate::clock;
use crate::engine::flow_run::Run;
use crate::engine::runtime::Runtime;
use crate::model::{LogLevel, TaskRunId};
use crate::store::LogEntry;
use crate::text::wording::bounded;

/// The target of lines that the program prints.
const PRINTED: &str = "stdout";

impl Runtime {
    /// Persists a line that the program printed, for code that captures output at most `delay` after it was printed: as a
    /// line of the only task that was running in that time, or else of the flow run. If several runs are active, the line
    /// is ignored, since its origin is unknown.
    #[doc(hidden)]
    pub fn log_line(&self, text: &str, delay: Duration) {
        if let Some((run, task_run)) = self.active_runs().likely_printer(delay)
            && run.read(|record| record.task_run(task_run).is_none_or(|row| row.declaration().log_prints))
        {
            persist(&run, task_run, LogLevel::Info, PRINTED.to_owned(), text.to_owned());
        }
    }
}

/// Passes a line to the store of a run, if there is one.
fn persist(run: &Run, task_run: TaskRunId, level: LogLevel, target: String, message: String) {
    let Some(run_store) = &run.run_store else { return };
    run_store.store.log(LogEntry {
        run: run.id,
        task_run,
        at: clock::wall(),
        level,
        target,
        message: bounded(message),
    });
}

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

use crate::engine::clock;
use crate::engine::flow_run::Run;
use crate::engine::runtime::Runtime;
use crate::model::{LogLevel, TaskRunId};
use crate::store::LogEntry;

/// A line longer than this, in bytes, is cut off: 10,000 of them, which a task run may have, then stay below a gigabyte.
const LINE_MAX: usize = 64 << 10;

/// Where a line that the program has printed comes from.
const PRINTED: &str = "stdout";

impl Runtime {
    /// Keeps a line that the program has printed, for whoever captures what it prints and hears of it at most `delay` later:
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

/// Hands a line to the store of a run, if there is one.
fn keep(run: &Run, task_run: TaskRunId, level: LogLevel, target: String, message: String) {
    let Some(kept) = &run.kept else { return };
    kept.store.log(LogEntry {
        run: run.id,
        task_run,
        at: clock::wall(),
        level,
        target,
        message: shortened(message),
    });
}

fn shortened(message: String) -> String {
    if message.len() <= LINE_MAX {
        return message;
    }
    let end = (0..=LINE_MAX).rev().find(|end| message.is_char_boundary(*end)).unwrap_or(0);
    format!("{}… and {} bytes more", &message[..end], message.len() - end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_line_is_cut_off_between_characters_and_says_so() {
        assert_eq!(shortened("short".into()), "short");
        let long = format!("{}ü{}", "a".repeat(LINE_MAX - 1), "b".repeat(9));
        let cut = shortened(long);
        assert!(
            cut.starts_with("aaa") && cut.ends_with("a… and 11 bytes more"),
            "{}",
            &cut[cut.len() - 40..]
        );
    }
}

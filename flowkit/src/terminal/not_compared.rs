//! The tasks whose calls cannot be compared. The summary of a run names them, so that users learn of it before a crash.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::engine::flow_run::observer::Notice;
use crate::model::{EventKind, Identity};
use crate::text::columns::visible;
use crate::text::wording::counted;

/// At most this many tasks are named: the others mostly take the same argument.
const NAMED_MAX: usize = 3;

/// The note on each such task, by the name of the task.
#[derive(Clone, Debug, Default)]
pub(super) struct NotComparedTasks(BTreeMap<Cow<'static, str>, String>);

impl NotComparedTasks {
    /// Notes the call that an event creates or reopens.
    pub(super) fn note(&mut self, notice: &Notice<'_>) {
        if let (EventKind::Created | EventKind::Reopened, Some(argument)) =
            (&notice.event.kind, notice.task_run.unknown.as_deref())
        {
            let (kind, task) = (notice.task_run.kind, &notice.task_run.task);
            self.0.entry(task.clone()).or_insert_with(|| Identity::words(kind, task, argument));
        }
    }

    /// Returns one note for each named task, and one with the number of the others.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> =
            self.0.values().take(NAMED_MAX).map(|words| format!("note: {}", visible(words))).collect();
        let more = self.0.len().saturating_sub(NAMED_MAX);
        if more > 0 {
            notes.push(format!("note: the same holds for {}", counted(more, "more task", "more tasks")));
        }
        notes
    }
}

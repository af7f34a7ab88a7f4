//! The tasks whose calls cannot be told apart, which the summary of a run says: nobody shall learn of it only after a crash.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::engine::flow_run::observer::Notice;
use crate::model::{EventKind, Identity};
use crate::text::columns::visible;
use crate::text::wording::counted;

/// So many tasks are named; what is true of one is mostly true of all.
const NAMED_MAX: usize = 3;

/// What of the tasks of a run cannot be compared, by the name of the task.
#[derive(Clone, Debug, Default)]
pub(super) struct NotComparedTasks(BTreeMap<Cow<'static, str>, String>);

impl NotComparedTasks {
    /// Takes note of a call that is made.
    pub(super) fn note(&mut self, notice: &Notice<'_>) {
        if let (EventKind::Created | EventKind::Reopened, Some(argument)) =
            (&notice.event.kind, notice.task_run.unknown.as_deref())
        {
            let (kind, task) = (notice.task_run.kind, &notice.task_run.task);
            self.0.entry(task.clone()).or_insert_with(|| Identity::words(kind, task, argument));
        }
    }

    /// Returns one note for each task, and how many there are more.
    pub(super) fn notes(&self) -> Vec<String> {
        let mut notes: Vec<String> =
            self.0.values().take(NAMED_MAX).map(|words| format!("note: {}", visible(words))).collect();
        let more = self.0.len().saturating_sub(NAMED_MAX);
        if more > 0 {
            notes.push(format!("note: so it is with {}", counted(more, "more task", "more tasks")));
        }
        notes
    }
}

//! The failures of a run as a list: one row each, or one row per task if there are many. Runs that did not start because of
//! them are no failures. Does not decide which one is the root cause: `root_cause` does.

use std::sync::Arc;

use super::view::RunView;
use crate::model::{ErrorReport, FlowRunId, Kind, TaskRun, TaskRunId};
use crate::text::columns::visible;

/// At most this many rows are shown: nobody reads more.
pub(super) const ROWS_MAX: usize = 6;

/// A task run that failed by itself, not because of another one.
#[derive(Clone, Debug)]
pub(super) struct FailedRun {
    pub(super) key: (FlowRunId, TaskRunId),
    /// The name of the task.
    pub(super) task: String,
    pub(super) label: String,
    /// It is a sub-flow whose failure no task run in it explains.
    pub(super) is_flow: bool,
    pub(super) attempts: u32,
    /// How many attempts were allowed, if that is known.
    pub(super) attempts_max: Option<u32>,
    /// The tasks whose results it took, as far as they are named.
    pub(super) inputs: Vec<String>,
    pub(super) report: Arc<ErrorReport>,
}

impl FailedRun {
    pub(super) fn of(
        key: (FlowRunId, TaskRunId),
        task_run: &TaskRun,
        label: String,
        report: &Arc<ErrorReport>,
    ) -> Self {
        Self {
            key,
            task: visible(&task_run.task),
            label,
            is_flow: task_run.kind == Kind::Flow,
            attempts: task_run.attempt,
            attempts_max: None,
            inputs: Vec::new(),
            report: Arc::clone(report),
        }
    }
}

/// One failure, or those of one task.
#[derive(Debug)]
pub(super) struct FailureRow<'a> {
    pub(super) first: &'a FailedRun,
    pub(super) count: usize,
    /// They failed with different messages.
    differ: bool,
}

impl<'a> FailureRow<'a> {
    fn of(first: &'a FailedRun) -> Self {
        Self { first, count: 1, differ: false }
    }

    /// Returns the label of the run, or of several runs the name of their task with their number: `fetch ×9`.
    pub(super) fn label(&self) -> String {
        match self.count {
            1 => self.first.label.clone(),
            count => format!("{} ×{count}", self.first.task),
        }
    }

    /// Says how they failed.
    pub(super) fn words(&self) -> String {
        let words = match error_words(&self.first.report, &self.first.report.task) {
            (words, true) => words,
            (words, false) => format!("failed: {words}"),
        };
        if self.differ { format!("{words} (the first)") } else { words }
    }
}

/// Returns the message of an error without the name of its `run`, and whether it says what happened, as in `timed out: …`:
/// the messages of flowkit's own errors begin with that name, those of users need a verb before them.
pub(super) fn error_words(report: &ErrorReport, run: &str) -> (String, bool) {
    let words = visible(&report.to_string());
    let names = ["task", "flow"].map(|kind| format!("{kind} `{}` ", visible(run)));
    match names.iter().find_map(|name| words.strip_prefix(name.as_str())) {
        Some(own) => (own.to_owned(), true),
        None => (words, false),
    }
}

/// Returns the failures besides `root` in at most `rows_max` rows, and how many are in no row.
pub(super) fn rows<'a>(
    view: &'a RunView,
    root: Option<&FailedRun>,
    rows_max: usize,
) -> (Vec<FailureRow<'a>>, usize) {
    let is_root = |failed: &FailedRun| root.is_some_and(|root| std::ptr::eq(root, failed));
    let others: Vec<&FailedRun> = view.failures.iter().filter(|failed| !is_root(failed)).collect();
    let total = view.failed().saturating_sub(usize::from(root.is_some())).max(others.len());
    let mut rows = if total <= rows_max {
        others.into_iter().map(FailureRow::of).collect()
    } else {
        by_task(view, root, &others)
    };
    rows.truncate(rows_max);
    let shown: usize = rows.iter().map(|row| row.count).sum();
    (rows, total.saturating_sub(shown))
}

/// Folds them by task, in the order of the first failure of each task.
fn by_task<'a>(view: &RunView, root: Option<&FailedRun>, failures: &[&'a FailedRun]) -> Vec<FailureRow<'a>> {
    let mut rows: Vec<FailureRow<'a>> = Vec::new();
    for failed in failures {
        match rows.iter_mut().find(|row| row.first.task == failed.task) {
            None => rows.push(FailureRow::of(failed)),
            Some(row) => {
                row.count += 1;
                row.differ |= row.first.report.message != failed.report.message;
            }
        }
    }
    // Only the first failures are remembered; the others are counted.
    if view.failed() > view.failures.len() {
        for row in rows.iter_mut().filter(|row| !row.first.is_flow) {
            let is_root = root.is_some_and(|root| root.task == row.first.task);
            row.count = view.failed_of(&row.first.task).saturating_sub(usize::from(is_root)).max(1);
        }
    }
    rows
}

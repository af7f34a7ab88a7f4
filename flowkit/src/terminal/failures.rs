//! The failures of a run as a list: one row each, or one for each task where there are many. Those that did not run because
//! of them are no failures, and are only counted elsewhere. Not which of them is the root cause.

use super::tally::FailedRun;
use super::view::RunView;
use crate::text::columns::visible;

/// More rows than this are nobody's reading.
pub(super) const ROWS_MAX: usize = 6;

/// One failure, or those of one task.
#[derive(Debug)]
pub(super) struct FailureRow<'a> {
    pub(super) first: &'a FailedRun,
    pub(super) count: usize,
    /// They failed for more than one reason.
    differ: bool,
}

impl<'a> FailureRow<'a> {
    fn of(first: &'a FailedRun) -> Self {
        Self { first, count: 1, differ: false }
    }

    /// Returns the name of the run, or the task's with the number of runs: `fetch ×9`.
    pub(super) fn label(&self) -> String {
        match self.count {
            1 => self.first.label.clone(),
            count => format!("{} ×{count}", self.first.task),
        }
    }

    /// Says how they failed. Errors of flowkit's own say so themselves, after the name of the run.
    pub(super) fn words(&self) -> String {
        let report = &self.first.report;
        let words = visible(&report.to_string());
        let names = ["task", "flow"].map(|kind| format!("{kind} `{}` ", visible(&report.task)));
        let words = match names.iter().find_map(|name| words.strip_prefix(name.as_str())) {
            Some(own) => own.to_owned(),
            None => format!("failed: {words}"),
        };
        if self.differ { format!("{words} (the first)") } else { words }
    }
}

/// Returns the failures besides `root` in at most `most` rows, and how many are in none of them.
pub(super) fn rows<'a>(
    view: &'a RunView,
    root: Option<&FailedRun>,
    most: usize,
) -> (Vec<FailureRow<'a>>, usize) {
    let is_root = |failed: &FailedRun| root.is_some_and(|root| std::ptr::eq(root, failed));
    let others: Vec<&FailedRun> = view.failures.iter().filter(|failed| !is_root(failed)).collect();
    let total = view.failed().saturating_sub(usize::from(root.is_some())).max(others.len());
    let mut rows = match total <= most {
        true => others.into_iter().map(FailureRow::of).collect(),
        false => by_task(view, root, &others),
    };
    rows.truncate(most);
    let told: usize = rows.iter().map(|row| row.count).sum();
    (rows, total.saturating_sub(told))
}

/// Folds them, in the order in which the first of each task failed.
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
            let apart = root.is_some_and(|root| root.task == row.first.task);
            row.count = view.failed_of(&row.first.task).saturating_sub(usize::from(apart)).max(1);
        }
    }
    rows
}

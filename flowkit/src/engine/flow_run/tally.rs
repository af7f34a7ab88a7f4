//! Counts how the handles that a flow returned have ended: the flow ends accordingly.

use std::sync::Arc;

use crate::engine::handle::Handle;
use crate::model::{Error, RunRecord, TaskError};

/// How the handles that a flow returned have ended.
#[doc(hidden)]
#[derive(Default)]
pub struct Tally {
    pub(crate) total: usize,
    pub(crate) failed: usize,
    pub(crate) cancelled: usize,
    pub(crate) cause: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl Tally {
    pub(crate) fn is_good(&self) -> bool {
        self.failed == 0 && self.cancelled == 0
    }

    pub(crate) fn count<T, E: TaskError>(&mut self, handle: &Handle<T, E>) {
        self.total += 1;
        match handle.slot.completion.get() {
            Some(Err(Error::Cancelled { .. } | Error::Suspended { .. })) => self.cancelled += 1,
            Some(Err(Error::Skipped { .. })) | Some(Ok(_)) | None => {}
            Some(Err(error)) => {
                self.failed += 1;
                self.cause.get_or_insert_with(|| Arc::new(error.clone()));
            }
        }
    }

    /// Counts every task run from `first` on, for `fail_on_any_task`.
    pub(crate) fn count_task_runs(&mut self, record: &RunRecord, first: u64) {
        for task_run in record.task_runs().filter(|task_run| task_run.id().get() >= first) {
            self.total += 1;
            if task_run.state().is_failure() {
                self.failed += 1;
                if let Some(report) = &task_run.extras().error {
                    self.cause.get_or_insert_with(|| Arc::clone(report) as _);
                }
            }
        }
    }
}

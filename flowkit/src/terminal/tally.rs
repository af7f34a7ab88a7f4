//! What the summary of a flow run needs: how its task runs ended, and which of them failed.

use std::sync::Arc;

use super::not_compared::NotComparedTasks;
use crate::engine::flow_run::observer::Notice;
use crate::model::{ErrorReport, EventKind, FlowRunId, Kind, TaskRun, TaskRunId};
use crate::text::columns::visible;
use crate::text::wording::counted;

/// More failures than this are counted, but not remembered: nobody reads the names of a thousand.
const FAILURES_MAX: usize = 100;

/// How the task runs of a flow run ended, those of its sub-flows among them.
#[derive(Debug, Default)]
pub(super) struct RunTally {
    seen: usize,
    ended: usize,
    completed: usize,
    cached: usize,
    pub(super) failed: usize,
    skipped: usize,
    cancelled: usize,
    pub(super) retries: usize,
    /// The first failures that have no other behind them, in the order in which they happened.
    pub(super) failures: Vec<FailedRun>,
    pub(super) not_compared: NotComparedTasks,
}

/// A task run that failed by itself.
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "only pictures tell of all of it"))]
#[derive(Clone, Debug)]
pub(super) struct FailedRun {
    pub(super) key: (FlowRunId, TaskRunId),
    /// The name of the task, which its other runs have too.
    pub(super) task: String,
    pub(super) label: String,
    /// It is a sub-flow, in which nothing failed that explains it.
    pub(super) is_flow: bool,
    pub(super) attempts: u32,
    /// How many there might have been, if that is known.
    pub(super) attempts_max: Option<u32>,
    /// The tasks whose results it was given, where somebody looked.
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

impl RunTally {
    /// Counts an event of a task run.
    pub(super) fn count(&mut self, notice: &Notice<'_>) {
        let task_run = notice.task_run;
        self.not_compared.note(notice);
        // A sub-flow is not counted beside the tasks in it, unless it never ran.
        if task_run.kind == Kind::Flow && task_run.flow_run.is_some() {
            return;
        }
        match &notice.event.kind {
            EventKind::Created if task_run.kind == Kind::Task => self.seen += 1,
            EventKind::AttemptFailed { .. } => self.retries += 1,
            EventKind::Completed => self.completed += 1,
            EventKind::Cached => self.cached += 1,
            EventKind::Failed { error } | EventKind::TimedOut { error, .. } => {
                self.failed += 1;
                if self.failures.len() < FAILURES_MAX {
                    let key = (notice.flow_run, notice.event.task_run);
                    self.failures.push(FailedRun::of(key, task_run, super::lines::label(notice), error));
                }
            }
            EventKind::UpstreamFailed { .. } | EventKind::Skipped { .. } => self.skipped += 1,
            EventKind::Cancelled { .. } => self.cancelled += 1,
            _ => {}
        }
        self.ended += usize::from(notice.event.kind.is_end());
    }

    /// Returns how many have ended of those seen so far: `[ 3/12]`.
    pub(super) fn counter(&self) -> String {
        let seen = self.seen.max(self.ended).to_string();
        format!("[{:>width$}/{seen}]", self.ended, width = seen.len())
    }

    /// Returns how many failed: `2 failures`.
    pub(super) fn failures(&self) -> String {
        counted(self.failed, "failure", "failures")
    }

    /// Returns the counts: `12 tasks (9 completed, 2 cached, 1 failed), 3 retries`.
    pub(super) fn summary(&self) -> String {
        let parts = [
            (self.completed, "completed"),
            (self.cached, "cached"),
            (self.failed, "failed"),
            (self.skipped, "skipped"),
            (self.cancelled, "cancelled"),
        ];
        let parts: Vec<_> = parts.iter().filter(|(count, _)| *count > 0).collect();
        let mut summary = counted(self.ended, "task", "tasks");
        // If all of them did the same, and the good one at that, the number says it all.
        if self.completed < self.ended {
            let parts: Vec<_> = parts.iter().map(|(count, word)| format!("{count} {word}")).collect();
            summary = format!("{summary} ({})", parts.join(", "));
        }
        if self.retries > 0 {
            summary = format!("{summary}, {}", counted(self.retries, "retry", "retries"));
        }
        summary
    }
}

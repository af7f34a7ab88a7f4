//! Changes the view by notices.

use std::sync::Arc;
use std::time::Duration;

use super::{Active, Key, RunView};
use crate::engine::flow_run::observer::Notice;
use crate::model::{ErrorReport, EventKind, TaskRun, TaskRunId, Timestamp, WallTime};
use crate::terminal::fact::label;
use crate::terminal::failures::FailedRun;
use crate::text::columns::visible;

/// At most this many inputs of a task run are considered: 10,000 inputs are mostly runs of one task.
const INPUTS_MAX: usize = 64;

/// At most this many inputs of a failed task run are named.
const INPUTS_NAMED: usize = 4;

impl RunView {
    /// Returns the view of a flow run that begins with this notice; `None` if it is the notice of a sub-flow.
    pub fn begin(notice: &Notice<'_>) -> Option<Self> {
        if notice.origin.is_some() {
            return None;
        }
        let mut view = Self::new(notice.flow_run, String::new(), notice.at.into());
        if notice.event.task_run == TaskRunId::FLOW {
            view.flow = visible(&notice.task_run.label());
        }
        Some(view)
    }

    /// Applies an event of this flow run or of its sub-flows. Callers must not pass others.
    ///
    /// Returns the usual duration, if the event ends a run that took more than three times as long.
    pub fn take(&mut self, notice: &Notice<'_>) -> Option<Duration> {
        let key = (notice.flow_run, notice.event.task_run);
        let task_run = notice.task_run;
        self.not_compared.note(notice);
        match notice.origin {
            None if key.1 == TaskRunId::FLOW => {
                self.take_own(notice);
                return None;
            }
            None => {}
            Some(origin) => {
                self.add_flow(key.0, (origin.flow_run, origin.task_run), &task_run.task);
            }
        }
        if let EventKind::AttemptFailed { attempt, .. } = &notice.event.kind
            && let Some(node) = self.node(key)
        {
            self.retry(node, attempt + 1, *attempt == 1);
            self.forget_failed(key.0, |_| false);
        }
        let group = self.set_state(key, task_run, task_run.state);
        let slow = group.and_then(|group| self.change(group, notice));
        #[cfg(feature = "cli")]
        self.attach_early(key.0);
        if key.1 == TaskRunId::FLOW && notice.event.kind.is_end() && !self.replays {
            // It has no further events, and there may be thousands of such runs.
            self.flows.remove(&key.0);
        }
        slow
    }

    fn take_own(&mut self, notice: &Notice<'_>) {
        let task_run = notice.task_run;
        self.flow = visible(&task_run.label());
        let before = self.state;
        self.state = task_run.state;
        self.error.clone_from(&task_run.error);
        let since_begin = || WallTime::from(notice.at).since(self.began_at);
        // A suspended run has no end.
        let took = || task_run.duration_since(self.began_at).unwrap_or_else(since_begin);
        self.took = self.state.is_over().then(|| self.took.unwrap_or_else(took));
        match notice.event.kind {
            EventKind::AttemptFailed { .. } => {
                self.retries += 1;
                self.forget_failed(self.id, |_| false);
            }
            EventKind::Reopened => {
                self.began_at = notice.at.into();
                self.ran_since = Some(0);
                self.took_in_total = false;
                if before.is_terminal() {
                    self.forget_failed(self.id, |_| false);
                }
            }
            _ => {}
        }
    }

    fn change(&mut self, group: usize, notice: &Notice<'_>) -> Option<Duration> {
        let key = (notice.flow_run, notice.event.task_run);
        let task_run = notice.task_run;
        let at = WallTime::from(notice.at);
        let kind = &notice.event.kind;
        match kind {
            EventKind::Created | EventKind::Queued => self.wait(group, key, task_run),
            EventKind::Started { attempt } => {
                let known = self.groups[group].active.get(&key);
                let attempts_max = known.and_then(|known| known.attempts_max);
                let was_retried = known.is_some_and(|known| known.was_retried);
                let active = Active {
                    label: visible(&task_run.label()),
                    since: at,
                    retry_at: None,
                    attempt: *attempt,
                    was_retried,
                    attempts_max,
                    progress: None,
                };
                let group = &mut self.groups[group];
                group.attempts_most = group.attempts_most.max(*attempt);
                group.active.insert(key, active);
            }
            EventKind::AttemptFailed { attempt, failure } => {
                let known = self.groups[group].active.get(&key);
                self.retry(group, attempt + 1, known.is_none_or(|known| !known.was_retried));
                if let Some(active) = self.groups[group].active.get_mut(&key) {
                    active.was_retried = true;
                    active.attempts_max = failure.attempts_max;
                    active.retry_at = Some(at.plus(Timestamp::new(failure.retry_in)));
                }
            }
            EventKind::Failed { .. } | EventKind::TimedOut { .. } => self.take_failure(group, notice),
            EventKind::UpstreamFailed { .. } => {
                self.note_missing(group, key.0, &task_run.edges);
            }
            EventKind::Skipped { reason } => self.groups[group].reason = Some(visible(reason)),
            EventKind::Reopened | EventKind::Interrupted { .. } => {
                self.failures.retain(|failed| failed.key != key)
            }
            _ => {}
        }
        let group = &mut self.groups[group];
        if kind.is_end() || matches!(kind, EventKind::Started { .. }) {
            group.rename(&task_run.label());
        }
        if kind.is_end()
            || matches!(kind, EventKind::Crashed | EventKind::Reopened | EventKind::Interrupted { .. })
        {
            group.active.remove(&key);
        }
        let took = task_run.duration_since(self.began_at).filter(|_| kind.is_end())?;
        group.spend(took);
        if !matches!(kind, EventKind::Completed) {
            return None;
        }
        if !group.is_flow
            && let Some(ran) = &mut self.ran_since
        {
            *ran += 1;
        }
        let slow = group.durations.slow(took);
        group.durations.add(took);
        slow
    }

    /// Records what a run waits for; a list of handles is known only after its creation.
    pub(super) fn wait(&mut self, group: usize, key: Key, task_run: &TaskRun) {
        for edge in task_run.edges.iter().take(INPUTS_MAX) {
            if let Some(from) = self.body_group((key.0, edge.from()))
                && edge.from() != TaskRunId::FLOW
                && from != group
            {
                self.groups[group].wait_for(from);
            }
        }
    }

    fn take_failure(&mut self, group: usize, notice: &Notice<'_>) {
        let (EventKind::Failed { error: report } | EventKind::TimedOut { error: report, .. }) =
            &notice.event.kind
        else {
            return;
        };
        if self.remembers(&self.groups[group].task) {
            let key = (notice.flow_run, notice.event.task_run);
            self.add_failure(self.failure(group, key, notice.task_run, label(notice), report));
        }
    }

    /// Returns the failure of a run of `group`, which is called `label`.
    pub(super) fn failure(
        &self,
        group: usize,
        key: Key,
        task_run: &TaskRun,
        label: String,
        report: &Arc<ErrorReport>,
    ) -> FailedRun {
        let group = &self.groups[group];
        let inputs = group.waits_for.iter().take(INPUTS_NAMED);
        FailedRun {
            attempts_max: group.active.get(&key).and_then(|active| active.attempts_max),
            inputs: inputs.map(|input| self.groups[*input].name().to_owned()).collect(),
            ..FailedRun::of(key, task_run, label, report)
        }
    }
}

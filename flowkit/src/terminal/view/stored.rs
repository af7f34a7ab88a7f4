//! From the rows of a store to the same view, for looking back and for watching from another process.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Active, Key, RunView};
use crate::model::{
    Kind, OrderNo, State, StoredAttempt, StoredFlowRun, StoredTaskRun, TaskRunId, Timestamp, WallTime,
};
use crate::terminal::lines::path_to;
use crate::terminal::tally::FailedRun;
use crate::text::columns::visible;

impl RunView {
    /// Looks back at a run. Its sub-flows are added by [`with`](Self::with).
    pub fn of(run: &StoredFlowRun, task_runs: &[StoredTaskRun]) -> Self {
        let name = run.name.as_deref().unwrap_or(&run.flow);
        let mut view = Self::new(run.id, visible(name), run.created_at);
        view.state = run.state;
        view.took = run.duration();
        view.error.clone_from(&run.error);
        view.retries = retries(&run.earlier_attempts);
        view.add(run, task_runs);
        match &run.parameters {
            Some(parameters) => view.with_parameters(parameters),
            None => view,
        }
    }

    /// Adds the run of a sub-flow. Those that started it come first.
    #[must_use = "returns the changed view; the original is gone"]
    pub fn with(mut self, sub_flow: &StoredFlowRun, task_runs: &[StoredTaskRun]) -> Self {
        let Some(caller) = sub_flow.parent else { return self };
        self.know_flow(sub_flow.id, caller, &sub_flow.flow);
        if self.flows.get(&sub_flow.id).is_some_and(|flow| flow.is_apart)
            && let Some(group) = self.inside((sub_flow.id, TaskRunId::FLOW))
        {
            let label = visible(sub_flow.name.as_deref().unwrap_or(&sub_flow.flow));
            let key = (sub_flow.id, TaskRunId::FLOW);
            let _known = self.stand(key, sub_flow.state, |_| (group, label.clone()));
            if let (State::Failed | State::TimedOut, Some(report)) = (sub_flow.state, &sub_flow.error) {
                let (task, attempts) = (visible(&sub_flow.flow), sub_flow.attempt);
                let (inputs, report) = (Vec::new(), Arc::new(report.clone()));
                self.fail(FailedRun {
                    key,
                    task,
                    label,
                    is_flow: true,
                    attempts,
                    attempts_max: None,
                    inputs,
                    report,
                });
            }
        }
        if let Some(node) = self.node((sub_flow.id, TaskRunId::FLOW)) {
            let again = retries(&sub_flow.earlier_attempts);
            (0..again).for_each(|time| self.retry(node, sub_flow.attempt, time == 0));
        }
        self.add(sub_flow, task_runs);
        self
    }

    fn add(&mut self, run: &StoredFlowRun, task_runs: &[StoredTaskRun]) {
        let (mut failures, mut missed) = (Vec::new(), Vec::new());
        for row in task_runs {
            let key = (run.id, row.id);
            let label = visible(&row.label());
            let group = self.stand(key, row.state, |view| {
                let around = view.inside((run.id, row.parent));
                (view.group(around, &row.task, row.kind == Kind::Flow), label.clone())
            });
            let Some(group) = group else { continue };
            failures.extend(self.describe(group, key, row, label).map(|failed| (row.ended_no, failed)));
            if row.state == State::UpstreamFailed {
                missed.push((group, row));
            }
        }
        // As they happened, like where somebody watched. Of what no process saw the end, nobody knows when.
        failures.sort_by_key(|(no, _)| no.map_or(u64::MAX, OrderNo::get));
        failures.into_iter().for_each(|(_, failed)| self.fail(failed));
        // What was to be its input has failed, and is known by now.
        for (group, row) in missed {
            self.miss(group, run.id, row.edges.iter().map(|(from, _)| *from));
        }
        if let Some(since) = run.anew_since() {
            let later = task_runs.iter().filter(|row| row.last_no() > Some(since)).map(|row| row.id);
            let later: HashSet<TaskRunId> = later.collect();
            self.begin_anew(run.id, |id| later.contains(&id));
        }
    }

    /// Adds a row to its group; returns the failure if it is one.
    fn describe(&mut self, group: usize, key: Key, row: &StoredTaskRun, label: String) -> Option<FailedRun> {
        for (from, _) in &row.edges {
            if let Some(from) = self.inside((key.0, *from)).filter(|from| *from != group) {
                self.groups[group].wait_for(from);
            }
        }
        let again = retries(&row.earlier_attempts);
        self.retries += again;
        let inputs = self.groups[group].waits_for.iter().map(|input| self.groups[*input].name().to_owned());
        let inputs: Vec<_> = inputs.collect();
        let path = self.flows.get(&key.0).map_or("", |flow| flow.path.as_str());
        let name = path_to(path, &label);
        if let Some(sub_flow) = row.flow_run {
            self.nodes.insert(sub_flow, name.clone());
        }
        let folded = &mut self.groups[group];
        folded.retried += u32::from(again > 0);
        folded.attempts_most = folded.attempts_most.max(row.attempt);
        let took = row.duration();
        if let Some(took) = took {
            folded.spend(took);
        }
        match row.state {
            State::Running | State::AwaitingRetry | State::Cancelling => {
                let active = Active {
                    label,
                    since: row.attempt_started_at.unwrap_or(row.created_at),
                    retry_at: row.earlier_attempts.last().and_then(retry_at),
                    attempt: row.attempt,
                    was_retried: again > 0,
                    attempts_max: None,
                    progress: None,
                };
                folded.active.insert(key, active);
            }
            State::Completed => {
                if let Some(took) = took {
                    folded.durations.add(took);
                }
            }
            State::Skipped => folded.reason = row.skip_reason.as_deref().map(visible),
            State::Failed | State::TimedOut => {
                let report = Arc::new(row.error.clone()?);
                let (task, is_flow) = (visible(&row.task), row.kind == Kind::Flow);
                let (label, attempts, attempts_max) = (name, row.attempt, None);
                return Some(FailedRun { key, task, label, is_flow, attempts, attempts_max, inputs, report });
            }
            _ => {}
        }
        None
    }
}

fn retries(earlier: &[StoredAttempt]) -> usize {
    earlier.iter().filter(|attempt| attempt.retry_in.is_some()).count()
}

fn retry_at(attempt: &StoredAttempt) -> Option<WallTime> {
    Some(attempt.ended_at?.plus(Timestamp::new(attempt.retry_in?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EdgeKind, ErrorReport};
    use crate::policy::resume::tests::{flow_row, row};

    fn ended(id: u64, state: State, no: u64) -> StoredTaskRun {
        let task = format!("task{id}");
        let message = "no".to_owned();
        let error = ErrorReport { task: task.clone(), message, causes: Vec::new(), location: String::new() };
        let error = (state == State::Failed).then_some(error);
        StoredTaskRun { id: TaskRunId::new(id), task, error, ended_no: OrderNo::new(no), ..row(state, 1, 0) }
    }

    #[test]
    fn failures_are_listed_in_the_order_in_which_they_happened() {
        // The third died with its process.
        let rows = [(1, 7), (2, 4), (3, 0), (4, 5)].map(|(id, no)| ended(id, State::Failed, no));
        let view = RunView::of(&flow_row(State::Failed), &rows);
        let listed: Vec<_> = view.failures.iter().map(|failed| failed.label.as_str()).collect();
        assert_eq!(listed, ["task2", "task4", "task1", "task3"]);
    }

    #[test]
    fn what_misses_an_input_names_it_as_the_failure_is_named() {
        let failed = StoredTaskRun { index: Some(3), ..ended(1, State::Failed, 2) };
        let missing =
            StoredTaskRun { edges: vec![(failed.id, EdgeKind::Data)], ..ended(2, State::UpstreamFailed, 3) };
        let view = RunView::of(&flow_row(State::Failed), &[failed, missing]);
        let reasons: Vec<_> = view.groups.iter().filter_map(|group| group.reason.as_deref()).collect();
        assert_eq!(reasons, ["task1[3] failed"]);
    }
}

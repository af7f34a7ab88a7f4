//! Builds the view from the rows of a store: for runs that are over, and runs of other processes.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::{Active, FAILURES_MAX, FAILURES_OF_TASK_MAX, Key, RunView};
use crate::model::{Attempt, Kind, OrderNo, State, StoredFlowRun, TaskRun, TaskRunId, Timestamp, WallTime};
use crate::terminal::fact::path_to;
use crate::terminal::failures::FailedRun;
use crate::text::columns::visible;

impl RunView {
    /// Returns the view of an outermost run before its first event. It will take the events of every process.
    pub(crate) fn replaying(run: &StoredFlowRun) -> Self {
        Self { replays: true, ..Self::new(run.id, visible(&run.flow), run.created_at) }
    }

    /// Returns the view of a stored run. [`with`](Self::with) adds its sub-flows.
    pub fn of<R: Borrow<TaskRun>>(run: &StoredFlowRun, task_runs: impl IntoIterator<Item = R>) -> Self {
        let name = run.name.as_deref().unwrap_or(&run.flow);
        let mut view = Self::new(run.id, visible(name), run.created_at);
        view.state = run.state;
        view.took = run.duration();
        view.error.clone_from(&run.error);
        view.retries = retries(&run.earlier_attempts);
        let begin = begin_of_last_execution(run);
        view.took_in_total = begin.is_some();
        view.ran_since = begin.map(|_| 0);
        view.add(run, begin, task_runs);
        match &run.parameters {
            Some(parameters) => view.with_parameters(parameters),
            None => view,
        }
    }

    /// Adds the run of a sub-flow, after the run that started it.
    #[must_use = "returns the changed view; the original is gone"]
    pub fn with<R: Borrow<TaskRun>>(
        mut self,
        sub_flow: &StoredFlowRun,
        task_runs: impl IntoIterator<Item = R>,
    ) -> Self {
        let Some(caller) = sub_flow.parent else { return self };
        self.add_flow(sub_flow.id, caller, &sub_flow.flow);
        let (key, own) = ((sub_flow.id, TaskRunId::FLOW), sub_flow.as_task_run());
        // None if it has a node, which is a row of another run.
        if let Some(group) = self.set_state(key, &own, own.state)
            && let Some(failed) = self.describe(group, key, &own)
        {
            self.add_failure(failed);
        }
        if let Some(node) = self.node(key) {
            let again = retries(&sub_flow.earlier_attempts);
            (0..again).for_each(|time| self.retry(node, sub_flow.attempt, time == 0));
        }
        let is_kept = self.kept_flows.contains(&sub_flow.id);
        let begin = if is_kept { Some(u64::MAX) } else { begin_of_last_execution(sub_flow) };
        self.add(sub_flow, begin, task_runs);
        self
    }

    /// Counts a task run that ended in the last execution of the flow run, which began with the number `begin`. A result from
    /// before is kept, with the sub-flow in it.
    fn note_execution(&mut self, row: &TaskRun, begin: Option<u64>) {
        let Some(ran_since) = self.ran_since.as_mut().filter(|_| row.state == State::Completed) else {
            return;
        };
        if begin.zip(row.ended_no).is_some_and(|(begin, ended)| ended.get() < begin) {
            self.kept_flows.extend(row.flow_run);
        } else if row.kind == Kind::Task {
            *ran_since += 1;
        }
    }

    /// Adds the task runs of a run, one after the other: there may be too many to hold.
    fn add<R: Borrow<TaskRun>>(
        &mut self,
        run: &StoredFlowRun,
        begin: Option<u64>,
        task_runs: impl IntoIterator<Item = R>,
    ) {
        let (mut failures, mut missed, mut later) = (Vec::new(), BTreeMap::new(), HashSet::new());
        let since = run.anew_since();
        for row in task_runs {
            let row = row.borrow();
            self.note_execution(row, begin);
            if since.is_some() && row.last_no() > since {
                later.insert(row.id);
            }
            let key = (run.id, row.id);
            let Some(group) = self.set_state(key, row, row.state) else { continue };
            if let Some(failed) = self.describe(group, key, row) {
                failures.push((row.ended_no, failed));
                if failures.len() > 2 * FAILURES_MAX {
                    first_failures(&mut failures);
                }
            }
            if row.state == State::UpstreamFailed {
                // Of a group, the last one is shown.
                missed.insert(group, row.edges.clone());
            }
        }
        first_failures(&mut failures);
        failures.into_iter().for_each(|(_, failed)| self.add_failure(failed));
        // What was to be its input has failed, and is known by now.
        for (group, edges) in missed {
            self.note_missing(group, run.id, &edges);
        }
        if since.is_some() {
            self.forget_failed(run.id, |id| later.contains(&id));
        }
    }

    /// Adds a row to its group; returns the failure if it is one.
    fn describe(&mut self, group: usize, key: Key, row: &TaskRun) -> Option<FailedRun> {
        self.wait(group, key, row);
        let again = retries(&row.earlier_attempts);
        self.retries += again;
        let path = self.flows.get(&key.0).map_or("", |flow| flow.path.as_str());
        let label = visible(&row.label());
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
                    retry_at: row
                        .earlier_attempts
                        .last()
                        .filter(|last| last.number == row.attempt)
                        .and_then(retry_at),
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
                return Some(self.failure(group, key, row, name, row.error.as_ref()?));
            }
            _ => {}
        }
        None
    }
}

/// Sorts failures in the order in which they happened, as a live view shows them, and drops those that are not remembered. Ends
/// that no process saw come last, as their time is unknown.
fn first_failures(failures: &mut Vec<(Option<OrderNo>, FailedRun)>) {
    failures.sort_by_key(|(no, _)| no.map_or(u64::MAX, OrderNo::get));
    let mut of_task = HashMap::<String, usize>::new();
    failures.retain(|(_, failed)| {
        let count = of_task.entry(failed.task.clone()).or_default();
        *count += 1;
        *count <= FAILURES_OF_TASK_MAX
    });
    failures.truncate(FAILURES_MAX);
}

/// Returns the number with which the last execution of a flow run began, if it was resumed: an attempt that no retry follows
/// was the last of an execution.
fn begin_of_last_execution(run: &StoredFlowRun) -> Option<u64> {
    let last = run.earlier_attempts.iter().rposition(|attempt| attempt.retry_in.is_none())?;
    let is_followed_by_one = last + 1 == run.earlier_attempts.len();
    let begin = run.begun_no.filter(|_| is_followed_by_one).or(run.earlier_attempts[last].ended_no);
    begin.or(run.begun_no).map(OrderNo::get)
}

fn retries(earlier: &[Attempt]) -> usize {
    earlier.iter().filter(|attempt| attempt.retry_in.is_some()).count()
}

fn retry_at(attempt: &Attempt) -> Option<WallTime> {
    Some(attempt.ended_at?.plus(Timestamp::new(attempt.retry_in?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Edge, EdgeKind, ErrorReport};
    use crate::policy::resume::tests::{flow_row, row};

    fn ended(id: u64, state: State, no: u64) -> TaskRun {
        let task = format!("task{id}");
        let error = ErrorReport::new(task.clone(), "no".to_owned(), None, String::new());
        let error = (state == State::Failed).then(|| error.into());
        TaskRun {
            id: TaskRunId::new(id),
            task: task.into(),
            error,
            ended_no: OrderNo::new(no),
            ..row(state, 1, 0)
        }
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
    fn of_very_many_failures_the_first_of_each_task_are_remembered() {
        let many =
            (1..=5000).map(|id| TaskRun { task: "many".into(), ..ended(id, State::Failed, 10_000 - id) });
        let view = RunView::of(&flow_row(State::Failed), many.chain([ended(5001, State::Failed, 20_000)]));
        assert_eq!(view.failures.len(), FAILURES_OF_TASK_MAX + 1);
        assert_eq!(view.failures[0].key.1, TaskRunId::new(5000));
    }

    #[test]
    fn what_misses_an_input_names_it_as_the_failure_is_named() {
        let failed = TaskRun { index: Some(3), ..ended(1, State::Failed, 2) };
        let missing = TaskRun {
            edges: vec![Edge::new(failed.id, EdgeKind::Data)],
            ..ended(2, State::UpstreamFailed, 3)
        };
        let view = RunView::of(&flow_row(State::Failed), &[failed, missing]);
        let reasons: Vec<_> = view.groups.iter().filter_map(|group| group.reason.as_deref()).collect();
        assert_eq!(reasons, ["task1[3] failed"]);
    }
}

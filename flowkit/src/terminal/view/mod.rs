//! The state of a flow run for display: its task runs, folded by name as their events arrive. Not a copy of the record: an
//! ended task run takes a few bytes here, so that 10,000 of them are cheap.
//!
//! ```text
//! Notice ──► take ──┐
//!                   ├──► RunView: groups by name, what is active, what failed ──► picture
//! rows of a store ──┘
//! ```

mod apply;
#[cfg(feature = "cli")]
mod artifacts;
mod durations;
mod group;
#[cfg(feature = "cli")]
mod short;
#[cfg(feature = "cli")]
mod stored;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "cli")]
pub(crate) use self::artifacts::label as artifact_label;
pub(super) use self::group::{Active, Group, ShownArtifact};
use super::failures::FailedRun;
use super::folded::Folded;
use super::not_compared::NotComparedTasks;
use super::root_cause::{RootCause, explains};
use super::stopping::StopNotice;
use crate::model::{Edge, ErrorReport, FlowRunId, Kind, State, TaskRun, TaskRunId, WallTime};
use crate::text::columns::visible;

/// At most this many failures are remembered; all are counted.
const FAILURES_MAX: usize = 1000;

/// At most this many failures of one task are remembered, so that there is room for other tasks, one of which may be the cause.
const FAILURES_OF_TASK_MAX: usize = 100;

/// The id of a task run in any flow run.
pub(super) type Key = (FlowRunId, TaskRunId);

/// One flow run with its sub-flows, for display.
#[derive(Clone, Debug)]
pub struct RunView {
    pub(super) id: FlowRunId,
    pub(super) flow: String,
    pub(super) state: State,
    /// The signal that stops the process of the run, if there was one.
    pub(super) stopping: Option<StopNotice>,
    /// The arguments in a few words: `urls=4 dry_run=false`.
    pub(super) parameters: String,
    /// When it was created, or resumed in this process.
    pub(super) began_at: WallTime,
    /// Its duration, if it is over, without the time between two processes.
    pub(super) took: Option<Duration>,
    /// The duration is that of several executions: the run was resumed, and is shown as it is stored.
    pub(super) took_in_total: bool,
    pub(super) error: Option<Arc<ErrorReport>>,
    pub(super) groups: Folded<Group>,
    pub(super) retries: usize,
    /// How many tasks have run since the flow run was resumed; `None` if it was not resumed.
    ran_since: Option<usize>,
    /// The sub-flows that were not executed since then, as far as that is known from the rows of a store.
    #[cfg(feature = "cli")]
    kept_flows: std::collections::HashSet<FlowRunId>,
    /// The first failures that no other failure explains, in the order in which they happened.
    pub(super) failures: Vec<FailedRun>,
    pub(super) not_compared: NotComparedTasks,
    /// It takes the events of several processes, so a sub-flow may continue after its end.
    replays: bool,
    /// The artifacts of the flow itself.
    pub(super) artifacts: Vec<ShownArtifact>,
    /// Artifacts of task runs that are not known yet.
    early: Vec<(Key, ShownArtifact)>,
    flows: HashMap<FlowRunId, FlowView>,
    /// The paths of sub-flows whose node is known from the rows of a store, but not their run.
    nodes: HashMap<FlowRunId, String>,
}

/// The outermost flow run, or that of a sub-flow that has not ended.
#[derive(Clone, Debug, Default)]
struct FlowView {
    /// The group of its node; none for the outermost.
    group: Option<usize>,
    /// It has no node, so it is a row of its own.
    has_no_node: bool,
    /// The names of the sub-flows that lead here, if it is known from the rows of a store; notices have the path.
    path: String,
    rows: HashMap<TaskRunId, TaskRow>,
}

/// What is remembered of a task run.
#[derive(Clone, Copy, Debug)]
struct TaskRow {
    group: usize,
    state: State,
}

/// How many task runs there are, by state. A sub-flow is not counted in addition to the tasks in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) seen: usize,
    pub(super) ended: usize,
    pub(super) active: usize,
    /// Those with a result from before the flow run was resumed.
    pub(super) kept: usize,
    pub(super) ran: usize,
    pub(super) cached: usize,
    pub(super) failed: usize,
    pub(super) skipped: usize,
    pub(super) cancelled: usize,
}

impl RunView {
    pub(super) fn new(id: FlowRunId, flow: String, began_at: WallTime) -> Self {
        Self {
            id,
            flow,
            state: State::Pending,
            stopping: None,
            parameters: String::new(),
            began_at,
            took: None,
            took_in_total: false,
            error: None,
            groups: Folded::new(),
            retries: 0,
            ran_since: None,
            #[cfg(feature = "cli")]
            kept_flows: std::collections::HashSet::new(),
            failures: Vec::new(),
            not_compared: NotComparedTasks::default(),
            replays: false,
            artifacts: Vec::new(),
            early: Vec::new(),
            flows: HashMap::from([(id, FlowView::default())]),
            nodes: HashMap::new(),
        }
    }

    /// Returns the id of the flow run.
    pub fn flow_run(&self) -> FlowRunId {
        self.id
    }

    /// Returns the state of the flow run.
    pub fn state(&self) -> State {
        self.state
    }

    /// Sets the arguments of the flow, a JSON object.
    #[cfg(feature = "cli")]
    #[must_use = "returns the changed view; the original is gone"]
    pub fn with_parameters(mut self, parameters: &str) -> Self {
        self.parameters = short::parameters(parameters);
        self
    }

    pub(super) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for group in self.groups.iter() {
            group.add_to(&mut counts);
        }
        counts.kept = self.ran_since.map_or(0, |since| counts.ran.saturating_sub(since));
        counts.ran -= counts.kept;
        let sub_flows = self.failed_flows();
        counts.failed += sub_flows;
        counts.seen += sub_flows;
        counts.ended += sub_flows;
        counts
    }

    /// Whether it completed although task runs failed.
    pub(super) fn completed_with_failures(&self) -> bool {
        self.state.is_success() && self.counts().failed > 0
    }

    /// Returns why it failed, if it did.
    pub(super) fn root_cause(&self) -> Option<RootCause<'_>> {
        RootCause::of(&self.flow, self.state, self.error.as_deref(), &self.failures)
    }

    /// Returns how many tasks are running, without those that wait for another attempt.
    pub(super) fn running(&self) -> usize {
        let tasks = self.groups.iter().filter(|group| !group.is_flow);
        tasks.map(|group| group.count(State::Running) as usize).sum()
    }

    /// Returns how many failed: task runs, and sub-flows whose failure no task run in them explains. Does not count those whose
    /// process died.
    pub(super) fn failed(&self) -> usize {
        let of_tasks: usize = self.groups.iter().map(Group::failed_itself).sum();
        of_tasks + self.failed_flows()
    }

    /// Returns how many sub-flows failed without a task run that explains it.
    fn failed_flows(&self) -> usize {
        self.failures.iter().filter(|failed| failed.is_flow).count()
    }

    /// Returns how many runs of a task failed.
    pub(super) fn failed_of(&self, task: &str) -> usize {
        self.groups.iter().filter(|group| group.task == task).map(Group::failed_itself).sum()
    }

    /// Returns the group of the calls of `task` in the bodies of `parent`, which it creates if there is none.
    fn group(&mut self, parent: Option<usize>, task: &str, is_flow: bool) -> usize {
        self.groups.group(parent, task, |depth| Group::new(task, is_flow, depth))
    }

    /// Returns the group of the body of `parent`, around the groups of its calls.
    fn body_group(&self, (flow_run, parent): Key) -> Option<usize> {
        let flow = self.flows.get(&flow_run)?;
        if parent == TaskRunId::FLOW { flow.group } else { flow.rows.get(&parent).map(|row| row.group) }
    }

    /// Adds the run of a sub-flow. Its `caller` is its node, or the body that started it.
    fn add_flow(&mut self, id: FlowRunId, caller: Key, flow: &str) {
        if self.flows.contains_key(&id) {
            return;
        }
        let around = self.body_group(caller);
        let node = around.filter(|group| caller.1 != TaskRunId::FLOW && self.groups[*group].is_flow);
        let group = node.unwrap_or_else(|| self.group(around, flow, true));
        let path = self.nodes.remove(&id).unwrap_or_default();
        let known = FlowView { group: Some(group), has_no_node: node.is_none(), path, rows: HashMap::new() };
        self.flows.insert(id, known);
    }

    /// Sets the state of a task run, and returns its group; `None` for the run behind a node, which is counted already.
    fn set_state(&mut self, key: Key, task_run: &TaskRun, state: State) -> Option<usize> {
        let flow = self.flows.get(&key.0)?;
        if key.1 == TaskRunId::FLOW && !flow.has_no_node {
            return None;
        }
        let Some(row) = flow.rows.get(&key.1).copied() else {
            let around = self.body_group((key.0, task_run.parent));
            let group = match around.filter(|_| key.1 == TaskRunId::FLOW) {
                Some(own) => own,
                None => self.group(around, &task_run.task, task_run.kind == Kind::Flow),
            };
            self.flows.entry(key.0).or_default().rows.insert(key.1, TaskRow { group, state });
            self.groups[group].enter(state, visible(&task_run.label()));
            return Some(group);
        };
        if row.state != state {
            self.flows.entry(key.0).or_default().rows.insert(key.1, TaskRow { state, ..row });
            self.groups[row.group].moves(row.state, state);
        }
        Some(row.group)
    }

    /// Forgets the task runs of a failed attempt of the flow run that have no result, since the next attempt repeats them; but
    /// not those that `stays` accepts.
    fn forget_failed(&mut self, id: FlowRunId, stays: impl Fn(TaskRunId) -> bool) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let has_no_result = |row: &TaskRow| row.state.is_terminal() && !row.state.is_success();
        let is_repeated =
            |id: TaskRunId, row: &TaskRow| id != TaskRunId::FLOW && has_no_result(row) && !stays(id);
        flow.rows.retain(|row_id, row| {
            let is_repeated = is_repeated(*row_id, row);
            if is_repeated {
                self.groups[row.group].leave(row.state);
            }
            !is_repeated
        });
        self.failures.retain(|failed| failed.key.0 != id || stays(failed.key.1));
    }

    /// Returns the group of the node of a sub-flow, if `key` is its run: the node has the same attempts, but no events of them.
    fn node(&self, key: Key) -> Option<usize> {
        let flow = self.flows.get(&key.0).filter(|flow| key.1 == TaskRunId::FLOW && !flow.has_no_node)?;
        flow.group
    }

    /// Counts a retry of a run of `group`, its first one if it `is_first`.
    fn retry(&mut self, group: usize, attempt: u32, is_first: bool) {
        self.retries += 1;
        let group = &mut self.groups[group];
        group.retried += u32::from(is_first);
        group.attempts_most = group.attempts_most.max(attempt);
    }

    /// Records that a run of `group` did not start because one of `inputs` has no result.
    fn note_missing(&mut self, group: usize, flow_run: FlowRunId, inputs: &[Edge]) {
        if let Some((missed, became)) = self.missed_input(flow_run, inputs) {
            self.groups[group].reason = Some(format!("{missed} {became}"));
            self.groups[group].upstream = Some((missed, became));
        }
    }

    /// Returns the name of the first of `inputs` that has no result, and what happened to it.
    pub(super) fn missed_input(
        &self,
        flow_run: FlowRunId,
        inputs: &[Edge],
    ) -> Option<(String, &'static str)> {
        let rows = &self.flows.get(&flow_run)?.rows;
        let mut missed = inputs.iter().map(|edge| edge.from()).filter_map(|id| {
            let row = rows.get(&id).filter(|row| row.state.is_failure())?;
            if row.state == State::UpstreamFailed {
                return self.groups[row.group].upstream.clone();
            }
            let known = self.failures.iter().find(|failed| failed.key == (flow_run, id));
            let name = known.map_or_else(|| self.groups[row.group].name(), |failed| failed.label.as_str());
            let became = match row.state {
                State::Cancelled => "was stopped",
                State::Crashed => "crashed",
                _ => "failed",
            };
            Some((name.to_owned(), became))
        });
        missed.next()
    }

    /// Records a failure. That of a sub-flow counts only if no failure in it explains it, which may be recorded later: rows of a
    /// store begin with the sub-flow.
    fn add_failure(&mut self, failed: FailedRun) {
        let explained = |sub_flow: &FailedRun, by: &[FailedRun]| explains(&sub_flow.report, by);
        if failed.is_flow && explained(&failed, &self.failures) {
            return;
        }
        self.failures.retain(|known| !(known.is_flow && explained(known, std::slice::from_ref(&failed))));
        if self.remembers(&failed.task) {
            self.failures.push(failed);
        }
    }

    /// Whether there is room for another failure of `task`.
    fn remembers(&self, task: &str) -> bool {
        let of_task = self.failures.iter().filter(|failed| failed.task == task).count();
        self.failures.len() < FAILURES_MAX && of_task < FAILURES_OF_TASK_MAX
    }

    /// Records the progress that a task run reports.
    pub(super) fn progress(&mut self, key: Key, done: u64, total: u64) {
        let group = self.flows.get(&key.0).and_then(|flow| flow.rows.get(&key.1)).map(|row| row.group);
        let active = group.and_then(|group| self.groups[group].active.get_mut(&key));
        if let Some(active) = active {
            active.progress = Some((done, total));
        }
    }
}

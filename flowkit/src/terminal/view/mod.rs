//! What is drawn of a flow run: its task runs, folded by name as the events come in. Not the record: of a task run that
//! has ended, a few bytes are left here, so that 10,000 of them stay cheap.
//!
//! ```text
//! Notice ──► take ──┐
//!                   ├──► RunView: groups by name, what is active, what failed ──► picture
//! rows of a store ──┘
//! ```

#[cfg(feature = "cli")]
mod artifacts;
mod durations;
mod group;
#[cfg(feature = "cli")]
mod short;
#[cfg(feature = "cli")]
mod stored;
mod take;

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

/// More failures than this are counted, but not remembered.
const FAILURES_MAX: usize = 1000;

/// Nor more than this of one task, so that there is room for those of others, one of which may be the cause.
const FAILURES_OF_TASK_MAX: usize = 100;

/// A task run, whichever flow run it belongs to.
pub(super) type Key = (FlowRunId, TaskRunId);

/// One flow run with its sub-flows, as it is drawn.
#[derive(Clone, Debug)]
pub struct RunView {
    pub(super) id: FlowRunId,
    pub(super) flow: String,
    pub(super) state: State,
    /// The process that executes it was told to stop.
    pub(super) stopping: Option<StopNotice>,
    /// The arguments in a few words: `urls=4 dry_run=false`.
    pub(super) parameters: String,
    /// When it was created, or resumed in this process.
    pub(super) began_at: WallTime,
    /// How long it took, if it is over; the time between two processes left out.
    pub(super) took: Option<Duration>,
    pub(super) error: Option<Arc<ErrorReport>>,
    pub(super) groups: Folded<Group>,
    pub(super) retries: usize,
    /// How many tasks have run since the flow run was resumed; `None` if it was not.
    ran_since: Option<usize>,
    /// The first failures that have no other behind them, in the order in which they happened.
    pub(super) failures: Vec<FailedRun>,
    pub(super) not_compared: NotComparedTasks,
    /// It takes the events of several processes, after whose end a sub-flow may go on.
    replays: bool,
    /// What the flow itself has left.
    pub(super) artifacts: Vec<ShownArtifact>,
    /// What was left by task runs that are not known yet.
    early: Vec<(Key, ShownArtifact)>,
    flows: HashMap<FlowRunId, FlowView>,
    /// The paths of sub-flows of which only the node is known yet, as rows of a store tell of them.
    nodes: HashMap<FlowRunId, String>,
}

/// The outermost flow run, or a sub-flow's that has not ended.
#[derive(Clone, Debug, Default)]
struct FlowView {
    /// The group of its node; none for the outermost.
    group: Option<usize>,
    /// It has no node, so that its own events are those of a row.
    is_apart: bool,
    /// The names of the sub-flows that lead here, where rows of a store tell of it; notices bring their own.
    path: String,
    rows: HashMap<TaskRunId, TaskRow>,
}

/// What is kept of a task run.
#[derive(Clone, Copy, Debug)]
struct TaskRow {
    group: usize,
    state: State,
}

/// How many task runs there are, by what became of them. A sub-flow is not counted beside the tasks in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) seen: usize,
    pub(super) ended: usize,
    pub(super) active: usize,
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
            error: None,
            groups: Folded::new(),
            retries: 0,
            ran_since: None,
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

    /// Returns where the flow run stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Says with which arguments the flow was called, as a JSON object.
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
        let sub_flows = self.failed_flows();
        counts.failed += sub_flows;
        counts.seen += sub_flows;
        counts.ended += sub_flows;
        counts
    }

    /// Returns how many of the tasks that ran did so before the flow run was resumed.
    pub(super) fn kept(&self) -> usize {
        self.ran_since.map_or(0, |since| self.counts().ran.saturating_sub(since))
    }

    /// Whether it completed although task runs failed.
    pub(super) fn completed_with_failures(&self) -> bool {
        self.state.is_success() && self.counts().failed > 0
    }

    /// Finds out why it failed, if it did.
    pub(super) fn root_cause(&self) -> Option<RootCause<'_>> {
        RootCause::of(&self.flow, self.state, self.error.as_deref(), &self.failures)
    }

    /// Returns how many tasks are running, those left out that wait for another attempt.
    pub(super) fn running(&self) -> usize {
        let tasks = self.groups.iter().filter(|group| !group.is_flow);
        tasks.map(|group| group.count(State::Running) as usize).sum()
    }

    /// Returns how many failed: task runs, and sub-flows in which nothing failed that explains it. Not those whose process
    /// died.
    pub(super) fn failed(&self) -> usize {
        let of_tasks: usize = self.groups.iter().map(Group::failed_itself).sum();
        of_tasks + self.failed_flows()
    }

    /// Returns how many sub-flows failed in which nothing failed that explains it.
    fn failed_flows(&self) -> usize {
        self.failures.iter().filter(|failed| failed.is_flow).count()
    }

    /// Returns how many runs of a task failed.
    pub(super) fn failed_of(&self, task: &str) -> usize {
        self.groups.iter().filter(|group| group.task == task).map(Group::failed_itself).sum()
    }

    /// Finds the group of the calls of `task` in the bodies of `parent`, or makes it.
    fn group(&mut self, parent: Option<usize>, task: &str, is_flow: bool) -> usize {
        self.groups.group(parent, task, |depth| Group::new(task, is_flow, depth))
    }

    /// Finds the group in which the calls are that the body of `parent` makes.
    fn inside(&self, (flow_run, parent): Key) -> Option<usize> {
        let flow = self.flows.get(&flow_run)?;
        if parent == TaskRunId::FLOW { flow.group } else { flow.rows.get(&parent).map(|row| row.group) }
    }

    /// Makes the run of a sub-flow known, which the body of `caller` started or whose node that is.
    fn know_flow(&mut self, id: FlowRunId, caller: Key, flow: &str) {
        if self.flows.contains_key(&id) {
            return;
        }
        let around = self.inside(caller);
        let node = around.filter(|group| caller.1 != TaskRunId::FLOW && self.groups[*group].is_flow);
        let group = node.unwrap_or_else(|| self.group(around, flow, true));
        let path = self.nodes.remove(&id).unwrap_or_default();
        let known = FlowView { group: Some(group), is_apart: node.is_none(), path, rows: HashMap::new() };
        self.flows.insert(id, known);
    }

    /// Notes where a task run stands, and returns its group; `None` for the run of a node, which is noted already.
    fn stand(&mut self, key: Key, task_run: &TaskRun, state: State) -> Option<usize> {
        let flow = self.flows.get(&key.0)?;
        if key.1 == TaskRunId::FLOW && !flow.is_apart {
            return None;
        }
        let Some(row) = flow.rows.get(&key.1).copied() else {
            let around = self.inside((key.0, task_run.parent));
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

    /// Forgets what has no result in an attempt of the flow run that failed, since the next one does it anew: the rows of
    /// which `stays` does not hold.
    fn begin_anew(&mut self, id: FlowRunId, stays: impl Fn(TaskRunId) -> bool) {
        let Some(flow) = self.flows.get_mut(&id) else { return };
        let has_no_result = |row: &TaskRow| row.state.is_terminal() && !row.state.is_success();
        let gone = |id: TaskRunId, row: &TaskRow| id != TaskRunId::FLOW && has_no_result(row) && !stays(id);
        flow.rows.retain(|row_id, row| {
            let is_gone = gone(*row_id, row);
            if is_gone {
                self.groups[row.group].leave(row.state);
            }
            !is_gone
        });
        self.failures.retain(|failed| failed.key.0 != id || stays(failed.key.1));
    }

    /// Returns the group of the node behind which a sub-flow runs, if `key` is that run: its attempts are those of the node,
    /// which hears nothing of them.
    fn node(&self, key: Key) -> Option<usize> {
        let flow = self.flows.get(&key.0).filter(|flow| key.1 == TaskRunId::FLOW && !flow.is_apart)?;
        flow.group
    }

    /// Notes that a run of `group` is tried again, the first time if it `is_new`.
    fn retry(&mut self, group: usize, attempt: u32, is_new: bool) {
        self.retries += 1;
        let group = &mut self.groups[group];
        group.retried += u32::from(is_new);
        group.attempts_most = group.attempts_most.max(attempt);
    }

    /// Notes that a run of `group` misses one of `inputs`.
    fn miss(&mut self, group: usize, flow_run: FlowRunId, inputs: &[Edge]) {
        if let Some((missed, became)) = self.missed_input(flow_run, inputs) {
            self.groups[group].reason = Some(format!("{missed} {became}"));
            self.groups[group].upstream = Some((missed, became));
        }
    }

    /// Returns the name of the first that has no result, of those of which the results were to be `inputs`, and what became
    /// of it.
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

    /// Notes a failure. That of a sub-flow is told only if no failure in it explains it, and rows of a store tell of the
    /// sub-flow first.
    fn fail(&mut self, failed: FailedRun) {
        let explained = |sub_flow: &FailedRun, by: &[FailedRun]| explains(&sub_flow.report, by);
        if failed.is_flow && explained(&failed, &self.failures) {
            return;
        }
        self.failures.retain(|known| !(known.is_flow && explained(known, std::slice::from_ref(&failed))));
        if self.remembers(&failed.task) {
            self.failures.push(failed);
        }
    }

    /// Whether another failure of `task` is to be remembered.
    fn remembers(&self, task: &str) -> bool {
        let of_task = self.failures.iter().filter(|failed| failed.task == task).count();
        self.failures.len() < FAILURES_MAX && of_task < FAILURES_OF_TASK_MAX
    }

    /// Notes how far a task run says it is.
    pub(super) fn progress(&mut self, key: Key, done: u64, total: u64) {
        let group = self.flows.get(&key.0).and_then(|flow| flow.rows.get(&key.1)).map(|row| row.group);
        let active = group.and_then(|group| self.groups[group].active.get_mut(&key));
        if let Some(active) = active {
            active.progress = Some((done, total));
        }
    }
}

//! One row of the record: a task run, where it stands and how it got there. It changes only by an event.

mod moved;
mod recovered;

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use super::edge::{Edge, Edges};
use super::{Declaration, ErrorReport, OrderNo, State, TaskRunId, Timestamp};

/// What is said about few task runs, kept out of the row so that the row stays small.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) name: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) branch: Option<Arc<str>>,
    pub(crate) flow_run: Option<super::FlowRunId>,
    pub(crate) failed_attempts: Vec<Attempt>,
    pub(crate) error: Option<Arc<ErrorReport>>,
    pub(crate) skip_reason: Option<Arc<String>>,
    /// What of the call cannot be compared, see [`Identity`](super::Identity).
    pub(crate) unknown: Option<&'static str>,
    /// The number that the same end had in an earlier attempt of the flow, also while the run is being made again.
    pub(crate) rank: Option<OrderNo>,
    pub(crate) not_persisted: Option<Arc<str>>,
}

/// What is known of a task run when it is created.
#[derive(Clone, Debug)]
pub struct NewTaskRun {
    pub(crate) task: &'static Declaration,
    pub(crate) parent: TaskRunId,
    pub(crate) index: Option<u32>,
    pub(crate) edges: Edges,
    pub(crate) location: &'static Location<'static>,
    pub(crate) extras: Option<Box<Extras>>,
}

/// One try of a task run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Attempt {
    /// Which one, counting from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended; `None` while it runs.
    pub ended_at: Option<Timestamp>,
    /// Its end among the begins and ends of the run.
    pub(crate) ended_no: Option<OrderNo>,
    /// How it ended; where the task run stands, while it runs.
    pub state: State,
    /// Why it failed, if it did.
    pub error: Option<Arc<ErrorReport>>,
    /// The wait after it, if another attempt followed.
    pub retry_in: Option<Duration>,
}

/// One call of a task, or of a flow, inside a flow run: where it stands and how it got there.
#[derive(Clone, Debug)]
pub struct TaskRun {
    id: TaskRunId,
    task: &'static Declaration,
    parent: TaskRunId,
    index: Option<u32>,
    state: State,
    orphaned: bool,
    cancelled_by_body: bool,
    attempt: u32,
    location: &'static Location<'static>,
    edges: Edges,
    created_at: Timestamp,
    started_at: Option<Timestamp>,
    attempt_started_at: Timestamp,
    ended_at: Option<Timestamp>,
    begun_no: Option<OrderNo>,
    ended_no: Option<OrderNo>,
    extras: Option<Box<Extras>>,
}

impl TaskRun {
    pub(super) fn new(id: TaskRunId, new: NewTaskRun, created_at: Timestamp) -> Self {
        Self {
            id,
            task: new.task,
            parent: new.parent,
            index: new.index,
            state: State::Pending,
            orphaned: false,
            cancelled_by_body: false,
            attempt: 0,
            location: new.location,
            edges: new.edges,
            created_at,
            started_at: None,
            attempt_started_at: created_at,
            ended_at: None,
            begun_no: None,
            ended_no: None,
            extras: new.extras,
        }
    }

    /// Returns the id, unique inside the flow run.
    pub fn id(&self) -> TaskRunId {
        self.id
    }

    /// Returns the name of the task.
    pub fn task(&self) -> &'static str {
        self.task.name
    }

    /// Returns the task as it stands in the code.
    pub fn declaration(&self) -> &'static Declaration {
        self.task
    }

    /// Returns the name of this run: its `run_name`, or the task's name with the index of a mapped run: `fetch[3]`.
    pub fn label(&self) -> String {
        label_of(self.task, self.index, self.extras.as_deref())
    }

    /// Returns the name that only this run has: its `run_name`, or what the call was named.
    pub fn name(&self) -> Option<&str> {
        self.extras.as_deref()?.name.as_deref()
    }

    /// Returns the position in the list that was mapped.
    pub fn index(&self) -> Option<u32> {
        self.index
    }

    /// Returns the run in whose body this one was called; [`TaskRunId::FLOW`] for the flow's own body.
    pub fn parent(&self) -> TaskRunId {
        self.parent
    }

    /// Returns where the run stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns what the run waited for.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Returns where in the user's code the call was made.
    pub fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Returns the tags of the task and those of this call.
    pub fn tags(&self) -> impl Iterator<Item = &str> {
        self.task.tags.iter().copied().chain(self.own_tags().iter().map(String::as_str))
    }

    /// Returns the tags of this call alone.
    pub(crate) fn own_tags(&self) -> &[String] {
        self.extras.as_deref().map_or(&[][..], |extras| &extras.tags)
    }

    /// Returns the name of the group in which the call was made.
    pub fn group(&self) -> Option<&str> {
        self.extras.as_deref()?.group.as_deref()
    }

    /// Returns the label of the branch that led to this call.
    pub fn branch(&self) -> Option<&str> {
        self.extras.as_deref()?.branch.as_deref()
    }

    /// Returns the argument that cannot be compared with that of another call, as `name: Type`: if the flow is retried or
    /// resumed, this call is made again. `None` too if neither can happen.
    pub fn unknown(&self) -> Option<&'static str> {
        self.extras.as_deref()?.unknown
    }

    /// Returns the flow run behind a sub-flow's node.
    pub fn flow_run(&self) -> Option<super::FlowRunId> {
        self.extras.as_deref()?.flow_run
    }

    /// Whether the body could not be stopped and went on after the end of the run.
    pub fn is_orphaned(&self) -> bool {
        self.orphaned
    }

    /// Whether the body that called it has cancelled it, by [`Handle::cancel`](crate::Handle::cancel) for instance.
    pub(crate) fn is_cancelled_by_body(&self) -> bool {
        self.cancelled_by_body
    }

    /// Returns when the run was created.
    pub fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Returns when the first attempt began.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.started_at
    }

    /// Returns when the run ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        self.ended_at
    }

    /// Returns the number of the last attempt's begin.
    pub(crate) fn begun_no(&self) -> Option<OrderNo> {
        self.begun_no
    }

    /// Returns the number of the end.
    pub(crate) fn ended_no(&self) -> Option<OrderNo> {
        self.ended_no
    }

    /// Returns the number that the same end had in an earlier attempt of the flow or process: its place among other ends.
    pub(crate) fn rank(&self) -> Option<OrderNo> {
        self.extras.as_deref()?.rank
    }

    /// Returns the time from the first attempt to the end, with the waits that the retry policy put between attempts.
    ///
    /// Of a run that was interrupted and resumed, the time between the two processes is left out, and so is that of an
    /// attempt whose end nobody saw.
    pub fn duration(&self) -> Option<Duration> {
        let (_, ended_at) = (self.started_at?, self.ended_at?);
        let attempts = self.attempts();
        let spans = attempts.iter().map(|attempt| (attempt.started_at, attempt.ended_at, attempt.retry_in));
        Some(spent(&spans.collect::<Vec<_>>(), ended_at))
    }

    /// Returns the time during which attempts ran, waits between them left out.
    pub fn busy_time(&self) -> Duration {
        self.attempts().iter().filter_map(|attempt| Some(attempt.ended_at?.since(attempt.started_at))).sum()
    }

    /// Returns how many attempts began.
    pub fn attempt_count(&self) -> u32 {
        self.attempt
    }

    /// Returns when the last attempt began.
    pub(crate) fn attempt_started_at(&self) -> Option<Timestamp> {
        (self.attempt > 0).then_some(self.attempt_started_at)
    }

    /// Returns the attempts that another one followed, the first one first.
    pub(crate) fn earlier_attempts(&self) -> &[Attempt] {
        self.extras.as_deref().map_or(&[], |extras| &extras.failed_attempts)
    }

    /// Whether its last attempt failed while the program was being stopped.
    #[cfg(feature = "cli")]
    pub(crate) fn was_interrupted(&self) -> bool {
        self.earlier_attempts()
            .last()
            .is_some_and(|last| last.state == State::Suspended && last.number == self.attempt)
    }

    /// Returns the attempts, the first one first.
    pub fn attempts(&self) -> Vec<Attempt> {
        let extras = self.extras.as_deref();
        let mut attempts = extras.map(|extras| extras.failed_attempts.clone()).unwrap_or_default();
        if self.attempt as usize > attempts.len() {
            attempts.push(Attempt {
                number: self.attempt,
                started_at: self.attempt_started_at,
                ended_at: self.ended_at,
                ended_no: self.ended_no,
                state: self.state,
                error: extras.and_then(|extras| extras.error.clone()),
                retry_in: None,
            });
        }
        attempts
    }

    /// Returns why the run has no result.
    pub fn error(&self) -> Option<&ErrorReport> {
        self.extras.as_deref()?.error.as_deref()
    }

    /// Returns why the run was skipped.
    pub fn skip_reason(&self) -> Option<&str> {
        self.extras.as_deref()?.skip_reason.as_deref().map(String::as_str)
    }

    /// Returns why the result could not be persisted, if there is a store that was to persist it.
    pub fn not_persisted(&self) -> Option<&str> {
        self.extras.as_deref()?.not_persisted.as_deref()
    }

    pub(crate) fn set_not_persisted(&mut self, reason: Arc<str>) {
        self.extras().not_persisted = Some(reason);
    }

    pub(crate) fn set_name(&mut self, name: String) {
        self.extras().name = Some(name);
    }

    pub(crate) fn set_cancelled_by_body(&mut self) {
        self.cancelled_by_body = true;
    }

    pub(crate) fn set_rank(&mut self, rank: OrderNo) {
        self.extras().rank = Some(rank);
    }

    pub(crate) fn set_edges(&mut self, edges: Edges) {
        self.edges = edges;
    }

    pub(crate) fn set_flow_run(&mut self, id: super::FlowRunId) {
        self.extras().flow_run = Some(id);
    }

    /// The task run of a call that belongs to no flow run.
    pub(crate) fn outside(new: NewTaskRun, created_at: Timestamp) -> Self {
        Self::new(TaskRunId::FLOW, new, created_at)
    }

    fn extras(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

/// Returns how long a run that ended at `end` was at it: the attempts, each with its begin, its end and the wait after it, and
/// those waits. What lies between two processes is no wait, or longer than one.
pub(super) fn spent(
    attempts: &[(Timestamp, Option<Timestamp>, Option<Duration>)],
    end: Timestamp,
) -> Duration {
    let next = attempts.iter().skip(1).map(|(began_at, ..)| *began_at).chain([end]);
    let spans = attempts.iter().zip(next).filter_map(|((began_at, ended_at, wait), next)| {
        let wait = next.since((*ended_at)?).min(wait.unwrap_or_default());
        Some((*ended_at)?.since(*began_at) + wait)
    });
    spans.sum()
}

pub(crate) fn label_of(task: &Declaration, index: Option<u32>, extras: Option<&Extras>) -> String {
    if let Some(name) = extras.and_then(|extras| extras.name.as_ref()) {
        return name.clone();
    }
    match index {
        Some(index) => format!("{}[{index}]", task.name),
        None => task.name.to_owned(),
    }
}

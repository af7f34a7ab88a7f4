//! The live record's entry of a task run: where it stands and how it got there. It changes only by an event. Not what readers
//! are shown: they get a [`TaskRun`](crate::model::TaskRun), which [`rows`] makes of it.

mod moved;
mod recovered;
mod rows;

use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use crate::model::edge::{Edge, Edges};
use crate::model::{Declaration, ErrorReport, FlowRunId, OrderNo, State, TaskRunId, Timestamp};

/// What few task runs have, apart from the rest so that that stays small. [`TaskRun`](crate::model::TaskRun) says what each is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Extras {
    pub(crate) name: Option<String>,
    /// Of this call alone.
    pub(crate) tags: Vec<String>,
    pub(crate) group: Option<Arc<str>>,
    pub(crate) branch: Option<Arc<str>>,
    pub(crate) flow_run: Option<FlowRunId>,
    pub(crate) earlier_attempts: Vec<AttemptRecord>,
    pub(crate) error: Option<Arc<ErrorReport>>,
    pub(crate) skip_reason: Option<Arc<String>>,
    pub(crate) unknown: Option<&'static str>,
    pub(crate) rank: Option<OrderNo>,
    pub(crate) not_persisted: Option<Arc<str>>,
}

static NO_EXTRAS: Extras = Extras {
    name: None,
    tags: Vec::new(),
    group: None,
    branch: None,
    flow_run: None,
    earlier_attempts: Vec::new(),
    error: None,
    skip_reason: None,
    unknown: None,
    rank: None,
    not_persisted: None,
};

/// What is known of a task run when it is created.
#[derive(Clone, Debug)]
pub(crate) struct NewTaskRun {
    pub(crate) task: &'static Declaration,
    pub(crate) parent: TaskRunId,
    pub(crate) index: Option<u32>,
    pub(crate) edges: Edges,
    pub(crate) location: &'static Location<'static>,
    pub(crate) extras: Option<Box<Extras>>,
}

impl NewTaskRun {
    /// Returns the name that the run will have, as [`TaskRun::label`](crate::model::TaskRun::label) does.
    pub(crate) fn label(&self) -> String {
        let name = self.extras.as_deref().and_then(|extras| extras.name.as_deref());
        label_of(self.task.name, self.index, name)
    }
}

/// An attempt that another one followed, or is to follow; see [`Attempt`](crate::model::Attempt).
#[derive(Clone, Debug)]
pub(crate) struct AttemptRecord {
    pub(crate) number: u32,
    pub(crate) started_at: Timestamp,
    pub(crate) ended_at: Option<Timestamp>,
    pub(crate) ended_no: Option<OrderNo>,
    pub(crate) state: State,
    pub(crate) error: Option<Arc<ErrorReport>>,
    pub(crate) retry_in: Option<Duration>,
}

/// One call of a task, or of a flow, as the engine records it. It borrows from the program what the program says of the task, and
/// its times count from the creation of the flow run, so that it is small and cheap to copy.
///
/// A [store](crate::store) gets one with each [`Entry`](crate::store::Entry); [`row`](Self::row) has all that is in it.
#[derive(Clone, Debug)]
pub struct TaskRunRecord {
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

impl TaskRunRecord {
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

    /// Returns the task as it stands in the code.
    pub(crate) fn declaration(&self) -> &'static Declaration {
        self.task
    }

    /// Returns the position in the list that was mapped.
    pub(crate) fn index(&self) -> Option<u32> {
        self.index
    }

    /// Returns the run in whose body this one was called; [`TaskRunId::FLOW`] for the flow's own body.
    pub(crate) fn parent(&self) -> TaskRunId {
        self.parent
    }

    /// Returns where the run stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// Returns what the run waited for.
    pub(crate) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// Returns where in the user's code the call was made.
    pub(crate) fn location(&self) -> &'static Location<'static> {
        self.location
    }

    /// Whether the body could not be stopped and went on after the end of the run.
    pub(crate) fn is_orphaned(&self) -> bool {
        self.orphaned
    }

    /// Whether the body that called it has cancelled it, by [`Handle::cancel`](crate::Handle::cancel) for instance.
    pub(crate) fn is_cancelled_by_body(&self) -> bool {
        self.cancelled_by_body
    }

    /// Returns when the run was created.
    pub(crate) fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// Returns when the first attempt began.
    pub(crate) fn started_at(&self) -> Option<Timestamp> {
        self.started_at
    }

    /// Returns when the run ended.
    pub(crate) fn ended_at(&self) -> Option<Timestamp> {
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

    /// Returns how many attempts began.
    pub(crate) fn attempt_count(&self) -> u32 {
        self.attempt
    }

    /// Returns when the last attempt began.
    pub(crate) fn attempt_started_at(&self) -> Option<Timestamp> {
        (self.attempt > 0).then_some(self.attempt_started_at)
    }

    /// Returns the rest, which most task runs have nothing of.
    pub(crate) fn extras(&self) -> &Extras {
        self.extras.as_deref().unwrap_or(&NO_EXTRAS)
    }

    pub(crate) fn set_not_persisted(&mut self, reason: Arc<str>) {
        self.extras_mut().not_persisted = Some(reason);
    }

    pub(crate) fn set_name(&mut self, name: String) {
        self.extras_mut().name = Some(name);
    }

    pub(crate) fn set_cancelled_by_body(&mut self) {
        self.cancelled_by_body = true;
    }

    pub(crate) fn set_rank(&mut self, rank: OrderNo) {
        self.extras_mut().rank = Some(rank);
    }

    pub(crate) fn set_edges(&mut self, edges: Edges) {
        self.edges = edges;
    }

    pub(crate) fn set_flow_run(&mut self, id: FlowRunId) {
        self.extras_mut().flow_run = Some(id);
    }

    /// The task run of a call that belongs to no flow run.
    pub(crate) fn outside(new: NewTaskRun, created_at: Timestamp) -> Self {
        Self::new(TaskRunId::FLOW, new, created_at)
    }

    fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

/// Returns the name of a run: its own, or the task's with the index of a mapped run: `fetch[3]`.
pub(crate) fn label_of(task: &str, index: Option<u32>, name: Option<&str>) -> String {
    match (name, index) {
        (Some(name), _) => name.to_owned(),
        (None, Some(index)) => format!("{task}[{index}]"),
        (None, None) => task.to_owned(),
    }
}

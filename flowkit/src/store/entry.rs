//! What the engine hands to a store, and what a store hands back for going on with a run.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{OwnerName, StoreError};
use crate::model::{
    Artifact, CallId, Digest, Event, FlowRunId, LogLevel, Metric, OrderNo, Provenance, StoredFlowRun,
    TaskRun, TaskRunId, TaskRunRecord, WallTime,
};
use crate::policy::cache::{CacheKey, KeyParts};

/// Told once: the entry cannot be lost any more, or it could not be kept.
pub type CommitAck = oneshot::Sender<Result<(), StoreError>>;

/// A run that this process owns. The process that takes it over gets a larger epoch; from then on, writes with this one are
/// refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedRun {
    /// The run.
    pub id: FlowRunId,
    /// How often it was begun or taken over, counting from 1.
    pub epoch: u64,
    /// When the run was created: [`Timestamp`](crate::model::Timestamp)s count from there.
    pub created_at: WallTime,
}

/// A run that its store keeps no further. See [`RunLog::on_loss`](super::RunLog::on_loss).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Lost {
    /// The run.
    pub run: FlowRunId,
    /// Up to this epoch; a process that has taken the run over since has a larger one.
    pub epoch: u64,
    /// Why.
    pub error: StoreError,
}

/// A run that begins.
#[derive(Debug)]
pub struct NewFlowRun {
    /// Who it is; its epoch is 1.
    pub owned: OwnedRun,
    /// The flow itself, as it stands.
    pub flow: TaskRunRecord,
    /// Its arguments as a JSON object, if all of them can be written.
    pub parameters: Option<String>,
    /// The run in whose code it was started, and the task run there.
    pub parent: Option<(FlowRunId, TaskRunId)>,
    /// The idempotency key that was [reserved](super::Ownership::reserve) for it, if it has one. The run begins only if the
    /// reservation still holds; both are found out and written at the same moment.
    pub key: Option<Arc<str>>,
}

/// How a key stands when a process asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is reserved for the run of the caller, which may begin it.
    Granted,
    /// It stands for this run, which has begun.
    Begun(FlowRunId),
    /// A living process has reserved it for this run and has not begun it yet.
    Held(FlowRunId, OwnerName),
}

/// Something that happened, with the row that it left behind.
#[derive(Debug)]
pub struct Entry {
    /// The flow run, and the right to write of it.
    pub run: OwnedRun,
    /// What happened. Its task run [`TaskRunId::FLOW`] is the flow itself.
    pub event: Event,
    /// The task run as it stands after the event; [`TaskRunRecord::row`] and [`row_after`](TaskRunRecord::row_after) have all that
    /// is in it.
    pub task_run: TaskRunRecord,
    /// What finds the call again when the flow runs again.
    pub call: Option<CallId>,
    /// The result, in its envelope.
    pub result: Option<Vec<u8>>,
    /// Of an end: which value it is, and from which it was made.
    pub provenance: Option<Provenance>,
    /// The result's place in the cache; kept together with the result or not at all.
    pub cache: Option<CacheEntry>,
}

/// Under what a result may be found by other runs.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheEntry {
    /// The key.
    pub key: CacheKey,
    /// For how long; `None` is for ever.
    pub ttl: Option<Duration>,
    /// What the key is made of, to say later why another one is not it.
    pub parts: KeyParts,
}

/// A result that some run has left.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedValue {
    /// The result, in its envelope.
    pub envelope: Vec<u8>,
    /// When it was kept.
    pub stored_at: WallTime,
    /// For how long it may be used.
    pub ttl: Option<Duration>,
    /// Whose result it is.
    pub from: (FlowRunId, TaskRunId),
}

/// A line that a run logged.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// The flow run.
    pub run: FlowRunId,
    /// The task run; [`TaskRunId::FLOW`] for the flow itself.
    pub task_run: TaskRunId,
    /// When it was written.
    pub at: WallTime,
    /// How much it matters.
    pub level: LogLevel,
    /// The module path of the code.
    pub target: String,
    /// What it says.
    pub message: String,
}

/// Something that a task run says of itself, or a flow of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The flow run, and the right to write of it.
    pub run: OwnedRun,
    /// The task run; [`TaskRunId::FLOW`] for the flow itself.
    pub task_run: TaskRunId,
    /// When it was said.
    pub at: WallTime,
    /// What.
    pub says: FactKind,
}

/// What a task run may say of itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FactKind {
    /// It made this.
    Made(Artifact),
    /// It measured this.
    Measured(Metric),
    /// It used a file with this content.
    Used(Digest),
    /// Its body waited for several runs until the time was up.
    TimeUp(TimeUp),
}

/// That the time was up while a body waited for several runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeUp {
    /// What finds the wait again when the flow runs again.
    pub key: Digest,
    /// The positions of the runs that had ended, in the list that was waited for; `None` if nothing came of the timeout, and
    /// the wait has ended in time since.
    pub ended: Option<Vec<u32>>,
    /// The number of the last begin or end before it: what was called upon it began later.
    pub after: Option<OrderNo>,
}

/// Everything that is known of a run that was taken over.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// The right to write of it.
    pub owned: OwnedRun,
    /// The run as it stood before.
    pub run: StoredFlowRun,
    /// Its task runs, by id, without the flow itself.
    pub task_runs: Vec<TaskRun>,
    /// The greatest number that a begin or an end has, in it and in the runs of its sub-flows, and theirs.
    pub last_no: Option<OrderNo>,
    /// The waits of its bodies whose time was up.
    pub times_up: Vec<TimeUp>,
}

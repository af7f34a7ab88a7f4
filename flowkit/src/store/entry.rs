//! What the engine hands to a store, and what a store hands back for resuming a run.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{OwnerName, StoreError};
use crate::model::{
    Artifact, CallId, Digest, Event, FlowRunId, LogLevel, Metric, OrderNo, Provenance, StoredFlowRun,
    TaskRun, TaskRunId, TaskRunRecord, WallTime,
};
use crate::policy::cache::{CacheKey, KeyParts};

/// Answered once: the entry is durable, or could not be persisted.
pub type CommitAck = oneshot::Sender<Result<(), StoreError>>;

/// A run that this process owns. A process that takes it over gets a larger epoch; from then on, writes with this one
/// are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnedRun {
    /// The run.
    pub id: FlowRunId,
    /// How often it was begun or taken over, counting from 1.
    pub epoch: u64,
    /// When the run was created: [`Timestamp`](crate::model::Timestamp)s count from there.
    pub created_at: WallTime,
}

/// A run that its store no longer persists. See [`RunLog::on_loss`](super::RunLog::on_loss).
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

impl Lost {
    /// Says that a run was lost.
    pub fn new(run: FlowRunId, epoch: u64, error: StoreError) -> Self {
        Self { run, epoch, error }
    }
}

/// A run that begins.
#[derive(Debug)]
pub struct NewFlowRun {
    /// Its identity; the epoch is 1.
    pub owned: OwnedRun,
    /// The flow itself.
    pub flow: TaskRunRecord,
    /// Its arguments as a JSON object, if all of them can be serialized.
    pub parameters: Option<String>,
    /// The run in whose code it was started, and the task run there.
    pub parent: Option<(FlowRunId, TaskRunId)>,
    /// The idempotency key that was [reserved](super::Ownership::reserve) for it, if it has one. The run begins only if
    /// the reservation still holds; both happen in one transaction.
    pub key: Option<Arc<str>>,
    /// The revision of the code, if it is known.
    pub revision: Option<Arc<str>>,
}

/// The answer to a process that wants to reserve a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// It is reserved for the run of the caller, which may begin it.
    Granted,
    /// The key belongs to this run, which has begun.
    Begun(FlowRunId),
    /// A living process has reserved it for this run and has not begun it yet.
    Held(FlowRunId, OwnerName),
}

/// An event, with the row that results from it.
#[derive(Debug)]
pub struct Entry {
    /// The flow run, and the right to write it.
    pub run: OwnedRun,
    /// What happened. Its task run [`TaskRunId::FLOW`] is the flow itself.
    pub event: Event,
    /// The task run after the event; [`TaskRunRecord::row`] and [`row_after`](TaskRunRecord::row_after) have all that
    /// is in it.
    pub task_run: TaskRunRecord,
    /// Identifies the call when the flow runs again.
    pub call: Option<CallId>,
    /// The result, in its envelope.
    pub result: Option<Vec<u8>>,
    /// Of an end: which value it is, and from which it was made.
    pub provenance: Option<Provenance>,
    /// The result's entry in the cache; persisted together with the result or not at all.
    pub cache: Option<CacheEntry>,
}

/// The key under which other runs find a result.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheEntry {
    /// The key.
    pub key: CacheKey,
    /// For how long; `None` is for ever.
    pub ttl: Option<Duration>,
    /// What the key is made of, to explain later why another key differs.
    pub parts: KeyParts,
}

/// A result that a run has stored.
#[derive(Clone, Debug, PartialEq)]
pub struct CachedValue {
    /// The result, in its envelope.
    pub envelope: Vec<u8>,
    /// When it was stored.
    pub stored_at: WallTime,
    /// For how long it may be used; `None` is for ever.
    pub ttl: Option<Duration>,
    /// Whose result it is.
    pub from: (FlowRunId, TaskRunId),
}

/// A log line of a run.
#[derive(Clone, Debug, PartialEq)]
pub struct LogEntry {
    /// The flow run.
    pub run: FlowRunId,
    /// The task run; [`TaskRunId::FLOW`] for the flow itself.
    pub task_run: TaskRunId,
    /// When it was written.
    pub at: WallTime,
    /// Its level.
    pub level: LogLevel,
    /// The module path of the code.
    pub target: String,
    /// The text.
    pub message: String,
}

/// A fact that a task run, or the flow itself, reports.
#[derive(Clone, Debug, PartialEq)]
pub struct Fact {
    /// The flow run, and the right to write it.
    pub run: OwnedRun,
    /// The task run; [`TaskRunId::FLOW`] for the flow itself.
    pub task_run: TaskRunId,
    /// When it was reported.
    pub at: WallTime,
    /// The fact.
    pub kind: FactKind,
}

/// What a task run may report.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum FactKind {
    /// It made an artifact.
    Made(Artifact),
    /// It measured a value.
    Measured(Metric),
    /// It used a file with this content.
    Used(Digest),
    /// Its body waited for several runs, and the wait timed out.
    TimeUp(TimeUp),
}

/// A wait of a body for several runs that timed out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeUp {
    /// Identifies the wait when the flow runs again.
    pub key: Digest,
    /// The positions, in the awaited list, of the runs that had ended; `None` if the timeout had no effect and the wait
    /// has ended in time since.
    pub ended: Option<Vec<u32>>,
    /// The number of the last begin or end before it: calls made because of the timeout began later.
    pub after: Option<OrderNo>,
}

/// Everything that the store knows of a run that was taken over.
#[derive(Clone, Debug, PartialEq)]
pub struct Recovered {
    /// The right to write it.
    pub owned: OwnedRun,
    /// The run before it was taken over.
    pub run: StoredFlowRun,
    /// Its task runs, by id, without the flow itself.
    pub task_runs: Vec<TaskRun>,
    /// The greatest number of a begin or an end, in it and in all runs of sub-flows below it.
    pub last_no: Option<OrderNo>,
    /// The waits of its bodies that timed out.
    pub times_up: Vec<TimeUp>,
}

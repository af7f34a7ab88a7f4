//! What a run leaves behind: events, rows, results, facts and log lines. The first of the four parts of a
//! [`Store`](super::Store): a store that has only this one persists runs, but they cannot be resumed.

use super::{CommitAck, Entry, Fact, LogEntry, Lost, NewFlowRun, StoreError, seals};
use crate::model::{FlowRunId, TaskRunId};
use crate::value::canonical::Sealing;

/// Persists what happens to runs.
///
/// Writing is queued: [`begin`](Self::begin), [`record`](Self::record), [`report`](Self::report) and [`log`](Self::log) return at once
/// and are persisted in the order of the calls. Reading sees everything that was acknowledged before. Every method may be called
/// from any thread; those that read may block for as long as a disk does.
pub trait RunLog {
    /// Records a run that begins here: this process owns it until it ends.
    ///
    /// A run whose key is no longer reserved for it does not begin: its entries are refused with
    /// [`StoreError::UnknownRun`].
    fn begin(&self, run: NewFlowRun);

    /// Records an event. `ack` is answered when the event is durable, or when it could not be persisted.
    ///
    /// An entry that ends the flow itself ([`TaskRunId::FLOW`]) also releases the ownership of the run.
    fn record(&self, entry: Entry, ack: Option<CommitAck>);

    /// Records a fact that a task run reports of itself. None is dropped, unless the ownership of the run is lost.
    fn report(&self, fact: Fact);

    /// Records a log line. Lines beyond a task run's quota are counted and dropped; no other line is: it blocks as
    /// [`wait_for_room`](Self::wait_for_room) does, in async code too.
    fn log(&self, line: LogEntry);

    /// Returns the persisted result of a task run, as the envelope that was recorded; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn result(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Blocks while the backlog is too long, so that it does not take memory without end. Usually returns at once.
    fn wait_for_room(&self);

    /// Waits until everything that was recorded before is durable.
    ///
    /// # Errors
    ///
    /// If it could not be persisted.
    fn flush(&self) -> Result<(), StoreError>;

    /// Whether calls take real time, as those of a disk do. If so, they are made on a thread of their own, and a test's
    /// paused clock stands still meanwhile; otherwise they are made in place.
    fn may_block(&self) -> bool {
        true
    }

    /// Returns the key that seals the secrets of calls, so that a call with the same secrets is found again. The
    /// default is for stores that end with the process.
    ///
    /// # Errors
    ///
    /// The file from which the key is missing, if the store has seals that were made with it.
    fn sealing(&self) -> Sealing<'_> {
        Ok(seals::of_process())
    }

    /// Calls `listener`, from any thread, with each run of this process that is no longer persisted, and why: another
    /// process has taken it over, or the store gave up writing. There is one listener; a later one replaces it.
    ///
    /// Such a run is durable up to some point of its record, and nothing after that point is.
    ///
    /// Default: it is never called, by a store that can always write.
    fn on_loss(&self, _listener: Box<dyn Fn(Lost) + Send + Sync>) {}
}

//! What a run leaves behind: events, rows, results, facts and log lines. The first of the four parts of a [`Store`](super::Store): a
//! store that has it alone persists runs that nobody resumes.

use super::{CommitAck, Entry, Fact, LogEntry, Lost, NewFlowRun, StoreError, seals};
use crate::model::{FlowRunId, TaskRunId};
use crate::value::canonical::Sealing;

/// Persists what happens to runs.
///
/// Writing is queued: [`begin`](Self::begin), [`record`](Self::record), [`report`](Self::report) and [`log`](Self::log) return at once
/// and are persisted in the order of the calls. Reading sees everything that was acknowledged before. Every method may be called
/// from any thread; those that read may block for as long as a disk does.
pub trait RunLog {
    /// Writes down a run that begins here: this process owns it until it ends.
    ///
    /// A run whose key is no longer reserved for it does not begin: its entries are refused with
    /// [`StoreError::UnknownRun`].
    fn begin(&self, run: NewFlowRun);

    /// Writes down what happened. With `ack`, says when it cannot be lost any more, or that it could not be kept.
    ///
    /// An entry that ends a run (that of [`TaskRunId::FLOW`]) gives the run up.
    fn record(&self, entry: Entry, ack: Option<CommitAck>);

    /// Writes down what a task run says of itself. Nothing of it is dropped, unless the right to write of the run is lost.
    fn report(&self, fact: Fact);

    /// Writes down a line of a log. Lines beyond a task's quota are counted and dropped. Blocks as
    /// [`make_room`](Self::wait_for_room) does.
    fn log(&self, line: LogEntry);

    /// Returns the kept result of a task run, as the envelope that was written; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn result(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Blocks while so much waits to be written that more would cost memory without end. Usually returns at once.
    fn wait_for_room(&self);

    /// Waits until everything that was written before can no longer be lost.
    ///
    /// # Errors
    ///
    /// If it could not be kept.
    fn flush(&self) -> Result<(), StoreError>;

    /// Whether answers take real time, as those of a disk do. They are then waited for on a thread apart, and a test's
    /// paused clock stands still meanwhile. A store that says no is asked where the question arises.
    fn may_block(&self) -> bool {
        true
    }

    /// Returns the key with which the secrets of calls are sealed, so that a call is found again by them. The default is for
    /// stores that end with the process.
    ///
    /// # Errors
    ///
    /// The file in which it is missing, if there are seals that were made with it.
    fn sealing(&self) -> Sealing<'_> {
        Ok(seals::of_process())
    }

    /// Calls `listener` with each run of this process that is kept no further, and why, from whatever thread: another
    /// process has taken it over, or the store gave up writing. There is one listener; a later one takes its place.
    ///
    /// What is durable of such a run is all that was recorded up to some point, and nothing behind it.
    ///
    /// Default: it is never called, by a store that can always write.
    fn on_loss(&self, _listener: Box<dyn Fn(Lost) + Send + Sync>) {}
}

//! What survives the process: the seam between the engine, which writes, and whatever keeps it.
//!
//! Not a database layer: a store keeps runs, results and cached values, and says nothing of how. Memory and SQLite
//! implement it; `contract` has the tests that every store must pass.
//!
//! ```text
//! engine ──► Entry (event, row, result), Fact ──► Store ──► acknowledged ──► who waits is woken
//! history ◄── StoredFlowRun, StoredTaskRun, StoredEvent ◄── Store
//! ```

#[cfg(test)]
mod contract;
pub(crate) mod disk;
mod entry;
mod error;
mod explain;
mod facts;
pub mod filter;
mod history;
mod listener;
mod memory;
mod prefix;
pub(crate) mod rows;
pub(crate) mod seals;
#[cfg(feature = "sqlite")]
mod sqlite;
mod words;

pub use entry::{
    CacheEntry, CachedValue, CommitAck, Entry, Fact, FactKind, LogEntry, Lost, NewFlowRun, OwnedRun,
    Recovered, Reserved, TimeUp,
};
pub use error::{Missing, OwnerName, StoreError};
pub use explain::{CacheExplanation, StoredCacheEntry, explain_cache};
pub(crate) use facts::Facts;
pub use history::{FlowRunFilter, FlowRunPage, History, LogFilter, PruneReport, Retention, TaskRunFilter};
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::folder;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStats, SqliteStore, Synchronous};

use crate::model::{FlowRunId, TaskRunId};
use crate::policy::cache::CacheKey;
use crate::policy::resume::RedoRequest;
use crate::value::canonical::Sealing;

/// Keeps runs beyond their process.
///
/// Writing is queued: [`begin`](Self::begin), [`record`](Self::record), [`keep`](Self::keep) and [`log`](Self::log)
/// return at once and are kept in the order of the calls. Reading sees everything that was acknowledged before. Every method may be called
/// from any thread; those that read may block for as long as a disk does.
pub trait Store: History {
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
    fn keep(&self, fact: Fact);

    /// Writes down a line of a log. Lines beyond a task's quota are counted and dropped. Blocks as
    /// [`make_room`](Self::make_room) does.
    fn log(&self, line: LogEntry);

    /// Whether answers take real time, as those of a disk do. They are then waited for on a thread apart, and a test's
    /// paused clock stands still meanwhile. A store that says no is asked where the question arises.
    fn may_block(&self) -> bool {
        true
    }

    /// Whether this process has stood still, or could not write, for so long that another one may have taken its runs over.
    /// What begins then waits until the store has confirmed the beginning, and with it whose run it is.
    ///
    /// Default: no, for a store whose runs nobody takes from a living process.
    fn may_be_fenced(&self) -> bool {
        false
    }

    /// Blocks while so much waits to be written that more would cost memory without end. Usually returns at once.
    fn make_room(&self);

    /// Waits until everything that was written before can no longer be lost.
    ///
    /// # Errors
    ///
    /// If it could not be kept.
    fn flush(&self) -> Result<(), StoreError>;

    /// Returns the key with which the secrets of calls are sealed, so that a call is found again by them. The default is for
    /// stores that end with the process.
    ///
    /// # Errors
    ///
    /// The file in which it is missing, if there are seals that were made with it.
    fn sealing(&self) -> Sealing<'_> {
        Ok(seals::of_process())
    }

    /// Takes a run over that nobody owns, to go on with it. The run is owned by this process from now on, with a new
    /// epoch, so that a former owner writes nothing any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Owned`] if its owner is alive, [`StoreError::UnknownRun`] if there is no such run, or what the
    /// disk says.
    fn take_over(&self, id: FlowRunId) -> Result<Recovered, StoreError>;

    /// Writes down what is to be done again of a run that was taken over, in place of what was asked of it before.
    ///
    /// # Errors
    ///
    /// [`StoreError::LostOwnership`] if somebody else has the run, or what the disk says.
    fn ask_again(&self, run: OwnedRun, asked: &RedoRequest) -> Result<(), StoreError>;

    /// Returns what was asked last to be done again of a run.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn asked(&self, id: FlowRunId) -> Result<Option<RedoRequest>, StoreError>;

    /// Leaves a run to the process that resumes it: it is `Suspended`, and this process writes nothing more of it.
    fn suspend(&self, run: OwnedRun, ack: Option<CommitAck>);

    /// Returns the kept result of a task run, as the envelope that was written; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn result(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns the runs of sub-flows that were started for a task run, the newest first.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn children(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Vec<FlowRunId>, StoreError>;

    /// Reserves `key` for the run `id`, which this process is about to begin, unless a run stands for the key.
    ///
    /// A reservation stays with its process for as long as that lives, however long it takes, until the run begins
    /// ([`NewFlowRun::key`]) or the reservation is given back. A key that stands for a run goes with that run.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    fn reserve(&self, key: &str, id: FlowRunId) -> Result<Reserved, StoreError>;

    /// Gives back what was reserved for the run `id`; if the run has begun, nothing happens.
    fn give_back(&self, key: &str, id: FlowRunId);

    /// Looks for a result that any run has left under `key`.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn cached(&self, key: CacheKey) -> Result<Option<CachedValue>, StoreError>;

    /// Asks for the right to execute for `key`, among all processes; `false` if a living process has it.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    fn lease(&self, key: CacheKey) -> Result<bool, StoreError>;

    /// Gives the right to execute for `key` back. Keeping a result under the key does so too.
    fn release(&self, key: CacheKey);

    /// Asks the owner of a run, in whatever process, to cancel it; `false` if nobody runs it.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    fn request_cancel(&self, id: FlowRunId) -> Result<bool, StoreError>;

    /// Calls `listener` with each run of this process that somebody asks to cancel, once, from whatever thread. There is
    /// one listener; a later one takes its place.
    fn on_cancel_request(&self, listener: Box<dyn Fn(FlowRunId) + Send + Sync>);

    /// Calls `listener` with each run of this process that is kept no further, and why, from whatever thread: another
    /// process has taken it over, or the store gave up writing. There is one listener; a later one takes its place.
    ///
    /// What is durable of such a run is all that was recorded up to some point, and nothing behind it.
    ///
    /// Default: it is never called, by a store that can always write.
    fn on_loss(&self, _listener: Box<dyn Fn(Lost) + Send + Sync>) {}
}

//! Which process may write a run. The second part of a [`Store`](super::Store): with it, runs are resumed, cancelled
//! from elsewhere, and begun once for their key.

use super::{CommitAck, OwnedRun, Recovered, Reserved, StoreError};
use crate::model::{FlowRunId, TaskRunId};
use crate::policy::resume::RedoRequest;

/// Decides which process may write a run: one at a time, even if another one died, slept or was told to stop.
///
/// Every write carries an [epoch](OwnedRun::epoch); a write with an older one is refused.
pub trait Ownership {
    /// Takes over a run that no living process owns, to resume it. This process owns the run from now on, with a new
    /// epoch, so that writes of the former owner are refused.
    ///
    /// # Errors
    ///
    /// [`StoreError::Owned`] if its owner is alive, [`StoreError::UnknownRun`] if there is no such run, or an error of
    /// the disk.
    fn take_over(&self, id: FlowRunId) -> Result<Recovered, StoreError>;

    /// Suspends a run for the process that resumes it: this process writes nothing more to it.
    fn suspend(&self, run: OwnedRun, ack: Option<CommitAck>);

    /// Whether this process has stood still, or could not write, for so long that another one may have taken over its
    /// runs. If so, a task run does not begin before the store has confirmed its beginning, and with it the ownership.
    ///
    /// Default: no, for a store that takes no run from a living process.
    fn may_be_fenced(&self) -> bool {
        false
    }

    /// Records which parts of a taken-over run to run again; it replaces an earlier request.
    ///
    /// # Errors
    ///
    /// [`StoreError::LostOwnership`] if another process owns the run, or an error of the disk.
    fn request_redo(&self, run: OwnedRun, request: &RedoRequest) -> Result<(), StoreError>;

    /// Returns the last request to redo parts of a run.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn redo_request(&self, id: FlowRunId) -> Result<Option<RedoRequest>, StoreError>;

    /// Returns the runs of sub-flows that were started for a task run, the newest first.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn sub_flow_runs(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Vec<FlowRunId>, StoreError>;

    /// Reserves `key` for the run `id`, which this process is about to begin, unless the key already has a run.
    ///
    /// A process holds its reservation for as long as it lives, until the run begins
    /// ([`NewFlowRun::key`](super::NewFlowRun::key)) or the reservation is released. Pruning a run frees its key.
    ///
    /// # Errors
    ///
    /// If the store cannot be reached.
    fn reserve(&self, key: &str, id: FlowRunId) -> Result<Reserved, StoreError>;

    /// Releases the reservation for the run `id`; if the run has begun, nothing happens.
    fn unreserve(&self, key: &str, id: FlowRunId);

    /// Asks the owner of a run, in any process, to cancel it; `false` if no process runs it.
    ///
    /// # Errors
    ///
    /// If the store cannot be reached.
    fn request_cancel(&self, id: FlowRunId) -> Result<bool, StoreError>;

    /// Calls `listener`, once and from any thread, with each run of this process that is asked to be cancelled. There
    /// is one listener; a later one replaces it.
    fn on_cancel_request(&self, listener: Box<dyn Fn(FlowRunId) + Send + Sync>);
}

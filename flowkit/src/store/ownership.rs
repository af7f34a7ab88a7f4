//! Who may write of a run. The second part of a [`Store`](super::Store): with it, runs are resumed, cancelled from elsewhere, and
//! begun once for their key.

use super::{CommitAck, OwnedRun, Recovered, Reserved, StoreError};
use crate::model::{FlowRunId, TaskRunId};
use crate::policy::resume::RedoRequest;

/// Decides which process may write of a run: one at a time, also if another one died, slept or was told to stop.
///
/// Every write carries an [epoch](OwnedRun::epoch); what comes with an older one is refused.
pub trait Ownership {
    /// Takes a run over that nobody owns, to go on with it. The run is owned by this process from now on, with a new
    /// epoch, so that a former owner writes nothing any more.
    ///
    /// # Errors
    ///
    /// [`StoreError::Owned`] if its owner is alive, [`StoreError::UnknownRun`] if there is no such run, or what the
    /// disk says.
    fn take_over(&self, id: FlowRunId) -> Result<Recovered, StoreError>;

    /// Leaves a run to the process that resumes it: it is `Suspended`, and this process writes nothing more of it.
    fn suspend(&self, run: OwnedRun, ack: Option<CommitAck>);

    /// Whether this process has stood still, or could not write, for so long that another one may have taken its runs over.
    /// What begins then waits until the store has confirmed the beginning, and with it whose run it is.
    ///
    /// Default: no, for a store whose runs nobody takes from a living process.
    fn may_be_fenced(&self) -> bool {
        false
    }

    /// Writes down what is to be done again of a run that was taken over, in place of what was asked of it before.
    ///
    /// # Errors
    ///
    /// [`StoreError::LostOwnership`] if somebody else has the run, or what the disk says.
    fn request_redo(&self, run: OwnedRun, asked: &RedoRequest) -> Result<(), StoreError>;

    /// Returns what was asked last to be done again of a run.
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

    /// Reserves `key` for the run `id`, which this process is about to begin, unless a run stands for the key.
    ///
    /// A reservation stays with its process for as long as that lives, however long it takes, until the run begins
    /// ([`NewFlowRun::key`](super::NewFlowRun::key)) or the reservation is given back. A key that stands for a run goes with that run.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    fn reserve(&self, key: &str, id: FlowRunId) -> Result<Reserved, StoreError>;

    /// Gives back what was reserved for the run `id`; if the run has begun, nothing happens.
    fn unreserve(&self, key: &str, id: FlowRunId);

    /// Asks the owner of a run, in whatever process, to cancel it; `false` if nobody runs it.
    ///
    /// # Errors
    ///
    /// If it cannot be asked.
    fn request_cancel(&self, id: FlowRunId) -> Result<bool, StoreError>;

    /// Calls `listener` with each run of this process that somebody asks to cancel, once, from whatever thread. There is
    /// one listener; a later one takes its place.
    fn on_cancel_request(&self, listener: Box<dyn Fn(FlowRunId) + Send + Sync>);
}

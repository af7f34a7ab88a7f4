//! Looking back: what the command line and the page ask of a store. Reading only, but for `forget`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{StoreError, StoredCacheEntry};
use crate::model::{
    Digest, FlowRunId, Lineage, LogLevel, State, StoredArtifact, StoredEvent, StoredFlowRun, StoredLog,
    StoredMetric, TaskRun, TaskRunId, WallTime,
};

/// Which flow runs. What is empty says nothing; several words of one kind are alternatives, kinds must all hold.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FlowRunFilter {
    /// In one of these states.
    pub states: Vec<State>,
    /// Of one of these flows, by name.
    pub flows: Vec<String>,
    /// With one of these tags.
    pub tags: Vec<String>,
    /// Created at this moment or later.
    pub since: Option<WallTime>,
    /// Created before this moment.
    pub until: Option<WallTime>,
    /// With this text in the name of the flow, the run's own name, or the beginning of its short id.
    pub text: Option<String>,
    /// With so many task runs that failed; see [`StoredFlowRun::failures`].
    pub failures: Option<RangeInclusive<u64>>,
    /// Also the runs of sub-flows, which are otherwise left out.
    pub sub_flows: bool,
}

/// Which task runs of a flow run. What is empty says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TaskRunFilter {
    /// In one of these states.
    pub states: Vec<State>,
    /// Of one of these tasks, by name.
    pub tasks: Vec<String>,
}

/// Which log lines of a flow run. What is empty says nothing.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct LogFilter {
    /// Of this task run.
    pub task_run: Option<TaskRunId>,
    /// At least this level.
    pub level: Option<LogLevel>,
    /// With these words in it.
    pub text: Option<String>,
}

/// One page of flow runs, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowRunPage {
    /// The runs.
    pub runs: Vec<StoredFlowRun>,
    /// Where the next page begins: pass it as `before`. `None` on the last page.
    pub next: Option<FlowRunId>,
}

/// What `forget` leaves. A run goes if it is older than all of what is said; where nothing is said, none goes.
///
/// Runs that have not ended stay. The run of a sub-flow stays as long as the run that started it, which may need it when
/// it is resumed, and goes together with it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Runs that ended within this time.
    pub younger_than: Option<Duration>,
    /// So many of the newest runs, those of sub-flows not counted.
    pub newest: Option<u64>,
}

/// What `forget` took away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneReport {
    /// Flow runs, with everything that belongs to them.
    pub flow_runs: u64,
    /// Results that nothing points to any more.
    pub files: u64,
}

/// Reads what was kept.
///
/// # Errors
///
/// Every method fails if the store cannot be read, with [`StoreError::Read`] or [`StoreError::Damaged`].
#[allow(clippy::missing_errors_doc, reason = "the trait says it once for all")]
pub trait History: Send + Sync + std::fmt::Debug + 'static {
    /// Returns flow runs, the newest first: at most `limit`, those that came before the run `before`. The newest is the run
    /// that the store was told of last; clocks do not matter.
    fn flow_runs(
        &self,
        filter: &FlowRunFilter,
        before: Option<FlowRunId>,
        limit: usize,
    ) -> Result<FlowRunPage, StoreError>;

    /// Returns one flow run.
    fn flow_run(&self, id: FlowRunId) -> Result<Option<StoredFlowRun>, StoreError>;

    /// Returns the runs whose short or long id begins with `prefix`: at most `limit`, the newest first.
    fn find(&self, prefix: &str, limit: usize) -> Result<Vec<FlowRunId>, StoreError>;

    /// Returns task runs of a flow run by id: at most `limit`, those after `after`.
    fn task_runs(
        &self,
        run: FlowRunId,
        filter: &TaskRunFilter,
        after: TaskRunId,
        limit: usize,
    ) -> Result<Vec<TaskRun>, StoreError>;

    /// Returns how many task runs of a flow run stand in which state.
    fn counts(&self, run: FlowRunId) -> Result<Vec<(State, u64)>, StoreError>;

    /// Returns events of a flow run in order: at most `limit`, those after the sequence number `since`.
    fn events(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError>;

    /// Returns log lines of a flow run in order: at most `limit`, those after the sequence number `since`.
    fn logs(
        &self,
        run: FlowRunId,
        filter: &LogFilter,
        since: u64,
        limit: usize,
    ) -> Result<Vec<StoredLog>, StoreError>;

    /// Returns how many log lines of each task run were dropped because it logged too much.
    fn dropped_logs(&self, run: FlowRunId) -> Result<Vec<(TaskRunId, u64)>, StoreError>;

    /// Returns artifacts of a flow run in order, without their content: at most `limit`, those after the number `since`.
    fn artifacts(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredArtifact>, StoreError>;

    /// Returns the content of the artifact of a flow run with this sequence number.
    fn artifact(&self, run: FlowRunId, sequence: u64) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns metrics of a flow run in order: at most `limit`, those after the sequence number `since`.
    fn metrics(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredMetric>, StoreError>;

    /// Returns who made a file with this content and who used it, over all runs.
    fn lineage(&self, file: Digest) -> Result<Lineage, StoreError>;

    /// Returns the places in the cache of the task with this path: at most `limit`, the newest first.
    fn cache_entries(&self, path: &str, limit: usize) -> Result<Vec<StoredCacheEntry>, StoreError>;

    /// Returns a hash of the code of the task with this path as it was run last; `None` if it is not known here.
    fn last_source(&self, _path: &str) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    /// Removes runs that nobody needs any more, and what only they pointed to.
    fn prune(&self, keep: Retention) -> Result<PruneReport, StoreError>;
}

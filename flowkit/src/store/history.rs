//! Looking back: what the command line and the page read from a store. Reading only, but for `prune`.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::words::Words;
use super::{StoreError, StoredCacheEntry};
use crate::model::{
    Digest, FlowRunId, Lineage, LogLevel, State, StoredArtifact, StoredEvent, StoredFlowRun, StoredLog,
    StoredMetric, TaskRun, TaskRunId, WallTime,
};

/// Which flow runs. An empty field is no condition; several values of one field are alternatives, and all fields must
/// match.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct FlowRunFilter {
    /// In one of these states.
    pub states: Vec<State>,
    /// Of one of these flows, by name.
    pub flows: Vec<String>,
    /// With one of these tags.
    pub tags: Vec<String>,
    /// Of a flow of one of these owners.
    pub owners: Vec<String>,
    /// Created at this moment or later.
    pub since: Option<WallTime>,
    /// Created before this moment.
    pub until: Option<WallTime>,
    /// With this text in the name of the flow, the run's own name, or the beginning of its short id.
    pub text: Option<String>,
    /// With a number of failed task runs in this range; see [`StoredFlowRun::failures`].
    pub failures: Option<RangeInclusive<u64>>,
    /// Also the runs of sub-flows, which are otherwise left out.
    pub sub_flows: bool,
    /// Only the runs of sub-flows that this run has started itself.
    pub parent: Option<FlowRunId>,
}

impl FlowRunFilter {
    /// Whether a run is one of these, its [`failures`](StoredFlowRun::failures) counted.
    pub fn matches(&self, row: &StoredFlowRun) -> bool {
        let parent = row.parent.map(|(run, _)| run);
        (self.sub_flows || self.parent.is_some() || parent.is_none())
            && (self.parent.is_none() || parent == self.parent)
            && is_one_of(&row.state, &self.states)
            && is_one_of(&row.flow, &self.flows)
            && (self.tags.is_empty() || self.tags.iter().any(|tag| row.tags.contains(tag)))
            && (self.owners.is_empty() || self.owners.iter().any(|owner| row.owner.as_ref() == Some(owner)))
            && self.since.is_none_or(|since| row.created_at >= since)
            && self.until.is_none_or(|until| row.created_at < until)
            && self.text.as_deref().is_none_or(|text| has_text(row, &text.to_ascii_lowercase()))
            && self.failures.as_ref().is_none_or(|range| range.contains(&row.failures))
    }
}

fn has_text(row: &StoredFlowRun, text: &str) -> bool {
    let contains = |name: &str| name.to_ascii_lowercase().contains(text);
    contains(&row.flow) || row.name.as_deref().is_some_and(contains) || row.id.short().starts_with(text)
}

/// Whether it is one of the alternatives, or there are none.
fn is_one_of<T: PartialEq<U>, U>(value: &T, alternatives: &[U]) -> bool {
    alternatives.is_empty() || alternatives.iter().any(|one| value == one)
}

/// Which task runs of a flow run. An empty field is no condition.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct TaskRunFilter {
    /// In one of these states.
    pub states: Vec<State>,
    /// Of one of these tasks, by name.
    pub tasks: Vec<String>,
    /// Called so: the runs of the task of this name, and those with this [label](TaskRun::label).
    pub called: Option<String>,
}

impl TaskRunFilter {
    /// Whether a task run is one of these.
    pub fn matches(&self, row: &TaskRun) -> bool {
        is_one_of(&row.state, &self.states)
            && is_one_of(&row.task, &self.tasks)
            && self.called.as_deref().is_none_or(|name| row.is_called(name))
    }
}

/// Which log lines of a flow run. An empty field is no condition.
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

impl LogFilter {
    /// Whether a line is one of these. All words must be in it, in any order, and may be cut short: `conn` finds
    /// `Connection reset`. Text without a letter or digit is searched for literally.
    pub fn matches(&self, line: &StoredLog) -> bool {
        self.task_run.is_none_or(|task_run| line.task_run == task_run)
            && self.level.is_none_or(|level| line.level >= level)
            && self.text.as_deref().is_none_or(|text| Words::of(text).are_in(&line.message))
    }
}

/// One page of flow runs, the newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FlowRunPage {
    /// The runs.
    pub runs: Vec<StoredFlowRun>,
    /// Where the next page begins: pass it as `before`. `None` on the last page.
    pub next: Option<FlowRunId>,
}

/// Which runs [`History::prune`] spares. A run is removed only if every condition that is set lets it go; if none is
/// set, no run is removed.
///
/// Runs that have not ended are never removed. The run of a sub-flow is removed together with the run that started it,
/// which may need it when it is resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Retention {
    /// Spares runs that ended within this time.
    pub younger_than: Option<Duration>,
    /// Spares this many of the newest runs, not counting those of sub-flows.
    pub newest: Option<u64>,
    /// Whether to spare runs with results that the cache still offers, for as long as it does. No condition by itself.
    pub cached: bool,
}

impl Retention {
    /// Whether no run is removed, since no condition is set.
    pub fn spares_all(&self) -> bool {
        self.younger_than.is_none() && self.newest.is_none()
    }
}

/// What [`History::prune`] removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PruneReport {
    /// Flow runs, with everything that belongs to them.
    pub flow_runs: u64,
    /// Files of results to which no run refers any more.
    pub files: u64,
    /// By how many bytes the database itself became shorter.
    pub bytes: u64,
}

/// Reads what was persisted.
///
/// # Errors
///
/// Every method fails if the store cannot be read, with [`StoreError::Read`] or [`StoreError::Damaged`].
#[allow(clippy::missing_errors_doc, reason = "the trait says it once for all")]
pub trait History: Send + Sync + std::fmt::Debug + 'static {
    /// Returns flow runs, the newest first: at most `limit`, those that came before the run `before`. The newest is the
    /// one that reached the store last, whatever clocks say.
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

    /// Counts the task runs of a flow run by state.
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

    /// Returns the task runs that made a file with this content and those that used it, over all runs.
    fn lineage(&self, file: Digest) -> Result<Lineage, StoreError>;

    /// Returns the cache entry of a task run's result, and after it earlier entries of the same task: at most `limit`
    /// altogether, those first that are most likely to differ in little. Empty if the task run has no entry.
    ///
    /// More likely are those with the same inputs, then those of earlier runs, then those of its own run, each the newest first.
    fn cache_entries(
        &self,
        run: FlowRunId,
        task_run: TaskRunId,
        limit: usize,
    ) -> Result<Vec<StoredCacheEntry>, StoreError>;

    /// Returns a hash of the code of the task with this path as it was run last; `None` if it is not known here.
    fn last_source(&self, _path: &str) -> Result<Option<u64>, StoreError> {
        Ok(None)
    }

    /// Removes the runs that `retention` does not spare, and what only they referred to.
    fn prune(&self, retention: Retention) -> Result<PruneReport, StoreError>;
}

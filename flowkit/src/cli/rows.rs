//! Reads runs from a store for the verbs: all rows of one kind, in pages; a run with its sub-flows; and the view that
//! is drawn of them. Which run is meant is decided in `run_ref`.

use std::collections::{HashSet, VecDeque};

use crate::cli::usage::UsageResult;
use crate::model::{
    ArtifactKind, FlowRunId, State, StoredArtifact, StoredEvent, StoredFlowRun, StoredMetric, TaskRun,
    TaskRunId,
};
use crate::store::{FlowRunFilter, Store, StoreError, TaskRunFilter};
use crate::terminal::RunView;

/// How many rows are read at once: a few hundred kilobytes.
const PAGE: usize = 1000;

/// Reads page after page to the end; each starts after the last row of the one before.
fn all<R>(mut page: impl FnMut(Option<&R>) -> Result<Vec<R>, StoreError>) -> UsageResult<Vec<R>> {
    let mut rows: Vec<R> = Vec::new();
    loop {
        let next = page(rows.last())?;
        let is_last = next.len() < PAGE;
        rows.extend(next);
        if is_last {
            return Ok(rows);
        }
    }
}

/// Returns the task runs of a run.
pub(super) fn tasks(store: &dyn Store, run: FlowRunId) -> UsageResult<Vec<TaskRun>> {
    all(|last: Option<&TaskRun>| {
        store.task_runs(run, &TaskRunFilter::default(), last.map_or(TaskRunId::FLOW, |row| row.id), PAGE)
    })
}

/// Returns the task runs of a run from the first of these ids to the last.
pub(super) fn tasks_between(
    store: &dyn Store,
    run: FlowRunId,
    first: Option<TaskRunId>,
    last: Option<TaskRunId>,
) -> UsageResult<Vec<TaskRun>> {
    let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
    let before = TaskRunId::new(first.get().saturating_sub(1));
    all(|known: Option<&TaskRun>| match known {
        Some(known) if known.id >= last => Ok(Vec::new()),
        known => {
            let after = known.map_or(before, |known| known.id);
            store.task_runs(run, &TaskRunFilter::default(), after, PAGE)
        }
    })
}

/// Returns the events of a run after a number.
pub(super) fn events(store: &dyn Store, run: FlowRunId, since: u64) -> UsageResult<Vec<StoredEvent>> {
    all(|last: Option<&StoredEvent>| store.events(run, last.map_or(since, |row| row.sequence), PAGE))
}

/// Returns the metrics of a run.
pub(super) fn metrics(store: &dyn Store, run: FlowRunId) -> UsageResult<Vec<StoredMetric>> {
    all(|last: Option<&StoredMetric>| store.metrics(run, last.map_or(0, |row| row.sequence), PAGE))
}

/// Returns the artifacts of a run, without their content.
pub(super) fn artifacts(store: &dyn Store, run: FlowRunId) -> UsageResult<Vec<StoredArtifact>> {
    all(|last: Option<&StoredArtifact>| store.artifacts(run, last.map_or(0, |row| row.sequence), PAGE))
}

/// Returns the names of the tasks, each once, in the order in which they were called first.
pub(super) fn names(task_runs: &[TaskRun]) -> Vec<&str> {
    distinct(task_runs.iter().map(|row| &*row.task))
}

/// Returns each name once, in order of first appearance.
pub(super) fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut known = HashSet::new();
    names.filter(|name| known.insert(*name)).collect()
}

/// Returns the newest run that matches.
pub(super) fn newest(store: &dyn Store, filter: &FlowRunFilter) -> UsageResult<Option<StoredFlowRun>> {
    Ok(store.flow_runs(filter, None, 1)?.runs.pop())
}

/// Whether nothing more happens to a run unless it is resumed.
pub(super) fn is_over(state: State) -> bool {
    state.is_over() || state == State::Crashed
}

/// How many runs of sub-flows are read together with the run that started them.
pub(super) const SUB_FLOWS_MAX: usize = 1000;

/// Runs to be read, outer ones first: a run, and then those of its sub-flows, as they are found.
pub(super) struct Nested<R> {
    rest: VecDeque<R>,
    seen: usize,
}

impl<R> Nested<R> {
    /// Starts with these runs.
    pub(super) fn of(first: impl IntoIterator<Item = R>) -> Self {
        Self { rest: first.into_iter().collect(), seen: 0 }
    }

    /// Adds runs of sub-flows that were found.
    pub(super) fn add(&mut self, found: impl IntoIterator<Item = R>) {
        self.rest.extend(found);
    }

    /// Returns the next run; `None` if there is none left, or there were too many.
    pub(super) fn pop(&mut self) -> Option<R> {
        self.seen += 1;
        self.rest.pop_front().filter(|_| self.seen <= SUB_FLOWS_MAX + 1)
    }
}

/// Returns the view of a run, with those of its sub-flows.
pub(super) fn view(store: &dyn Store, run: &StoredFlowRun, task_runs: &[TaskRun]) -> UsageResult<RunView> {
    let mut view = left(store, run.id, RunView::of(run, task_runs))?;
    let inner = |rows: &[TaskRun]| rows.iter().filter_map(|row| row.flow_run).collect::<Vec<_>>();
    let mut nested = Nested::of(inner(task_runs));
    while let Some(id) = nested.pop() {
        let Some(sub_flow) = store.flow_run(id)? else { continue };
        let task_runs = tasks(store, id)?;
        view = left(store, id, view.with(&sub_flow, &task_runs))?;
        nested.add(inner(&task_runs));
    }
    Ok(view)
}

/// Adds the artifacts of a run. For links and files, the content has the target.
fn left(store: &dyn Store, run: FlowRunId, mut view: RunView) -> UsageResult<RunView> {
    for artifact in artifacts(store, run)? {
        let leads = matches!(artifact.kind, ArtifactKind::Link | ArtifactKind::Dataset | ArtifactKind::Model);
        let content = if leads { store.artifact(run, artifact.sequence)? } else { None };
        view = view.with_artifact(run, &artifact, content.as_deref());
    }
    Ok(view)
}

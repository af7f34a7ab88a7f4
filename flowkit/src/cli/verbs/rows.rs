//! Everything of one kind that a store has of a run, read in pages; and what is drawn of it.

use std::collections::VecDeque;

use crate::cli::usage::Outcome;
use crate::model::{
    ArtifactKind, FlowRunId, State, StoredArtifact, StoredEvent, StoredFlowRun, StoredLog, StoredMetric,
    StoredTaskRun, TaskRunId,
};
use crate::store::{LogFilter, Store, StoreError, TaskRunFilter};
use crate::terminal::RunView;

/// So many rows are read at once: a few hundred kilobytes.
const PAGE: usize = 1000;

/// Reads page after page until there is none left; each is asked for behind the last row of the one before.
fn all<R>(mut page: impl FnMut(Option<&R>) -> Result<Vec<R>, StoreError>) -> Outcome<Vec<R>> {
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
pub(in crate::cli) fn tasks(store: &dyn Store, run: FlowRunId) -> Outcome<Vec<StoredTaskRun>> {
    all(|last: Option<&StoredTaskRun>| {
        store.task_runs(run, &TaskRunFilter::default(), last.map_or(TaskRunId::FLOW, |row| row.id), PAGE)
    })
}

/// Returns the task runs of a run from the first of these ids to the last.
pub(super) fn tasks_between(
    store: &dyn Store,
    run: FlowRunId,
    first: Option<TaskRunId>,
    last: Option<TaskRunId>,
) -> Outcome<Vec<StoredTaskRun>> {
    let (Some(first), Some(last)) = (first, last) else { return Ok(Vec::new()) };
    let before = TaskRunId::new(first.get().saturating_sub(1));
    all(|known: Option<&StoredTaskRun>| match known {
        Some(known) if known.id >= last => Ok(Vec::new()),
        known => {
            let after = known.map_or(before, |known| known.id);
            store.task_runs(run, &TaskRunFilter::default(), after, PAGE)
        }
    })
}

/// Returns the events of a run after a number.
pub(super) fn events(store: &dyn Store, run: FlowRunId, since: u64) -> Outcome<Vec<StoredEvent>> {
    all(|last: Option<&StoredEvent>| store.events(run, last.map_or(since, |row| row.sequence), PAGE))
}

/// Returns the lines of a log after a number.
pub(super) fn logs(
    store: &dyn Store,
    run: FlowRunId,
    filter: &LogFilter,
    since: u64,
) -> Outcome<Vec<StoredLog>> {
    all(|last: Option<&StoredLog>| store.logs(run, filter, last.map_or(since, |row| row.sequence), PAGE))
}

/// Returns the metrics of a run.
pub(super) fn metrics(store: &dyn Store, run: FlowRunId) -> Outcome<Vec<StoredMetric>> {
    all(|last: Option<&StoredMetric>| store.metrics(run, last.map_or(0, |row| row.sequence), PAGE))
}

/// Returns the artifacts of a run, without their content.
pub(in crate::cli) fn artifacts(store: &dyn Store, run: FlowRunId) -> Outcome<Vec<StoredArtifact>> {
    all(|last: Option<&StoredArtifact>| store.artifacts(run, last.map_or(0, |row| row.sequence), PAGE))
}

/// Whether nothing more happens to a run, unless somebody resumes it.
pub(super) fn is_over(state: State) -> bool {
    state.is_over() || state == State::Crashed
}

/// So many runs of sub-flows are drawn with the run that started them.
pub(super) const SUB_FLOWS_MAX: usize = 1000;

/// Returns what is drawn of a run, with those of its sub-flows.
pub(super) fn view(store: &dyn Store, run: &StoredFlowRun, task_runs: &[StoredTaskRun]) -> Outcome<RunView> {
    let mut view = left(store, run.id, RunView::of(run, task_runs))?;
    let inner = |rows: &[StoredTaskRun]| rows.iter().filter_map(|row| row.flow_run).collect::<Vec<_>>();
    let mut rest: VecDeque<FlowRunId> = inner(task_runs).into();
    let mut drawn = 0;
    while let Some(id) = rest.pop_front().filter(|_| drawn < SUB_FLOWS_MAX) {
        let Some(sub_flow) = store.flow_run(id)? else { continue };
        let task_runs = tasks(store, id)?;
        view = left(store, id, view.with(&sub_flow, &task_runs))?;
        rest.extend(inner(&task_runs));
        drawn += 1;
    }
    Ok(view)
}

/// Adds what the task runs of a run have left. Of those that lead somewhere, the content says where.
fn left(store: &dyn Store, run: FlowRunId, mut view: RunView) -> Outcome<RunView> {
    for artifact in artifacts(store, run)? {
        let leads = matches!(artifact.kind, ArtifactKind::Link | ArtifactKind::Dataset | ArtifactKind::Model);
        let content = if leads { store.artifact(run, artifact.sequence)? } else { None };
        view = view.with_artifact(run, &artifact, content.as_deref());
    }
    Ok(view)
}

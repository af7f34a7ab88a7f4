//! Reads runs from a store for the verbs, in pages: a run of a million task runs takes no more memory than a page of
//! them. Also a run with its sub-flows, and the view that is drawn of them. Which run is meant is decided in `run_ref`,
//! which task runs in `task_ref`.

use std::collections::{HashMap, HashSet, VecDeque};

use crate::cli::usage::UsageResult;
use crate::model::{
    ArtifactKind, FlowRunId, Kind, Origin, State, StoredArtifact, StoredFlowRun, StoredMetric, TaskRun,
    TaskRunId,
};
use crate::store::{FlowRunFilter, Store, StoreError, TaskRunFilter};
use crate::terminal::RunView;

/// How many rows are read at once: a few hundred kilobytes.
pub(super) const PAGE: usize = 1000;

/// Two task runs that are needed, with at most this many between them that are not, are read together.
const GAP_MAX: u64 = 16;

/// Rows of a store, read page after page; each page starts after the last row of the one before. An error ends them.
struct Pages<R, P> {
    read: P,
    page: std::vec::IntoIter<R>,
    last: Option<R>,
    is_last: bool,
    error: Option<StoreError>,
}

impl<R: Clone, P: FnMut(Option<&R>) -> Result<Vec<R>, StoreError>> Iterator for Pages<R, P> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        if self.page.len() == 0 && !self.is_last {
            let page = (self.read)(self.last.as_ref()).unwrap_or_else(|error| {
                self.error = Some(error);
                Vec::new()
            });
            self.is_last = page.len() < PAGE;
            self.last = page.last().cloned();
            self.page = page.into_iter();
        }
        self.page.next()
    }
}

/// Passes all rows to `take`, and returns what it makes of them.
fn paged<R: Clone, T>(
    read: impl FnMut(Option<&R>) -> Result<Vec<R>, StoreError>,
    take: impl FnOnce(&mut dyn Iterator<Item = R>) -> T,
) -> UsageResult<T> {
    let mut pages = Pages { read, page: Vec::new().into_iter(), last: None, is_last: false, error: None };
    let taken = take(&mut pages);
    pages.error.map_or(Ok(taken), |error| Err(error.into()))
}

/// Passes the task runs of a run that are in `filter` to `take`, and returns what it makes of them.
pub(super) fn with_tasks_in<T>(
    store: &dyn Store,
    run: FlowRunId,
    filter: &TaskRunFilter,
    take: impl FnOnce(&mut dyn Iterator<Item = TaskRun>) -> T,
) -> UsageResult<T> {
    let read = |last: Option<&TaskRun>| {
        store.task_runs(run, filter, last.map_or(TaskRunId::FLOW, |row| row.id), PAGE)
    };
    paged(read, take)
}

/// The same with all task runs of a run.
pub(super) fn with_tasks<T>(
    store: &dyn Store,
    run: FlowRunId,
    take: impl FnOnce(&mut dyn Iterator<Item = TaskRun>) -> T,
) -> UsageResult<T> {
    with_tasks_in(store, run, &TaskRunFilter::default(), take)
}

/// The same with the metrics of a run.
pub(super) fn with_metrics<T>(
    store: &dyn Store,
    run: FlowRunId,
    take: impl FnOnce(&mut dyn Iterator<Item = StoredMetric>) -> T,
) -> UsageResult<T> {
    paged(|last: Option<&StoredMetric>| store.metrics(run, last.map_or(0, |row| row.sequence), PAGE), take)
}

/// Returns the task runs of a run, for decisions about all of them.
pub(super) fn tasks(store: &dyn Store, run: FlowRunId) -> UsageResult<Vec<TaskRun>> {
    with_tasks(store, run, |rows| rows.collect())
}

/// Returns the artifacts of a run, without their content.
pub(super) fn artifacts(store: &dyn Store, run: FlowRunId) -> UsageResult<Vec<StoredArtifact>> {
    let read = |last: Option<&StoredArtifact>| store.artifacts(run, last.map_or(0, |row| row.sequence), PAGE);
    paged(read, |rows| rows.collect())
}

/// Returns the task runs of a run with these ids, as far as they are there. They may lie anywhere among a million.
pub(super) fn tasks_of(
    store: &dyn Store,
    run: FlowRunId,
    ids: impl IntoIterator<Item = TaskRunId>,
) -> UsageResult<HashMap<TaskRunId, TaskRun>> {
    let wanted: HashSet<TaskRunId> = ids.into_iter().filter(|id| *id != TaskRunId::FLOW).collect();
    let mut rest: Vec<u64> = wanted.iter().map(|id| id.get()).collect();
    rest.sort_unstable();
    let mut found = HashMap::with_capacity(wanted.len());
    for near in rest.chunk_by(|id, next| next - id <= GAP_MAX) {
        let (first, last) = (near[0], near[near.len() - 1]);
        let count = usize::try_from(last - first + 1).unwrap_or(usize::MAX);
        let rows = store.task_runs(run, &TaskRunFilter::default(), TaskRunId::new(first - 1), count)?;
        found.extend(rows.into_iter().filter(|row| wanted.contains(&row.id)).map(|row| (row.id, row)));
    }
    Ok(found)
}

/// Whether a run has a task run in `filter`.
pub(super) fn has_task(store: &dyn Store, run: FlowRunId, filter: &TaskRunFilter) -> UsageResult<bool> {
    Ok(!store.task_runs(run, filter, TaskRunId::FLOW, 1)?.is_empty())
}

/// Returns the names of the tasks of a run, each once, in the order in which they were called first.
pub(super) fn names(store: &dyn Store, run: FlowRunId) -> UsageResult<Vec<String>> {
    with_tasks(store, run, |rows| {
        let mut known = HashSet::new();
        rows.filter(|row| known.insert(row.task.clone())).map(|row| row.task.into_owned()).collect()
    })
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

/// A run that was looked for, or that of a sub-flow in it.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) run: StoredFlowRun,
    /// The labels of the sub-flows that lead to it, with its own; `None` for the run that was looked for.
    pub(super) path: Option<String>,
}

impl Member {
    /// Returns the label of a task run of it, after those of the sub-flows that lead there: `summarize › total`.
    pub(super) fn label(&self, own: &str) -> String {
        Origin::path_in(self.path.as_deref(), own)
    }
}

/// Returns a run with those of its sub-flows, outer ones first.
pub(super) fn family(store: &dyn Store, run: StoredFlowRun) -> UsageResult<Vec<Member>> {
    let mut all = vec![Member { run, path: None }];
    let mut next = 0;
    while let Some(outer) = all.get(next).filter(|_| all.len() <= SUB_FLOWS_MAX) {
        next += 1;
        let inner = sub_flows(store, outer)?;
        all.extend(inner);
    }
    all.truncate(SUB_FLOWS_MAX + 1);
    Ok(all)
}

/// Returns the runs that a run started itself, in the order in which they began.
fn sub_flows(store: &dyn Store, outer: &Member) -> UsageResult<Vec<Member>> {
    let filter = FlowRunFilter { parent: Some(outer.run.id), ..FlowRunFilter::default() };
    let runs = store.flow_runs(&filter, None, SUB_FLOWS_MAX)?.runs;
    let callers = tasks_of(store, outer.run.id, runs.iter().filter_map(|run| Some(run.parent?.1)))?;
    let inner = runs.into_iter().rev().filter_map(|run| {
        let caller = run.parent.and_then(|(_, caller)| callers.get(&caller));
        let label = match caller.filter(|caller| caller.kind == Kind::Flow) {
            Some(node) if node.flow_run == Some(run.id) => node.label(),
            // Another run has replaced it.
            Some(_) => return None,
            None => run.name.clone().unwrap_or_else(|| run.flow.clone()),
        };
        let path = Some(outer.label(&label));
        Some(Member { run, path })
    });
    Ok(inner.collect())
}

/// Returns the view of a run with its sub-flows.
pub(super) fn view(store: &dyn Store, family: &[Member]) -> UsageResult<RunView> {
    let [Member { run, .. }, inner @ ..] = family else {
        unreachable!("bug in flowkit: a family has no run")
    };
    let view = with_tasks(store, run.id, |rows| RunView::of(run, rows))?;
    let mut view = left(store, run.id, view)?;
    for Member { run, .. } in inner {
        view = with_tasks(store, run.id, |rows| view.with(run, rows))?;
        view = left(store, run.id, view)?;
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

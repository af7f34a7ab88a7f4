//! How a flow run begins, or resumes where another process left it.

use std::sync::Arc;

use super::{FlowAttempt, NewRun, Run};
use crate::clock::RunClock;
use crate::engine::replay::run_store::RunStore;
use crate::engine::revision;
use crate::engine::runtime::Runtime;
use crate::engine::task_run::core::Core;
use crate::model::{FlowRunId, NewTaskRun, Origin, RunRecord, TaskRunId, TaskRunRecord, Timestamp};
use crate::policy::durability::Durability;
use crate::store::{NewFlowRun, OwnedRun};

/// What a run has at its beginning, or where it resumes.
pub(crate) struct Begun {
    pub(crate) id: FlowRunId,
    pub(crate) clock: RunClock,
    pub(crate) record: RunRecord,
    pub(crate) run_store: Option<RunStore>,
}

/// Begins a run, or resumes one that another process left, and registers it with the store, if there is one.
pub(crate) fn begin(
    new: &mut NewRun<'_>,
    parent: Option<&Arc<FlowAttempt>>,
    origin: Option<&Origin>,
) -> Begun {
    let root = new.root.clone();
    let durability = durability(new.durability, parent.map(|parent| &parent.run), &new.runtime);
    // Numbers are compared across a run and its sub-flows.
    let outer_no = parent.and_then(|parent| parent.run.read(RunRecord::last_no));
    let store = new.runtime.store().filter(|_| durability != Durability::Memory).cloned();
    let Some((resumed, store)) = new.resumed.take().zip(store.clone()) else {
        let (id, key) = match new.keyed.take() {
            Some((id, key)) => (id, Some(key)),
            None => (FlowRunId::new(uuid::Uuid::now_v7()), None),
        };
        let clock = RunClock::start();
        let mut record = RunRecord::default().numbered_above(outer_no);
        record.create(root, clock.now());
        let run_store = store.map(|store| {
            let owned = OwnedRun { id, epoch: 1, created_at: clock.created() };
            let parent = origin.map(|origin| (origin.flow_run, origin.task_run));
            let is_keyed = key.is_some();
            if let Some(flow) = record.task_run(TaskRunId::FLOW).cloned() {
                let revision = new.runtime.revision().or_else(|| revision::of(flow.declaration()));
                let parameters = new.parameters.take();
                store.begin(NewFlowRun { owned, flow, parameters, parent, key, revision });
            }
            RunStore::new(store, owned, durability).keyed(is_keyed)
        });
        return Begun { id, clock, record, run_store };
    };
    let stored = &resumed.recovered.run;
    let created = stored.created_at;
    let rows = &resumed.recovered.task_runs;
    // Only for people: if the wall clock was set back, the run would seem to end before it began.
    let last = rows
        .iter()
        .filter_map(|row| row.ended_at.max(row.attempt_started_at))
        .chain(stored.attempt_started_at)
        .max();
    let clock = RunClock::resume(created, Timestamp::new(last.unwrap_or(created).since(created)));
    let used = rows.last().map_or(0, |row| row.id.get()) + 1;
    let record = RunRecord::resumed(TaskRunRecord::recovered_flow(root, stored), used)
        .numbered_above(outer_no.max(resumed.recovered.last_no));
    let run_store = RunStore::new(store, resumed.recovered.owned, durability)
        .resuming(&resumed, new.runtime.max_crashes());
    Begun { id: stored.id, clock, record, run_store: Some(run_store) }
}

/// The durability of a run: declared by its flow, or else that of the run in which it was started, or of the runtime.
pub(crate) fn durability(
    declared: Option<Durability>,
    parent: Option<&Arc<Run>>,
    runtime: &Runtime,
) -> Durability {
    declared
        .or_else(|| parent.and_then(|parent| Some(parent.run_store.as_ref()?.durability)))
        .unwrap_or_else(|| runtime.durability())
}

/// The origin of a run that is started in the scope of `parent`.
pub(crate) fn origin(parent: &Core, root: &NewTaskRun) -> Option<Origin> {
    let outer = parent.run()?;
    // The run behind a node has the name of the node, which knows the index. A run without a node has its own name.
    let is_node = parent.id != TaskRunId::FLOW && parent.declaration.path == root.task.path;
    let label = if is_node { parent.label().as_str().to_owned() } else { root.label() };
    let root = outer.origin.as_ref().map_or(outer.id, |origin| origin.root);
    let path = Origin::path_in(outer.origin.as_ref().map(|origin| &*origin.path), &label).into();
    Some(Origin { root, flow_run: outer.id, task_run: parent.id, path })
}

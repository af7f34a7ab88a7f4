//! What flow runs share: limits, the in-memory cache, defaults, observers. It has no thread pool: that is tokio's.

mod builder;

use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub use self::builder::RuntimeBuilder;
use crate::engine::cache::Memory;
use crate::engine::flow_run::active_runs::ActiveRuns;
use crate::engine::flow_run::observer::Made;
use crate::engine::flow_run::observer::Progress;
use crate::engine::flow_run::observer::{Notice, Observers};
use crate::engine::limits::Limits;
use crate::engine::replay::run_store::ask;
use crate::engine::spec::FlowSpec;
use crate::model::FlowRunId;
use crate::policy::TaskPolicy;
use crate::policy::durability::Durability;
use crate::store::{Store, StoreError, seals};
use crate::value::canonical::Sealing;

/// What flow runs share: limits, cache, defaults, observers.
///
/// Most programs never name it: the ambient runtime is used wherever no other is set. It starts no thread and
/// opens no file. Cloning is cheap and gives the same runtime.
///
/// ```
/// use flowkit::Runtime;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # use flowkit::prelude::*;
/// #[flow]
/// async fn nightly() -> Result<u32> { Ok(7) }
///
/// let runtime = Runtime::builder().limit("gpu", 2).build();
/// assert_eq!(nightly().on(&runtime).await.unwrap(), 7);
/// # }
/// ```
#[derive(Clone)]
pub struct Runtime(Arc<Inner>);

struct Inner {
    limits: Arc<Limits>,
    cache: Memory,
    observers: Observers,
    task_defaults: TaskPolicy,
    grace: Duration,
    stop_grace: Duration,
    hook_timeout: Duration,
    store: Option<Arc<dyn Store>>,
    durability: Durability,
    max_crashes: u32,
    skips_cache: bool,
    refreshes_cache: bool,
    active_runs: ActiveRuns,
    flows: Vec<FlowSpec>,
    /// What runs record instead of the revision that is found.
    revision: Option<Arc<str>>,
    jitter: Mutex<fastrand::Rng>,
    mocks: crate::engine::mocks::Mocks,
    repeats_bodies: bool,
}

/// A weak reference to a runtime.
pub(crate) struct WeakRuntime(std::sync::Weak<Inner>);

impl WeakRuntime {
    pub(crate) fn upgrade(&self) -> Option<Runtime> {
        self.0.upgrade().map(Runtime)
    }
}

impl Runtime {
    /// A weak reference, for objects that the runtime owns.
    pub(crate) fn downgrade(&self) -> WeakRuntime {
        WeakRuntime(Arc::downgrade(&self.0))
    }

    /// Returns the revision that was set for its runs.
    pub(crate) fn revision(&self) -> Option<Arc<str>> {
        self.0.revision.clone()
    }

    /// Starts to build a runtime.
    pub fn builder() -> RuntimeBuilder {
        RuntimeBuilder::default()
    }

    /// Returns the runtime that is used where no other is set.
    pub fn ambient() -> Self {
        static AMBIENT: OnceLock<Runtime> = OnceLock::new();
        AMBIENT.get_or_init(|| RuntimeBuilder::default().build()).clone()
    }

    /// Runs a future in which this is the runtime of every call.
    pub async fn scope<F: Future>(&self, future: F) -> F::Output {
        crate::engine::context::in_runtime(self.clone(), future).await
    }

    /// Sets a named limit for the tasks of this process, also while it is in use. See
    /// [`limits::set`](crate::ctx::limits::set).
    pub fn set_limit(&self, name: &str, slots: u32) {
        self.0.limits.set(name, slots);
    }

    /// Sets a rate limit for the tasks of this process. See [`limits::set_rate`](crate::ctx::limits::set_rate).
    pub fn set_rate(&self, name: &str, count: u32, per: Duration) {
        self.0.limits.set_rate(name, count, per);
    }

    /// Calls `observer` for each event of each flow run that begins from now on, in order and without loss.
    ///
    /// It is called by the thread on which the event happened, so it should be quick.
    pub fn observe(&self, observer: impl Fn(&Notice<'_>) + Send + Sync + 'static) {
        self.0.observers.of_events.add(Arc::new(observer));
    }

    /// Calls `listener` whenever a task reports [`progress`](crate::progress()) from now on.
    ///
    /// It is called by the thread of the task, so it should be quick.
    pub fn observe_progress(&self, listener: impl Fn(&Progress) + Send + Sync + 'static) {
        self.0.observers.of_progress.add(Arc::new(listener));
    }

    /// Calls `listener` with each artifact that a body makes from now on, before it is persisted.
    pub(crate) fn observe_artifacts(&self, listener: impl Fn(&Made<'_>) + Send + Sync + 'static) {
        self.0.observers.of_artifacts.add(Arc::new(listener));
    }

    pub(crate) fn limits(&self) -> &Arc<Limits> {
        &self.0.limits
    }

    pub(crate) fn cache(&self) -> &Memory {
        &self.0.cache
    }

    pub(crate) fn observers(&self) -> &Observers {
        &self.0.observers
    }

    pub(crate) fn task_defaults(&self) -> &TaskPolicy {
        &self.0.task_defaults
    }

    /// Returns the store that persists the runs of this runtime, to query them; `None` if they are not persisted.
    pub fn store(&self) -> Option<&Arc<dyn Store>> {
        self.0.store.as_ref()
    }

    /// Finds a registered flow by its name, or by that of its function.
    #[cfg(feature = "store")]
    pub fn flow(&self, name: &str) -> Option<FlowSpec> {
        self.flows().iter().find(|flow| flow.name() == name || flow.ident() == name).copied()
    }

    /// Returns the flows that were registered by name.
    pub fn flows(&self) -> &[FlowSpec] {
        &self.0.flows
    }

    pub(crate) fn active_runs(&self) -> &ActiveRuns {
        &self.0.active_runs
    }

    /// Shuts the runtime down in order. No attempt begins any more, and [`Context::stopping`](crate::Context::stopping)
    /// tells bodies to end early. Running tasks have `drain` to end, and their results are persisted; then the remaining
    /// runs are suspended, and everything is written. Returns the suspended runs, which can be [resumed](crate::Resume). A
    /// run without a store is cancelled instead.
    ///
    /// A failure meanwhile, or up to a second before, may be caused by the stop. So it is not final: the task runs again
    /// when the run is resumed, unless it may run at most once. In a run without a store such a failure is final, too.
    ///
    /// A runtime that was shut down begins no more flow runs. Dropping the future leaves it closed, with running tasks
    /// still running.
    ///
    /// # Errors
    ///
    /// If the last events could not be persisted.
    pub async fn suspend(&self, drain: Duration) -> Result<Vec<FlowRunId>, StoreError> {
        self.active_runs().suspend(drain).await;
        self.flushed().await?;
        Ok(self.active_runs().suspended())
    }

    /// Waits until everything that was given to the store can no longer be lost.
    pub(crate) async fn flushed(&self) -> Result<(), StoreError> {
        match self.store() {
            Some(store) => ask(store, |store| store.flush()).await,
            None => Ok(()),
        }
    }

    /// Cancels a flow run of this runtime; `false` if it does not run in this process.
    pub fn cancel(&self, id: FlowRunId) -> bool {
        self.active_runs().get(id).map(|run| run.cancel()).is_some()
    }

    /// The key with which secrets are sealed: that of the store, since its runs outlive the process.
    pub(crate) fn sealing(&self) -> Sealing<'_> {
        self.store().map_or_else(|| Ok(seals::of_process()), |store| store.sealing())
    }

    pub(crate) fn durability(&self) -> Durability {
        self.0.durability
    }

    pub(crate) fn max_crashes(&self) -> u32 {
        self.0.max_crashes
    }

    pub(crate) fn skips_cache(&self) -> bool {
        self.0.skips_cache
    }

    pub(crate) fn refreshes_cache(&self) -> bool {
        self.0.refreshes_cache
    }

    pub(crate) fn grace(&self) -> Duration {
        self.0.grace
    }

    pub(crate) fn stop_grace(&self) -> Duration {
        self.0.stop_grace
    }

    pub(crate) fn hook_timeout(&self) -> Duration {
        self.0.hook_timeout
    }

    /// Draws a number from 0 (included) to 1 (excluded) for jitter.
    pub(crate) fn draw(&self) -> f64 {
        self.0.jitter.lock().f64()
    }

    pub(crate) fn repeats_bodies(&self) -> bool {
        self.0.repeats_bodies
    }

    pub(crate) fn mocks(&self) -> &crate::engine::mocks::Mocks {
        &self.0.mocks
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("limits", &self.0.limits.snapshot())
            .field("task_defaults", &self.0.task_defaults)
            .field("grace", &self.0.grace)
            .field("stop_grace", &self.0.stop_grace)
            .finish_non_exhaustive()
    }
}

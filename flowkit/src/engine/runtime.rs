//! What flow runs share: limits, the in-memory cache, defaults, observers. Not a thread pool: that is tokio's.

use parking_lot::Mutex;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::cache::Memory;
use super::flow_run::live::Live;
#[cfg(feature = "cli")]
use super::flow_run::observer::Made;
use super::flow_run::observer::{Notice, Observers};
use super::limits::Limits;
use super::recover::kept::ask;
use crate::any_flow::FlowSpec;
use crate::model::FlowRunId;
use crate::policy::TaskPolicy;
use crate::policy::resume::POISON_CAP;
use crate::progress::Progress;
use crate::store::{Store, StoreError};
use crate::task::Durability;

/// How long cooperative tasks may take to end after a cancellation: Kubernetes and systemd give services 30 s and 90 s,
/// but here a person may be waiting after Ctrl-C.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

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
    store: Option<Arc<dyn Store>>,
    durability: Durability,
    poison_cap: u32,
    skips_cache: bool,
    live: Live,
    flows: Vec<FlowSpec>,
    jitter: Mutex<fastrand::Rng>,
    #[cfg(feature = "testing")]
    mocks: crate::testing::Mocks,
    #[cfg(feature = "testing")]
    repeats_bodies: bool,
}

/// A runtime that may be gone.
#[cfg(feature = "cli")]
pub(crate) struct WeakRuntime(std::sync::Weak<Inner>);

#[cfg(feature = "cli")]
impl WeakRuntime {
    pub(crate) fn upgrade(&self) -> Option<Runtime> {
        self.0.upgrade().map(Runtime)
    }
}

impl Runtime {
    /// For whoever the runtime itself holds, and who must not hold it.
    #[cfg(feature = "cli")]
    pub(crate) fn downgrade(&self) -> WeakRuntime {
        WeakRuntime(Arc::downgrade(&self.0))
    }

    /// Starts to describe a runtime.
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
        super::context::in_runtime(self.clone(), future).await
    }

    /// Sets a named limit, also while it is in use. See [`limits::set`](crate::limits::set).
    pub fn set_limit(&self, name: &str, slots: u32) {
        self.0.limits.set(name, slots);
    }

    /// Sets a rate limit. See [`limits::set_rate`](crate::limits::set_rate).
    pub fn set_rate(&self, name: &str, count: u32, per: Duration) {
        self.0.limits.set_rate(name, count, per);
    }

    /// Calls `observer` for each event of each flow run that begins from now on, in order and without loss.
    ///
    /// It is called by the thread on which the event happened, so it should be quick.
    pub fn observe(&self, observer: impl Fn(&Notice<'_>) + Send + Sync + 'static) {
        self.0.observers.add(Arc::new(observer));
    }

    /// Calls `listener` whenever a task says how far it is, by [`progress`](crate::progress()), from now on.
    ///
    /// It is called by the thread of the task, so it should be quick.
    pub fn observe_progress(&self, listener: impl Fn(&Progress) + Send + Sync + 'static) {
        self.0.observers.add_of_progress(Arc::new(listener));
    }

    /// Calls `listener` with each artifact that a body makes from now on, before it is kept.
    #[cfg(feature = "cli")]
    pub(crate) fn observe_artifacts(&self, listener: impl Fn(&Made<'_>) + Send + Sync + 'static) {
        self.0.observers.add_of_artifacts(Arc::new(listener));
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

    /// Returns the store that keeps the runs of this runtime, to look back; `None` if nothing keeps them.
    pub fn store(&self) -> Option<&Arc<dyn Store>> {
        self.0.store.as_ref()
    }

    /// Returns the flows that are known by name.
    pub fn flows(&self) -> &[FlowSpec] {
        &self.0.flows
    }

    pub(crate) fn live(&self) -> &Live {
        &self.0.live
    }

    /// Shuts the runtime down in order. Nothing begins any more; what runs has `drain` to end, and its results are kept;
    /// then what is left is put aside, and everything is written. Returns the runs that were put aside: their state is
    /// `Suspended`, and [`resume`](crate::Resume) goes on with them. A run without a store is cancelled.
    ///
    /// A runtime that was shut down begins no more flow runs. Dropping the future leaves it closed, with what runs
    /// still running.
    ///
    /// # Errors
    ///
    /// If what happened last could not be kept.
    pub async fn suspend(&self, drain: Duration) -> Result<Vec<FlowRunId>, StoreError> {
        self.live().suspend(drain).await;
        if let Some(store) = self.store() {
            ask(store, |store| store.flush()).await?;
        }
        Ok(self.live().aside())
    }

    /// Cancels a flow run of this runtime; `false` if it does not run here.
    pub fn cancel(&self, id: FlowRunId) -> bool {
        self.live().get(id).map(|run| run.cancel()).is_some()
    }

    pub(crate) fn durability(&self) -> Durability {
        self.0.durability
    }

    pub(crate) fn poison_cap(&self) -> u32 {
        self.0.poison_cap
    }

    pub(crate) fn skips_cache(&self) -> bool {
        self.0.skips_cache
    }

    pub(crate) fn grace(&self) -> Duration {
        self.0.grace
    }

    /// Draws a number from 0 (included) to 1 (excluded) for jitter.
    pub(crate) fn draw(&self) -> f64 {
        self.0.jitter.lock().f64()
    }

    #[cfg(feature = "testing")]
    pub(crate) fn repeats_bodies(&self) -> bool {
        self.0.repeats_bodies
    }

    #[cfg(feature = "testing")]
    pub(crate) fn mocks(&self) -> &crate::testing::Mocks {
        &self.0.mocks
    }
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("limits", &self.0.limits.snapshot())
            .field("task_defaults", &self.0.task_defaults)
            .field("grace", &self.0.grace)
            .finish_non_exhaustive()
    }
}

/// Describes a [`Runtime`].
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Default)]
pub struct RuntimeBuilder {
    limits: Limits,
    observers: Observers,
    task_defaults: TaskPolicy,
    grace: Option<Duration>,
    seed: Option<u64>,
    store: Option<Arc<dyn Store>>,
    durability: Durability,
    poison_cap: Option<u32>,
    skips_cache: bool,
    #[cfg(feature = "testing")]
    repeats_bodies: bool,
    flows: Vec<FlowSpec>,
}

impl RuntimeBuilder {
    /// Sets a named limit. See [`limits::set`](crate::limits::set).
    pub fn limit(self, name: &str, slots: u32) -> Self {
        self.limits.set(name, slots);
        self
    }

    /// Sets a rate limit. See [`limits::set_rate`](crate::limits::set_rate).
    pub fn rate(self, name: &str, count: u32, per: Duration) -> Self {
        self.limits.set_rate(name, count, per);
        self
    }

    /// Sets what tasks take that say nothing themselves and whose flow says nothing either.
    pub fn task_defaults(mut self, defaults: TaskPolicy) -> Self {
        self.task_defaults = defaults;
        self
    }

    /// Sets how long a task that listens for cancellation may take to end. Default: 10 s.
    ///
    /// A task listens when it has called [`Context::cancellation_token`](crate::Context::cancellation_token) or
    /// [`Context::cancelled`](crate::Context::cancelled). All others end at their next await.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Seeds the jitter of retry delays, so that they repeat. Default: a seed from the operating system.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Calls `observer` for each event. See [`Runtime::observe`].
    pub fn observe(self, observer: impl Fn(&Notice<'_>) + Send + Sync + 'static) -> Self {
        self.observers.add(Arc::new(observer));
        self
    }

    /// Keeps every run of this runtime in `store`: its history, its results, and where it goes on after a crash.
    ///
    /// Default: none; nothing outlives the process, and no file is opened.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets when a result counts as kept, for flows that say nothing themselves. Default: [`Durability::Full`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets after how many crashes of the process with a task running that task is not tried again. Default: 3.
    ///
    /// 0 is read as 1.
    pub fn poison_cap(mut self, crashes: u32) -> Self {
        self.poison_cap = Some(crashes.max(1));
        self
    }

    /// Lets no task look into the cache or write to it, as [`Call::no_cache`](crate::Call::no_cache) does for one call. What a
    /// resumed run has done already it keeps: that is no cache.
    ///
    /// ```
    /// # use flowkit::{Runtime, State, prelude::*};
    /// #[task(cache = "inputs")]
    /// async fn total(rows: u32) -> u32 { rows * 2 }
    ///
    /// #[flow]
    /// async fn twice() -> Result<u32> { Ok(total(3).await? + total(3).await?) }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let run = twice().on(&Runtime::builder().no_cache().build()).run().await;
    /// assert!(run.task_runs().iter().all(|task| task.state() == State::Completed));
    /// # }
    /// ```
    pub fn no_cache(mut self) -> Self {
        self.skips_cache = true;
        self
    }

    /// Runs the body of every task twice, and takes what the second one gives, as happens to a task that was in flight when
    /// its process died: a test of your flow in such a runtime shows whether its tasks bear that.
    ///
    /// Both have the same attempt and the same idempotency key. A task that may run at most once runs once, and so does one
    /// whose arguments are not `Clone`.
    #[cfg(feature = "testing")]
    pub fn repeat_bodies(mut self) -> Self {
        self.repeats_bodies = true;
        self
    }

    /// Makes a flow known by its name, for [`Runtime::resume`]: `.flow(etl::spec())`.
    pub fn flow(mut self, flow: FlowSpec) -> Self {
        self.flows.push(flow);
        self
    }

    /// Makes the runtime.
    pub fn build(self) -> Runtime {
        let runtime = Runtime(Arc::new(Inner {
            limits: Arc::new(self.limits),
            cache: Memory::default(),
            observers: self.observers,
            task_defaults: self.task_defaults,
            grace: self.grace.unwrap_or(DEFAULT_GRACE),
            store: self.store,
            durability: self.durability,
            poison_cap: self.poison_cap.unwrap_or(POISON_CAP),
            skips_cache: self.skips_cache,
            live: Live::default(),
            flows: self.flows,
            jitter: Mutex::new(self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)),
            #[cfg(feature = "testing")]
            mocks: crate::testing::Mocks::default(),
            #[cfg(feature = "testing")]
            repeats_bodies: self.repeats_bodies,
        }));
        if let Some(store) = runtime.store() {
            let listener = Arc::downgrade(&runtime.0);
            store.on_cancel_request(Box::new(move |id| {
                if let Some(inner) = listener.upgrade() {
                    Runtime(inner).cancel(id);
                }
            }));
        }
        runtime
    }
}

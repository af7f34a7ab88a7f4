//! How a runtime is built.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;

use super::{Inner, Runtime};
use crate::engine::cache::Memory;
use crate::engine::flow_run::active_runs::ActiveRuns;
use crate::engine::flow_run::observer::{Notice, Observers};
use crate::engine::limits::Limits;
use crate::engine::spec::FlowSpec;
use crate::policy::TaskPolicy;
use crate::policy::durability::Durability;
use crate::policy::resume::MAX_CRASHES;
use crate::store::Store;

/// The grace period of cooperative tasks after a cancellation: Kubernetes and systemd give services 30 s and 90 s, but here
/// a person may be waiting after Ctrl-C.
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// How long running tasks may take to end after a signal. Systems differ in how soon they kill a program after that, so it
/// can be set.
const DEFAULT_STOP_GRACE: Duration = Duration::from_secs(30);

/// How long an async hook may take: enough for a slow HTTP request with a retry.
const DEFAULT_HOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// Builds a [`Runtime`].
#[must_use = "a builder does nothing until `build` is called"]
#[derive(Default)]
pub struct RuntimeBuilder {
    limits: Limits,
    observers: Observers,
    task_defaults: TaskPolicy,
    grace: Option<Duration>,
    stop_grace: Option<Duration>,
    hook_timeout: Option<Duration>,
    seed: Option<u64>,
    store: Option<Arc<dyn Store>>,
    durability: Durability,
    max_crashes: Option<u32>,
    skips_cache: bool,
    refreshes_cache: bool,
    repeats_bodies: bool,
    flows: Vec<FlowSpec>,
    revision: Option<Arc<str>>,
}

impl RuntimeBuilder {
    /// Sets a named limit for the tasks of this process, and of no other. See [`limits::set`](crate::ctx::limits::set).
    pub fn limit(self, name: &str, slots: u32) -> Self {
        self.limits.set(name, slots);
        self
    }

    /// Sets a rate limit for the tasks of this process, and of no other. See
    /// [`limits::set_rate`](crate::ctx::limits::set_rate).
    pub fn rate(self, name: &str, count: u32, per: Duration) -> Self {
        self.limits.set_rate(name, count, per);
        self
    }

    /// Sets the options of tasks that neither they nor their flow set.
    pub fn task_defaults(mut self, defaults: TaskPolicy) -> Self {
        self.task_defaults = defaults;
        self
    }

    /// Sets the grace period of a cancelled task that handles cancellation cooperatively. Default: 10 s.
    ///
    /// A task does so when it has called [`Context::cancellation_token`](crate::Context::cancellation_token) or
    /// [`Context::cancelled`](crate::Context::cancelled). All other tasks end at their next await.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Some(grace);
        self
    }

    /// Sets how long running tasks may take to end after a signal has told the program to stop, before their runs are
    /// suspended; see [`Runtime::until_signal`]. Default: 30 s.
    ///
    /// Choose a few seconds less than the time after which the sender of the signal kills the program: Kubernetes does so
    /// after `terminationGracePeriodSeconds` (default: 30), Docker after 10 s, systemd after `TimeoutStopSec` (default: 90
    /// s). With the default of both, a task that ignores [`Context::stopping`](crate::Context::stopping) is killed and not
    /// suspended: its work is repeated then, as after a crash.
    pub fn stop_grace(mut self, grace: Duration) -> Self {
        self.stop_grace = Some(grace);
        self
    }

    /// Sets how long each async hook may take; see [`Call::on_failure_async`](crate::Call::on_failure_async). A hook that exceeds it
    /// is stopped, with a warning, and changes no result. Default: 30 s.
    pub fn hook_timeout(mut self, limit: Duration) -> Self {
        self.hook_timeout = Some(limit);
        self
    }

    /// Seeds the jitter of retry delays, so that it is reproducible. Default: a seed from the operating system.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Calls `observer` for each event. See [`Runtime::observe`].
    pub fn observe(self, observer: impl Fn(&Notice<'_>) + Send + Sync + 'static) -> Self {
        self.observers.of_events.add(Arc::new(observer));
        self
    }

    /// Persists every run of this runtime in `store`: its history, its results, and what is needed to resume it after a
    /// crash.
    ///
    /// Default: none; nothing outlives the process, and no file is opened.
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// Sets the revision of the code that runs record: a commit, the tag of an image, or whatever names a build.
    ///
    /// Default: what `FLOWKIT_GIT_REVISION` says in the environment of the process, or said when the program was built; or
    /// else the commit that is checked out in the folder where the crate of the flow was built, if that is there. An empty
    /// variable is none.
    pub fn revision(mut self, revision: impl Into<Arc<str>>) -> Self {
        self.revision = Some(revision.into());
        self
    }

    /// Sets when a result counts as persisted, for flows that do not set it themselves. Default: [`Durability::Full`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Sets how often the process may crash while the same task is running before that task is refused. Default: 3.
    ///
    /// 0 is read as 1.
    pub fn max_crashes(mut self, crashes: u32) -> Self {
        self.max_crashes = Some(crashes.max(1));
        self
    }

    /// Lets no task read or write the cache, as [`Call::no_cache`](crate::Call::no_cache) does for one call. A resumed run
    /// still reuses its own results: that is not a cache.
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
    /// assert!(run.task_runs().iter().all(|task| task.state == State::Completed));
    /// # }
    /// ```
    pub fn no_cache(mut self) -> Self {
        self.skips_cache = true;
        self
    }

    /// Lets no task take its result from the cache: each runs, and caches its result for others, as
    /// [`Call::refresh_cache`](crate::Call::refresh_cache) does for one call. A resumed run still reuses its own results:
    /// that is not a cache.
    ///
    /// ```
    /// # use flowkit::{Runtime, State, prelude::*};
    /// #[task(cache = "inputs")]
    /// async fn total(rows: u32) -> u32 { rows * 2 }
    ///
    /// #[flow]
    /// async fn once() -> Result<u32> { Ok(total(3).await?) }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let runtime = Runtime::builder().refresh_cache().build();
    /// once().on(&runtime).await.unwrap();
    /// assert_eq!(once().on(&runtime).run().await.task_runs()[0].state, State::Completed);
    /// # }
    /// ```
    pub fn refresh_cache(mut self) -> Self {
        self.refreshes_cache = true;
        self
    }

    /// Runs the body of every task twice, and takes the result of the second run, as happens to a task that was in flight
    /// when its process crashed: a test of your flow in such a runtime shows whether its tasks tolerate that.
    ///
    /// Both runs have the same attempt and the same idempotency key. A task that may run at most once runs once, and so
    /// does one whose arguments are not `Clone`.
    #[cfg(feature = "testing")]
    pub fn repeat_bodies(mut self) -> Self {
        self.repeats_bodies = true;
        self
    }

    /// Registers a flow by its name, for [`Runtime::resume`]: `.flow(etl::spec())`.
    pub fn flow(mut self, flow: FlowSpec) -> Self {
        self.flows.push(flow);
        self
    }

    /// Builds the runtime.
    pub fn build(self) -> Runtime {
        let runtime = Runtime(Arc::new(Inner {
            limits: Arc::new(self.limits),
            cache: Memory::default(),
            observers: self.observers,
            task_defaults: self.task_defaults,
            grace: self.grace.unwrap_or(DEFAULT_GRACE),
            stop_grace: self.stop_grace.unwrap_or(DEFAULT_STOP_GRACE),
            hook_timeout: self.hook_timeout.unwrap_or(DEFAULT_HOOK_TIMEOUT),
            store: self.store,
            durability: self.durability,
            max_crashes: self.max_crashes.unwrap_or(MAX_CRASHES),
            skips_cache: self.skips_cache,
            refreshes_cache: self.refreshes_cache,
            active_runs: ActiveRuns::default(),
            flows: self.flows,
            revision: self.revision,
            jitter: Mutex::new(self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed)),
            mocks: crate::engine::mocks::Mocks::default(),
            repeats_bodies: self.repeats_bodies,
        }));
        if let Some(store) = runtime.store() {
            let listener = Arc::downgrade(&runtime.0);
            store.on_loss(Box::new(move |lost| {
                if let Some(inner) = listener.upgrade() {
                    inner.active_runs.lose(&lost);
                }
            }));
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

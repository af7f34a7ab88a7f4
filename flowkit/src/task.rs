//! What the attributes make of a function: its description, the body that runs it, and the call that users hold.

use std::error::Error as StdError;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::engine::context::{self, Current};
use crate::engine::inputs::Visit;
use crate::engine::launch;
use crate::engine::limits::Want;
use crate::engine::options::{CacheUse, CallOptions, Hook};
use crate::engine::runtime::Runtime;
use crate::handle::{After, Handle};
use crate::model::{Codec, Declaration, Digest, DigestError, Error, TaskError, TaskRun};
use crate::policy::TaskPolicy;
use crate::policy::cache::KeyInput;
use crate::policy::retry::Backoff;
use crate::policy::trigger::Trigger;
use crate::rules::{CanRepeat, Retry};

/// What a task may return: any owned type that threads may share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a task",
    label = "flowkit shares this value between tasks on several threads",
    note = "a task's result needs `Send + Sync + 'static`; put a `Mutex` around what is not `Sync`"
)]
pub trait TaskOutput: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> TaskOutput for T {}

/// A return type that is a `Result`, taken apart.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the `Result` of the standard library",
    label = "flowkit goes by the name, and takes this for a `Result`",
    note = "give the type another name, here or where it is declared"
)]
pub trait Fallible {
    type Value;
    type Error;
    fn into_result(self) -> Result<Self::Value, Self::Error>;
}

impl<T, E> Fallible for Result<T, E> {
    type Value = T;
    type Error = E;

    fn into_result(self) -> Self {
        self
    }
}

/// A task or a flow with everything that its attribute says. One `static` per task.
#[doc(hidden)]
#[derive(Debug)]
pub struct TaskInfo {
    pub declaration: Declaration,
    pub policy: TaskPolicy,
    pub limits: &'static [Want],
    pub hooks: Hooks,
    pub cache: CacheScope,
    pub blocking: bool,
    /// An attempt without a known outcome is never made again.
    pub at_most_once: bool,
    pub flow: FlowSettings,
}

/// For how long an equal call is the same call.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheScope {
    Off,
    Run,
    Runtime,
}

/// What only a flow's attribute says.
#[doc(hidden)]
#[derive(Debug)]
pub struct FlowSettings {
    pub task_defaults: TaskPolicy,
    pub max_concurrency: Option<u32>,
    pub fail_on_any_task: bool,
    pub durability: Option<Durability>,
}

impl FlowSettings {
    pub const NONE: Self = Self {
        task_defaults: TaskPolicy::EMPTY,
        max_concurrency: None,
        fail_on_any_task: false,
        durability: None,
    };
}

/// When the result of a task counts as kept. It matters only for a runtime that has a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it is on disk, also if the power fails: who waits for it is woken then.
    #[default]
    Full,
    /// When it is on its way: who waits goes on at once, and the last few milliseconds may be done again after a crash.
    Relaxed,
    /// At once, and nothing is kept: the run leaves no history and cannot be resumed.
    Memory,
}

/// The hooks of an attribute.
#[doc(hidden)]
#[derive(Debug)]
pub struct Hooks {
    pub on_running: &'static [fn(&TaskRun)],
    pub on_success: &'static [fn(&TaskRun)],
    pub on_failure: &'static [fn(&TaskRun)],
    pub on_retry: &'static [fn(&TaskRun)],
    pub on_cancel: &'static [fn(&TaskRun)],
}

impl Hooks {
    pub const NONE: Self =
        Self { on_running: &[], on_success: &[], on_failure: &[], on_retry: &[], on_cancel: &[] };

    pub(crate) fn of(&self, hook: Hook) -> &'static [fn(&TaskRun)] {
        match hook {
            Hook::Running => self.on_running,
            Hook::Success => self.on_success,
            Hook::Failure => self.on_failure,
            Hook::Retry => self.on_retry,
            Hook::Cancel => self.on_cancel,
        }
    }
}

/// A function with its arguments, ready to run: what the attributes generate.
#[doc(hidden)]
pub trait Body: Send + Sized {
    type Output: TaskOutput;
    type Error: TaskError;

    fn info() -> &'static TaskInfo;

    /// Names the function for keys: its path, through functions too, and the types and constants it was given here.
    fn identity() -> &'static str;

    /// Visits the handles among the arguments.
    fn visit(&self, visit: &mut Visit<'_>);

    /// Copies the body for another attempt; `None` if an argument cannot be cloned.
    fn again(&self) -> Option<Self>;

    /// Runs one attempt where it is awaited.
    fn run(self) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;

    /// Runs one attempt of a submitted call: blocking code goes to the pool.
    fn run_detached(self) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send
    where
        Self: 'static,
    {
        self.run()
    }

    /// Shows the error as an [`StdError`], if it is one.
    fn as_error(error: &Self::Error) -> Option<&(dyn StdError + 'static)>;

    fn retry_if(_error: &Self::Error) -> bool {
        true
    }

    /// The name of this run; `None` where one of the arguments that it asks for has no value.
    fn run_name(&self) -> Option<String> {
        None
    }

    /// The digest of the inputs for the cache; what it is made of goes to `parts`, for people.
    fn cache_key(&self, _parts: Option<&mut Vec<KeyInput>>) -> Result<Digest, DigestError> {
        Err(DigestError::Refused { reason: "the task is not cached".to_owned() })
    }

    /// The digest of the inputs for finding the call again in a later attempt of the flow.
    fn call_key(&self) -> Option<Digest> {
        None
    }

    /// How a result is kept beyond the process; `None` if its type cannot be written and read, or if the attribute says
    /// that it shall not be.
    fn codec() -> Option<Codec<Self::Output>> {
        None
    }

    /// Copies a result for the cache; `None` if it cannot be cloned.
    fn copy_output(_output: &Self::Output) -> Option<Self::Output> {
        None
    }

    /// Awaits the call in place.
    fn call(
        self,
        call: Setup<Self::Error>,
    ) -> impl Future<Output = Result<Self::Output, Error<Self::Error>>> + Send {
        launch::call(self, call, launch::InPlace)
    }

    /// Submits the call.
    fn submit(self, call: Setup<Self::Error>) -> Handle<Self::Output, Self::Error>
    where
        Self: 'static,
    {
        launch::submit(self, call, launch::Detached)
    }
}

/// What a call knows besides its arguments.
#[doc(hidden)]
pub struct Setup<E> {
    pub(crate) current: Option<Current>,
    pub(crate) options: Option<Box<CallOptions<E>>>,
    pub(crate) index: Option<u32>,
    pub(crate) location: &'static Location<'static>,
}

/// A call of a task or a flow that has not been made yet: `fetch(url)`.
///
/// Await it to run it here, [`submit`](Call::submit) it to start it now and go on. The methods say for this one call
/// what the attribute's keys say for all.
#[must_use = "a call does nothing until it is awaited or submitted: add `.await` or `.submit()`"]
pub struct Call<'a, T, E, B> {
    pub(crate) body: B,
    pub(crate) setup: Setup<E>,
    marker: PhantomData<fn() -> (&'a (), T)>,
}

// What `T` and `E` must be able to do is said by `Body`, once, where the function is: a task that breaks a rule is then no
// error where it is called.
impl<'a, T, E, B> Call<'a, T, E, B>
where
    B: Body<Output = T, Error = E> + 'a,
{
    #[doc(hidden)]
    #[track_caller]
    pub fn __new(body: B) -> Self {
        let location = Location::caller();
        let current = context::current();
        if current.is_none() {
            launch::warn_of_lost_context(&B::info().declaration, location);
        }
        let setup = Setup { current, options: None, index: None, location };
        Self { body, setup, marker: PhantomData }
    }

    #[doc(hidden)]
    pub fn __with_index(mut self, index: u32) -> Self {
        self.setup.index = Some(index);
        self
    }

    fn with(mut self, change: impl FnOnce(&mut CallOptions<E>)) -> Self {
        change(self.setup.options.get_or_insert_default());
        self
    }

    fn with_policy(self, change: impl FnOnce(TaskPolicy) -> TaskPolicy) -> Self {
        self.with(|options| options.policy = change(std::mem::take(&mut options.policy)))
    }

    /// Sets how often the task is tried again after a failure.
    pub fn retries(self, retries: u32) -> Self
    where
        Retry: CanRepeat<B>,
    {
        self.with_policy(|policy| policy.retries(retries))
    }

    /// Sets the wait before a retry.
    pub fn retry_delay(self, delay: Duration) -> Self {
        self.with_policy(|policy| policy.retry_delay(vec![delay]))
    }

    /// Sets one wait per retry; the last one repeats.
    pub fn retry_delays(self, delays: impl Into<Vec<Duration>>) -> Self {
        self.with_policy(|policy| policy.retry_delay(delays.into()))
    }

    /// Sets how the wait grows from retry to retry.
    pub fn backoff(self, backoff: Backoff) -> Self {
        self.with_policy(|policy| policy.backoff(backoff))
    }

    /// Sets the longest wait before a retry.
    pub fn max_retry_delay(self, max: Duration) -> Self {
        self.with_policy(|policy| policy.max_retry_delay(max))
    }

    /// Sets by which share of itself a wait may be longer or shorter, from 0 to 1.
    pub fn jitter(self, jitter: f64) -> Self {
        self.with_policy(|policy| policy.jitter(jitter))
    }

    /// Says which errors are worth another attempt.
    pub fn retry_if(self, predicate: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.with(|options| options.retry_if = Some(Box::new(predicate)))
    }

    /// Sets how long one attempt may take.
    pub fn timeout(self, limit: Duration) -> Self {
        self.with_policy(|policy| policy.timeout(limit))
    }

    /// Names this run.
    pub fn named(self, name: impl Into<String>) -> Self {
        self.with(|options| options.name = Some(name.into()))
    }

    /// Adds tags to this run.
    pub fn tags<S: Into<String>>(self, tags: impl IntoIterator<Item = S>) -> Self {
        self.with(|options| options.tags.extend(tags.into_iter().map(Into::into)))
    }

    /// Runs this call after `first`, without taking its result.
    pub fn after(self, first: impl After) -> Self {
        self.with(|options| first.add_to(&mut options.order))
    }

    /// Says when to run, given how the inputs ended.
    pub fn trigger(self, trigger: Trigger) -> Self {
        self.with_policy(|policy| policy.trigger(trigger))
    }

    /// Labels the way that led to this call, for the graph: `"accuracy >= 0.8"`.
    pub fn branch(self, label: impl Into<String>) -> Self {
        self.with(|options| options.branch = Some(label.into().into()))
    }

    /// Takes `weight` slots of the named limit while an attempt runs.
    pub fn concurrency(self, limit: impl Into<String>, weight: u32) -> Self {
        self.with(|options| {
            let want = Want { name: limit.into().into(), weight };
            options.limits.get_or_insert_default().push(want);
        })
    }

    /// Neither looks into the cache nor writes to it.
    pub fn no_cache(self) -> Self {
        self.with(|options| options.cache = CacheUse::Off)
    }

    /// Runs in any case, and writes the result to the cache.
    pub fn refresh_cache(self) -> Self {
        self.with(|options| options.cache = CacheUse::Refresh)
    }

    /// Sets for how long the cache may give this result to later calls.
    pub fn cache_ttl(self, ttl: Duration) -> Self {
        self.with_policy(|policy| policy.cache_ttl(ttl))
    }

    /// Calls `hook` when an attempt begins.
    pub fn on_running(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.with(|options| options.hooks.push((Hook::Running, Box::new(hook))))
    }

    /// Calls `hook` when the run has ended with a result, also with one from the cache.
    pub fn on_success(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.with(|options| options.hooks.push((Hook::Success, Box::new(hook))))
    }

    /// Calls `hook` when the run has failed for good.
    pub fn on_failure(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.with(|options| options.hooks.push((Hook::Failure, Box::new(hook))))
    }

    /// Calls `hook` when an attempt has failed and another one follows.
    pub fn on_retry(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.with(|options| options.hooks.push((Hook::Retry, Box::new(hook))))
    }

    /// Calls `hook` when the run was cancelled.
    pub fn on_cancel(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.with(|options| options.hooks.push((Hook::Cancel, Box::new(hook))))
    }

    /// Uses this runtime instead of the ambient one. Inside a flow the flow's runtime stays.
    pub fn on(self, runtime: &Runtime) -> Self {
        self.with(|options| options.runtime = Some(runtime.clone()))
    }

    /// Starts the call now and gives a handle of its result.
    ///
    /// Outside a flow there is nobody to own the run: the handle then holds an error that says so.
    pub fn submit(self) -> Handle<T, E>
    where
        B: 'static,
    {
        self.body.submit(self.setup)
    }
}

impl<'a, T, E, B> IntoFuture for Call<'a, T, E, B>
where
    B: Body<Output = T, Error = E> + 'a,
{
    type Output = Result<T, Error<E>>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.body.call(self.setup))
    }
}

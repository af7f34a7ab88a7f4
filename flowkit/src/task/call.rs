//! A call of a task or a flow: what users hold between writing `fetch(url)` and awaiting or submitting it. How it runs is
//! up to the engine.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::engine::body::Body;
use crate::engine::context;
use crate::engine::handle::{After, Handle};
use crate::engine::hook::{Awaited, Called, HookFn, HookOf};
use crate::engine::limits::Want;
use crate::engine::runtime::Runtime;
use crate::engine::task_name::renamed;
use crate::engine::task_run::launch;
use crate::engine::task_run::options::{CacheUse, CallOptions, Occasion, Setup};
use crate::model::{Error, TaskRun};
use crate::policy::TaskPolicy;
use crate::policy::retry::Backoff;
use crate::policy::trigger::Trigger;
use crate::task::bounds::{CanRepeat, Retry};
use crate::task::dispatch::Dispatch;

/// A call of a task or a flow that has not been made yet: `fetch(url)`.
///
/// Await it to run it in place, or [`submit`](Call::submit) it to start it now and continue. The methods set for this call
/// what the attribute's keys set for all.
#[must_use = "a call does nothing until it is awaited or submitted: add `.await` or `.submit()`"]
pub struct Call<'a, T, E, B> {
    pub(crate) body: B,
    pub(crate) setup: Setup<E>,
    marker: PhantomData<fn() -> (&'a (), T)>,
}

// `Body` bounds `T` and `E` once, where the function is: so a task that breaks a rule is not reported again where it is
// called.
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

    /// Sets how often the task is retried after a failure.
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

    /// Sets the fraction by which a wait may be longer or shorter, from 0 to 1.
    pub fn jitter(self, jitter: f64) -> Self {
        self.with_policy(|policy| policy.jitter(jitter))
    }

    /// Sets which errors are worth another attempt.
    pub fn retry_if(self, predicate: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.with(|options| options.retry_if = Some(Box::new(predicate)))
    }

    /// Sets how long one attempt may take.
    pub fn timeout(self, limit: Duration) -> Self {
        self.with_policy(|policy| policy.timeout(limit))
    }

    /// Sets whether a failure of this call fails its flow, which then ends with everything in it.
    pub fn critical(self, critical: bool) -> Self {
        self.with_policy(|policy| policy.critical(critical))
    }

    /// Gives the task another name for this call, in all that goes by the names of tasks: the graph and its folding, the
    /// terminal, `show`, `rerun --from`, limits (a limit of that name applies, as with a tag).
    ///
    /// For one function that stands for many tasks, as where the graph comes from a file. The name belongs to the identity of
    /// the call: under another name it is another call, which takes over no recorded result. The cache goes by the function and
    /// its inputs, whatever the name. Each name is kept until the program ends, so name kinds of tasks with it; a single run
    /// has its name from [`named`](Self::named).
    ///
    /// ```
    /// # use flowkit::prelude::*;
    /// #[task]
    /// async fn run_tool(command: String) -> usize { command.len() }
    ///
    /// #[flow]
    /// async fn rnaseq(samples: Vec<String>) -> Result<()> {
    ///     for sample in samples {
    ///         let trimmed = run_tool(format!("fastp {sample}")).task_named("trim").submit();
    ///         run_tool(format!("star {sample}")).task_named("align").after(&trimmed).submit();
    ///     }
    ///     Ok(())
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let run = rnaseq(vec!["a".into()]).run().await;
    /// let tasks: Vec<_> = run.task_runs().iter().map(|run| run.task.to_string()).collect();
    /// assert_eq!(tasks, ["trim", "align"]);
    /// # }
    /// ```
    pub fn task_named(self, name: impl AsRef<str>) -> Self {
        let task = renamed(&B::info().declaration, name.as_ref());
        self.with(|options| options.task = Some(task))
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

    /// Sets when to run, depending on how the inputs ended.
    pub fn trigger(self, trigger: Trigger) -> Self {
        self.with_policy(|policy| policy.trigger(trigger))
    }

    /// Labels the branch that led to this call, for the graph: `"accuracy >= 0.8"`.
    pub fn branch(self, label: impl Into<String>) -> Self {
        self.with(|options| options.branch = Some(label.into().into()))
    }

    /// Acquires `weight` slots of the named limit of this process while an attempt runs. See
    /// [`limits::set`](crate::limits::set).
    pub fn concurrency(self, limit: impl Into<String>, weight: u32) -> Self {
        self.with(|options| {
            let want = Want { name: limit.into().into(), weight };
            options.limits.get_or_insert_default().push(want);
        })
    }

    /// Sets who gets the slots of a limit first, among the runs that wait for it: the one with the higher priority. Default: 0.
    ///
    /// Runs of equal priority get them in the order in which they were submitted. Nothing ages: as long as runs of a higher priority
    /// keep coming, those of a lower one wait. A running task is never interrupted. Without a limit, a priority means nothing.
    ///
    /// ```
    /// use flowkit::prelude::*;
    ///
    /// #[task(concurrency = "printer")]
    /// async fn print(page: u32) -> u32 { page }
    ///
    /// #[flow]
    /// async fn office() -> Result<()> {
    ///     let report: Vec<_> = (1..100).map(|page| print(page).submit()).collect();
    ///     let ticket = print(100).priority(10).submit();   // the next one to be printed
    ///     ticket.await?;
    ///     settle_all(report).await;
    ///     Ok(())
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// flowkit::limits::set("printer", 1);
    /// office().await.unwrap();
    /// # }
    /// ```
    pub fn priority(self, priority: i16) -> Self {
        self.with_policy(|policy| policy.priority(priority))
    }

    /// Neither reads the cache nor writes to it.
    pub fn no_cache(self) -> Self {
        self.with(|options| options.cache = CacheUse::Off)
    }

    /// Runs in any case, and writes the result to the cache.
    pub fn refresh_cache(self) -> Self {
        self.with(|options| options.cache = CacheUse::Refresh)
    }

    /// Sets how long the cache may return this result to later calls.
    pub fn cache_ttl(self, ttl: Duration) -> Self {
        self.with_policy(|policy| policy.cache_ttl(ttl))
    }

    /// Calls `hook` when an attempt begins.
    pub fn on_running(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.hook::<Called>(Occasion::Running, hook)
    }

    /// Calls `hook` when the run has ended with a result, also with one from the cache.
    pub fn on_success(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.hook::<Called>(Occasion::Success, hook)
    }

    /// Calls `hook` when the run has failed for good.
    pub fn on_failure(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.hook::<Called>(Occasion::Failure, hook)
    }

    /// Calls `hook` when an attempt has failed and another one follows.
    pub fn on_retry(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.hook::<Called>(Occasion::Retry, hook)
    }

    /// Calls `hook` when the run was cancelled.
    pub fn on_cancel(self, hook: impl Fn(&TaskRun) + Send + Sync + 'static) -> Self {
        self.hook::<Called>(Occasion::Cancel, hook)
    }

    /// As [`on_running`](Self::on_running), and awaits what `hook` returns before the attempt continues; see
    /// [`on_failure_async`](Self::on_failure_async).
    pub fn on_running_async<F>(self, hook: impl Fn(TaskRun) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hook::<Awaited>(Occasion::Running, hook)
    }

    /// As [`on_success`](Self::on_success), and awaits what `hook` returns; see [`on_failure_async`](Self::on_failure_async).
    pub fn on_success_async<F>(self, hook: impl Fn(TaskRun) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hook::<Awaited>(Occasion::Success, hook)
    }

    /// As [`on_failure`](Self::on_failure), and awaits what `hook` returns before the run counts as ended for those that wait
    /// for it: neither its flow nor the program ends before.
    ///
    /// The async hooks of an occasion are awaited one after the other, after the others were called. Each has the runtime's
    /// [`hook_timeout`](crate::RuntimeBuilder::hook_timeout); what exceeds it, or panics, is a warning in the log and changes no
    /// result. If the call itself is dropped, the hooks run on, and the flow still waits for them. In a stopping program they
    /// end with its grace period.
    ///
    /// ```
    /// use flowkit::prelude::*;
    ///
    /// #[task]
    /// async fn load() -> Result<u32, String> { Err("no such table".to_owned()) }
    ///
    /// async fn post(text: String) {
    ///     println!("{text}"); // or to a chat
    /// }
    ///
    /// #[flow]
    /// async fn nightly() -> Result<u32> {
    ///     Ok(load().on_failure_async(|run| async move { post(format!("{} failed", run.label())).await }).await?)
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() { assert!(nightly().await.is_err()); }
    /// ```
    pub fn on_failure_async<F>(self, hook: impl Fn(TaskRun) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hook::<Awaited>(Occasion::Failure, hook)
    }

    /// As [`on_retry`](Self::on_retry), and awaits what `hook` returns before the wait for the next attempt; see
    /// [`on_failure_async`](Self::on_failure_async).
    pub fn on_retry_async<F>(self, hook: impl Fn(TaskRun) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hook::<Awaited>(Occasion::Retry, hook)
    }

    /// As [`on_cancel`](Self::on_cancel), and awaits what `hook` returns; see [`on_failure_async`](Self::on_failure_async).
    pub fn on_cancel_async<F>(self, hook: impl Fn(TaskRun) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.hook::<Awaited>(Occasion::Cancel, hook)
    }

    fn hook<How: 'static>(self, occasion: Occasion, hook: impl HookFn<How> + 'static) -> Self {
        self.with(|options| options.hooks.push((occasion, Box::new(HookOf::new(hook)))))
    }

    /// Uses this runtime instead of the ambient one. Inside a flow it has no effect: the flow's runtime is used.
    pub fn on(self, runtime: &Runtime) -> Self {
        self.with(|options| options.runtime = Some(runtime.clone()))
    }
}

impl<T, E, B> Call<'_, T, E, B>
where
    B: Dispatch<Output = T, Error = E>,
{
    /// Starts the call now and returns a handle of its result.
    ///
    /// Outside a flow nothing owns the run: the handle then holds an error with that reason.
    pub fn submit(self) -> Handle<T, E>
    where
        B: 'static,
    {
        self.body.submit(self.setup)
    }

    /// Records that this call is not made, and why: for a branch that was not taken.
    ///
    /// The skipped run has the edges of its arguments and of [`after`](Self::after), so the graph shows where the flow would
    /// have continued. Calls that take its handle are skipped, too, unless their trigger says otherwise. Where there are no
    /// edges, `alert::skip("why")` is shorter.
    ///
    /// ```
    /// use flowkit::prelude::*;
    ///
    /// #[task]
    /// async fn evaluate() -> f64 { 0.93 }
    /// #[task]
    /// async fn register(accuracy: f64) -> String { format!("model with {accuracy}") }
    /// #[task]
    /// async fn alert(accuracy: f64) {}
    ///
    /// #[flow]
    /// async fn training() -> Result<()> {
    ///     let accuracy = evaluate().submit();
    ///     if *(&accuracy).await? >= 0.8 {
    ///         register::of(&accuracy).branch("yes").await?;
    ///         alert::of(&accuracy).branch("no").skip("the model is good enough");
    ///     }
    ///     Ok(())
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let graph = training().run().await.graph();
    /// assert_eq!(graph.edges().len(), 2);
    /// # }
    /// ```
    pub fn skip(self, reason: impl Into<String>) -> Handle<T, E>
    where
        B: 'static,
    {
        self.with(|options| options.skip = Some(reason.into())).submit()
    }
}

impl<'a, T, E, B> IntoFuture for Call<'a, T, E, B>
where
    B: Dispatch<Output = T, Error = E> + 'a,
{
    type Output = Result<T, Error<E>>;
    type IntoFuture = BoxFuture<'a, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        self.body.call(self.setup)
    }
}

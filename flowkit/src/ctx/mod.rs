//! The context of a running body: [`ctx`].

pub mod artifact;
#[cfg(feature = "store")]
pub(crate) mod command;
#[cfg(feature = "store")]
pub(crate) mod dataset;
pub(crate) mod ensure;
pub mod limits;
pub(crate) mod logs;
pub(crate) mod metric;
pub(crate) mod output;
pub(crate) mod progress;

use std::panic::Location;

use futures_util::future::Either;
use tokio_util::sync::CancellationToken;

use crate::engine::context::{self, Current};
use crate::engine::task_run::core::RunScope;
use crate::model::{Digest, FlowRunId, TaskRunId};

/// Returns the context of the code that calls it: the task or flow to whose body it belongs.
///
/// Outside of any it returns an empty context: there is no run, the attempt is 0, and nothing is ever cancelled.
///
/// ```
/// # use flowkit::prelude::*;
/// #[task(retries = 2)]
/// async fn flaky() -> Result<u32, String> {
///     if ctx().attempt() < 3 { Err("not yet".into()) } else { Ok(ctx().attempt()) }
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(flaky().await.unwrap(), 3);
/// # }
/// ```
pub fn ctx() -> Context {
    Context { current: context::current() }
}

/// The context of a running body, made by [`ctx`].
#[derive(Clone)]
pub struct Context {
    current: Option<Current>,
}

impl Context {
    /// Returns the id of the flow run; `None` outside a flow.
    pub fn flow_run_id(&self) -> Option<FlowRunId> {
        Some(self.current.as_ref()?.core().run()?.id)
    }

    /// Returns the id of the task run inside its flow run; `None` outside a flow.
    pub fn task_run_id(&self) -> Option<TaskRunId> {
        let core = self.current.as_ref()?.core();
        core.run().map(|_| core.id)
    }

    /// Returns which attempt this is, counting from 1; 0 outside of tasks and flows.
    pub fn attempt(&self) -> u32 {
        self.current.as_ref().map_or(0, |current| current.core().attempt())
    }

    /// Returns a key for side effects: equal in every attempt of this task run, also after a crash, and different for every
    /// other run.
    ///
    /// Send it along with a payment or an insert, so that the receiver can recognize a repetition. `None` outside a flow. A
    /// call with an argument that cannot be compared has a new key in another process or another attempt of the flow, since
    /// it is unknown whether it is the same call.
    pub fn idempotency_key(&self) -> Option<String> {
        let core = self.current.as_ref()?.core();
        let run = core.run()?;
        // In another process, or another attempt of the flow, the same call may have another number.
        let known = core.identity().filter(|identity| identity.unknown.is_none());
        // With other inputs it is another call.
        let digest = known.map(|known| match core.made_from() {
            Some(made_from) => Digest::join(&[known.call.digest(), made_from.as_digest()]),
            None => known.call.digest(),
        });
        Some(match digest {
            Some(digest) => format!("{}/{}/{digest}", run.id, core.declaration.name),
            // In an earlier process, the row of an unknown call may have belonged to another call.
            None => format!("{}/{}/#{}.{}", run.id, core.declaration.name, core.epoch(), core.id),
        })
    }

    /// Runs a closure in this context, on any thread: what it calls, logs, measures and marks belongs to the task or flow
    /// that called [`ctx`].
    ///
    /// A context is bound to the thread and the future in which a body runs. Take it along to your own threads, to those of
    /// rayon, and to `spawn_blocking`; for a future use [`scope`](Self::scope) or [`spawn`]. Calls of tasks work there too,
    /// since the tokio runtime of the flow is entered as well.
    ///
    /// ```
    /// # use flowkit::prelude::*;
    /// #[task]
    /// fn total(parts: Vec<u64>) -> u64 {
    ///     let here = ctx();
    ///     let sums = std::thread::scope(|scope| {
    ///         let halves = parts.chunks(2).map(|half| {
    ///             let here = &here;
    ///             scope.spawn(move || here.enter(|| {
    ///                 flowkit::metric("parts", half.len() as f64);
    ///                 half.iter().sum::<u64>()
    ///             }))
    ///         });
    ///         halves.collect::<Vec<_>>().into_iter().map(|half| half.join().unwrap()).sum()
    ///     });
    ///     sums
    /// }
    /// # #[flow] async fn adds() -> Result<u64> { Ok(total(vec![1, 2, 3]).await?) }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let run = adds().run().await;
    /// assert_eq!(run.metrics().unwrap().len(), 2);
    /// # }
    /// ```
    pub fn enter<R>(&self, closure: impl FnOnce() -> R) -> R {
        let Some(current) = self.current.clone() else { return closure() };
        let tokio = current.core().run().map(|run| run.tokio.clone());
        let _entered = tokio.as_ref().map(tokio::runtime::Handle::enter);
        current.scope_blocking(closure)
    }

    /// Runs a future in this context, wherever it is polled: in a `JoinSet`, on another runtime. See
    /// [`enter`](Self::enter).
    ///
    /// Dropping the returned future drops the inner one, in this context or not.
    pub fn scope<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        match self.current.clone() {
            Some(current) => Either::Left(current.scope(future)),
            None => Either::Right(future),
        }
    }

    /// Whether the run was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.core().is_cancelled())
    }

    /// Returns a token that is cancelled with the flow run.
    ///
    /// A body that asks for it gets the runtime's grace period to end by itself; other bodies end at their next await.
    pub fn cancellation_token(&self) -> CancellationToken {
        let Some(current) = &self.current else {
            return CancellationToken::new();
        };
        current.core().set_cooperative();
        match &current.core().scope {
            RunScope::Flow(attempt) => attempt.cancellation.token(),
            RunScope::Outside(_) => CancellationToken::new(),
        }
    }

    /// Whether the program was asked to stop, by a signal or by [`Runtime::suspend`](crate::Runtime::suspend).
    pub fn is_stopping(&self) -> bool {
        self.stopping_token().is_cancelled()
    }

    /// Returns a token that is cancelled when the program is asked to stop: at the signal, long before
    /// [`cancelled`](Self::cancelled) fires.
    ///
    /// Use it for what must be done in the time until then: a long task may save its progress and return, or return an
    /// error. Such an error does not count: the task runs again when the run is resumed. Outside of tasks and flows the
    /// token is that of the ambient runtime.
    pub fn stopping_token(&self) -> CancellationToken {
        let runtime = self.current.as_ref().map(|current| current.core().runtime().clone());
        runtime.unwrap_or_else(context::runtime).active_runs().token().clone()
    }

    /// Waits until the program is asked to stop. See [`Context::stopping_token`].
    ///
    /// ```
    /// # use flowkit::prelude::*;
    /// # async fn next_page() -> Option<u32> { None }
    /// #[task]
    /// async fn crawl() -> Result<u32, String> {
    ///     let mut pages = 0;
    ///     loop {
    ///         tokio::select! {
    ///             () = ctx().stopping() => return Err(format!("stopped after {pages} pages")),
    ///             page = next_page() => match page {
    ///                 Some(_) => pages += 1,
    ///                 None => return Ok(pages),
    ///             },
    ///         }
    ///     }
    /// }
    /// # #[tokio::main(flavor = "current_thread")] async fn main() { assert_eq!(crawl().await.unwrap(), 0); }
    /// ```
    pub fn stopping(&self) -> impl Future<Output = ()> + Send + use<> {
        let token = self.stopping_token();
        async move { token.cancelled().await }
    }

    /// Waits until the flow run is cancelled, to clean up in time. See [`Context::cancellation_token`].
    pub async fn cancelled(&self) {
        self.cancellation_token().cancelled().await;
    }
}

impl std::fmt::Debug for Context {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Context")
            .field("flow_run_id", &self.flow_run_id())
            .field("task_run_id", &self.task_run_id())
            .field("attempt", &self.attempt())
            .finish()
    }
}

/// Marks an error as not worth another attempt: `return Err(fatal(error))`.
///
/// The error itself stays as it is. The mark applies to the attempt that runs here, and is cleared if the attempt succeeds
/// after all. On a thread that belongs to no task it marks nothing, and warns while a flow runs: see [`Context::enter`].
///
/// ```
/// # use flowkit::prelude::*;
/// #[task(retries = 5)]
/// async fn login(password: String) -> Result<u32, String> {
///     if password.is_empty() {
///         return Err(fatal("no password".to_owned()));
///     }
///     Err(format!("refused at attempt {}", ctx().attempt()))
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let error = login(String::new()).await.unwrap_err();
/// assert_eq!(error.to_string(), "task `login` failed: no password");
/// # }
/// ```
#[track_caller]
pub fn fatal<E>(error: E) -> E {
    if context::with_core(|core| core.map(|core| core.set_fatal())).is_none() {
        context::warn_of_lost("`fatal` marks nothing", Location::caller());
    }
    error
}

/// Spawns a tokio task that stays in the flow: its calls belong to the task or flow that spawns it. For `JoinSet` and the
/// like there is [`Context::scope`], for threads [`Context::enter`].
///
/// A call made after the end of the flow run is refused, so await the returned handle.
///
/// # Panics
///
/// Outside a tokio runtime, as [`tokio::spawn`] does.
pub fn spawn<F>(future: F) -> tokio::task::JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    match context::current() {
        Some(current) => tokio::spawn(current.scope(future)),
        None => tokio::spawn(future),
    }
}

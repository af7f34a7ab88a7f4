//! What a running body may ask of its surroundings: [`ctx`].

use tokio_util::sync::CancellationToken;

use crate::engine::context::{self, Current};
use crate::engine::task_run::core::Home;
use crate::model::{FlowRunId, TaskRunId};

/// Returns the surroundings of the code that calls it: the task or flow whose body this is.
///
/// Outside of any it answers too: there is no run, the attempt is 0, and nothing is ever cancelled.
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

/// The surroundings of a running body. Made by [`ctx`].
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

    /// Returns a key for side effects: equal in every attempt of this task run, also after the process died, and different
    /// for every other run.
    ///
    /// Send it along with a payment or an insert, so that the receiver can tell a repetition. `None` outside a flow. A call
    /// with an argument that cannot be compared has a new key in another process or another attempt of the flow: nobody knows
    /// whether it is the same one.
    pub fn idempotency_key(&self) -> Option<String> {
        let core = self.current.as_ref()?.core();
        let run = core.run()?;
        // In another process, or another attempt of the flow, the same call need not have the same number.
        let known = core.identity().filter(|identity| identity.unknown.is_none());
        Some(match known {
            Some(known) => format!("{}/{}/{}", run.id, core.declaration.name, known.call.digest()),
            None => format!("{}/{}/#{}", run.id, core.declaration.name, core.id),
        })
    }

    /// Whether the run was told to stop.
    pub fn is_cancelled(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.core().is_cancelled())
    }

    /// Returns a token that is cancelled when the flow run is told to stop.
    ///
    /// Whoever asks for it is given the runtime's grace period to end by itself; others end at their next await.
    pub fn cancellation_token(&self) -> CancellationToken {
        let Some(current) = &self.current else {
            return CancellationToken::new();
        };
        current.core().set_cooperative();
        match &current.core().home {
            Home::Flow(attempt) => attempt.cancellation.token(),
            Home::Outside(_) => CancellationToken::new(),
        }
    }

    /// Waits until the flow run is told to stop, to clean up in time. See [`Context::cancellation_token`].
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
/// The error itself stays as it is. The mark is for the attempt that is running here; it is forgotten if the attempt
/// succeeds after all.
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
pub fn fatal<E>(error: E) -> E {
    context::with_core(|core| core.map(|core| core.set_fatal()));
    error
}

/// Spawns a tokio task that stays in the flow: calls made in it belong to the task or flow that spawns it.
///
/// A call made after the end of the flow run is refused, so await what this gives.
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

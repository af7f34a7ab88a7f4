//! Calls the hooks of users, and awaits those that are async. None of them can take the engine down or change a result.

use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Either, select};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::panics::{guarded, panic_message};
use crate::clock;
use crate::engine::body::TaskInfo;
use crate::engine::context;
use crate::engine::flow_run::OpenGuard;
use crate::engine::hook::Hook;
use crate::engine::runtime::Runtime;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::options::{CallOptions, Occasion};
use crate::model::RunLabel;

/// The hooks of one occasion, of which there is at least one: the attribute's, then the call's.
pub(crate) struct Hooks<'a, E> {
    core: &'a Core,
    info: &'static TaskInfo,
    options: Option<&'a CallOptions<E>>,
    occasion: Occasion,
}

impl<'a, E> Hooks<'a, E> {
    /// The hooks to call; mostly there are none.
    #[inline]
    pub(crate) fn of(
        core: &'a Core,
        info: &'static TaskInfo,
        options: Option<&'a CallOptions<E>>,
        occasion: Occasion,
    ) -> Option<Self> {
        let has_any = !info.hooks.of(occasion).is_empty()
            || options.is_some_and(|options| options.hooks.iter().any(|(of, _)| *of == occasion));
        has_any.then_some(Self { core, info, options, occasion })
    }

    fn all(&self) -> impl Iterator<Item = &dyn Hook> {
        let of_call = self.options.map_or(&[][..], |options| &options.hooks);
        let of_call =
            of_call.iter().filter(|(of, _)| *of == self.occasion).map(|(_, hook)| &**hook as &dyn Hook);
        self.info.hooks.of(self.occasion).iter().map(|hook| *hook as &dyn Hook).chain(of_call)
    }

    /// Keeps the flow open for async hooks. To be called before the end of the task run is recorded: nothing else keeps the flow
    /// open after it.
    pub(crate) fn hold_flow(&self) -> Option<OpenGuard> {
        let is_needed = self.all().any(Hook::is_awaited);
        self.core.run().filter(|_| is_needed).and_then(|run| run.hold_open())
    }

    /// Calls the hooks. Async ones are started; `None` if there is none. A panic in one is logged, and the next is called.
    pub(crate) fn call(self, open: Option<OpenGuard>) -> Option<StartedHooks> {
        let task_run = self.core.task_run()?;
        let called = self.all().filter_map(|hook| guarded("hook", || hook.call(&task_run)).flatten());
        let started: Vec<_> = called.collect();
        if started.is_empty() { None } else { StartedHooks::start(self.core, started, open) }
    }
}

/// Calls the hooks of an occasion, and waits for those that are async.
pub(crate) async fn called<E>(hooks: Hooks<'_, E>) {
    let open = hooks.hold_flow();
    if let Some(started) = hooks.call(open) {
        started.ended().await;
    }
}

/// Async hooks that run as a tokio task of their own, one after the other: they continue if the future of their task run is dropped,
/// and keep its flow open.
pub(crate) struct StartedHooks(JoinHandle<()>);

impl StartedHooks {
    fn start(core: &Core, hooks: Vec<BoxFuture<'static, ()>>, open: Option<OpenGuard>) -> Option<Self> {
        let tokio = core.run().map(|run| run.tokio.clone()).or_else(|| Handle::try_current().ok())?;
        let (runtime, label) = (core.runtime().clone(), core.label());
        let running = runtime.active_runs().hooks_begin();
        let all = async move {
            for hook in hooks {
                until_its_limit(&runtime, &label, hook).await;
            }
            drop((running, open));
        };
        Some(Self(match context::current() {
            Some(current) => tokio.spawn(current.scope(all)),
            None => tokio.spawn(all),
        }))
    }

    pub(crate) async fn ended(self) {
        // Only the end of the tokio runtime can abort them.
        let _ = self.0.await;
    }
}

/// Runs a hook until it ends, exceeds its limit, or the grace period of a stopping program is over.
async fn until_its_limit(runtime: &Runtime, label: &RunLabel, hook: BoxFuture<'static, ()>) {
    let limit: Duration = runtime.hook_timeout();
    let stopped = pin!(async {
        match select(pin!(clock::sleep(limit)), pin!(runtime.active_runs().drained())).await {
            Either::Left(_) => {
                tracing::warn!(task = %label, ?limit, "a hook was stopped: it exceeded its limit")
            }
            Either::Right(_) => tracing::warn!(task = %label, "a hook was stopped with the program"),
        }
    });
    if let Either::Left((Err(panic), _)) = select(AssertUnwindSafe(hook).catch_unwind(), stopped).await {
        tracing::warn!(task = %label, panic = %panic_message(panic), "a hook panicked");
    }
}

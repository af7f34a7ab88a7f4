//! The end of a task run: its event is recorded and its hooks are called, exactly once, and its result is durable before anything
//! may rely on it.

use std::future::{Ready, ready};
use std::sync::Arc;

use futures_util::future::{BoxFuture, Either};

use super::core::Core;
use super::options::{CallOptions, Occasion};
use super::persisted::{persist_request, provenance};
use crate::engine::attempt::hooks::{Hooks, StartedHooks};
use crate::engine::attempt::panics::report;
use crate::engine::body::{Body, TaskInfo};
use crate::engine::cache::SharedResult;
use crate::engine::replay::run_store::{CommitReceipt, PersistRequest, acknowledged, committed};
use crate::model::{Error, EventKind, Provenance, TaskError, TaskRunId, ValueVersion};

/// Where the result of a task run comes from.
#[derive(Default)]
pub(crate) struct ResultSource {
    /// It was known already.
    pub(crate) cached: bool,
    /// It ended so in an earlier process, and nothing happens to it in this one.
    pub(crate) recorded: bool,
    /// The version of a result that is known from an earlier attempt of the flow.
    pub(crate) version: Option<Box<ValueVersion>>,
    /// The result to be shared through the cache.
    pub(crate) shared: Option<Box<SharedResult>>,
}

impl ResultSource {
    /// Takes over the result of an earlier attempt of the flow, if there is one.
    pub(crate) fn take_over<T>(&mut self, value: Option<T>, provenance: Provenance) -> Option<T> {
        if value.is_some() {
            self.cached = true;
            self.version = Some(Box::new(provenance.version));
        }
        value
    }

    /// Shares the result with the callers that wait for it in the cache, which the store persists too if it `is_persisted`.
    fn share(&mut self, core: &Core, is_persisted: bool) {
        if let Some(mut shared) = self.shared.take() {
            if is_persisted {
                shared.mark_persisted();
            }
            shared.publish(core.runtime().cache());
        }
    }
}

/// Where the hooks of a run are: in its attribute and in its call.
type Hooked<'a, E> = (&'static TaskInfo, Option<&'a CallOptions<E>>);

/// Announces the end of a task run exactly once: dropped before that, it announces a cancellation.
pub(crate) struct Finish<'a, E> {
    core: &'a Core,
    /// The hooks to call; `None` for the node of a sub-flow, whose own run calls them.
    hooks: Option<Hooked<'a, E>>,
    is_done: bool,
}

impl<'a, E: TaskError> Finish<'a, E> {
    pub(crate) fn of(core: &'a Core, hooks: Option<Hooked<'a, E>>) -> Self {
        Self { core, hooks, is_done: false }
    }

    /// Announces nothing: the run ended in an earlier process.
    fn already_recorded<T>(self, result: &Result<T, Error<E>>) {
        self.core.release_flow();
        self.announced(result, false);
    }

    pub(crate) fn announce<T>(
        self,
        result: &Result<T, Error<E>>,
        cached: bool,
        persist: &mut PersistRequest,
    ) -> Announced {
        persist.revocable = result.as_ref().is_err_and(|error| may_run_again(error, self.is_once()));
        let (event, occasion) = self.event(result, cached);
        let hooks = self.hooks_of(occasion);
        let open = hooks.as_ref().and_then(Hooks::hold_flow);
        // At one place, so that it is inlined.
        let receipt = self.core.emit_persisted(event, persist);
        self.announced(result, receipt.is_some());
        Announced { receipt, hooks: hooks.and_then(|hooks| hooks.call(open)) }
    }

    /// The event by which the run ends, and the hooks that are called then.
    #[inline]
    fn event<T>(&self, result: &Result<T, Error<E>>, cached: bool) -> (EventKind, Option<Occasion>) {
        match result {
            Ok(_) if cached => (EventKind::Cached, Some(Occasion::Success)),
            Ok(_) => (EventKind::Completed, Some(Occasion::Success)),
            Err(error) => event_of(self.core, error, self.is_once()),
        }
    }

    /// Does what follows the event.
    #[inline]
    fn announced<T>(mut self, result: &Result<T, Error<E>>, is_pending: bool) {
        self.is_done = true;
        if let Err(error) = result {
            self.core.fail_flow_if_critical(error);
        }
        // A result whose commit is pending may have to be made again, so it still counts for the limits: after a crash no
        // more runs again than may run at the same time.
        if !is_pending {
            drop(self.core.take_permit());
        }
    }
}

impl<'a, E> Finish<'a, E> {
    /// Whether the run may be made at most once.
    pub(crate) fn is_once(&self) -> bool {
        self.hooks.is_some_and(|(info, _)| info.at_most_once)
    }

    /// The hooks to call; mostly there are none.
    #[inline]
    fn hooks_of(&self, occasion: Option<Occasion>) -> Option<Hooks<'a, E>> {
        let ((info, options), occasion) = self.hooks.zip(occasion)?;
        Hooks::of(self.core, info, options, occasion)
    }
}

impl<E> Drop for Finish<'_, E> {
    fn drop(&mut self) {
        let is_open = !self.is_done && !self.core.is_settled();
        self.core.release_flow();
        if is_open {
            let suspended = self.core.is_suspended();
            let hooks = self.hooks_of((!suspended).then_some(Occasion::Cancel));
            let open = hooks.as_ref().and_then(Hooks::hold_flow);
            self.core.emit(if suspended {
                EventKind::Suspended
            } else {
                EventKind::Cancelled { orphaned: self.core.is_orphaned() }
            });
            drop(self.core.take_permit());
            // A drop cannot wait: async hooks run on, and keep the flow open.
            drop(hooks.and_then(|hooks| hooks.call(open)));
        }
    }
}

/// What has to be awaited after an end was announced.
#[derive(Default)]
pub(crate) struct Announced {
    /// It is durable when this comes.
    receipt: Option<CommitReceipt>,
    hooks: Option<StartedHooks>,
}

/// A result that is mostly there at once.
type Finished<'a, R> = Either<Ready<R>, BoxFuture<'a, R>>;

/// Announces the end of a task run, and waits until its result is durable. While the program is being stopped, the end may be held
/// back instead: the run waits to be suspended.
pub(crate) fn finish<'a, B: Body + 'a>(
    core: &'a Core,
    end: Finish<'a, B::Error>,
    mut result: Result<B::Output, Error<B::Error>>,
    source: &'a mut ResultSource,
) -> Finished<'a, Result<B::Output, Error<B::Error>>> {
    if is_held_back(core, &end, &result, source) {
        return Either::Right(Box::pin(hold_back(core, end, result.err())));
    }
    if core.id == TaskRunId::FLOW && !source.recorded && core.run_store().is_some() {
        return Either::Right(Box::pin(finish_flow::<B>(core, end, result, source)));
    }
    let Announced { receipt, hooks } = if source.recorded {
        end.already_recorded(&result);
        Announced::default()
    } else {
        let mut persist = persist_request::<B>(core, &mut result, &mut source.shared);
        if core.identity().is_some() {
            let known = source.version.as_deref().copied();
            persist.provenance = provenance::<B>(core, &result, persist.result.as_deref(), known);
        }
        end.announce(&result, source.cached, &mut persist)
    };
    let Some(receipt) = receipt else {
        source.share(core, false);
        return match hooks {
            None => Either::Left(ready(result)),
            Some(hooks) => Either::Right(Box::pin(async move {
                hooks.ended().await;
                result
            })),
        };
    };
    // Boxed: most runs have no store.
    Either::Right(Box::pin(async move {
        let result = committed(core, receipt, result).await;
        drop(core.take_permit());
        match &result {
            Ok(_) => source.share(core, true),
            Err(error) => core.fail_flow_if_critical(error),
        }
        if let Some(hooks) = hooks {
            hooks.ended().await;
        }
        result
    }))
}

/// Ends a flow run that has a store. Its end is announced only when it is durable, and with it all that was recorded before: no
/// run is seen as completed while something of it is missing in the store.
async fn finish_flow<B: Body>(
    core: &Core,
    end: Finish<'_, B::Error>,
    mut result: Result<B::Output, Error<B::Error>>,
    source: &mut ResultSource,
) -> Result<B::Output, Error<B::Error>> {
    let persist = persist_request::<B>(core, &mut result, &mut source.shared);
    let (event, occasion) = end.event(&result, source.cached);
    let Some((run, (event, receipt))) =
        core.run().and_then(|run| Some((run, run.propose_end(event, persist)?)))
    else {
        // It was suspended, or lost, after its body returned.
        let is_lost = core.run().is_some_and(|run| run.lost().is_some());
        result = match result {
            Ok(value) => Err(not_persisted::<B>(core, value)),
            // It has a reason of its own.
            Err(error @ Error::Refused { .. }) => Err(error),
            // Its tasks were stopped for the loss, which may look like a failure of its body.
            Err(_) if is_lost => Err(core.stopped(false)),
            Err(error) => Err(error),
        };
        announce_now(end, &result, source.cached).await;
        return result;
    };
    match acknowledged(core, receipt).await {
        Ok(()) => {
            run.commit_end(event);
            let hooks = end.hooks_of(occasion);
            end.announced(&result, false);
            if result.is_ok() {
                source.share(core, true);
            }
            if let Some(hooks) = hooks.and_then(|hooks| hooks.call(None)) {
                hooks.ended().await;
            }
            result
        }
        Err(why) => {
            tracing::error!(flow = %core.label(), error = %why, "the end of the flow run could not be kept");
            if let Some(run_store) = &run.run_store {
                run_store.lose(why.clone());
            }
            // Before the end is announced: the run around this one must not record it as a failure.
            run.lose_all(&why);
            let result = Err(match result {
                Ok(value) => not_persisted::<B>(core, value),
                Err(_) => core.stopped(false),
            });
            announce_now(end, &result, false).await;
            result
        }
    }
}

/// Announces an end with which nothing is persisted, and waits for its hooks.
async fn announce_now<T, E: TaskError>(end: Finish<'_, E>, result: &Result<T, Error<E>>, cached: bool) {
    if let Some(hooks) = end.announce(result, cached, &mut PersistRequest::default()).hooks {
        hooks.ended().await;
    }
}

/// The error of a flow that gave a value but failed all the same. Callers can still ask for the value.
fn not_persisted<B: Body>(core: &Core, value: B::Output) -> Error<B::Error> {
    if let Some(run_store) = core.run_store() {
        run_store.leave_unpersisted(value);
    }
    core.stopped(false)
}

/// Whether the end of a task run is [held back](hold_back): the program is being stopped, and the run failed or rests on a run
/// whose failure was taken back.
fn is_held_back<T, E: TaskError>(
    core: &Core,
    end: &Finish<'_, E>,
    result: &Result<T, Error<E>>,
    source: &ResultSource,
) -> bool {
    match result {
        Err(error) if !source.recorded && may_run_again(error, end.is_once()) => {
            core.is_stopping() && !core.is_cancelled() || core.is_suspended()
        }
        // It may rest on a failure that does not count.
        Ok(_) => core.is_stopping() && core.run().is_some_and(|run| run.rests_on_an_interrupted_run(core.id)),
        Err(_) => false,
    }
}

/// Records how the attempt failed, and waits until the run is suspended, or cancelled.
async fn hold_back<T, E: TaskError>(
    core: &Core,
    end: Finish<'_, E>,
    failure: Option<Error<E>>,
) -> Result<T, Error<E>> {
    if let Some(error) = failure.filter(|_| !core.is_cancelled()) {
        let error = report(core, &error);
        tracing::warn!(
            task = %core.label(),
            %error,
            "failed while the program is being stopped: it is made again when the run is resumed"
        );
        core.emit(EventKind::Interrupted { attempt: core.attempt(), error });
    }
    drop(core.take_permit());
    core.cancelled().await;
    let result = Err(core.stopped(core.is_orphaned()));
    announce_now(end, &result, false).await;
    result
}

/// Whether another attempt may succeed after this error, so that it need not be final.
fn may_run_again<E>(error: &Error<E>, is_once: bool) -> bool {
    !is_once
        && matches!(
            error,
            Error::Task(_)
                | Error::TimedOut { .. }
                | Error::Panicked { .. }
                | Error::TasksFailed { .. }
                | Error::CriticalFailed { .. }
        )
}

/// The event and the hooks of an error. Logs failures.
fn event_of<E: TaskError>(core: &Core, error: &Error<E>, is_once: bool) -> (EventKind, Option<Occasion>) {
    match error {
        Error::Cancelled { orphaned, .. } => {
            (EventKind::Cancelled { orphaned: *orphaned }, Some(Occasion::Cancel))
        }
        Error::Suspended { .. } => (EventKind::Suspended, None),
        Error::Skipped { reason, .. } => (EventKind::Skipped { reason: Arc::clone(reason) }, None),
        _ => {
            let mut report = report(core, error);
            if is_once && core.is_stopping() {
                // What may run at most once does not run again, for whatever reason it failed.
                Arc::make_mut(&mut report).message.push_str(" (while the program was being stopped)");
            }
            match error {
                Error::TimedOut { orphaned, .. } => {
                    tracing::error!(task = %core.label(), error = %report, "timed out");
                    (EventKind::TimedOut { error: report, orphaned: *orphaned }, Some(Occasion::Failure))
                }
                Error::Upstream { .. } => (EventKind::UpstreamFailed { error: report }, None),
                _ => {
                    tracing::error!(
                        task = %core.label(),
                        attempts = core.attempt(),
                        error = %report,
                        error_type = error.logged_kind(),
                        "failed"
                    );
                    (EventKind::Failed { error: report }, Some(Occasion::Failure))
                }
            }
        }
    }
}

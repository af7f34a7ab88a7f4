//! One task run from its inputs to its end: waits, asks the cache, tries, and says how it ended.

use std::sync::Arc;

use futures_util::future::Either;

use super::core::{Core, RunScope};
use super::inputs::{self, Cause, CauseKind, Inputs, Visit};
use super::interrupted::{hold_back, is_held_back, may_be_made_again};
use super::options::{CallOptions, Hook, effective_policy};
use crate::engine::attempt::hooks::hooks;
use crate::engine::attempt::panics::{caught, report};
use crate::engine::attempt::{AttemptRunner, Attempts, attempts};
use crate::engine::body::{Body, TaskInfo};
use crate::engine::cache::{self, CacheLookup};
use crate::engine::replay::known::{inputs_or_known, may_be_known};
use crate::engine::replay::run_store::{CommitReceipt, PersistRequest};
use crate::engine::task_run::finish::{ResultSource, conclude};
use crate::model::{EdgeKind, Error, EventKind, NoValue, TaskError};
use crate::policy::TaskPolicy;
use crate::policy::trigger::{Trigger, TriggerVerdict};

/// The arguments of a call and what it was told to run after.
pub(crate) struct CallInputs<'a, B: Body> {
    pub(crate) body: &'a mut Option<B>,
    pub(crate) options: Option<&'a CallOptions<B::Error>>,
}

impl<B: Body> Inputs for CallInputs<'_, B> {
    fn visit(&self, visit: &mut Visit<'_>) {
        if let Some(body) = &*self.body {
            visit_call(body, self.options, visit);
        }
    }

    fn visit_compared(&self, visit: &mut Visit<'_>) {
        if let Some(body) = &*self.body {
            body.visit_compared(visit);
        }
    }
}

/// Visits what a call waits for.
pub(crate) fn visit_call<B: Body>(body: &B, options: Option<&CallOptions<B::Error>>, visit: &mut Visit<'_>) {
    body.visit(visit);
    for first in options.iter().flat_map(|options| &options.order) {
        first.visit_as(EdgeKind::Order, visit);
    }
}

/// Carries a task run to its end, which is told in every case: also when the future is dropped.
pub(crate) async fn perform<B: Body, H: AttemptRunner<B>>(
    core: &Core,
    host: &H,
    body: &mut Option<B>,
    options: Option<&CallOptions<B::Error>>,
) -> Result<B::Output, Error<B::Error>> {
    let end = Finish::of(core, Some((B::info(), options)));
    let mut how = ResultSource::default();
    let result = caught(core, run(core, host, body, options, &mut how)).await;
    if is_held_back(core, &end, &result, &how) {
        return Box::pin(hold_back(core, end, result.err())).await;
    }
    conclude::<B>(core, end, result, &mut how).await
}

async fn run<B: Body, H: AttemptRunner<B>>(
    core: &Core,
    host: &H,
    body: &mut Option<B>,
    options: Option<&CallOptions<B::Error>>,
    how: &mut ResultSource,
) -> Result<B::Output, Error<B::Error>> {
    let own_policy = effective_policy(options, B::info(), &core.home);
    let policy = own_policy.as_deref().unwrap_or(&B::info().policy);
    if policy.critical == Some(true) {
        core.set_critical();
    }
    if !may_be_known(core) {
        ready(core, body, options, policy).await?;
    } else if let Some(known) = inputs_or_known(core, body, options, policy, how).await? {
        return Ok(known);
    }
    let mut right = None;
    if let Some(wanted) = cache::wanted(core, body, options, policy.cache_ttl) {
        match Box::pin(cache::look::<B>(core, wanted, policy.timeout)).await? {
            CacheLookup::Value(value) => {
                how.cached = true;
                return Ok(value);
            }
            CacheLookup::Right(own) => right = Some(own),
        }
    }
    let value = attempts(&Attempts { core, host, policy, options }, body).await?;
    how.shared = right.and_then(|right| Some(right.share(B::copy_output(&value)?)));
    Ok(value)
}

/// Waits for the inputs, and names the run before it starts.
pub(crate) async fn ready<B: Body>(
    core: &Core,
    body: &mut Option<B>,
    options: Option<&CallOptions<B::Error>>,
    policy: &TaskPolicy,
) -> Result<(), Error<B::Error>> {
    let mut inputs = CallInputs { body, options };
    if has_any(&inputs) {
        let trigger = policy.trigger.unwrap_or_default();
        // A submitted call comes when its inputs have ended; one that is awaited in place waits here.
        if !inputs::decided(&inputs, trigger) {
            Box::pin(await_inputs(core, &mut inputs, trigger)).await?;
        }
        if let Some(lack) = lack(core, &inputs, trigger) {
            // People look for it under the name that its siblings have, which may ask for nothing that is missing.
            name(core, body, options);
            return Err(lack.error(core, trigger));
        }
    }
    if core.is_cancelled() {
        return Err(core.stopped(false));
    }
    name(core, body, options);
    Ok(())
}

fn has_any(inputs: &impl Inputs) -> bool {
    let mut any = false;
    inputs.visit(&mut |_, _| any = true);
    any
}

async fn await_inputs<E>(
    core: &Core,
    inputs: &mut (impl Inputs + Send),
    trigger: Trigger,
) -> Result<(), Error<E>> {
    let wait = std::pin::pin!(inputs::wait(inputs, trigger));
    let cancelled = std::pin::pin!(core.cancelled());
    match futures_util::future::select(wait, cancelled).await {
        Either::Left(_) => Ok(()),
        Either::Right(_) => Err(core.stopped(false)),
    }
}

/// Why a task does not run, now that its inputs have ended.
enum Lack {
    /// The trigger rule was not met.
    Rule,
    /// An input has no value, whether the trigger rule was met or not.
    Input { cause: Cause, is_met: bool },
}

fn lack(core: &Core, inputs: &impl Inputs, trigger: Trigger) -> Option<Lack> {
    if let RunScope::Flow(flow) = &core.home {
        // The items of a list that is mapped are known only now.
        if inputs::has_unrecorded(inputs) {
            let (edges, _) = inputs::edges(inputs, flow);
            flow.run.set_edges(core.id, edges);
        }
    }
    let (verdict, missing, failed) = inputs::look(inputs, trigger);
    // The rule comes first: it may be certain before it is known whether a value is missing.
    match (verdict, missing, failed) {
        (TriggerVerdict::Skip, Some(cause), _) if cause.is_skip() => {
            Some(Lack::Input { cause, is_met: false })
        }
        (TriggerVerdict::Skip, ..) | (TriggerVerdict::UpstreamFailed, _, None) => Some(Lack::Rule),
        (TriggerVerdict::UpstreamFailed, _, Some(cause)) => Some(Lack::Input { cause, is_met: false }),
        (TriggerVerdict::Run | TriggerVerdict::Wait, Some(cause), _) => {
            Some(Lack::Input { cause, is_met: true })
        }
        (TriggerVerdict::Run | TriggerVerdict::Wait, None, _) => None,
    }
}

impl Lack {
    /// Skipped inputs skip, all others fail.
    fn error<E>(self, core: &Core, trigger: Trigger) -> Error<E> {
        let run = core.label();
        match self {
            Self::Rule => {
                let reason = format!("the trigger rule `{}` was not met", trigger.name());
                Error::Skipped { run, reason: reason.into() }
            }
            Self::Input { cause: Cause { kind: CauseKind::Skipped, input, .. }, is_met } => {
                let advice = if is_met { format!("; {}", NoValue(trigger.name())) } else { String::new() };
                Error::Skipped { run, reason: format!("its input {input} was skipped{advice}").into() }
            }
            Self::Input { cause: Cause { kind: CauseKind::Cancelled, .. }, .. } if core.is_cancelled() => {
                core.stopped(false)
            }
            Self::Input { cause: Cause { input, error, .. }, is_met } => {
                Error::Upstream { run, input, cause: error, met: is_met.then_some(trigger.name()) }
            }
        }
    }
}

/// Names the run before it starts, or when it does not: by the call, or by the attribute's template, as far as the arguments
/// are known that it asks for.
fn name<B: Body>(core: &Core, body: &Option<B>, options: Option<&CallOptions<B::Error>>) {
    if options.is_some_and(|options| options.name.is_some()) {
        return;
    }
    if let Some(name) = body.as_ref().and_then(B::run_name) {
        core.set_name(&name);
        if let Some(run) = core.run() {
            run.change_task_run(core.id, |task_run| task_run.set_name(name));
        }
    }
}

/// Where the hooks of a run are: in its attribute and in its call.
type Hooked<'a, E> = (&'static TaskInfo, Option<&'a CallOptions<E>>);

/// Tells the end of a task run exactly once.
pub(crate) struct Finish<'a, E> {
    core: &'a Core,
    /// Whose hooks to call; `None` for the node of a sub-flow, whose own run calls them.
    hooks: Option<Hooked<'a, E>>,
    told: bool,
}

impl<'a, E: TaskError> Finish<'a, E> {
    pub(crate) fn of(core: &'a Core, hooks: Option<Hooked<'a, E>>) -> Self {
        Self { core, hooks, told: false }
    }

    /// Nothing is told: the run ended in an earlier process.
    pub(crate) fn known<T>(mut self, result: &Result<T, Error<E>>) {
        self.told = true;
        self.core.release_flow();
        if let Err(error) = result {
            self.core.fail_flow_if_critical(error);
        }
        drop(self.core.let_go());
    }

    pub(crate) fn tell<T>(
        self,
        result: &Result<T, Error<E>>,
        cached: bool,
        keeping: &mut PersistRequest,
    ) -> Option<CommitReceipt> {
        keeping.revocable = result.as_ref().is_err_and(|error| may_be_made_again(error, self.is_once()));
        let (event, hook) = self.ending(result, cached);
        let receipt = self.core.emit_persisted(event, keeping);
        self.told(result, hook, receipt.is_some());
        receipt
    }

    /// Says by which event the run ends, and whose hooks are called then.
    #[inline]
    pub(crate) fn ending<T>(&self, result: &Result<T, Error<E>>, cached: bool) -> (EventKind, Option<Hook>) {
        match result {
            Ok(_) if cached => (EventKind::Cached, Some(Hook::Success)),
            Ok(_) => (EventKind::Completed, Some(Hook::Success)),
            Err(error) => ending(self.core, error, self.is_once()),
        }
    }

    /// Does what follows the event.
    #[inline]
    pub(crate) fn told<T>(mut self, result: &Result<T, Error<E>>, hook: Option<Hook>, is_kept_later: bool) {
        self.told = true;
        if let Err(error) = result {
            self.core.fail_flow_if_critical(error);
        }
        // What is not kept yet may have to be done again, so it still counts for the limits: after a crash no more is done
        // again than may run at the same time.
        if !is_kept_later {
            drop(self.core.let_go());
        }
        if let Some(hook) = hook {
            self.call_hooks(hook);
        }
    }
}

impl<E> Finish<'_, E> {
    /// Whether the run may be made at most once.
    pub(crate) fn is_once(&self) -> bool {
        self.hooks.is_some_and(|(info, _)| info.at_most_once)
    }

    fn call_hooks(&self, hook: Hook) {
        if let Some((info, options)) = self.hooks {
            hooks(self.core, info, options, hook);
        }
    }
}

impl<E> Drop for Finish<'_, E> {
    fn drop(&mut self) {
        let is_open = !self.told && !self.core.is_settled();
        self.core.release_flow();
        if is_open {
            let suspended = self.core.is_suspended();
            self.core.emit(match suspended {
                true => EventKind::Suspended,
                false => EventKind::Cancelled { orphaned: self.core.is_orphaned() },
            });
            drop(self.core.let_go());
            if !suspended {
                self.call_hooks(Hook::Cancel);
            }
        }
    }
}

/// The event and the hook that tell of an error.
fn ending<E: TaskError>(core: &Core, error: &Error<E>, is_once: bool) -> (EventKind, Option<Hook>) {
    match error {
        Error::Cancelled { orphaned, .. } => {
            (EventKind::Cancelled { orphaned: *orphaned }, Some(Hook::Cancel))
        }
        Error::Suspended { .. } => (EventKind::Suspended, None),
        Error::Skipped { reason, .. } => (EventKind::Skipped { reason: Arc::clone(reason) }, None),
        _ => {
            let mut report = report(core, error);
            if is_once && core.is_stopping() {
                // What may be made only once is not made again, whatever the reason was.
                Arc::make_mut(&mut report).message.push_str(" (while the program was being stopped)");
            }
            match error {
                Error::TimedOut { orphaned, .. } => {
                    tracing::error!(task = %core.label(), error = %report, "timed out");
                    (EventKind::TimedOut { error: report, orphaned: *orphaned }, Some(Hook::Failure))
                }
                Error::Upstream { .. } => (EventKind::UpstreamFailed { error: report }, None),
                _ => {
                    tracing::error!(
                        task = %core.label(),
                        attempts = core.attempt(),
                        error = %report,
                        error_type = error.kind(),
                        "failed"
                    );
                    (EventKind::Failed { error: report }, Some(Hook::Failure))
                }
            }
        }
    }
}

//! Waits for the inputs of a call, and decides by the trigger rule whether it runs.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;

use futures_util::future::{Either, select};

use super::ends::{Answer, Bell};
use super::{Cause, CauseKind, Evaluated, InputOutcome, Inputs, Visit, edges, evaluate};
use crate::engine::body::Body;
use crate::engine::task_run::core::{Core, RunScope};
use crate::engine::task_run::options::CallOptions;
use crate::model::{EdgeKind, Error, NoValue};
use crate::policy::TaskPolicy;
use crate::policy::trigger::{Trigger, TriggerVerdict};

/// The arguments of a call, and what it runs after.
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

/// Visits the inputs of a call.
pub(crate) fn visit_call<B: Body>(body: &B, options: Option<&CallOptions<B::Error>>, visit: &mut Visit<'_>) {
    body.visit(visit);
    for first in options.iter().flat_map(|options| &options.order) {
        first.visit_as(EdgeKind::Order, visit);
    }
}

/// Waits for the inputs, and names the run before it starts.
pub(crate) async fn wait_for_inputs<B: Body>(
    core: &Core,
    body: &mut Option<B>,
    options: Option<&CallOptions<B::Error>>,
    policy: &TaskPolicy,
) -> Result<(), Error<B::Error>> {
    let mut inputs = CallInputs { body, options };
    if has_any(&inputs) {
        let trigger = policy.trigger.unwrap_or_default();
        // A submitted call is started when its inputs have ended; one that is awaited in place waits here.
        if !is_decided(&inputs, trigger) {
            Box::pin(wait_or_stop(core, &mut inputs, trigger)).await?;
        }
        if let Some(unmet) = unmet(core, &inputs, trigger) {
            // Its siblings have such a name, so people search for it; the template may need nothing that is missing.
            name(core, body, options);
            return Err(unmet.error(core, trigger));
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

async fn wait_or_stop<E>(
    core: &Core,
    inputs: &mut (impl Inputs + Send),
    trigger: Trigger,
) -> Result<(), Error<E>> {
    let (wait, cancelled) = (pin!(wait(inputs, trigger)), pin!(core.cancelled()));
    match select(wait, cancelled).await {
        Either::Left(_) => Ok(()),
        Either::Right(_) => Err(core.stopped(false)),
    }
}

/// Waits until the trigger rule has decided and every data input has ended.
async fn wait<I: Inputs + Send>(inputs: &mut I, trigger: Trigger) {
    let mut bell = Bell::listen(inputs);
    poll_fn(move |cx| {
        loop {
            bell.wake_at_next_end(cx.waker());
            match bell.answer(trigger) {
                Answer::Wait => return Poll::Pending,
                Answer::Decided => return Poll::Ready(()),
                // Inputs that were unknown before, such as the items of a mapped list, appear while it waits.
                Answer::Outdated => bell = Bell::listen(inputs),
            }
        }
    })
    .await;
}

/// Whether nothing is left to wait for.
fn is_decided(inputs: &impl Inputs, trigger: Trigger) -> bool {
    let mut data_pending = false;
    let mut any_pending = false;
    inputs.visit(&mut |input, kind| {
        if matches!(input.outcome(), InputOutcome::Pending) {
            any_pending = true;
            data_pending |= kind == EdgeKind::Data;
        }
    });
    if !any_pending {
        return true;
    }
    match evaluate(inputs, trigger).verdict {
        TriggerVerdict::Wait => false,
        TriggerVerdict::Run => !data_pending,
        TriggerVerdict::Skip | TriggerVerdict::UpstreamFailed => true,
    }
}

/// Why a task does not run, now that its inputs have ended.
enum Unmet {
    /// The trigger rule was not met.
    Rule,
    /// An input has no value, whether the trigger rule was met or not.
    Input { cause: Cause, is_met: bool },
}

fn unmet(core: &Core, inputs: &impl Inputs, trigger: Trigger) -> Option<Unmet> {
    let Evaluated { verdict, missing, failed, has_list } = evaluate(inputs, trigger);
    if has_list && let RunScope::Flow(flow) = &core.scope {
        // The items of a mapped list are known only now.
        let (edges, _) = edges(inputs, flow);
        flow.run.change_task_run(core.id, |task_run| task_run.set_edges(edges));
    }
    // The rule comes first: it may be certain before it is known whether a value is missing.
    match (verdict, missing, failed) {
        (TriggerVerdict::Skip, Some(cause), _) if cause.is_skip() => {
            Some(Unmet::Input { cause, is_met: false })
        }
        (TriggerVerdict::Skip, ..) | (TriggerVerdict::UpstreamFailed, _, None) => Some(Unmet::Rule),
        (TriggerVerdict::UpstreamFailed, _, Some(cause)) => Some(Unmet::Input { cause, is_met: false }),
        (TriggerVerdict::Run | TriggerVerdict::Wait, Some(cause), _) => {
            Some(Unmet::Input { cause, is_met: true })
        }
        (TriggerVerdict::Run | TriggerVerdict::Wait, None, _) => None,
    }
}

impl Unmet {
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

/// Names the run before it starts, or when it is decided that it does not: with the call's name, or by the attribute's
/// template, if all arguments that it needs are known.
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

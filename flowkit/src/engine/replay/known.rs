//! Whether the result of a call is known: an earlier process has left it, or an earlier attempt of the flow, and it was made from
//! the same values as now. Not: whether the cache has it, which goes by the values themselves.

use std::sync::Arc;

use super::memo::{MemoValue, Remembered, ResultMemo};
use crate::engine::body::Body;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::finish::ResultSource;
use crate::engine::task_run::inputs::wait::{CallInputs, wait_for_inputs};
use crate::engine::task_run::inputs::{self, Inputs};
use crate::engine::task_run::options::CallOptions;
use crate::engine::task_run::persisted::{persisted_value, recorded};
use crate::model::{CallId, Error, Refusal};
use crate::policy::TaskPolicy;
use crate::text::wording::list;

/// Whether an earlier process or attempt of the flow may have left anything of this call, or a later one may ask for it.
pub(crate) fn may_be_known(core: &Core) -> bool {
    core.is_claimed() || core.run().is_some_and(|run| run.memo.is_some())
}

/// Waits for the inputs. Returns the value of the call if it is known: an earlier process or attempt of the flow has left it,
/// and it was made from the same values.
pub(crate) async fn inputs_or_known<B: Body>(
    core: &Core,
    body: &mut Option<B>,
    options: Option<&CallOptions<B::Error>>,
    policy: &TaskPolicy,
    how: &mut ResultSource,
) -> Result<Option<B::Output>, Error<B::Error>> {
    if core.is_claimed()
        && !core.asks_inputs()
        && let Some(refused) = Box::pin(recorded::<B>(core, how)).await
    {
        return refused.map(Some);
    }
    let readied = wait_for_inputs(core, body, options, policy).await;
    if core.identity().is_some() {
        core.set_made_from(inputs::made_from(&CallInputs { body, options }, core));
    }
    if core.is_settled() {
        match readied {
            // It was told to stop before it was known whether the record stands: the process that resumes the run decides.
            Err(error @ (Error::Cancelled { .. } | Error::Suspended { .. })) => {
                how.recorded = true;
                return Err(error);
            }
            Err(error) => {
                core.reopen();
                return Err(error);
            }
            Ok(()) if core.recorded().and_then(|recorded| recorded.made_from) == core.made_from() => {
                if let Some(known) = Box::pin(recorded::<B>(core, how)).await {
                    return known.map(Some);
                }
            }
            Ok(()) => {
                if let Err(refused) = other_inputs::<B>(core, &CallInputs { body, options }) {
                    how.recorded = true;
                    return Err(refused);
                }
                core.reopen();
            }
        }
    } else {
        readied?;
    }
    match remembered::<B>(core, &CallInputs { body, options })? {
        None => Ok(None),
        Some(Remembered { place: MemoValue::Here(value), provenance }) => {
            Ok(how.take_over(value.downcast_ref().and_then(B::copy_output), provenance))
        }
        Some(Remembered { place: MemoValue::Store(place), provenance }) => {
            Ok(how.take_over(Box::pin(persisted_value::<B>(core, place)).await?, provenance))
        }
    }
}

/// Says that a call is made again since its inputs have other values than those from which it was made.
///
/// # Errors
///
/// If it may run at most once.
fn other_inputs<B: Body>(core: &Core, inputs: &impl Inputs) -> Result<(), Error<B::Error>> {
    let (mut names, mut is_unknown) = (Vec::new(), false);
    inputs::visit_versioned(inputs, core, |input| {
        if let Some(input) = input.input_core().filter(|core| !core.is_settled()) {
            is_unknown |= input.version().is_stamp();
            if !names.contains(&input.declaration.name) {
                names.push(input.declaration.name);
            }
        }
    });
    let task = core.declaration.name.to_owned();
    let inputs = if names.is_empty() { "what it takes".to_owned() } else { list(&names) };
    if B::info().at_most_once {
        let refusal = Refusal::InputsChanged { task, what: inputs };
        if let Some((memo, key)) = memo(core) {
            memo.refuse(key, refusal.clone());
        }
        return Err(Error::Refused { run: core.label(), refusal });
    }
    let reason: Arc<str> = if is_unknown {
        format!("what {inputs} gives was made anew, and cannot be compared; derive `serde::Serialize` for it")
    } else {
        format!("{inputs} was made anew and gave another value")
    }
    .into();
    let kept = core.run_store();
    if kept.is_none_or(|kept| kept.is_news(core.declaration.path, &reason)) {
        tracing::warn!(task = %core.label(), %reason, "it is made again");
    }
    Ok(())
}

/// Finds what an earlier attempt of the flow left of this call, if that was made from the same values.
fn remembered<B: Body>(core: &Core, inputs: &impl Inputs) -> Result<Option<Remembered>, Error<B::Error>> {
    let Some((memo, key)) = memo(core) else { return Ok(None) };
    if let Some(refusal) = memo.refusal(key) {
        return Err(Error::Refused { run: core.label(), refusal });
    }
    if memo.is_cancelled(key) {
        // The loser of a race that has its winner.
        core.cancel_by_body();
        return Err(core.stopped(false));
    }
    match memo.find(key) {
        Some(found) if found.provenance.made_from != core.made_from() => {
            other_inputs::<B>(core, inputs).map(|()| None)
        }
        found => Ok(found),
    }
}

/// What later attempts of the flow look into, if there may be any, and what they look for.
pub(crate) fn memo(core: &Core) -> Option<(&ResultMemo, CallId)> {
    let memo = core.run()?.memo.as_ref().filter(|memo| memo.remembers())?;
    let identity = core.identity().filter(|identity| identity.unknown.is_none())?;
    (!memo.is_doubted(&identity.call.key)).then_some((memo, identity.call))
}

//! Finds the result of a call that an earlier process or an earlier attempt of the flow left, if it was made from the same values
//! as now. The cache, which looks results up by the values themselves, is in `engine/cache`.

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

/// Whether an earlier process or attempt of the flow may have left something of this call, or a later one may need its result.
pub(crate) fn may_be_known(core: &Core) -> bool {
    core.is_claimed() || core.run().is_some_and(|run| run.memo.is_some())
}

/// Waits for the inputs. Returns the result of the call if an earlier process or attempt of the flow left it and it was made from
/// the same values.
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
            // It was stopped before it was known whether the record is still valid: the process that resumes the run decides.
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
                let changed = changed_inputs(core, &CallInputs { body, options });
                if let Err(refusal) = other_inputs(core, changed, B::info().at_most_once) {
                    how.recorded = true;
                    return Err(Error::Refused { run: core.label(), refusal });
                }
                core.reopen();
            }
        }
    } else {
        readied?;
    }
    let found = match remembered(core) {
        Ok(found) => found,
        Err(None) => return Err(core.stopped(false)),
        Err(Some(refusal)) => return Err(Error::Refused { run: core.label(), refusal }),
    };
    match found {
        None => Ok(None),
        Some(found) if found.provenance.made_from != core.made_from() => {
            let changed = changed_inputs(core, &CallInputs { body, options });
            match other_inputs(core, changed, B::info().at_most_once) {
                Ok(()) => Ok(None),
                Err(refusal) => Err(Error::Refused { run: core.label(), refusal }),
            }
        }
        Some(Remembered { value: MemoValue::Here(value), provenance }) => {
            Ok(how.take_over(value.downcast_ref().and_then(B::copy_output), provenance))
        }
        Some(Remembered { value: MemoValue::Store(task_run), provenance }) => {
            Ok(how.take_over(Box::pin(persisted_value::<B>(core, task_run)).await?, provenance))
        }
    }
}

/// The inputs of a call that were made again.
struct ChangedInputs {
    names: Vec<&'static str>,
    /// One of them cannot be compared with what it was.
    is_unknown: bool,
}

fn changed_inputs(core: &Core, inputs: &impl Inputs) -> ChangedInputs {
    let mut changed = ChangedInputs { names: Vec::new(), is_unknown: false };
    inputs::visit_versioned(inputs, core, |input| {
        if let Some(input) = input.input_core().filter(|core| !core.is_settled()) {
            changed.is_unknown |= input.version().is_stamp();
            if !changed.names.contains(&input.declaration.name) {
                changed.names.push(input.declaration.name);
            }
        }
    });
    changed
}

/// Warns that a call is made again because the values of its inputs have changed.
///
/// # Errors
///
/// If it may run at most once.
fn other_inputs(
    core: &Core,
    ChangedInputs { names, is_unknown }: ChangedInputs,
    at_most_once: bool,
) -> Result<(), Refusal> {
    let task = core.declaration.name.to_owned();
    let inputs = if names.is_empty() { "what it takes".to_owned() } else { list(&names) };
    if at_most_once {
        let refusal = Refusal::InputsChanged { task, what: inputs };
        if let Some((memo, key)) = memo(core) {
            memo.refuse(key, refusal.clone());
        }
        return Err(refusal);
    }
    let reason: Arc<str> = if is_unknown {
        format!("what {inputs} gives was made anew, and cannot be compared; derive `serde::Serialize` for it")
    } else {
        format!("{inputs} was made anew and gave another value")
    }
    .into();
    let run_store = core.run_store();
    if run_store.is_none_or(|run_store| run_store.is_first_warning(core.declaration.path, &reason)) {
        tracing::warn!(task = %core.label(), %reason, "it is made again");
    }
    Ok(())
}

/// Finds the result that an earlier attempt of the flow left of this call.
///
/// # Errors
///
/// A refusal, or none if the call is cancelled.
fn remembered(core: &Core) -> Result<Option<Remembered>, Option<Refusal>> {
    let Some((memo, key)) = memo(core) else { return Ok(None) };
    if let Some(refusal) = memo.refusal(key) {
        return Err(Some(refusal));
    }
    if memo.is_cancelled(key) {
        // The loser of a race that already has a winner.
        core.cancel_by_body();
        return Err(None);
    }
    Ok(memo.find(key))
}

/// Returns the memo for later attempts of the flow, if there may be any, and the key of this call in it.
pub(crate) fn memo(core: &Core) -> Option<(&ResultMemo, CallId)> {
    let memo = core.run()?.memo.as_ref().filter(|memo| memo.remembers())?;
    let identity = core.identity().filter(|identity| identity.unknown.is_none())?;
    (!memo.is_ambiguous(&identity.call.key)).then_some((memo, identity.call))
}

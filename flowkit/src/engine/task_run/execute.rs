//! One task run from its inputs to its end: waits for the inputs, looks up known results, runs the attempts, and finishes.

use super::core::Core;
use super::finish::{Finish, ResultSource, finish};
use super::inputs::wait::wait_for_inputs;
use super::options::{CallOptions, effective_policy};
use crate::engine::attempt::panics::caught;
use crate::engine::attempt::{AttemptRunner, Attempts, attempts};
use crate::engine::body::Body;
use crate::engine::cache::{self, Found};
use crate::engine::replay::known::{inputs_or_known, may_be_known};
use crate::model::Error;
use crate::text::wording::bounded;

/// Executes a task run. Its end is announced in every case, also when the future is dropped.
pub(crate) async fn execute<B: Body, H: AttemptRunner<B>>(
    core: &Core,
    runner: &H,
    body: &mut Option<B>,
    options: Option<&CallOptions<B::Error>>,
) -> Result<B::Output, Error<B::Error>> {
    let end = Finish::of(core, Some((B::info(), options)));
    let mut source = ResultSource::default();
    let result = caught(core, value(core, runner, body, options, &mut source)).await;
    finish::<B>(core, end, result, &mut source).await
}

/// The value of a task run: known from an earlier process or attempt of the flow, cached, or made.
async fn value<B: Body, H: AttemptRunner<B>>(
    core: &Core,
    runner: &H,
    body: &mut Option<B>,
    options: Option<&CallOptions<B::Error>>,
    source: &mut ResultSource,
) -> Result<B::Output, Error<B::Error>> {
    let own_policy = effective_policy(options, B::info(), &core.scope);
    let policy = own_policy.as_deref().unwrap_or(&B::info().policy);
    if policy.critical == Some(true) {
        core.set_critical();
    }
    if let Some(skipped) = skipped(core, options) {
        return Err(skipped);
    }
    if !may_be_known(core) {
        wait_for_inputs(core, body, options, policy).await?;
    } else if let Some(known) = inputs_or_known(core, body, options, policy, source).await? {
        return Ok(known);
    }
    let mut right = None;
    if let Some(wanted) = cache::wanted(core, body, options, policy.cache_ttl) {
        match cache::find::<B>(core, wanted, policy.timeout).await? {
            Found::Value(value) => {
                source.cached = true;
                return Ok(value);
            }
            Found::Right(own) => right = Some(own),
        }
    }
    let value = attempts(&Attempts { core, runner, policy, options }, body).await?;
    source.shared = right.and_then(|right| Some(right.share(B::copy_output(&value)?)));
    Ok(value)
}

/// The end of a call that is recorded and not made.
pub(crate) fn skipped<E>(core: &Core, options: Option<&CallOptions<E>>) -> Option<Error<E>> {
    let reason = options?.skip.as_deref()?;
    Some(Error::Skipped { run: core.label(), reason: bounded(reason.to_owned()).into() })
}

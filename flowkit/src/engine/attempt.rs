//! The attempt loop: the only one. Tasks and flows, awaited or submitted, blocking or not, all run through it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;
use tracing::Instrument;

use super::clock;
use super::core::Core;
use super::hooks::{guarded, hooks};
use super::once::{Stop, once};
use super::options::{CallOptions, Hook};
use super::slots::{needs_slots, take_slots};
use crate::flow::Tally;
use crate::model::{AttemptFailure, Error, EventKind, Failure, TaskError};
use crate::policy::TaskPolicy;
use crate::policy::retry::{Outcome as Attempted, Verdict};
use crate::task::Body;

/// Where attempts run: in place, on their own, or as a flow with children.
pub(crate) trait Host<B: Body>: Sync {
    /// Runs one attempt.
    fn start(&self, body: B) -> impl Future<Output = Result<B::Output, B::Error>> + Send;

    /// Runs one attempt as a tokio task of its own, so that it can be left behind; `None`, and the body stays, if this
    /// host cannot.
    fn start_apart(&self, _body: &mut Option<B>) -> Option<JoinHandle<Result<B::Output, B::Error>>> {
        None
    }

    /// Looks at the value of an attempt: a flow that returns handles ends as they did.
    fn verify(&self, _value: &B::Output) -> Tally {
        Tally::default()
    }

    /// Does what must be done before the attempt counts as ended.
    fn settle(&self, _stopped: bool) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// Tries until an attempt succeeds or the policy gives up.
///
/// The body comes by reference, since an `async fn` keeps twice what it takes by value; what few runs need is boxed,
/// so that the future of all others stays small.
pub(crate) async fn attempts<B: Body, H: Host<B>>(
    core: &Core,
    host: &H,
    body: &mut Option<B>,
    policy: &TaskPolicy,
    options: Option<&CallOptions<B::Error>>,
) -> Result<B::Output, Error<B::Error>> {
    let mut number = 1;
    loop {
        if needs_slots(core) {
            Box::pin(take_slots(core, B::info().limits, options)).await?;
        }
        core.begin(number);
        hooks(core, B::info(), options, Hook::Running);
        let retries = policy.retries.unwrap_or(0);
        let next = if number <= retries { body.as_ref().and_then(B::again) } else { None };
        let span = tracing::info_span!("attempt", number);
        let ended = if span.is_disabled() {
            once(core, host, body, policy.timeout).await
        } else {
            Box::pin(once(core, host, body, policy.timeout).instrument(span)).await
        };
        host.settle(matches!(ended, Err(Stop::TimedOut | Stop::Cancelled))).await;
        drop(core.let_go());
        let stop = match verified(host, ended) {
            Ok(value) => {
                if number > 1 {
                    tracing::info!(task = %core.label(), retries = number - 1, "succeeded after retries");
                }
                return Ok(value);
            }
            Err(stop) => stop,
        };
        let attempted = judge::<B>(core, &stop, options);
        let error = error_of::<B>(core, stop, number, policy);
        let verdict = policy.retry_policy().verdict(number, attempted, core.runtime().draw());
        let (Verdict::Retry { delay }, Some(again)) = (verdict, next) else {
            return Err(error);
        };
        report_retry(core, &error, number, retries, delay);
        hooks(core, B::info(), options, Hook::Retry);
        Box::pin(wait_for_retry(core, delay)).await?;
        *body = Some(again);
        number += 1;
    }
}

/// A flow whose tasks count for it fails with them, although its body returned a value.
fn verified<B: Body, H: Host<B>>(
    host: &H,
    ended: Result<B::Output, Stop<B::Error>>,
) -> Result<B::Output, Stop<B::Error>> {
    ended.and_then(|value| {
        let tally = host.verify(&value);
        if tally.is_good() { Ok(value) } else { Err(Stop::TasksFailed(tally)) }
    })
}

/// Says what the retry policy must know of an attempt.
fn judge<B: Body>(core: &Core, stop: &Stop<B::Error>, options: Option<&CallOptions<B::Error>>) -> Attempted {
    match stop {
        Stop::Errored(error) => {
            let asked = guarded("retry_if", || {
                options
                    .and_then(|options| options.retry_if.as_ref())
                    .map_or_else(|| B::retry_if(error), |ask| ask(error))
            });
            Attempted::Errored { fatal: core.is_fatal(), retryable: asked.unwrap_or(false) }
        }
        Stop::Panicked(_) => Attempted::Panicked,
        Stop::TimedOut => Attempted::TimedOut,
        Stop::TasksFailed(tally) if tally.cancelled == 0 => {
            Attempted::Errored { fatal: false, retryable: true }
        }
        Stop::Cancelled | Stop::TasksFailed(_) => Attempted::Cancelled,
    }
}

fn error_of<B: Body>(
    core: &Core,
    stop: Stop<B::Error>,
    attempts: u32,
    policy: &TaskPolicy,
) -> Error<B::Error> {
    let run = core.label();
    match stop {
        Stop::Errored(error) => Error::Task(Failure::new(run, attempts, error, B::as_error)),
        Stop::Panicked(message) => Error::Panicked { run, message },
        Stop::TimedOut => Error::TimedOut {
            run,
            limit: policy.timeout.unwrap_or_default(),
            attempts,
            orphaned: core.is_orphaned(),
        },
        Stop::TasksFailed(Tally { failed, total, cause, cancelled: 0 }) => {
            Error::TasksFailed { run, failed, total, cause }
        }
        Stop::Cancelled | Stop::TasksFailed(_) => Error::Cancelled { run, orphaned: core.is_orphaned() },
    }
}

fn report_retry<E: TaskError>(core: &Core, error: &Error<E>, attempt: u32, retries: u32, delay: Duration) {
    let report = Arc::new(error.report(core.location));
    tracing::warn!(
        task = %core.label(),
        attempt,
        max = retries.saturating_add(1),
        delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
        error = %report,
        error_type = std::any::type_name::<E>(),
        "attempt failed, another one follows"
    );
    let failure = AttemptFailure { error: report, retry_in: delay };
    core.emit(EventKind::AttemptFailed { attempt, failure: Arc::new(failure) });
}

async fn wait_for_retry<E>(core: &Core, delay: Duration) -> Result<(), Error<E>> {
    if !delay.is_zero() {
        let sleep = pin!(clock::sleep(delay));
        let cancelled = pin!(core.cancelled());
        futures_util::future::select(sleep, cancelled).await;
    }
    if core.is_cancelled() { Err(Error::Cancelled { run: core.label(), orphaned: false }) } else { Ok(()) }
}

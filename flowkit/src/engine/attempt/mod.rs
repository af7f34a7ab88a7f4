//! The attempt loop: the only one. Tasks and flows, awaited or submitted, blocking or not, all run through it.

pub(crate) mod grace;
pub(crate) mod hooks;
pub(crate) mod once;
pub(crate) mod panics;
pub(crate) mod permit;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use self::hooks::{Hooks, called};
use self::once::{Apart, Stop, once};
use self::panics::guarded;
use self::panics::{guarded_or_why, report};
use self::permit::{acquire_slots, needs_slots};
use crate::clock;
use crate::engine::body::Body;
use crate::engine::flow_run::CriticalFailure;
use crate::engine::flow_run::tally::Tally;
use crate::engine::replay::run_store::committed;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::options::{CallOptions, Occasion};
use crate::failpoint;
use crate::model::command_error::skip_reason;
use crate::model::{AttemptFailure, Error, EventKind, Failure, Kind, TaskError};
use crate::policy::TaskPolicy;
use crate::policy::retry::{Outcome, Verdict};

/// Where attempts run: in place, detached, or as a flow with children.
pub(crate) trait AttemptRunner<B: Body>: Sync {
    /// Runs one attempt.
    fn start(&self, body: B) -> impl Future<Output = Result<B::Output, B::Error>> + Send;

    /// Runs one attempt [`within`](self::once::within) its limit, as a tokio task of its own that can be left behind;
    /// `None`, and the body stays, if this runner cannot.
    fn start_apart(&self, _body: &mut Option<B>, _limit: Duration) -> Option<Apart> {
        None
    }

    /// The core whose cancellation ends an attempt, if that is not the task run itself: that of the flow attempt.
    fn watched(&self) -> Option<Arc<Core>> {
        None
    }

    /// Checks the end of an attempt: a flow fails with the tasks that count for it, whatever its body returned.
    fn verify(&self, ended: Result<B::Output, Stop<B::Error>>) -> Result<B::Output, Stop<B::Error>> {
        ended
    }

    /// Does what must be done before the attempt counts as ended.
    fn settle(&self, _stopped: bool) -> impl Future<Output = ()> + Send {
        std::future::ready(())
    }
}

/// What all attempts of a task run share.
pub(crate) struct Attempts<'a, H, E> {
    pub(crate) core: &'a Core,
    pub(crate) runner: &'a H,
    pub(crate) policy: &'a TaskPolicy,
    pub(crate) options: Option<&'a CallOptions<E>>,
}

/// Runs attempts until one succeeds or the policy gives up.
///
/// Everything comes by reference, since an `async fn` stores twice what it takes by value; what few runs need is boxed, so
/// that the future of all others stays small.
pub(crate) async fn attempts<B: Body, H: AttemptRunner<B>>(
    all: &Attempts<'_, H, B::Error>,
    body: &mut Option<B>,
) -> Result<B::Output, Error<B::Error>> {
    // Attempts of earlier processes have their numbers; those that died with their process do not count.
    let left = all.core.attempts_left();
    let uncounted = left.attempts.saturating_sub(left.failed);
    if !left.wait.is_zero() {
        Box::pin(wait_for_retry(all.core, left.wait)).await?;
    }
    let mut number = left.attempts + 1;
    loop {
        if needs_slots(all.core) {
            let priority = all.policy.priority.unwrap_or_default();
            Box::pin(acquire_slots(all.core, B::info().limits, all.options, priority)).await?;
        }
        if may_not_begin(all.core) {
            Box::pin(stay(all.core)).await?;
        }
        let begun = all.core.begin(number, B::info().at_most_once || all.core.awaits_beginnings());
        if let Some(receipt) = begun {
            Box::pin(committed(all.core, receipt, Ok(()))).await?;
        }
        if let Some(hooks) = Hooks::of(all.core, B::info(), all.options, Occasion::Running) {
            Box::pin(called(hooks)).await;
        }
        failpoint::reach("before-run");
        #[cfg(feature = "testing")]
        if let Some(copy) = rehearsal(all.core, body) {
            // As if the process had died before the result was persisted.
            drop(Box::pin(once(all, &mut Some(copy))).await);
            all.core.forget_marks();
        }
        let counted = number - uncounted;
        let next = repeat(all.policy, counted, body);
        let ended = match attempt_span(number) {
            Some(span) => Box::pin(once(all, body).instrument(span)).await,
            None => once(all, body).await,
        };
        all.runner.settle(matches!(ended, Err(Stop::TimedOut | Stop::Cancelled))).await;
        let stop = match all.runner.verify(ended) {
            // A cancelled flow ends as cancelled, whatever its body made of the end of its tasks.
            _ if all.core.declaration.kind == Kind::Flow && all.core.is_cancelled() => Stop::Cancelled,
            Ok(value) => {
                let is_flow = all.core.declaration.kind == Kind::Flow;
                failpoint::reach(if is_flow { "before-run-complete" } else { "after-body" });
                if number > 1 {
                    report_success(all.core, number);
                }
                return Ok(value);
            }
            // A cancelled body mostly returns the cancellation of what it awaited, which is no failure.
            Err(Stop::Errored(_)) if all.core.is_cancelled() => Stop::Cancelled,
            Err(stop) => stop,
        };
        let delay = judge::<B, H>(all, stop, Number { number, counted }, next.is_some())?;
        // Only now, so that the record never shows more running task runs than there are slots.
        drop(all.core.take_permit());
        if let Some(hooks) = Hooks::of(all.core, B::info(), all.options, Occasion::Retry) {
            Box::pin(called(hooks)).await;
        }
        Box::pin(wait_for_retry(all.core, delay)).await?;
        *body = next.map(|next| *next);
        number += 1;
    }
}

/// Returns the span of an attempt, if a subscriber records it.
fn attempt_span(number: u32) -> Option<tracing::Span> {
    tracing::enabled!(tracing::Level::INFO).then(|| tracing::info_span!("attempt", number))
}

fn report_success(core: &Core, number: u32) {
    tracing::info!(task = %core.label(), retries = number - 1, "succeeded after retries");
}

/// Returns a body to run before the real one, in a test that checks whether tasks tolerate that. See
/// [`repeat_bodies`](crate::engine::runtime::RuntimeBuilder::repeat_bodies).
fn rehearsal<B: Body>(core: &Core, body: &Option<B>) -> Option<B> {
    let is_wanted = core.runtime().repeats_bodies();
    let may_run_twice = core.declaration.kind == Kind::Task && !B::info().at_most_once;
    body.as_ref().filter(|_| is_wanted && may_run_twice).and_then(B::again)
}

/// Whether nothing may begin: in a run that its store persists no further, and while the program is being stopped.
pub(crate) fn may_not_begin(core: &Core) -> bool {
    core.run().is_some_and(|run| run.lost().is_some() || run.runtime.active_runs().is_stopping())
}

/// Waits where nothing [may begin](may_not_begin): while the program is being stopped, until its run is suspended.
pub(crate) async fn stay<E>(core: &Core) -> Result<(), Error<E>> {
    if core.run().is_none_or(|run| run.lost().is_none()) {
        core.cancelled().await;
    }
    Err(core.stopped(false))
}

/// The number of an attempt.
#[derive(Clone, Copy)]
struct Number {
    /// In the task run, from 1.
    number: u32,
    /// For the retry budget: without the attempts that died with their process.
    counted: u32,
}

/// Copies the arguments if another attempt may follow: never for a task that may run at most once, whatever the call or the
/// defaults of its flow set.
fn repeat<B: Body>(policy: &TaskPolicy, number: u32, body: &Option<B>) -> Option<Box<B>> {
    if number > policy.retries.unwrap_or(0) || B::info().at_most_once {
        return None;
    }
    body.as_ref().and_then(B::again).map(Box::new)
}

/// Returns the wait before another attempt, and records it; or the error, if there is to be none.
fn judge<B: Body, H>(
    all: &Attempts<'_, H, B::Error>,
    stop: Stop<B::Error>,
    Number { number, counted }: Number,
    repeatable: bool,
) -> Result<Duration, Error<B::Error>> {
    if let Some(skipped) = skipped::<B>(all.core, &stop) {
        return Err(skipped);
    }
    let (outcome, doubt) = outcome::<B>(all.core, &stop, all.options);
    let error = error_of::<B>(all.core, stop, number, all.policy, doubt);
    let retry = all.policy.retry_policy();
    match retry.verdict(counted, outcome, all.core.runtime().draw()) {
        // While the program is being stopped nothing is retried here: see `is_held_back` in `task_run/finish`.
        Verdict::Retry { delay } if repeatable && !all.core.is_stopping() => {
            let attempts_max = retry.retries.saturating_add(1).saturating_add(number - counted);
            report_retry(all.core, &error, number, attempts_max, delay);
            Ok(delay)
        }
        _ => Err(error),
    }
}

/// Skips a task whose child process had nothing to do. A task that may run at most once has run, and is not skipped.
fn skipped<B: Body>(core: &Core, stop: &Stop<B::Error>) -> Option<Error<B::Error>> {
    if let Stop::Errored(error) = stop
        && core.declaration.kind == Kind::Task
        && !B::info().at_most_once
    {
        let reason = guarded("way to show an error", || skip_reason(B::as_error(error)?)).flatten()?;
        return Some(Error::Skipped { run: core.label(), reason: Arc::new(reason) });
    }
    None
}

/// The outcome of an attempt for the retry policy, and the panic message of `retry_if` if that panicked.
fn outcome<B: Body>(
    core: &Core,
    stop: &Stop<B::Error>,
    options: Option<&CallOptions<B::Error>>,
) -> (Outcome, Option<Arc<str>>) {
    let outcome = match stop {
        Stop::Errored(error) => {
            let verdict =
                guarded_or_why("retry_if", || match options.and_then(|options| options.retry_if.as_ref()) {
                    Some(ask) => ask(error),
                    None => B::retry_if(error),
                });
            let retryable = verdict.as_ref().is_ok_and(|yes| *yes);
            return (Outcome::Errored { fatal: core.is_fatal(), retryable }, verdict.err());
        }
        Stop::Panicked(_) => Outcome::Panicked,
        Stop::TimedOut => Outcome::TimedOut,
        Stop::TasksFailed(tally) if tally.cancelled == 0 => {
            Outcome::Errored { fatal: false, retryable: true }
        }
        Stop::CriticalFailed(_) => Outcome::Errored { fatal: false, retryable: true },
        Stop::Refused(_) => Outcome::Errored { fatal: true, retryable: false },
        Stop::Cancelled | Stop::TasksFailed(_) => Outcome::Cancelled,
    };
    (outcome, None)
}

fn error_of<B: Body>(
    core: &Core,
    stop: Stop<B::Error>,
    attempts: u32,
    policy: &TaskPolicy,
    doubt: Option<Arc<str>>,
) -> Error<B::Error> {
    let run = core.label();
    match stop {
        Stop::Errored(error) => Error::Task(Failure::new(run, attempts, error, B::as_error, doubt)),
        Stop::Panicked(message) => Error::Panicked { run, message },
        Stop::Refused(refusal) => Error::Refused { run, refusal },
        Stop::TimedOut => Error::TimedOut {
            run,
            limit: policy.timeout.unwrap_or_default(),
            attempts,
            orphaned: core.is_orphaned(),
        },
        Stop::TasksFailed(Tally { failed, total, cause, cancelled: 0 }) => {
            Error::TasksFailed { run, failed, total, cause }
        }
        Stop::CriticalFailed(CriticalFailure { task, cause }) => Error::CriticalFailed { run, task, cause },
        Stop::Cancelled | Stop::TasksFailed(_) => core.stopped(core.is_orphaned()),
    }
}

fn report_retry<E: TaskError>(
    core: &Core,
    error: &Error<E>,
    attempt: u32,
    attempts_max: u32,
    delay: Duration,
) {
    let failure = AttemptFailure::new(report(core, error), delay).of(attempts_max);
    emit_retry(core, failure, error.logged_kind(), attempt, attempts_max);
}

fn emit_retry(
    core: &Core,
    failure: AttemptFailure,
    error_type: Option<&str>,
    attempt: u32,
    attempts_max: u32,
) {
    tracing::warn!(
        task = %core.label(),
        attempt,
        max = attempts_max,
        delay_ms = u64::try_from(failure.retry_in.as_millis()).unwrap_or(u64::MAX),
        error = %failure.error,
        error_type,
        "attempt failed, another one follows"
    );
    core.emit(EventKind::AttemptFailed { attempt, failure: Arc::new(failure) });
}

async fn wait_for_retry<E>(core: &Core, delay: Duration) -> Result<(), Error<E>> {
    if !delay.is_zero() {
        let sleep = pin!(clock::sleep(delay));
        let cancelled = pin!(core.cancelled());
        futures_util::future::select(sleep, cancelled).await;
    }
    if core.is_cancelled() { Err(core.stopped(false)) } else { Ok(()) }
}

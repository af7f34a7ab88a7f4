//! The attempt loop: the only one. Tasks and flows, awaited or submitted, blocking or not, all run through it.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures::FutureExt;
use tracing::Instrument;

use super::clock;
use super::core::Core;
use super::limits::{LimitError, Want};
use super::options::{CallOptions, Hook};
use crate::flow::Tally;
use crate::model::{Error, EventKind, Failure, Kind, Refusal};
use crate::policy::TaskPolicy;
use crate::policy::retry::{Outcome as Attempted, Verdict};
use crate::task::Body;

/// Where attempts run: in place, on their own, or as a flow with children.
pub(crate) trait Host<B: Body>: Sync {
    /// Runs one attempt.
    fn start(&self, body: B) -> impl Future<Output = Result<B::Output, B::Error>> + Send;

    /// Runs one attempt so that it can be left behind if it does not yield; `None` if this host cannot.
    fn start_apart(&self, body: B) -> Result<tokio::task::JoinHandle<Result<B::Output, B::Error>>, B> {
        Err(body)
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

/// How an attempt ended without a value.
enum Stop<E> {
    Errored(E),
    Panicked(Arc<str>),
    TimedOut,
    Cancelled,
    TasksFailed(Tally),
}

/// An aborted attempt ends at its next await; one that has not ended after this time is busy and called an orphan.
const ABORT_PATIENCE: Duration = Duration::from_millis(20);

/// Tries until an attempt succeeds or the policy gives up.
pub(crate) async fn attempts<B: Body, H: Host<B>>(
    core: &Core,
    host: &H,
    body: B,
    policy: &TaskPolicy,
    options: Option<&CallOptions<B::Error>>,
) -> Result<B::Output, Error<B::Error>> {
    let retry = policy.retry_policy();
    let mut body = body;
    let mut number = 1;
    loop {
        take_slots(core, B::info().limits, options).await?;
        core.begin(number);
        hooks(core, B::info(), options, Hook::Running);
        let next = if number <= retry.retries { body.again() } else { None };
        let span = tracing::info_span!("attempt", number);
        let ended = once(core, host, body, policy.timeout).instrument(span).await;
        host.settle(matches!(ended, Err(Stop::TimedOut | Stop::Cancelled))).await;
        let ended = ended.and_then(|value| {
            let tally = host.verify(&value);
            if tally.is_good() { Ok(value) } else { Err(Stop::TasksFailed(tally)) }
        });
        let stop = match ended {
            // A flow that was told to stop is cancelled, whatever its body made of the end of its tasks.
            _ if core.declaration.kind == Kind::Flow && core.is_cancelled() => Stop::Cancelled,
            Ok(value) => {
                if number > 1 {
                    tracing::info!(task = %core.label(), retries = number - 1, "succeeded after retries");
                }
                return Ok(value);
            }
            // Told to stop, a body mostly returns the cancellation of what it awaited, and that is no failure.
            Err(Stop::Errored(_)) if core.is_cancelled() => Stop::Cancelled,
            Err(stop) => stop,
        };
        let attempted = judge::<B>(core, &stop, options);
        let error = error_of::<B>(core, stop, number, policy);
        let verdict = retry.verdict(number, attempted, core.runtime().draw());
        let (Verdict::Retry { delay }, Some(again)) = (verdict, next) else {
            return Err(error);
        };
        report_retry(core, &error, number, retry.retries, delay);
        // Only now, so that the record never shows more of them running than there are slots.
        drop(core.let_go());
        hooks(core, B::info(), options, Hook::Retry);
        wait_for_retry(core, delay).await?;
        body = again;
        number += 1;
    }
}

/// Runs one attempt, and ends it when its time is up or when it is told to stop.
async fn once<B: Body, H: Host<B>>(
    core: &Core,
    host: &H,
    body: B,
    timeout: Option<Duration>,
) -> Result<B::Output, Stop<B::Error>> {
    let body = match timeout {
        Some(limit) => match host.start_apart(body) {
            Ok(attempt) => return apart(core, attempt, limit).await,
            Err(body) => body,
        },
        None => body,
    };
    let began = timeout.map(|_| clock::now());
    let attempt = pin!(AssertUnwindSafe(host.start(body)).catch_unwind());
    match watch(core, attempt, timeout).await {
        // A body that never yields cannot be stopped at its limit; that it broke it is known afterwards.
        Ok(Ok(Ok(_))) if began.zip(timeout).is_some_and(|(began, limit)| began.elapsed() > limit) => {
            Err(Stop::TimedOut)
        }
        Ok(Ok(Ok(value))) => Ok(value),
        Ok(Ok(Err(error))) => Err(Stop::Errored(error)),
        Ok(Err(panic)) => Err(Stop::Panicked(panic_message(&*panic))),
        Err(OutOfTime::Limit) => Err(Stop::TimedOut),
        Err(OutOfTime::Cancelled) => Err(Stop::Cancelled),
    }
}

/// Why an attempt was not waited for any longer.
enum OutOfTime {
    Limit,
    Cancelled,
}

/// Waits for an attempt until its time is up, or until it is told to stop; one that listens then gets its grace.
async fn watch<F: Future>(
    core: &Core,
    mut attempt: Pin<&mut F>,
    limit: Option<Duration>,
) -> Result<F::Output, OutOfTime> {
    // Timers are boxed, since they are large and most tasks have none.
    let mut deadline = limit.map(|limit| Box::pin(clock::sleep(limit)));
    let mut grace = None;
    let mut cancelled = pin!(core.cancelled());
    poll_fn(|cx| {
        if let Poll::Ready(ended) = attempt.as_mut().poll(cx) {
            return Poll::Ready(Ok(ended));
        }
        if deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Err(OutOfTime::Limit));
        }
        if grace.is_none() && cancelled.as_mut().poll(cx).is_ready() {
            grace = Some(Box::pin(clock::sleep(core.runtime().grace())));
        }
        match &mut grace {
            Some(_) if !core.is_cooperative() => Poll::Ready(Err(OutOfTime::Cancelled)),
            Some(grace) => grace.as_mut().poll(cx).map(|()| Err(OutOfTime::Cancelled)),
            None => Poll::Pending,
        }
    })
    .await
}

/// Watches over an attempt that runs as a tokio task of its own, so that even one that never yields can be left behind.
async fn apart<T: Send + 'static, E: Send + 'static>(
    core: &Core,
    attempt: tokio::task::JoinHandle<Result<T, E>>,
    limit: Duration,
) -> Result<T, Stop<E>> {
    let mut attempt = AbortOnDrop(attempt);
    let stop = match watch(core, Pin::new(&mut attempt.0), Some(limit)).await {
        Ok(ended) => return joined(ended),
        Err(OutOfTime::Limit) => Stop::TimedOut,
        Err(OutOfTime::Cancelled) => Stop::Cancelled,
    };
    attempt.0.abort();
    if tokio::time::timeout(ABORT_PATIENCE, &mut attempt.0).await.is_err() {
        core.set_orphaned();
        let hold = core.let_go();
        // The slots stay taken until the body truly ends: it still uses what they stand for.
        drop(tokio::spawn(async move {
            let _ = (&mut attempt.0).await;
            drop(hold);
        }));
    }
    Err(stop)
}

fn joined<T, E>(ended: Result<Result<T, E>, tokio::task::JoinError>) -> Result<T, Stop<E>> {
    match ended {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(Stop::Errored(error)),
        Err(join) => match join.try_into_panic() {
            Ok(panic) => Err(Stop::Panicked(panic_message(&*panic))),
            // Only the end of the tokio runtime aborts an attempt that we did not abort.
            Err(_) => Err(Stop::Cancelled),
        },
    }
}

struct AbortOnDrop<R>(tokio::task::JoinHandle<R>);

impl<R> Drop for AbortOnDrop<R> {
    fn drop(&mut self) {
        self.0.abort();
    }
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

fn report_retry<E: crate::model::TaskError>(
    core: &Core,
    error: &Error<E>,
    attempt: u32,
    retries: u32,
    delay: Duration,
) {
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
    core.emit(EventKind::AttemptFailed { attempt, error: report, retry_in: delay });
}

async fn wait_for_retry<E>(core: &Core, delay: Duration) -> Result<(), Error<E>> {
    if !delay.is_zero() {
        let sleep = pin!(clock::sleep(delay));
        let cancelled = pin!(core.cancelled());
        futures::future::select(sleep, cancelled).await;
    }
    if core.is_cancelled() { Err(Error::Cancelled { run: core.label(), orphaned: false }) } else { Ok(()) }
}

/// Takes the slots that an attempt needs; waits for them if it must.
async fn take_slots<E>(
    core: &Core,
    declared: &'static [Want],
    options: Option<&CallOptions<E>>,
) -> Result<(), Error<E>> {
    let limits = core.runtime().limits();
    if limits.is_empty() || core.declaration.kind == Kind::Flow {
        return Ok(());
    }
    let wants = wants(core, declared, options);
    if wants.is_empty() {
        return Ok(());
    }
    let mut acquire = pin!(limits.acquire(&wants));
    let mut cancelled = pin!(core.cancelled());
    let mut queued = false;
    let permit = poll_fn(|cx| {
        if let Poll::Ready(permit) = acquire.as_mut().poll(cx) {
            return Poll::Ready(Some(permit));
        }
        if !queued {
            queued = true;
            core.emit(EventKind::Queued);
        }
        cancelled.as_mut().poll(cx).map(|()| None)
    })
    .await;
    match permit {
        // The slot is often free because the one who held it was cancelled too.
        Some(Ok(_)) if queued && core.is_cancelled() => {
            Err(Error::Cancelled { run: core.label(), orphaned: false })
        }
        Some(Ok(permit)) => {
            core.hold(wants.into(), permit);
            Ok(())
        }
        Some(Err(error)) => Err(Error::Refused { run: core.label(), refusal: error.into() }),
        None => Err(Error::Cancelled { run: core.label(), orphaned: false }),
    }
}

/// Lists what an attempt needs. A tag that is also the name of a limit counts as one slot of it.
fn wants<E>(core: &Core, declared: &'static [Want], options: Option<&CallOptions<E>>) -> Vec<Want> {
    let said = options.and_then(|options| options.limits.as_deref()).unwrap_or(declared);
    let mut wants = said.to_vec();
    let mut want = |name: std::borrow::Cow<'static, str>| {
        if !wants.iter().any(|want| want.name == name) {
            wants.push(Want { name, weight: 1 });
        }
    };
    for tag in core.declaration.tags {
        want((*tag).into());
    }
    for tag in options.iter().flat_map(|options| &options.tags) {
        want(tag.clone().into());
    }
    if let Some(limit) = core.run().and_then(|run| run.max_concurrency.as_ref()) {
        want(limit.name.clone());
    }
    wants
}

impl From<LimitError> for Refusal {
    fn from(error: LimitError) -> Self {
        match error {
            LimitError::WeightExceedsLimit { name, weight, slots } => {
                Self::WeightExceedsLimit { limit: name, weight, slots }
            }
        }
    }
}

/// Calls the hooks of an occasion: the attribute's, then the call's. One that panics is logged, and the next is called.
pub(crate) fn hooks<E>(
    core: &Core,
    info: &'static crate::task::TaskInfo,
    options: Option<&CallOptions<E>>,
    hook: Hook,
) {
    let declared = info.hooks.of(hook);
    let said = options.map_or(&[][..], |options| &options.hooks);
    if declared.is_empty() && said.is_empty() {
        return;
    }
    let Some(task_run) = core.run().and_then(|run| run.task_run(core.id)) else {
        return;
    };
    for call in declared {
        guarded("hook", || call(&task_run));
    }
    for (_, call) in said.iter().filter(|(occasion, _)| *occasion == hook) {
        guarded("hook", || call(&task_run));
    }
}

/// Calls a user's closure that must not take the engine down; a panic is logged and gives `None`.
pub(crate) fn guarded<R>(what: &str, f: impl FnOnce() -> R) -> Option<R> {
    match std::panic::catch_unwind(AssertUnwindSafe(f)) {
        Ok(result) => Some(result),
        Err(panic) => {
            tracing::error!(panic = %panic_message(&*panic), "a {what} panicked");
            None
        }
    }
}

/// Reads what a panic said. The payload may be anything.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> Arc<str> {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        (*text).into()
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text.as_str().into()
    } else {
        "a payload that is not text".into()
    }
}

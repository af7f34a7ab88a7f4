//! One attempt: runs it until it returns, panics, times out, or is cancelled.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::Either;
use futures_util::{FutureExt, TryFutureExt};
use tokio::task::{JoinError, JoinHandle};

use super::panics::panic_message;
use super::{AttemptRunner, Attempts};
use crate::clock;
use crate::engine::body::Body;
use crate::engine::flow_run::CriticalFailure;
use crate::engine::flow_run::tally::Tally;
use crate::engine::task_run::core::Core;
use crate::model::Refusal;

/// An attempt that runs as a tokio task of its own.
pub(crate) type Apart<T, E> = JoinHandle<Result<T, Stop<E>>>;

/// How an attempt ended without a value.
pub(crate) enum Stop<E> {
    Errored(E),
    Panicked(Arc<str>),
    TimedOut,
    Cancelled,
    TasksFailed(Tally),
    CriticalFailed(CriticalFailure),
    /// It is refused, although the body returned a value.
    Refused(Refusal),
}

/// An aborted attempt ends at its next await; one that has not ended after this time is busy and becomes an orphan.
const ABORT_TIMEOUT: Duration = Duration::from_millis(20);

/// Runs one attempt, and ends it at its timeout or when it is cancelled.
pub(crate) async fn once<B: Body, H: AttemptRunner<B>>(
    all: &Attempts<'_, H, B::Error>,
    body: &mut Option<B>,
) -> Result<B::Output, Stop<B::Error>> {
    let limit = all.policy.timeout;
    if let Some(attempt) = limit.and_then(|limit| all.runner.start_apart(body, limit)) {
        return Box::pin(apart(all.core, attempt, limit)).await;
    }
    let body = body.take().expect("bug in flowkit: an attempt was started without a body");
    let attempt = pin!(AssertUnwindSafe(within(limit, all.runner.start(body))).catch_unwind());
    let watched = all.runner.watched();
    match watch(watched.as_deref().unwrap_or(all.core), attempt, limit).await {
        Ok(Ok(ended)) => ended,
        Ok(Err(panic)) => Err(Stop::Panicked(panic_message(panic))),
        Err(OutOfTime::Limit) => Err(Stop::TimedOut),
        Err(OutOfTime::Cancelled) => Err(Stop::Cancelled),
    }
}

/// Runs an attempt and checks its duration afterwards.
///
/// A body that never yields cannot be stopped at its limit; that it exceeded the limit is known when it returns.
pub(crate) fn within<T, E>(
    limit: Option<Duration>,
    attempt: impl Future<Output = Result<T, E>> + Send,
) -> impl Future<Output = Result<T, Stop<E>>> + Send {
    let attempt = attempt.map_err(Stop::Errored);
    match limit {
        None => Either::Left(attempt),
        // Boxed, since it stores the attempt twice, and most attempts have no limit.
        Some(limit) => Either::Right(Box::pin(async move {
            let began = clock::now();
            let value = attempt.await?;
            if began.elapsed() > limit { Err(Stop::TimedOut) } else { Ok(value) }
        })),
    }
}

/// Why the wait for an attempt ended.
enum OutOfTime {
    Limit,
    Cancelled,
}

/// Waits for an attempt until its timeout, or until it is cancelled; a cooperative attempt then gets its grace period.
async fn watch<F: Future>(
    core: &Core,
    mut attempt: Pin<&mut F>,
    limit: Option<Duration>,
) -> Result<F::Output, OutOfTime> {
    // Boxed, and created only when the attempt waits: timers are large, and most attempts of small tasks never wait.
    let mut deadline = limit.map(|limit| Box::pin(clock::sleep(limit)));
    let mut cancelled = None;
    let mut grace = None;
    poll_fn(|cx| {
        if let Poll::Ready(ended) = attempt.as_mut().poll(cx) {
            return Poll::Ready(Ok(ended));
        }
        if deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Err(OutOfTime::Limit));
        }
        let cancelled = cancelled.get_or_insert_with(|| Box::pin(core.cancelled()));
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

/// Watches an attempt that runs as a tokio task of its own, so that even one that never yields can be left behind.
async fn apart<T: Send + 'static, E: Send + 'static>(
    core: &Core,
    attempt: Apart<T, E>,
    limit: Option<Duration>,
) -> Result<T, Stop<E>> {
    let mut attempt = AbortOnDrop(attempt);
    let stop = match watch(core, Pin::new(&mut attempt.0), limit).await {
        Ok(ended) => return joined(ended),
        Err(OutOfTime::Limit) => Stop::TimedOut,
        Err(OutOfTime::Cancelled) => Stop::Cancelled,
    };
    attempt.0.abort();
    if tokio::time::timeout(ABORT_TIMEOUT, &mut attempt.0).await.is_err() {
        core.set_orphaned();
        let permit = core.take_permit();
        // The slots stay taken until the body really ends: it still uses what they stand for.
        drop(tokio::spawn(async move {
            let _ = (&mut attempt.0).await;
            drop(permit);
        }));
    }
    Err(stop)
}

fn joined<T, E>(ended: Result<Result<T, Stop<E>>, JoinError>) -> Result<T, Stop<E>> {
    match ended {
        Ok(ended) => ended,
        Err(join) => match join.try_into_panic() {
            Ok(panic) => Err(Stop::Panicked(panic_message(panic))),
            // Only the end of the tokio runtime aborts an attempt that was not aborted here.
            Err(_) => Err(Stop::Cancelled),
        },
    }
}

struct AbortOnDrop<R>(JoinHandle<R>);

impl<R> Drop for AbortOnDrop<R> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

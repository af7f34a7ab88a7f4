//! One attempt: runs it until it returns, panics, times out, or is cancelled.

use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{BoxFuture, Either};
use futures_util::{FutureExt, TryFutureExt};
use tokio::task::{JoinError, JoinHandle};
use tracing::Instrument;

use super::panics::panic_message;
use super::{AttemptRunner, Attempts};
use crate::clock;
use crate::engine::body::Body;
use crate::engine::context::Current;
use crate::engine::flow_run::CriticalFailure;
use crate::engine::flow_run::tally::Tally;
use crate::engine::task_run::core::Core;
use crate::model::Refusal;

/// An attempt that runs as a tokio task of its own. It returns the `Result` of an [`AttemptRunner`] in a box, so that the task is
/// compiled once, not for every body.
pub(crate) type Apart = JoinHandle<Box<dyn Any + Send>>;

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
        return ended_apart(Box::pin(apart(all.core, attempt, limit)).await);
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

/// Starts an attempt as a tokio task of its own.
pub(crate) fn spawn_apart(current: Current, attempt: BoxFuture<'static, Box<dyn Any + Send>>) -> Apart {
    tokio::spawn(current.scope(attempt).in_current_span())
}

fn ended_apart<T: 'static, E: 'static>(ended: Result<Box<dyn Any + Send>, Ending>) -> Result<T, Stop<E>> {
    match ended {
        Ok(ended) => *ended.downcast().expect("bug in flowkit: an attempt returned another type"),
        Err(Ending::Panicked(message)) => Err(Stop::Panicked(message)),
        Err(Ending::OutOfTime(OutOfTime::Limit)) => Err(Stop::TimedOut),
        Err(Ending::OutOfTime(OutOfTime::Cancelled)) => Err(Stop::Cancelled),
    }
}

/// How an attempt that ran as a tokio task of its own ended, if it did not return.
enum Ending {
    Panicked(Arc<str>),
    OutOfTime(OutOfTime),
}

/// Watches an attempt that runs as a tokio task of its own, so that even one that never yields can be left behind.
async fn apart(core: &Core, attempt: Apart, limit: Option<Duration>) -> Result<Box<dyn Any + Send>, Ending> {
    let mut attempt = AbortOnDrop(attempt);
    let out_of_time = match watch(core, Pin::new(&mut attempt.0), limit).await {
        Ok(ended) => return joined(ended),
        Err(out_of_time) => out_of_time,
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
    Err(Ending::OutOfTime(out_of_time))
}

fn joined(ended: Result<Box<dyn Any + Send>, JoinError>) -> Result<Box<dyn Any + Send>, Ending> {
    ended.map_err(|join| match join.try_into_panic() {
        Ok(panic) => Ending::Panicked(panic_message(panic)),
        // Only the end of the tokio runtime aborts an attempt that was not aborted here.
        Err(_) => Ending::OutOfTime(OutOfTime::Cancelled),
    })
}

struct AbortOnDrop(Apart);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

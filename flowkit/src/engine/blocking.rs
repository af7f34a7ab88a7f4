//! Threads for blocking user functions: flowkit's own pool, never tokio's (`spawn_blocking`).
//!
//! A thread cannot be stopped from outside. If stuck user functions sat in tokio's pool, they would
//! hold up `tokio::fs` and DNS look-ups; here they can hold up only each other. This module runs
//! functions and counts threads. Deadlines, retries and the tokio context inside the function
//! (`Handle::enter`) are the caller's business.
//!
//! A function that is no longer wanted is *abandoned*. If it has not started, it never runs. If it has, its thread
//! continues as an *orphan*: the result is dropped on that thread at the end, after the captured values. So a concurrency
//! permit moved into the function is held until the thread is really free, and counted orphans are threads that still count
//! towards the maximum.
//!
//! flowkit's own queries of a store have separate threads ([`ask`]): a store must answer, however many user functions are
//! stuck.
//!
//! Threads start on demand, end after ten idle seconds, and never keep the process or a tokio
//! runtime from ending.

mod call;
mod clock_hold;
mod pool;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod thread_tests;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

pub(crate) use call::BlockingCall;
pub(crate) use clock_hold::{ClockHold, hold_clock};
pub(crate) use pool::Pool;

/// The most threads of the process-wide pool, orphans included.
///
/// The same as tokio's default (`max_blocking_threads`), so that code moved from
/// `spawn_blocking` finds as many threads as before. Blocking functions mostly wait for I/O, so it
/// is far above the number of cores, and it stays below what operating systems refuse.
const THREADS_MAX: usize = 512;

/// The most threads for flowkit's own queries of stores. Each takes as long as a disk does, so a few are enough.
const ASKING_MAX: usize = 32;

/// How long an idle thread waits for more; the same as tokio's default (`thread_keep_alive`).
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// The payload of a [`BlockingCall`] whose function never ran, because the system gives us no thread.
#[derive(Clone, Debug, thiserror::Error)]
#[error("no thread could be started for a blocking function")]
pub(crate) struct NoThread {
    #[source]
    source: Arc<io::Error>,
}

/// Runs `function` on a thread of the process-wide pool; first come, first served.
///
/// The call answers like [`std::thread::JoinHandle::join`]: with what the function returned, or with
/// the payload of its panic. If the system refuses a thread, the function waits for one that
/// exists. If none exists, the answer is an error whose payload is [`NoThread`].
pub(crate) fn spawn<R: Send + 'static>(function: impl FnOnce() -> R + Send + 'static) -> BlockingCall<R> {
    pool().spawn(function)
}

/// Sends a query that may wait for a disk to a store, on a thread that no user function can hold up.
pub(crate) fn ask<R: Send + 'static>(question: impl FnOnce() -> R + Send + 'static) -> BlockingCall<R> {
    static ASKING: OnceLock<Pool> = OnceLock::new();
    ASKING.get_or_init(|| Pool::new(ASKING_MAX, KEEP_ALIVE)).spawn(question)
}

/// Returns how many abandoned functions still run, in the process-wide pool.
///
/// One is counted from [`BlockingCall::abandon`] until its captured values and its result are dropped.
#[must_use]
pub(crate) fn orphans() -> usize {
    pool().orphans()
}

fn pool() -> &'static Pool {
    static POOL: OnceLock<Pool> = OnceLock::new();
    POOL.get_or_init(|| Pool::new(THREADS_MAX, KEEP_ALIVE))
}

//! One blocking function: the future that waits for it, and what the pool thread runs.

use parking_lot::Mutex;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::thread;

use super::pool::{PoolShared, Work, forget_panic};
use super::{ClockHold, NoThread, hold_clock};

/// The outcome of a function given to [`spawn`](super::spawn). Dropping it abandons the function.
///
/// With the feature `testing`, a paused clock does not jump while the function is queued or runs: it
/// takes real time and no virtual time. So a timeout over a function that is stuck for ever does
/// not fire under a paused clock; test that one in real time.
///
/// # Panics
///
/// When it is polled again after it was ready.
#[must_use = "dropping a call abandons its function"]
pub(crate) struct BlockingCall<R> {
    call: Arc<dyn CallOutcome<R>>,
}

impl<R> BlockingCall<R> {
    pub(super) fn new(call: Arc<dyn CallOutcome<R>>) -> Self {
        Self { call }
    }

    /// Gives the function up, and returns true if it runs on as an orphan.
    ///
    /// False means that nothing runs: it had not started and never will, or it has already ended.
    /// A function that has not started is dropped here, with all it captured.
    #[must_use = "drop the call if it does not matter whether it runs on"]
    pub(crate) fn abandon(self) -> bool {
        // The drop that follows finds nothing left to do.
        self.call.abandon()
    }
}

impl<R> Future for BlockingCall<R> {
    type Output = thread::Result<R>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.poll(cx)
    }
}

impl<R> Drop for BlockingCall<R> {
    fn drop(&mut self) {
        self.call.abandon();
    }
}

/// A call as its [`BlockingCall`] sees it, without the type of the function.
pub(super) trait CallOutcome<R>: Send + Sync {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<thread::Result<R>>;
    fn abandon(&self) -> bool;
}

/// The one allocation of a call, shared by the [`BlockingCall`] and the pool.
pub(super) struct SharedCall<F, R> {
    pool: Arc<PoolShared>,
    /// Its position in the queue of the pool.
    position: u64,
    state: Mutex<CallState<F, R>>,
}

struct CallState<F, R> {
    phase: Phase<F, R>,
    waker: Option<Waker>,
    hold: ClockHold,
}

enum Phase<F, R> {
    Queued(F),
    Running,
    Finished(thread::Result<R>),
    /// Abandoned while it ran.
    Orphaned,
    /// Abandoned before it ran, or its result has been taken.
    Over,
}

impl<F, R> SharedCall<F, R> {
    pub(super) fn new(pool: Arc<PoolShared>, position: u64, function: F) -> Self {
        let state = CallState { phase: Phase::Queued(function), waker: None, hold: hold_clock() };
        Self { pool, position, state: Mutex::new(state) }
    }

    /// Takes the function out to run it; `None` if it was abandoned.
    fn begin(&self) -> Option<F> {
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.phase, Phase::Running) {
            Phase::Queued(function) => Some(function),
            other => {
                state.phase = other;
                None
            }
        }
    }

    /// Hands the result to the call, or returns it if the call was abandoned.
    fn finish(&self, result: thread::Result<R>) -> Result<(), thread::Result<R>> {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Orphaned) {
            return Err(result);
        }
        state.phase = Phase::Finished(result);
        let (waker, hold) = state.let_go();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        // After the wake: now the runtime has something to do, and its clock does not jump.
        hold.release();
        Ok(())
    }
}

impl<F, R> CallState<F, R> {
    fn let_go(&mut self) -> (Option<Waker>, ClockHold) {
        (self.waker.take(), std::mem::take(&mut self.hold))
    }
}

impl<F: FnOnce() -> R + Send, R: Send> Work for SharedCall<F, R> {
    fn run(&self) {
        let Some(function) = self.begin() else { return };
        // What the function captured is dropped in here as well.
        let result = catch_unwind(AssertUnwindSafe(function));
        if let Err(unwanted) = self.finish(result) {
            let _ends = OrphanEnds(&self.pool);
            bury(unwanted);
        }
    }

    fn refuse(&self, error: NoThread) {
        let Some(function) = self.begin() else { return };
        forget_panic(catch_unwind(AssertUnwindSafe(|| drop(function))));
        if self.finish(Err(Box::new(error))).is_err() {
            // Abandoned just now, so it counts as an orphan until here.
            self.pool.orphan_ends();
        }
    }
}

impl<F: FnOnce() -> R + Send, R: Send> CallOutcome<R> for SharedCall<F, R> {
    fn poll(&self, cx: &mut Context<'_>) -> Poll<thread::Result<R>> {
        let waker = cx.waker().clone();
        let mut state = self.state.lock();
        match std::mem::replace(&mut state.phase, Phase::Over) {
            Phase::Finished(result) => return Poll::Ready(result),
            Phase::Over => panic!("`BlockingCall` polled after it was ready"),
            other => state.phase = other,
        }
        // A call made outside the runtime holds no clock yet.
        state.hold.renew();
        let old = state.waker.replace(waker);
        drop(state);
        // Outside the lock: dropping a waker can drop a task, and with it this call itself.
        drop(old);
        Poll::Pending
    }

    fn abandon(&self) -> bool {
        let mut state = self.state.lock();
        let phase = std::mem::replace(&mut state.phase, Phase::Over);
        let is_queued = matches!(phase, Phase::Queued(_));
        let runs_on = matches!(phase, Phase::Running | Phase::Orphaned);
        if matches!(phase, Phase::Running) {
            self.pool.orphan_begins();
        }
        if runs_on {
            state.phase = Phase::Orphaned;
        }
        let (waker, hold) = state.let_go();
        drop(state);
        if is_queued {
            self.pool.withdraw(self.position);
        }
        hold.release();
        // Outside the lock: these are user values, and may do anything in their drop.
        drop((phase, waker));
        runs_on
    }
}

/// Counts an orphan down at the end, whatever panics until then.
struct OrphanEnds<'a>(&'a PoolShared);

impl Drop for OrphanEnds<'_> {
    fn drop(&mut self) {
        self.0.orphan_ends();
    }
}

/// Drops an unwanted result, and warns if it is a panic that would go unnoticed.
fn bury<R>(result: thread::Result<R>) {
    match result {
        Ok(value) => forget_panic(catch_unwind(AssertUnwindSafe(|| drop(value)))),
        Err(payload) => {
            let panic = panic_text(&*payload);
            tracing::warn!(panic, "a blocking function panicked after it was abandoned");
            forget_panic(Err(payload));
        }
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> &str {
    if let Some(text) = payload.downcast_ref::<&'static str>() {
        text
    } else if let Some(text) = payload.downcast_ref::<String>() {
        text
    } else {
        "opaque payload: type unknown"
    }
}

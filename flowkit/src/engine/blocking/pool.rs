//! The threads and the queue before them. What they run is unknown here.

use parking_lot::{Condvar, Mutex, MutexGuard};
use std::collections::BTreeMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use super::NoThread;
use super::call::{BlockingCall, SharedCall};

/// Something a thread of the pool can run, once.
pub(super) trait Work: Send + Sync {
    fn run(&self);
    /// Ends it without a run.
    fn refuse(&self, error: NoThread);
}

/// Starts a thread with this name. A parameter, so that tests can be the system that refuses.
pub(super) type Start = fn(String, Box<dyn FnOnce() + Send>) -> io::Result<()>;

/// A pool of threads for blocking functions; see [`spawn`](super::spawn) for the process-wide one.
///
/// Dropping it ends its threads when the queue is empty; calls continue.
pub(crate) struct Pool {
    shared: Arc<PoolShared>,
}

pub(super) struct PoolShared {
    threads_max: usize,
    keep_alive: Duration,
    start: Start,
    /// The next position in the queue.
    next: AtomicU64,
    orphans: AtomicUsize,
    state: Mutex<PoolState>,
    /// Notified when the queue gets longer or the pool is closed.
    changed: Condvar,
}

#[derive(Default)]
struct PoolState {
    /// By position, so that abandoned work leaves immediately and does not wait behind stuck threads.
    queue: BTreeMap<u64, Arc<dyn Work>>,
    threads: usize,
    /// Threads that run nothing, including those being started: each will look at the queue.
    idle: usize,
    /// How many threads were ever started, for their names.
    started: u64,
    closed: bool,
}

impl Pool {
    /// Returns a pool without threads that starts up to `threads_max` of them, at least one.
    ///
    /// A thread ends when it had nothing to do for `keep_alive`.
    #[must_use]
    pub(crate) fn new(threads_max: usize, keep_alive: Duration) -> Self {
        Self::with_start(threads_max, keep_alive, start_thread)
    }

    pub(super) fn with_start(threads_max: usize, keep_alive: Duration, start: Start) -> Self {
        let shared = PoolShared {
            threads_max: threads_max.max(1),
            keep_alive,
            start,
            next: AtomicU64::new(0),
            orphans: AtomicUsize::new(0),
            state: Mutex::default(),
            changed: Condvar::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Runs `function` on a thread of this pool, as [`spawn`](super::spawn) does.
    pub(crate) fn spawn<R: Send + 'static>(
        &self,
        function: impl FnOnce() -> R + Send + 'static,
    ) -> BlockingCall<R> {
        let position = self.shared.next.fetch_add(1, Ordering::Relaxed);
        let call = Arc::new(SharedCall::new(Arc::clone(&self.shared), position, function));
        self.shared.push(position, Arc::clone(&call) as Arc<dyn Work>);
        BlockingCall::new(call)
    }

    /// Returns how many abandoned functions still run.
    #[must_use]
    pub(crate) fn orphans(&self) -> usize {
        self.shared.orphans.load(Ordering::Acquire)
    }

    /// Returns how many threads there are: running, orphaned and idle.
    #[cfg(test)]
    pub(crate) fn threads(&self) -> usize {
        self.shared.state.lock().threads
    }

    /// Returns how many functions wait for a thread.
    #[cfg(test)]
    pub(crate) fn queued(&self) -> usize {
        self.shared.state.lock().queue.len()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.changed.notify_all();
    }
}

impl PoolShared {
    fn push(self: &Arc<Self>, position: u64, work: Arc<dyn Work>) {
        let Some(name) = self.enqueue(position, work) else {
            return;
        };
        let shared = Arc::clone(self);
        // Outside of the lock: a start takes as long as hundreds of short functions.
        if let Err(error) = (self.start)(name, Box::new(move || shared.serve())) {
            self.thread_refused(error);
        }
    }

    /// Queues the work, and returns the name of the thread to start if one is needed and allowed.
    fn enqueue(&self, position: u64, work: Arc<dyn Work>) -> Option<String> {
        let mut state = self.state.lock();
        state.queue.insert(position, work);
        if state.queue.len() <= state.idle {
            drop(state);
            self.changed.notify_one();
            return None;
        }
        if state.threads >= self.threads_max {
            return None;
        }
        state.threads += 1;
        state.idle += 1;
        state.started += 1;
        Some(format!("flowkit-blocking-{}", state.started))
    }

    /// Undoes the start of a thread. If there is no other, the queue would never be served.
    fn thread_refused(&self, error: io::Error) {
        let mut state = self.state.lock();
        state.threads -= 1;
        state.idle -= 1;
        if state.threads > 0 {
            return;
        }
        let refused = std::mem::take(&mut state.queue);
        drop(state);
        let error = NoThread { source: Arc::new(error) };
        for work in refused.into_values() {
            work.refuse(error.clone());
        }
    }

    /// The life of a thread.
    fn serve(&self) {
        while let Some(work) = self.next_work() {
            // `run` catches the panics of the function. This is for those of drops and wakers:
            // a thread that died here would be counted for ever.
            let outcome = catch_unwind(AssertUnwindSafe(move || work.run()));
            forget_panic(outcome);
            self.state.lock().idle += 1;
        }
    }

    /// Waits for work; `None` ends the thread, which is then no longer counted.
    fn next_work(&self) -> Option<Arc<dyn Work>> {
        let mut state = self.state.lock();
        loop {
            if let Some((_, work)) = state.queue.pop_first() {
                state.idle -= 1;
                return Some(work);
            }
            if state.closed {
                return leave(state);
            }
            let waited = self.changed.wait_for(&mut state, self.keep_alive);
            if waited.timed_out() && state.queue.is_empty() {
                return leave(state);
            }
        }
    }

    /// Takes abandoned work out of the queue.
    pub(super) fn withdraw(&self, position: u64) {
        let withdrawn = self.state.lock().queue.remove(&position);
        // Dropped after the lock is released: it may own user values.
        drop(withdrawn);
    }

    pub(super) fn orphan_begins(&self) {
        self.orphans.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn orphan_ends(&self) {
        self.orphans.fetch_sub(1, Ordering::Release);
    }
}

fn leave(mut state: MutexGuard<'_, PoolState>) -> Option<Arc<dyn Work>> {
    state.threads -= 1;
    state.idle -= 1;
    None
}

fn start_thread(name: String, life: Box<dyn FnOnce() + Send>) -> io::Result<()> {
    // Detached: a thread that may be stuck is never joined.
    thread::Builder::new().name(name).spawn(life).map(drop)
}

/// Drops the payload of a panic that is of no interest, unless that panics as well: then it is leaked.
pub(super) fn forget_panic(outcome: thread::Result<()>) {
    let Err(payload) = outcome else { return };
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

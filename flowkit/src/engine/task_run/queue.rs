//! The task runs of a flow run that are ready to start, and not yet spawned on tokio.
//!
//! A body that submits a million task runs is faster than the drivers that execute them, so only a few drivers are spawned
//! ahead. The other task runs wait here, where each costs a small node instead of a tokio task, and a driver that has finished
//! its run continues with the next one. A driver whose run waits for something is not counted: however many wait for each
//! other, the next one starts.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;

/// How many drivers may be ahead. Enough for other threads to steal some while this one is busy; few enough that the thread
/// which has their memory in its cache reuses it.
const AHEAD_MAX: usize = 16;

/// With fewer drivers ahead, more are spawned. Half of the maximum, so that it happens only now and then.
const AHEAD_MIN: usize = AHEAD_MAX / 2;

/// A task run that is ready to start.
#[doc(hidden)]
pub trait Ready: Any + Send + Sync {
    /// Puts it in the queue of its flow run, or spawns it if another driver may be ahead.
    fn enqueue(self: Arc<Self>);
    /// Spawns a driver for it, which must be counted as ahead.
    fn spawn(self: Arc<Self>);
    /// Drops it: the tokio runtime has ended.
    fn abandon(self: Arc<Self>);
}

#[derive(Default)]
pub(crate) struct ReadyQueue(Mutex<QueueLine>);

#[derive(Default)]
struct QueueLine {
    ready: VecDeque<Arc<dyn Ready>>,
    /// The drivers that tokio has queued and that look into this queue when they are polled. As long as anything is queued
    /// there is one, so that nothing is left behind.
    ahead: usize,
}

impl ReadyQueue {
    /// Whether one more driver may be spawned, which is then counted as ahead.
    pub(crate) fn admit(&self) -> bool {
        let mut line = self.0.lock();
        let admitted = line.ahead < AHEAD_MAX;
        line.ahead += usize::from(admitted);
        admitted
    }

    /// Queues what was not admitted.
    pub(crate) fn push(&self, ready: Arc<dyn Ready>) {
        let mut line = self.0.lock();
        if line.ahead == 0 {
            // All drivers have been polled since `admit` refused.
            line.ahead = 1;
            drop(line);
            ready.spawn();
        } else {
            line.ready.push_back(ready);
        }
    }

    /// Takes the next one, for a driver that has finished its run.
    pub(crate) fn pop(&self) -> Option<Arc<dyn Ready>> {
        self.0.lock().ready.pop_front()
    }

    /// Spawns a task run that a driver took and cannot execute itself.
    pub(crate) fn spawn(&self, ready: Arc<dyn Ready>) {
        self.0.lock().ahead += 1;
        ready.spawn();
    }

    /// A driver is polled, and is no longer ahead. Returns whether it may execute its run.
    ///
    /// If too few are left it spawns some more, yields to them, and stays ahead: tokio reserves the last task that a thread
    /// spawned for that thread, where it would wait for the body that is about to run.
    pub(crate) fn come(&self) -> bool {
        let mut line = self.0.lock();
        line.ahead -= 1;
        if line.ahead >= AHEAD_MIN || line.ready.is_empty() {
            return true;
        }
        let count = line.ready.len().min(AHEAD_MAX - line.ahead);
        let more: SmallVec<[Arc<dyn Ready>; AHEAD_MAX]> = line.ready.drain(..count).collect();
        line.ahead += 1 + more.len();
        drop(line);
        more.into_iter().for_each(Ready::spawn);
        false
    }

    /// A driver yields, and looks here again when it is polled.
    pub(crate) fn yield_turn(&self) {
        self.0.lock().ahead += 1;
    }

    /// A driver that was ahead will not be polled, since the tokio runtime has ended; nor will the others.
    pub(crate) fn abandon(&self) {
        let mut line = self.0.lock();
        line.ahead -= 1;
        let left = std::mem::take(&mut line.ready);
        drop(line);
        left.into_iter().for_each(Ready::abandon);
    }
}

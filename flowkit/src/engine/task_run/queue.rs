//! The task runs of a flow run that are ready to start and that tokio does not know of yet.
//!
//! A body that submits a million task runs is faster than the drivers that execute them, so only a few drivers are spawned
//! ahead. The others lie here, where each costs a small node instead of a tokio task, and a driver that has come to the
//! end of its run goes on with the next one. A driver whose run waits for something counts for nothing: however many
//! wait for each other, the next one starts.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;

/// How many drivers may be ahead. Enough for other threads to steal some while this one is busy; few enough that their
/// memory is used again and again by the thread that has it in its cache.
const AHEAD_MAX: usize = 16;

/// With fewer drivers ahead, more are spawned. Half of the maximum, so that it happens once in a while and not each time.
const AHEAD_MIN: usize = AHEAD_MAX / 2;

/// A task run that is ready to start.
#[doc(hidden)]
pub trait Ready: Any + Send + Sync {
    /// Puts it in the queue of its flow run, or spawns it if that is free.
    fn enqueue(self: Arc<Self>);
    /// Spawns a driver for it, which must be counted as ahead.
    fn spawn(self: Arc<Self>);
    /// Gives it up: the tokio runtime has ended.
    fn abandon(self: Arc<Self>);
}

#[derive(Default)]
pub(crate) struct ReadyQueue(Mutex<QueueLine>);

#[derive(Default)]
struct QueueLine {
    ready: VecDeque<Arc<dyn Ready>>,
    /// The drivers that lie with tokio and look into this queue when they are polled. As long as anything is queued there
    /// is one, so that nothing is left behind.
    ahead: usize,
}

impl ReadyQueue {
    /// Asks to spawn one more driver; if it may be, it is counted as ahead.
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
            // All drivers have come since it was asked.
            line.ahead = 1;
            drop(line);
            ready.spawn();
        } else {
            line.ready.push_back(ready);
        }
    }

    /// Takes the next one, for a driver that has come to the end of its run.
    pub(crate) fn pop(&self) -> Option<Arc<dyn Ready>> {
        self.0.lock().ready.pop_front()
    }

    /// Spawns what a driver took that cannot go on with it itself.
    pub(crate) fn spawn(&self, ready: Arc<dyn Ready>) {
        self.0.lock().ahead += 1;
        ready.spawn();
    }

    /// A driver has come, and is no longer ahead.
    ///
    /// If too few are left it spawns some more, gives way to them, and stays ahead: tokio keeps the last that a thread
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

    /// A driver gives way, and looks here again when it is polled.
    pub(crate) fn give_way(&self) {
        self.0.lock().ahead += 1;
    }

    /// A driver that was ahead will not come, because the tokio runtime has ended; nor will the others.
    pub(crate) fn abandon(&self) {
        let mut line = self.0.lock();
        line.ahead -= 1;
        let left = std::mem::take(&mut line.ready);
        drop(line);
        left.into_iter().for_each(Ready::abandon);
    }
}

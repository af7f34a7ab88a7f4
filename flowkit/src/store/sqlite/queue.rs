//! The queue of the writing thread, in the order of the calls. Its lock is held for a push or a take, never for disk
//! I/O.

use std::collections::VecDeque;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::clock;
use super::writer::Writer;
use crate::model::FlowRunId;
use crate::policy::cache::CacheKey;
use crate::store::{CommitAck, Entry, Fact, FactKind, LogEntry, Missing, NewFlowRun, OwnedRun, StoreError};

/// How many entries may be queued before `wait_for_room` blocks: about 50 MB.
const WAITING_MAX: usize = 65_536;
/// How many bytes of results may be queued.
const BYTES_MAX: usize = 64 << 20;
/// How much one transaction writes: about 50 ms of work, for which other processes wait.
const TAKEN_MAX: usize = 4096;
const TAKEN_BYTES_MAX: usize = 16 << 20;

/// The sending side of an acknowledgement. It always answers: dropped, it answers that the store is closed.
#[derive(Debug)]
pub(super) struct CommitGuard(Option<CommitAck>);

impl CommitGuard {
    pub(super) fn new(ack: Option<CommitAck>) -> Self {
        Self(ack)
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.0.is_some()
    }

    pub(super) fn answer(mut self, result: Result<(), StoreError>) {
        if let Some(ack) = self.0.take() {
            // The caller may be gone.
            let _ = ack.send(result);
        }
    }
}

impl Drop for CommitGuard {
    fn drop(&mut self) {
        if let Some(ack) = self.0.take() {
            let _ = ack.send(Err(StoreError::Closed));
        }
    }
}

/// A question that is run between two transactions, when everything before it is written.
pub(super) type Question = Box<dyn FnOnce(&mut Writer) + Send>;

/// A job of the writing thread.
pub(super) enum WriteJob {
    Begin(Box<NewFlowRun>),
    Record(Box<Entry>, CommitGuard),
    Suspend(OwnedRun, CommitGuard),
    Report(Box<Fact>),
    /// Boxed, as `Entry` is: items are moved while callers wait for the lock.
    Log(Box<LogEntry>),
    Release(CacheKey),
    Ask(Question),
}

impl WriteJob {
    fn bytes(&self) -> usize {
        match self {
            Self::Begin(new) => new.parameters.as_ref().map_or(0, String::len),
            Self::Record(entry, _) => entry.result.as_ref().map_or(0, Vec::len),
            Self::Report(fact) => match &fact.kind {
                FactKind::Made(artifact) => artifact.content.len(),
                FactKind::Measured(_) | FactKind::Used(_) | FactKind::TimeUp(_) => 0,
            },
            Self::Log(line) => line.message.len() + line.target.len(),
            Self::Suspend(..) | Self::Release(_) | Self::Ask(_) => 0,
        }
    }

    fn is_urgent(&self) -> bool {
        match self {
            Self::Record(_, ack) | Self::Suspend(_, ack) => ack.is_awaited(),
            Self::Ask(_) => true,
            Self::Begin(_) | Self::Report(_) | Self::Log(_) | Self::Release(_) => false,
        }
    }
}

#[derive(Default)]
struct WaitingJobs {
    items: VecDeque<WriteJob>,
    bytes: usize,
    /// How many of the items have a waiting caller.
    urgent: usize,
    /// What wakes the writing thread.
    asleep: Asleep,
    closed: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Asleep {
    #[default]
    No,
    /// It is idle: any item wakes it.
    Idle,
    /// It gathers: an item with a waiting caller wakes it.
    Gathering,
}

#[derive(Default)]
pub(super) struct WriteQueue {
    waiting: Mutex<WaitingJobs>,
    /// The number of items, readable without the lock.
    len: AtomicUsize,
    bytes: AtomicUsize,
    work: Condvar,
    room: Condvar,
    /// The thread that makes room, and so must not wait for it.
    writer: OnceLock<ThreadId>,
}

/// The items that were taken, and whether the queue is closed.
pub(super) struct Taken {
    pub(super) items: VecDeque<WriteJob>,
    pub(super) is_last: bool,
}

impl WriteQueue {
    /// Appends an item. After the end of the writing thread it is dropped, which answers its caller.
    pub(super) fn push(&self, item: WriteJob) {
        let (bytes, is_urgent) = (item.bytes(), item.is_urgent());
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            // Outside the lock: dropping an item answers its caller.
            drop(waiting);
            drop(item);
            return;
        }
        waiting.items.push_back(item);
        waiting.bytes += bytes;
        waiting.urgent += usize::from(is_urgent);
        self.note(&waiting);
        let wakes = match waiting.asleep {
            Asleep::No => false,
            Asleep::Idle => true,
            Asleep::Gathering => is_urgent || waiting.items.len() >= TAKEN_MAX,
        };
        if wakes {
            waiting.asleep = Asleep::No;
            self.work.notify_one();
        }
    }

    /// Takes items, up to one transaction's worth. Waits for at most `timeout` for the first one, and then for `gather`
    /// for more, unless a caller waits for one of them.
    pub(super) fn take(&self, idle_timeout: Duration, gather: Duration) -> Taken {
        let mut waiting = self.waiting.lock();
        if waiting.items.is_empty() && !waiting.closed {
            waiting.asleep = Asleep::Idle;
            self.work.wait_for(&mut waiting, idle_timeout);
        }
        let until = clock::now() + gather;
        while waiting.urgent == 0
            && !waiting.closed
            && !waiting.items.is_empty()
            && waiting.items.len() < TAKEN_MAX
        {
            waiting.asleep = Asleep::Gathering;
            if self.work.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        waiting.asleep = Asleep::No;
        let items = waiting.split();
        self.note(&waiting);
        self.room.notify_all();
        Taken { is_last: waiting.closed && waiting.items.is_empty(), items }
    }

    /// Blocks while the queue is too long.
    pub(super) fn make_room(&self) {
        if self.has_room() || self.writer.get() == Some(&std::thread::current().id()) {
            return;
        }
        let mut waiting = self.waiting.lock();
        while !waiting.closed && !self.has_room() {
            self.room.wait(&mut waiting);
        }
    }

    /// Registers the calling thread as the one that takes.
    pub(super) fn is_taken_by_this_thread(&self) {
        let _ = self.writer.set(std::thread::current().id());
    }

    /// Counts the queued items of a run.
    pub(super) fn missing(&self, id: FlowRunId) -> Missing {
        let mut missing = Missing::default();
        for item in &self.waiting.lock().items {
            match item {
                WriteJob::Record(entry, _) if entry.run.id == id => missing.events += 1,
                WriteJob::Begin(new) if new.owned.id == id => missing.events += 1,
                WriteJob::Report(fact) if fact.run.id == id => missing.facts += 1,
                WriteJob::Log(line) if line.run == id => missing.lines += 1,
                _ => {}
            }
        }
        missing
    }

    fn has_room(&self) -> bool {
        self.len.load(Ordering::Relaxed) <= WAITING_MAX && self.bytes.load(Ordering::Relaxed) <= BYTES_MAX
    }

    pub(super) fn len(&self) -> usize {
        self.len.load(Ordering::Relaxed)
    }

    /// Accepts no more items; queued ones are still taken.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.waiting.lock().closed
    }

    /// Closes, and drops queued items: the writing thread is gone.
    pub(super) fn abandon(&self) {
        self.close();
        let items = std::mem::take(&mut self.waiting.lock().items);
        drop(items);
    }

    fn note(&self, waiting: &WaitingJobs) {
        self.len.store(waiting.items.len(), Ordering::Relaxed);
        self.bytes.store(waiting.bytes, Ordering::Relaxed);
    }
}

impl WaitingJobs {
    fn split(&mut self) -> VecDeque<WriteJob> {
        let mut bytes = 0;
        let fits = |item: &&WriteJob| {
            let fits = bytes < TAKEN_BYTES_MAX;
            bytes += item.bytes();
            fits
        };
        let count = self.items.iter().take(TAKEN_MAX).take_while(fits).count();
        // Moves the items that are taken, not those that stay: they may be ten times as many, and callers wait for the
        // lock.
        let taken: VecDeque<WriteJob> = self.items.drain(..count).collect();
        self.bytes -= taken.iter().map(WriteJob::bytes).sum::<usize>();
        self.urgent -= taken.iter().filter(|item| item.is_urgent()).count();
        taken
    }
}

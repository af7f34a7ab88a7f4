//! What waits to be written, in the order of the calls. Its lock is held for a push or a take, never for a disk.

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

/// So many entries may wait before `wait_for_room` blocks: about 50 MB.
const WAITING_MAX: usize = 65_536;
/// So many bytes of results may wait.
const BYTES_MAX: usize = 64 << 20;
/// So much is written in one transaction: about 50 ms of work, for which other processes wait.
const TAKEN_MAX: usize = 4096;
const TAKEN_BYTES_MAX: usize = 16 << 20;

/// The answer that somebody waits for. It is always given: if it is dropped, it says that the store is closed.
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
            // The caller may have gone.
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

/// Something that is done between two transactions, with everything before it written.
pub(super) type Question = Box<dyn FnOnce(&mut Writer) + Send>;

/// Something to write.
pub(super) enum WriteJob {
    Begin(Box<NewFlowRun>),
    Record(Box<Entry>, CommitGuard),
    Suspend(OwnedRun, CommitGuard),
    Keep(Box<Fact>),
    /// Boxed, as `Entry` is: items are moved while others wait for the lock.
    Log(Box<LogEntry>),
    Release(CacheKey),
    Ask(Question),
}

impl WriteJob {
    fn bytes(&self) -> usize {
        match self {
            Self::Begin(new) => new.parameters.as_ref().map_or(0, String::len),
            Self::Record(entry, _) => entry.result.as_ref().map_or(0, Vec::len),
            Self::Keep(fact) => match &fact.says {
                FactKind::Made(artifact) => artifact.content.len(),
                FactKind::Measured(_) | FactKind::Used(_) | FactKind::TimeUp(_) => 0,
            },
            Self::Log(line) => line.message.len() + line.target.len(),
            Self::Suspend(..) | Self::Release(_) | Self::Ask(_) => 0,
        }
    }

    fn is_urgent(&self) -> bool {
        match self {
            Self::Record(_, pledge) | Self::Suspend(_, pledge) => pledge.is_awaited(),
            Self::Ask(_) => true,
            Self::Begin(_) | Self::Keep(_) | Self::Log(_) | Self::Release(_) => false,
        }
    }
}

#[derive(Default)]
struct WaitingJobs {
    items: VecDeque<WriteJob>,
    bytes: usize,
    /// How many of the items somebody waits for.
    urgent: usize,
    /// What would wake the writing thread.
    asleep: Asleep,
    closed: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Asleep {
    #[default]
    No,
    /// Nothing to do: anything wakes it.
    Idle,
    /// It lets more come: what somebody waits for wakes it.
    Gathering,
}

#[derive(Default)]
pub(super) struct WriteQueue {
    waiting: Mutex<WaitingJobs>,
    /// The number of items, for a look without the lock.
    len: AtomicUsize,
    bytes: AtomicUsize,
    work: Condvar,
    room: Condvar,
    /// The thread that makes room, which must not wait for it.
    writer: OnceLock<ThreadId>,
}

/// What was taken, and whether nothing more will come.
pub(super) struct Taken {
    pub(super) items: VecDeque<WriteJob>,
    pub(super) is_last: bool,
}

impl WriteQueue {
    /// Puts an item at the end. After the end of the writing thread it is dropped, and its pledge says so.
    pub(super) fn push(&self, item: WriteJob) {
        let (bytes, is_urgent) = (item.bytes(), item.is_urgent());
        let mut waiting = self.waiting.lock();
        if waiting.closed {
            // Outside the lock: dropping an item answers somebody.
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

    /// Takes what waits, up to one transaction's worth. Waits for at most `patience` until there is something, and then
    /// for `gather` for more, unless somebody waits for what is there.
    pub(super) fn take(&self, patience: Duration, gather: Duration) -> Taken {
        let mut waiting = self.waiting.lock();
        if waiting.items.is_empty() && !waiting.closed {
            waiting.asleep = Asleep::Idle;
            self.work.wait_for(&mut waiting, patience);
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

    /// Blocks while too much waits.
    pub(super) fn make_room(&self) {
        if self.has_room() || self.writer.get() == Some(&std::thread::current().id()) {
            return;
        }
        let mut waiting = self.waiting.lock();
        while !waiting.closed && !self.has_room() {
            self.room.wait(&mut waiting);
        }
    }

    /// Says that the calling thread is the one that takes.
    pub(super) fn is_taken_by_this_thread(&self) {
        let _ = self.writer.set(std::thread::current().id());
    }

    /// Counts what waits of a run.
    pub(super) fn missing(&self, id: FlowRunId) -> Missing {
        let mut missing = Missing::default();
        for item in &self.waiting.lock().items {
            match item {
                WriteJob::Record(entry, _) if entry.run.id == id => missing.events += 1,
                WriteJob::Begin(new) if new.owned.id == id => missing.events += 1,
                WriteJob::Keep(fact) if fact.run.id == id => missing.facts += 1,
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

    /// Lets nothing more in; what waits is still taken.
    pub(super) fn close(&self) {
        self.waiting.lock().closed = true;
        self.work.notify_all();
        self.room.notify_all();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.waiting.lock().closed
    }

    /// Closes, and drops what waits: the writing thread is gone.
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
        // What is taken moves, not what stays: that may be ten times as much, and everybody waits for the lock.
        let taken: VecDeque<WriteJob> = self.items.drain(..count).collect();
        self.bytes -= taken.iter().map(WriteJob::bytes).sum::<usize>();
        self.urgent -= taken.iter().filter(|item| item.is_urgent()).count();
        taken
    }
}

//! The queue of the writing thread, in the order of the calls. Its lock is held for a push or a take, never for disk
//! I/O.

use std::collections::{HashSet, VecDeque};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::ThreadId;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::clock;
use super::leases::LeaseRequest;
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
    /// When the writing thread began to gather the items.
    gathers_since: Option<Instant>,
    leases: Leases,
    /// What wakes the writing thread.
    asleep: Asleep,
    closed: bool,
}

/// Requests for leases. They overtake the items, whose commits wait for the disk.
#[derive(Default)]
struct Leases {
    requests: Vec<LeaseRequest>,
    /// Those whose key is released by one of the items.
    after_items: Vec<LeaseRequest>,
    /// The keys that items release.
    released: HashSet<CacheKey>,
    /// Nothing can be written at present.
    are_refused: bool,
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

/// What was taken, and whether the queue is closed.
pub(super) struct Taken {
    pub(super) leases: Vec<LeaseRequest>,
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
        if let WriteJob::Release(key) = &item {
            waiting.leases.released.insert(*key);
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

    /// Appends a request for a lease; gives it back while nothing can be written.
    pub(super) fn push_lease(&self, request: LeaseRequest) -> Result<(), LeaseRequest> {
        let mut waiting = self.waiting.lock();
        if waiting.leases.are_refused {
            return Err(request);
        }
        if waiting.closed {
            // As in `push`.
            drop(waiting);
            drop(request);
            return Ok(());
        }
        if waiting.leases.released.contains(&request.key) {
            waiting.leases.after_items.push(request);
        } else {
            waiting.leases.requests.push(request);
        }
        if waiting.asleep != Asleep::No {
            waiting.asleep = Asleep::No;
            self.work.notify_one();
        }
        Ok(())
    }

    /// Refuses leases from now on, and returns the requests that wait.
    pub(super) fn refuse_leases(&self) -> Vec<LeaseRequest> {
        let Leases { requests, after_items, are_refused, .. } = &mut self.waiting.lock().leases;
        *are_refused = true;
        requests.drain(..).chain(after_items.drain(..)).collect()
    }

    /// Accepts requests for leases again.
    pub(super) fn grant_leases(&self) {
        self.waiting.lock().leases.are_refused = false;
    }

    /// Takes the requests for leases, and items, up to one transaction's worth. Waits for at most `timeout` for the first one,
    /// and then for `gather` for more items, unless a caller waits for one of them.
    pub(super) fn take(&self, idle_timeout: Duration, gather: Duration) -> Taken {
        let mut waiting = self.waiting.lock();
        if waiting.items.is_empty() && waiting.leases.are_none() && !waiting.closed {
            waiting.asleep = Asleep::Idle;
            self.work.wait_for(&mut waiting, idle_timeout);
        }
        let now = clock::now();
        let until = *waiting.gathers_since.get_or_insert(now) + gather;
        while !waiting.are_due() && waiting.leases.are_none() {
            waiting.asleep = Asleep::Gathering;
            if self.work.wait_until(&mut waiting, until).timed_out() {
                break;
            }
        }
        waiting.asleep = Asleep::No;
        let leases = std::mem::take(&mut waiting.leases.requests);
        let are_due = waiting.are_due() || leases.is_empty() || clock::now() >= until;
        let items = if are_due { waiting.split() } else { VecDeque::new() };
        self.note(&waiting);
        self.room.notify_all();
        let is_last = waiting.closed && waiting.items.is_empty() && waiting.leases.are_none();
        Taken { leases, items, is_last }
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
        let mut waiting = self.waiting.lock();
        let (items, leases) = (std::mem::take(&mut waiting.items), std::mem::take(&mut waiting.leases));
        // Outside the lock, as in `push`.
        drop(waiting);
        drop((items, leases));
    }

    fn note(&self, waiting: &WaitingJobs) {
        self.len.store(waiting.items.len(), Ordering::Relaxed);
        self.bytes.store(waiting.bytes, Ordering::Relaxed);
    }
}

impl Leases {
    fn are_none(&self) -> bool {
        self.requests.is_empty() && self.after_items.is_empty()
    }

    /// The items are being written: what waited for them is next.
    fn may_follow(&mut self, items: &VecDeque<WriteJob>) {
        if !self.released.is_empty() {
            for item in items {
                if let WriteJob::Release(key) = item {
                    self.released.remove(key);
                }
            }
        }
        self.requests.append(&mut self.after_items);
    }
}

impl WaitingJobs {
    /// Whether the items are written now. No more of them are gathered if there are none.
    fn are_due(&self) -> bool {
        self.urgent > 0
            || self.closed
            || self.items.is_empty()
            || self.items.len() >= TAKEN_MAX
            || !self.leases.after_items.is_empty()
    }

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
        self.gathers_since = None;
        self.leases.may_follow(&taken);
        taken
    }
}

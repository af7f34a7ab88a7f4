//! A store that fails as its world says: entries that cannot be persisted, late answers, and the death of its process.
//!
//! It wraps a store in memory, which several processes use one after the other. It invents nothing: it persists entries
//! unchanged, and reports to the waiter what it refuses.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fastrand::Rng;
use flowkit::model::{
    Digest, Event, EventKind, Lineage, StoredArtifact, StoredEvent, StoredFlowRun, StoredLog, StoredMetric,
    TaskRun, TaskRunId, Timestamp,
};
use flowkit::policy::cache::CacheKey;
use flowkit::policy::resume::RedoRequest;
use flowkit::store::{
    CachedValue, CommitAck, Entry, Fact, FlowRunFilter, FlowRunPage, History, LeaseAnswer, LogEntry,
    LogFilter, MemoryStore, NewFlowRun, OwnedRun, Ownership, PruneReport, Recovered, Reserved, ResultCache,
    Retention, RunLog, StoreError, StoredCacheEntry, TaskRunFilter,
};
use flowkit::{FlowRunId, State};
use tokio::sync::{Notify, oneshot};

use crate::trace::{self, Line, Who};
use crate::world::{End, Process};

/// What a process sees of the disk.
#[derive(Debug)]
pub(crate) struct FaultyStore {
    disk: Arc<MemoryStore>,
    process: Process,
    fate: Mutex<Fate>,
    died: Arc<Notify>,
    outage: Arc<Outage>,
}

/// What waits for a disk that takes nothing.
#[derive(Debug, Default)]
struct Outage {
    /// `None` while there is none.
    held: Mutex<Option<Vec<Held>>>,
}

#[derive(Debug)]
enum Held {
    Begin(NewFlowRun),
    Record(Box<Entry>, Option<CommitAck>),
    Fact(Fact),
    Suspend(OwnedRun, Option<CommitAck>),
}

impl Outage {
    fn begin(&self) {
        self.held.lock().unwrap().get_or_insert_default();
    }

    fn is_on(&self) -> bool {
        self.held.lock().unwrap().is_some()
    }

    /// Holds a change back, or returns it where the disk takes it.
    fn hold(&self, change: Held) -> Option<Held> {
        match &mut *self.held.lock().unwrap() {
            Some(held) => {
                held.push(change);
                None
            }
            None => Some(change),
        }
    }

    /// The disk takes all that has waited, in its order.
    fn end(&self, disk: &MemoryStore) {
        // Observers of the disk may come back here, so nothing is held while it writes.
        let held = self.held.lock().unwrap().take();
        for change in held.into_iter().flatten() {
            write(disk, change);
        }
    }
}

/// Writes a change to the disk, and wakes those who wait for it.
fn write(disk: &MemoryStore, change: Held) {
    match change {
        Held::Begin(run) => {
            let flow = run.flow.row(run.owned.created_at);
            let at = Timestamp::new(flow.created_at.since(run.owned.created_at));
            let created = Event { task_run: TaskRunId::FLOW, at, kind: EventKind::Created };
            let node = run.parent.map(|(run, node)| trace::who(run, node));
            trace::write(Line::Kept(trace::happened(run.owned.id, &created, &flow, node)));
            disk.begin(run);
        }
        Held::Record(entry, ack) => {
            let who = trace::who(entry.run.id, entry.event.task_run);
            let answer = keep(disk, *entry);
            if let Some(ack) = ack {
                if answer.is_ok() {
                    trace::write(Line::Acked(who));
                }
                ack.send(answer).ok();
            }
        }
        Held::Fact(fact) => disk.report(fact),
        Held::Suspend(run, ack) => {
            trace::write(Line::PutAside(trace::who(run.id, TaskRunId::FLOW)));
            disk.suspend(run, ack);
        }
    }
}

/// Keeps an entry, and writes down whether that went well.
fn keep(disk: &MemoryStore, entry: Entry) -> Result<(), StoreError> {
    let seen = trace::happened(entry.run.id, &entry.event, &entry.task_run.row(entry.run.created_at), None);
    let (told, mut answer) = oneshot::channel();
    disk.record(entry, Some(told));
    // A store in memory answers at once.
    let answer = answer.try_recv().unwrap_or(Err(StoreError::Closed));
    trace::write(if answer.is_ok() { Line::Kept(seen) } else { Line::Refused(seen) });
    answer
}

#[derive(Debug)]
struct Fate {
    rng: Rng,
    entries: u64,
    /// A dead process never learns what became of its entries.
    unanswered: Vec<CommitAck>,
}

/// What becomes of an entry.
enum Doom {
    Keep,
    Refuse,
    Die { kept: bool },
}

impl FaultyStore {
    pub(crate) fn new(disk: &Arc<MemoryStore>, process: &Process, seed: u64) -> Self {
        let fate = Fate { rng: Rng::with_seed(seed), entries: 0, unanswered: Vec::new() };
        Self {
            disk: Arc::clone(disk),
            process: process.clone(),
            fate: Mutex::new(fate),
            died: Arc::default(),
            outage: Arc::default(),
        }
    }

    /// Comes when the process is to die.
    pub(crate) fn death(&self) -> Arc<Notify> {
        Arc::clone(&self.died)
    }

    fn fate(&self) -> MutexGuard<'_, Fate> {
        self.fate.lock().unwrap()
    }

    /// FactKind what becomes of the next entry.
    fn doom(&self, is_awaited: bool) -> Doom {
        let mut fate = self.fate();
        let number = fate.entries;
        fate.entries += 1;
        self.may_fail_at(number);
        match self.process.end {
            Some(End::Dies { entry, kept }) if entry == number => Doom::Die { kept },
            Some(End::Fenced { entry }) if entry == number => {
                trace::write(Line::Fenced);
                self.disk.crash();
                Doom::Keep
            }
            _ if is_awaited
                && number >= self.process.refuses_after
                && one_in(&mut fate.rng, self.process.refuses_one_in) =>
            {
                Doom::Refuse
            }
            _ => Doom::Keep,
        }
    }

    /// Begins an outage if this entry is the one at which it begins.
    fn may_fail_at(&self, number: u64) {
        if let Some((entry, lasts)) = self.process.outage
            && entry == number
        {
            self.outage.begin();
            let (outage, disk) = (Arc::clone(&self.outage), Arc::clone(&self.disk));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(lasts)).await;
                if !trace::is_dead() {
                    outage.end(&disk);
                }
            });
        }
    }

    fn die(&self) {
        trace::write(Line::Died);
        self.died.notify_one();
    }

    /// Answers the waiter, now or later.
    fn tell(&self, who: Who, ack: Option<CommitAck>, answer: Result<(), StoreError>) {
        let Some(ack) = ack else { return };
        let mut fate = self.fate();
        let late = one_in(&mut fate.rng, self.process.slow_one_in).then(|| fate.rng.u64(..30));
        drop(fate);
        let tell = move || {
            if trace::is_dead() {
                return;
            }
            if answer.is_ok() {
                trace::write(Line::Acked(who));
            }
            ack.send(answer).ok();
        };
        match late {
            None => tell(),
            Some(late) => drop(tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(late)).await;
                tell();
            })),
        }
    }
}

fn one_in(rng: &mut Rng, n: u64) -> bool {
    n > 0 && rng.u64(..n) == 0
}

impl RunLog for FaultyStore {
    fn begin(&self, run: NewFlowRun) {
        if trace::is_dead() {
            return;
        }
        let doom = self.doom(false);
        if !matches!(doom, Doom::Die { kept: false })
            && let Some(change) = self.outage.hold(Held::Begin(run))
        {
            write(&self.disk, change);
        }
        if matches!(doom, Doom::Die { .. }) {
            self.die();
        }
    }

    fn record(&self, entry: Entry, ack: Option<CommitAck>) {
        if trace::is_dead() {
            self.fate().unanswered.extend(ack);
            return;
        }
        let who = trace::who(entry.run.id, entry.event.task_run);
        let is_lost = self.process.loses_results && who.task_run > 0 && entry.result.is_some();
        match if is_lost { Doom::Refuse } else { self.doom(ack.is_some()) } {
            Doom::Keep if self.outage.is_on() => drop(self.outage.hold(Held::Record(Box::new(entry), ack))),
            Doom::Keep => {
                let answer = keep(&self.disk, entry);
                self.tell(who, ack, answer);
            }
            Doom::Refuse => {
                let seen = trace::happened(
                    entry.run.id,
                    &entry.event,
                    &entry.task_run.row(entry.run.created_at),
                    None,
                );
                trace::write(Line::Refused(seen));
                let source = Arc::new(io::Error::other("as its world says"));
                self.tell(who, ack, Err(StoreError::Write { path: "simulated".into(), source }));
            }
            Doom::Die { kept } => {
                if kept && !self.outage.is_on() {
                    // The outcome is not reported.
                    keep(&self.disk, entry).ok();
                }
                self.die();
                self.fate().unanswered.extend(ack);
            }
        }
    }

    fn report(&self, fact: Fact) {
        if !trace::is_dead()
            && let Some(change) = self.outage.hold(Held::Fact(fact))
        {
            write(&self.disk, change);
        }
    }

    fn log(&self, line: LogEntry) {
        self.disk.log(line);
    }

    fn result(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Option<Vec<u8>>, StoreError> {
        self.disk.result(run, task_run)
    }

    fn wait_for_room(&self) {}

    fn flush(&self) -> Result<(), StoreError> {
        if !trace::is_dead() {
            self.outage.end(&self.disk);
        }
        self.disk.flush()
    }

    fn may_block(&self) -> bool {
        self.disk.may_block()
    }
}

impl Ownership for FaultyStore {
    fn take_over(&self, id: FlowRunId) -> Result<Recovered, StoreError> {
        self.disk.take_over(id)
    }

    fn suspend(&self, run: OwnedRun, ack: Option<CommitAck>) {
        if trace::is_dead() {
            return;
        }
        if let Some(change) = self.outage.hold(Held::Suspend(run, ack)) {
            write(&self.disk, change);
        }
    }

    fn request_redo(&self, run: OwnedRun, asked: &RedoRequest) -> Result<(), StoreError> {
        self.disk.request_redo(run, asked)
    }

    fn redo_request(&self, id: FlowRunId) -> Result<Option<RedoRequest>, StoreError> {
        self.disk.redo_request(id)
    }

    fn sub_flow_runs(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Vec<FlowRunId>, StoreError> {
        self.disk.sub_flow_runs(run, task_run)
    }

    fn reserve(&self, key: &str, id: FlowRunId) -> Result<Reserved, StoreError> {
        self.disk.reserve(key, id)
    }

    fn unreserve(&self, key: &str, id: FlowRunId) {
        if !trace::is_dead() {
            self.disk.unreserve(key, id);
        }
    }

    fn request_cancel(&self, id: FlowRunId) -> Result<bool, StoreError> {
        self.disk.request_cancel(id)
    }

    fn on_cancel_request(&self, listener: Box<dyn Fn(FlowRunId) + Send + Sync>) {
        self.disk.on_cancel_request(listener);
    }
}

impl ResultCache for FaultyStore {
    fn cached(&self, key: CacheKey) -> Result<Option<CachedValue>, StoreError> {
        self.disk.cached(key)
    }

    fn lease(&self, key: CacheKey, answer: LeaseAnswer) {
        self.disk.lease(key, answer);
    }

    fn release(&self, key: CacheKey) {
        if !trace::is_dead() {
            self.disk.release(key);
        }
    }
}

impl History for FaultyStore {
    fn flow_runs(
        &self,
        filter: &FlowRunFilter,
        before: Option<FlowRunId>,
        limit: usize,
    ) -> Result<FlowRunPage, StoreError> {
        self.disk.flow_runs(filter, before, limit)
    }

    fn flow_run(&self, id: FlowRunId) -> Result<Option<StoredFlowRun>, StoreError> {
        self.disk.flow_run(id)
    }

    fn find(&self, prefix: &str, limit: usize) -> Result<Vec<FlowRunId>, StoreError> {
        self.disk.find(prefix, limit)
    }

    fn task_runs(
        &self,
        run: FlowRunId,
        filter: &TaskRunFilter,
        after: TaskRunId,
        limit: usize,
    ) -> Result<Vec<TaskRun>, StoreError> {
        self.disk.task_runs(run, filter, after, limit)
    }

    fn counts(&self, run: FlowRunId) -> Result<Vec<(State, u64)>, StoreError> {
        self.disk.counts(run)
    }

    fn events(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredEvent>, StoreError> {
        self.disk.events(run, since, limit)
    }

    fn logs(
        &self,
        run: FlowRunId,
        filter: &LogFilter,
        since: u64,
        limit: usize,
    ) -> Result<Vec<StoredLog>, StoreError> {
        self.disk.logs(run, filter, since, limit)
    }

    fn dropped_logs(&self, run: FlowRunId) -> Result<Vec<(TaskRunId, u64)>, StoreError> {
        self.disk.dropped_logs(run)
    }

    fn artifacts(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredArtifact>, StoreError> {
        self.disk.artifacts(run, since, limit)
    }

    fn artifact(&self, run: FlowRunId, sequence: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.disk.artifact(run, sequence)
    }

    fn metrics(&self, run: FlowRunId, since: u64, limit: usize) -> Result<Vec<StoredMetric>, StoreError> {
        self.disk.metrics(run, since, limit)
    }

    fn lineage(&self, file: Digest) -> Result<Lineage, StoreError> {
        self.disk.lineage(file)
    }

    fn cache_entries(
        &self,
        run: FlowRunId,
        task_run: TaskRunId,
        limit: usize,
    ) -> Result<Vec<StoredCacheEntry>, StoreError> {
        self.disk.cache_entries(run, task_run, limit)
    }

    fn prune(&self, keep: Retention) -> Result<PruneReport, StoreError> {
        self.disk.prune(keep)
    }
}

//! A store by another author: all "processes" share one list behind one lock, and each dies when its `Shelf` is dropped. It uses
//! nothing but flowkit's public API.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::SystemTime;

use flowkit::model::{FlowRunId, TaskRunId, WallTime};
use flowkit::policy::cache::CacheKey;
use flowkit::policy::resume::RedoRequest;
use flowkit::store::{
    CachedValue, CommitAck, Entry, Fact, LeaseAnswer, Leased, LogEntry, NewFlowRun, OwnedRun, OwnerName,
    Ownership, Recovered, Reserved, ResultCache, RunLog, StoreError, StoredCacheEntry, rows,
};

use crate::run::Run;

/// A store as one process sees it.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    process: u32,
    contents: Arc<Mutex<Contents>>,
}

/// What all processes share.
#[derive(Default)]
pub(crate) struct Contents {
    processes: u32,
    /// In the order of their arrival.
    pub(crate) runs: Vec<Run>,
    /// In the order of their arrival.
    pub(crate) cache: Vec<(CacheKey, CachedValue, StoredCacheEntry)>,
    /// With the process that holds them.
    leases: BTreeMap<CacheKey, u32>,
    pub(crate) keys: BTreeMap<String, (FlowRunId, u32)>,
    listeners: BTreeMap<u32, Listener>,
}

type Listener = Arc<dyn Fn(FlowRunId) + Send + Sync>;

impl fmt::Debug for Contents {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents").field("runs", &self.runs).finish_non_exhaustive()
    }
}

impl Shelf {
    pub(crate) fn of_another_process(&self) -> Self {
        let mut contents = self.contents();
        contents.processes += 1;
        Self { process: contents.processes, contents: Arc::clone(&self.contents) }
    }

    pub(crate) fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap()
    }
}

/// Its process has died.
impl Drop for Shelf {
    fn drop(&mut self) {
        let (process, mut contents) = (self.process, self.contents());
        let Contents { runs, leases, keys, listeners, .. } = &mut *contents;
        runs.iter_mut()
            .filter(|run| run.owner == Some(process))
            .for_each(|run| run.release(now(), rows::death_of));
        leases.retain(|_, holder| *holder != process);
        keys.retain(|_, (id, holder)| *holder != process || runs.iter().any(|run| run.row.id == *id));
        listeners.remove(&process);
    }
}

impl Contents {
    pub(crate) fn run(&self, id: FlowRunId) -> Option<&Run> {
        self.runs.iter().find(|run| run.row.id == id)
    }

    fn run_mut(&mut self, id: FlowRunId) -> Result<&mut Run, StoreError> {
        let found = self.runs.iter_mut().find(|run| run.row.id == id);
        found.ok_or_else(|| StoreError::UnknownRun { id: id.to_string() })
    }

    fn writable(&mut self, owned: OwnedRun) -> Result<&mut Run, StoreError> {
        let run = self.run_mut(owned.id)?;
        let is_owned = run.owner.is_some() && run.epoch == owned.epoch;
        if is_owned { Ok(run) } else { Err(StoreError::LostOwnership { id: owned.id }) }
    }

    /// Returns a run and all runs of sub-flows below it.
    pub(crate) fn family(&self, root: FlowRunId) -> Vec<&Run> {
        let mut family: Vec<_> = self.run(root).into_iter().collect();
        // A parent arrives before its children.
        for run in &self.runs {
            if run.row.parent.is_some_and(|(parent, _)| family.iter().any(|run| run.row.id == parent)) {
                family.push(run);
            }
        }
        family
    }

    fn record(&mut self, entry: Entry) -> Result<(), StoreError> {
        let (id, created_at, at) = (entry.run.id, entry.run.created_at, entry.event.at);
        let (stored_at, from) = (created_at.plus(at), (id, entry.event.task_run));
        let cached = entry.cache.clone().zip(entry.result.clone());
        self.writable(entry.run)?.record(entry)?;
        if let Some((cache, envelope)) = cached {
            self.leases.remove(&cache.key);
            self.cache.retain(|(key, ..)| *key != cache.key);
            let value = CachedValue { envelope, stored_at, ttl: cache.ttl, from };
            let entry = StoredCacheEntry { parts: cache.parts, stored_at, from };
            self.cache.push((cache.key, value, entry));
        }
        Ok(())
    }
}

impl RunLog for Shelf {
    fn begin(&self, run: NewFlowRun) {
        let mut contents = self.contents();
        let reserved = (run.owned.id, self.process);
        if run.key.as_deref().is_none_or(|key| contents.keys.get(key) == Some(&reserved)) {
            contents.runs.push(Run::new(&run, self.process));
        }
    }

    fn record(&self, entry: Entry, ack: Option<CommitAck>) {
        let recorded = self.contents().record(entry);
        acknowledge(ack, recorded);
    }

    fn report(&self, fact: Fact) {
        if let Ok(run) = self.contents().writable(fact.run) {
            run.add(fact.task_run, fact.at, fact.kind);
        }
    }

    fn log(&self, line: LogEntry) {
        if let Ok(run) = self.contents().run_mut(line.run) {
            run.log(line);
        }
    }

    fn result(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.contents().run(run).and_then(|run| run.results.get(&task_run).cloned()))
    }

    fn wait_for_room(&self) {}

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Ownership for Shelf {
    fn take_over(&self, id: FlowRunId) -> Result<Recovered, StoreError> {
        let mut contents = self.contents();
        let of_run = |run: &Run| run.task_runs.values().filter_map(|row| row.last_no()).max();
        let last_no = contents.family(id).iter().filter_map(|run| of_run(run).max(run.row.last_no())).max();
        let run = contents.run_mut(id)?;
        if run.owner.is_some() {
            return Err(StoreError::Owned { id, owner: this_process() });
        }
        if !run.row.state.can_reopen() {
            return Err(StoreError::NotResumable { id, state: run.row.state });
        }
        run.epoch += 1;
        run.owner = Some(self.process);
        (run.is_cancel_requested, run.is_stopping) = (false, false);
        Ok(Recovered {
            owned: OwnedRun { id, epoch: run.epoch, created_at: run.row.created_at },
            run: run.row.clone(),
            task_runs: run.task_runs.values().cloned().collect(),
            last_no,
            times_up: run.times_up.values().cloned().collect(),
        })
    }

    fn suspend(&self, run: OwnedRun, ack: Option<CommitAck>) {
        let mut contents = self.contents();
        let suspended = contents.writable(run).map(|run| run.release(now(), rows::suspension_of));
        acknowledge(ack, suspended);
    }

    fn request_redo(&self, run: OwnedRun, request: &RedoRequest) -> Result<(), StoreError> {
        self.contents().writable(run)?.redo = Some(request.clone());
        Ok(())
    }

    fn redo_request(&self, id: FlowRunId) -> Result<Option<RedoRequest>, StoreError> {
        Ok(self.contents().run(id).and_then(|run| run.redo.clone()))
    }

    fn sub_flow_runs(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Vec<FlowRunId>, StoreError> {
        let contents = self.contents();
        let children = contents.runs.iter().rev().filter(|child| child.row.parent == Some((run, task_run)));
        Ok(children.map(|child| child.row.id).collect())
    }

    fn reserve(&self, key: &str, id: FlowRunId) -> Result<Reserved, StoreError> {
        let mut contents = self.contents();
        let Some((known, _)) = contents.keys.get(key).copied() else {
            contents.keys.insert(key.to_owned(), (id, self.process));
            return Ok(Reserved::Granted);
        };
        Ok(match contents.run(known) {
            Some(_) => Reserved::Begun(known),
            None => Reserved::Held(known, this_process()),
        })
    }

    fn unreserve(&self, key: &str, id: FlowRunId) {
        let mut contents = self.contents();
        if contents.keys.get(key) == Some(&(id, self.process)) && contents.run(id).is_none() {
            contents.keys.remove(key);
        }
    }

    fn request_cancel(&self, id: FlowRunId) -> Result<bool, StoreError> {
        let mut contents = self.contents();
        let Ok(run) = contents.run_mut(id) else { return Ok(false) };
        let Some(owner) = run.owner else { return Ok(false) };
        let is_first = !std::mem::replace(&mut run.is_cancel_requested, true);
        let listener = contents.listeners.get(&owner).filter(|_| is_first).cloned();
        // Under no lock: it may call the store.
        drop(contents);
        if let Some(listener) = listener {
            listener(id);
        }
        Ok(true)
    }

    fn on_cancel_request(&self, listener: Box<dyn Fn(FlowRunId) + Send + Sync>) {
        self.contents().listeners.insert(self.process, listener.into());
    }
}

impl ResultCache for Shelf {
    fn cached(&self, key: CacheKey) -> Result<Option<CachedValue>, StoreError> {
        let contents = self.contents();
        Ok(contents.cache.iter().find(|(of, ..)| *of == key).map(|(_, value, _)| value.clone()))
    }

    fn lease(&self, key: CacheKey, answer: LeaseAnswer) {
        let mut contents = self.contents();
        let is_free = !contents.leases.contains_key(&key);
        let leased = if is_free {
            contents.leases.insert(key, self.process);
            let latest = contents.cache.iter().find(|(of, ..)| *of == key);
            Leased::Granted { stored_at: latest.map(|(_, value, _)| value.stored_at) }
        } else {
            Leased::Held
        };
        drop(contents);
        if answer.send(Ok(leased)).is_err() && is_free {
            self.release(key);
        }
    }

    fn release(&self, key: CacheKey) {
        self.contents().leases.remove(&key);
    }
}

fn acknowledge(ack: Option<CommitAck>, outcome: Result<(), StoreError>) {
    if let Some(ack) = ack {
        // The caller may be gone.
        ack.send(outcome).ok();
    }
}

/// All "processes" are this one.
fn this_process() -> OwnerName {
    OwnerName::new(std::process::id(), "this host")
}

#[allow(clippy::disallowed_methods, reason = "a store of another author has no other clock")]
pub(crate) fn now() -> WallTime {
    SystemTime::now().into()
}

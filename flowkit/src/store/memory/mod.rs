//! A store that lives as long as its process: for tests, and for programs that want history without a file.
//!
//! Simple on purpose: maps behind one lock, everything acknowledged at once. It is also what the other stores are
//! compared with.

mod reading;
mod run;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use parking_lot::Mutex;

use self::run::MemoryRun;
use super::listener::Listener;
use super::rows::{death_of, suspension_of};
use super::{
    CachedValue, CommitAck, Entry, Fact, LeaseAnswer, Leased, LogEntry, NewFlowRun, OwnedRun, OwnerName,
    Ownership, Recovered, Reserved, ResultCache, RunLog, StoreError,
};
use crate::clock;
use crate::model::{FlowRunId, TaskRunId, WallTime};
use crate::policy::cache::{CacheKey, KeyParts};
use crate::policy::resume::RedoRequest;

/// Stores runs in memory.
#[derive(Debug, Default)]
pub struct MemoryStore {
    contents: Mutex<Contents>,
    listener: Listener<FlowRunId>,
}

/// Everything that the store has.
#[derive(Debug, Default)]
struct Contents {
    runs: BTreeMap<FlowRunId, MemoryRun>,
    /// How many runs and cached results have arrived, including those pruned since.
    arrived: u64,
    cache: HashMap<CacheKey, Cached>,
    leases: HashSet<CacheKey>,
    /// Which run each idempotency key is reserved for, or belongs to.
    keys: HashMap<String, FlowRunId>,
}

/// The result of a cache key. It is removed together with its run.
#[derive(Debug)]
struct Cached {
    /// Its number among all that arrived.
    no: u64,
    from: (FlowRunId, TaskRunId),
    value: CachedValue,
    parts: KeyParts,
}

impl MemoryStore {
    /// Returns an empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Simulates the death of the process that owns the runs, so that resuming can be tested.
    ///
    /// Runs that were under way are `Crashed`, those that were being cancelled are `Cancelled`; later writes of their
    /// former owner are refused with [`StoreError::LostOwnership`].
    pub fn crash(&self) {
        let mut contents = self.contents.lock();
        let now = now();
        contents.leases.clear();
        let Contents { keys, runs, .. } = &mut *contents;
        keys.retain(|_, run| runs.contains_key(run));
        for run in contents.runs.values_mut().filter(|run| run.owned) {
            run.release(now, death_of);
        }
    }
}

impl Contents {
    /// Returns the run, if this ownership is still valid.
    fn writable(&mut self, owned: OwnedRun) -> Result<&mut MemoryRun, StoreError> {
        let run = self
            .runs
            .get_mut(&owned.id)
            .ok_or_else(|| StoreError::UnknownRun { id: owned.id.to_string() })?;
        if run.owned && run.epoch == owned.epoch {
            Ok(run)
        } else {
            Err(StoreError::LostOwnership { id: owned.id })
        }
    }

    fn begin(&mut self, run: &NewFlowRun) {
        self.arrived += 1;
        self.runs.insert(run.owned.id, MemoryRun::new(self.arrived, run));
    }

    /// Returns the runs, the last to arrive first. Ids do not tell: they contain the time of a clock, which may be set.
    fn newest_first(&self) -> Vec<&MemoryRun> {
        let mut runs: Vec<_> = self.runs.values().collect();
        runs.sort_unstable_by_key(|run| std::cmp::Reverse(run.no));
        runs
    }

    fn record(&mut self, entry: Entry) -> Result<(), StoreError> {
        let at = entry.run.created_at.plus(entry.event.at);
        let from = (entry.run.id, entry.event.task_run);
        let cached = entry.cache.clone().zip(entry.result.clone());
        self.writable(entry.run)?.record(entry)?;
        if let Some((place, envelope)) = cached {
            self.leases.remove(&place.key);
            let value = CachedValue { envelope, stored_at: at, ttl: place.ttl, from };
            self.arrived += 1;
            self.cache.insert(place.key, Cached { no: self.arrived, from, value, parts: place.parts });
        }
        Ok(())
    }

    fn suspend(&mut self, owned: OwnedRun) -> Result<(), StoreError> {
        let run = self.writable(owned)?;
        run.release(now(), suspension_of);
        Ok(())
    }

    fn take_over(&mut self, id: FlowRunId) -> Result<Recovered, StoreError> {
        let last_no = self.family(id).iter().filter_map(|id| self.runs.get(id)?.last_no()).max();
        let run = self.runs.get_mut(&id).ok_or_else(|| StoreError::UnknownRun { id: id.to_string() })?;
        if run.owned {
            return Err(StoreError::Owned { id, owner: this_process() });
        }
        if !run.row.state.can_reopen() {
            return Err(StoreError::NotResumable { id, state: run.row.state });
        }
        run.epoch += 1;
        run.owned = true;
        run.cancel_requested = false;
        run.stopping = false;
        let owned = OwnedRun { id, epoch: run.epoch, created_at: run.row.created_at };
        let task_runs = run.task_runs.values().cloned().collect();
        let times_up = run.facts.times_up().cloned().collect();
        Ok(Recovered { owned, run: run.row.clone(), task_runs, last_no, times_up })
    }
}

impl RunLog for MemoryStore {
    fn begin(&self, run: NewFlowRun) {
        let mut contents = self.contents.lock();
        let holds = |key: &Arc<str>| contents.keys.get(&**key) == Some(&run.owned.id);
        if run.key.as_ref().is_none_or(holds) {
            contents.begin(&run);
        }
    }

    fn record(&self, entry: Entry, ack: Option<CommitAck>) {
        let recorded = self.contents.lock().record(entry);
        acknowledge(ack, recorded);
    }

    fn report(&self, fact: Fact) {
        match self.contents.lock().writable(fact.run) {
            Ok(run) => run.facts.add(fact.task_run, fact.at, fact.kind),
            Err(error) => tracing::warn!(%error, "what a task run says of itself is refused"),
        }
    }

    fn log(&self, line: LogEntry) {
        if let Some(run) = self.contents.lock().runs.get_mut(&line.run) {
            run.log(line);
        }
    }

    fn result(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Option<Vec<u8>>, StoreError> {
        let contents = self.contents.lock();
        Ok(contents.runs.get(&run).and_then(|run| run.results.get(&task_run).cloned()))
    }

    fn wait_for_room(&self) {}

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn may_block(&self) -> bool {
        false
    }
}

impl Ownership for MemoryStore {
    fn take_over(&self, id: FlowRunId) -> Result<Recovered, StoreError> {
        self.contents.lock().take_over(id)
    }

    fn suspend(&self, run: OwnedRun, ack: Option<CommitAck>) {
        let suspended = self.contents.lock().suspend(run);
        acknowledge(ack, suspended);
    }

    fn request_redo(&self, run: OwnedRun, request: &RedoRequest) -> Result<(), StoreError> {
        self.contents.lock().writable(run)?.redo_request = Some(request.clone());
        Ok(())
    }

    fn redo_request(&self, id: FlowRunId) -> Result<Option<RedoRequest>, StoreError> {
        Ok(self.contents.lock().runs.get(&id).and_then(|run| run.redo_request.clone()))
    }

    fn sub_flow_runs(&self, run: FlowRunId, task_run: TaskRunId) -> Result<Vec<FlowRunId>, StoreError> {
        let contents = self.contents.lock();
        let parent = Some((run, task_run));
        let children = contents.newest_first().into_iter().filter(|child| child.row.parent == parent);
        Ok(children.map(|child| child.row.id).collect())
    }

    fn reserve(&self, key: &str, id: FlowRunId) -> Result<Reserved, StoreError> {
        let mut contents = self.contents.lock();
        Ok(match contents.keys.get(key).copied() {
            None => {
                contents.keys.insert(key.to_owned(), id);
                Reserved::Granted
            }
            Some(known) if contents.runs.contains_key(&known) => Reserved::Begun(known),
            Some(known) => Reserved::Held(known, this_process()),
        })
    }

    fn unreserve(&self, key: &str, id: FlowRunId) {
        let mut contents = self.contents.lock();
        if contents.keys.get(key) == Some(&id) && !contents.runs.contains_key(&id) {
            contents.keys.remove(key);
        }
    }

    fn request_cancel(&self, id: FlowRunId) -> Result<bool, StoreError> {
        let mut contents = self.contents.lock();
        let Some(run) = contents.runs.get_mut(&id).filter(|run| run.owned) else {
            return Ok(false);
        };
        let is_first = !std::mem::replace(&mut run.cancel_requested, true);
        drop(contents);
        if is_first {
            self.listener.notify(id);
        }
        Ok(true)
    }

    fn on_cancel_request(&self, listener: Box<dyn Fn(FlowRunId) + Send + Sync>) {
        self.listener.set(listener);
    }
}

impl ResultCache for MemoryStore {
    fn cached(&self, key: CacheKey) -> Result<Option<CachedValue>, StoreError> {
        Ok(self.contents.lock().cache.get(&key).map(|cached| cached.value.clone()))
    }

    fn lease(&self, key: CacheKey, answer: LeaseAnswer) {
        let mut contents = self.contents.lock();
        let stored_at = contents.cache.get(&key).map(|cached| cached.value.stored_at);
        let is_free = contents.leases.insert(key);
        // Under no lock, since it wakes the caller.
        drop(contents);
        let leased = if is_free { Leased::Granted { stored_at } } else { Leased::Held };
        if answer.send(Ok(leased)).is_err() && is_free {
            self.release(key);
        }
    }

    fn release(&self, key: CacheKey) {
        self.contents.lock().leases.remove(&key);
    }
}

fn acknowledge(ack: Option<CommitAck>, outcome: Result<(), StoreError>) {
    if let Some(ack) = ack {
        // The caller may be gone.
        ack.send(outcome).ok();
    }
}

/// The only process that can own anything here.
fn this_process() -> OwnerName {
    OwnerName::new(std::process::id(), "this host")
}

fn now() -> WallTime {
    WallTime::from(clock::wall_now())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;
    use crate::store::contract::{StorePlace, store_contract};

    impl StorePlace for MemoryStore {
        const HISTORIES: u32 = 5000;

        fn new() -> Self {
            Self::new()
        }

        fn store(&self) -> &dyn Store {
            self
        }

        fn crash(&mut self) {
            Self::crash(self);
        }
    }

    store_contract!(MemoryStore);
}

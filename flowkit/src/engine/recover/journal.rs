//! What later attempts of a flow take over from earlier ones: the results of the calls that succeeded.
//!
//! A call is found again by its key: parent / task / inputs / n-th such call. So the order of calls is free.

use parking_lot::Mutex;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use super::earlier::Claimed;
use crate::model::{Digest, OrderNo, State, TaskRunId};
use crate::store::TimeUp;

pub(crate) struct Journal {
    /// Whether the flow may be retried in this process; otherwise nobody asks for what is kept here.
    remembers: bool,
    results: Mutex<HashMap<Digest, Arc<dyn Any + Send + Sync>>>,
    /// Where the store keeps the results of which there is no copy here.
    places: Mutex<HashMap<Digest, TaskRunId>>,
    ends: Mutex<Ends>,
    /// The waits whose time was up.
    times_up: Mutex<HashMap<Digest, TimeUp>>,
}

/// When calls ended in earlier attempts of the flow, as far as they end so again.
#[derive(Default)]
struct Ends {
    succeeded: HashMap<Digest, OrderNo>,
    cancelled: HashMap<Digest, OrderNo>,
    /// The first end that is tried anew: what a body decided after it, it may have decided because of it.
    first_anew: Option<OrderNo>,
}

impl Journal {
    pub(crate) fn new(remembers: bool) -> Self {
        Self {
            remembers,
            results: Mutex::default(),
            places: Mutex::default(),
            ends: Mutex::default(),
            times_up: Mutex::default(),
        }
    }

    /// Whether a later attempt of the flow may ask.
    pub(crate) fn remembers(&self) -> bool {
        self.remembers
    }

    /// Takes note of how a call ended; `by_body` if a body cancelled it.
    pub(crate) fn note_end(&self, key: Option<Digest>, state: State, by_body: bool, no: OrderNo) {
        let mut ends = self.ends.lock();
        match key {
            Some(key) if state.is_success() => drop(ends.succeeded.insert(key, no)),
            Some(key) if by_body => drop(ends.cancelled.insert(key, no)),
            _ if state == State::Skipped => {}
            _ => ends.note_anew(key, no),
        }
    }

    /// Takes note of an end that an earlier process has recorded, as `claimed` says, and that is no event of this one.
    pub(crate) fn note_recorded(&self, key: Digest, claimed: &Claimed, no: OrderNo) {
        let mut ends = self.ends.lock();
        match claimed {
            Claimed::Kept | Claimed::Again(_) => drop(ends.succeeded.insert(key, no)),
            Claimed::Cancelled => drop(ends.cancelled.insert(key, no)),
            Claimed::Failed(_) | Claimed::Refused(_) => ends.note_anew(Some(key), no),
        }
    }

    /// Returns the number of the end that a call had, if it ends so again.
    pub(crate) fn recorded_no(&self, key: Digest) -> Option<OrderNo> {
        let ends = self.ends.lock();
        ends.succeeded.get(&key).copied().or_else(|| ends.cancelled_for_good(key))
    }

    /// Whether a body cancelled a call, and would again.
    pub(crate) fn is_cancelled(&self, key: Digest) -> bool {
        self.ends.lock().cancelled_for_good(key).is_some()
    }

    pub(crate) fn note_time_up(&self, time_up: TimeUp) {
        self.times_up.lock().insert(time_up.key, time_up);
    }

    pub(crate) fn time_up(&self, key: Digest) -> Option<TimeUp> {
        self.times_up.lock().get(&key).cloned()
    }

    /// Keeps a copy of a result.
    pub(crate) fn keep<T: Send + Sync + 'static>(&self, key: Digest, copy: T) {
        let before = self.results.lock().insert(key, Arc::new(copy));
        // Under no lock: its drop is the user's code.
        drop(before);
    }

    /// Takes note of which task run has the result of a call in the store.
    pub(crate) fn keep_place(&self, key: Digest, place: TaskRunId) {
        self.places.lock().insert(key, place);
    }

    pub(crate) fn place(&self, key: Digest) -> Option<TaskRunId> {
        self.places.lock().get(&key).copied()
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self, key: Digest) -> Option<Arc<T>> {
        Arc::clone(self.results.lock().get(&key)?).downcast().ok()
    }
}

impl Ends {
    fn note_anew(&mut self, key: Option<Digest>, no: OrderNo) {
        if let Some(key) = key {
            self.succeeded.remove(&key);
        }
        self.first_anew = Some(self.first_anew.map_or(no, |first| first.min(no)));
    }

    fn cancelled_for_good(&self, key: Digest) -> Option<OrderNo> {
        let no = *self.cancelled.get(&key)?;
        self.first_anew.is_none_or(|first| no < first).then_some(no)
    }
}

/// Counts equal calls within one attempt of a flow.
#[derive(Default)]
pub(crate) struct Ordinals(Mutex<HashMap<Digest, u32>>);

impl Ordinals {
    /// Returns the key of the next call of this kind.
    pub(crate) fn next(&self, parent: Option<Digest>, task: &str, inputs: Option<Digest>) -> Digest {
        let mut hasher = blake3::Hasher::new();
        for part in [parent, inputs] {
            match part {
                Some(digest) => hasher.update(&[1]).update(digest.as_bytes()),
                None => hasher.update(&[0]),
            };
        }
        hasher.update(task.as_bytes());
        let kind = Digest::from_bytes(*hasher.finalize().as_bytes());
        let mut counts = self.0.lock();
        let count = counts.entry(kind).or_insert(0);
        *count += 1;
        hasher.update(&count.to_le_bytes());
        Digest::from_bytes(*hasher.finalize().as_bytes())
    }
}

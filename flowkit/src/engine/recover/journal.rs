//! What later attempts of a flow take over from earlier ones: the results of the calls that succeeded.
//!
//! A call is found again by its key: parent / task / inputs / n-th such call. So the order of calls is free.

use parking_lot::Mutex;
use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{Digest, TaskRunId};

pub(crate) struct Journal {
    /// Whether the flow may be retried in this process; otherwise nobody asks for what is kept here.
    remembers: bool,
    results: Mutex<HashMap<Digest, Arc<dyn Any + Send + Sync>>>,
    /// Where the store keeps the results of which there is no copy here.
    places: Mutex<HashMap<Digest, TaskRunId>>,
}

impl Journal {
    pub(crate) fn new(remembers: bool) -> Self {
        Self { remembers, results: Mutex::default(), places: Mutex::default() }
    }

    /// Whether a later attempt of the flow may ask.
    pub(crate) fn remembers(&self) -> bool {
        self.remembers
    }

    /// Keeps a copy of a result.
    pub(crate) fn keep<T: Send + Sync + 'static>(&self, key: Digest, copy: T) {
        self.results.lock().insert(key, Arc::new(copy));
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

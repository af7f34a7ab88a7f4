//! The cache of this process: one execution per key at a time, all other callers get its result.
//!
//! Failures are never cached. When the leader fails or is dropped, one of the waiting callers becomes the leader.
//!
//! Why not `moka`: it returns a failure to all waiting callers, its clock is one that tests cannot pause, and it would bring
//! more crates than flowkit without features may have.

use std::any::Any;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as MapEntry;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::clock;
use crate::engine::attempt::panics::guarded;
use crate::policy::cache::CacheKey;

/// More results than this are not cached in memory; the oldest are evicted.
const ENTRIES_MAX: usize = 10_000;

/// The number of results that are evicted at a time, since eviction checks every entry, those in flight too.
const ROOM: usize = ENTRIES_MAX / 10;

type Value = Arc<dyn Any + Send + Sync>;

type Entries = DashMap<CacheKey, Entry, BuildHasherDefault<KeyHasher>>;

/// A key is a digest, and a part of it is as good as any hash of it.
#[derive(Default)]
struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn write(&mut self, digest: &[u8]) {
        if let Some(part) = digest.first_chunk() {
            self.0 = u64::from_le_bytes(*part);
        }
    }

    /// The length of the digest.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[derive(Default)]
pub(crate) struct Memory {
    entries: Arc<Entries>,
    sequence: AtomicU64,
    /// The last lease could not be had from the store.
    alone: AtomicBool,
    /// The store had no result for the last key that was looked up.
    missed: AtomicBool,
}

enum Entry {
    /// A leader executes, until this is cancelled.
    InFlight(CancellationToken),
    Cached {
        value: Value,
        at: Instant,
        ttl: Option<Duration>,
        /// Larger for younger entries.
        sequence: u64,
    },
}

impl Entry {
    fn sequence(&self) -> Option<u64> {
        match self {
            Self::InFlight(_) => None,
            Self::Cached { sequence, .. } => Some(*sequence),
        }
    }
}

/// What a lookup in the cache gives.
pub(crate) enum MemoryLookup {
    Value(Value),
    /// It is not cached: the caller executes.
    Lead(Lead),
    /// A leader executes until this is cancelled: wait, then look again.
    Wait(CancellationToken),
}

/// The right to execute for a key. Dropping it without a result lets another caller lead.
pub(crate) struct Lead {
    entries: Arc<Entries>,
    key: CacheKey,
    /// The result is cached, and the entry no longer belongs to this lead: it may be in flight again.
    is_done: bool,
    // Dropped last: it wakes the waiting callers, in the order in which they came, and they must find the entry changed.
    _over: DropGuard,
}

impl Memory {
    /// Returns a fresh result, if there is one. A miss gives no right to execute.
    pub(crate) fn get(&self, key: CacheKey) -> Option<Value> {
        match &*self.entries.get(&key)? {
            Entry::Cached { value, at, ttl, .. } if is_fresh(*at, *ttl) => Some(Arc::clone(value)),
            Entry::Cached { .. } | Entry::InFlight(_) => None,
        }
    }

    /// Looks up a fresh result; `refresh` ignores cached ones.
    pub(crate) fn look_up(&self, key: CacheKey, refresh: bool) -> MemoryLookup {
        let (found, stale) = self.find(key, refresh);
        // Under no lock: its drop is the user's code, which may panic, or use the cache.
        guarded("drop of a cached result", || drop(stale));
        found
    }

    /// The same, with the stale entry that the caller's lead has replaced.
    fn find(&self, key: CacheKey, refresh: bool) -> (MemoryLookup, Option<Entry>) {
        let found = match self.entries.entry(key) {
            MapEntry::Occupied(mut occupied) => match occupied.get() {
                Entry::InFlight(over) => MemoryLookup::Wait(over.clone()),
                Entry::Cached { value, at, ttl, .. } if !refresh && is_fresh(*at, *ttl) => {
                    MemoryLookup::Value(Arc::clone(value))
                }
                Entry::Cached { .. } => {
                    let (lead, over) = self.lead(key);
                    let stale = occupied.insert(Entry::InFlight(over));
                    return (MemoryLookup::Lead(lead), Some(stale));
                }
            },
            MapEntry::Vacant(vacant) => {
                let (lead, over) = self.lead(key);
                vacant.insert(Entry::InFlight(over));
                MemoryLookup::Lead(lead)
            }
        };
        (found, None)
    }

    /// Notes that a store could give no lease. Returns whether that is news.
    pub(super) fn shares_no_more(&self) -> bool {
        !self.alone.swap(true, Ordering::Relaxed)
    }

    /// Notes that a store has given a lease.
    pub(super) fn shares_again(&self) {
        self.alone.store(false, Ordering::Relaxed);
    }

    /// Whether a look-up in the store is likely to find nothing: the last one did not. Then the lease is asked for at once, and
    /// its answer tells whether there is a result after all.
    pub(super) fn expects_a_miss(&self) -> bool {
        self.missed.load(Ordering::Relaxed) && !self.alone.load(Ordering::Relaxed)
    }

    /// Notes whether the store had no result.
    pub(super) fn note_stored(&self, is_miss: bool) {
        self.missed.store(is_miss, Ordering::Relaxed);
    }

    fn lead(&self, key: CacheKey) -> (Lead, CancellationToken) {
        let over = CancellationToken::new();
        let ends = over.clone().drop_guard();
        (Lead { entries: Arc::clone(&self.entries), key, is_done: false, _over: ends }, over)
    }

    /// Caches a result and wakes the waiting callers.
    pub(crate) fn insert(&self, mut lead: Lead, value: Value, ttl: Option<Duration>) {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        if sequence.is_multiple_of(ROOM as u64) {
            self.evict();
        }
        let before = self.entries.insert(lead.key, Entry::Cached { value, at: clock::now(), ttl, sequence });
        lead.is_done = true;
        guarded("drop of a cached result", || drop(before));
    }

    /// Drops stale entries, and then the oldest until there is room.
    fn evict(&self) {
        self.remove(|entry| matches!(entry, Entry::Cached { at, ttl, .. } if !is_fresh(*at, *ttl)));
        let mut sequences: Vec<u64> = self.entries.iter().filter_map(|entry| entry.sequence()).collect();
        let surplus = sequences.len().saturating_sub(ENTRIES_MAX - ROOM);
        if surplus > 0 {
            let (_, last_to_go, _) = sequences.select_nth_unstable(surplus - 1);
            self.remove(|entry| entry.sequence().is_some_and(|sequence| sequence <= *last_to_go));
        }
    }

    /// Removes entries, and drops their values under no lock.
    fn remove(&self, is_removed: impl Fn(&Entry) -> bool) {
        let mut gone = Vec::new();
        self.entries.retain(|_, entry| {
            let is_removed = is_removed(entry);
            if let (true, Entry::Cached { value, .. }) = (is_removed, entry) {
                gone.push(Arc::clone(value));
            }
            !is_removed
        });
        for value in gone {
            guarded("drop of a cached result", || drop(value));
        }
    }
}

fn is_fresh(at: Instant, ttl: Option<Duration>) -> bool {
    ttl.is_none_or(|ttl| clock::now().saturating_duration_since(at) < ttl)
}

impl Drop for Lead {
    fn drop(&mut self) {
        if !self.is_done {
            self.entries.remove_if(&self.key, |_, entry| matches!(entry, Entry::InFlight(_)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher as _;

    use super::*;
    use crate::policy::cache::TaskIdentity;
    use crate::value::canonical::digest;

    #[test]
    fn the_hash_of_a_key_is_a_part_of_its_digest() {
        let task = TaskIdentity { name: "load", source_hash: 7, version: None };
        let key = CacheKey::new(&task, None, digest("a").unwrap());
        let part = key.digest().as_bytes().first_chunk().copied().unwrap();
        assert_eq!(BuildHasherDefault::<KeyHasher>::default().hash_one(key), u64::from_le_bytes(part));
    }
}

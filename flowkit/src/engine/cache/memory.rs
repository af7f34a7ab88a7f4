//! The cache of this process: one execution per key at a time, everyone else gets its result.
//!
//! Failures are never kept. When the one who executes fails or is dropped, one of those who wait takes its place.

use std::any::Any;
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

/// More results than this are not kept in memory; the oldest give way.
const ENTRIES_MAX: usize = 10_000;

/// For how many results room is made at a time: it looks at every entry, those in flight too.
const ROOM: usize = ENTRIES_MAX / 10;

type Value = Arc<dyn Any + Send + Sync>;

#[derive(Default)]
pub(crate) struct Memory {
    entries: Arc<DashMap<CacheKey, Entry>>,
    sequence: AtomicU64,
    /// The last lease that was asked of a store could not be had.
    alone: AtomicBool,
}

enum Entry {
    /// Somebody executes, until this is cancelled.
    InFlight(CancellationToken),
    Kept {
        value: Value,
        at: Instant,
        ttl: Option<Duration>,
        /// The larger, the younger.
        sequence: u64,
    },
}

impl Entry {
    fn sequence(&self) -> Option<u64> {
        match self {
            Self::InFlight(_) => None,
            Self::Kept { sequence, .. } => Some(*sequence),
        }
    }
}

/// What a look into the cache says.
pub(crate) enum MemoryLookup {
    Value(Value),
    /// Nobody has it: the caller executes.
    Lead(Lead),
    /// Somebody executes until this is cancelled: wait, then look again.
    Wait(CancellationToken),
}

/// The right to execute for a key. Dropping it without a result lets another one lead.
pub(crate) struct Lead {
    entries: Arc<DashMap<CacheKey, Entry>>,
    key: CacheKey,
    /// There is a result, and the entry is no longer this lead's: it may be in flight again.
    kept: bool,
    // Dropped last: it wakes those who wait, in the order in which they came, who must then find the entry changed.
    _over: DropGuard,
}

impl Memory {
    /// Looks for a fresh result; `refresh` ignores what is kept.
    pub(crate) fn look(&self, key: CacheKey, refresh: bool) -> MemoryLookup {
        let (found, stale) = self.look_up(key, refresh);
        // Under no lock: its drop is the user's code, which may panic, or ask the cache.
        guarded("drop of a cached result", || drop(stale));
        found
    }

    /// The same, with the entry that the caller's lead has taken the place of.
    fn look_up(&self, key: CacheKey, refresh: bool) -> (MemoryLookup, Option<Entry>) {
        let found = match self.entries.entry(key) {
            MapEntry::Occupied(mut occupied) => match occupied.get() {
                Entry::InFlight(over) => MemoryLookup::Wait(over.clone()),
                Entry::Kept { value, at, ttl, .. } if !refresh && is_fresh(*at, *ttl) => {
                    MemoryLookup::Value(Arc::clone(value))
                }
                Entry::Kept { .. } => {
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

    /// Says that a store could give no lease. Whether it could before.
    pub(super) fn shares_no_more(&self) -> bool {
        !self.alone.swap(true, Ordering::Relaxed)
    }

    /// Says that a store has given a lease.
    pub(super) fn shares_again(&self) {
        self.alone.store(false, Ordering::Relaxed);
    }

    fn lead(&self, key: CacheKey) -> (Lead, CancellationToken) {
        let over = CancellationToken::new();
        let ends = over.clone().drop_guard();
        (Lead { entries: Arc::clone(&self.entries), key, kept: false, _over: ends }, over)
    }

    /// Keeps a result and lets everyone who waits have it.
    pub(crate) fn keep(&self, mut lead: Lead, value: Value, ttl: Option<Duration>) {
        let sequence = self.sequence.fetch_add(1, Ordering::Relaxed);
        if sequence.is_multiple_of(ROOM as u64) {
            self.make_room();
        }
        let before = self.entries.insert(lead.key, Entry::Kept { value, at: clock::now(), ttl, sequence });
        lead.kept = true;
        guarded("drop of a cached result", || drop(before));
    }

    /// Drops what is stale, and then the oldest until there is room.
    fn make_room(&self) {
        self.remove(|entry| matches!(entry, Entry::Kept { at, ttl, .. } if !is_fresh(*at, *ttl)));
        let mut kept: Vec<u64> = self.entries.iter().filter_map(|entry| entry.sequence()).collect();
        let surplus = kept.len().saturating_sub(ENTRIES_MAX - ROOM);
        if surplus > 0 {
            let (_, last_to_go, _) = kept.select_nth_unstable(surplus - 1);
            self.remove(|entry| entry.sequence().is_some_and(|sequence| sequence <= *last_to_go));
        }
    }

    /// Removes entries, and drops their values under no lock.
    fn remove(&self, goes: impl Fn(&Entry) -> bool) {
        let mut gone = Vec::new();
        self.entries.retain(|_, entry| {
            let goes = goes(entry);
            if let (true, Entry::Kept { value, .. }) = (goes, entry) {
                gone.push(Arc::clone(value));
            }
            !goes
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
        if !self.kept {
            self.entries.remove_if(&self.key, |_, entry| matches!(entry, Entry::InFlight(_)));
        }
    }
}

//! The cache of this process: one execution per key at a time, everyone else gets its result.
//!
//! Failures are never kept. When the one who executes fails or is dropped, one of those who wait takes its place.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as MapEntry;
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::engine::clock;
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
pub(crate) enum Found {
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
    pub(crate) fn look(&self, key: CacheKey, refresh: bool) -> Found {
        match self.entries.entry(key) {
            MapEntry::Occupied(mut occupied) => match occupied.get() {
                Entry::InFlight(over) => Found::Wait(over.clone()),
                Entry::Kept { value, at, ttl, .. } if !refresh && is_fresh(*at, *ttl) => {
                    Found::Value(Arc::clone(value))
                }
                Entry::Kept { .. } => {
                    let (lead, over) = self.lead(key);
                    occupied.insert(Entry::InFlight(over));
                    Found::Lead(lead)
                }
            },
            MapEntry::Vacant(vacant) => {
                let (lead, over) = self.lead(key);
                vacant.insert(Entry::InFlight(over));
                Found::Lead(lead)
            }
        }
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
        self.entries.insert(lead.key, Entry::Kept { value, at: clock::now(), ttl, sequence });
        lead.kept = true;
    }

    /// Drops what is stale, and then the oldest until there is room.
    fn make_room(&self) {
        self.entries.retain(|_, entry| !matches!(entry, Entry::Kept { at, ttl, .. } if !is_fresh(*at, *ttl)));
        let mut kept: Vec<u64> = self.entries.iter().filter_map(|entry| entry.sequence()).collect();
        let surplus = kept.len().saturating_sub(ENTRIES_MAX - ROOM);
        if surplus > 0 {
            let (_, last_to_go, _) = kept.select_nth_unstable(surplus - 1);
            self.entries.retain(|_, entry| entry.sequence().is_none_or(|sequence| sequence > *last_to_go));
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

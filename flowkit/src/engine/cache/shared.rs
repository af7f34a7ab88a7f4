//! The cache that all processes share, through the store: a result that any of them has persisted, or the lease to make
//! one.
//!
//! If the store cannot be read, the task runs, as it would without a cache.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Value;
use super::waiting::{Interrupted, Waiting};
use crate::clock;
use crate::engine::replay::run_store::{answered, ask};
use crate::engine::task_run::core::Core;
use crate::model::Unreadable;
use crate::policy::cache::{CacheKey, is_fresh};
use crate::store::{CachedValue, Leased, Store, StoreError};

/// Reads a result; a panic in it is one of its task.
type Decode = fn(&[u8]) -> Result<Value, Unreadable>;

/// How long to wait before asking again whether the process with the lease is done. The wait doubles up to the second
/// value.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LAST_WAIT: Duration = Duration::from_millis(500);

/// The right to execute for a key, among all processes. Dropping it releases it.
pub(crate) struct Lease {
    store: Arc<dyn Store>,
    key: CacheKey,
    held: bool,
}

impl Lease {
    /// The result is persisted under the key, which released the lease: another process may have it by now.
    pub(crate) fn release_with_result(&mut self) {
        self.held = false;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.held {
            self.store.release(self.key);
        }
    }
}

/// A lease that was asked for. Dropped before the answer, it takes none.
struct Asked<'a> {
    store: &'a Arc<dyn Store>,
    key: CacheKey,
    answer: oneshot::Receiver<Result<Leased, StoreError>>,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        self.answer.close();
        if let Ok(Ok(Leased::Granted { .. })) = self.answer.try_recv() {
            self.store.release(self.key);
        }
    }
}

async fn ask_for_lease(store: &Arc<dyn Store>, key: CacheKey) -> Result<Leased, StoreError> {
    let (sender, answer) = oneshot::channel();
    store.lease(key, sender);
    let mut asked = Asked { store, key, answer };
    answered(store.may_block(), &mut asked.answer).await
}

/// What a lookup in the store gives.
pub(crate) enum InStore {
    /// A result, and for how long it may still be used.
    Value { value: Value, left: Option<Duration> },
    /// No result: the caller executes, without a lease if the store cannot give one.
    Lease(Option<Lease>),
}

/// Looks up a fresh result; waits while another process executes for the same key.
pub(super) async fn look_into_store(
    waiting: &mut Waiting<'_>,
    store: &Arc<dyn Store>,
    key: CacheKey,
    refresh: bool,
    ttl: Option<Duration>,
    decode: Decode,
) -> Result<InStore, Interrupted> {
    let core = waiting.core;
    let mut wait = FIRST_WAIT;
    let mut lease = None;
    let cache = core.runtime().cache();
    let mut reads = !refresh && !cache.expects_a_miss();
    loop {
        let seen = if reads { read(core, store, key).await } else { None };
        if reads {
            cache.note_stored(seen.is_none());
        }
        let seen_at = seen.as_ref().map(|value| value.stored_at);
        // If there is a result, nothing needs to be written.
        if let Some(value) = seen.and_then(|seen| usable(core, &seen, ttl, decode)) {
            return Ok(value);
        }
        if lease.is_some() {
            return Ok(InStore::Lease(lease));
        }
        match ask_for_lease(store, key).await {
            Ok(Leased::Granted { stored_at }) => {
                cache.shares_again();
                lease = Some(Lease { store: Arc::clone(store), key, held: true });
                if refresh || stored_at == seen_at {
                    return Ok(InStore::Lease(lease));
                }
                // There is a result that was not looked up, or the process that had the lease until now has stored one.
                reads = true;
                continue;
            }
            Ok(Leased::Held) => reads = !refresh,
            Err(error) => {
                // Logged once for all tasks that are affected by the same outage.
                let is_news = cache.shares_no_more();
                if !reads && !refresh {
                    // What cannot be written may still be read.
                    let known = read(core, store, key).await;
                    if let Some(value) = known.and_then(|known| usable(core, &known, ttl, decode)) {
                        return Ok(value);
                    }
                }
                if is_news {
                    tracing::warn!(
                        task = %core.label(), %error,
                        "cached tasks run, whether another process has their results or not"
                    );
                }
                return Ok(InStore::Lease(None));
            }
        }
        waiting.until(clock::sleep(wait)).await?;
        wait = (wait * 2).min(LAST_WAIT);
    }
}

/// Reads a result from the store.
async fn read(core: &Core, store: &Arc<dyn Store>, key: CacheKey) -> Option<CachedValue> {
    ask(store, move |store| store.cached(key)).await.unwrap_or_else(|error| {
        tracing::warn!(task = %core.label(), %error, "the cache cannot be read: the task runs");
        None
    })
}

/// Decodes a persisted result; `None` if it is stale, damaged or of another type.
fn usable(core: &Core, known: &CachedValue, ttl: Option<Duration>, decode: Decode) -> Option<InStore> {
    // The shorter one counts: the one that was stored with it, or the one that the attribute has now.
    let ttl = known.ttl.into_iter().chain(ttl).min();
    let age = clock::wall().since(known.stored_at);
    if !is_fresh(Duration::ZERO, ttl, age) {
        return None;
    }
    match decode(&known.envelope) {
        Ok(value) => Some(InStore::Value { value, left: ttl.map(|ttl| ttl.saturating_sub(age)) }),
        Err(reason) => {
            tracing::warn!(task = %core.label(), %reason, "the cached result cannot be used: the task runs");
            None
        }
    }
}

#[cfg(all(test, feature = "store"))]
mod tests {
    use super::*;
    use crate::store::MemoryStore;
    use crate::store::contract::script::{cache_key, lease};

    #[test]
    fn a_request_for_a_lease_that_is_dropped_after_its_answer_takes_none() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let (sender, answer) = oneshot::channel();
        store.lease(cache_key("a"), sender);
        assert!(!lease(&*store, "a"), "it is granted");
        drop(Asked { store: &store, key: cache_key("a"), answer });
        assert!(lease(&*store, "a"));
    }
}

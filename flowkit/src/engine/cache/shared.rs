//! The cache that all processes share, through the store: a result that any of them has persisted, or the lease to make
//! one.
//!
//! If the store cannot be read, the task runs, as it would without a cache.

use std::sync::Arc;
use std::time::Duration;

use super::waiting::Waiting;
use crate::clock;
use crate::engine::replay::run_store::ask;
use crate::engine::task_run::core::Core;
use crate::model::{Error, Unreadable};
use crate::policy::cache::{CacheKey, is_fresh};
use crate::store::{CachedValue, Store, StoreError};

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

/// What a lookup in the store gives.
pub(crate) enum InStore<T> {
    /// A result, and for how long it may still be used.
    Value { value: T, left: Option<Duration> },
    /// No result: the caller executes, without a lease if the store cannot give one.
    Lease(Option<Lease>),
}

/// Looks up a fresh result; waits while another process executes for the same key.
pub(crate) async fn look_into_store<T, E>(
    waiting: &mut Waiting<'_>,
    store: &Arc<dyn Store>,
    key: CacheKey,
    refresh: bool,
    ttl: Option<Duration>,
    decode: &(impl Fn(&[u8]) -> Result<T, Unreadable> + Sync),
) -> Result<InStore<T>, Error<E>> {
    let core = waiting.core;
    let mut wait = FIRST_WAIT;
    loop {
        // Mostly there is a result, and then nothing needs to be written.
        let known = if refresh { Ok(None) } else { ask(store, move |store| store.cached(key)).await };
        if let Some(value) = usable(core, known, ttl, decode) {
            return Ok(value);
        }
        match ask(store, move |store| store.lease(key)).await {
            Ok(true) => {
                core.runtime().cache().shares_again();
                let lease = Lease { store: Arc::clone(store), key, held: true };
                // The process that had the lease until now may have stored a result.
                let known = if refresh { Ok(None) } else { ask(store, move |store| store.cached(key)).await };
                return Ok(usable(core, known, ttl, decode).unwrap_or(InStore::Lease(Some(lease))));
            }
            Ok(false) => {}
            Err(error) => {
                // Logged once for all tasks that are affected by the same outage.
                if core.runtime().cache().shares_no_more() {
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

/// Decodes a persisted result; `None` if it is stale, damaged or of another type.
fn usable<T>(
    core: &Core,
    known: Result<Option<CachedValue>, StoreError>,
    ttl: Option<Duration>,
    decode: &impl Fn(&[u8]) -> Result<T, Unreadable>,
) -> Option<InStore<T>> {
    let known = known.unwrap_or_else(|error| {
        tracing::warn!(task = %core.label(), %error, "the cache cannot be read: the task runs");
        None
    })?;
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

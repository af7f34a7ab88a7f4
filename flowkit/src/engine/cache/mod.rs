//! Whether the result of a call is known already: in this process, or in the store that all processes share.
//!
//! The key and what it is made of are decided in `policy/cache`; here it is looked up, and one caller per key executes.

mod memory;
mod shared;
mod waiting;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::memory::Memory;
use self::memory::{Lead, MemoryLookup};
use self::shared::{InStore, Lease, look_into_store};
use self::waiting::Waiting;
use crate::engine::attempt::panics::guarded;
use crate::engine::blocking;
use crate::engine::body::{Body, CacheScope};
use crate::engine::described::described;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::options::{CacheUse, CallOptions};
use crate::model::Error;
use crate::policy::cache::{CacheKey, KeyParts, TaskIdentity};
use crate::store::CacheEntry;

/// A cached result that a call wants.
pub(crate) struct Wanted {
    key: CacheKey,
    /// Cached results are ignored.
    refresh: bool,
    ttl: Option<Duration>,
    /// Its entry in the store's cache; `None` if only this process shares it.
    entry: Option<Box<CacheEntry>>,
}

/// What a lookup in the cache gives.
pub(crate) enum CacheLookup<T> {
    Value(T),
    /// It is not cached: the caller executes.
    Right(Box<Right>),
}

/// The right to execute for a key. Dropping it without a result lets another caller execute.
pub(crate) struct Right {
    // The lease goes first: the next leader in this process may ask for it again.
    lease: Option<Lease>,
    lead: Lead,
    wanted: Wanted,
}

impl Right {
    /// Attaches the result to be shared.
    pub(crate) fn share<T: Any + Send + Sync>(self, value: T) -> Box<SharedResult> {
        Box::new(SharedResult { right: self, value: Arc::new(value) })
    }
}

/// A result that is shared as soon as it is durable. Dropped before that, it is not shared.
pub(crate) struct SharedResult {
    right: Right,
    value: Arc<dyn Any + Send + Sync>,
}

impl SharedResult {
    /// Returns the result's entry for the store's cache, once.
    pub(crate) fn take_entry(&mut self) -> Option<CacheEntry> {
        self.right.wanted.entry.take().map(|entry| *entry)
    }

    /// Notes that the store has the result with its cache entry.
    pub(crate) fn mark_persisted(&mut self) {
        if self.right.wanted.entry.is_none()
            && let Some(lease) = &mut self.right.lease
        {
            lease.release_with_result();
        }
    }

    /// Gives the result to all callers in this process that wait for it.
    pub(crate) fn publish(self, memory: &Memory) {
        let Right { lease, lead, wanted } = self.right;
        drop(lease);
        memory.insert(lead, self.value, wanted.ttl);
    }
}

/// Says under which key the result of a call may be known; `None` if it is not cached.
pub(crate) fn wanted<B: Body>(
    core: &Core,
    body: &Option<B>,
    options: Option<&CallOptions<B::Error>>,
    ttl: Option<Duration>,
) -> Option<Wanted> {
    let info = B::info();
    let cache_use = options.map(|options| options.cache).unwrap_or_default();
    let scope = match info.cache {
        _ if cache_use == CacheUse::Off || core.runtime().skips_cache() => return None,
        CacheScope::Off => return None,
        CacheScope::Runtime => None,
        // Outside a flow there is no run whose calls could share a result.
        CacheScope::Run => Some(core.run()?.id.as_uuid().into_bytes()),
    };
    let declaration = &info.declaration;
    let identity = TaskIdentity {
        name: B::identity(),
        source_hash: declaration.source_hash,
        version: declaration.version,
    };
    let body = body.as_ref()?;
    let run_store = core.run_store();
    let refresh = cache_use == CacheUse::Refresh
        || core.runtime().refreshes_cache()
        || run_store.and_then(|run_store| run_store.previous(|previous| previous.is_rerun(core.id)))
            == Some(true);
    let is_persisted = run_store.is_some() && B::codec().is_some();
    let mut parts = (is_persisted && info.cache == CacheScope::Runtime).then(Vec::new);
    // This runs the user's code: the closure of the key, or `Serialize` of the inputs.
    match guarded("cache key", || body.cache_key(core.runtime().sealing(), parts.as_mut()))? {
        Ok(inputs) => {
            let key = CacheKey::new(&identity, scope, inputs);
            let entry =
                parts.map(|parts| Box::new(CacheEntry { key, ttl, parts: KeyParts::new(&identity, parts) }));
            Some(Wanted { key, refresh, ttl, entry })
        }
        // A key that cannot be made switches caching off; it never falls back to a wider key.
        Err(reason) => {
            tracing::warn!(task = %core.label(), %reason, "not cached: the inputs give no cache key");
            None
        }
    }
}

/// Looks a result up; waits, holding no slot, while another caller executes for the same key, but no longer than `timeout`.
pub(crate) async fn look_up<B: Body>(
    core: &Core,
    mut wanted: Wanted,
    timeout: Option<Duration>,
) -> Result<CacheLookup<B::Output>, Error<B::Error>> {
    let memory = core.runtime().cache();
    let mut waiting = Waiting::new(core, timeout);
    loop {
        match memory.look_up(wanted.key, wanted.refresh) {
            MemoryLookup::Lead(lead) => return lead_or_value::<B>(&mut waiting, lead, wanted).await,
            MemoryLookup::Value(value) => {
                if let Some(copy) = value.downcast_ref::<B::Output>().and_then(B::copy_output)
                    && has_its_files::<B>(core, &copy).await
                {
                    return Ok(CacheLookup::Value(copy));
                }
                // Another type under the same key can only come from two tasks with one path; execute.
                wanted.refresh = true;
            }
            MemoryLookup::Wait(over) => waiting.until(over.cancelled()).await?,
        }
    }
}

/// The result is not in this process: it may be in the store.
async fn lead_or_value<B: Body>(
    waiting: &mut Waiting<'_>,
    lead: Lead,
    wanted: Wanted,
) -> Result<CacheLookup<B::Output>, Error<B::Error>> {
    let core = waiting.core;
    let Some((run_store, codec)) = core.run_store().zip(B::codec()).filter(|_| wanted.entry.is_some()) else {
        return Ok(CacheLookup::Right(Box::new(Right { lease: None, lead, wanted })));
    };
    let version = B::info().declaration.version;
    let decode = |bytes: &[u8]| (codec.decode)(bytes, version);
    let mut refresh = wanted.refresh;
    loop {
        match look_into_store(waiting, &run_store.store, wanted.key, refresh, wanted.ttl, &decode).await? {
            InStore::Lease(lease) => return Ok(CacheLookup::Right(Box::new(Right { lease, lead, wanted }))),
            InStore::Value { value, left } if has_its_files::<B>(core, &value).await => {
                if let Some(copy) = B::copy_output(&value) {
                    core.runtime().cache().insert(lead, Arc::new(copy), left);
                }
                return Ok(CacheLookup::Value(value));
            }
            InStore::Value { .. } => refresh = true,
        }
    }
}

/// Whether all files that a cached result describes as a [`Model`](crate::Model) or a [`Dataset`](crate::Dataset) still exist with
/// the same content: a call that takes the result would fail over one that does not.
async fn has_its_files<B: Body>(core: &Core, value: &B::Output) -> bool {
    let Some(codec) = B::codec().filter(|codec| (codec.describes_files)()) else { return true };
    let write = || described(|| (codec.json)(value));
    let files = guarded("way to write a result down", write).unwrap_or_default();
    if files.is_empty() {
        return true;
    }
    let changed = move || files.into_iter().find(|file| !file.is_there());
    let Some(Some(file)) = blocking::spawn(changed).await.ok() else { return true };
    let path = file.path().display();
    tracing::warn!(
        task = %core.label(),
        %path,
        "the cached result cannot be used, since the file that it describes is gone or has changed: the task runs"
    );
    false
}

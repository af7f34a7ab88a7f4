//! Whether the result of a call is known already: in this process, or in the store that all processes share.
//!
//! The key and what it is made of are decided in `policy/cache`; here it is looked up, and one caller per key executes.

mod memory;
mod shared;
mod waiting;

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

pub(crate) use self::memory::Memory;
use self::memory::{Lead, MemoryLookup};
use self::shared::{InStore, Lease, look_into_store};
use self::waiting::{Interrupted, Waiting};
use crate::engine::attempt::panics::guarded;
use crate::engine::blocking;
use crate::engine::body::{Body, CacheScope, TaskInfo};
use crate::engine::described::described;
use crate::engine::task_run::core::Core;
use crate::engine::task_run::options::{CacheUse, CallOptions};
use crate::model::{Digest, DigestError, Error, Unreadable};
use crate::policy::cache::{CacheKey, KeyInput, KeyParts, TaskIdentity};
use crate::store::CacheEntry;
use crate::value::canonical::Sealing;

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
pub(crate) enum CacheLookup {
    /// A copy of a result, which belongs to the caller alone.
    Value(Value),
    /// It is not cached: the caller executes.
    Right(Box<Right>),
}

/// What a lookup has to know of the results of a task. Not their type: the lookup is compiled once, not for each task.
#[derive(Clone, Copy)]
pub(crate) struct ResultType {
    /// Copies a result; `None` if it cannot be cloned, or is of another type.
    copy: fn(&Shared) -> Option<Value>,
    stored: Option<StoredType>,
}

/// The same of results in a store.
#[derive(Clone, Copy)]
struct StoredType {
    decode: fn(&[u8]) -> Result<Value, Unreadable>,
    /// Writes a result that may describe files down; `None` if no result does.
    files: Option<fn(&Shared)>,
}

type Shared = dyn Any + Send + Sync;
type Value = Arc<Shared>;

impl ResultType {
    fn of<B: Body>() -> Self {
        let stored = B::codec().map(|codec| StoredType {
            decode: decode::<B>,
            files: (codec.describes_files)().then_some(write::<B> as fn(&Shared)),
        });
        Self { copy: copy::<B>, stored }
    }

    fn describes_files(&self) -> bool {
        self.stored.is_some_and(|stored| stored.files.is_some())
    }
}

fn copy<B: Body>(result: &Shared) -> Option<Value> {
    Some(Arc::new(B::copy_output(result.downcast_ref()?)?))
}

fn decode<B: Body>(bytes: &[u8]) -> Result<Value, Unreadable> {
    let codec = B::codec().expect("bug in flowkit: a result was read whose type cannot be");
    Ok(Arc::new((codec.decode)(bytes, B::info().declaration.version)?))
}

fn write<B: Body>(result: &Shared) {
    if let Some((codec, result)) = B::codec().zip(result.downcast_ref()) {
        let _ = (codec.json)(result);
    }
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
    if B::info().cache == CacheScope::Off {
        return None;
    }
    let body = body.as_ref()?;
    let cache_use = options.map(|options| options.cache).unwrap_or_default();
    let cached = Cached { info: B::info(), identity: B::identity(), has_codec: B::codec().is_some() };
    wanted_by(core, cached, cache_use, ttl, &|sealing, parts| body.cache_key(sealing, parts))
}

/// What a key has of a task.
struct Cached {
    info: &'static TaskInfo,
    identity: &'static str,
    has_codec: bool,
}

/// Digests the inputs of a call, and describes them.
type Inputs<'a> = dyn Fn(Sealing<'_>, Option<&mut Vec<KeyInput>>) -> Result<Digest, DigestError> + 'a;

fn wanted_by(
    core: &Core,
    Cached { info, identity, has_codec }: Cached,
    cache_use: CacheUse,
    ttl: Option<Duration>,
    inputs: &Inputs<'_>,
) -> Option<Wanted> {
    if cache_use == CacheUse::Off || core.runtime().skips_cache() {
        return None;
    }
    // Outside a flow there is no run whose calls could share a result.
    let run = || Some(core.run()?.id.as_uuid().into_bytes());
    let scope = if info.cache == CacheScope::Run { Some(run()?) } else { None };
    let declaration = &info.declaration;
    let identity =
        TaskIdentity { name: identity, source_hash: declaration.source_hash, version: declaration.version };
    let run_store = core.run_store();
    let refresh = cache_use == CacheUse::Refresh
        || core.runtime().refreshes_cache()
        || run_store.and_then(|run_store| run_store.previous(|previous| previous.is_rerun(core.id)))
            == Some(true);
    let is_persisted = run_store.is_some() && has_codec;
    let mut parts = (is_persisted && info.cache == CacheScope::Runtime).then(Vec::new);
    // This runs the user's code: the closure of the key, or `Serialize` of the inputs.
    match guarded("cache key", || inputs(core.runtime().sealing(), parts.as_mut()))? {
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

/// What a call gets from the cache.
pub(crate) enum Found<T> {
    Value(T),
    /// It is not cached: the caller executes.
    Right(Box<Right>),
}

/// Looks a result up; waits, holding no slot, while another caller executes for the same key, but no longer than `timeout`.
pub(crate) async fn find<B: Body>(
    core: &Core,
    wanted: Wanted,
    timeout: Option<Duration>,
) -> Result<Found<B::Output>, Error<B::Error>> {
    let of = ResultType::of::<B>();
    // Boxed only if it is not at hand.
    if let Some(value) = at_hand::<B>(core, &wanted, of) {
        return Ok(Found::Value(value));
    }
    match look_up(core, wanted, timeout, of).await {
        Ok(CacheLookup::Right(right)) => Ok(Found::Right(right)),
        Ok(CacheLookup::Value(value)) => {
            let value = value.downcast().ok().and_then(Arc::into_inner);
            Ok(Found::Value(value.expect("bug in flowkit: a cached result is of another type, or shared")))
        }
        Err(Interrupted::Stopped) => Err(core.stopped(false)),
        Err(Interrupted::TimedOut(limit)) => {
            Err(Error::TimedOut { run: core.label(), limit, attempts: 0, orphaned: false })
        }
    }
}

/// Returns a result that this process has, without waiting for anything.
fn at_hand<B: Body>(core: &Core, wanted: &Wanted, of: ResultType) -> Option<B::Output> {
    if wanted.refresh || of.describes_files() {
        return None;
    }
    core.runtime().cache().get(wanted.key)?.downcast_ref().and_then(B::copy_output)
}

fn look_up(
    core: &Core,
    mut wanted: Wanted,
    timeout: Option<Duration>,
    of: ResultType,
) -> BoxFuture<'_, Result<CacheLookup, Interrupted>> {
    Box::pin(async move {
        let memory = core.runtime().cache();
        let mut waiting = Waiting::new(core, timeout);
        loop {
            match memory.look_up(wanted.key, wanted.refresh) {
                MemoryLookup::Lead(lead) => return lead_or_value(&mut waiting, lead, wanted, of).await,
                MemoryLookup::Value(value) => {
                    if let Some(copy) = (of.copy)(&*value)
                        && has_its_files(core, &copy, of).await
                    {
                        return Ok(CacheLookup::Value(copy));
                    }
                    // Another type under the same key can only come from two tasks with one path; execute.
                    wanted.refresh = true;
                }
                MemoryLookup::Wait(over) => waiting.until(over.cancelled()).await?,
            }
        }
    })
}

/// The result is not in this process: it may be in the store.
async fn lead_or_value(
    waiting: &mut Waiting<'_>,
    lead: Lead,
    wanted: Wanted,
    of: ResultType,
) -> Result<CacheLookup, Interrupted> {
    let core = waiting.core;
    let Some((run_store, stored)) = core.run_store().zip(of.stored).filter(|_| wanted.entry.is_some()) else {
        return Ok(CacheLookup::Right(Box::new(Right { lease: None, lead, wanted })));
    };
    let mut refresh = wanted.refresh;
    loop {
        let in_store =
            look_into_store(waiting, &run_store.store, wanted.key, refresh, wanted.ttl, stored.decode)
                .await?;
        match in_store {
            InStore::Lease(lease) => return Ok(CacheLookup::Right(Box::new(Right { lease, lead, wanted }))),
            InStore::Value { value, left } if has_its_files(core, &value, of).await => {
                if let Some(copy) = (of.copy)(&*value) {
                    core.runtime().cache().insert(lead, copy, left);
                }
                return Ok(CacheLookup::Value(value));
            }
            InStore::Value { .. } => refresh = true,
        }
    }
}

/// Whether all files that a cached result describes as a [`Model`](crate::Model) or a [`Dataset`](crate::Dataset) still exist with
/// the same content: a call that takes the result would fail over one that does not.
async fn has_its_files(core: &Core, value: &Value, of: ResultType) -> bool {
    let Some(write) = of.stored.and_then(|stored| stored.files) else { return true };
    let write = || described(|| write(&**value));
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

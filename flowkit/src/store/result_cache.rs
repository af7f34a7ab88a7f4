//! Results that other runs may use. The third part of a [`Store`](super::Store).

use tokio::sync::oneshot;

use super::{CachedValue, StoreError};
use crate::model::WallTime;
use crate::policy::cache::CacheKey;

/// Finds results by their cache key, and lets one process at a time execute for a key.
///
/// A result enters the cache with its entry, see [`Entry::cache`](super::Entry::cache).
pub trait ResultCache {
    /// Looks for a result that any run has stored under `key`.
    ///
    /// # Errors
    ///
    /// If it cannot be read.
    fn cached(&self, key: CacheKey) -> Result<Option<CachedValue>, StoreError>;

    /// Asks for the lease to execute for `key`, among all processes. Returns at once; `answer` is sent soon, also while the
    /// store cannot be reached: the task then runs without a lease. If the caller is gone by then, the lease is free.
    ///
    /// A lease ends with its process, so it need not survive a power cut.
    fn lease(&self, key: CacheKey, answer: LeaseAnswer);

    /// Releases the lease of `key`. Recording a result under the key does so too.
    fn release(&self, key: CacheKey);
}

/// Gets the answer of a store to the request for a lease; dropped, it answers [`StoreError::Closed`].
pub type LeaseAnswer = oneshot::Sender<Result<Leased, StoreError>>;

/// The answer to a process that asks for the lease of a cache key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leased {
    /// The caller has the lease now.
    Granted {
        /// When the latest result under the key was stored, if there is one: a caller that has not seen it yet looks again.
        stored_at: Option<WallTime>,
    },
    /// A living process has the lease.
    Held,
}

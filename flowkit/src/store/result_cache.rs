//! Results that other runs may use. The third part of a [`Store`](super::Store).

use super::{CachedValue, StoreError};
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

    /// Asks for the lease to execute for `key`, among all processes; `false` if a living process has it.
    ///
    /// # Errors
    ///
    /// If the store cannot be reached.
    fn lease(&self, key: CacheKey) -> Result<bool, StoreError>;

    /// Releases the lease of `key`. Recording a result under the key does so too.
    fn release(&self, key: CacheKey);
}

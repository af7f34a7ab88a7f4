//! The key under which a result is cached, and how long the result may be reused.
//!
//! Pure: it caches nothing itself, and the caller passes the time.

mod parts;

use std::fmt;
use std::time::Duration;

pub use parts::{Difference, KeyInput, KeyParts};

use serde::{Deserialize, Serialize};

use crate::value::canonical::{Digest, Domain, Encoder};

/// What makes two tasks the same one for the cache.
///
/// All of it is part of the key: two tasks with equal inputs never share a result, and neither do two versions of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TaskIdentity<'a> {
    /// The qualified name: `my_crate::etl::load`.
    pub name: &'a str,
    /// A hash of the source of the task, so that a changed body gets no old result.
    pub source_hash: u64,
    /// The attribute's `version`, for changes that the source of the task does not show.
    pub version: Option<&'a str>,
}

/// The key of a cached result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CacheKey(Digest);

impl CacheKey {
    /// Returns the key of `task` called with `inputs`.
    ///
    /// `scope` is the id of the run whose calls share the result (`cache = "run"`); with `None`, all runs share it
    /// (`cache = "inputs"`). A call with an input that has no digest must not be cached: without that input in the key, it could
    /// get the result of another one.
    ///
    /// ```
    /// # use flowkit::value::canonical::digest;
    /// # use flowkit::policy::cache::{CacheKey, TaskIdentity};
    /// let load = TaskIdentity { name: "etl::load", source_hash: 7, version: None };
    /// let inputs = digest(&("data.csv", 100))?;
    /// assert_eq!(CacheKey::new(&load, None, inputs), CacheKey::new(&load, None, inputs));
    /// assert_ne!(CacheKey::new(&load, None, inputs), CacheKey::new(&load, Some([1; 16]), inputs));
    /// # Ok::<(), flowkit::value::canonical::DigestError>(())
    /// ```
    #[must_use]
    pub fn new(task: &TaskIdentity<'_>, scope: Option<[u8; 16]>, inputs: Digest) -> Self {
        let mut encoder = Encoder::new(Domain::CacheKey);
        encoder.text(task.name);
        encoder.unsigned(task.source_hash.into());
        encoder.optional(task.version, |encoder, version| encoder.text(version));
        encoder.optional(scope, |encoder, run| encoder.bytes(&run));
        encoder.bytes(inputs.as_bytes());
        Self(encoder.finish())
    }

    /// Returns the digest that is the key.
    #[must_use]
    pub const fn digest(self) -> Digest {
        self.0
    }
}

impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Returns whether a result stored at `stored_at` may still be used at `now`: `age < ttl`.
///
/// With a `ttl` of zero no result is fresh; without a `ttl` every result is. Both times are wall times, as durations since the
/// Unix epoch, because the cache outlives the process. If the clock was set back, a negative age counts as zero.
///
/// ```
/// # use flowkit::policy::cache::is_fresh;
/// # use std::time::Duration;
/// let secs = Duration::from_secs;
/// assert!(is_fresh(secs(100), Some(secs(60)), secs(159)));
/// assert!(!is_fresh(secs(100), Some(secs(60)), secs(160)));
/// ```
#[must_use]
pub fn is_fresh(stored_at: Duration, ttl: Option<Duration>, now: Duration) -> bool {
    let age = now.saturating_sub(stored_at);
    ttl.is_none_or(|ttl| age < ttl)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::canonical::digest;

    const LOAD: TaskIdentity<'static> = TaskIdentity { name: "etl::load", source_hash: 7, version: None };

    fn inputs() -> Digest {
        digest(&("data.csv", 100)).unwrap()
    }

    #[test]
    fn key_changes_with_each_of_its_parts() {
        let other_inputs = digest(&("data.csv", 101)).unwrap();
        let keys = [
            CacheKey::new(&LOAD, None, inputs()),
            CacheKey::new(&TaskIdentity { name: "etl::save", ..LOAD }, None, inputs()),
            CacheKey::new(&TaskIdentity { source_hash: 8, ..LOAD }, None, inputs()),
            CacheKey::new(&TaskIdentity { version: Some(""), ..LOAD }, None, inputs()),
            CacheKey::new(&TaskIdentity { version: Some("2"), ..LOAD }, None, inputs()),
            CacheKey::new(&LOAD, Some([0; 16]), inputs()),
            CacheKey::new(&LOAD, Some([1; 16]), inputs()),
            CacheKey::new(&LOAD, None, other_inputs),
        ];
        for (index, key) in keys.iter().enumerate() {
            assert!(!keys[..index].contains(key), "key {index} is not new");
        }
    }

    #[test]
    fn key_is_not_the_digest_of_its_inputs() {
        assert_ne!(CacheKey::new(&LOAD, None, inputs()).digest(), inputs());
    }

    #[test]
    fn key_stays_what_it_was() {
        let task = TaskIdentity { version: Some("2"), ..LOAD };
        let key = CacheKey::new(&task, Some([1; 16]), inputs());
        assert_eq!(key.to_string(), "f389797f8d121769d50c77d51244c8cd3cb2a5f4b8c125c287e04641836373a4");
    }

    #[test]
    fn result_is_fresh_until_its_age_reaches_the_ttl() {
        let secs = Duration::from_secs;
        // stored at, ttl, now
        let table = [
            (100, Some(60), 100, true),
            (100, Some(60), 159, true),
            (100, Some(60), 160, false),
            (100, Some(60), 161, false),
            (100, Some(0), 100, false),
            (100, Some(60), 0, true),
            (100, None, u64::MAX, true),
            (0, Some(u64::MAX), u64::MAX - 1, true),
        ];
        for (stored_at, ttl, now, fresh) in table {
            assert_eq!(
                is_fresh(secs(stored_at), ttl.map(secs), secs(now)),
                fresh,
                "{stored_at} {ttl:?} {now}"
            );
        }
        assert!(!is_fresh(Duration::ZERO, Some(Duration::MAX), Duration::MAX));
    }
}

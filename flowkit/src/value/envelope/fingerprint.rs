//! The fingerprint of a persisted value: the shape of its type and the user's `version`.

use std::fmt;

use serde::Deserialize;

use crate::value::canonical::{Digest, Domain, Encoder};
use crate::value::shape::shape_of;

/// Distinguishes values of different types, and of different versions of a task.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    /// Combines the shape of a type and the task's `version`.
    ///
    /// No version and an empty one are different.
    #[must_use]
    pub fn new(shape: Digest, version: Option<&str>) -> Self {
        let mut encoder = Encoder::new(Domain::Fingerprint);
        encoder.bytes(shape.as_bytes());
        encoder.optional(version, Encoder::text);
        Self(encoder.finish())
    }

    /// Returns the fingerprint of `T`. As slow as [`shape_of`]: compute it once per task.
    ///
    /// # Panics
    /// If the `Deserialize` of `T` does, see [`shape_of`].
    #[must_use]
    pub fn of<T: Deserialize<'static>>(version: Option<&str>) -> Self {
        Self::new(shape_of::<T>(), version)
    }

    /// Returns the fingerprint as a digest, the form in which it is stored.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.0
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Digest::from_bytes(bytes))
    }
}

/// Shows the first eight digits, which are enough to distinguish fingerprints in a message.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0.as_bytes();
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

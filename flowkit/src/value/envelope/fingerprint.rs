//! The fingerprint of a kept value: the shape of its type and what the user says about its meaning.

use std::fmt;

use serde::Deserialize;

use crate::value::canonical::{Digest, Domain, Encoder};
use crate::value::shape::shape_of;

/// Tells values of different types, or of different versions of a task, apart.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(Digest);

impl Fingerprint {
    /// Joins the shape of a type and the task's `version`.
    ///
    /// No version and an empty one are different.
    #[must_use]
    pub fn new(shape: Digest, version: Option<&str>) -> Self {
        let mut encoder = Encoder::new(Domain::Fingerprint);
        encoder.bytes(shape.as_bytes());
        encoder.optional(version, Encoder::text);
        Self(encoder.finish())
    }

    /// Returns the fingerprint of `T`. Takes as long as [`shape_of`]: compute it once per task and keep it.
    ///
    /// # Panics
    /// If the `Deserialize` of `T` does, see [`shape_of`].
    #[must_use]
    pub fn of<T: Deserialize<'static>>(version: Option<&str>) -> Self {
        Self::new(shape_of::<T>(), version)
    }

    /// Returns the digest, in which form a store keeps it.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.0
    }

    pub(super) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Digest::from_bytes(bytes))
    }
}

/// Shows the first eight digits: enough to tell fingerprints apart in a message.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0.as_bytes();
        write!(f, "{a:02x}{b:02x}{c:02x}{d:02x}")
    }
}

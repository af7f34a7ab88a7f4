//! The version of the value that a task run returned, and of the values it was made from: if versions are equal, so are the values.
//!
//! Not to be confused with the `version` of a task, which its author sets.

use serde::{Deserialize, Serialize};

use super::Digest;

const BYTES: usize = 16;

/// A bit of the first byte that is set in stamps and in no other version.
const STAMP: u8 = 1;

/// The version of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValueVersion([u8; BYTES]);

/// The version of a recorded result or failure, and of what it was made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// The version of the value itself.
    pub version: ValueVersion,
    /// One version for all inputs that came from other task runs; `None` if none did.
    pub made_from: Option<ValueVersion>,
}

impl ValueVersion {
    /// Makes a version from the bytes that [`as_bytes`](Self::as_bytes) returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, the form in which it is stored.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// Returns the version as a digest, to be part of a larger one.
    pub(crate) fn as_digest(&self) -> Digest {
        let mut bytes = [0; 32];
        bytes[..BYTES].copy_from_slice(&self.0);
        Digest::from_bytes(bytes)
    }

    /// Returns the version of a persisted value: the checksum of its envelope.
    #[cfg(feature = "store")]
    pub(crate) fn of_envelope(envelope: &[u8]) -> Option<Self> {
        Some(Self(crate::value::envelope::checksum_of(envelope)?).marked(0))
    }

    /// Without a store nothing is persisted.
    #[cfg(not(feature = "store"))]
    pub(crate) fn of_envelope(_envelope: &[u8]) -> Option<Self> {
        None
    }

    /// Returns the version of a serializable value, from its digest.
    pub(crate) fn of_content(digest: Digest) -> Self {
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&digest.as_bytes()[..BYTES]);
        Self(bytes).marked(0)
    }

    /// Returns the version of a value that cannot be compared: unique, from the `parts` that say where it was made.
    pub(crate) fn stamp(parts: &[&[u8]]) -> Self {
        Self::hashed(parts).marked(STAMP)
    }

    /// Returns the version of a value that consists of several parts.
    pub(crate) fn hashed(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        Self::of_content(Digest::from_bytes(*hasher.finalize().as_bytes()))
    }

    /// Whether this is the version of a value that cannot be compared.
    pub(crate) const fn is_stamp(self) -> bool {
        self.0[0] & STAMP != 0
    }

    const fn marked(mut self, mark: u8) -> Self {
        self.0[0] = self.0[0] & !STAMP | mark;
        self
    }
}

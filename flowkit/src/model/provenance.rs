//! Which value a task run gave, and from which values it was made: equal versions are equal values, as far as that can be proved.
//!
//! Not the `version` of a task, which its author writes.

use serde::{Deserialize, Serialize};

use super::Digest;

const BYTES: usize = 16;

/// Set in the first byte of a stamp, and in no other version.
const STAMP: u8 = 1;

/// The version of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ValueVersion([u8; BYTES]);

/// What is recorded of a result, or of a failure: which value it is, and from which it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Of the value itself.
    pub version: ValueVersion,
    /// Of the values that came from other task runs, together; `None` if none did.
    pub made_from: Option<ValueVersion>,
}

impl ValueVersion {
    /// Takes the bytes of [`as_bytes`](Self::as_bytes).
    #[must_use]
    pub const fn from_bytes(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes, in which form a store keeps it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; BYTES] {
        &self.0
    }

    /// Returns it as a part of a larger digest.
    pub(crate) fn as_digest(&self) -> Digest {
        let mut bytes = [0; 32];
        bytes[..BYTES].copy_from_slice(&self.0);
        Digest::from_bytes(bytes)
    }

    /// Of a value that is persisted, by the checksum of its envelope.
    #[cfg(feature = "store")]
    pub(crate) fn of_envelope(envelope: &[u8]) -> Option<Self> {
        Some(Self(crate::value::envelope::checksum_of(envelope)?).marked(0))
    }

    /// Without a store nothing is persisted.
    #[cfg(not(feature = "store"))]
    pub(crate) fn of_envelope(_envelope: &[u8]) -> Option<Self> {
        None
    }

    /// Of a value that can be written, by its content.
    pub(crate) fn of_content(digest: Digest) -> Self {
        let mut bytes = [0; BYTES];
        bytes.copy_from_slice(&digest.as_bytes()[..BYTES]);
        Self(bytes).marked(0)
    }

    /// Of a value that nothing is known of but when it was made: it is like no other one.
    pub(crate) fn stamp(parts: &[&[u8]]) -> Self {
        Self::hashed(parts).marked(STAMP)
    }

    /// Of several parts, each of which counts.
    pub(crate) fn hashed(parts: &[&[u8]]) -> Self {
        let mut hasher = blake3::Hasher::new();
        for part in parts {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
        Self::of_content(Digest::from_bytes(*hasher.finalize().as_bytes()))
    }

    /// Whether it is of a value that cannot be compared.
    pub(crate) const fn is_stamp(self) -> bool {
        self.0[0] & STAMP != 0
    }

    const fn marked(mut self, mark: u8) -> Self {
        self.0[0] = self.0[0] & !STAMP | mark;
        self
    }
}

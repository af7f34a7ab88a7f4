//! Keyed digests of secrets, for comparing calls, and the key for them.

use std::fmt;

use super::canonical::{Digest, Domain, Encoder};

/// A keyed digest of the secrets of a call. Equal secrets have equal seals, and without the key, which is stored apart from the
/// record, a seal does not help to guess a secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seal([u8; 16]);

impl Seal {
    /// Makes a seal from the bytes that [`as_bytes`](Self::as_bytes) returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl Seal {
    /// Returns one seal for several, in order.
    pub(crate) fn join(seals: &[Self]) -> Option<Self> {
        match seals {
            [] => None,
            [only] => Some(*only),
            several => {
                let mut encoder = Encoder::new(Domain::Seals);
                several.iter().for_each(|seal| encoder.bytes(&seal.0));
                Some(Self::of(&encoder.finish()))
            }
        }
    }

    /// Takes half of a keyed digest, which is enough to distinguish secrets.
    pub(crate) fn of(keyed: &Digest) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&keyed.as_bytes()[..16]);
        Self(bytes)
    }
}

/// The key for [seals](Seal): 32 random bytes, stored apart from the record, so that secrets cannot be guessed from a copy of the
/// record.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// Makes a key from random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns an identifier of the key for the record, which does not reveal the key.
    pub(crate) fn id(&self) -> [u8; 8] {
        let mut id = [0; 8];
        id.copy_from_slice(&blake3::hash(&self.0).as_bytes()[..8]);
        id
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealKey(…)")
    }
}

impl fmt::Debug for Seal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seal(…)")
    }
}

//! What stands for secrets where calls are compared, and the key that makes it.

use std::fmt;

use super::canonical::{Digest, Domain, Encoder};

/// What stands for the secrets of a call, made with a key that is kept apart from the record: equal secrets have equal
/// seals, and nobody can guess a secret from its seal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Seal([u8; 16]);

impl Seal {
    /// Takes bytes that [`as_bytes`](Self::as_bytes) gave.
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
    /// Returns what stands for several of them, in this order.
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

    /// Half of a keyed digest is enough to tell secrets apart.
    pub(crate) fn of(keyed: &Digest) -> Self {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&keyed.as_bytes()[..16]);
        Self(bytes)
    }
}

/// What makes seals: 32 random bytes that are kept apart from the record, so that a copy of the record lets nobody try out
/// secrets.
#[derive(Clone)]
pub struct SealKey([u8; 32]);

impl SealKey {
    /// Takes random bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    pub(crate) const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns by what the record knows the key, and which says nothing of it.
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

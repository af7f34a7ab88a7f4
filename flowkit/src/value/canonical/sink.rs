//! A BLAKE3 hasher that is cheap to feed with small pieces.

/// Hashes what is written to it.
pub(super) struct Sink {
    /// Made only for input that is longer than `pending`: the hasher is large, and a short value is hashed faster in one step.
    hasher: Option<Box<blake3::Hasher>>,
    key: Option<[u8; 32]>,
    pending: [u8; PENDING_MAX],
    filled: usize,
}

/// The number of bytes that are collected before they are hashed: one chunk of BLAKE3. A number is 9 bytes; hashing each of them
/// separately makes long vectors twice as slow.
const PENDING_MAX: usize = 1024;

impl Sink {
    /// Returns an empty sink. With a `key` it makes hashes that cannot be computed without the key.
    #[inline]
    pub(super) fn new(key: Option<[u8; 32]>) -> Self {
        Self { hasher: None, key, pending: [0; PENDING_MAX], filled: 0 }
    }

    /// Returns an empty sink with the same key.
    pub(super) fn another(&self) -> Self {
        Self::new(self.key)
    }

    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) {
        match self.pending[self.filled..].get_mut(..bytes.len()) {
            Some(free) => {
                free.copy_from_slice(bytes);
                self.filled += bytes.len();
            }
            None => self.overflow(bytes),
        }
    }

    #[cold]
    fn overflow(&mut self, bytes: &[u8]) {
        let hasher = self.hasher.get_or_insert_with(|| Box::new(hasher(self.key.as_ref())));
        hasher.update(&self.pending[..self.filled]).update(bytes);
        self.filled = 0;
    }

    /// Returns the hash of everything that was written, and resets the sink.
    pub(super) fn take(&mut self) -> [u8; 32] {
        let pending = &self.pending[..std::mem::take(&mut self.filled)];
        let hash = match (self.hasher.take(), &self.key) {
            (Some(mut hasher), _) => hasher.update(pending).finalize(),
            (None, Some(key)) => blake3::keyed_hash(key, pending),
            (None, None) => blake3::hash(pending),
        };
        hash.into()
    }
}

fn hasher(key: Option<&[u8; 32]>) -> blake3::Hasher {
    key.map_or_else(blake3::Hasher::new, blake3::Hasher::new_keyed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn hash_does_not_depend_on_the_pieces(pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3 * PENDING_MAX), 0..6)) {
            let mut sink = Sink::new(None);
            // Twice, to see that nothing is left over from the first time.
            for _ in 0..2 {
                pieces.iter().for_each(|piece| sink.write(piece));
                prop_assert_eq!(sink.take(), *blake3::hash(&pieces.concat()).as_bytes());
            }
        }
    }

    #[test]
    fn pieces_that_just_fit_are_kept_whole() {
        for length in [PENDING_MAX - 1, PENDING_MAX, PENDING_MAX + 1] {
            let mut sink = Sink::new(None);
            let bytes = vec![7; length];
            sink.write(&[1]);
            sink.write(&bytes);
            sink.write(&[2]);
            let all = [&[1], &bytes[..], &[2]].concat();
            assert_eq!(sink.take(), *blake3::hash(&all).as_bytes());
        }
    }
}

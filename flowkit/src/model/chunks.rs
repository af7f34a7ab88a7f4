//! A list that grows without moving its items. Pure.

/// The number of items in a chunk. With the rows of a record, a chunk stays below 128 KiB, the size above which allocators request
/// each block from the system, and a short run does not allocate more than it needs.
const CHUNK: usize = 256;

/// A list that grows by chunks.
///
/// A vector copies itself when it grows, has both copies in memory meanwhile, and ends with room for up to twice its items: for the
/// record of a million task runs, that would be more than the record itself.
#[derive(Clone, Debug)]
pub(crate) struct Chunks<T>(
    // All chunks but the last one are full.
    Vec<Vec<T>>,
);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Chunks<T> {
    pub(crate) fn push(&mut self, item: T) {
        match self.0.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(item),
            // The first chunk grows as a vector does: most runs are short.
            None => self.0.push(vec![item]),
            Some(_) => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(item);
                self.0.push(chunk);
            }
        }
    }

    /// Returns the number of items.
    pub(crate) fn len(&self) -> usize {
        self.0.last().map_or(0, |last| (self.0.len() - 1) * CHUNK + last.len())
    }

    /// Whether there is no item.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the item at `index`.
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.0.get(index / CHUNK)?.get(index % CHUNK)
    }

    pub(crate) fn get_mut(&mut self, index: usize) -> Option<&mut T> {
        self.0.get_mut(index / CHUNK)?.get_mut(index % CHUNK)
    }

    /// Returns the item that was added last.
    pub(crate) fn last(&self) -> Option<&T> {
        self.0.last()?.last()
    }

    /// Returns the items in the order in which they were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.0.iter().flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_are_found_where_they_were_added() {
        let mut chunks = Chunks::default();
        assert_eq!((chunks.len(), chunks.last(), chunks.get(0)), (0, None, None));
        for item in 0..3 * CHUNK + 1 {
            chunks.push(item);
            assert_eq!((chunks.len(), chunks.last()), (item + 1, Some(&item)));
        }
        *chunks.get_mut(CHUNK).unwrap() = 7;
        assert_eq!(chunks.get(CHUNK), Some(&7));
        assert_eq!(chunks.get(CHUNK - 1), Some(&(CHUNK - 1)));
        assert_eq!(chunks.get(3 * CHUNK + 1), None);
        assert_eq!(chunks.iter().count(), chunks.len());
    }
}

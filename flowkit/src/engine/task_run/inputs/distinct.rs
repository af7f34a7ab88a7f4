//! Keeps duplicates out of a list whose order is that of the first occurrences.

use std::collections::HashSet;
use std::hash::Hash;

/// Up to this length a list is searched from the start, which is faster than hashing: most calls have a few inputs. A call may
/// also have a million, where a search for each would take hours.
const SEARCHED_MAX: usize = 16;

/// What is known of one list, once that is too long to be searched.
pub(super) struct Distinct<T>(Option<HashSet<T>>);

impl<T: Copy + Eq + Hash> Distinct<T> {
    pub(super) const fn new() -> Self {
        Self(None)
    }

    /// Whether an item is not in the list. If so, it must be added: it is known from now on.
    #[inline]
    pub(super) fn is_new(&mut self, list: &[T], item: T) -> bool {
        if list.len() < SEARCHED_MAX { !list.contains(&item) } else { self.is_new_among_many(list, item) }
    }

    #[cold]
    fn is_new_among_many(&mut self, list: &[T], item: T) -> bool {
        self.0.get_or_insert_with(|| list.iter().copied().collect()).insert(item)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::hash::Hasher;

    use super::*;

    thread_local! {
        static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    #[derive(Clone, Copy, Debug)]
    struct Counted(u64);

    impl PartialEq for Counted {
        fn eq(&self, other: &Self) -> bool {
            COMPARED.set(COMPARED.get() + 1);
            self.0 == other.0
        }
    }

    impl Eq for Counted {}

    impl Hash for Counted {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    fn distinct<T: Copy + Eq + Hash>(items: impl Iterator<Item = T>) -> Vec<T> {
        let (mut list, mut known) = (Vec::new(), Distinct::new());
        for item in items {
            if known.is_new(&list, item) {
                list.push(item);
            }
        }
        list
    }

    #[test]
    fn duplicates_are_left_out_and_the_order_stays() {
        for length in [3, SEARCHED_MAX as u64, 100] {
            let twice = (0..length).rev().chain(0..length);
            assert_eq!(distinct(twice), (0..length).rev().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_comparisons_of_a_long_list_grow_with_its_length_not_with_its_square() {
        assert_eq!(distinct((0..100_000).chain(0..100_000).map(Counted)).len(), 100_000);
        // The second half is compared at least once each, and hashes may share a bucket.
        assert!(COMPARED.get() < 3 * 100_000, "{}", COMPARED.get());
    }
}

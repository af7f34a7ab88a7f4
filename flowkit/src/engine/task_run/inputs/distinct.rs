//! A list without duplicates, in the order of the first occurrences. Only additions: nothing is looked up in it or removed.

use std::collections::HashSet;
use std::hash::Hash;

use smallvec::SmallVec;

/// Up to this length a list is searched from the start, which is faster than hashing: most calls have a few inputs. A call may
/// also have a million, where a search for each would take hours.
const SEARCHED_MAX: usize = 16;

/// The distinct items so far.
pub(super) struct Distinct<T> {
    list: SmallVec<[T; 4]>,
    /// The same items, once there are too many to search.
    known: Option<HashSet<T>>,
}

impl<T> Default for Distinct<T> {
    fn default() -> Self {
        Self { list: SmallVec::new(), known: None }
    }
}

impl<T: Copy + Eq + Hash> Distinct<T> {
    pub(super) fn add(&mut self, item: T) {
        let is_new = match &mut self.known {
            None if self.list.len() < SEARCHED_MAX => !self.list.contains(&item),
            known => known.get_or_insert_with(|| self.list.iter().copied().collect()).insert(item),
        };
        if is_new {
            self.list.push(item);
        }
    }

    pub(super) fn into_list(self) -> SmallVec<[T; 4]> {
        self.list
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

    #[test]
    fn duplicates_are_left_out_and_the_order_stays() {
        for length in [3, SEARCHED_MAX as u64, 100] {
            let mut distinct = Distinct::default();
            (0..length).rev().chain(0..length).for_each(|item| distinct.add(item));
            assert_eq!(distinct.into_list().to_vec(), (0..length).rev().collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_comparisons_of_a_long_list_grow_with_its_length_not_with_its_square() {
        let mut distinct = Distinct::default();
        (0..100_000).chain(0..100_000).for_each(|item| distinct.add(Counted(item)));
        assert_eq!(distinct.into_list().len(), 100_000);
        // The second half is compared at least once each, and hashes may share a bucket.
        assert!(COMPARED.get() < 3 * 100_000, "{}", COMPARED.get());
    }
}

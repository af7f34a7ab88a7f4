//! What serde does not show, but the name of a Rust type does: that a sequence is a set, and that a value can change at any time.
//!
//! The names of types are not stable. If one changes, digests change and work is repeated, but no call gets the result of
//! another. A test compares the table with the compiler that runs it.

use Order::{Doubtful, Multiset, Ordered};

/// What the order of the items of a sequence means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// The order is part of the value.
    Ordered,
    /// The order means nothing: it comes from a hasher or the history of the container.
    Multiset,
    /// The order comes from a hasher, and the items depend on it: the first one, the last one, a number for each.
    Doubtful,
}

/// Containers whose order is not part of their value. `BTreeSet` is among them so that it equals a `HashSet` of the same items.
const SETS: &[&str] = &[
    "std::collections::hash::set::HashSet",
    "alloc::collections::btree::set::BTreeSet",
    "alloc::collections::binary_heap::BinaryHeap",
    "hashbrown::set::HashSet",
    "dashmap::set::DashSet",
    "im::hash::set::HashSet",
    "im_rc::hash::set::HashSet",
    "imbl::hash::set::HashSet",
    "rpds::set::hash_trie_set::HashTrieSet",
    "scc::hash_set::HashSet",
    "papaya::set::HashSet",
    "flurry::set::HashSet",
];

/// Iterators in the order of a hasher: a name in [`HASHED_ITERATORS`] in one of these modules.
const HASHED_MODULES: &[&str] = &[
    "std::collections::hash::map::",
    "std::collections::hash::set::",
    "hashbrown::map::",
    "hashbrown::set::",
];
const HASHED_ITERATORS: &[&str] = &[
    "Iter",
    "IterMut",
    "IntoIter",
    "Keys",
    "Values",
    "ValuesMut",
    "IntoKeys",
    "IntoValues",
    "Drain",
    "Union",
    "Intersection",
    "Difference",
    "SymmetricDifference",
];

/// Adapters that treat each item by itself, with their modules.
const ITEMWISE: &[&str] =
    &["map::Map", "cloned::Cloned", "copied::Copied", "filter::Filter", "filter_map::FilterMap"];

/// Containers that serde passes through, so that the serializer does not see them.
const TRANSPARENT: &[&str] =
    &["&", "mut ", "alloc::sync::Arc<", "alloc::rc::Rc<", "alloc::boxed::Box<", "alloc::borrow::Cow<"];

/// Containers of a value that other threads can change: the call may find another value than the digest has seen.
const SHARED: &[&str] = &[
    "std::sync::poison::mutex::Mutex",
    "std::sync::poison::rwlock::RwLock",
    "std::sync::mutex::Mutex",
    "std::sync::rwlock::RwLock",
    "lock_api::mutex::Mutex",
    "lock_api::rwlock::RwLock",
    "core::cell::Cell",
    "core::cell::RefCell",
];
const ATOMICS: &str = "core::sync::atomic::Atomic";

/// What the name of a type says about its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameClass {
    Nothing,
    /// If the value serializes as a sequence, it is a set.
    Set,
    /// The value can be changed from outside.
    Shared,
}

/// Classifies a type by its name. Called for every nested value, so it has to be cheap.
pub(super) fn class_of(name: &str) -> NameClass {
    let name = without_pointers(name);
    if name.starts_with(ATOMICS) {
        return NameClass::Shared;
    }
    match name.split_once('<') {
        Some((head, _)) if SETS.contains(&head) => NameClass::Set,
        Some((head, _)) if SHARED.contains(&head) => NameClass::Shared,
        _ => NameClass::Nothing,
    }
}

/// Returns what the order of an iterable type means.
pub(super) fn order_of(name: &str) -> Order {
    let name = without_pointers(name);
    let Some((head, arguments)) = name.split_once('<') else { return Ordered };
    if SETS.contains(&head) || is_hashed_iterator(head) {
        return Multiset;
    }
    let adapter = head.strip_prefix("core::iter::adapters::");
    if adapter.is_none() && !head.starts_with("itertools::") {
        // The items of any other container are classified by their own names.
        return Ordered;
    }
    let is_itemwise = adapter.is_some_and(|adapter| ITEMWISE.contains(&adapter));
    match (order_of_any(arguments), is_itemwise) {
        (Multiset, false) => Doubtful,
        (order, _) => order,
    }
}

fn without_pointers(mut name: &str) -> &str {
    while let Some(inside) = TRANSPARENT.iter().find_map(|outside| name.strip_prefix(outside)) {
        name = inside;
    }
    name
}

fn is_hashed_iterator(head: &str) -> bool {
    let inside = HASHED_MODULES.iter().find_map(|module| head.strip_prefix(module));
    inside.is_some_and(|iterator| HASHED_ITERATORS.contains(&iterator))
}

/// Returns the least certain order among the arguments of a type, up to its closing `>`.
fn order_of_any(arguments: &str) -> Order {
    let mut depth = 0_u32;
    let mut begin = 0;
    let mut worst = Ordered;
    let mut before = ' ';
    for (at, letter) in arguments.char_indices() {
        let ends = match letter {
            '<' | '(' | '[' => {
                depth += 1;
                false
            }
            // The arrow of a function.
            '>' if before == '-' => false,
            ',' => depth == 0,
            '>' | ')' | ']' if depth > 0 => {
                depth -= 1;
                false
            }
            '>' => true,
            _ => false,
        };
        before = letter;
        if ends {
            worst = match (worst, order_of(arguments[begin..at].trim_start())) {
                (Doubtful, _) | (_, Doubtful) => Doubtful,
                (Multiset, _) | (_, Multiset) => Multiset,
                (Ordered, Ordered) => Ordered,
            };
            begin = at + 1;
            if letter == '>' {
                break;
            }
        }
    }
    worst
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::any::{type_name, type_name_of_val};
    use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
    use std::sync::Arc;

    #[test]
    fn the_table_fits_the_names_that_this_compiler_gives() {
        let table = [
            (type_name::<HashSet<u64>>(), Multiset),
            (type_name::<&HashSet<Vec<String>>>(), Multiset),
            (type_name::<Arc<HashSet<u64>>>(), Multiset),
            (type_name::<BTreeSet<u64>>(), Multiset),
            (type_name::<BinaryHeap<u64>>(), Multiset),
            (type_name::<dashmap::DashSet<u64>>(), Multiset),
            (type_name::<Vec<HashSet<u64>>>(), Ordered),
            (type_name::<&Vec<u64>>(), Ordered),
            (type_name::<[HashSet<u64>]>(), Ordered),
            (type_name::<VecDeque<BTreeSet<u64>>>(), Ordered),
            (type_name::<LinkedList<u64>>(), Ordered),
            (type_name::<Option<HashSet<u64>>>(), Ordered),
            (type_name::<u64>(), Ordered),
        ];
        for (name, order) in table {
            assert_eq!(order_of(name), order, "{name}");
        }
    }

    #[allow(clippy::map_identity, reason = "the name of the adapter is what is looked at")]
    #[test]
    fn iterators_of_hashed_containers_have_no_order() {
        let (set, map, list) = (HashSet::from([1]), HashMap::from([(1, 2)]), vec![1]);
        let (sets, sorted) = (vec![HashSet::from([1])], BTreeMap::from([(1, 2)]));
        fn twice(number: &u32) -> u32 {
            number * 2
        }
        let pointer: fn(&u32) -> u32 = twice;
        let table = [
            (type_name_of_val(&set.iter()), Multiset),
            (type_name_of_val(&set.clone().into_iter()), Multiset),
            (type_name_of_val(&set.union(&set)), Multiset),
            (type_name_of_val(&map.iter()), Multiset),
            (type_name_of_val(&map.keys()), Multiset),
            (type_name_of_val(&map.values()), Multiset),
            (type_name_of_val(&map.iter().map(|(key, value)| (key, value))), Multiset),
            (type_name_of_val(&map.values().map(pointer)), Multiset),
            (type_name_of_val(&map.keys().copied().filter(|key| *key > 0)), Multiset),
            (type_name_of_val(&set.iter().enumerate()), Doubtful),
            (type_name_of_val(&set.iter().take(1)), Doubtful),
            (type_name_of_val(&set.iter().map(pointer).skip(1).cloned_by_hand()), Doubtful),
            (type_name_of_val(&list.iter().zip(set.iter())), Doubtful),
            (type_name_of_val(&list.iter().map(pointer)), Ordered),
            (type_name_of_val(&list.iter().enumerate()), Ordered),
            (type_name_of_val(&sets.iter().enumerate()), Ordered),
            (type_name_of_val(&sorted.iter().map(|(key, value)| (key, value))), Ordered),
        ];
        for (name, order) in table {
            assert_eq!(order_of(name), order, "{name}");
        }
    }

    #[allow(
        clippy::map_identity,
        clippy::type_complexity,
        reason = "the name of the adapter is what is looked at"
    )]
    trait ByHand: Iterator + Sized {
        fn cloned_by_hand(self) -> std::iter::Map<Self, fn(Self::Item) -> Self::Item> {
            self.map(|item| item)
        }
    }

    impl<I: Iterator> ByHand for I {}

    #[test]
    fn sets_of_other_crates_are_known_by_name() {
        for name in [
            "hashbrown::set::HashSet<u64>",
            "&hashbrown::set::HashSet<u64, S>",
            "&mut rpds::set::hash_trie_set::HashTrieSet<u64>",
        ] {
            assert_eq!(order_of(name), Multiset, "{name}");
            assert_eq!(class_of(name), NameClass::Set, "{name}");
        }
        assert_eq!(order_of("hashbrown::map::Keys<u64, u64>"), Multiset);
        assert_eq!(
            order_of("itertools::unique_impl::Unique<std::collections::hash::set::Iter<u64>>"),
            Doubtful
        );
        assert_eq!(class_of(type_name::<Arc<dashmap::DashSet<u64>>>()), NameClass::Set);
        assert_eq!(class_of(type_name::<Vec<dashmap::DashSet<u64>>>()), NameClass::Nothing);
    }

    #[test]
    fn what_can_be_changed_from_outside_is_known_by_name() {
        use std::sync::{
            Mutex, RwLock,
            atomic::{AtomicBool, AtomicU64},
        };
        let shared = [
            type_name::<Arc<Mutex<Vec<u64>>>>(),
            type_name::<&RwLock<u64>>(),
            type_name::<Arc<AtomicU64>>(),
            type_name::<AtomicBool>(),
            type_name::<std::cell::RefCell<u64>>(),
            type_name::<std::cell::Cell<u64>>(),
            type_name::<Arc<parking_lot::Mutex<u64>>>(),
            type_name::<parking_lot::RwLock<u64>>(),
        ];
        for name in shared {
            assert_eq!(class_of(name), NameClass::Shared, "{name}");
        }
        assert_eq!(class_of(type_name::<Arc<str>>()), NameClass::Nothing);
        assert_eq!(class_of(type_name::<Vec<u64>>()), NameClass::Nothing);
    }

    #[test]
    fn a_name_that_was_never_seen_has_an_order_and_does_no_harm() {
        for name in ["", "<", ">", "core::iter::adapters::x<", "core::iter::adapters::x<<,>", "&&&", "a<b>>,"]
        {
            assert_eq!(order_of(name), Ordered, "{name}");
        }
    }
}

//! Sets: their order is the hasher's, and no part of the value.

use super::*;
use serde::Serializer;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex};

/// Calls `make` until it gives a set in another order than `first`: each `HashSet` has a hasher of its own.
fn in_another_order<T: Clone>(
    first: &HashSet<T>,
    make: impl Fn() -> HashSet<T>,
    order: impl Fn(&HashSet<T>) -> Vec<u64>,
) -> HashSet<T> {
    std::iter::repeat_with(make).find(|other| order(other) != order(first)).unwrap()
}

#[test]
fn sets_of_equal_content_are_equal_whatever_their_hasher() {
    let make = || (0..8_u64).collect::<HashSet<_>>();
    let order = |set: &HashSet<u64>| set.iter().copied().collect::<Vec<_>>();
    let one = make();
    let other = in_another_order(&one, make, order);
    let sorted: BTreeSet<_> = (0..8_u64).collect();
    assert_eq!(of(&one), of(&other));
    assert_eq!(of(&one), of(&sorted), "whether it is sorted is no part of a set");
    assert_eq!(of(&Arc::new(one.clone())), of(&other));
    assert_eq!(of(&(1, vec![Some(&one)], 2)), of(&(1, vec![Some(&other)], 2)));
    let mapped = |set: &HashSet<u64>| set.iter().map(|n| n * 2).collect::<Vec<_>>();
    assert_ne!(of(&mapped(&one)), of(&mapped(&other)), "a list made of a set is a list");
}

#[test]
fn a_set_that_calls_itself_a_sequence_is_known_by_its_type() {
    let dash = |numbers: std::ops::Range<u32>| numbers.collect::<dashmap::DashSet<u32>>();
    #[derive(Serialize)]
    struct Ids {
        ids: dashmap::DashSet<u32>,
        after: Vec<u32>,
    }
    let list = |after: &[u32]| of(&Ids { ids: dash(0..50), after: after.to_vec() });
    for _ in 0..8 {
        assert_eq!(of(&dash(0..50)), of(&(0..50).collect::<HashSet<u32>>()));
        assert_eq!(list(&[1, 2]), list(&[1, 2]));
    }
    assert_ne!(list(&[1, 2]), list(&[2, 1]), "what comes after it is a list again");
}

#[test]
fn how_often_an_item_occurs_counts() {
    let heap = |numbers: &[u32]| of(&numbers.iter().copied().collect::<BinaryHeap<_>>());
    assert_eq!(heap(&[1, 1, 2]), heap(&[2, 1, 1]));
    assert_ne!(heap(&[1, 1, 2]), heap(&[1, 2, 2]));
    assert_ne!(heap(&[1, 2]), heap(&[1, 1, 2]));
    assert_ne!(of(&BTreeSet::from([1, 2])), of(&vec![1, 2]), "a set is no list");
    assert_ne!(
        of(&BTreeSet::from([BTreeSet::from([1]), BTreeSet::from([2])])),
        of(&BTreeSet::from([BTreeSet::from([1, 2])]))
    );
    assert_ne!(of(&BTreeSet::<u8>::new()), of(&BTreeMap::<u8, u8>::new()));
    // Serde writes `Reverse` as what is in it, but a name around a set is no set.
    assert_eq!(of(&Reverse(BTreeSet::from([1, 2]))), of(&HashSet::from([1, 2])));
}

#[test]
fn what_can_change_while_it_is_compared_has_no_digest() {
    #[derive(Serialize)]
    struct Job {
        name: &'static str,
        notes: Arc<Mutex<Vec<String>>>,
    }
    for refused in [
        digest(&Job { name: "a", notes: Arc::default() }),
        digest(&Some(Mutex::new(1))),
        digest(&std::sync::atomic::AtomicU64::new(1)),
    ] {
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("may change any time"), "{refused}");
    }
    assert_eq!(of::<Arc<str>>(&Arc::from("a")), of("a"), "what is shared and cannot change has content");
}

#[test]
fn what_numbers_the_items_of_a_hash_set_has_no_digest() {
    struct Numbered(HashSet<u8>);
    impl Serialize for Numbered {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_seq(self.0.iter().enumerate())
        }
    }
    let refused = digest(&Numbered(HashSet::from([1, 2]))).unwrap_err().to_string();
    assert!(refused.contains("the order in which a hash set"), "{refused}");
}

/// What a value says, with an order of its own where the value has none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Model {
    Number(i8),
    Text(String),
    List(Vec<Model>),
    Set(BTreeSet<Model>),
    Pairs(BTreeMap<u8, Model>),
    Maybe(Option<Box<Model>>),
}

/// The same as users have it, built with new hashers at every level.
struct Built {
    model: Model,
    value: Value,
}

#[derive(Serialize)]
enum Value {
    Number(i8),
    Text(String),
    List(Vec<Built>),
    Set(HashSet<Built>),
    Pairs(#[serde(serialize_with = "as_list")] HashMap<u8, Built>),
    Maybe { inner: Option<Box<Built>> },
}

/// A map with keys that JSON could not write, as `serde_with` does it.
#[allow(
    clippy::map_identity,
    reason = "`serde_with` maps so, and the name of the adapter is what is looked at"
)]
fn as_list<S: Serializer>(map: &HashMap<u8, Built>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map.iter().map(|(key, value)| (key, value)))
}

impl Built {
    fn of(model: &Model) -> Self {
        let value = match model {
            Model::Number(number) => Value::Number(*number),
            Model::Text(text) => Value::Text(text.clone()),
            Model::List(list) => Value::List(list.iter().map(Self::of).collect()),
            Model::Set(set) => Value::Set(set.iter().map(Self::of).collect()),
            Model::Pairs(pairs) => {
                Value::Pairs(pairs.iter().map(|(key, value)| (*key, Self::of(value))).collect())
            }
            Model::Maybe(inner) => {
                Value::Maybe { inner: inner.as_ref().map(|inner| Box::new(Self::of(inner))) }
            }
        };
        Self { model: model.clone(), value }
    }
}

impl Serialize for Built {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl PartialEq for Built {
    fn eq(&self, other: &Self) -> bool {
        self.model == other.model
    }
}

impl Eq for Built {}

impl Hash for Built {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        self.model.hash(hasher);
    }
}

fn models() -> impl Strategy<Value = Model> {
    // Few different leaves, so that values are often almost equal.
    let leaf = prop_oneof![(-2_i8..3).prop_map(Model::Number), "[ab]{0,2}".prop_map(Model::Text)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Model::List),
            prop::collection::btree_set(inner.clone(), 0..4).prop_map(Model::Set),
            prop::collection::btree_map(0_u8..3, inner.clone(), 0..3).prop_map(Model::Pairs),
            prop::option::of(inner.prop_map(Box::new)).prop_map(Model::Maybe),
        ]
    })
}

proptest! {
    #[test]
    fn a_value_that_is_rebuilt_with_other_hashers_has_the_same_digest(model in models()) {
        prop_assert_eq!(of(&Built::of(&model)), of(&Built::of(&model)));
    }

    #[test]
    fn values_with_sets_have_equal_digests_only_if_they_are_equal(models in prop::collection::vec(models(), 2..30)) {
        for (index, a) in models.iter().enumerate() {
            for b in &models[index..] {
                prop_assert_eq!(a == b, of(&Built::of(a)) == of(&Built::of(b)), "{:?} and {:?}", a, b);
            }
        }
    }
}

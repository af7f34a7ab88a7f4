//! What is persisted reads back as it was: over the attributes of serde by which values are lost, and the types where no value
//! can be.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Debug;
use std::net::IpAddr;
use std::num::NonZeroU8;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::ser::SerializeStruct;
use serde::{Deserializer, Serializer};

use super::*;
use crate::Secret;
use crate::value::shape::type_shape;

fn codec_of<T: Serialize + DeserializeOwned + PartialEq + 'static>() -> Codec<T> {
    super::super::codec::<T>().comparing(Some(T::eq))
}

fn is_kept<T: Serialize + DeserializeOwned + PartialEq + 'static>(value: &T) -> bool {
    codec_of::<T>().encode(value, None).is_ok()
}

/// Checks that a value that is persisted reads back as it is.
fn check<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(value: &T) {
    check_by(codec_of::<T>(), value);
}

/// The same of a type that writes all that it has: then nobody needs its `==` for that.
fn check_without_equality<T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(value: &T) {
    check(value);
    check_by(super::super::codec::<T>(), value);
}

fn check_by<T: PartialEq + Debug>(codec: Codec<T>, value: &T) {
    if let Ok(bytes) = codec.encode(value, None) {
        assert_eq!(&(codec.decode)(&bytes, None).unwrap(), value);
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Skipped {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<u8>,
    #[serde(default, skip_serializing_if = "is_large")]
    small: u8,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it so")]
fn is_large(small: &u8) -> bool {
    *small > 100
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Hidden {
    #[serde(skip_serializing, default)]
    hidden: u8,
    shown: u8,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Flat {
    #[serde(flatten)]
    by_number: BTreeMap<u32, u8>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Loose {
    Float(f64),
    Int(i64),
    Big(u128),
    Text(String),
    List(Vec<Loose>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Small { size: i128 },
    Optional { size: Option<Option<u8>> },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum OneWay {
    There,
    #[serde(skip_deserializing)]
    Nowhere,
    Named {
        #[serde(skip_serializing_if = "String::is_empty")]
        name: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Tree {
    #[serde(alias = "label")]
    name: String,
    children: Vec<Tree>,
}

/// Leaves a field out by hand.
#[derive(Clone, Debug, PartialEq, Deserialize)]
struct ByHand {
    #[serde(default)]
    odd: u8,
    even: u8,
}

impl Serialize for ByHand {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_odd = self.odd % 2 == 1;
        let mut fields = serializer.serialize_struct("ByHand", 1 + usize::from(is_odd))?;
        if is_odd {
            fields.serialize_field("odd", &self.odd)?;
        }
        fields.serialize_field("even", &self.even)?;
        fields.end()
    }
}

fn loose() -> impl Strategy<Value = Loose> {
    let leaf = prop_oneof![
        any::<f64>().prop_map(Loose::Float),
        any::<i8>().prop_map(|whole| Loose::Float(whole.into())),
        any::<i64>().prop_map(Loose::Int),
        any::<u128>().prop_map(Loose::Big),
        any::<String>().prop_map(Loose::Text),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| prop::collection::vec(inner, 0..3).prop_map(Loose::List))
}

proptest! {
    #[test]
    fn what_is_persisted_reads_back_as_it_was(
        (rows, small) in any::<(Vec<u8>, u8)>(),
        (hidden, shown) in (0..2_u8, any::<u8>()),
        by_number in prop::collection::btree_map(any::<u32>(), any::<u8>(), 0..2),
        loose in loose(),
        (size, optional) in any::<(i128, Option<Option<u8>>)>(),
        name in "[a-z]{0,2}",
        floats in any::<(f32, f64, u128, char)>(),
        maps in any::<(HashMap<String, f32>, HashSet<u16>, BTreeMap<u8, Option<u8>>)>(),
        (odd, even) in any::<(u8, u8)>(),
    ) {
        check(&Skipped { rows, small });
        check(&Hidden { hidden, shown });
        check_without_equality(&Flat { by_number });
        check_without_equality(&loose);
        check_without_equality(&Tagged::Small { size });
        check_without_equality(&Tagged::Optional { size: optional });
        check_without_equality(&OneWay::There);
        check_without_equality(&OneWay::Nowhere);
        check_without_equality(&OneWay::Named { name: name.clone() });
        check_without_equality(&Tree { name, children: vec![Tree::default()] });
        check_without_equality(&floats);
        check_without_equality(&maps);
        check(&ByHand { odd, even });
    }
}

#[test]
fn each_value_is_kept_or_not_for_itself() {
    // Of each type the first value is fine, so that it proves nothing for the second.
    for _ in 0..2 {
        assert!(is_kept(&Skipped { rows: vec![1], small: 1 }));
        assert!(!is_kept(&Skipped { rows: vec![], small: 1 }));
        assert!(!is_kept(&Skipped { rows: vec![1], small: 101 }), "it has a default, which is another value");
        assert!(is_kept(&Hidden { hidden: 0, shown: 1 }));
        assert!(!is_kept(&Hidden { hidden: 1, shown: 1 }));
        assert!(is_kept(&Flat { by_number: BTreeMap::new() }));
        assert!(!is_kept(&Flat { by_number: BTreeMap::from([(1, 1)]) }));
        assert!(is_kept(&Loose::Float(1.0)) && !is_kept(&Loose::Int(1)), "it is read as a float");
        assert!(is_kept(&OneWay::There) && !is_kept(&OneWay::Nowhere));
        assert!(!is_kept(&OneWay::Named { name: String::new() }));
        assert!(is_kept(&ByHand { odd: 1, even: 2 }) && !is_kept(&ByHand { odd: 2, even: 2 }));
        assert!(is_kept(&Some(1.0)) && !is_kept(&Some(f64::INFINITY)));
        let secret = |secret: Option<&str>| secret.map(Secret::from);
        assert!(is_kept(&secret(None)) && !is_kept(&secret(Some("a"))));
    }
}

#[test]
fn a_value_without_equality_is_told_by_what_it_is_written_as() {
    let codec = super::super::codec::<Loose>();
    assert!(codec.encode(&Loose::Float(1.0), None).is_ok());
    let error = codec.encode(&Loose::Int(1), None).unwrap_err().to_string();
    assert!(error.contains("another value"), "{error}");
    // In each order of its hasher.
    let many: HashMap<u32, Loose> = (0..100).map(|n| (n, Loose::Float(n.into()))).collect();
    assert!(super::super::codec::<HashMap<u32, Loose>>().encode(&many, None).is_ok());
}

#[test]
fn of_plain_types_no_value_but_the_first_is_read_back() {
    static READ: AtomicU32 = AtomicU32::new(0);

    fn counted<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        READ.fetch_add(1, Ordering::SeqCst);
        u32::deserialize(deserializer)
    }
    #[derive(PartialEq, Serialize, Deserialize)]
    struct Counted {
        #[serde(deserialize_with = "counted")]
        count: u32,
    }

    let codec = codec_of::<Vec<Counted>>();
    let list = || vec![Counted { count: 1 }, Counted { count: 2 }];
    codec.encode(&list(), None).unwrap();
    let first = READ.load(Ordering::SeqCst);
    for _ in 0..10 {
        codec.encode(&list(), None).unwrap();
    }
    assert_eq!(READ.load(Ordering::SeqCst), first);
}

#[test]
fn a_type_is_plain_if_all_that_is_written_says_as_what_it_is_read() {
    fn is_plain<T: DeserializeOwned + 'static>() -> bool {
        type_shape::<T>().forms.is_some()
    }

    assert!(is_plain::<Row>() && is_plain::<Vec<HashMap<String, (Row, Option<char>)>>>());
    assert!(is_plain::<Result<BTreeMap<u32, Vec<u8>>, NonZeroU8>>());
    assert!(is_plain::<Tree>() && is_plain::<Skipped>() && is_plain::<OneWay>());
    assert!(!is_plain::<Loose>() && !is_plain::<Vec<Tagged>>() && !is_plain::<Flat>());
    assert!(!is_plain::<IpAddr>() && !is_plain::<serde_json::Value>() && !is_plain::<Secret>());
}

//! What JSON keeps, and what is refused because JSON would not.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize, Serializer};

use super::*;

fn there_and_back<T: Serialize + DeserializeOwned>(value: &T) -> T {
    decode(&encode(value, fingerprint(1)).unwrap(), fingerprint(1)).unwrap()
}

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
    assert_eq!(there_and_back(&value), value);
}

fn refusal<T: Serialize>(value: T) -> EncodeError {
    encode(&value, fingerprint(1)).unwrap_err()
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Mixed {
    Unit,
    New(Option<f32>),
    Two(u8, String),
    Named { a: Vec<()>, b: BTreeMap<u8, char> },
}

#[test]
fn values_come_back() {
    comes_back(());
    comes_back((u64::MAX, i64::MIN, u128::MAX, i128::MIN));
    comes_back(String::from("\0\u{1f600}\"\\\n"));
    comes_back((Some(1), None::<u8>, vec![Some("a".to_owned()), None]));
    comes_back(vec![
        Mixed::Unit,
        Mixed::New(None),
        Mixed::New(Some(0.1)),
        Mixed::Two(1, "b".into()),
        Mixed::Named { a: vec![(), ()], b: BTreeMap::from([(1, 'c')]) },
    ]);
    comes_back(HashMap::from([(true, 1), (false, 2)]));
    comes_back(BTreeMap::from([(i128::MIN, ' '), (-1, 'a')]));
    comes_back(BTreeMap::from([(Some(1), 3)]));
    comes_back(Ok::<_, ()>(Some(vec![None::<u8>])));
}

#[test]
fn what_would_come_back_as_something_else_is_refused() {
    #[derive(Serialize)]
    struct Nothing;
    #[derive(Serialize)]
    struct New<T>(T);
    for float in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(refusal(float), EncodeError::NotFinite);
        assert_eq!(refusal(Some(vec![float])), EncodeError::NotFinite);
        assert_eq!(refusal(BTreeMap::from([("a", (1, float as f32))])), EncodeError::NotFinite);
        assert_eq!(refusal(New(Mixed::New(Some(float as f32)))), EncodeError::NotFinite);
    }
    assert_eq!(refusal(Some(None::<u8>)), EncodeError::EmptySome);
    assert_eq!(refusal(vec![Some(())]), EncodeError::EmptySome);
    assert_eq!(refusal(Some(Nothing)), EncodeError::EmptySome);
    assert_eq!(refusal(Some(New(New(None::<u8>)))), EncodeError::EmptySome);
    assert_eq!(refusal(Some(serde_json::Value::Null)), EncodeError::EmptySome);
    assert!(matches!(refusal(BTreeMap::from([((1, 2), 3)])), EncodeError::Key { .. }));
    assert!(matches!(refusal(BTreeMap::from([(None::<u8>, 3)])), EncodeError::Key { .. }));
    assert_eq!(
        refusal(BTreeMap::from([(vec![1], 3)])).to_string(),
        "a map in it has a key that is no text, number or `bool` (key must be a string); \
         keep a list of pairs instead"
    );
}

#[test]
fn refusal_that_a_serialize_passes_over_still_counts() {
    struct Careless;
    impl Serialize for Careless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            use serde::ser::SerializeSeq;
            let mut list = serializer.serialize_seq(None)?;
            let _ = list.serialize_element(&f64::NAN);
            list.end()
        }
    }
    assert_eq!(refusal(Careless), EncodeError::NotFinite);
}

#[test]
fn what_a_serialize_says_is_passed_on() {
    struct Refusing;
    impl Serialize for Refusing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    assert_eq!(refusal(vec![Refusing]).to_string(), "not today");
}

#[test]
fn type_that_does_not_fit_its_fingerprint_is_an_error() {
    let sealed = encode("text", fingerprint(1)).unwrap();
    let error = decode::<u8>(&sealed, fingerprint(1)).unwrap_err();
    assert!(matches!(&error, DecodeError::Json { .. }));
    assert!(error.is_damage() && error.to_string().contains("its type has not changed"), "{error}");
    assert!(matches!(
        decode::<String>(&sealed, fingerprint(2)),
        Err(DecodeError::Envelope(EnvelopeError::TypeChanged { .. }))
    ));
}

/// So many of these around nothing. They take no memory, so that dropping them is no test of its own.
#[derive(Clone, Copy)]
enum Deep {
    List(u32),
    Map(u32),
    Variant(u32),
    Fields(u32),
    Some(u32),
}

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStructVariant;
        let (Self::List(n) | Self::Map(n) | Self::Variant(n) | Self::Fields(n) | Self::Some(n)) = *self;
        let Some(n) = n.checked_sub(1) else { return serializer.serialize_bool(true) };
        match self {
            Self::List(_) => serializer.collect_seq([Self::List(n)]),
            Self::Map(_) => serializer.collect_map([("a", Self::Map(n))]),
            Self::Variant(_) => serializer.serialize_newtype_variant("V", 0, "v", &Self::Variant(n)),
            Self::Some(_) => serializer.serialize_some(&Self::Some(n)),
            Self::Fields(_) => {
                let mut fields = serializer.serialize_struct_variant("V", 0, "v", 1)?;
                fields.serialize_field("a", &Self::Fields(n))?;
                fields.end()
            }
        }
    }
}

#[test]
fn value_is_as_deep_as_can_be_read_back_and_no_deeper() {
    let reads = |deep: Deep| {
        let sealed = encode(&deep, fingerprint(1)).unwrap();
        decode::<serde_json::Value>(&sealed, fingerprint(1)).unwrap();
    };
    for deep in [Deep::List, Deep::Map, Deep::Variant] {
        reads(deep(127));
        assert_eq!(refusal(deep(128)), EncodeError::TooDeep);
        assert_eq!(refusal(deep(1_000_000)), EncodeError::TooDeep);
        assert!(
            serde_json::from_str::<serde_json::Value>(&serde_json::to_string(&deep(128)).unwrap()).is_err()
        );
    }
    // Two levels each in JSON.
    reads(Deep::Fields(63));
    assert_eq!(refusal(Deep::Fields(64)), EncodeError::TooDeep);
    reads(Deep::Some(500));
    assert_eq!(refusal(Deep::Some(1_000_000)), EncodeError::TooDeep);
}

#[test]
fn depth_of_a_typed_value_is_the_same_as_that_of_its_json() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Chain {
        Link { next: Box<Chain> },
        New(Box<Chain>),
        End,
    }
    let chain = |n, link: fn(Box<Chain>) -> Chain| (0..n).fold(Chain::End, |next, _| link(Box::new(next)));
    comes_back(chain(63, |next| Chain::Link { next }));
    assert_eq!(refusal(chain(64, |next| Chain::Link { next })), EncodeError::TooDeep);
    comes_back(chain(127, Chain::New));
    assert_eq!(refusal(chain(128, Chain::New)), EncodeError::TooDeep);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn floats_come_back_to_the_bit(double in any::<u64>(), single in any::<u32>()) {
        let (double, single) = (f64::from_bits(double), f32::from_bits(single));
        if double.is_finite() {
            prop_assert_eq!(there_and_back(&double).to_bits(), double.to_bits());
        } else {
            prop_assert_eq!(refusal(double), EncodeError::NotFinite);
        }
        if single.is_finite() {
            prop_assert_eq!(there_and_back(&single).to_bits(), single.to_bits());
        } else {
            prop_assert_eq!(refusal(single), EncodeError::NotFinite);
        }
    }

    #[test]
    fn wide_integers_and_texts_come_back(unsigned in any::<u128>(), signed in any::<i128>(), text in ".*") {
        comes_back((unsigned, signed, text));
    }
}

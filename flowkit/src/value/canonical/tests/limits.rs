//! What has no digest: too deep, or refused.

use super::*;

/// A value nested `.0` levels deep that takes no memory, so that dropping it is no test of its own.
struct Deep(u32);

impl Serialize for Deep {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.checked_sub(1) {
            None => serializer.serialize_unit(),
            Some(inner) => serializer.serialize_some(&Deep(inner)),
        }
    }
}

/// Maps in maps, `.0` levels deep.
struct DeepMap(u32);

impl Serialize for DeepMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.checked_sub(1).map(|inner| ((), DeepMap(inner))))
    }
}

#[test]
fn value_nested_too_deep_is_an_error_and_not_a_crash() {
    assert!(digest(&Deep(DEPTH_MAX)).is_ok());
    assert_eq!(digest(&Deep(DEPTH_MAX + 1)), Err(DigestError::TooDeep));
    assert_eq!(digest(&Deep(100_000)), Err(DigestError::TooDeep));
    assert!(digest(&DeepMap(DEPTH_MAX)).is_ok());
    assert_eq!(digest(&DeepMap(100_000)), Err(DigestError::TooDeep));
}

#[test]
fn depth_counts_levels_not_values() {
    let wide: Vec<Deep> = (0..1000).map(|_| Deep(DEPTH_MAX - 1)).collect();
    assert!(digest(&wide).is_ok());
}

#[test]
fn refusal_of_a_value_is_reported() {
    struct Refusing;
    impl Serialize for Refusing {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom("a secret"))
        }
    }
    let error = digest(&vec![Refusing]).unwrap_err();
    assert_eq!(error.to_string(), "the value cannot be serialized: a secret");
}

#[test]
fn value_that_passes_over_an_error_is_refused() {
    struct Careless;
    impl Serialize for Careless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut sequence = serializer.serialize_seq(None)?;
            let _ = sequence.serialize_element(&DeepMap(DEPTH_MAX));
            sequence.end()
        }
    }
    assert!(matches!(digest(&Careless), Err(DigestError::Refused { .. })));
}

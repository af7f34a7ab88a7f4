//! Tests of the parent: what is equal, what is different, and what must not change.

mod limits;
mod secrets;
mod sets;

use super::*;
use proptest::prelude::*;
use serde::ser::{SerializeSeq, Serializer};
use std::collections::{BTreeMap, HashMap};

fn of<T: Serialize + ?Sized>(value: &T) -> Digest {
    digest(value).unwrap()
}

#[derive(Serialize)]
struct Point {
    x: i32,
    y: i32,
}

#[derive(Serialize)]
struct Metres(f64);

#[derive(Serialize)]
struct Feet(f64);

#[derive(Serialize)]
struct Marker;

#[derive(Serialize)]
enum Shape {
    Empty,
    Blank,
    Radius(u8),
    Sides(u8, u8),
    Named { a: u8 },
}

#[test]
fn digests_stay_what_they_were() {
    // If this fails, the encoding changed: stored cache entries and call keys would be lost. Take it
    // back, or give `Domain::Value` a new number and say so in the changelog.
    let table = [
        (of(&()), "2022ec9d571ba774cf9e83d0194962f5d1e3aa1a48d486a67e2762a6c7959015"),
        (of(&-1), "9c72912be66bae8413f2e40483d124364529fee24726f7d3cb43a61095ea6bc0"),
        (of(&u128::MAX), "fe2704c58df7cbe3a712eff496dab2545b5564c4fbde42b90ffc8ed5da0777c2"),
        (of("flowkit"), "4795db2327a7bd496c10446796464e664bb68f38b4a6fcfe3935f009ab00411f"),
        (of(&(1, "a", 'a', 0.5, true)), "c9b8bfab43ce0379229d67d7ce3e784d0ebcd11e7f3753819cbc3c620724a6b1"),
        (
            of(&[Some(Point { x: 1, y: -2 }), None][..]),
            "5695bd701de4a74e7c4196b34a6dc06216efb695d134ad0b78be99fdc6984aee",
        ),
        (
            of(&[Shape::Empty, Shape::Radius(1), Shape::Sides(1, 2), Shape::Named { a: 1 }]),
            "6bd9261540e079c1a2344e32b77f46b8bf5e7481a61c4e7c87e1e65afb5c32ef",
        ),
        (
            of(&BTreeMap::from([("a", vec![1]), ("b", vec![])])),
            "229f3c4e5320f35d00a2661172cb9778f2460b76e13e2f821376414c8f0b45e5",
        ),
        (Digest::join(&[of(&1), of(&2)]), "43869ac226461655343ed9cffaeb91c7f25c2b0136cfa7fe2aa78c30d4f09557"),
    ];
    let changed = table.iter().filter(|(digest, golden)| digest.to_string() != *golden);
    assert_eq!(changed.map(|(digest, _)| digest.to_string()).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn encoding_is_tag_then_length_then_content() {
    // domain, tag, …
    let table: [(Digest, &[u8]); 4] = [
        (of(&()), &[1, 1]),
        (of(&258), &[1, 4, 2, 1, 0, 0, 0, 0, 0, 0]),
        (of("ab"), &[1, 11, 2, 0, 0, 0, 0, 0, 0, 0, b'a', b'b']),
        (of(&vec![Some(true), None]), &[1, 23, 14, 3, 13, 0]),
    ];
    for (digest, bytes) in table {
        assert_eq!(digest.as_bytes(), blake3::hash(bytes).as_bytes(), "{bytes:?}");
    }
}

#[test]
fn values_that_look_alike_have_different_digests() {
    struct Raw(&'static [u8]);
    impl Serialize for Raw {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_bytes(self.0)
        }
    }
    let none = None::<()>;
    let no_numbers = Vec::<u8>::new();
    #[rustfmt::skip]
    let digests = [
        // Nothing.
        of(&()), of(&none), of(&Some(none)), of(&Some(())), of(&false), of(&0), of(""), of(&no_numbers),
        of(&BTreeMap::<u8, u8>::new()), of(&Marker), of(&Raw(b"")), of(&Shape::Empty), of(&Shape::Blank), of("Empty"),
        of(&[(); 1]),
        // One.
        of(&1), of(&-1), of(&1_f32), of(&1_f64), of(&true), of("1"), of(&'1'), of(&Raw(b"1")), of(&Some(1)),
        of(&(1,)), of(&vec![1]), of(&Shape::Radius(1)), of(&Shape::Named { a: 1 }), of(&Metres(1.0)),
        of(&Feet(1.0)), of(&BTreeMap::from([("a", 1)])), of(&BTreeMap::from([("Radius", 1)])), of(&u128::MAX),
        of(&i128::MIN), of(&i64::MIN), of(&(1_u128 << 64)), of(&(i128::from(i64::MIN) - 1)), of(&u64::MAX),
        // Concatenation.
        of(&("ab", "c")), of(&("a", "bc")), of(&("abc", "")), of(&("abc",)), of(&("a", "b", "c")), of("abc"),
        of("\0"), of("\0\0"),
        // Nesting.
        of(&vec![vec![1], vec![]]), of(&vec![vec![], vec![1]]), of(&vec![vec![1]]), of(&vec![vec![vec![1]]]),
        of(&((1, 2), 3)), of(&(1, (2, 3))), of(&((1, 2, 3),)), of(&(1, 2, 3)), of(&Some(Some(1))),
        // Order, names and shapes.
        of(&vec![1, 2, 3]), of(&vec![1, 3, 2]), of(&Shape::Sides(1, 2)), of(&Shape::Sides(2, 1)),
        of(&Point { x: 1, y: 2 }), of(&Point { x: 2, y: 1 }), of(&BTreeMap::from([("x", 1), ("y", 2)])),
        of(&BTreeMap::from([("x", 2), ("y", 1)])), of(&vec![("x", 1), ("y", 2)]),
        of(&BTreeMap::from([(1, 2)])), of(&BTreeMap::from([(2, 1)])),
    ];
    for (index, digest) in digests.iter().enumerate() {
        assert!(!digests[..index].contains(digest), "number {index} is not new");
    }
}

#[test]
fn integers_of_equal_value_are_equal_whatever_their_width() {
    for digest in
        [of(&7_u16), of(&7_u32), of(&7_u64), of(&7_u128), of(&7_usize), of(&7_i8), of(&7_i64), of(&7_i128)]
    {
        assert_eq!(digest, of(&7_u8));
    }
    for digest in [of(&-7_i16), of(&-7_i32), of(&-7_i64), of(&-7_i128)] {
        assert_eq!(digest, of(&-7_i8));
    }
    assert_eq!(of(&u64::MAX), of(&u128::from(u64::MAX)));
    assert_eq!(of(&i64::MIN), of(&i128::from(i64::MIN)));
    assert_eq!(of(&i128::MAX), of(&i128::MAX.unsigned_abs()));
}

#[test]
fn floats_go_by_their_bits_but_all_nans_are_one() {
    assert_ne!(of(&0.0), of(&-0.0));
    assert_eq!(of(&f64::NAN), of(&-f64::NAN));
    assert_eq!(of(&f64::NAN), of(&f64::from_bits(0x7ff0_0000_0000_0001)));
    assert_eq!(of(&f32::NAN), of(&f32::from_bits(0xff80_0001)));
    assert_ne!(of(&f32::NAN), of(&f64::NAN));
    assert_ne!(of(&f64::INFINITY), of(&f64::NEG_INFINITY));
}

#[test]
fn maps_of_equal_content_are_equal_whatever_their_order() {
    let sorted: BTreeMap<_, _> = (0_u64..50).map(|n| (n.to_string(), vec![n])).collect();
    for shift in 0..50 {
        // Each `HashMap` has its own random order; the shift changes the order of insertion too.
        let hashed: HashMap<_, _> =
            (0..50).map(|n| (n + shift) % 50).map(|n| (n.to_string(), vec![n])).collect();
        assert_eq!(of(&hashed), of(&sorted));
        assert_eq!(of(&(1, vec![hashed], 2)), of(&(1, vec![&sorted], 2)));
    }
}

#[test]
fn struct_fields_go_by_name_and_order() {
    #[derive(Serialize)]
    #[serde(rename = "Point")]
    struct Reordered {
        y: i32,
        x: i32,
    }
    #[derive(Serialize)]
    #[serde(rename = "Point")]
    struct Renamed {
        x: i32,
        z: i32,
    }
    let point = of(&Point { x: 1, y: 2 });
    assert_ne!(of(&Reordered { y: 2, x: 1 }), point);
    assert_ne!(of(&Renamed { x: 1, z: 2 }), point);
}

#[test]
fn enum_variants_go_by_name_not_by_position() {
    #[derive(Serialize)]
    #[serde(rename = "Shape")]
    #[expect(dead_code, reason = "it is there to move the others")]
    enum Moved {
        Sides(u8, u8),
        Radius(u8),
        Empty,
    }
    assert_eq!(of(&Moved::Empty), of(&Shape::Empty));
    assert_eq!(of(&Moved::Radius(3)), of(&Shape::Radius(3)));
}

#[test]
fn sequence_of_unknown_length_equals_the_vector() {
    struct Streamed;
    impl Serialize for Streamed {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let mut sequence = serializer.serialize_seq(None)?;
            (0..3).try_for_each(|n| sequence.serialize_element(&n))?;
            sequence.end()
        }
    }
    assert_eq!(of(&Streamed), of(&vec![0, 1, 2]));
}

#[test]
fn displayed_text_equals_the_text() {
    struct Shown<T>(T);
    impl<T: fmt::Display> Serialize for Shown<T> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&self.0)
        }
    }
    assert_eq!(of(&Shown(format_args!("{}-{}", 1, "b"))), of("1-b"));
}

#[test]
fn pointers_are_transparent() {
    assert_eq!(of(&Box::new("a")), of("a"));
    assert_eq!(of(&std::borrow::Cow::Borrowed("a")), of("a"));
    assert_eq!(of(&String::from("a")), of("a"));
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    // Few different leaves, so that values are often almost equal.
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2_i64..3).prop_map(Value::from),
        (0_i8..3).prop_map(|n| Value::from(f64::from(n))),
        "[ab]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let map = prop::collection::btree_map("[ab]{0,2}", inner.clone(), 0..3);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::from),
            map.prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn values_have_equal_digests_only_if_they_are_equal(values in prop::collection::vec(json(), 2..40)) {
        for (index, a) in values.iter().enumerate() {
            for b in &values[index..] {
                prop_assert_eq!(a == b, of(a) == of(b), "{} and {}", a, b);
            }
        }
    }
}

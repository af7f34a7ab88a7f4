//! Tests of the parent: which changes of a type are seen, and that every walk ends.
//!
//! Each type is derived in a block of its own under one name, as the old and the new form of a user's type are.

mod changes;
mod customs;
mod recursion;
mod tagged;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::Deserialize;

use super::*;

/// The shape of a type called `T`, derived from these words.
macro_rules! shape {
    ($($words:tt)+) => {{
        #[derive(Deserialize)]
        #[allow(dead_code, reason = "only its shape counts")]
        $($words)+
        $crate::value::shape::tests::Named::shape(&|| -> T { unreachable!() })
    }};
}
use shape;

/// Gives the type that the closure returns, so that the macro needs no name for it outside its block.
trait Named {
    fn shape(&self) -> Digest;
}

impl<T: Deserialize<'static>, F: Fn() -> T> Named for F {
    fn shape(&self) -> Digest {
        shape_of::<T>()
    }
}

/// Asserts that no two of these are equal.
fn assert_all_different(shapes: &[Digest]) {
    for (index, shape) in shapes.iter().enumerate() {
        assert_eq!(
            shapes[..index].iter().position(|other| other == shape),
            None,
            "number {index} is not new"
        );
    }
}

#[test]
fn shapes_stay_what_they_were() {
    // If this fails, every stored value would be taken for one of another type. Take the change back, or give
    // `Domain::Shape` a new number and say so in the changelog.
    let table = [
        (shape_of::<()>(), "82f47eae7befd15f5198d394a3ac05d86b05a853e0607fe1d403594604bc823d"),
        (shape_of::<u64>(), "e4a0e530535538ce0f44260bdb754b6045837e4e249a25a7a41bb6c0a571396d"),
        (
            shape_of::<BTreeMap<String, Vec<Option<(f64, char)>>>>(),
            "f5428b8c3568d279e83b73b2fe57f5ed7d030210f221864098afea640d108525",
        ),
        (
            shape!(
                struct T {
                    id: u64,
                    tags: Vec<String>,
                }
            ),
            "5a4488fc98a9a848913184bfffc7e2d75abddfeb29a4328999eb0821dfd514e4",
        ),
        (
            shape!(
                enum T {
                    Empty,
                    One(u8),
                    Two(u8, bool),
                    Named { a: i32 },
                }
            ),
            "5d63df963e66382d0b6851d7e5f1ba08d0863b69914f8193e3d92da415fd8a71",
        ),
    ];
    let changed = table.iter().filter(|(shape, golden)| shape.to_string() != *golden);
    assert_eq!(changed.map(|(shape, _)| shape.to_string()).collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn shape_is_the_same_each_time() {
    assert_eq!(
        shape!(
            struct T {
                a: u8,
                b: Vec<u16>,
            }
        ),
        shape!(
            struct T {
                a: u8,
                b: Vec<u16>,
            }
        )
    );
    assert_eq!(
        shape!(
            enum T {
                A(u8),
                B { c: u16 },
            }
        ),
        shape!(
            enum T {
                A(u8),
                B { c: u16 },
            }
        )
    );
}

#[test]
fn simple_types_differ() {
    #[rustfmt::skip]
    assert_all_different(&[
        shape_of::<()>(), shape_of::<bool>(), shape_of::<char>(), shape_of::<String>(),
        shape_of::<u8>(), shape_of::<u16>(), shape_of::<u32>(), shape_of::<u64>(), shape_of::<u128>(),
        shape_of::<i8>(), shape_of::<i16>(), shape_of::<i32>(), shape_of::<i64>(), shape_of::<i128>(),
        shape_of::<f32>(), shape_of::<f64>(),
        shape_of::<Option<u8>>(), shape_of::<Option<Option<u8>>>(), shape_of::<Option<u16>>(),
        shape_of::<Vec<u8>>(), shape_of::<Vec<u16>>(), shape_of::<Vec<Vec<u8>>>(), shape_of::<Vec<Option<u8>>>(),
        shape_of::<(u8,)>(), shape_of::<(u8, u8)>(), shape_of::<(u8, u16)>(), shape_of::<(u16, u8)>(),
        shape_of::<((u8, u8), u8)>(), shape_of::<(u8, (u8, u8))>(), shape_of::<[u8; 3]>(), shape_of::<[u8; 4]>(),
        shape_of::<HashMap<String, u8>>(), shape_of::<HashMap<String, u16>>(), shape_of::<HashMap<u8, u8>>(),
        shape_of::<Vec<(String, u8)>>(), shape_of::<Result<u8, u16>>(), shape_of::<Result<u16, u8>>(),
        shape_of::<std::time::Duration>(), shape_of::<serde_json::Value>(),
    ]);
}

#[test]
fn types_that_ask_for_the_same_are_equal() {
    assert_eq!(shape_of::<HashMap<String, u8>>(), shape_of::<BTreeMap<String, u8>>());
    assert_eq!(shape_of::<BTreeSet<u8>>(), shape_of::<Vec<u8>>());
    assert_eq!(shape_of::<Box<u8>>(), shape_of::<u8>());
}

#[test]
fn changes_far_inside_are_seen() {
    type ByName<X> = BTreeMap<String, Option<Inside<X>>>;
    /// `X` behind one of everything.
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape counts")]
    struct Around<X> {
        before: Leading,
        list: Vec<(u8, ByName<X>)>,
    }
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape counts")]
    enum Leading {
        A,
        B(u8),
    }
    #[derive(Deserialize)]
    #[allow(dead_code, reason = "only its shape counts")]
    enum Inside<X> {
        First,
        Second(Leading, Leading),
        Third { leading: Leading, last: Result<u8, [X; 2]> },
    }
    assert_all_different(&[
        shape_of::<Around<u8>>(),
        shape_of::<Around<u16>>(),
        shape_of::<Around<Option<u8>>>(),
        shape_of::<Around<Around<u8>>>(),
        shape_of::<Around<Around<u16>>>(),
        shape_of::<Around<Around<Around<u16>>>>(),
    ]);
}

#[test]
fn each_variant_of_several_enums_is_seen() {
    assert_all_different(&[
        shape!(
            struct T {
                a: Result<Result<u8, u8>, Result<u8, u8>>,
                b: Result<Result<u8, u8>, Result<u8, u8>>,
            }
        ),
        shape!(
            struct T {
                a: Result<Result<u8, u8>, Result<u8, u16>>,
                b: Result<Result<u8, u8>, Result<u8, u8>>,
            }
        ),
        shape!(
            struct T {
                a: Result<Result<u8, u8>, Result<u8, u8>>,
                b: Result<Result<u8, u8>, Result<u8, u16>>,
            }
        ),
        shape!(
            struct T {
                a: Result<Result<u8, u16>, Result<u8, u8>>,
                b: Result<Result<u8, u8>, Result<u8, u8>>,
            }
        ),
        shape!(
            struct T {
                a: Result<Result<u8, u8>, Result<u8, u8>>,
                b: Result<Result<u8, u8>, Result<u16, u8>>,
            }
        ),
    ]);
}

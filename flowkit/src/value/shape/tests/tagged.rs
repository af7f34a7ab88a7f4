//! What serde buffers: `flatten`, `untagged`, and tagged enums.

use super::*;

#[derive(Deserialize)]
#[allow(dead_code, reason = "only its shape counts")]
struct Flat<X> {
    a: X,
    b: String,
}

#[test]
fn changes_of_a_flattened_struct_are_seen() {
    assert_all_different(&[
        shape!(
            struct T {
                id: u8,
                #[serde(flatten)]
                flat: Flat<String>,
            }
        ),
        shape!(
            struct T {
                id: u8,
                #[serde(flatten)]
                flat: Flat<u32>,
            }
        ),
        shape!(
            struct T {
                id: u8,
                #[serde(flatten)]
                flat: Flat<f64>,
            }
        ),
        shape!(
            struct T {
                id: u8,
                #[serde(flatten)]
                flat: Flat<bool>,
            }
        ),
        shape!(
            struct T {
                id: u8,
                #[serde(flatten)]
                flat: Flat<Option<u32>>,
            }
        ),
        shape!(
            struct T {
                id: u16,
                #[serde(flatten)]
                flat: Flat<String>,
            }
        ),
        shape!(
            struct T {
                key: u8,
                #[serde(flatten)]
                flat: Flat<String>,
            }
        ),
        shape!(
            struct T {
                id: u8,
                #[serde(flatten)]
                flat: HashMap<String, u8>,
            }
        ),
        shape!(
            struct T {
                id: u8,
                #[serde(flatten)]
                flat: HashMap<String, String>,
            }
        ),
        shape!(
            struct T {
                id: u8,
                #[serde(flatten)]
                flat: HashMap<String, serde_json::Value>,
            }
        ),
        shape!(
            struct T {
                id: u8,
                c: u8,
                #[serde(flatten)]
                flat: Flat<String>,
            }
        ),
    ]);
}

#[test]
fn changes_of_an_internally_tagged_enum_are_seen() {
    assert_all_different(&[
        shape!(
            #[serde(tag = "kind")]
            enum T {
                A { a: u8, b: String },
                B { c: u8 },
            }
        ),
        shape!(
            #[serde(tag = "type")]
            enum T {
                A { a: u8, b: String },
                B { c: u8 },
            }
        ),
        shape!(
            #[serde(tag = "kind")]
            enum T {
                A { a: u8, b: String },
                C { c: u8 },
            }
        ),
        shape!(
            #[serde(tag = "kind")]
            enum T {
                A { a: u8, b: String },
                B { c: u8 },
                C,
            }
        ),
        shape!(
            #[serde(tag = "kind")]
            enum T {
                A { a: u8, b: String },
                B { c: String },
            }
        ),
        shape!(
            #[serde(tag = "kind")]
            enum T {
                A { a: u8, b: String },
                B { d: u8 },
            }
        ),
        shape!(
            #[serde(tag = "kind")]
            enum T {
                A { a: u8, b: u8 },
                B { c: u8 },
            }
        ),
        shape!(
            #[serde(tag = "kind")]
            enum T {
                A { a: u8 },
                B { c: u8 },
            }
        ),
        shape!(
            #[serde(tag = "kind")]
            enum T {
                A { c: u8 },
                B { a: u8, b: String },
            }
        ),
        shape!(
            #[serde(tag = "kind")]
            enum T {
                A,
                B,
            }
        ),
    ]);
}

#[test]
fn internally_tagged_enum_inside_a_struct_hides_nothing_beside_it() {
    #[derive(Deserialize)]
    #[serde(tag = "kind", deny_unknown_fields)]
    #[allow(dead_code, reason = "only its shape counts")]
    enum Tagged<X> {
        A { a: u8 },
        B { b: X },
    }
    assert_all_different(&[
        shape!(
            struct T {
                list: Vec<Tagged<u8>>,
                after: Result<u8, u8>,
            }
        ),
        shape!(
            struct T {
                list: Vec<Tagged<String>>,
                after: Result<u8, u8>,
            }
        ),
        shape!(
            struct T {
                list: Vec<Tagged<u8>>,
                after: Result<u8, u16>,
            }
        ),
    ]);
}

#[test]
fn changes_of_an_adjacently_tagged_enum_are_seen() {
    assert_all_different(&[
        shape!(
            #[serde(tag = "t", content = "c")]
            enum T {
                A { a: u8, b: String },
                B(u8),
                C,
            }
        ),
        shape!(
            #[serde(tag = "t", content = "d")]
            enum T {
                A { a: u8, b: String },
                B(u8),
                C,
            }
        ),
        shape!(
            #[serde(tag = "t", content = "c")]
            enum T {
                A { a: u8, b: String },
                B(u16),
                C,
            }
        ),
        shape!(
            #[serde(tag = "t", content = "c")]
            enum T {
                A { a: u8, c: String },
                B(u8),
                C,
            }
        ),
        shape!(
            #[serde(tag = "t", content = "c")]
            enum T {
                A { a: u8, b: String },
                B(u8),
                D,
            }
        ),
    ]);
}

#[test]
fn untagged_enums_differ_by_what_they_take() {
    assert_all_different(&[
        shape!(
            #[serde(untagged)]
            enum T {
                A(u8),
                B(String),
            }
        ),
        shape!(
            #[serde(untagged)]
            enum T {
                A(u8),
            }
        ),
        shape!(
            #[serde(untagged)]
            enum T {
                B(String),
            }
        ),
        shape!(
            #[serde(untagged)]
            enum T {
                A(u8),
                B(Vec<u8>),
            }
        ),
        shape!(
            #[serde(untagged)]
            enum T {
                A(u8),
                B(bool),
            }
        ),
        shape!(
            #[serde(untagged)]
            enum T {
                A(f64),
                B(bool),
            }
        ),
    ]);
}

#[test]
fn untagged_enum_hides_nothing_beside_it() {
    #[derive(Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "only its shape counts")]
    enum Either {
        Number(u8),
        List(Vec<Either>),
        Fields { a: Box<Either> },
    }
    assert_all_different(&[
        shape!(
            struct T {
                a: Either,
                b: Vec<Either>,
                c: Result<u8, u8>,
                d: Option<Either>,
            }
        ),
        shape!(
            struct T {
                a: Either,
                b: Vec<Either>,
                c: Result<u8, u16>,
                d: Option<Either>,
            }
        ),
        shape!(
            struct T {
                a: Either,
                b: Either,
                c: Result<u8, u8>,
                d: Option<Either>,
            }
        ),
        shape!(
            struct T {
                a: u8,
                b: Vec<Either>,
                c: Result<u8, u8>,
                d: Option<Either>,
            }
        ),
    ]);
}

#[test]
fn type_that_no_value_fits_is_walked_to_an_end() {
    // Both want a field `a` of their own, and serde gives it to the outer one.
    assert_ne!(
        shape!(
            struct T {
                a: u8,
                #[serde(flatten)]
                flat: Flat<String>,
            }
        ),
        shape!(
            struct T {
                a: u16,
                #[serde(flatten)]
                flat: Flat<String>,
            }
        )
    );
}

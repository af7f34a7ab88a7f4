//! Changes of a struct and of an enum, one by one.

use super::*;

#[test]
fn changes_of_a_struct_are_seen() {
    assert_all_different(&[
        shape!(
            struct T {
                a: u8,
                b: u8,
            }
        ),
        shape!(
            struct T {
                a: u8,
            }
        ),
        shape!(
            struct T {
                a: u8,
                b: u8,
                c: u8,
            }
        ),
        shape!(
            struct T {
                a: u8,
                c: u8,
            }
        ),
        shape!(
            struct T {
                a: u8,
                b: u16,
            }
        ),
        shape!(
            struct T {
                a: u16,
                b: u8,
            }
        ),
        shape!(
            struct T {
                a: u8,
                b: Option<u8>,
            }
        ),
        shape!(
            struct T {
                a: u8,
                b: Vec<u8>,
            }
        ),
        shape!(
            struct T {
                a: u8,
                #[serde(rename = "B")]
                b: u8,
            }
        ),
        shape!(
            #[serde(rename = "U")]
            struct T {
                a: u8,
                b: u8,
            }
        ),
        shape!(
            struct T(u8, u8);
        ),
        shape!(
            struct T(u8);
        ),
        shape!(
            struct T(u16);
        ),
        shape!(
            struct T;
        ),
        shape!(
            struct T {}
        ),
    ]);
}

#[test]
fn changes_of_an_enum_are_seen() {
    assert_all_different(&[
        shape!(
            enum T {
                A,
                B(u8),
            }
        ),
        shape!(
            enum T {
                A,
            }
        ),
        shape!(
            enum T {
                A,
                B(u8),
                C,
            }
        ),
        shape!(
            enum T {
                A,
                C(u8),
            }
        ),
        shape!(
            enum T {
                A,
                B(u16),
            }
        ),
        shape!(
            enum T {
                A,
                B(u8, u8),
            }
        ),
        shape!(
            enum T {
                A,
                B { a: u8 },
            }
        ),
        shape!(
            enum T {
                A,
                B { b: u8 },
            }
        ),
        shape!(
            enum T {
                A,
                B,
            }
        ),
        shape!(
            enum T {
                A(u8),
                B(u8),
            }
        ),
    ]);
}

#[test]
fn order_of_fields_and_variants_is_free() {
    assert_eq!(
        shape!(
            struct T {
                a: u8,
                b: u16,
            }
        ),
        shape!(
            struct T {
                b: u16,
                a: u8,
            }
        )
    );
    assert_ne!(
        shape!(
            struct T {
                a: u8,
                b: u16,
            }
        ),
        shape!(
            struct T {
                b: u8,
                a: u16,
            }
        )
    );
    assert_eq!(
        shape!(
            enum T {
                A(u8),
                B,
                C { c: u16 },
            }
        ),
        shape!(
            enum T {
                C { c: u16 },
                B,
                A(u8),
            }
        )
    );
    assert_ne!(
        shape!(
            enum T {
                A(u8),
                B(u16),
            }
        ),
        shape!(
            enum T {
                B(u8),
                A(u16),
            }
        )
    );
}

//! `Deserialize` written by hand: dummies that are refused, and visitors that misbehave.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroI64, NonZeroU8};

use serde::Deserializer;
use serde::de::Error;

use super::*;

/// Takes no text at all.
struct Never;

impl<'de> Deserialize<'de> for Never {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?;
        Err(D::Error::custom("never"))
    }
}

#[test]
fn what_is_beside_a_type_that_takes_no_dummy_is_seen() {
    assert_all_different(&[
        shape!(
            struct T {
                a: Never,
                b: u8,
                c: Result<u8, u8>,
            }
        ),
        shape!(
            struct T {
                a: Never,
                b: u16,
                c: Result<u8, u8>,
            }
        ),
        shape!(
            struct T {
                a: Never,
                b: u8,
                c: Result<u8, u16>,
            }
        ),
        shape!(
            struct T {
                a: Never,
                b: u8,
                c: Result<u8, Vec<Never>>,
            }
        ),
        shape!(
            struct T {
                a: String,
                b: u8,
                c: Result<u8, u8>,
            }
        ),
        shape!(
            struct T {
                a: Option<Never>,
                b: u8,
                c: Result<u8, u8>,
            }
        ),
        shape!(
            struct T {
                a: Vec<Never>,
                b: u8,
                c: Result<u8, u8>,
            }
        ),
    ]);
    assert_ne!(
        shape!(
            enum T {
                A(Never),
                B { b: Never, c: u8 },
                C(u8),
            }
        ),
        shape!(
            enum T {
                A(Never),
                B { b: Never, c: u8 },
                C(u16),
            }
        )
    );
    assert_ne!(
        shape!(
            enum T {
                B { b: Never, c: u8 },
            }
        ),
        shape!(
            enum T {
                B { b: Never, c: u16 },
            }
        )
    );
}

/// A UUID, as its crate reads it.
struct Id;

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        uuid::Uuid::parse_str(&text).map(|_| Self).map_err(D::Error::custom)
    }
}

#[test]
fn usual_types_with_a_text_form_take_a_dummy() {
    #[rustfmt::skip]
    assert_all_different(&[
        shape_of::<(String, u8)>(), shape_of::<(Id, u8)>(), shape_of::<(Id, u16)>(),
        shape_of::<(IpAddr, u8)>(), shape_of::<(IpAddr, u16)>(), shape_of::<(SocketAddr, u16)>(),
        shape_of::<(Digest, u8)>(), shape_of::<(Digest, u16)>(),
    ]);
    // What asks for the same and takes the same is the same.
    assert_eq!(shape_of::<NonZeroU8>(), shape_of::<u8>());
    assert_ne!(shape_of::<(NonZeroI64, u8)>(), shape_of::<(NonZeroI64, u16)>());
}

#[test]
fn aliases_and_defaults_hide_nothing() {
    assert_all_different(&[
        shape!(
            struct T {
                #[serde(alias = "x")]
                a: u8,
                b: u8,
            }
        ),
        shape!(
            struct T {
                #[serde(alias = "x")]
                a: u16,
                b: u8,
            }
        ),
        shape!(
            struct T {
                #[serde(alias = "x")]
                a: u8,
                b: u16,
            }
        ),
        shape!(
            struct T {
                #[serde(default)]
                a: Vec<u8>,
                b: u8,
            }
        ),
        shape!(
            struct T {
                #[serde(default)]
                a: Vec<u16>,
                b: u8,
            }
        ),
    ]);
    assert_eq!(
        shape!(
            struct T {
                a: u8,
            }
        ),
        shape!(
            struct T {
                #[serde(default)]
                a: u8,
            }
        )
    );
    assert_eq!(
        shape!(
            struct T {
                a: u8,
            }
        ),
        shape!(
            struct T {
                a: u8,
                #[serde(skip)]
                b: u8,
            }
        )
    );
}

#[test]
fn visitor_that_passes_over_an_error_does_not_mislead_the_walk() {
    /// `None` whatever goes wrong.
    struct Lenient;
    impl<'de> Deserialize<'de> for Lenient {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let _ = <(u8, Never)>::deserialize(deserializer);
            Ok(Self)
        }
    }
    assert_ne!(
        shape!(
            struct T {
                a: Lenient,
                b: u8,
            }
        ),
        shape!(
            struct T {
                a: Lenient,
                b: u16,
            }
        )
    );
    assert_ne!(shape_of::<(Lenient, Never, u8)>(), shape_of::<(Lenient, Never, u8, u8)>());
}

#[test]
fn panic_of_a_visitor_reaches_the_caller_and_breaks_nothing() {
    struct Panicking;
    impl<'de> Deserialize<'de> for Panicking {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            String::deserialize(deserializer)?;
            panic!("as a careless visitor does")
        }
    }
    assert!(std::panic::catch_unwind(shape_of::<Vec<Panicking>>).is_err());
    assert_eq!(shape_of::<Vec<u8>>(), shape_of::<Vec<u8>>());
}

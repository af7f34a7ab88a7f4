//! Values of types that do not read back unchanged, or only just (G5).

use std::collections::BTreeMap;

use flowkit::prelude::*;
use serde::{Deserialize, Serialize};

use super::tape::{self, Line};

/// A field that is left out when it is empty, and cannot be read then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LeftOut {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    list: Vec<u64>,
}

/// A field that is never written, and read as nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct NeverWritten {
    shown: u64,
    #[serde(skip_serializing, default)]
    hidden: u64,
}

/// Keys that JSON has as texts, and `flatten` does not turn back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Flat {
    #[serde(flatten)]
    by_number: BTreeMap<u32, u64>,
}

/// A float without a fraction reads as an integer where that comes first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Number {
    Whole(u64),
    Float(f64),
    Text(String),
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Floats {
    not_a_number: f64,
    negative_zero: f64,
}

impl PartialEq for Floats {
    fn eq(&self, other: &Self) -> bool {
        let bits = |floats: &Self| (floats.not_a_number.is_nan(), floats.negative_zero.to_bits());
        bits(self) == bits(other)
    }
}

fn left_out(number: u64) -> LeftOut {
    LeftOut { list: vec![7; usize::try_from(number % 2).unwrap_or_default()] }
}

fn never_written(number: u64) -> NeverWritten {
    NeverWritten { shown: number, hidden: number }
}

fn flat(number: u64) -> Flat {
    Flat { by_number: [(1, number), (2, number)].into() }
}

fn numbers(number: u64) -> Vec<Number> {
    vec![Number::Float(number as f64), Number::Whole(number), Number::Text(number.to_string())]
}

fn floats(number: u64) -> Floats {
    Floats { not_a_number: f64::NAN, negative_zero: if number == 0 { 0.0 } else { -0.0 } }
}

fn wide(number: u64) -> u128 {
    u128::MAX - u128::from(number)
}

/// Makes each of them and says whether it is what it must be, be it read or made.
pub(crate) async fn make_all() {
    macro_rules! made {
        ($which:expr, $make:ident, $type:ty) => {{
            #[task]
            async fn value(number: u64) -> $type {
                $make(number)
            }
            for number in 0..2 {
                if let Ok(value) = value(number).await {
                    tape::write(Line::Awkward { which: $which, equal: value == $make(number) });
                }
            }
        }};
    }
    made!(0, left_out, LeftOut);
    made!(1, never_written, NeverWritten);
    made!(2, flat, Flat);
    made!(3, numbers, Vec<Number>);
    made!(4, floats, Floats);
    made!(5, wide, u128);
}

//! The dummies that are passed to a `Deserialize`, in the order in which they are tried.
//!
//! A shape depends on which of them a type accepts, so a change here changes stored fingerprints.

/// Texts that the usual types with a text form accept: ids, numbers, dates and times, addresses, versions, digests.
pub(super) const TEXTS: &[&str] = &[
    "",
    "a",
    "1",
    "1.0.0",
    "1970-01-01",
    "00:00:00",
    "1970-01-01T00:00:00",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00+00:00[UTC]",
    "PT1S",
    "UTC",
    "00000000-0000-0000-0000-000000000000",
    "127.0.0.1",
    "::1",
    "127.0.0.1:1",
    "[::1]:1",
    "127.0.0.1/32",
    "http://a/",
    "a@a.aa",
    "00000000000000000000000000000000",
    "0000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000000",
];

/// Begins with one, since a `NonZero` refuses zero. Each fits into every type of number.
pub(super) const NUMBERS: &[u8] = &[1, 0, 2];

pub(super) const CHARS: &[char] = &['a', '0', 'A'];

/// The dummies for a type that calls `deserialize_any`.
#[derive(Clone, Copy)]
pub(super) enum Anything {
    // The ones that few types accept come first: an `f64` also accepts an integer, an `Option` also accepts nothing.
    Float,
    Negative,
    Unsigned,
    Bool,
    Text(&'static str),
    Map,
    Sequence,
    Nothing,
}

pub(super) const ANYTHING_COUNT: usize = 7 + TEXTS.len();

/// Returns the dummy number `index` of `ANYTHING_COUNT`.
pub(super) fn anything(index: usize) -> Anything {
    match index {
        0 => Anything::Float,
        1 => Anything::Negative,
        2 => Anything::Unsigned,
        3 => Anything::Bool,
        4 => Anything::Map,
        5 => Anything::Sequence,
        6 => Anything::Nothing,
        _ => Anything::Text(TEXTS[(index - 7) % TEXTS.len()]),
    }
}

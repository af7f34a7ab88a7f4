//! The error of the recording deserializer: it carries what serde reports about missing fields and unknown variants.
//!
//! There is no other way to learn the names inside `flatten` and internally tagged enums.

use std::fmt;

use serde::de;

/// Why a dummy was refused, as far as this helps to choose the next one. The message is dropped, since it is never read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Refused,
    Missing { field: &'static str },
    Unknown { variants: &'static [&'static str] },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the dummy value was refused")
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self::Refused
    }

    fn missing_field(field: &'static str) -> Self {
        Self::Missing { field }
    }

    fn unknown_variant(_: &str, variants: &'static [&'static str]) -> Self {
        Self::Unknown { variants }
    }
}

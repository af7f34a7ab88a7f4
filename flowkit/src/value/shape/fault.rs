//! The error of the recording deserializer: it keeps what serde says about missing fields and unknown variants.
//!
//! These are the only ways to learn the names inside `flatten` and internally tagged enums.

use std::fmt;

use serde::de;

/// Why a dummy was not taken, as far as that helps with the next one. The text is not kept: nobody reads it.
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

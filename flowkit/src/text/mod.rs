//! How things are shown as text: words and widths. Pure.

pub(crate) mod apart;
pub(crate) mod columns;
#[cfg(feature = "store")]
pub(crate) mod duration;
pub(crate) mod wording;

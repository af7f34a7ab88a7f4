//! How things are shown as text: words and widths. Pure.

pub(crate) mod columns;
pub(crate) mod wording;

//! How things are shown as text: words, widths, glyphs. Pure.

pub(crate) mod columns;
pub(crate) mod wording;

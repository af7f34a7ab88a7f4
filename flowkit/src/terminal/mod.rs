//! Text for people to read in a terminal, made from events. Pure but for the one function that prints.
//!
//! ```text
//! notice ──► Lines: which fact is it ──► tally: what the summary needs ──► lines of text
//! ```

mod lines;
mod root_cause;
mod tally;

pub use lines::{Lines, lines};

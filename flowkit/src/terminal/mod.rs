//! Text for people to read in a terminal, made from events. Pure but for the one function that prints.

mod lines;

pub use lines::{Lines, lines};

//! What the start of a program costs: a flow of one task through `flowkit::main!`, beside the same work by hand.
//!
//! ```text
//!  promises                          what is promised
//!  figures                           what was measured, in turn
//!  cost                              the processor and the memory of a program
//!  program                           the two programs, and what they find on the disk
//! ```
//!
//! A file uses only those below it. The time is that of whole processes, from the start to the end.

pub mod cost;
pub mod figures;
pub mod program;
pub mod promises;

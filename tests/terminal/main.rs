//! What people see in a terminal: real programs under a pseudo-terminal, their bytes shown by an emulator.
#![cfg(unix)]
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod emulator;
mod hostile;
#[path = "../programs/hostile_texts.rs"]
mod hostile_texts;
mod interrupted;
mod printed;
mod real_runs;
#[path = "../programs/words.rs"]
mod words;

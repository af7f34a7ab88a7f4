//! Promises under stress: cancellation, timeouts, panics, limits. The numbers (R27, …) are those of the reliability list.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod panics;
mod retry_table;
mod timeout_matrix;

//! Promises under stress: cancellation, timeouts, panics, limits. The numbers (R27, …) are those of the reliability list.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod cancellation;
mod depth;
mod grace;
mod large;
mod nested_limits;
mod panics;
mod races;
mod retry_table;
mod single_flight;
mod slots;
mod structure;
#[path = "../support/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test targets")]
mod support;
mod thousand;
mod timeout_matrix;

//! Promises under stress: cancellation, timeouts, panics, limits. The numbers (R27, …) are those of the reliability list.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]

mod cancellation;
mod depth;
mod nested_limits;
mod races;
mod structure;
#[path = "../support/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test targets")]
mod support;

//! Promises under stress: cancellation, timeouts, panics, limits. The numbers (R27, …) are those of the reliability list.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test may panic, in the flows that it calls too")]

mod single_flight;

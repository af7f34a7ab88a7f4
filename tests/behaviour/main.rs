//! What users see, case by case: the letters and numbers are those of the behaviour list (A1, B2, …).
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod captured;
mod error_sources;
mod flow_retries;
mod hooks;
mod records;
mod retries;
mod retry_conditions;
mod retry_history;
mod smoke;
mod spans;
mod sub_flow_triggers;
mod timeouts;

//! What users see, case by case: the letters and numbers are those of the behaviour list (A1, B2, …).
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]

mod captured;
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

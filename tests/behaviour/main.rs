//! What users see, case by case: the letters and numbers are those of the behaviour list (A1, B2, …).
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]

mod arguments;
mod caching;
mod calls;
mod captured;
mod combinators;
mod flow_retries;
mod flows;
mod hooks;
mod limits;
mod map;
mod record;
mod records;
mod retries;
mod retry_conditions;
mod retry_history;
mod smoke;
mod spans;
mod subflows;
#[path = "../support/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test targets")]
mod support;
mod terminal;
mod timeouts;

//! What users see, case by case: the letters and numbers are those of the behaviour list (A1, B2, …).
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]

mod defaults;
mod flows;
mod graph;
mod limits;
mod record;
mod smoke;
mod subflows;
#[path = "../support/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test targets")]
mod support;

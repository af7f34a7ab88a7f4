//! What users see, case by case: the letters and numbers are those of the behaviour list (A1, B2, …).
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod ambient;
mod arguments;
mod async_hooks;
mod caching;
mod calls;
mod captured;
mod combinators;
#[cfg(target_os = "linux")]
mod commands;
mod crate_path;
mod critical;
mod data_graphs;
mod defaults;
mod error_sources;
mod fan_in;
mod flow_retries;
mod flows;
mod graph;
mod hooks;
mod keys;
mod limits;
mod map;
mod priorities;
mod random_graphs;
mod record;
mod records;
mod retries;
mod retry_conditions;
mod retry_history;
mod run_names;
mod smoke;
mod spans;
mod sub_flow_triggers;
mod subflows;
#[path = "../support/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "shared by several test targets")]
mod support;
mod terminal;
mod testing_tools;
mod timeouts;

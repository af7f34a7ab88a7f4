//! R34: random flows under random faults, each decided by a seed alone, twice.
//!
//! A seed makes a flow (`world`), which runs through the public API (`flows`) on one thread with a paused clock, in as many
//! processes as it takes: stores lose entries, answer late, and die (`faults`). Everything that happens is recorded
//! (`trace`), and the trace must satisfy the promises (`invariants`) and be the same the second time.
//!
//! `FLOWKIT_SEEDS=10000` runs more seeds than the thousand of every day, `FLOWKIT_SEED=7` one of them, with its trace.
//!
//! Not here: bodies that block, whose threads cannot be ordered, and real crashes, which `recovery` tests. Ids of runs are
//! random, so a trace numbers runs in the order in which they begin.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod clocks;
mod decided;
mod expected;
mod faults;
mod flows;
mod forged;
mod found;
mod history;
mod identity;
mod invariants;
mod seeds;
mod trace;
mod world;

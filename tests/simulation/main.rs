//! R34: random flows under random faults, each decided by a seed alone, twice.
//!
//! A seed makes a flow (`world`), which is carried out through the public API (`flows`) on one thread with a paused clock,
//! by as many processes as it takes: stores lose entries, answer late, and die (`faults`). All that happens is written
//! down (`trace`), and what was written must keep the promises (`invariants`) and be the same the second time.
//!
//! `FLOWKIT_SEEDS=10000` runs more seeds than the thousand of every day, `FLOWKIT_SEED=7` one of them, with its trace.
//!
//! Not here: bodies that block, whose threads nobody can order, and real crashes, which `recovery` makes. Ids of runs are
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

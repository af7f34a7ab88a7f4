//! The same work through flowkit, by hand, and through flowkit's peers.
//!
//! ```text
//!  ratios.rs   count_allocations.rs   store.rs   startup.rs   compile.rs   the programs
//!  report                                            what is printed
//!  bounds                                            what is promised
//!  results                                           what was measured
//!  million   allocations   measure                   how it is measured
//!  startup                                           the start of a whole program
//!  compile                                           the code that the compiler makes of tasks
//!  store                                             the same with persisted runs, and its own floors
//!  side                                              who does the work
//!  flowkit_side   by_hand (spawn, recorder, shared)   peers (dagx, async_dag, dagrs)
//!  shape   bodies                                    what the work is
//! ```
//!
//! A file uses only those below it. Nothing here is tuned for one side: each is written as its own
//! documentation recommends, and each pass must return the result that [`shape::Shape::expected`] computes.

pub mod allocations;
pub mod bodies;
pub mod bounds;
pub mod by_hand;
pub mod compile;
pub mod flowkit_side;
pub mod measure;
pub mod million;
pub mod peers;
pub mod report;
pub mod results;
pub mod shape;
pub mod side;
pub mod startup;
pub mod store;

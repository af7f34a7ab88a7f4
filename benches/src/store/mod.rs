//! What persisting runs costs: the same work with and without a store, beside the minimum that SQLite needs for it.
//!
//! ```text
//!  plan   promises                   what one run measures, and what is promised
//!  figures                           what was measured
//!  history   pruning                 queries over a million task runs, and removing them
//!  caching                           cached tasks beside uncached ones
//!  side                              who does the work, and one pass of it
//!  kept   floor   durare             flowkit, by hand, and the peer
//!  disk                              how long this disk takes for one fsync
//! ```
//!
//! A file uses only those below it. Every pass writes into a new database, and only the work is timed: not the opening,
//! not the closing.

pub mod caching;
pub mod disk;
pub mod durare;
pub mod figures;
pub mod floor;
pub mod history;
pub mod kept;
pub mod plan;
pub mod promises;
pub mod pruning;
pub mod side;
mod story;

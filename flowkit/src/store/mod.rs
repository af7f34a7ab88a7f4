//! What survives the process: the seam between the engine, which writes, and the implementations.
//!
//! Not a database layer: a store persists runs, results and cached values, and how it does so is its own business.
//! Memory and SQLite implement it; `contract` has the tests that every store must pass.
//!
//! ```text
//! engine ──► Entry (event, row, result), Fact ──► Store ──► acknowledged ──► waiters are woken
//! history ◄── StoredFlowRun, TaskRun, StoredEvent ◄── Store
//! ```

#[cfg(any(test, all(feature = "testing", feature = "store")))]
#[doc(hidden)]
pub mod contract;
pub(crate) mod disk;
mod entry;
mod error;
mod explain;
mod facts;
#[cfg(feature = "store")]
pub mod filter;
mod history;
mod listener;
mod memory;
mod ownership;
mod prefix;
mod result_cache;
pub mod rows;
mod run_log;
pub(crate) mod seals;
#[cfg(feature = "sqlite")]
mod sqlite;
mod words;

pub use crate::model::OwnerName;
pub use entry::{
    CacheEntry, CachedValue, CommitAck, Entry, Fact, FactKind, LogEntry, Lost, NewFlowRun, OwnedRun,
    Recovered, Reserved, TimeUp,
};
pub use error::{Missing, StoreError};
pub use explain::{CacheExplanation, StoredCacheEntry, explain_cache};
pub(crate) use facts::Facts;
pub use history::{FlowRunFilter, FlowRunPage, History, LogFilter, PruneReport, Retention, TaskRunFilter};
pub use memory::MemoryStore;
pub use ownership::Ownership;
pub use result_cache::{LeaseAnswer, Leased, ResultCache};
pub use run_log::RunLog;
#[cfg(feature = "sqlite")]
pub(crate) use sqlite::folder;
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOptions, SqliteStats, SqliteStore, Synchronous};

/// Persists runs beyond their process: all four parts together, which is what a [`Runtime`](crate::Runtime) takes.
///
/// A store of your own implements the parts one after the other: [`RunLog`] so that runs leave something behind, [`History`] so
/// that people and programs read it, [`Ownership`] so that runs are resumed, [`ResultCache`] so that results are shared.
/// [`rows`] has what all stores make of an entry in the same way, and `testing::store_contract!` (feature `testing`) tests
/// whether a store does what all must do.
pub trait Store: RunLog + Ownership + ResultCache + History {}

impl<S: RunLog + Ownership + ResultCache + History> Store for S {}

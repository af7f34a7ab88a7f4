//! How surely a result is on disk before anybody gets it.

/// When the result of a task counts as kept. It matters only for a runtime that has a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When it is on disk, also if the power fails: who waits for it is woken then.
    #[default]
    Full,
    /// When it is on its way: who waits goes on at once, and the last few milliseconds may be done again after a crash.
    Relaxed,
    /// At once, and nothing is kept: the run leaves no history and cannot be resumed.
    Memory,
}

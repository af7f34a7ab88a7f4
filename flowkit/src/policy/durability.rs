//! How durable a result is before callers get it.

/// When a caller gets the result of a task: before or after it is on disk. Has an effect only in a runtime with a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// When the result is on disk and survives a power failure.
    #[default]
    Full,
    /// At once, while the result is being written: after a crash, the last few milliseconds may run again.
    Relaxed,
    /// At once, and nothing is written: the run has no history and cannot be resumed.
    Memory,
}

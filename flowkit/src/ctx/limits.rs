//! Named limits: how many task runs of this process may use something at the same time, or start within a period. Other processes
//! have limits of their own, also those with the same store.
//!
//! A task names a limit in its attribute (`concurrency = "gpu"`, or `"gpu:2"` for two slots), or has a tag with that name.
//! A name without a limit costs nothing and blocks nothing.

use std::time::Duration;

use crate::engine::context;

/// Sets the number of slots of the limit `name` **for the tasks of this process**: two programs, or two runs of one program, have
/// twice as many together.
///
/// It holds for the current runtime, and all flow runs in it share it. Waiting runs get slots by
/// [`priority`](crate::Call::priority), and among equal ones in the order in which they were submitted; a call whose inputs are
/// pending queues when they have ended, but keeps no place meanwhile. To limit one flow run alone, use
/// [`max_concurrency`](crate::Call::max_concurrency).
///
/// It may change while tasks run: shrinking lets running tasks finish, growing starts waiting ones.
///
/// ```
/// flowkit::limits::set("gpu", 2);
/// assert_eq!(flowkit::limits::free("gpu"), Some(2));
/// ```
pub fn set(name: &str, slots: u32) {
    context::runtime().set_limit(name, slots);
}

/// Sets how many attempts may start **in this process** in any window of the length `per`: two programs that call the same service
/// start twice as many together, so give each its share.
///
/// A weight counts as that many starts.
pub fn set_rate(name: &str, count: u32, per: Duration) {
    context::runtime().set_rate(name, count, per);
}

/// Removes a limit. Attempts that wait for it start.
pub fn remove(name: &str) {
    context::runtime().limits().remove(name);
}

/// Returns the number of free slots of the limit; `None` if there is no such limit.
pub fn free(name: &str) -> Option<u32> {
    context::runtime().limits().free(name)
}

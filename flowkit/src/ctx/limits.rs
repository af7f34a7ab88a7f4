//! Named limits: how many task runs may use something at the same time, or start in a time.
//!
//! A task names a limit in its attribute (`concurrency = "gpu"`, or `"gpu:2"` for two slots), or carries a tag of that
//! name. A name without a limit costs nothing and holds nobody up.

use std::time::Duration;

use crate::engine::context;

/// Sets how many slots the limit `name` has, in the runtime of the place where this is called.
///
/// It may change while tasks run: shrinking lets those that run finish, growing starts those that wait.
///
/// ```
/// flowkit::limits::set("gpu", 2);
/// assert_eq!(flowkit::limits::free("gpu"), Some(2));
/// ```
pub fn set(name: &str, slots: u32) {
    context::runtime().set_limit(name, slots);
}

/// Sets how many attempts may start in any window of the length `per`. Weight counts as that many starts.
pub fn set_rate(name: &str, count: u32, per: Duration) {
    context::runtime().set_rate(name, count, per);
}

/// Takes a limit away. Those who wait for it go on.
pub fn remove(name: &str) {
    context::runtime().limits().remove(name);
}

/// Returns how many slots of the limit are free; `None` if there is no such limit.
pub fn free(name: &str) -> Option<u32> {
    context::runtime().limits().free(name)
}

//! Real time, as other processes and disks see it: for leases, backoff and the age of files.
//!
//! A test's paused clock must not reach here: it would make a living process look dead.

use std::time::{Instant, SystemTime};

use crate::model::WallTime;

#[allow(clippy::disallowed_methods, reason = "leases are compared with the clocks of other processes")]
pub(super) fn wall() -> WallTime {
    SystemTime::now().into()
}

#[allow(
    clippy::disallowed_methods,
    reason = "a disk takes real time, also while a test's clock stands still"
)]
pub(super) fn now() -> Instant {
    Instant::now()
}

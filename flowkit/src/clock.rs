//! The only place that reads time. With tokio's clock paused (`#[flowkit::test]`), every wait of flowkit follows it.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::model::{Timestamp, WallTime};

/// Counts the time of one flow run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock {
    started: Instant,
    /// How old the run was then: more than nothing if it was resumed.
    age: Duration,
    created_wall: SystemTime,
}

impl RunClock {
    pub(crate) fn start() -> Self {
        // Truncated to the stored precision (microseconds), so that live and stored times agree.
        Self { started: Instant::now(), age: Duration::ZERO, created_wall: wall().into() }
    }

    /// The clock of a run that was created in another process. A wall clock that was set back does not make it younger
    /// than `last`, the last that was heard of it.
    pub(crate) fn resume(created: WallTime, last: Timestamp) -> Self {
        let created_wall = SystemTime::from(created);
        let age = wall_now().duration_since(created_wall).unwrap_or_default().max(last.since_creation());
        Self { started: Instant::now(), age, created_wall }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::new(self.age.saturating_add(self.started.elapsed()))
    }

    /// Returns when the run was created.
    pub(crate) fn created(&self) -> WallTime {
        self.created_wall.into()
    }

    /// Returns the wall-clock time of a moment. It is for people: order and durations come from [`Timestamp`].
    pub(crate) fn wall(&self, at: Timestamp) -> SystemTime {
        self.created_wall.checked_add(at.since_creation()).unwrap_or(self.created_wall)
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the seam")]
pub(crate) fn wall_now() -> SystemTime {
    if cfg!(feature = "testing")
        && let Some((wall, at)) = SET.get()
    {
        return wall + Instant::now().saturating_duration_since(at);
    }
    SystemTime::now()
}

thread_local! {
    /// What a test said the wall clock shows on this thread, and when.
    static SET: std::cell::Cell<Option<(SystemTime, Instant)>> = const { std::cell::Cell::new(None) };
}

/// Sets the wall clock of this thread, which advances with tokio's clock from there.
pub(crate) fn set_wall(wall: SystemTime) {
    SET.set(Some((wall, Instant::now())));
}

/// Returns the time of the wall clock, for what outlives the process.
pub(crate) fn wall() -> WallTime {
    wall_now().into()
}

pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Sleeps; a wait too long for the clock lasts for ever.
pub(crate) async fn sleep(wait: Duration) {
    tokio::time::sleep(wait).await;
}

//! The only place that reads time. With tokio's clock paused (`#[flowkit::test]`), every wait of flowkit follows it.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::model::Timestamp;

/// Counts the time of one flow run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunClock {
    started: Instant,
    started_wall: SystemTime,
}

impl RunClock {
    pub(crate) fn start() -> Self {
        Self { started: Instant::now(), started_wall: wall_now() }
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::new(self.started.elapsed())
    }

    /// Returns the wall-clock time of a moment. It is for people: order and durations come from [`Timestamp`].
    pub(crate) fn wall(&self, at: Timestamp) -> SystemTime {
        self.started_wall.checked_add(at.since_creation()).unwrap_or(self.started_wall)
    }
}

#[allow(clippy::disallowed_methods, reason = "this is the seam")]
pub(crate) fn wall_now() -> SystemTime {
    SystemTime::now()
}

pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Sleeps; a wait too long for the clock lasts for ever.
pub(crate) async fn sleep(wait: Duration) {
    tokio::time::sleep(wait).await;
}

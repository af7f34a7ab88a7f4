//! What happens to a run: the one event type. Every view (record, graph, terminal line, stream) is made from it.

use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{ErrorReport, TaskRunId};

/// A moment of a flow run, to the nanosecond, counted from the creation of the run.
///
/// 64 bits last for 584 years.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(
    // One more than the nanoseconds: an `Option<Timestamp>` then needs no room of its own.
    NonZeroU64,
);

impl Timestamp {
    /// The moment that lies `since_creation` after the creation of the run.
    pub fn new(since_creation: Duration) -> Self {
        let nanos = u64::try_from(since_creation.as_nanos()).unwrap_or(u64::MAX);
        Self(NonZeroU64::MIN.saturating_add(nanos))
    }

    /// Returns the time since the creation of the run.
    pub const fn since_creation(self) -> Duration {
        Duration::from_nanos(self.0.get() - 1)
    }

    /// Returns the time from `earlier` to this moment, zero if it lies before.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

/// Numbers the starts and ends of attempts in a flow run and its sub-flows, from 1: a later one has a greater number, across
/// processes too. Code that asks "which was first" or "since when" compares these numbers, never clock times.
pub type OrderNo = NonZeroU64;

/// Something that happened to a flow run or to one of its task runs.
#[derive(Clone, Debug)]
pub struct Event {
    /// To whom: [`TaskRunId::FLOW`] is the flow run itself.
    pub task_run: TaskRunId,
    /// When.
    pub at: Timestamp,
    /// What.
    pub kind: EventKind,
}

/// The failure of an attempt that is followed by another one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AttemptFailure {
    /// Why.
    pub error: Arc<ErrorReport>,
    /// The wait before the next attempt.
    pub retry_in: Duration,
    /// How many attempts there may be in all, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts_max: Option<u32>,
}

impl AttemptFailure {
    /// A failure and the wait that follows it.
    pub fn new(error: Arc<ErrorReport>, retry_in: Duration) -> Self {
        Self { error, retry_in, attempts_max: None }
    }

    /// Says how many attempts there may be in all.
    #[must_use = "returns the changed failure; the original is gone"]
    pub fn of(mut self, attempts_max: u32) -> Self {
        self.attempts_max = Some(attempts_max);
        self
    }
}

/// What happened.
///
/// A store persists it as it is, by serde: a variant without fields as its [name](Self::name), another one as an object with
/// that name. What is large stands behind an `Arc`, since a run of a million tasks has three million events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// The run was created. Its task, inputs and names stand in its [`TaskRun`](super::TaskRun).
    Created,
    /// The run has its inputs and waits for a slot.
    Queued,
    /// An attempt began.
    Started {
        /// Which one, counting from 1.
        attempt: u32,
    },
    /// An attempt failed, and another one follows.
    AttemptFailed {
        /// The attempt that failed, counting from 1.
        attempt: u32,
        /// Why, and how long the wait is.
        failure: Arc<AttemptFailure>,
    },
    /// The run ended with a result.
    Completed,
    /// The run ended with a result that was known already.
    Cached,
    /// The run ended without a result.
    Failed {
        /// Why.
        error: Arc<ErrorReport>,
    },
    /// The last allowed attempt was still running when its time was up.
    TimedOut {
        /// Why, with the limit.
        error: Arc<ErrorReport>,
        /// Whether the body could not be stopped and still occupies its thread.
        orphaned: bool,
    },
    /// A flow run was asked to stop; its tasks are ending.
    Cancelling,
    /// The run was stopped.
    Cancelled {
        /// Whether the body could not be stopped and still occupies its thread.
        orphaned: bool,
    },
    /// The run never started, because an input has no result.
    UpstreamFailed {
        /// Why the input has none.
        error: Arc<ErrorReport>,
    },
    /// The flow or a trigger rule decided against the run, or its body found that there was nothing to do.
    Skipped {
        /// Why.
        reason: Arc<String>,
    },
    /// The process died while the run was under way. Written by the process that finds it.
    Crashed,
    /// The program was asked to stop while the flow run was under way. From here on nothing in it begins.
    Stopping,
    /// An attempt failed while the program was being stopped, or just before: that may be why it failed, so the run is
    /// suspended and made again when its flow is resumed.
    Interrupted {
        /// The attempt that failed, counting from 1. It does not count as a try.
        attempt: u32,
        /// How it failed.
        error: Arc<ErrorReport>,
    },
    /// A clean shutdown suspended the run; it can be resumed.
    Suspended,
    /// The run continues or runs again: one that crashed, was suspended or failed, or that a caller asked to run again.
    Reopened,
}

impl EventKind {
    /// Returns the name of the event as it is persisted, such as `"timed_out"`. JSON Lines have the same names.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Queued => "queued",
            Self::Started { .. } => "started",
            Self::AttemptFailed { .. } => "attempt_failed",
            Self::Completed => "completed",
            Self::Cached => "cached",
            Self::Failed { .. } => "failed",
            Self::TimedOut { .. } => "timed_out",
            Self::Cancelling => "cancelling",
            Self::Cancelled { .. } => "cancelled",
            Self::UpstreamFailed { .. } => "upstream_failed",
            Self::Skipped { .. } => "skipped",
            Self::Crashed => "crashed",
            Self::Stopping => "stopping",
            Self::Interrupted { .. } => "interrupted",
            Self::Suspended => "suspended",
            Self::Reopened => "reopened",
        }
    }
}

impl EventKind {
    /// Whether the event may happen to a run that has ended.
    pub const fn leads_on(&self) -> bool {
        matches!(self, Self::Reopened | Self::Interrupted { .. })
    }

    /// Whether the event has a [`OrderNo`]: an attempt begins or ends with it.
    pub(crate) const fn is_numbered(&self) -> bool {
        self.is_end()
            || matches!(self, Self::Started { .. } | Self::AttemptFailed { .. } | Self::Interrupted { .. })
    }

    /// Whether the run ends with this event, in this process at least: a suspended run goes on in another one.
    pub const fn is_end(&self) -> bool {
        match self {
            Self::Completed
            | Self::Cached
            | Self::Failed { .. }
            | Self::TimedOut { .. }
            | Self::Cancelled { .. }
            | Self::UpstreamFailed { .. }
            | Self::Skipped { .. }
            | Self::Suspended => true,
            Self::Created
            | Self::Queued
            | Self::Started { .. }
            | Self::AttemptFailed { .. }
            | Self::Cancelling
            | Self::Crashed
            | Self::Stopping
            | Self::Interrupted { .. }
            | Self::Reopened => false,
        }
    }
}

/// Events for tests that are about all of them.
#[cfg(test)]
pub(crate) mod samples {
    use super::*;

    /// One event of each kind.
    pub(crate) fn one_of_each() -> [EventKind; 17] {
        let error = Arc::new(ErrorReport::new("load".into(), "no".into(), None, "src/etl.rs:61".into()));
        let failure = Arc::new(AttemptFailure::new(Arc::clone(&error), Duration::ZERO));
        [
            EventKind::Created,
            EventKind::Queued,
            EventKind::Started { attempt: 1 },
            EventKind::AttemptFailed { attempt: 1, failure },
            EventKind::Completed,
            EventKind::Cached,
            EventKind::Failed { error: Arc::clone(&error) },
            EventKind::TimedOut { error: Arc::clone(&error), orphaned: true },
            EventKind::Cancelling,
            EventKind::Cancelled { orphaned: true },
            EventKind::UpstreamFailed { error: Arc::clone(&error) },
            EventKind::Skipped { reason: Arc::new("no need".into()) },
            EventKind::Crashed,
            EventKind::Stopping,
            EventKind::Interrupted { attempt: 1, error },
            EventKind::Suspended,
            EventKind::Reopened,
        ]
    }
}

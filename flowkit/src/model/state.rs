//! The states of a run, and the one function by which they change. The engine decides when.

use std::fmt;

use super::EventKind;

/// The state of a flow run or a task run.
///
/// ```text
/// Pending ─► (Waiting) ─► Running ─► Completed | Failed | TimedOut | Cancelled | Crashed
///    │                     │  ▲
///    │                     ▼  │
///    │                AwaitingRetry
///    └─► Cached | UpstreamFailed | Skipped | Cancelled
/// ```
///
/// [`after`](Self::after) has the whole table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum State {
    /// A flow run that is to start later.
    Scheduled,
    /// Created; waits for its inputs.
    Pending,
    /// Has its inputs; waits for a slot of a limit.
    Waiting,
    /// An attempt is running.
    Running,
    /// An attempt failed; the next one starts after a delay.
    AwaitingRetry,
    /// A cancelled flow run whose tasks have not all ended yet.
    Cancelling,
    /// A flow run that a graceful shutdown suspended; it can be resumed.
    Suspended,
    /// Ended with a result.
    Completed,
    /// Ended with a result from the cache.
    Cached,
    /// Ended: the last allowed attempt failed.
    Failed,
    /// Ended: the last allowed attempt exceeded its timeout.
    TimedOut,
    /// Ended: it was cancelled.
    Cancelled,
    /// A run whose process died; a flow run in this state can be resumed.
    Crashed,
    /// Never ran: an input failed.
    UpstreamFailed,
    /// The flow or a trigger rule decided that it does not run, or its body found that there was nothing to do.
    Skipped,
}

impl State {
    /// Returns the state's name as written in the code, such as `"TimedOut"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Scheduled => "Scheduled",
            Self::Pending => "Pending",
            Self::Waiting => "Waiting",
            Self::Running => "Running",
            Self::AwaitingRetry => "AwaitingRetry",
            Self::Cancelling => "Cancelling",
            Self::Suspended => "Suspended",
            Self::Completed => "Completed",
            Self::Cached => "Cached",
            Self::Failed => "Failed",
            Self::TimedOut => "TimedOut",
            Self::Cancelled => "Cancelled",
            Self::Crashed => "Crashed",
            Self::UpstreamFailed => "UpstreamFailed",
            Self::Skipped => "Skipped",
        }
    }

    /// Whether the run has ended for good.
    ///
    /// `Crashed` and `Suspended` are not terminal: such a flow run can be resumed.
    pub const fn is_terminal(self) -> bool {
        matches!(
            self,
            Self::Completed
                | Self::Cached
                | Self::Failed
                | Self::TimedOut
                | Self::Cancelled
                | Self::UpstreamFailed
                | Self::Skipped
        )
    }

    /// Whether the run does not change any more in this process: it has ended, or is suspended.
    pub const fn is_over(self) -> bool {
        self.is_terminal() || matches!(self, Self::Suspended)
    }

    /// Whether the run ended with a result.
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Completed | Self::Cached)
    }

    /// Whether the run ended without a result because something went wrong or was stopped.
    pub const fn is_failure(self) -> bool {
        matches!(self, Self::Failed | Self::TimedOut | Self::Cancelled | Self::Crashed | Self::UpstreamFailed)
    }

    /// Whether the run can be reopened: it is not scheduled, running or cancelling.
    pub const fn can_reopen(self) -> bool {
        !matches!(self, Self::Scheduled | Self::Running | Self::Cancelling)
    }

    /// Returns the state after `event`.
    ///
    /// A state changes only through this function:
    ///
    /// | state | possible events |
    /// |---|---|
    /// | `Scheduled` | it is created or cancelled |
    /// | `Pending` | it is queued, started, cached, skipped, refused (`Failed`), being cancelled, or cancelled; an input failed; it times out while it waits for the result of an equal call (`TimedOut`) |
    /// | `Waiting` | it is started, refused (`Failed`), being cancelled, or cancelled |
    /// | `Running` | its attempt fails and another one follows, at once (`Running`, then queued or started) or after a delay (`AwaitingRetry`); it completes, fails, times out, finds nothing to do, is being cancelled, or cancelled |
    /// | `AwaitingRetry` | it is queued, started, refused (`Failed`), being cancelled, or cancelled |
    /// | `Cancelling` | it is cancelled, or ends otherwise before that; until its body notices, attempts may still begin and fail |
    /// | `Pending`, `Waiting`, `Running`, `AwaitingRetry` | its process dies (`Crashed`), or suspends it (`Suspended`) |
    /// | `Crashed`, `Suspended`, any ended state, the states of a run that waited when its process died, and `Running` or `Cancelling` if its end could not be persisted | it is reopened: by resuming or retrying, or because it runs again |
    /// | `Pending`, `Waiting`, `Running`, `AwaitingRetry` | the program is being stopped (the state does not change) |
    /// | `Running`, `Failed`, `TimedOut` | its attempt failed while the program was being stopped, or just before (`Suspended`) |
    /// | `Suspended` | it is being cancelled, or cancelled, before its process ends |
    /// | any other | none |
    ///
    /// # Errors
    ///
    /// [`IllegalTransition`] with both sides, if the event cannot happen in this state.
    pub fn after(self, event: &EventKind) -> Result<Self, IllegalTransition> {
        use EventKind as E;
        use State as S;
        Ok(match (self, event) {
            (S::Scheduled, E::Created) => S::Pending,
            (S::Pending | S::AwaitingRetry | S::Running, E::Queued) => S::Waiting,
            (S::Pending | S::Waiting | S::AwaitingRetry | S::Running, E::Started { .. }) => S::Running,
            (S::Running, E::AttemptFailed { failure, .. }) if failure.retry_in.is_zero() => S::Running,
            (S::Running, E::AttemptFailed { .. }) => S::AwaitingRetry,
            (S::Running | S::Cancelling, E::Completed) => S::Completed,
            (S::Pending, E::Cached) => S::Cached,
            (S::Pending | S::Waiting | S::Running | S::AwaitingRetry, E::Failed { .. }) => S::Failed,
            (S::Pending | S::Running, E::TimedOut { .. }) => S::TimedOut,
            // The body has not noticed the cancellation yet, or ended by itself before it did.
            (S::Cancelling, E::Queued | E::Started { .. } | E::AttemptFailed { .. }) => S::Cancelling,
            (S::Cancelling, E::Failed { .. }) => S::Failed,
            (S::Cancelling, E::TimedOut { .. }) => S::TimedOut,
            (S::Pending | S::Waiting | S::Running | S::AwaitingRetry, E::Cancelling) => S::Cancelling,
            (
                S::Scheduled | S::Pending | S::Waiting | S::Running | S::AwaitingRetry | S::Cancelling,
                E::Cancelled { .. },
            ) => S::Cancelled,
            (S::Pending, E::UpstreamFailed { .. }) => S::UpstreamFailed,
            // A body that has begun may find that there is nothing to do.
            (S::Pending | S::Running, E::Skipped { .. }) => S::Skipped,
            (S::Pending | S::Waiting | S::Running | S::AwaitingRetry, E::Crashed) => S::Crashed,
            (S::Pending | S::Waiting | S::Running | S::AwaitingRetry, E::Suspended) => S::Suspended,
            (S::Pending | S::Waiting | S::Running | S::AwaitingRetry, E::Stopping) => self,
            (S::Running | S::Failed | S::TimedOut, E::Interrupted { .. }) => S::Suspended,
            // An interrupted run waits for the end of its flow run in this process, which is mostly suspended, too.
            (S::Suspended, E::Suspended) => S::Suspended,
            (S::Suspended, E::Cancelling) => S::Cancelling,
            (S::Suspended, E::Cancelled { .. }) => S::Cancelled,
            (from, E::Reopened) if from.can_reopen() => S::Pending,
            // It ended, but its end could not be persisted, and the flow ended after it.
            (S::Running | S::Cancelling, E::Reopened) => S::Pending,
            (from, event) => return Err(IllegalTransition { from, event: event.name() }),
        })
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// An event that is impossible in the state of a run. Occurs only if flowkit has a bug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a run that is {from} cannot be {event}")]
pub struct IllegalTransition {
    /// The state of the run.
    pub from: State,
    /// The name of the event that was refused.
    pub event: &'static str,
}

#[cfg(test)]
mod tests;

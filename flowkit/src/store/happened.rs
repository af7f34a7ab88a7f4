//! Events in the words in which they are kept, and back. Pure.

#[cfg(feature = "cli")]
use std::sync::Arc;

#[cfg(feature = "cli")]
use crate::model::{AttemptFailure, StoredEvent};
use crate::model::{EventDetail, EventKind};

/// What an event says beside its name, as it is kept.
pub(crate) fn detail_of(kind: &EventKind) -> Option<EventDetail> {
    Some(match kind {
        EventKind::Started { attempt } => EventDetail::Attempt(*attempt),
        EventKind::AttemptFailed { attempt, failure } => EventDetail::Retry {
            attempt: *attempt,
            error: (*failure.error).clone(),
            retry_in: failure.retry_in,
            attempts_max: failure.attempts_max,
        },
        EventKind::Failed { error }
        | EventKind::TimedOut { error, .. }
        | EventKind::UpstreamFailed { error } => EventDetail::Error((**error).clone()),
        EventKind::Skipped { reason } => EventDetail::Reason((**reason).clone()),
        EventKind::Interrupted { attempt, error } => {
            EventDetail::Interrupted { attempt: *attempt, error: (**error).clone() }
        }
        EventKind::Created
        | EventKind::Queued
        | EventKind::Completed
        | EventKind::Cached
        | EventKind::Cancelling
        | EventKind::Stopping
        | EventKind::Cancelled { .. }
        | EventKind::Crashed
        | EventKind::Suspended
        | EventKind::Reopened => return None,
    })
}

/// Reads an event as it was, but for what is not kept; `None` for one that this version does not know.
#[cfg(feature = "cli")]
pub(crate) fn kind_of(event: &StoredEvent) -> Option<EventKind> {
    let error = || match &event.detail {
        Some(EventDetail::Error(error)) => Some(Arc::new(error.clone())),
        _ => None,
    };
    Some(match (event.name.as_str(), &event.detail) {
        ("created", _) => EventKind::Created,
        ("queued", _) => EventKind::Queued,
        ("started", Some(EventDetail::Attempt(attempt))) => EventKind::Started { attempt: *attempt },
        ("attempt_failed", Some(EventDetail::Retry { attempt, error, retry_in, attempts_max })) => {
            let mut failure = AttemptFailure::new(Arc::new(error.clone()), *retry_in);
            failure.attempts_max = *attempts_max;
            EventKind::AttemptFailed { attempt: *attempt, failure: Arc::new(failure) }
        }
        ("completed", _) => EventKind::Completed,
        ("cached", _) => EventKind::Cached,
        ("failed", _) => EventKind::Failed { error: error()? },
        ("timed_out", _) => EventKind::TimedOut { error: error()?, orphaned: false },
        ("cancelling", _) => EventKind::Cancelling,
        ("cancelled", _) => EventKind::Cancelled { orphaned: false },
        ("upstream_failed", _) => EventKind::UpstreamFailed { error: error()? },
        ("skipped", Some(EventDetail::Reason(reason))) => {
            EventKind::Skipped { reason: Arc::new(reason.clone()) }
        }
        ("crashed", _) => EventKind::Crashed,
        ("stopping", _) => EventKind::Stopping,
        ("interrupted", Some(EventDetail::Interrupted { attempt, error })) => {
            EventKind::Interrupted { attempt: *attempt, error: Arc::new(error.clone()) }
        }
        ("suspended", _) => EventKind::Suspended,
        ("reopened", _) => EventKind::Reopened,
        _ => return None,
    })
}

#[cfg(test)]
#[cfg(feature = "cli")]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::model::{ErrorReport, TaskRunId, WallTime};

    #[test]
    fn an_event_that_was_kept_is_read_as_it_was() {
        let error = Arc::new(ErrorReport::new("pay".to_owned(), "no".to_owned(), None, String::new()));
        let failure = Arc::new(AttemptFailure::new(Arc::clone(&error), Duration::from_secs(3)).of(4));
        let kinds = [
            EventKind::Created,
            EventKind::Queued,
            EventKind::Started { attempt: 2 },
            EventKind::AttemptFailed { attempt: 2, failure },
            EventKind::Completed,
            EventKind::Cached,
            EventKind::Failed { error: Arc::clone(&error) },
            EventKind::TimedOut { error: Arc::clone(&error), orphaned: false },
            EventKind::Cancelling,
            EventKind::Cancelled { orphaned: false },
            EventKind::UpstreamFailed { error: Arc::clone(&error) },
            EventKind::Stopping,
            EventKind::Interrupted { attempt: 2, error },
            EventKind::Skipped { reason: Arc::new("why".to_owned()) },
            EventKind::Crashed,
            EventKind::Suspended,
            EventKind::Reopened,
        ];
        for kind in kinds {
            let (at, name, detail) = (WallTime::from_micros(0), kind.name().to_owned(), detail_of(&kind));
            let kept = StoredEvent { sequence: 1, task_run: TaskRunId::FLOW, at, name, detail };
            let read = kind_of(&kept).expect("it was just written");
            assert_eq!(format!("{read:?}"), format!("{kind:?}"));
        }
    }
}

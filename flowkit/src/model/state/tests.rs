//! Tests of the parent: the whole table of transitions, and what the states are counted as.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::model::AttemptFailure;
use crate::model::event::samples::one_of_each;

const STATES: [State; 15] = [
    State::Scheduled,
    State::Pending,
    State::Waiting,
    State::Running,
    State::AwaitingRetry,
    State::Cancelling,
    State::Suspended,
    State::Completed,
    State::Cached,
    State::Failed,
    State::TimedOut,
    State::Cancelled,
    State::Crashed,
    State::UpstreamFailed,
    State::Skipped,
];

/// Every kind of event, with a short name; `AttemptFailed` twice, since its delay matters.
fn events() -> Vec<(&'static str, EventKind)> {
    let named = |kind: EventKind| match kind {
        EventKind::AttemptFailed { attempt, failure } => {
            let failed = |retry_in| {
                let failure = AttemptFailure::new(Arc::clone(&failure.error), retry_in);
                EventKind::AttemptFailed { attempt, failure: Arc::new(failure) }
            };
            let (at_once, later) = (failed(Duration::ZERO), failed(Duration::from_nanos(1)));
            vec![("retried at once", at_once), ("retried later", later)]
        }
        kind => vec![(kind.name(), kind)],
    };
    one_of_each().into_iter().flat_map(named).collect()
}

/// The transitions that are allowed. What is not in here is refused.
const ALLOWED: [(State, &[(&str, State)]); 15] = [
    (State::Scheduled, &[("created", State::Pending), ("cancelled", State::Cancelled)]),
    (
        State::Pending,
        &[
            ("queued", State::Waiting),
            ("started", State::Running),
            ("cached", State::Cached),
            ("failed", State::Failed),
            ("timed_out", State::TimedOut),
            ("cancelling", State::Cancelling),
            ("cancelled", State::Cancelled),
            ("upstream_failed", State::UpstreamFailed),
            ("skipped", State::Skipped),
            ("crashed", State::Crashed),
            ("stopping", State::Pending),
            ("suspended", State::Suspended),
            ("reopened", State::Pending),
        ],
    ),
    (
        State::Waiting,
        &[
            ("started", State::Running),
            ("failed", State::Failed),
            ("cancelling", State::Cancelling),
            ("cancelled", State::Cancelled),
            ("crashed", State::Crashed),
            ("stopping", State::Waiting),
            ("suspended", State::Suspended),
            ("reopened", State::Pending),
        ],
    ),
    (
        State::Running,
        &[
            ("queued", State::Waiting),
            ("started", State::Running),
            ("retried at once", State::Running),
            ("retried later", State::AwaitingRetry),
            ("completed", State::Completed),
            ("failed", State::Failed),
            ("timed_out", State::TimedOut),
            ("skipped", State::Skipped),
            ("cancelling", State::Cancelling),
            ("cancelled", State::Cancelled),
            ("crashed", State::Crashed),
            ("stopping", State::Running),
            ("interrupted", State::Suspended),
            ("suspended", State::Suspended),
            ("reopened", State::Pending),
        ],
    ),
    (
        State::AwaitingRetry,
        &[
            ("queued", State::Waiting),
            ("started", State::Running),
            ("failed", State::Failed),
            ("cancelling", State::Cancelling),
            ("cancelled", State::Cancelled),
            ("crashed", State::Crashed),
            ("stopping", State::AwaitingRetry),
            ("suspended", State::Suspended),
            ("reopened", State::Pending),
        ],
    ),
    (
        State::Cancelling,
        &[
            ("queued", State::Cancelling),
            ("started", State::Cancelling),
            ("retried at once", State::Cancelling),
            ("retried later", State::Cancelling),
            ("completed", State::Completed),
            ("failed", State::Failed),
            ("timed_out", State::TimedOut),
            ("cancelled", State::Cancelled),
            ("reopened", State::Pending),
        ],
    ),
    (State::Crashed, &[("reopened", State::Pending)]),
    (
        State::Suspended,
        &[
            ("cancelling", State::Cancelling),
            ("cancelled", State::Cancelled),
            ("suspended", State::Suspended),
            ("reopened", State::Pending),
        ],
    ),
    (State::Completed, &[("reopened", State::Pending)]),
    (State::Cached, &[("reopened", State::Pending)]),
    (State::Failed, &[("interrupted", State::Suspended), ("reopened", State::Pending)]),
    (State::TimedOut, &[("interrupted", State::Suspended), ("reopened", State::Pending)]),
    (State::Cancelled, &[("reopened", State::Pending)]),
    (State::UpstreamFailed, &[("reopened", State::Pending)]),
    (State::Skipped, &[("reopened", State::Pending)]),
];

fn allowed(from: State, event: &str) -> Option<State> {
    let (_, events) = ALLOWED.iter().find(|(state, _)| *state == from)?;
    events.iter().find(|(name, _)| *name == event).map(|(_, to)| *to)
}

#[test]
fn every_event_does_in_every_state_what_the_table_says() {
    for from in STATES {
        for (name, event) in events() {
            let expected = allowed(from, name).ok_or(IllegalTransition { from, event: event.name() });
            assert_eq!(from.after(&event), expected, "{from}: {name}");
        }
    }
}

#[test]
fn every_transition_of_the_table_is_about_a_kind_of_event_that_exists() {
    let events = events();
    for (from, transitions) in ALLOWED {
        for (name, _) in transitions {
            assert!(events.iter().any(|(event, _)| event == name), "{from}: {name}");
        }
    }
}

#[test]
fn nothing_happens_to_a_run_that_has_ended_but_that_it_is_reopened_or_its_failure_is_taken_back() {
    for state in STATES.into_iter().filter(|state| state.is_terminal()) {
        let has_failed = matches!(state, State::Failed | State::TimedOut);
        for (name, event) in events() {
            let may_happen = name == "reopened" || (name == "interrupted" && has_failed);
            assert_eq!(state.after(&event).is_ok(), may_happen, "{state}: {name}");
        }
    }
}

#[test]
fn an_event_that_is_an_end_leads_to_a_state_that_is_over_and_no_other_does() {
    for (from, transitions) in ALLOWED {
        for (name, to) in transitions {
            let events = events();
            let (_, event) = events.iter().find(|(event, _)| event == name).unwrap();
            // What was interrupted stands as suspended at once, and ends in this process when its flow run does.
            let is_over = to.is_over() && *name != "interrupted";
            assert_eq!(event.is_end(), is_over, "{from}: {name}");
        }
    }
}

#[test]
fn every_state_is_counted_as_what_it_is() {
    for state in STATES {
        // terminal, success, failure
        let expected = match state {
            State::Scheduled
            | State::Pending
            | State::Waiting
            | State::Running
            | State::AwaitingRetry
            | State::Cancelling
            | State::Suspended => (false, false, false),
            State::Completed | State::Cached => (true, true, false),
            State::Failed | State::TimedOut | State::Cancelled | State::UpstreamFailed => (true, false, true),
            // Its process died: a failure to those who wait for it, and yet it can go on.
            State::Crashed => (false, false, true),
            State::Skipped => (true, false, false),
        };
        assert_eq!((state.is_terminal(), state.is_success(), state.is_failure()), expected, "{state}");
    }
}

#[test]
fn a_state_prints_as_its_name_and_fills_a_column() {
    for state in STATES {
        assert_eq!(state.to_string(), format!("{state:?}"));
        assert_eq!(state.name(), state.to_string());
    }
    assert_eq!(format!("[{:10}]", State::Failed), "[Failed    ]");
}

#[test]
fn a_refused_event_names_both_sides() {
    let refused = State::Completed.after(&EventKind::Started { attempt: 2 }).unwrap_err();
    assert_eq!(refused.to_string(), "a run that is Completed cannot be started");
}

//! Tests of the parent: which row a call claims, against a list that is looked through from end to end.

use super::*;
use crate::model::{Declaration, Edges, Identity, Kind, Seal, WallTime};
use crate::policy::resume::MAX_CRASHES;
use crate::policy::resume::tests::{flow_row, row};
use crate::store::OwnedRun;
use proptest::prelude::*;
use std::panic::Location;

static PAY: Declaration =
    Declaration::__new(Kind::Task, "pay", "shop::pay", "", None, &[], 0, file!(), line!());

/// Few different calls, so that many of them meet.
fn calls() -> impl Strategy<Value = CallId> {
    (0_u8..2, prop::option::of(0_u8..2), 1_u32..3).prop_map(|(key, seal, nth)| CallId {
        key: Digest::from_bytes([key; 32]),
        seal: seal.map(|seal| Seal::from_bytes([seal; 16])),
        nth,
    })
}

/// A row, and whether it is of a call that cannot be compared.
fn rows() -> impl Strategy<Value = Vec<TaskRun>> {
    let states = prop_oneof![
        Just((State::Completed, 1)),
        Just((State::Suspended, 1)),
        Just((State::Failed, 1)),
        Just((State::Pending, 0)),
    ];
    let one = (calls(), states, prop::bool::weighted(0.2));
    prop::collection::vec(one, 0..8).prop_map(|rows| {
        let mut made = Vec::<TaskRun>::new();
        for (call, (state, attempt), unknown) in rows {
            if made.iter().all(|row| row.call != Some(call)) {
                let error = (state == State::Failed)
                    .then(|| ErrorReport::new("pay".into(), "no".into(), None, String::new()).into());
                made.push(TaskRun {
                    id: TaskRunId::new(made.len() as u64 + 1),
                    call: Some(call),
                    unknown: unknown.then(|| "pool: Pool".into()),
                    error,
                    ended_at: Some(WallTime::from_micros(1)),
                    ..row(state, attempt, 0)
                });
            }
        }
        made
    })
}

fn earlier(rows: &[TaskRun]) -> PreviousRuns {
    let run = flow_row(State::Crashed);
    let owned = OwnedRun { id: run.id, epoch: 2, created_at: WallTime::from_micros(0) };
    let recovered = Recovered { owned, run, task_runs: rows.to_vec(), last_no: None, times_up: Vec::new() };
    PreviousRuns::new(&ResumedRun { recovered, request: RedoRequest::default(), strict: false }, MAX_CRASHES)
}

fn new() -> NewTaskRun {
    NewTaskRun {
        task: &PAY,
        parent: TaskRunId::FLOW,
        index: None,
        edges: Edges::new(),
        location: Location::caller(),
        extras: None,
    }
}

/// What the rules say of a call, from the rows that are left.
fn by_the_rules(call: CallId, left: &[TaskRun], all: &[TaskRun], once: bool) -> (Option<u64>, &'static str) {
    let other = |row: &TaskRun| {
        row.call.is_some_and(|other| other.key == call.key && other.seal.is_some() && other.seal != call.seal)
    };
    let changed = once && left.iter().any(|row| other(row) && row.attempt > 0);
    let Some(row) = left.iter().find(|row| row.call == Some(call)) else {
        return (None, if changed { "inputs changed" } else { "new" });
    };
    if changed && row.attempt == 0 {
        return (Some(row.id.get()), "inputs changed");
    }
    let same_key = all.iter().filter(|other| other.call.is_some_and(|other| other.key == call.key));
    let is_known = same_key.clone().all(|other| other.unknown.is_none());
    let fate = match row.state {
        State::Completed if is_known => "kept",
        State::Failed if is_known => "failed",
        State::Suspended if once => "unknown outcome",
        _ => "again",
    };
    (Some(row.id.get()), fate)
}

fn named(claimed: &Option<PreviousCall>) -> &'static str {
    match claimed {
        None => "new",
        Some(PreviousCall::Succeeded) => "kept",
        Some(PreviousCall::Failed(_) | PreviousCall::FailedAnyway(_)) => "failed",
        Some(PreviousCall::Again(_)) => "again",
        Some(PreviousCall::Cancelled) => "cancelled",
        Some(PreviousCall::Refused(Refusal::InputsChanged { .. })) => "inputs changed",
        Some(PreviousCall::Refused(Refusal::UnknownOutcome)) => "unknown outcome",
        Some(PreviousCall::Refused(_)) => "refused",
    }
}

proptest! {
    #[test]
    fn a_call_claims_the_row_of_the_very_same_call_and_no_other(
        rows in rows(),
        calls in prop::collection::hash_set(calls(), 0..8),
        once in any::<bool>(),
    ) {
        let mut earlier = earlier(&rows);
        let mut left = rows.clone();
        for call in calls {
            let expected = by_the_rules(call, &left, &rows, once);
            let (row, claimed) = earlier.claim(Identity { call, unknown: None }, &new(), once).unwrap();
            prop_assert_eq!((row.map(|row| row.id.get()), named(&claimed)), expected, "{:?}", call);
            left.retain(|row| row.call != Some(call));
        }
    }

    #[test]
    fn strictly_nothing_is_missed_of_what_cannot_be_told_apart_or_had_another_secret(rows in rows()) {
        let mut earlier = earlier(&rows);
        // Every call is made again, those with a secret with another one.
        for row in &rows {
            let call = row.call.unwrap();
            let call = CallId { seal: call.seal.map(|_| Seal::from_bytes([9; 16])), nth: call.nth + 10, ..call };
            let identity = Identity { call, unknown: row.unknown.as_ref().map(|_| "pool: Pool") };
            if row.call.unwrap().seal.is_some() || identity.unknown.is_some() {
                earlier.claim(identity, &new(), false).unwrap();
            }
        }
        let same_key = |row: &TaskRun| rows.iter().filter(|other| other.call.unwrap().key == row.call.unwrap().key).any(|other| other.unknown.is_some());
        let missed = rows.iter().filter(|row| row.call.unwrap().seal.is_none() && !same_key(row));
        prop_assert_eq!(earlier.not_called_again(None).len(), missed.count());
    }
}

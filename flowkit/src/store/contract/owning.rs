//! One owner at a time, and what its death leaves.

use std::time::Duration;

use super::StorePlace;
use super::script::*;
use crate::model::{EventKind, FlowRunId, OrderNo, State, TaskRunId};
use crate::policy::resume::{RedoRequest, RedoScope};
use crate::store::{Recovered, StoreError};

pub fn a_run_that_is_under_way_cannot_be_taken_over<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    store.flush().unwrap();
    let refused = store.take_over(run.id());
    assert!(matches!(refused, Err(StoreError::Owned { id, .. }) if id == run.id()), "{refused:?}");
}

pub fn a_run_is_owned_once_among_processes<P: StorePlace>() {
    let place = P::new();
    let mut run = Script::begin(place.store());
    place.store().flush().unwrap();
    if let Some(elsewhere) = place.elsewhere() {
        let refused = elsewhere.take_over(run.id());
        assert!(matches!(refused, Err(StoreError::Owned { .. })), "{refused:?}");
        // A store that does not own it may ask the one that does.
        let (wishes, not_here) = (Wishes::of(place.store()), Wishes::of(&*elsewhere));
        assert!(elsewhere.request_cancel(run.id()).unwrap());
        assert_eq!(wishes.next(), Some(run.id()));
        assert_eq!(not_here.so_far(), []);
        run.ends(place.store());
        run.goes_on(&elsewhere.take_over(run.id()).unwrap());
        run.happens(&*elsewhere, TaskRunId::FLOW, EventKind::Reopened);
        let refused = place.store().take_over(run.id());
        assert!(matches!(refused, Err(StoreError::Owned { .. })), "{refused:?}");
    }
}

pub fn an_unknown_run_cannot_be_taken_over<P: StorePlace>() {
    let place = P::new();
    let refused = place.store().take_over(FlowRunId::new(uuid::Uuid::from_u128(1)));
    assert!(matches!(refused, Err(StoreError::UnknownRun { .. })), "{refused:?}");
}

pub fn a_run_that_ended_can_be_taken_over<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    run.ends(store);
    let recovered = store.take_over(run.id()).unwrap();
    assert_eq!(recovered.run.state, State::Completed);
    assert!(recovered.owned.epoch > run.owned.epoch);
    run.goes_on(&recovered);
    run.happens(store, TaskRunId::FLOW, EventKind::Reopened);
    assert_eq!(flow_row(store, run.id()).state, State::Pending);
    let again = store.take_over(run.id());
    assert!(matches!(again, Err(StoreError::Owned { .. })), "{again:?}");
}

pub fn taking_over_raises_the_epoch_and_shuts_the_old_owner_out<P: StorePlace>() {
    let mut place = P::new();
    let mut run = Script::begin(place.store());
    run.happens(place.store(), TaskRunId::FLOW, started(1));
    place.crash();
    let store = place.store();
    let recovered = store.take_over(run.id()).unwrap();
    assert!(recovered.owned.epoch > run.owned.epoch);
    let (row, events) = (flow_row(store, run.id()), event_names(store, run.id()));
    let refused = run.try_happen(store, TaskRunId::FLOW, EventKind::Completed);
    assert!(matches!(refused, Err(StoreError::LostOwnership { .. })), "{refused:?}");
    run.create(store, &FETCH);
    let refused = acknowledged(|ack| store.suspend(run.owned, Some(ack)));
    assert!(matches!(refused, Err(StoreError::LostOwnership { .. })), "{refused:?}");
    assert_eq!(flow_row(store, run.id()), row);
    assert_eq!(event_names(store, run.id()), events);
    assert_eq!(all_task_runs(store, run.id()), []);
}

pub fn taking_over_gives_everything_back<P: StorePlace>() {
    let mut place = P::new();
    let mut run = Script::begin(place.store());
    run.happens(place.store(), TaskRunId::FLOW, started(1));
    let fetch = run.completes(place.store(), &FETCH, b"1");
    place.crash();
    let store = place.store();
    let recovered = store.take_over(run.id()).unwrap();
    assert_eq!(recovered.owned.created_at, FIRST);
    assert_eq!(recovered.run.crashes, 1);
    assert_eq!(recovered.task_runs, all_task_runs(store, run.id()));
    assert!(recovered.task_runs[0].has_result);
    assert_eq!(store.result(run.id(), fetch).unwrap(), Some(sealed(b"1")));
}

pub fn what_is_to_be_done_again_stays_with_a_run_until_something_else_is_asked<P: StorePlace>() {
    let mut place = P::new();
    let mut run = Script::begin(place.store());
    run.ends(place.store());
    assert_eq!(place.store().redo_request(run.id()).unwrap(), None);
    let of = |scope: RedoScope| RedoRequest { scope, since: Some(7) };
    let owned = place.store().take_over(run.id()).unwrap().owned;
    place.store().request_redo(owned, &of(RedoScope::From("fetch".to_owned()))).unwrap();
    place.store().request_redo(owned, &of(RedoScope::Failed)).unwrap();
    place.crash();
    let store = place.store();
    assert_eq!(store.redo_request(run.id()).unwrap(), Some(of(RedoScope::Failed)));
    let refused = store.request_redo(owned, &of(RedoScope::Everything));
    assert!(matches!(refused, Err(StoreError::LostOwnership { .. })), "{refused:?}");
    assert_eq!(store.redo_request(FlowRunId::new(uuid::Uuid::from_u128(1))).unwrap(), None);
}

pub fn taking_over_tells_the_last_number_of_a_run_and_of_its_sub_flows<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut parent = Script::begin(store);
    parent.happens(store, TaskRunId::FLOW, started(1));
    let node = parent.create(store, &ETL);
    let birth = Birth { parent: Some((parent.id(), node)), ..Birth::default() };
    let mut child = Script::born(store, &ETL, birth);
    child.completes(store, &FETCH, b"1");
    child.ends(store);
    let mut other = Script::begin(store);
    for _ in 0..9 {
        other.completes(store, &FETCH, b"1");
    }
    acknowledged(|ack| store.suspend(parent.owned, Some(ack))).unwrap();
    let numbers = |run: &Recovered| {
        let row = &run.run;
        (row.begun_no.map(OrderNo::get), row.ended_no.map(OrderNo::get), run.last_no.map(OrderNo::get))
    };
    let taken = store.take_over(parent.id()).unwrap();
    assert_eq!(numbers(&taken), (Some(1), None, Some(4)), "the sub-flow and its task have begun and ended");
    let taken = store.take_over(child.id()).unwrap();
    assert_eq!(numbers(&taken), (Some(3), Some(4), Some(4)));
    assert_eq!(taken.task_runs[0].last_no().map(OrderNo::get), Some(2));
}

pub fn a_dead_owner_leaves_crashed_runs<P: StorePlace>() {
    let mut place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    run.happens(store, TaskRunId::FLOW, started(1));
    let fetch = run.create(store, &FETCH);
    run.happens(store, fetch, started(1));
    let last = store.events(run.id(), 0, usize::MAX).unwrap().len() as u64;
    place.crash();
    let store = place.store();
    let row = flow_row(store, run.id());
    assert_eq!((row.state, row.crashes, row.ended_at), (State::Crashed, 1, None));
    let row = task_row(store, run.id(), fetch);
    assert_eq!((row.state, row.crashes, row.attempt), (State::Crashed, 1, 1));
    let [attempt] = row.earlier_attempts.as_slice() else { panic!("{row:?}") };
    assert_eq!((attempt.number, attempt.state, attempt.retry_in), (1, State::Crashed, None));
    assert_eq!(Some(attempt.started_at), row.started_at);
    let events = store.events(run.id(), last, usize::MAX).unwrap();
    let mut whose: Vec<_> = events.iter().map(|event| (event.task_run, event.kind.name())).collect();
    whose.sort_unstable();
    assert_eq!(whose, [(TaskRunId::FLOW, "crashed"), (fetch, "crashed")]);
    assert_eq!(events.iter().map(|event| event.sequence).collect::<Vec<_>>(), [last + 1, last + 2]);
}

pub fn what_only_waited_when_its_owner_died_still_waits<P: StorePlace>() {
    let mut place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    run.happens(store, TaskRunId::FLOW, started(1));
    let pending = run.create(store, &FETCH);
    let waiting = run.create(store, &FETCH);
    run.happens(store, waiting, EventKind::Queued);
    let retrying = run.create(store, &FETCH);
    run.happens(store, retrying, started(1));
    run.happens(store, retrying, retried(1, Duration::from_secs(60)));
    let rows = all_task_runs(store, run.id());
    place.crash();
    assert_eq!(all_task_runs(place.store(), run.id()), rows);
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [pending, waiting, retrying]);
}

pub fn a_run_that_was_told_to_stop_is_cancelled_when_its_owner_dies<P: StorePlace>() {
    let mut place = P::new();
    let mut run = Script::begin(place.store());
    run.happens(place.store(), TaskRunId::FLOW, started(1));
    run.happens(place.store(), TaskRunId::FLOW, EventKind::Cancelling);
    place.crash();
    let row = flow_row(place.store(), run.id());
    assert_eq!(row.state, State::Cancelled);
    assert!(row.ended_at.is_some());
    assert_eq!(event_names(place.store(), run.id()).last().unwrap(), "0: cancelled");
}

pub fn the_death_of_the_owner_changes_nothing_that_has_ended<P: StorePlace>() {
    let mut place = P::new();
    let store = place.store();
    let mut ended = Script::begin(store);
    ended.completes(store, &FETCH, b"1");
    ended.ends(store);
    let mut alive = Script::begin(store);
    let fetch = alive.completes(store, &FETCH, b"1");
    let before = (flow_row(store, ended.id()), event_names(store, ended.id()));
    let task_run = task_row(store, alive.id(), fetch);
    place.crash();
    let store = place.store();
    assert_eq!((flow_row(store, ended.id()), event_names(store, ended.id())), before);
    assert_eq!(task_row(store, alive.id(), fetch), task_run);
    assert_eq!(flow_row(store, alive.id()).state, State::Crashed);
}

pub fn a_crashed_attempt_is_kept_when_the_run_goes_on<P: StorePlace>() {
    let mut place = P::new();
    let mut run = Script::begin(place.store());
    run.happens(place.store(), TaskRunId::FLOW, started(1));
    let fetch = run.create(place.store(), &FETCH);
    for attempt in 1..=3 {
        run.happens(place.store(), fetch, started(attempt));
        place.crash();
        let recovered = place.store().take_over(run.id()).unwrap();
        run.goes_on(&recovered);
        for id in [TaskRunId::FLOW, fetch] {
            run.apply(id, EventKind::Crashed);
            run.happens(place.store(), id, EventKind::Reopened);
        }
        run.happens(place.store(), TaskRunId::FLOW, started(attempt + 1));
    }
    run.happens(place.store(), fetch, started(4));
    run.happens(place.store(), fetch, EventKind::Completed);
    let row = task_row(place.store(), run.id(), fetch);
    assert_eq!((row.state, row.attempt, row.crashes), (State::Completed, 4, 3));
    let attempts: Vec<_> =
        row.earlier_attempts.iter().map(|earlier| (earlier.number, earlier.state)).collect();
    assert_eq!(attempts, [(1, State::Crashed), (2, State::Crashed), (3, State::Crashed)]);
    assert_eq!(flow_row(place.store(), run.id()).crashes, 3);
}

pub fn a_suspended_run_can_go_on<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    run.happens(store, TaskRunId::FLOW, started(1));
    acknowledged(|ack| store.suspend(run.owned, Some(ack))).unwrap();
    assert_eq!(flow_row(store, run.id()).state, State::Suspended);
    assert_eq!(event_names(store, run.id()).last().unwrap(), "0: suspended");
    let refused = write(store, run.last_entry());
    assert!(matches!(refused, Err(StoreError::LostOwnership { .. })), "{refused:?}");
    assert_eq!(flow_row(store, run.id()).state, State::Suspended);
    run.apply(TaskRunId::FLOW, EventKind::Suspended);
    let recovered = store.take_over(run.id()).unwrap();
    assert_eq!(recovered.run.state, State::Suspended);
    assert!(recovered.owned.epoch > run.owned.epoch);
    run.goes_on(&recovered);
    run.happens(store, TaskRunId::FLOW, EventKind::Reopened);
    run.happens(store, TaskRunId::FLOW, started(2));
    assert_eq!(flow_row(store, run.id()).state, State::Running);
}

pub fn suspending_puts_aside_what_is_under_way<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    run.happens(store, TaskRunId::FLOW, started(1));
    let completed = run.completes(store, &FETCH, b"1");
    let running = run.create(store, &FETCH);
    run.happens(store, running, started(1));
    let pending = run.create(store, &LOAD);
    acknowledged(|ack| store.suspend(run.owned, Some(ack))).unwrap();
    let rows = all_task_runs(store, run.id());
    let states: Vec<_> = rows.iter().map(|row| (row.id, row.state, row.crashes)).collect();
    let expected =
        [(completed, State::Completed, 0), (running, State::Suspended, 0), (pending, State::Pending, 0)];
    assert_eq!(states, expected);
    let row = flow_row(store, run.id());
    assert_eq!((row.state, row.crashes, row.ended_at), (State::Suspended, 0, None));
}

pub fn a_run_that_is_under_way_can_be_asked_to_stop_once<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (run, _other) = (Script::begin(store), Script::begin(store));
    store.flush().unwrap();
    let wishes = Wishes::of(store);
    assert!(store.request_cancel(run.id()).unwrap());
    assert!(store.request_cancel(run.id()).unwrap());
    assert_eq!(wishes.so_far(), [run.id()]);
}

pub fn a_run_that_nobody_runs_cannot_be_asked_to_stop<P: StorePlace>() {
    let mut place = P::new();
    let mut ended = Script::begin(place.store());
    ended.ends(place.store());
    let crashed = Script::begin(place.store());
    place.store().flush().unwrap();
    place.crash();
    let wishes = Wishes::of(place.store());
    let nobody = FlowRunId::new(uuid::Uuid::from_u128(1));
    for id in [ended.id(), crashed.id(), nobody] {
        assert!(!place.store().request_cancel(id).unwrap());
    }
    assert_eq!(wishes.so_far(), []);
}

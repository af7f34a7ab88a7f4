//! Several stores on one file, as several processes have it: one owner, others fenced off, deaths found at once.

use super::OnDisk;
use crate::model::{EventKind, State, TaskRunId};
use crate::store::contract::Place;
use crate::store::contract::script::*;
use crate::store::{Store, StoreError};

#[test]
fn one_of_four_takes_a_run_over_and_the_others_learn_who() {
    for _ in 0..10 {
        let mut place = OnDisk::new();
        let run = Script::begin(place.store());
        place.store().flush().unwrap();
        place.store = None;
        let stores: Vec<_> = (0..4).map(|_| place.open()).collect();
        let id = run.id();
        let taken: Vec<_> = std::thread::scope(|scope| {
            let racing: Vec<_> =
                stores.iter().map(|store| scope.spawn(move || store.take_over(id))).collect();
            racing.into_iter().map(|race| race.join().unwrap()).collect()
        });
        assert_eq!(taken.iter().filter(|taken| taken.is_ok()).count(), 1);
        for refused in taken.into_iter().filter_map(Result::err) {
            let StoreError::Owned { owner, .. } = refused else { panic!("{refused:?}") };
            assert_eq!(owner.pid, std::process::id());
        }
    }
}

#[test]
fn runs_of_a_living_store_stay_its_own() {
    let place = OnDisk::new();
    let run = Script::begin(place.store());
    place.store().flush().unwrap();
    let other = place.open();
    assert_eq!(other.reap().unwrap(), []);
    assert!(matches!(other.take_over(run.id()), Err(StoreError::Owned { .. })));
    assert_eq!(flow_row(&other, run.id()).state, State::Pending);
}

#[test]
fn whoever_wakes_up_after_it_was_taken_for_dead_writes_nothing() {
    let place = OnDisk::new();
    let mut run = Script::begin(place.store());
    run.happens(place.store(), TaskRunId::FLOW, started(1));
    // A process that is stopped for longer than its lease, on another host, where its lock cannot be seen.
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    raw.execute("UPDATE owners SET host = 'elsewhere', boot_id = 'another', lease_until = 0", []).unwrap();
    let other = place.open();
    assert_eq!(flow_row(&other, run.id()).state, State::Crashed);
    let refused = run.try_happen(place.store(), TaskRunId::FLOW, EventKind::Completed);
    assert!(matches!(refused, Err(StoreError::LostOwnership { .. })), "{refused:?}");
    other.take_over(run.id()).unwrap();
    let fetch = run.create(place.store(), &FETCH);
    let refused = run.try_happen(place.store(), fetch, started(1));
    assert!(matches!(refused, Err(StoreError::LostOwnership { .. })), "{refused:?}");
    assert_eq!(all_task_runs(&other, run.id()), []);
    assert_eq!(event_names(&other, run.id()), ["0: created", "0: started", "0: crashed"]);
}

#[test]
fn an_owner_on_another_host_lives_as_long_as_its_lease() {
    let place = OnDisk::new();
    let run = Script::begin(place.store());
    place.store().flush().unwrap();
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    raw.execute("UPDATE owners SET host = 'elsewhere', boot_id = 'another'", []).unwrap();
    let other = place.open();
    let refused = other.take_over(run.id());
    assert!(
        matches!(&refused, Err(StoreError::Owned { owner, .. }) if owner.host == "elsewhere"),
        "{refused:?}"
    );
}

#[test]
fn ten_thousand_task_runs_of_a_dead_owner_are_marked_on_opening() {
    let mut place = OnDisk::new();
    let mut run = Script::begin(place.store());
    run.happens(place.store(), TaskRunId::FLOW, started(1));
    for _ in 0..10_000 {
        let id = run.create(place.store(), &FETCH);
        run.apply(id, started(1));
        place.store().record(run.last_entry(), None);
    }
    place.store().flush().unwrap();
    place.crash();
    let counts = place.store().counts(run.id()).unwrap();
    assert_eq!(counts, [(State::Crashed, 10_000)]);
    assert_eq!(event_names(place.store(), run.id()).len(), 2 + 20_000 + 10_001);
}

#[test]
fn two_stores_write_beside_each_other() {
    let place = OnDisk::new();
    let other = place.open();
    std::thread::scope(|scope| {
        for store in [place.store(), &other] {
            scope.spawn(move || {
                let mut run = Script::begin(store);
                for _ in 0..200 {
                    run.completes(store, &FETCH, b"1");
                }
                store.flush().unwrap();
                assert_eq!(event_names(store, run.id()).len(), 601);
            });
        }
    });
}

#[test]
fn a_wish_to_cancel_reaches_the_owner_in_another_store() {
    let place = OnDisk::new();
    let run = Script::begin(place.store());
    place.store().flush().unwrap();
    let other = place.open();
    let (wishes, not_here) = (Wishes::of(place.store()), Wishes::of(&other));
    assert!(other.request_cancel(run.id()).unwrap());
    assert_eq!(wishes.next(), Some(run.id()));
    assert_eq!(not_here.so_far(), []);
}

#[test]
fn the_lease_of_a_dead_store_is_free_at_once() {
    let place = OnDisk::new();
    let other = place.open();
    assert!(other.lease(cache_key("a")).unwrap());
    assert!(!place.store().lease(cache_key("a")).unwrap());
    drop(other);
    assert!(place.store().lease(cache_key("a")).unwrap());
}

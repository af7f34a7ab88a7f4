//! A full disk, damaged bytes, a writing thread that is gone: nobody hangs, and nothing false is read.

use std::fs;
use std::time::Duration;

use rusqlite::Connection;

use super::{OnDisk, SqliteStore};
use crate::model::{EventKind, State, TaskRunId};
use crate::store::contract::StorePlace;
use crate::store::contract::script::*;
use crate::store::{Entry, History, Store, StoreError};
use crate::store::{Ownership as _, RunLog as _};

/// Lets the writing thread do something with its own connection.
fn sql(store: &SqliteStore, sql: &'static str) {
    store
        .ask(move |writer| {
            // Answers with the value that holds now.
            writer.connection.as_ref().unwrap().query_row(sql, [], |_| Ok(())).unwrap();
            Ok(())
        })
        .unwrap();
}

fn large_entry(run: &mut Script, store: &dyn Store) -> Entry {
    let id = run.create(store, &FETCH);
    run.apply(id, started(1));
    run.apply(id, EventKind::Completed);
    Entry { result: Some(vec![7; 200_000]), ..run.last_entry() }
}

#[test]
fn a_full_disk_fails_what_waits_and_heals_when_there_is_room() {
    let place = OnDisk::new();
    let store = SqliteStore::options().retry_for(Duration::from_millis(120)).open(place.path()).unwrap();
    let mut run = Script::begin(&store);
    let kept = run.completes(&store, &FETCH, b"1");
    sql(&store, "PRAGMA max_page_count = 1");
    let entry = large_entry(&mut run, &store);
    let refused = write(&store, entry);
    assert!(matches!(refused, Err(StoreError::GaveUp { .. })), "{refused:?}");
    assert!(store.is_degraded());
    assert!(matches!(store.flush(), Err(StoreError::GaveUp { .. })));
    sql(&store, "PRAGMA max_page_count = 1000000");
    // Nothing is written behind what is missing.
    let entry = large_entry(&mut run, &store);
    assert!(matches!(write(&store, entry), Err(StoreError::GaveUp { .. })));
    let mut other = Script::begin(&store);
    let entry = large_entry(&mut other, &store);
    write(&store, entry).unwrap();
    assert!(!store.is_degraded());
    store.flush().unwrap();
    assert_eq!(store.result(run.id(), kept).unwrap(), Some(sealed(b"1")));
    let names: Vec<_> = store
        .events(run.id(), 0, usize::MAX)
        .unwrap()
        .into_iter()
        .map(|event| event.kind.name().to_owned())
        .collect();
    assert_eq!(names[..4], ["created", "created", "started", "completed"]);
    assert!(names[4..].iter().all(|name| name == "suspended"), "{names:?}");
}

#[test]
fn a_run_whose_end_could_not_be_written_is_put_aside_and_can_be_taken_over_here() {
    let place = OnDisk::new();
    let store = SqliteStore::options().retry_for(Duration::ZERO).open(place.path()).unwrap();
    let mut run = Script::begin(&store);
    run.happens(&store, TaskRunId::FLOW, started(1));
    sql(&store, "PRAGMA max_page_count = 1");
    run.apply(TaskRunId::FLOW, EventKind::Completed);
    let refused = write(&store, Entry { result: Some(vec![7; 200_000]), ..run.last_entry() });
    assert!(matches!(refused, Err(StoreError::GaveUp { .. })), "{refused:?}");
    sql(&store, "PRAGMA max_page_count = 1000000");
    let recovered = store.take_over(run.id()).unwrap();
    assert_eq!((recovered.run.state, recovered.run.crashes), (State::Suspended, 0));
    assert_eq!(recovered.owned.epoch, 2);
}

#[test]
fn closing_waits_for_room_on_the_disk_but_not_long() {
    let place = OnDisk::new();
    let store = place.store.as_ref().unwrap();
    let mut run = Script::begin(store);
    sql(store, "PRAGMA max_page_count = 1");
    let entry = large_entry(&mut run, store);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| write(store, entry));
        std::thread::sleep(Duration::from_millis(200));
        assert!(!waiting.is_finished());
        store.shared.queue.close();
        assert!(matches!(waiting.join().unwrap(), Err(StoreError::GaveUp { .. })));
    });
}

#[test]
fn while_nothing_can_be_written_leases_are_refused_at_once_and_none_stays_behind() {
    let place = OnDisk::new();
    let mut options = SqliteStore::options().retry_for(Duration::from_secs(3600));
    options.settings.busy_wait = Duration::from_millis(100);
    let store = &options.open(place.path()).unwrap();
    let mut run = Script::begin(store);
    store.flush().unwrap();
    let other = Connection::open(place.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let entry = large_entry(&mut run, store);
    store.record(entry, None);
    // It is asked before the outage is known, and its caller goes when it is.
    assert!(matches!(ask_for_lease(store, "early"), Err(StoreError::Write { .. })));
    for key in 0..1000 {
        assert!(matches!(ask_for_lease(store, &key.to_string()), Err(StoreError::Write { .. })));
    }
    // The writing thread still holds the batch, and writes it when there is room.
    other.execute_batch("ROLLBACK").unwrap();
    wait_until(|| !store.is_degraded());
    store.flush().unwrap();
    let events = store.events(run.id(), 0, usize::MAX).unwrap();
    let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(names, ["created", "created", "completed"]);
    let other = place.store.as_ref().unwrap();
    assert!(lease(other, "early"));
    assert!(lease(store, "7"));
    assert!(!lease(other, "7"));
}

#[test]
fn nobody_hangs_after_a_panic_of_the_writing_thread() {
    let place = OnDisk::new();
    let store = place.store.as_ref().unwrap();
    let mut run = Script::begin(store);
    let fetch = run.create(store, &FETCH);
    let asked: Result<(), StoreError> = store.ask(|_| panic!("a panic that a test asked for"));
    assert!(matches!(asked, Err(StoreError::Closed)));
    let refused = run.try_happen(store, fetch, started(1));
    assert!(matches!(refused, Err(StoreError::Closed)), "{refused:?}");
    assert!(matches!(store.flush(), Err(StoreError::Closed)));
    assert!(matches!(store.take_over(run.id()), Err(StoreError::Closed)));
    store.wait_for_room();
}

#[test]
fn a_damaged_result_is_told_from_a_whole_one() {
    let place = OnDisk::new();
    let mut run = Script::begin(place.store());
    let small = run.completes(place.store(), &FETCH, b"a small result");
    let large = run.completes(place.store(), &FETCH, &vec![7; 1 << 20]);
    let raw = Connection::open(place.path()).unwrap();
    raw.execute("UPDATE results SET body = x'00' WHERE body IS NOT NULL", []).unwrap();
    let values = place.folder.path().join("runs.db.values");
    let shelf = fs::read_dir(values).unwrap().next().unwrap().unwrap().path();
    let file = fs::read_dir(shelf).unwrap().next().unwrap().unwrap().path();
    fs::write(&file, vec![8; 1 << 20]).unwrap();
    for id in [small, large] {
        let read = place.store().result(run.id(), id);
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
    }
    fs::remove_file(file).unwrap();
    assert!(matches!(place.store().result(run.id(), large), Err(StoreError::Damaged { .. })));
}

#[test]
fn damaged_events_are_not_shown() {
    let place = OnDisk::new();
    let run = Script::begin(place.store());
    place.store().flush().unwrap();
    let raw = Connection::open(place.path()).unwrap();
    raw.execute("UPDATE events SET body = replace(body, 'created', 'started')", []).unwrap();
    let read = place.store().events(run.id(), 0, 9);
    assert!(matches!(read, Err(StoreError::Damaged { .. })), "{read:?}");
}

/// Waits for what the writing thread does by itself: a minute at the most.
fn wait_until(mut comes: impl FnMut() -> bool) {
    for _ in 0..3000 {
        if comes() {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("it does not come");
}

#[test]
fn a_reader_that_stays_lets_the_log_grow_until_somebody_is_told_and_its_end_cuts_it() {
    let place = OnDisk::new();
    let store = place.store.as_ref().unwrap();
    let mut run = Script::begin(store);
    run.happens(store, TaskRunId::FLOW, started(1));
    let mut reader = Connection::open(place.path()).unwrap();
    let snapshot = reader.transaction().unwrap();
    let _: i64 = snapshot.query_row("SELECT count(*) FROM flow_runs", [], |row| row.get(0)).unwrap();
    assert_eq!(store.stats().log_alarms, 0);
    while store.wal_bytes() <= 65 << 20 {
        let entry = large_entry(&mut run, store);
        write(store, entry).unwrap();
    }
    store.flush().unwrap();
    // The log is looked at twice a second.
    wait_until(|| store.stats().log_alarms > 0);
    assert_eq!(store.stats().log_alarms, 1);
    snapshot.commit().unwrap();
    wait_until(|| store.wal_bytes() <= 4 << 20);
}

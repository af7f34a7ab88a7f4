//! What leases of cache keys wait for, and what they share.

use std::sync::mpsc::channel;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::OnDisk;
use crate::model::EventKind;
use crate::store::contract::StorePlace;
use crate::store::contract::script::*;
use crate::store::sqlite::{SqliteStore, Synchronous};
use crate::store::{Entry, Leased, ResultCache, RunLog};

/// A store that gathers entries for as long as no caller waits for one.
fn patient(place: &OnDisk) -> SqliteStore {
    let mut options = SqliteStore::options();
    options.settings.gather = std::time::Duration::from_secs(3600);
    options.open(place.path()).unwrap()
}

fn count(place: &OnDisk, sql: &str) -> i64 {
    Connection::open(place.path()).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn requests_for_leases_that_wait_share_one_transaction() {
    let place = OnDisk::new();
    let store = place.store.as_ref().unwrap();
    assert!(lease(store, "first"));
    let transactions = || count(&place, "SELECT max(last_transaction) FROM owners");
    let before = transactions();
    let (began, begins) = channel();
    let (go, gate) = channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            store.ask(move |_| {
                began.send(()).unwrap();
                Ok(gate.recv())
            })
        });
        begins.recv().unwrap();
        let answers: Vec<_> = (0..1000)
            .map(|key| {
                let (sender, answer) = oneshot::channel();
                store.lease(cache_key(&(key % 500).to_string()), sender);
                answer
            })
            .collect();
        drop(go);
        let granted =
            answers.into_iter().map(|answer| answer.blocking_recv().unwrap().unwrap() != Leased::Held);
        assert_eq!(granted.filter(|is_granted| *is_granted).count(), 500, "each key once");
    });
    assert_eq!(transactions() - before, 1);
}

#[test]
fn a_lease_waits_neither_for_the_disk_nor_for_entries_that_are_being_gathered() {
    let place = OnDisk::new();
    let store = &patient(&place);
    let mut run = Script::begin(store);
    assert!(lease(store, "a"));
    assert_eq!(count(&place, "SELECT count(*) FROM flow_runs"), 0, "the entry is not due");
    let waits_for = || {
        let asked = store.ask(|writer| {
            let connection = writer.connection.as_ref().unwrap();
            let code = connection.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
            Ok((writer.synchronous, code.unwrap()))
        });
        asked.unwrap()
    };
    // The question commits what was gathered.
    assert_eq!(waits_for(), (Synchronous::Full, 2));
    assert!(lease(store, "b"));
    assert_eq!(waits_for(), (Synchronous::Normal, 1));
    let task = run.completes(store, &FETCH, b"1");
    assert_eq!(waits_for(), (Synchronous::Full, 2), "results do wait");
    assert!(store.result(run.id(), task).unwrap().is_some());
}

#[test]
fn a_lease_follows_the_release_of_its_key_that_is_still_queued() {
    let place = OnDisk::new();
    let store = &patient(&place);
    assert!(lease(store, "a"));
    assert!(!lease(store, "a"));
    store.release(cache_key("a"));
    assert!(lease(store, "a"));
    // The one that was released is forgotten: a second release is awaited, too.
    store.release(cache_key("a"));
    assert!(lease(store, "a"));
    assert!(!lease(store, "a"));
}

#[test]
fn another_store_gets_a_lease_with_the_result_that_was_recorded_before_its_release() {
    let (place, mut run) = (OnDisk::new(), None);
    let (store, other) = (&patient(&place), place.store.as_ref().unwrap());
    let run = run.get_or_insert_with(|| Script::begin(store));
    assert!(lease(store, "a"));
    let id = run.create(store, &FETCH);
    run.happens(store, id, started(1));
    run.apply(id, EventKind::Completed);
    // Nobody waits for it, as under relaxed durability.
    store.record(
        Entry { result: Some(sealed(b"1")), cache: Some(cache_entry("a")), ..run.last_entry() },
        None,
    );
    store.release(cache_key("a"));
    // A lease of another key overtakes them.
    assert!(lease(store, "b"));
    assert!(!lease(other, "a"));
    store.flush().unwrap();
    assert!(matches!(ask_for_lease(other, "a"), Ok(Leased::Granted { stored_at: Some(_) })));
}

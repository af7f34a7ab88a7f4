//! Several stores on one file, as several processes have it: one owner, others fenced off, deaths found at once.

use std::collections::{HashMap, HashSet};

use super::OnDisk;
use crate::model::{EventKind, FlowRunId, State, TaskRunId};
use crate::store::Ownership as _;
use crate::store::contract::StorePlace;
use crate::store::contract::script::*;
use crate::store::sqlite::{files, system};
use crate::store::{Reserved, SqliteStore, StoreError, Synchronous};

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
fn a_store_that_wakes_up_after_it_was_taken_for_dead_writes_nothing() {
    let place = OnDisk::new();
    let mut run = Script::begin(place.store());
    run.happens(place.store(), TaskRunId::FLOW, started(1));
    place.is_seen_from_afar("elsewhere", false);
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
fn a_store_that_was_taken_for_dead_begins_new_runs_when_it_wakes_up_and_owns_nothing_of_before() {
    let place = OnDisk::new();
    let before = Script::begin(place.store());
    place.store().flush().unwrap();
    assert!(lease(place.store(), "a"));
    place.is_seen_from_afar("elsewhere", false);
    let other = place.open();
    let mut run = Script::begin(place.store());
    run.ends(place.store());
    assert_eq!(flow_row(&other, run.id()).state, State::Completed);
    assert_eq!(flow_row(&other, before.id()).state, State::Crashed);
    assert!(other.take_over(before.id()).is_ok(), "nobody owns it");
    assert!(lease(&other, "a"));
}

#[test]
fn an_owner_whose_lock_cannot_be_seen_lives_as_long_as_its_lease_also_under_the_name_of_this_host() {
    let here = system::host();
    for host in ["elsewhere", &*here] {
        let place = OnDisk::new();
        let run = Script::begin(place.store());
        place.store().flush().unwrap();
        place.is_seen_from_afar(host, true);
        let other = place.open();
        let refused = other.take_over(run.id());
        assert!(
            matches!(&refused, Err(StoreError::Owned { owner, .. }) if owner.host == host),
            "{refused:?}"
        );
        assert_eq!(flow_row(&other, run.id()).state, State::Pending);
        drop(other);
        place.is_seen_from_afar(host, false);
        assert!(place.open().take_over(run.id()).is_ok());
    }
}

#[test]
fn a_lock_that_is_seen_to_be_held_proves_life_whatever_the_lease_says() {
    let place = OnDisk::new();
    let run = Script::begin(place.store());
    place.store().flush().unwrap();
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    raw.execute("UPDATE owners SET boot_id = 'another', host = 'elsewhere', lease_until = 0", []).unwrap();
    assert!(matches!(place.open().take_over(run.id()), Err(StoreError::Owned { .. })));
}

#[test]
fn an_owner_in_another_container_whose_lock_may_not_be_seen_is_not_looked_for_among_the_processes_of_this_one()
 {
    let place = OnDisk::new();
    let run = Script::begin(place.store());
    place.store().flush().unwrap();
    for lock in std::fs::read_dir(files::beside(&place.path(), "owners")).unwrap() {
        std::fs::remove_file(lock.unwrap().path()).unwrap();
    }
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    // Its first process: here it is another one.
    raw.execute("UPDATE owners SET pid = 1, pid_started = 7, pid_space = 'pid:[1]'", []).unwrap();
    assert!(matches!(place.open().take_over(run.id()), Err(StoreError::Owned { .. })));
    raw.execute("UPDATE owners SET pid_space = ?1", [system::pid_space()]).unwrap();
    assert_eq!(
        place.open().take_over(run.id()).is_ok(),
        cfg!(target_os = "linux"),
        "here it is known to be gone"
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
    assert!(lease(&other, "a"));
    assert!(!lease(place.store(), "a"));
    drop(other);
    assert!(lease(place.store(), "a"));
}

/// One store of three, as the model sees it.
#[derive(Default)]
struct Asker {
    /// What it believes to have reserved: the key, and the run that it is about to begin.
    reserved: Vec<(String, Birth)>,
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config { cases: 48, ..Default::default() })]

    /// Three processes reserve, begin, give back, die, and stand still until they are taken for dead, in any order.
    #[test]
    fn for_a_key_there_is_never_more_than_one_run(
        steps in proptest::collection::vec((0..3_usize, 0..5_u8, 0..2_u8), 1..30),
    ) {
        let folder = OnDisk::new();
        let open = || SqliteStore::options().synchronous(Synchronous::Normal).open(folder.path()).unwrap();
        let mut stores = [open(), open(), open()];
        let mut askers: [Asker; 3] = Default::default();
        let mut begun: HashMap<String, FlowRunId> = HashMap::new();
        let mut granted: HashSet<FlowRunId> = HashSet::new();
        for (who, deed, key) in steps {
            let key = format!("key {key}");
            match deed {
                0 | 1 => {
                    let birth = Birth { id: Some(next_id(FIRST)), key: Some(key.as_str().into()), ..Birth::default() };
                    match stores[who].reserve(&key, birth.id.unwrap()).unwrap() {
                        Reserved::Granted => {
                            assert_eq!(begun.get(&key), None);
                            granted.extend(birth.id);
                            askers[who].reserved.push((key, birth));
                        }
                        Reserved::Begun(run) => assert_eq!(begun.get(&key), Some(&run)),
                        // Also of one that died unseen: its lease runs.
                        Reserved::Held(run, _) => assert!(granted.contains(&run), "somebody has it"),
                    }
                }
                2 => {
                    let Some((key, birth)) = askers[who].reserved.pop() else { continue };
                    let mut run = Script::born(&stores[who], &ETL, birth);
                    match run.try_happen(&stores[who], TaskRunId::FLOW, started(1)) {
                        Ok(()) => assert_eq!(begun.insert(key, run.id()), None, "two runs for one key"),
                        Err(error) => assert!(matches!(error, StoreError::UnknownRun { .. }), "{error:?}"),
                    }
                }
                3 => {
                    if let Some((key, birth)) = askers[who].reserved.pop() {
                        stores[who].unreserve(&key, birth.id.unwrap());
                    }
                }
                _ if key == "key 0" => {
                    askers[who] = Asker::default();
                    stores[who] = open();
                }
                // The others stand still where this one does not see them, until it takes them for dead.
                _ => {
                    folder.is_seen_from_afar("elsewhere", false);
                    stores[who].reap().unwrap();
                }
            }
        }
        // In the end each key stands for the run that has begun under it.
        for (key, run) in begun {
            assert_eq!(stores[0].reserve(&key, next_id(FIRST)).unwrap(), Reserved::Begun(run));
        }
    }
}

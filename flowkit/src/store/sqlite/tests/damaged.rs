//! Damage of the file itself: wherever a byte turns over or the end is cut off, the store says so or answers as before.

use std::fs;

use super::{OnDisk, SqliteStore};
use crate::model::{LogLevel, TaskRunId, WallTime};
use crate::store::contract::StorePlace;
use crate::store::contract::script::*;
use crate::store::{
    FlowRunFilter, History as _, LogEntry, LogFilter, Ownership as _, RunLog as _, StoreError, TaskRunFilter,
};

/// A database with some runs, closed, as bytes.
fn closed() -> (OnDisk, Vec<u8>) {
    let mut place = OnDisk::new();
    for number in 0..4 {
        let mut run = Script::begin(place.store());
        for _ in 0..20 {
            run.completes(place.store(), &FETCH, b"a result");
        }
        place.store().log(LogEntry {
            run: run.id(),
            task_run: TaskRunId::FLOW,
            at: WallTime::from_micros(7),
            level: LogLevel::Info,
            target: "etl".to_owned(),
            message: format!("line {number} of a log"),
        });
        run.ends(place.store());
    }
    place.store = None;
    let bytes = fs::read(place.path()).unwrap();
    (place, bytes)
}

/// Everything that a store says.
fn says(store: &SqliteStore) -> Result<String, StoreError> {
    let mut said = String::new();
    for run in store.flow_runs(&FlowRunFilter::default(), None, usize::MAX)?.runs {
        let (id, short) = (run.id, run.id.short());
        said += &format!("{run:?} {:?}", store.find(&short, 2)?);
        for task in store.task_runs(id, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX)? {
            said += &format!("{task:?} {:?}", store.result(id, task.id)?);
        }
        said += &format!("{:?}{:?}", store.events(id, 0, usize::MAX)?, store.counts(id)?);
        said += &format!("{:?}", store.logs(id, &LogFilter::default(), 0, usize::MAX)?);
        said += &format!("{:?}{:?}", store.metrics(id, 0, usize::MAX)?, store.artifacts(id, 0, usize::MAX)?);
    }
    Ok(said)
}

/// Whether a look back is told of the damage; otherwise everything is as before.
#[track_caller]
fn is_told(place: &OnDisk, bytes: &[u8], whole: &str) -> bool {
    fs::write(place.path(), bytes).unwrap();
    let answer = SqliteStore::options().looking_back().open(place.path()).and_then(|store| says(&store));
    match answer {
        Ok(said) => {
            assert_eq!(said, whole, "another answer, in silence");
            false
        }
        Err(error) => {
            let opened = SqliteStore::open(place.path());
            assert!(opened.is_err(), "a writer is told as well: {error}");
            assert_eq!(fs::read(place.path()).unwrap(), bytes, "and nothing is changed");
            true
        }
    }
}

#[test]
fn wherever_a_byte_turns_over_it_is_told_or_does_not_matter() {
    let (place, bytes) = closed();
    let whole = says(&place.open()).unwrap();
    fs::write(place.path(), &bytes).unwrap();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut told = 0;
    for _ in 0..300 {
        let at = random.usize(..bytes.len());
        let mut damaged = bytes.clone();
        damaged[at] ^= random.u8(1..);
        told += u32::from(is_told(&place, &damaged, &whole));
    }
    // Nearly everywhere: what SQLite counts in the first page, and the digest itself, may change.
    assert!(told >= 250, "{told} of 300");
}

#[test]
fn wherever_the_end_is_cut_off_it_is_told() {
    let (place, bytes) = closed();
    let whole = says(&place.open()).unwrap();
    fs::write(place.path(), &bytes).unwrap();
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    // Inside the last page, at its edge, in the middle, nearly everything.
    for left in [used, used - 1, bytes.len() - 2000, bytes.len() - 4096, bytes.len() / 2, 5000, 100, 1] {
        assert!(is_told(&place, &bytes[..left], &whole), "{left} of {}", bytes.len());
    }
}

#[test]
fn a_database_without_a_digest_that_is_cut_inside_its_last_page_is_refused() {
    let (place, _) = closed();
    // As after a death, once the log was moved into the file.
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    raw.execute("UPDATE page_digest SET digest = NULL", []).unwrap();
    drop(raw);
    let bytes = fs::read(place.path()).unwrap();
    fs::write(place.path(), &bytes[..bytes.len() - 10]).unwrap();
    let refused = SqliteStore::open(place.path()).unwrap_err().to_string();
    assert!(refused.contains("damaged") && refused.contains("cut off after"), "{refused}");
}

#[test]
fn the_last_that_leaves_keeps_a_digest_and_the_first_that_enters_voids_it() {
    let place = OnDisk::new();
    let has_digest = || {
        let raw = rusqlite::Connection::open(place.path()).unwrap();
        raw.query_row("SELECT digest IS NOT NULL FROM page_digest", [], |row| row.get::<_, bool>(0)).unwrap()
    };
    let place_store = place.store();
    assert!(!has_digest());
    let other = place.open();
    drop(other);
    assert!(!has_digest(), "the first one has it open");
    let looks = SqliteStore::options().looking_back().open(place.path()).unwrap();
    place_store.flush().unwrap();
    drop(looks);
    assert!(!has_digest());
    let path = place.path();
    let OnDisk { store, folder } = place;
    drop(store);
    let left = fs::read(&path).unwrap();
    let raw = rusqlite::Connection::open(&path).unwrap();
    assert!(
        raw.query_row("SELECT digest IS NOT NULL FROM page_digest", [], |row| row.get::<_, bool>(0)).unwrap()
    );
    drop(raw);
    // Who looks changes nothing.
    let looks = SqliteStore::options().looking_back().open(&path).unwrap();
    assert_eq!(says(&looks).unwrap(), "");
    drop(looks);
    assert_eq!(fs::read(&path).unwrap(), left);
    drop(folder);
}

#[test]
fn a_change_by_another_program_is_told_with_the_remedy() {
    let (place, _) = closed();
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    raw.execute("DELETE FROM logs", []).unwrap();
    let refused = SqliteStore::open(place.path()).unwrap_err().to_string();
    assert!(refused.contains("another program"), "{refused}");
    raw.execute("UPDATE page_digest SET digest = NULL", []).unwrap();
    drop(place.open());
    drop(place.open());
}

#[test]
fn a_database_that_was_vacuumed_and_a_copy_of_it_are_whole() {
    let (place, _) = closed();
    let whole = says(&place.open()).unwrap();
    let raw = rusqlite::Connection::open(place.path()).unwrap();
    let copy = place.folder.path().join("copy.db");
    raw.execute("VACUUM INTO ?1", [copy.to_str().unwrap()]).unwrap();
    raw.execute_batch("VACUUM").unwrap();
    drop(raw);
    for path in [place.path(), copy] {
        assert_eq!(says(&SqliteStore::open(path).unwrap()).unwrap(), whole);
    }
}

#[test]
fn looking_back_waits_for_no_writer() {
    let mut place = OnDisk::new();
    let run = Script::begin(place.store());
    place.store().flush().unwrap();
    // Its process dies, so there is something to write down.
    place.store = None;
    let mut raw = rusqlite::Connection::open(place.path()).unwrap();
    let writes = raw.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).unwrap();
    let looks = SqliteStore::options().looking_back().open(place.path()).unwrap();
    assert_eq!(flow_row(&looks, run.id()).state, crate::State::Pending, "not marked yet");
    looks.reap_if_free().unwrap();
    assert_eq!(flow_row(&looks, run.id()).state, crate::State::Pending);
    drop(writes);
    looks.reap_if_free().unwrap();
    assert_eq!(flow_row(&looks, run.id()).state, crate::State::Crashed);
    drop(looks);
    let looks = SqliteStore::options().looking_back().open(place.path()).unwrap();
    assert_eq!(looks.reap().unwrap(), []);
    assert!(looks.take_over(run.id()).is_ok(), "and writes if it is asked to");
}

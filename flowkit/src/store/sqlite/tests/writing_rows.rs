//! How rows are written: few for many entries, large results as files, answers in order.

use std::fs;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;

use super::{OnDisk, SqliteStore};
use crate::model::{EventKind, LogLevel, TaskRunId};
use crate::store::RunLog as _;
use crate::store::contract::StorePlace;
use crate::store::contract::script::*;
use crate::store::rows::LOG_LINES_MAX;
use crate::store::sqlite::clock;
use crate::store::{Entry, History, LogEntry, LogFilter, StoreError};

#[test]
fn entries_that_come_together_are_one_row_and_all_events() {
    let place = OnDisk::new();
    let store = place.store.as_ref().unwrap();
    let mut run = Script::begin(store);
    // The thread is held up, so that all of it waits at once.
    let (hold, held) = std::sync::mpsc::channel::<()>();
    let holding = std::thread::scope(|scope| {
        let asked = scope.spawn(move || store.ask(move |_| Ok(held.recv().is_err())));
        for _ in 0..100 {
            let id = run.create(store, &FETCH);
            run.apply(id, started(1));
            store.record(run.last_entry(), None);
            run.apply(id, EventKind::Completed);
            store.record(run.last_entry(), None);
        }
        drop(hold);
        asked.join().unwrap()
    });
    assert!(holding.unwrap());
    store.flush().unwrap();
    let stats = store.stats();
    assert!(stats.rows < 250, "{stats:?}");
    assert_eq!(stats.events, 300);
    assert_eq!(event_names(store, run.id()).len(), 301);
}

#[test]
fn log_lines_wait_for_a_writer_that_is_behind_and_none_below_the_quota_is_lost() {
    const TASKS: u64 = 8;
    const LINES: u64 = LOG_LINES_MAX - 1000;
    let place = OnDisk::new();
    let store = place.store.as_ref().unwrap();
    let run = Script::begin(store);
    let line = |task_run: u64, number: u64| LogEntry {
        run: run.id(),
        task_run: TaskRunId::new(task_run),
        at: FIRST,
        level: LogLevel::Info,
        target: "etl".to_owned(),
        message: number.to_string(),
    };
    let (hold, held) = std::sync::mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let asked = scope.spawn(move || store.ask(move |_| Ok(held.recv().is_err())));
        for task_run in 1..=TASKS {
            scope.spawn(move || (0..LINES).for_each(|number| store.log(line(task_run, number))));
        }
        // Until the queue is full, and the threads wait.
        while store.stats().waiting <= 65_536 {
            std::thread::yield_now();
        }
        drop(hold);
        assert!(asked.join().unwrap().unwrap());
    });
    store.flush().unwrap();
    let lines = store.logs(run.id(), &LogFilter::default(), 0, usize::MAX).unwrap();
    assert_eq!(lines.len() as u64, TASKS * LINES);
    for task_run in (1..=TASKS).map(TaskRunId::new) {
        let own = lines.iter().filter(|line| line.task_run == task_run);
        assert!(own.map(|line| line.message.parse::<u64>().unwrap()).eq(0..LINES), "{task_run}");
    }
    assert_eq!(store.dropped_logs(run.id()).unwrap(), []);
}

#[test]
fn answers_come_in_the_order_of_the_entries_and_after_the_commit() {
    let place = OnDisk::new();
    let store = place.store.as_ref().unwrap();
    let mut run = Script::begin(store);
    let mut answers = Vec::new();
    for _ in 0..50 {
        let id = run.create(store, &FETCH);
        run.apply(id, started(1));
        let (ack, answer) = oneshot::channel();
        store.record(run.last_entry(), Some(ack));
        answers.push((id, answer));
    }
    let (last, answer) = answers.pop().unwrap();
    answer.blocking_recv().unwrap().unwrap();
    assert_eq!(task_row(store, run.id(), last).attempt, 1);
    for (_, mut answer) in answers {
        answer.try_recv().unwrap().unwrap();
    }
}

#[test]
fn only_the_run_that_was_lost_is_refused() {
    let place = OnDisk::new();
    let store = place.store.as_ref().unwrap();
    let (mut mine, mut lost) = (Script::begin(store), Script::begin(store));
    store.flush().unwrap();
    lost.owned.epoch = 7;
    let fetch = mine.create(store, &FETCH);
    let theirs = lost.create(store, &FETCH);
    lost.apply(theirs, started(1));
    let (ack, answer) = oneshot::channel();
    store.record(lost.last_entry(), Some(ack));
    mine.happens(store, fetch, started(1));
    assert!(matches!(answer.blocking_recv().unwrap(), Err(StoreError::LostOwnership { .. })));
    assert_eq!(all_task_runs(store, lost.id()), []);
    assert_eq!(event_names(store, lost.id()), ["0: created"]);
}

#[test]
fn equal_large_results_share_a_file() {
    let place = OnDisk::new();
    let mut run = Script::begin(place.store());
    let large = vec![7; 1 << 20];
    for _ in 0..3 {
        run.completes(place.store(), &FETCH, &large);
    }
    let values = place.folder.path().join("runs.db.values");
    let shelves: Vec<_> = fs::read_dir(values).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(shelves.len(), 1);
    assert_eq!(fs::read_dir(&shelves[0]).unwrap().count(), 1);
    let name = blake3::hash(&sealed(&large)).to_hex();
    assert!(shelves[0].join(name.as_str()).exists() && shelves[0].ends_with(&name[..2]));
}

#[test]
fn a_row_whose_file_was_swept_meanwhile_gets_it_again() {
    let place = OnDisk::new();
    let mut run = Script::begin(place.store());
    let large = vec![7; 1 << 20];
    let id = run.completes(place.store(), &FETCH, &large);
    fs::remove_dir_all(place.folder.path().join("runs.db.values")).unwrap();
    let again = run.completes(place.store(), &FETCH, &large);
    assert!(place.store().result(run.id(), again).unwrap() == Some(sealed(&large)));
    assert!(place.store().result(run.id(), id).unwrap() == Some(sealed(&large)));
}

#[test]
fn old_files_that_nothing_points_to_are_swept_on_opening() {
    let mut place = OnDisk::new();
    let store = place.store.as_ref().unwrap();
    let mut run = Script::begin(store);
    run.completes(store, &FETCH, &vec![7; 1 << 20]);
    let [orphan, young] = [b"orphan", b"young!"].map(|bytes| store.values.persist(bytes).unwrap());
    let kept = *blake3::hash(&sealed(&[7; 1 << 20])).as_bytes();
    let draft = place.folder.path().join("runs.db.values").join("1.tmp");
    fs::write(&draft, b"half of it").unwrap();
    let file = |hash: &[u8; 32]| {
        let name = blake3::Hash::from_bytes(*hash).to_hex();
        place.folder.path().join("runs.db.values").join(&name[..2]).join(name.as_str())
    };
    let files = [file(&orphan), file(&kept), draft];
    let young = file(&young);
    let old = SystemTime::from(clock::wall()) - Duration::from_secs(2 * 3600);
    for path in &files {
        fs::File::options().write(true).open(path).unwrap().set_modified(old).unwrap();
    }
    place.crash();
    assert_eq!(files.map(|path| path.exists()), [false, true, false]);
    assert!(young.exists());
}

#[test]
fn a_waiting_flood_of_logs_is_counted() {
    let place = OnDisk::new();
    let store: &SqliteStore = place.store.as_ref().unwrap();
    let run = Script::begin(store);
    for line in 0..10_050 {
        store.log(crate::store::LogEntry {
            run: run.id(),
            task_run: TaskRunId::FLOW,
            at: FIRST,
            level: crate::model::LogLevel::Info,
            target: "flood".into(),
            message: format!("line {line}"),
        });
    }
    store.flush().unwrap();
    assert_eq!(store.dropped_logs(run.id()).unwrap(), [(TaskRunId::FLOW, 50)]);
}

#[test]
fn a_result_and_its_place_in_the_cache_are_kept_together() {
    let place = OnDisk::new();
    let mut run = Script::begin(place.store());
    let id = run.create(place.store(), &FETCH);
    run.apply(id, started(1));
    run.apply(id, EventKind::Completed);
    let entry = Entry { result: Some(vec![7; 1 << 20]), cache: Some(cache_entry("a")), ..run.last_entry() };
    write(place.store(), entry).unwrap();
    let cached = place.store().cached(cache_key("a")).unwrap().unwrap();
    assert_eq!((cached.envelope.len(), cached.from), (1 << 20, (run.id(), id)));
    // What the cache has lost is not there, instead of an error.
    fs::remove_dir_all(place.folder.path().join("runs.db.values")).unwrap();
    assert_eq!(place.store().cached(cache_key("a")).unwrap(), None);
}

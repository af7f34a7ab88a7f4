//! What is written is kept, in order, as it was, and not beyond its end.

use std::time::Duration;

use super::StorePlace;
use super::script::*;
use crate::model::{Declaration, EventKind, FlowRunId, Kind, Provenance, State, TaskRunId, ValueVersion};
use crate::store::{Entry, OwnedRun, Store};

pub fn a_run_that_begins_can_be_read<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let birth = Birth {
        name: Some("monday".into()),
        tags: vec!["eu".into()],
        parameters: Some(r#"{"urls":["a"]}"#.into()),
        ..Birth::default()
    };
    let run = Script::born(store, &ETL, birth);
    store.flush().unwrap();
    let row = flow_row(store, run.id());
    assert_eq!((row.id, row.flow.as_str(), row.state), (run.id(), "etl", State::Pending));
    assert_eq!(row.name.as_deref(), Some("monday"));
    assert_eq!(row.tags, ["nightly", "eu"]);
    assert_eq!(row.parameters.as_deref(), Some(r#"{"urls":["a"]}"#));
    assert_eq!((row.created_at, row.started_at, row.ended_at), (FIRST, None, None));
    assert_eq!((row.attempt, row.crashes), (0, 0));
    assert!(row.location.contains(".rs:"), "{}", row.location);
    assert_eq!(event_names(store, run.id()), ["0: created"]);
}

pub fn an_entry_changes_its_row_and_adds_its_event<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let fetch = run.create(store, &FETCH);
    run.happens(store, fetch, started(1));
    run.happens(store, fetch, failed("no route"));
    let live = run.record.task_run(fetch).unwrap();
    assert_eq!(task_row(store, run.id(), fetch), live.row(FIRST));
    assert_eq!(task_row(store, run.id(), fetch).error.unwrap().message, "no route");
    assert_eq!(event_names(store, run.id()), ["0: created", "1: created", "1: started", "1: failed"]);
    let last = store.events(run.id(), 3, 10).unwrap().remove(0);
    assert!(matches!(&last.kind, EventKind::Failed { error } if error.message == "no route"));
}

pub fn what_is_done_again_has_neither_its_old_result_nor_its_old_provenance<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let of = |version: u8, made_from: Option<u8>| {
        let version_of = |byte| ValueVersion::from_bytes([byte; 16]);
        Some(Provenance { version: version_of(version), made_from: made_from.map(version_of) })
    };
    let mut run = Script::begin(store);
    let fetch = run.create(store, &FETCH);
    run.happens(store, fetch, started(1));
    assert_eq!(task_row(store, run.id(), fetch).provenance, None);
    run.apply(fetch, EventKind::Completed);
    let entry = Entry { result: Some(sealed(b"1")), provenance: of(1, Some(2)), ..run.last_entry() };
    write(store, entry).unwrap();
    let row = task_row(store, run.id(), fetch);
    assert_eq!((row.has_result, row.provenance), (true, of(1, Some(2))));

    run.happens(store, fetch, EventKind::Reopened);
    assert!(!task_row(store, run.id(), fetch).has_result);
    assert_eq!(store.result(run.id(), fetch).unwrap(), None);
    run.happens(store, fetch, started(2));
    run.apply(fetch, EventKind::Completed);
    write(store, Entry { provenance: of(3, None), ..run.last_entry() }).unwrap();
    let row = task_row(store, run.id(), fetch);
    assert_eq!((row.has_result, row.provenance), (false, of(3, None)), "it gave one that is not persisted");
}

pub fn events_are_numbered_from_one_without_gaps<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (mut one, mut other) = (Script::begin(store), Script::begin(store));
    for _ in 0..40 {
        one.create(store, &FETCH);
        other.completes(store, &LOAD, b"1");
    }
    store.flush().unwrap();
    for (run, count) in [(&one, 41), (&other, 121)] {
        let events = store.events(run.id(), 0, usize::MAX).unwrap();
        let sequences: Vec<u64> = events.iter().map(|event| event.sequence).collect();
        assert_eq!(sequences, (1..=count).collect::<Vec<_>>());
        let page = store.events(run.id(), 7, 5).unwrap();
        assert_eq!(page, events[7..12]);
    }
}

pub fn the_last_of_many_entries_is_what_stands<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let fetch = run.create(store, &FETCH);
    for attempt in 1..=50 {
        run.apply(fetch, started(attempt));
        store.record(run.last_entry(), None);
        run.apply(fetch, retried(attempt, Duration::from_secs(1)));
        store.record(run.last_entry(), None);
    }
    store.flush().unwrap();
    let row = task_row(store, run.id(), fetch);
    assert_eq!((row.state, row.attempt, row.earlier_attempts.len()), (State::AwaitingRetry, 50, 50));
    assert_eq!(event_names(store, run.id()).len(), 102);
}

pub fn an_acknowledged_entry_can_be_read_at_once<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let fetch = run.create(store, &FETCH);
    for attempt in 1..=20 {
        run.happens(store, fetch, started(attempt));
        assert_eq!(task_row(store, run.id(), fetch).attempt, attempt);
        run.happens(store, fetch, retried(attempt, Duration::ZERO));
    }
}

pub fn an_attempt_that_failed_is_kept_with_its_error_and_its_wait<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let fetch = run.create(store, &FETCH);
    run.happens(store, fetch, started(1));
    run.happens(store, fetch, retried(1, Duration::from_millis(1500)));
    run.happens(store, fetch, started(2));
    let row = task_row(store, run.id(), fetch);
    let [attempt] = row.earlier_attempts.as_slice() else { panic!("{row:?}") };
    assert_eq!((attempt.number, attempt.state), (1, State::Failed));
    assert_eq!(attempt.retry_in, Some(Duration::from_millis(1500)));
    assert_eq!(attempt.error.as_ref().unwrap().message, "lost");
    assert!(attempt.ended_at.unwrap() > attempt.started_at);
    assert!(row.attempt_started_at.unwrap() > row.started_at.unwrap());
}

pub fn a_result_reads_as_it_was_written<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    for value in [&b""[..], b"1", b"\0\xff\x00"] {
        let id = run.completes(store, &FETCH, value);
        assert_eq!(store.result(run.id(), id).unwrap(), Some(sealed(value)));
        assert!(task_row(store, run.id(), id).has_result);
    }
    run.happens(store, TaskRunId::FLOW, started(1));
    run.apply(TaskRunId::FLOW, EventKind::Completed);
    write(store, Entry { result: Some(sealed(b"all")), ..run.last_entry() }).unwrap();
    assert_eq!(store.result(run.id(), TaskRunId::FLOW).unwrap(), Some(sealed(b"all")));
}

pub fn a_result_of_a_megabyte_reads_as_it_was_written<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let large: Vec<u8> = (0..1_u32 << 20).map(|byte| (byte % 251) as u8).collect();
    let one = run.completes(store, &FETCH, &large);
    let same = run.completes(store, &LOAD, &large);
    assert!(store.result(run.id(), one).unwrap() == Some(sealed(&large)));
    assert!(store.result(run.id(), same).unwrap() == Some(sealed(&large)));
}

pub fn a_task_run_without_a_result_has_none<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let fetch = run.create(store, &FETCH);
    run.happens(store, fetch, started(1));
    run.happens(store, fetch, EventKind::Completed);
    assert_eq!(store.result(run.id(), fetch).unwrap(), None);
    assert_eq!(store.result(run.id(), TaskRunId::new(99)).unwrap(), None);
    assert!(!task_row(store, run.id(), fetch).has_result);
}

pub fn what_has_ended_stays_as_it_is<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let fetch = run.completes(store, &FETCH, b"1");
    let (row, events) = (task_row(store, run.id(), fetch), event_names(store, run.id()));
    // A late report: it was made of a record that knew of no end.
    let mut late = Script::begin(store);
    late.create(store, &FETCH);
    late.apply(fetch, started(1));
    late.apply(fetch, failed("too late"));
    let late = Entry { run: run.owned, ..late.last_entry() };
    // Whether it is told so or not, the one who comes late changes nothing.
    write(store, late).ok();
    assert_eq!(task_row(store, run.id(), fetch), row);
    assert_eq!(event_names(store, run.id()), events);

    run.ends(store);
    let row = flow_row(store, run.id());
    assert!(write(store, run.last_entry()).is_err());
    assert_eq!(flow_row(store, run.id()), row);
}

pub fn reopening_leads_on_from_an_end<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let fetch = run.create(store, &FETCH);
    run.happens(store, fetch, started(1));
    run.happens(store, fetch, failed("no route"));
    run.happens(store, fetch, EventKind::Reopened);
    assert_eq!(task_row(store, run.id(), fetch).state, State::Pending);
    run.happens(store, fetch, started(2));
    run.happens(store, fetch, EventKind::Completed);
    assert_eq!(task_row(store, run.id(), fetch).state, State::Completed);
}

pub fn an_attempt_of_what_is_done_again_reads_as_it_ended<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let ends = [
        (EventKind::Completed, State::Completed),
        (failed("no route"), State::Failed),
        (EventKind::TimedOut { error: report("too slow"), orphaned: false }, State::TimedOut),
        (EventKind::Cancelled { orphaned: false }, State::Cancelled),
    ];
    for (end, state) in ends {
        let fetch = run.create(store, &FETCH);
        run.happens(store, fetch, started(1));
        run.happens(store, fetch, end);
        let ended = task_row(store, run.id(), fetch);
        run.happens(store, fetch, EventKind::Reopened);
        run.happens(store, fetch, started(2));
        let row = task_row(store, run.id(), fetch);
        let earlier: Vec<_> =
            row.earlier_attempts.iter().map(|earlier| (earlier.number, earlier.state)).collect();
        assert_eq!(earlier, [(1, state)]);
        let earlier = &row.earlier_attempts[0];
        assert_eq!((&earlier.error, earlier.ended_at), (&ended.error, ended.ended_at));
        assert_eq!(earlier.ended_no, ended.ended_no);
    }
}

pub fn odd_names_read_as_they_were_written<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let long = "x".repeat(10_000);
    let odd =
        ["", "a\0b", "🚀", "\u{202e}evil", "\u{1b}[31mred", "'; DROP TABLE runs; --", "a\nb", "\"", &long];
    for tag in &odd {
        let name = *tag;
        let task: &'static Declaration = Box::leak(Box::new(declaration(Kind::Task, name.to_owned().leak())));
        let birth = Birth {
            name: Some(name.into()),
            tags: vec![name.into()],
            parameters: Some(format!("{{\"text\":{name:?}}}")),
            ..Birth::default()
        };
        let flow: &'static Declaration = Box::leak(Box::new(declaration(Kind::Flow, task.name)));
        let mut run = Script::born(store, flow, birth);
        let id = run.create_named(store, task, Some(name.into()));
        run.happens(store, id, started(1));
        run.happens(store, id, failed(name));
        // A store may show a NUL by its picture: SQLite's own functions would cut the text off there.
        let name = &kept_as(store, run.id(), name);
        let row = flow_row(store, run.id());
        assert_eq!((&row.flow, row.name.as_ref()), (name, Some(name)));
        assert_eq!(row.tags[1], *tag);
        assert_eq!(row.parameters, Some(format!("{{\"text\":{tag:?}}}")));
        let row = task_row(store, run.id(), id);
        assert_eq!((&*row.task, row.name.as_ref()), (name.as_str(), Some(name)));
        assert_eq!(row.error.unwrap().message, *tag);
        let event = store.events(run.id(), 3, 1).unwrap().remove(0);
        assert!(matches!(&event.kind, EventKind::Failed { error } if error.message == *tag));
    }
}

fn kept_as(store: &dyn Store, run: FlowRunId, name: &str) -> String {
    let kept = flow_row(store, run).flow;
    assert!([name.to_owned(), name.replace('\0', "\u{2400}")].contains(&kept), "{kept:?}");
    kept
}

pub fn an_entry_of_an_unknown_run_is_refused<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    let nobody = OwnedRun { id: FlowRunId::new(uuid::Uuid::from_u128(1)), ..run.owned };
    assert!(write(store, Entry { run: nobody, ..run.last_entry() }).is_err());
    assert_eq!(store.flow_run(nobody.id).unwrap(), None);
}

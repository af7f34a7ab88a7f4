//! Log lines: kept up to a quota, and found again.

use super::StorePlace;
use super::script::*;
use crate::model::{FlowRunId, LogLevel, StoredLog, TaskRunId, WallTime};
use crate::store::rows::LOG_LINES_MAX;
use crate::store::{LogEntry, LogFilter, Store};

const FETCH_RUN: TaskRunId = TaskRunId::new(1);

fn says(store: &dyn Store, run: FlowRunId, task_run: TaskRunId, level: LogLevel, message: &str) {
    let (target, message) = ("etl::fetch".to_owned(), message.to_owned());
    let at = WallTime::from_micros(FIRST.as_micros() + 5);
    store.log(LogEntry { run, task_run, at, level, target, message });
}

fn lines(store: &dyn Store, run: FlowRunId, filter: &LogFilter) -> Vec<String> {
    let lines = store.logs(run, filter, 0, usize::MAX).unwrap();
    lines.into_iter().map(|line| line.message).collect()
}

fn found(store: &dyn Store, run: FlowRunId, text: &str) -> Vec<String> {
    lines(store, run, &LogFilter { text: Some(text.into()), ..LogFilter::default() })
}

pub fn lines_read_in_the_order_of_their_arrival<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (run, other) = (Script::begin(store), Script::begin(store));
    for message in ["one", "two", "three"] {
        says(store, run.id(), TaskRunId::FLOW, LogLevel::Info, message);
        says(store, other.id(), TaskRunId::FLOW, LogLevel::Info, "another run's");
    }
    store.flush().unwrap();
    let all = store.logs(run.id(), &LogFilter::default(), 0, 10).unwrap();
    let first = StoredLog {
        sequence: 1,
        task_run: TaskRunId::FLOW,
        at: WallTime::from_micros(FIRST.as_micros() + 5),
        level: LogLevel::Info,
        target: "etl::fetch".into(),
        message: "one".into(),
    };
    assert_eq!(all[0], first);
    assert_eq!(lines(store, run.id(), &LogFilter::default()), ["one", "two", "three"]);
    assert_eq!(store.logs(run.id(), &LogFilter::default(), 1, 1).unwrap(), all[1..2]);
    assert_eq!(store.logs(run.id(), &LogFilter::default(), 3, 9).unwrap(), []);
}

pub fn lines_are_chosen_by_task_run_level_and_words<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    says(store, run.id(), TaskRunId::FLOW, LogLevel::Error, "flow lost");
    says(store, run.id(), FETCH_RUN, LogLevel::Debug, "fetch begins");
    says(store, run.id(), FETCH_RUN, LogLevel::Error, "fetch lost");
    store.flush().unwrap();
    let mut filter = LogFilter { task_run: Some(FETCH_RUN), ..LogFilter::default() };
    assert_eq!(lines(store, run.id(), &filter), ["fetch begins", "fetch lost"]);
    filter.level = Some(LogLevel::Warn);
    assert_eq!(lines(store, run.id(), &filter), ["fetch lost"]);
    filter.task_run = None;
    assert_eq!(lines(store, run.id(), &filter), ["flow lost", "fetch lost"]);
    filter.text = Some("flow".into());
    assert_eq!(lines(store, run.id(), &filter), ["flow lost"]);
}

pub fn a_search_finds_words_by_their_beginning_in_any_order_and_case<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    let line = "GET https://example.com/a_b?c=42 => Connection reset by Peer über 🚀";
    says(store, run.id(), FETCH_RUN, LogLevel::Info, line);
    says(store, run.id(), FETCH_RUN, LogLevel::Info, "something else");
    store.flush().unwrap();
    for text in
        ["connection", "CONN", "peer reset", "42", "a_b", "example.com", "ÜBER", "=>", "🚀", "reset-by"]
    {
        assert_eq!(found(store, run.id(), text), [line], "{text}");
    }
    for text in ["nection", "connection refused", "=> C x", "🚁"] {
        assert!(found(store, run.id(), text).is_empty(), "{text}");
    }
}

pub fn a_search_is_never_a_query_language<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    says(store, run.id(), FETCH_RUN, LogLevel::Info, "salt and pepper");
    store.flush().unwrap();
    let odd = [
        "\"",
        "'",
        "salt OR",
        "NOT salt",
        "salt*",
        "(",
        "message:salt",
        "^salt",
        "NEAR(a b)",
        "a\0b",
        "%",
        "_",
        "-",
        "\\",
    ];
    for text in odd {
        found(store, run.id(), text);
    }
    assert_eq!(found(store, run.id(), "salt*"), ["salt and pepper"]);
    assert!(found(store, run.id(), "salt OR vinegar").is_empty());
}

pub fn a_task_run_that_logs_too_much_loses_lines_and_the_loss_is_counted<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    for line in 0..LOG_LINES_MAX + 7 {
        says(store, run.id(), FETCH_RUN, LogLevel::Info, &line.to_string());
    }
    says(store, run.id(), TaskRunId::new(2), LogLevel::Info, "unharmed");
    store.flush().unwrap();
    let kept = lines(store, run.id(), &LogFilter::default());
    assert_eq!(kept.len() as u64, LOG_LINES_MAX + 1);
    assert_eq!(kept.last().unwrap(), "unharmed");
    assert_eq!(store.dropped_logs(run.id()).unwrap(), [(FETCH_RUN, 7)]);
}

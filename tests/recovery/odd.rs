//! R38, R40: a task that floods its log, results of all sizes, names of all kinds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use flowkit::Runtime;
use flowkit::model::{LogLevel, TaskRunId, WallTime};
use flowkit::prelude::*;
use flowkit::store::{LogEntry, LogFilter, Store, TaskRunFilter};

use crate::kit::{Folder, times};

const LINES: u64 = 1_000_000;

/// How many lines of one task run are persisted, according to the documentation of the store.
const LINES_MAX: u64 = 10_000;

#[tokio::test(flavor = "multi_thread")]
async fn r38_a_task_that_floods_its_log_loses_lines_which_are_counted_and_harms_nobody() {
    #[task]
    async fn talks(store: SharedStore, lines: u64) -> u64 {
        let line = |line: u64| LogEntry {
            run: ctx().flow_run_id().unwrap(),
            task_run: ctx().task_run_id().unwrap(),
            at: WallTime::from_micros(1_000_000_000_000_000),
            level: LogLevel::Info,
            target: "flood".to_owned(),
            message: format!("line {line}"),
        };
        let first = line(0);
        for number in 0..lines {
            store.0.log(LogEntry { message: format!("line {number}"), ..first.clone() });
        }
        lines
    }

    #[flow]
    async fn hundred(store: SharedStore) -> Result<u64> {
        let talkers: Vec<_> =
            (0..100).map(|task| talks(store.clone(), if task == 50 { LINES } else { 10 }).submit()).collect();
        let mut said = 0;
        for talker in talkers {
            said += talker.await?;
        }
        Ok(said)
    }

    let folder = Folder::new();
    let runtime = Runtime::builder().store(folder.open()).build();
    let store = runtime.store().unwrap();
    let run = hundred(SharedStore(store.clone())).on(&runtime).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(LINES + 99 * 10));
    store.flush().unwrap();
    let id = run.id().unwrap();
    let kept = store.logs(id, &LogFilter::default(), 0, usize::MAX).unwrap();
    let dropped = store.dropped_logs(id).unwrap();
    let flooder = TaskRunId::new(51);
    let kept_of = |task_run| kept.iter().filter(|line| line.task_run == task_run).count() as u64;
    let lost: u64 = dropped.iter().map(|(_, lost)| lost).sum();
    assert_eq!(kept.len() as u64 + lost, LINES + 99 * 10, "what is missing is counted");
    assert!(kept_of(flooder) <= LINES_MAX);
    assert!(dropped.iter().any(|(task_run, lost)| *task_run == flooder && *lost >= LINES - LINES_MAX));
    // What happened is never dropped: three events of each task, three of the flow.
    assert_eq!(store.events(id, 0, usize::MAX).unwrap().len(), 303);
}

/// A store as an argument.
#[derive(Clone)]
struct SharedStore(Arc<dyn Store>);

#[tokio::test(flavor = "multi_thread")]
async fn r40_results_of_a_kilobyte_to_sixty_four_megabytes_are_kept_and_read() {
    static MADE: AtomicUsize = AtomicUsize::new(0);

    #[task]
    async fn make(bytes: u64) -> String {
        MADE.fetch_add(1, Ordering::SeqCst);
        "x".repeat(bytes as usize)
    }
    #[task]
    async fn fails_once(lengths: u64) -> Result<u64, String> {
        static TRIED: AtomicBool = AtomicBool::new(false);
        let tried = TRIED.swap(true, Ordering::SeqCst);
        if tried { Ok(lengths) } else { Err("not yet".into()) }
    }
    #[flow]
    async fn sizes(largest: u64) -> Result<u64> {
        let mut lengths = 0;
        let mut bytes = 1 << 10;
        while bytes <= largest {
            lengths += make(bytes).await?.len() as u64;
            bytes *= 8;
        }
        Ok(fails_once(lengths).await?)
    }

    // `FLOWKIT_LARGEST_MB=1024` for a gigabyte.
    let largest = times("FLOWKIT_LARGEST_MB", 64) << 20;
    let folder = Folder::new();
    let id = {
        let runtime = Runtime::builder().store(folder.open()).build();
        let run = sizes(largest).on(&runtime).run().await;
        assert!(run.result().is_err());
        run.id().unwrap()
    };
    let made = MADE.load(Ordering::SeqCst);
    let runtime = Runtime::builder().store(folder.open()).build();
    let lengths = sizes::resume(id).on(&runtime).await.unwrap();
    assert!(lengths >= largest / 4, "{lengths}");
    assert_eq!(MADE.load(Ordering::SeqCst), made, "all of them were read, none was made again");
}

#[tokio::test(flavor = "multi_thread")]
async fn r40_names_of_all_kinds_are_kept_and_every_view_of_them_can_be_read() {
    #[task]
    async fn nothing() {}
    #[flow]
    async fn named(names: Vec<String>) -> Result<()> {
        for name in names {
            nothing().named(name.clone()).tags([name]).await?;
        }
        Ok(())
    }

    let mut names: Vec<String> = [
        "",
        "a\0b",
        "🚀🇩🇪",
        "\u{202e}evil",
        "\u{1b}[31mred",
        "'; DROP TABLE flow_runs; --",
        "a\nb",
        "<script>",
        "\"]\\",
    ]
    .map(str::to_owned)
    .into();
    names.push("x".repeat(1 << 20));
    let folder = Folder::new();
    let runtime = Runtime::builder().store(folder.open()).build();
    let run = named(names.clone()).on(&runtime).run().await;
    run.result().as_ref().unwrap();
    let store = runtime.store().unwrap();
    let rows = store.task_runs(run.id().unwrap(), &TaskRunFilter::default(), TaskRunId::FLOW, 99).unwrap();
    assert_eq!(rows.len(), names.len());
    for (row, name) in rows.iter().zip(&names) {
        // SQLite's own functions would cut a name off at a NUL, so a store may show its picture.
        assert!([name.clone(), name.replace('\0', "\u{2400}")].contains(&row.label()), "{:?}", row.label());
        assert_eq!(&row.tags[0], name);
    }
    let graph = run.graph();
    assert!(!graph.to_svg().contains("<script>"));
    let json: serde_json::Value = serde_json::from_str(&graph.to_json()).unwrap();
    assert_eq!(json["nodes"].as_array().unwrap().len(), names.len());
    for picture in [graph.to_svg(), graph.to_mermaid(), graph.to_dot()] {
        assert!(!picture.contains(['\0', '\u{1b}', '\u{202e}']), "what hides or reorders text is not shown");
    }
}

//! What is persisted of attempts: a row each, however many there are, and texts of bounded length.

use std::io;

use flowkit::Runtime;
use flowkit::model::{TaskRun, TaskRunId};
use flowkit::prelude::*;
use flowkit::store::{LogFilter, MemoryStore, SqliteStore, TaskRunFilter};
use tracing::info;

use crate::kit::{Folder, succeeds};
use crate::logged::listen;

/// How many bytes it costs to try a task so many times.
fn written(times: u64) -> u64 {
    let folder = Folder::new();
    let output = succeeds(&mut folder.kit("tries", &[times]));
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
fn twice_as_many_attempts_cost_twice_as_many_bytes() {
    let (some, many) = (written(300), written(600));
    println!("{some} and {many} bytes");
    assert!(some > 300 * 2000, "each attempt is kept with its error: {some}");
    assert!(many < 3 * some, "{some} and {many} bytes");
}

/// Longer than any text is persisted.
const LONG: usize = 1 << 20;

#[tokio::test]
async fn texts_are_kept_up_to_a_bound_and_say_how_long_they_were() {
    #[task(retries = 1)]
    async fn fails() -> io::Result<()> {
        Err(io::Error::other("e".repeat(LONG)))
    }
    #[task]
    async fn panics() {
        panic!("{}", "p".repeat(LONG))
    }
    #[task]
    async fn logs() {
        info!("{}", "l".repeat(LONG));
    }
    #[task]
    async fn skipped() {}
    #[flow]
    async fn long() -> Result<()> {
        let _ = (fails().await, panics().await, logs().await);
        skipped::skip("s".repeat(LONG));
        Ok(())
    }
    let _logs = listen(flowkit::layer());
    let folder = tempfile::tempdir().unwrap();
    let on_disk = Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap());
    for runtime in [Runtime::builder().store(MemoryStore::new()), on_disk] {
        let runtime = runtime.build();
        let run = long().on(&runtime).run().await;
        let (store, id) = (runtime.store().unwrap(), run.id().unwrap());
        store.flush().unwrap();
        let rows = store.task_runs(id, &TaskRunFilter::default(), TaskRunId::FLOW, 9).unwrap();
        let error = |row: &TaskRun| row.error.as_ref().unwrap().message.clone();
        let attempt = rows[0].earlier_attempts[0].error.as_ref().unwrap().message.clone();
        let mut line = store.logs(id, &LogFilter::default(), 0, 99).unwrap().into_iter();
        let line = line.find(|line| line.message.starts_with("lll")).unwrap().message;
        let reason = rows[3].skip_reason.clone().unwrap();
        for text in [error(&rows[0]), attempt, error(&rows[1]), line, reason] {
            let end = &text[text.len() - 40..];
            assert!(text.len() < 65 << 10, "{} bytes: {end}", text.len());
            assert!(end.contains(" of 1048") && end.ends_with(" bytes"), "{end}");
        }
    }
}

//! R25: today's code reads a database of each format that was ever released, and resumes its runs.
//!
//! The release with this format wrote `golden/v<format>.db`, with the flows below. The files must not change, since the
//! databases of users do not change either. `FLOWKIT_WRITE_GOLDEN=1 cargo test -p
//! flowkit-tests --test recovery r25` writes the file of today's format, which may be done until its first release only.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use flowkit::Runtime;
use flowkit::model::TaskRunId;
use flowkit::prelude::*;
use flowkit::store::{FlowRunFilter, History, LogFilter, SqliteStore, TaskRunFilter};

use crate::kit::Folder;

static RAN: AtomicU32 = AtomicU32::new(0);
/// The day on which the file is written.
static THEN: AtomicBool = AtomicBool::new(false);

#[task(tags = "source")]
async fn extract(part: u32) -> Vec<u32> {
    RAN.fetch_add(1, Ordering::SeqCst);
    vec![part; 3]
}

#[task(retries = 1)]
async fn second_time_lucky(parts: u32) -> Result<u32, String> {
    RAN.fetch_add(1, Ordering::SeqCst);
    if ctx().attempt() == 1 { Err("not yet".into()) } else { Ok(parts) }
}

#[task]
async fn load(sum: u32) -> Result<u32, String> {
    if THEN.load(Ordering::SeqCst) { Err("the disk is full".into()) } else { Ok(sum) }
}

#[flow(version = "1")]
async fn region(number: u32) -> Result<u32> {
    Ok(extract(number).await?.iter().sum())
}

#[flow(tags = "nightly")]
async fn etl(parts: u32) -> Result<u32> {
    let rows = extract::map(0..parts).await?;
    let regions = region::map(vec![1, 2]).await?;
    let lucky = second_time_lucky(parts).await?;
    Ok(load(rows.concat().iter().chain(&regions).sum::<u32>() + lucky).await?)
}

fn golden() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recovery/golden")
}

/// Writes a failed run, and copies it so that nothing is left in it of what was removed.
async fn write(to: &Path) {
    THEN.store(true, Ordering::SeqCst);
    let folder = Folder::new();
    let runtime = Runtime::builder().store(folder.open()).build();
    assert!(etl(3).on(&runtime).await.is_err());
    drop(runtime);
    let _ = fs::remove_file(to);
    fs::create_dir_all(golden()).unwrap();
    let raw = rusqlite::Connection::open(folder.database()).unwrap();
    // The path of the executable is that of the machine which writes this file.
    raw.execute_batch("UPDATE programs SET file = 'recovery'; UPDATE page_digest SET digest = NULL").unwrap();
    raw.execute("VACUUM INTO ?1", [to.to_str().unwrap()]).unwrap();
    THEN.store(false, Ordering::SeqCst);
}

#[tokio::test(flavor = "multi_thread")]
async fn r25_a_database_of_every_released_format_is_read_and_its_runs_go_on() {
    if std::env::var_os("FLOWKIT_WRITE_GOLDEN").is_some() {
        write(&golden().join("v4.db")).await;
    }
    let files: Vec<_> = fs::read_dir(golden()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty());
    for file in files {
        let here = env!("CARGO_MANIFEST_DIR").trim_end_matches("/tests").as_bytes();
        let bytes = fs::read(&file).unwrap();
        assert!(
            !bytes.windows(here.len()).any(|part| part == here),
            "{file:?} names a folder of this machine"
        );
        let folder = Folder::new();
        fs::copy(&file, folder.database()).unwrap();
        reads(&folder.open(), &file);
        RAN.store(0, Ordering::SeqCst);
        let runtime = Runtime::builder().store(folder.open()).build();
        let run =
            runtime.store().unwrap().flow_runs(&FlowRunFilter::default(), None, 1).unwrap().runs.remove(0);
        // Three parts of thrice 0, 1 and 2; two regions of thrice 1 and 2; and 3.
        assert_eq!(etl::resume(run.id).on(&runtime).await.unwrap(), 9 + 9 + 3, "{file:?}");
        assert_eq!(RAN.load(Ordering::SeqCst), 0, "what was finished then is not done again: {file:?}");
    }
}

fn reads(store: &SqliteStore, file: &Path) {
    let run = store.flow_runs(&FlowRunFilter::default(), None, 9).unwrap().runs.remove(0);
    assert_eq!(
        (run.flow.as_str(), run.state, &run.tags),
        ("etl", State::Failed, &vec!["nightly".to_owned()])
    );
    assert_eq!(run.parameters.as_deref(), Some(r#"{"parts":3}"#));
    let rows = store.task_runs(run.id, &TaskRunFilter::default(), TaskRunId::FLOW, 99).unwrap();
    let labels: Vec<_> = rows.iter().map(|row| row.label()).collect();
    let expected =
        ["extract[0]", "extract[1]", "extract[2]", "region[0]", "region[1]", "second_time_lucky", "load"];
    assert_eq!(labels, expected, "{file:?}");
    assert_eq!(rows[5].earlier_attempts[0].error.as_ref().unwrap().message, "not yet");
    assert_eq!(rows[6].error.as_ref().unwrap().message, "the disk is full");
    let events = store.events(run.id, 0, 999).unwrap();
    assert!(events.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence));
    assert_eq!(events.last().unwrap().kind.name(), "failed");
    assert_eq!(store.logs(run.id, &LogFilter::default(), 0, 9).unwrap(), []);
}

//! What you learn: a run that outlives its process. Kill it halfway, start it again, and it continues.
//!
//! cargo run --example resume
//!
//! The history is in a file in the folder for temporary files, or in the file that you name.
//!
//! ```text
//! importing 20 files; kill me whenever you like
//! imported 20 files, 1900 rows
//! ```

use std::path::PathBuf;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::{FlowRunFilter, History, SqliteStore, TaskRunFilter};
use flowkit::{FlowRunId, Runtime};

#[task(run_name = "file {number}", concurrency = "files")]
async fn import(number: u64) -> u64 {
    tokio::time::sleep(Duration::from_millis(200)).await;
    number * 10
}

#[flow]
async fn import_all(files: u64) -> Result<u64> {
    Ok(import::map(0..files).await?.iter().sum())
}

/// Finds an unfinished run, and prints how many of its results are persisted.
fn unfinished(store: &SqliteStore) -> Result<Option<FlowRunId>> {
    let mut filter = FlowRunFilter::default();
    filter.states = vec![State::Crashed, State::Suspended];
    let Some(run) = store.flow_runs(&filter, None, 1)?.runs.pop() else { return Ok(None) };
    let mut done = TaskRunFilter::default();
    done.states = vec![State::Completed];
    let kept = store.task_runs(run.id, &done, flowkit::model::TaskRunId::FLOW, 1000)?.len();
    println!("run {} was interrupted; {kept} files are kept, the rest follows", run.id.short());
    Ok(Some(run.id))
}

#[tokio::main]
async fn main() -> Result<()> {
    let file = std::env::args().nth(1).map(PathBuf::from);
    let file = file.unwrap_or_else(|| std::env::temp_dir().join("flowkit-resume.db"));
    let store = SqliteStore::open(&file)?;
    let unfinished = unfinished(&store)?;
    let runtime = Runtime::builder().store(store).limit("files", 2).build();
    let rows = match unfinished {
        Some(run) => import_all::resume(run).on(&runtime).await?,
        None => {
            println!("importing 20 files; kill me whenever you like");
            import_all(20).on(&runtime).await?
        }
    };
    println!("imported 20 files, {rows} rows");
    Ok(())
}

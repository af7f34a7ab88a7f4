//! One pass of a benchmark through durare, as its documentation recommends: independent steps are built in the
//! workflow and joined, dependent ones awaited in turn. Prints the nanoseconds of the pass and its result.
//!
//! Does not choose the passes or compare them; `src/store` of the benches does.
//!
//! ```text
//! durare-side chain|independent TASKS DATABASE full|normal
//! ```

use std::env;
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use durare::{DurableContext, DurableEngine, Result, SqliteProvider, WorkflowOptions};
use futures::future::try_join_all;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

async fn add(a: u64, b: u64) -> Result<u64> {
    Ok(a.wrapping_add(b))
}

async fn independent(ctx: DurableContext, tasks: u64) -> Result<u64> {
    let steps: Vec<_> = (0..tasks).map(|i| ctx.step("add", move || add(i, 1))).collect();
    Ok(try_join_all(steps).await?.into_iter().fold(0, u64::wrapping_add))
}

async fn chain(ctx: DurableContext, tasks: u64) -> Result<u64> {
    let mut last = 0;
    for _ in 0..tasks {
        last = ctx.step("add", move || add(last, 1)).await?;
    }
    Ok(last)
}

/// As [`SqliteProvider::connect`] sets it up, but for how much a commit waits for the disk.
async fn provider(path: &str, synchronous: SqliteSynchronous) -> Result<SqliteProvider> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .busy_timeout(Duration::from_secs(5));
    Ok(SqliteProvider::from_pool(SqlitePoolOptions::new().max_connections(5).connect_with(options).await?))
}

async fn pass(shape: String, tasks: u64, path: String, synchronous: SqliteSynchronous) -> Result<(Duration, u64)> {
    let mut engine = DurableEngine::new(Arc::new(provider(&path, synchronous).await?)).await?;
    engine.register("independent", independent);
    engine.register("chain", chain);
    engine.launch().await?;
    let started = Instant::now();
    let handle = engine.start::<_, u64>(&shape, tasks, WorkflowOptions::with_id("pass")).await?;
    let result = handle.result().await?;
    let elapsed = started.elapsed();
    engine.shutdown(Duration::from_secs(1)).await?;
    Ok((elapsed, result))
}

fn main() -> std::result::Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [shape, tasks, path, synchronous] = arguments.as_slice() else {
        return Err("usage: durare-side chain|independent TASKS DATABASE full|normal".into());
    };
    let synchronous = match synchronous.as_str() {
        "full" => SqliteSynchronous::Full,
        "normal" => SqliteSynchronous::Normal,
        other => return Err(format!("no `synchronous` is named `{other}`; say `full` or `normal`").into()),
    };
    // Two workers, as every side has.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let work = pass(shape.clone(), tasks.parse()?, path.clone(), synchronous);
    // On a worker: a hand-off to the thread that blocks costs many times one between workers.
    let (elapsed, result) = runtime.block_on(runtime.spawn(work))??;
    println!("{} {result}", elapsed.as_nanos());
    Ok(())
}

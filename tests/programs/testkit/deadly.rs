//! Flows with a task that brings its process down.

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{BoxError, Runtime};

use crate::{appears, database, folder, note, runs};

#[task]
async fn prepare() -> u64 {
    7
}

#[task]
async fn aborts(n: u64) -> std::io::Result<u64> {
    note("aborts")?;
    if n == 7 { std::process::abort() } else { Ok(n) }
}

#[flow]
async fn deadly() -> Result<u64> {
    let n = prepare().await?;
    Ok(aborts(n).await?)
}

#[task(at_most_once)]
async fn aborts_once() -> std::io::Result<()> {
    note("charge")?;
    std::process::abort()
}

/// Neither its retry nor its relaxed durability may make the task run again.
#[flow(retries = 1, durability = "relaxed")]
async fn stubborn() -> Result<()> {
    Ok(aborts_once().await?)
}

/// Begins the stubborn run, or resumes it.
pub(crate) async fn run_stubborn() -> Result<(), BoxError> {
    let store = SqliteStore::open(database())?;
    let earlier = runs(&store)?.pop();
    let runtime = Runtime::builder().store(store).build();
    match earlier {
        Some(run) => stubborn::resume(run.id).on(&runtime).await?,
        None => stubborn().on(&runtime).await?,
    }
    Ok(())
}

#[flow]
async fn harmless() -> Result<u64> {
    appears("go").await;
    Ok(prepare().await?)
}

/// Begins the deadly run and a harmless one, or resumes both. The harmless one ends after the other.
pub(crate) async fn run() -> Result<(), BoxError> {
    let store = SqliteStore::open(database())?;
    let earlier = runs(&store)?;
    let id = |flow: &str| earlier.iter().find(|run| run.flow == flow).map(|run| run.id);
    let (deadly_id, harmless_id) = (id("deadly"), id("harmless"));
    let runtime = Runtime::builder().store(store).build();
    let beside = async {
        match harmless_id {
            Some(id) => harmless::resume(id).on(&runtime).await,
            None => harmless().on(&runtime).await,
        }
    };
    let first = async {
        let ended = match deadly_id {
            Some(id) => deadly::resume(id).on(&runtime).await,
            None => deadly().on(&runtime).await,
        };
        std::fs::write(folder().join("go"), "").and(Ok(ended))
    };
    let (beside, first) = tokio::join!(beside, first);
    println!("harmless {}", beside?);
    first?.map(drop).map_err(Into::into)
}

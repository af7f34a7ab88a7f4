//! Tasks that record something besides their results: an artifact, a metric, a line of a log.

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{BoxError, Runtime, artifact, metric_at};
use tracing_subscriber::layer::SubscriberExt;

use crate::{Said, database, runs};

/// So many words make an artifact too large for the database itself. Every tenth is.
const LARGE: usize = 150_000;

#[task]
async fn make(k: u64) -> u64 {
    tracing::info!(k, "making");
    // Each with different content: equal ones share a file.
    artifact::markdown(
        format!("note {k}"),
        format!("{k} ").repeat(if k.is_multiple_of(10) { LARGE } else { 10 }),
    );
    metric_at("k", k, k as f64);
    k
}

#[flow(max_concurrency = 8)]
async fn notes(count: u64) -> Result<u64> {
    Ok(make::map(0..count).await?.iter().sum())
}

/// `<count>`: makes so many notes, or resumes that.
pub(crate) async fn run(said: &Said) -> Result<(), BoxError> {
    let count = said.number(0)?;
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(flowkit::layer()))?;
    let store = SqliteStore::open(database())?;
    let earlier = runs(&store)?.first().map(|run| run.id);
    let runtime = Runtime::builder().store(store).build();
    let sum = match earlier {
        Some(id) => notes::resume(id).on(&runtime).await?,
        None => notes(count).on(&runtime).await?,
    };
    if sum == count * (count - 1) / 2 { Ok(()) } else { Err(format!("{sum} is not the sum").into()) }
}

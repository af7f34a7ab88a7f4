//! What `cache = "inputs"` costs with a store: ten thousand tasks that are all misses, beside the same tasks uncached, and
//! then as hits.
//!
//! The hits are those of another process: the runtime that made the results is gone, so each is read from the store.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{Durability, Runtime};
use serde::Serialize;
use tempfile::TempDir;

use super::figures::ms;
use crate::measure::{self, median};
use crate::shape::Shape;

/// The work: all submitted, then all awaited.
pub const SHAPE: Shape = Shape::INDEPENDENT_10K;

#[task]
async fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[task(cache = "inputs")]
async fn add_cached(a: u64, b: u64) -> u64 {
    a + b
}

#[flow]
async fn uncached(tasks: u64) -> Result<u64> {
    let handles: Vec<_> = (0..tasks).map(|i| add(i, 1).submit()).collect();
    let mut total = 0;
    for handle in handles {
        total += handle.await?;
    }
    Ok(total)
}

#[flow]
async fn cached(tasks: u64) -> Result<u64> {
    let handles: Vec<_> = (0..tasks).map(|i| add_cached(i, 1).submit()).collect();
    let mut total = 0;
    for handle in handles {
        total += handle.await?;
    }
    Ok(total)
}

/// What was measured under one promise of durability.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Caching {
    /// `full` or `relaxed`.
    pub durability: &'static str,
    /// The median pass of the uncached tasks.
    pub uncached_ms: f64,
    /// The same work cached, with nothing in the cache.
    pub misses_ms: f64,
    /// The same once more in a new runtime, with everything in the store's cache.
    pub hits_ms: f64,
}

impl Caching {
    /// (time of the misses) / (time of the uncached tasks).
    #[must_use]
    pub fn misses_to_uncached(&self) -> f64 {
        self.misses_ms / self.uncached_ms
    }

    /// (time of the hits) / (time of the misses).
    #[must_use]
    pub fn hits_to_misses(&self) -> f64 {
        self.hits_ms / self.misses_ms
    }
}

/// Runs `passes` passes of each, in turn, every one into new databases below `folder`.
///
/// # Errors
/// What a store or the disk says; or if a flow gives a wrong result.
pub fn measure(folder: &Path, passes: usize) -> Result<Vec<Caching>, Box<dyn Error>> {
    let tokio = measure::runtime();
    let sides = [("full", Durability::Full), ("relaxed", Durability::Relaxed)];
    let mut times = [const { [const { Vec::new() }; 3] }; 2];
    for _ in 0..passes {
        for ((_, durability), times) in sides.into_iter().zip(&mut times) {
            let fresh = TempDir::new_in(folder)?;
            let (plain, known) = (fresh.path().join("plain.db"), fresh.path().join("known.db"));
            times[0].push(pass(&tokio, &plain, durability, false)?);
            times[1].push(pass(&tokio, &known, durability, true)?);
            times[2].push(pass(&tokio, &known, durability, true)?);
        }
    }
    let middle = |times: Vec<Duration>| median(times).map_or(0.0, ms);
    let all = sides.into_iter().zip(times).map(|((durability, _), times)| {
        let [uncached_ms, misses_ms, hits_ms] = times.map(middle);
        Caching { durability, uncached_ms, misses_ms, hits_ms }
    });
    Ok(all.collect())
}

/// One pass in a runtime of its own, whose cache is empty.
fn pass(
    tokio: &tokio::runtime::Runtime,
    database: &Path,
    durability: Durability,
    is_cached: bool,
) -> Result<Duration, Box<dyn Error>> {
    let runtime = Runtime::builder().store(SqliteStore::open(database)?).durability(durability).build();
    let tasks = SHAPE.tasks();
    let timed = tokio.spawn(async move {
        let started = Instant::now();
        let result =
            runtime.scope(async { if is_cached { cached(tasks).await } else { uncached(tasks).await } });
        let result = result.await;
        (started.elapsed(), result)
    });
    let (elapsed, result) = tokio.block_on(timed)?;
    let total = result?;
    if total != SHAPE.expected() {
        return Err(format!("the tasks give {total}, not {}", SHAPE.expected()).into());
    }
    Ok(elapsed)
}

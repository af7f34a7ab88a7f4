//! flowkit: each shape is one `#[flow]`.

use std::sync::atomic::{AtomicU64, Ordering};

use flowkit::prelude::*;

use crate::bodies;
use crate::shape::{Shape, neighbours};
use crate::side::Work;

#[task]
async fn add(a: u64, b: u64) -> u64 {
    bodies::add(a, b).await
}

#[task]
async fn add_three(a: u64, b: u64, c: u64) -> u64 {
    bodies::add_three(a, b, c).await
}

#[task]
async fn sum(xs: &[u64]) -> u64 {
    bodies::sum(xs).await
}

#[task(cache = "inputs")]
async fn add_cached(a: u64, b: u64) -> u64 {
    CACHED_BODIES.fetch_add(1, Ordering::Relaxed);
    bodies::add(a, b).await
}

/// How often the body of `add_cached` ran. The cache outlives a pass, so once is enough for all.
static CACHED_BODIES: AtomicU64 = AtomicU64::new(0);

#[flow]
async fn independent(tasks: u64) -> Result<u64> {
    let handles: Vec<_> = (0..tasks).map(|i| add(i, 1).submit()).collect();
    let mut total = 0;
    for handle in handles {
        total = u64::wrapping_add(total, handle.await?);
    }
    Ok(total)
}

#[flow]
async fn chain(tasks: u64) -> Result<u64> {
    let mut last = add(0, 1).submit();
    for _ in 1..tasks {
        last = add::submit(last, 1_u64);
    }
    Ok(last.await?)
}

#[flow]
async fn fan_out(width: u64) -> Result<u64> {
    let source = add(0, 1).submit();
    let middle = add::map(0..width, &source);
    Ok(sum::of(&middle).await?)
}

#[flow]
async fn layered(layers: u64, width: u64) -> Result<u64> {
    let mut row: Vec<_> = (0..width).map(|i| add(i, 1).submit()).collect();
    for _ in 1..layers {
        let next = (0..width).map(|column| {
            let [a, b, c] = neighbours(column, width).map(|from| &row[from]);
            add_three::submit(a, b, c)
        });
        row = next.collect();
    }
    let mut total = 0;
    for handle in row {
        total = u64::wrapping_add(total, handle.await?);
    }
    Ok(total)
}

#[flow]
async fn inline(calls: u64) -> Result<u64> {
    let mut total = 0;
    for _ in 0..calls {
        total = add(total, 1).await?;
    }
    Ok(total)
}

#[flow]
async fn cache_hit(calls: u64) -> Result<u64> {
    let mut total = 0;
    for _ in 0..calls {
        total += add_cached(1, 2).await?;
    }
    Ok(total)
}

/// Runs `shape` as a flow.
#[must_use]
pub fn work(shape: Shape) -> Option<Work> {
    Some(Box::pin(async move {
        let result = match shape {
            Shape::Independent { tasks } => independent(tasks).await,
            Shape::Chain { tasks } => chain(tasks).await,
            Shape::FanOut { width } => fan_out(width).await,
            Shape::Layered { layers, width } => layered(layers, width).await,
            Shape::Inline { calls } => inline(calls).await,
            Shape::CacheHit { calls } => cache_hit(calls).await,
        };
        assert!(CACHED_BODIES.load(Ordering::Relaxed) <= 1, "a cache hit runs no body");
        result.expect("the bodies do not fail")
    }))
}

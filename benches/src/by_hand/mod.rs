//! What one writes on tokio without a workflow library.
//!
//! The shapes are written once, over [`Start`]: bare `tokio::spawn`, or `tokio::spawn` with a recorder around it.
//! A `JoinHandle` has one owner, so a value with several readers is awaited by the caller and handed on:
//! the fan-out goes in three phases and the layers run one after the other. `shared` has no such phases.

pub mod recorder;
pub mod shared;
pub mod spawn;

use std::future::Future;

use tokio::task::JoinHandle;

use crate::bodies::{add, add_three, sum, wrapping_sum};
use crate::shape::{Shape, neighbours};
use crate::side::Work;

use recorder::Recorder;
use spawn::Spawn;

const IN_PHASES: &str =
    "a `JoinHandle` has one owner: awaited phase by phase, where a graph would overlap them";
const SPAWN_EACH_CALL: &str = "bare tokio has no recorded call in place: each call is spawned, then awaited";
const NO_CACHE: &str = "has no cache";

/// Starts a named task on tokio.
pub trait Start: Default + Send + Sync + 'static {
    /// Starts `body` now.
    fn start(&self, task: &'static str, body: impl Future<Output = u64> + Send + 'static) -> JoinHandle<u64>;

    /// Runs `body` and waits for it, in place if that is possible.
    fn call(
        &self,
        task: &'static str,
        body: impl Future<Output = u64> + Send + 'static,
    ) -> impl Future<Output = u64> + Send;

    /// Returns 1 + 2, computed once. `None`: has no cache.
    fn cached(&self) -> impl Future<Output = Option<u64>> + Send;

    /// How many tasks are known to have ended; `None` if this side does not count.
    fn ended(&self) -> Option<u64>;
}

/// Runs `shape` with bare `tokio::spawn`.
#[must_use]
pub fn spawn(shape: Shape) -> Option<Work> {
    (!matches!(shape, Shape::CacheHit { .. })).then(|| work::<Spawn>(shape))
}

/// Runs `shape` with `tokio::spawn` and a recorder.
#[must_use]
pub fn recorder(shape: Shape) -> Option<Work> {
    Some(work::<Recorder>(shape))
}

/// What a reader of the `spawn` rows must know.
#[must_use]
pub fn spawn_note(shape: Shape) -> Option<&'static str> {
    match shape {
        Shape::Inline { .. } => Some(SPAWN_EACH_CALL),
        Shape::CacheHit { .. } => Some(NO_CACHE),
        _ => recorder_note(shape),
    }
}

/// What a reader of the `recorder` rows must know.
#[must_use]
pub fn recorder_note(shape: Shape) -> Option<&'static str> {
    matches!(shape, Shape::FanOut { .. } | Shape::Layered { .. }).then_some(IN_PHASES)
}

fn work<S: Start>(shape: Shape) -> Work {
    Box::pin(async move {
        let on = S::default();
        let result = match shape {
            Shape::Independent { tasks } => independent(&on, tasks).await,
            Shape::Chain { tasks } => chain(&on, tasks).await,
            Shape::FanOut { width } => fan_out(&on, width).await,
            Shape::Layered { layers, width } => layered(&on, layers, width).await,
            Shape::Inline { calls } => inline(&on, calls).await,
            Shape::CacheHit { calls } => cache_hit(&on, calls).await,
        };
        if let Some(ended) = on.ended() {
            assert_eq!(ended, shape.tasks(), "each task of `{shape}` is recorded once, with its end");
        }
        result
    })
}

async fn independent(on: &impl Start, tasks: u64) -> u64 {
    let handles: Vec<_> = (0..tasks).map(|i| on.start("add", add(i, 1))).collect();
    wrapping_sum(all(handles).await)
}

async fn chain(on: &impl Start, tasks: u64) -> u64 {
    let mut last = on.start("add", add(0, 1));
    for _ in 1..tasks {
        last = on.start("add", async move { add(joined(last).await, 1).await });
    }
    joined(last).await
}

async fn fan_out(on: &impl Start, width: u64) -> u64 {
    let source = joined(on.start("add", add(0, 1))).await;
    let middle = all((0..width).map(|i| on.start("add", add(source, i))).collect()).await;
    joined(on.start("sum", async move { sum(&middle).await })).await
}

async fn layered(on: &impl Start, layers: u64, width: u64) -> u64 {
    let mut row = all((0..width).map(|i| on.start("add", add(i, 1))).collect()).await;
    for _ in 1..layers {
        let next = (0..width).map(|column| {
            let [a, b, c] = neighbours(column, width).map(|from| row[from]);
            on.start("add_three", add_three(a, b, c))
        });
        row = all(next.collect()).await;
    }
    wrapping_sum(row)
}

async fn inline(on: &impl Start, calls: u64) -> u64 {
    let mut total = 0;
    for _ in 0..calls {
        total = on.call("add", add(total, 1)).await;
    }
    total
}

async fn cache_hit(on: &impl Start, calls: u64) -> u64 {
    let mut total = 0_u64;
    for _ in 0..calls {
        total += on.cached().await.expect("only a side with a cache is asked for this shape");
    }
    total
}

async fn all(handles: Vec<JoinHandle<u64>>) -> Vec<u64> {
    let mut values = Vec::with_capacity(handles.len());
    for handle in handles {
        values.push(joined(handle).await);
    }
    values
}

async fn joined(handle: JoinHandle<u64>) -> u64 {
    handle.await.expect("the bodies do not panic and nobody aborts them")
}

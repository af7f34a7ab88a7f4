//! A graph by hand: each task is spawned at once and awaits its inputs as `futures` `Shared`.
//!
//! This is the fair equivalent of a graph of handles: any number of readers, no phases, no barrier.

use futures::FutureExt;
use futures::future::{Map, Shared};
use tokio::task::{JoinError, JoinHandle};

use crate::bodies::{add, add_three, sum, wrapping_sum};
use crate::shape::{Shape, neighbours};
use crate::side::Work;

/// A value that any number of tasks may await. A function pointer keeps the type nameable, hence free of boxes.
type Value = Shared<Map<JoinHandle<u64>, fn(Result<u64, JoinError>) -> u64>>;

/// Runs `shape` as a graph of shared values.
#[must_use]
pub fn work(shape: Shape) -> Option<Work> {
    Some(match shape {
        Shape::Independent { tasks } => Box::pin(independent(tasks)),
        Shape::Chain { tasks } => Box::pin(chain(tasks)),
        Shape::FanOut { width } => Box::pin(fan_out(width)),
        Shape::Layered { layers, width } => Box::pin(layered(layers, width)),
        Shape::Inline { .. } | Shape::CacheHit { .. } => return None,
    })
}

/// What a reader of these rows must know.
#[must_use]
pub fn note(shape: Shape) -> Option<&'static str> {
    match shape {
        Shape::Inline { .. } => Some("a value awaited in place is not shared"),
        Shape::CacheHit { .. } => Some("has no cache"),
        _ => None,
    }
}

async fn independent(tasks: u64) -> u64 {
    let values: Vec<Value> = (0..tasks).map(|i| start(add(i, 1))).collect();
    total(values).await
}

async fn chain(tasks: u64) -> u64 {
    let mut last = start(add(0, 1));
    for _ in 1..tasks {
        last = start(async move { add(last.await, 1).await });
    }
    last.await
}

async fn fan_out(width: u64) -> u64 {
    let source = start(add(0, 1));
    let middle: Vec<Value> = (0..width)
        .map(|i| {
            let source = source.clone();
            start(async move { add(source.await, i).await })
        })
        .collect();
    let sink = start(async move {
        let mut values = Vec::with_capacity(middle.len());
        for value in middle {
            values.push(value.await);
        }
        sum(&values).await
    });
    sink.await
}

async fn layered(layers: u64, width: u64) -> u64 {
    let mut row: Vec<Value> = (0..width).map(|i| start(add(i, 1))).collect();
    for _ in 1..layers {
        let next = (0..width).map(|column| {
            let [a, b, c] = neighbours(column, width).map(|from| row[from].clone());
            start(async move { add_three(a.await, b.await, c.await).await })
        });
        row = next.collect();
    }
    total(row).await
}

async fn total(values: Vec<Value>) -> u64 {
    let mut results = Vec::with_capacity(values.len());
    for value in values {
        results.push(value.await);
    }
    wrapping_sum(results)
}

fn start(body: impl Future<Output = u64> + Send + 'static) -> Value {
    let joined: fn(Result<u64, JoinError>) -> u64 =
        |result| result.expect("the bodies do not panic and nobody aborts them");
    tokio::spawn(body).map(joined).shared()
}

//! Times passes, and checks the result of each.

use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};

use crate::shape::Shape;
use crate::side::Side;

/// Both programs, and every side, run on this many tokio workers.
pub const WORKERS: usize = 2;

/// The runtime every side runs on.
///
/// # Panics
/// If the system provides no threads.
#[must_use]
pub fn runtime() -> Runtime {
    Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .enable_all()
        .build()
        .expect("the system gives two threads")
}

/// Runs one pass on a worker and returns its time, from the first line to the last drop.
/// `None` if the side cannot express the shape.
///
/// # Panics
/// If the result is not the expected one: a wrong side must not be compared.
#[must_use]
pub fn pass(runtime: &Runtime, side: Side, shape: Shape) -> Option<Duration> {
    let work = side.work(shape)?;
    // On a worker: a hand-off to the thread that blocks costs many times one between workers.
    let timed = runtime.spawn(async move {
        let started = Instant::now();
        let result = work.await;
        (started.elapsed(), result)
    });
    let (elapsed, result) =
        runtime.block_on(timed).unwrap_or_else(|error| panic!("`{side}`, `{shape}`: {error}"));
    assert_eq!(result, shape.expected(), "`{side}` gives a wrong result for `{shape}`");
    Some(elapsed)
}

/// The median time of each side over `passes` passes, taken in turn (A B C A B C …) after one to warm up,
/// so that a busy moment of the machine falls on all sides. `None` where a side cannot express the shape.
#[must_use]
pub fn interleaved(runtime: &Runtime, sides: &[Side], shape: Shape, passes: usize) -> Vec<Option<Duration>> {
    let mut times: Vec<Vec<Duration>> = vec![Vec::with_capacity(passes); sides.len()];
    for number in 0..=passes {
        for (&side, times) in sides.iter().zip(&mut times) {
            let elapsed = pass(runtime, side, shape);
            times.extend(elapsed.filter(|_| number > 0));
        }
    }
    times.into_iter().map(median).collect()
}

/// The middle one; of an even number, the upper middle.
pub fn median<T: Copy + Ord>(mut values: Vec<T>) -> Option<T> {
    values.sort_unstable();
    values.get(values.len() / 2).copied()
}

/// Nanoseconds per task.
#[must_use]
pub fn per_task_ns(total: Duration, shape: Shape) -> f64 {
    total.as_nanos() as f64 / shape.tasks() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_ignores_one_busy_moment() {
        assert_eq!(median(vec![3, 1, 1000, 2, 2]), Some(2));
        assert_eq!(median(Vec::<u64>::new()), None);
    }
}

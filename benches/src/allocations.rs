//! What the allocator is asked for, counted by the program `count-allocations`.
//!
//! Counting is not done where time is taken: counters that two threads share would slow down every allocation,
//! and so favour the side that allocates least.

use serde::{Deserialize, Serialize};
use stats_alloc::Stats;

use crate::shape::Shape;
use crate::side::Side;

/// The requests of one pass, divided by the tasks of its shape.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Allocations {
    /// The name of the shape.
    pub shape: String,
    /// The name of the side.
    pub side: String,
    /// Requests for new or larger memory: `alloc` and `realloc`.
    pub per_task: f64,
    /// Bytes asked for, whether or not they were given back since.
    pub bytes_per_task: f64,
}

impl Allocations {
    /// Spreads the requests of one pass over its tasks.
    #[must_use]
    pub fn of(side: Side, shape: Shape, pass: Stats) -> Self {
        let tasks = shape.tasks() as f64;
        Self {
            shape: shape.to_string(),
            side: side.to_string(),
            per_task: (pass.allocations + pass.reallocations) as f64 / tasks,
            bytes_per_task: pass.bytes_allocated as f64 / tasks,
        }
    }
}

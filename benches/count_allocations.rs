//! Prints, as JSON, what each side asks of the allocator. `ratios` runs this program and reads its answer.

use std::alloc::System;
use std::env;
use std::error::Error;

use flowkit_benches::allocations::Allocations;
use flowkit_benches::measure::{median, pass, runtime};
use flowkit_benches::shape::Shape;
use flowkit_benches::side::Side;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, Stats, StatsAlloc};
use tokio::runtime::Runtime;

#[global_allocator]
static COUNTED: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Counts differ by a few from pass to pass, with the luck of the scheduler.
const PASSES: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let only = env::args().nth(1).unwrap_or_default();
    let runtime = runtime();
    let mut counts = Vec::new();
    for shape in Shape::TABLE.into_iter().filter(|shape| shape.to_string().contains(&only)) {
        counts.extend(Side::ALL.iter().filter_map(|&side| counted(&runtime, side, shape)));
    }
    println!("{}", serde_json::to_string(&counts)?);
    Ok(())
}

/// The median pass, after one to warm up.
fn counted(runtime: &Runtime, side: Side, shape: Shape) -> Option<Allocations> {
    pass(runtime, side, shape)?;
    let counts = (0..PASSES).map(|_| {
        let region = Region::new(COUNTED);
        let _time = pass(runtime, side, shape);
        let Stats { allocations, reallocations, bytes_allocated, .. } = region.change();
        (allocations, reallocations, bytes_allocated)
    });
    let (allocations, reallocations, bytes_allocated) = median(counts.collect())?;
    Some(Allocations::of(
        side,
        shape,
        Stats { allocations, reallocations, bytes_allocated, ..Stats::default() },
    ))
}

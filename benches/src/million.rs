//! A million tasks in their own process, so that its memory peak is theirs alone.

use std::fs;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::measure::{median, pass, per_task_ns, runtime};
use crate::shape::Shape;
use crate::side::Side;

/// What a million independent tasks cost one side.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Million {
    /// The name of the side.
    pub side: String,
    /// One pass of a million tasks.
    pub total_ms: f64,
    /// The same, per task.
    pub task_ns: f64,
    /// (time per task of a million) / (time per task of ten thousand), both in this process.
    pub ratio_to_10k: f64,
    /// The most memory the process ever held. `None` if the system does not report it.
    pub peak_bytes: Option<u64>,
}

/// Every side; those of a default run first.
pub const SIDES: &[Side] =
    &[Side::Flowkit, Side::Spawn, Side::Recorder, Side::Shared, Side::AsyncDag, Side::Dagx, Side::Dagrs];

/// The sides of a run that was not asked for more: together less than twenty seconds.
pub const DEFAULT_SIDES: &[Side] = SIDES.split_at(SIDES.len() - 3).0;

/// Passes of ten thousand before the million; they also warm the runtime up.
const SMALL_PASSES: usize = 15;
/// A pass of a million is long enough to be steady.
const LARGE_PASSES: usize = 3;

/// Measures `side` in this process, which should be a fresh one. `None` where it cannot do independent tasks.
#[must_use]
pub fn measure(side: Side) -> Option<Million> {
    let runtime = runtime();
    let time = |shape: Shape, passes: usize| -> Option<Duration> {
        median((0..passes).filter_map(|_| pass(&runtime, side, shape)).collect())
    };
    let small = time(Shape::INDEPENDENT_10K, SMALL_PASSES)?;
    let large = time(Shape::INDEPENDENT_1M, LARGE_PASSES)?;
    let task_ns = per_task_ns(large, Shape::INDEPENDENT_1M);
    Some(Million {
        side: side.to_string(),
        total_ms: large.as_secs_f64() * 1_000.0,
        task_ns,
        ratio_to_10k: task_ns / per_task_ns(small, Shape::INDEPENDENT_10K),
        peak_bytes: peak_resident_bytes(),
    })
}

/// `VmHWM` of Linux: the high-water mark of the resident memory.
/// `None` if the system does not report it.
#[must_use]
pub fn peak_resident_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    high_water_mark(&status)
}

fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read_in_bytes() {
        assert_eq!(
            high_water_mark("VmPeak:\t 9 kB\nVmHWM:\t    2048 kB\nVmRSS:\t 7 kB\n"),
            Some(2 * 1024 * 1024)
        );
        assert_eq!(high_water_mark("VmPeak:\t 9 kB\n"), None);
    }
}

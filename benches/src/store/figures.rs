//! Everything one run of the store's benchmark measured: the rows of its tables.

use std::error::Error;
use std::time::Duration;

use serde::Serialize;

use super::caching::Caching;
use super::history::History;
use super::side::{Ground, Keeper, Pass};
use crate::measure::median;
use crate::shape::Shape;

/// The fan-out: ten thousand tasks that know nothing of each other.
pub const FAN_OUT: Shape = Shape::INDEPENDENT_10K;
/// The chain: each task waits until the one before is persisted.
pub const CHAIN: Shape = Shape::Chain { tasks: 1_000 };

/// The peer takes seconds for a pass: so many of them at most.
const PEER_PASSES: usize = 3;

/// What one side made of one shape.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The work.
    pub shape: Shape,
    /// Who did it.
    pub keeper: Keeper,
    /// The median pass.
    pub total_ms: f64,
    /// The same, per task.
    pub task_us: f64,
    /// (time of this side) / (time of flowkit with full durability).
    pub ratio_to_full: f64,
    /// From the beginning to the end of the last task, if flowkit persisted the run.
    pub until_last_task_ms: Option<f64>,
    /// Task runs in one transaction, if flowkit persisted the run.
    pub group: Option<f64>,
    /// Bytes in the file per task run, if flowkit persisted the run.
    pub bytes_per_task: Option<f64>,
}

/// One run.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    /// What this disk takes for one fsync.
    pub fsync_us: f64,
    /// The rows of each shape are adjacent.
    pub rows: Vec<Row>,
    /// Cached tasks beside uncached ones, for each promise of durability.
    pub caching: Vec<Caching>,
    /// A million task runs, if they were made.
    pub history: Option<History>,
}

impl Figures {
    /// Runs `passes` passes of every side over `shape`, in turn (A B C A B C …), so that a busy moment of the machine
    /// falls on all of them.
    ///
    /// # Errors
    /// What a pass says.
    pub fn measure(&mut self, ground: &Ground, shape: Shape, passes: usize) -> Result<(), Box<dyn Error>> {
        // It warms up as well.
        let floor = ground.floor(shape)?;
        let mut measured: Vec<(Keeper, Vec<Pass>)> =
            Keeper::ALL.into_iter().map(|keeper| (keeper, Vec::new())).collect();
        for number in 0..passes {
            for (keeper, passes) in &mut measured {
                if number < PEER_PASSES || !keeper.is_peer() {
                    passes.extend(ground.pass(*keeper, shape, &floor)?);
                }
            }
        }
        self.add(shape, &measured);
        Ok(())
    }

    fn add(&mut self, shape: Shape, measured: &[(Keeper, Vec<Pass>)]) {
        let tasks = shape.tasks() as f64;
        let mut rows: Vec<Row> = Vec::new();
        for (keeper, passes) in measured {
            let Some(total) = median(passes.iter().map(|pass| pass.elapsed).collect()) else { continue };
            let kept = || passes.iter().filter_map(|pass| pass.kept).filter(|kept| kept.transactions > 0);
            let until = median(kept().filter_map(|kept| kept.until_last_task).collect());
            let transactions = median(kept().map(|kept| kept.transactions).collect());
            let bytes = median(kept().map(|kept| kept.bytes).collect());
            rows.push(Row {
                shape,
                keeper: *keeper,
                total_ms: ms(total),
                task_us: 1000.0 * ms(total) / tasks,
                ratio_to_full: rows.first().map_or(1.0, |full| ms(total) / full.total_ms),
                until_last_task_ms: until.map(ms),
                group: transactions.map(|count| tasks / count as f64),
                bytes_per_task: bytes.map(|bytes| bytes as f64 / tasks),
            });
        }
        self.rows.extend(rows);
    }

    /// What this side made of `shape`, if it was measured.
    #[must_use]
    pub fn row(&self, shape: Shape, keeper: Keeper) -> Option<&Row> {
        self.rows.iter().find(|row| row.shape == shape && row.keeper == keeper)
    }
}

pub(super) fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_relative_to_full_durability_in_the_same_shape() {
        let passes = |ms: &[u64]| {
            ms.iter().map(|ms| Pass { elapsed: Duration::from_millis(*ms), kept: None }).collect::<Vec<_>>()
        };
        let mut figures = Figures::default();
        let measured = [(Keeper::Full, passes(&[20, 10, 900])), (Keeper::Groups, passes(&[5, 5, 5]))];
        figures.add(CHAIN, &measured);
        assert_eq!(figures.row(CHAIN, Keeper::Full).unwrap().total_ms, 20.0);
        assert_eq!(figures.row(CHAIN, Keeper::Groups).unwrap().ratio_to_full, 0.25);
        assert!(figures.row(FAN_OUT, Keeper::Full).is_none());
    }
}

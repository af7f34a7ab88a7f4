//! Everything one run of the benchmark of the start measured: the rows of its table.

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use tempfile::TempDir;

use super::cost::Cost;
use super::program::{Found, Programs, Side, clear, database};
use crate::measure::median;
use crate::store::disk;

/// What one program took.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// What it found.
    pub found: Found,
    /// Which program.
    pub side: Side,
    /// The median process.
    pub total_ms: f64,
    /// (time of this program) / (time of the plain one).
    pub ratio_to_plain: f64,
    /// The processor and the memory.
    #[serde(flatten)]
    pub cost: Cost,
}

/// What one run measures.
#[derive(Debug)]
pub struct Plan {
    /// Processes of each program in each folder, for the median.
    pub passes: usize,
    /// Fsyncs for the median.
    pub fsyncs: usize,
    /// Runs in the long history.
    pub runs: u64,
}

/// One run.
#[derive(Debug, Default, Serialize)]
pub struct Figures {
    /// What this disk takes for one fsync.
    pub fsync_us: f64,
    /// Runs in the long history.
    pub runs: u64,
    /// The rows of each folder are adjacent.
    pub rows: Vec<Row>,
}

impl Plan {
    /// Measures everything below `folder`, and reports progress on stderr. `cost` returns what a program costs on a
    /// database.
    ///
    /// # Errors
    /// If a program, a store or the disk fails.
    pub fn measure(
        &self,
        folder: &Path,
        programs: &Programs,
        cost: impl Fn(Side, &Path) -> Result<Cost, Box<dyn Error>>,
    ) -> Result<Figures, Box<dyn Error>> {
        let folder = TempDir::new_in(folder)?;
        let fsync = disk::fsync(folder.path(), self.fsyncs)?;
        let mut figures = Figures { fsync_us: fsync.as_secs_f64() * 1e6, runs: self.runs, rows: Vec::new() };
        for found in Found::ALL {
            eprintln!("starting programs: {found}");
            let mut databases = Vec::new();
            for side in Side::ALL {
                databases.push((side, database(folder.path(), side, found, self.runs)?));
            }
            let mut times = [Vec::new(), Vec::new()];
            // In turn (A B A B …), so that a busy moment of the machine falls on both; one pass warms up.
            for number in 0..=self.passes {
                for ((side, database), times) in databases.iter().zip(&mut times) {
                    clear(database, found)?;
                    let elapsed = programs.pass(*side, database)?;
                    times.extend(Some(elapsed).filter(|_| number > 0));
                }
            }
            let mut costs = Vec::new();
            for (side, database) in &databases {
                costs.push(cost(*side, database)?);
            }
            figures.add(found, times, &costs);
        }
        Ok(figures)
    }
}

impl Figures {
    fn add(&mut self, found: Found, times: [Vec<Duration>; 2], costs: &[Cost]) {
        let [flowkit, plain] = times.map(|times| median(times).unwrap_or_default().as_secs_f64() * 1_000.0);
        for ((side, total_ms), cost) in Side::ALL.into_iter().zip([flowkit, plain]).zip(costs) {
            let ratio_to_plain = total_ms / plain;
            self.rows.push(Row { found, side, total_ms, ratio_to_plain, cost: *cost });
        }
    }

    /// What `side` took where it found this, if it was measured.
    #[must_use]
    pub fn row(&self, found: Found, side: Side) -> Option<&Row> {
        self.rows.iter().find(|row| row.found == found && row.side == side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_relative_to_the_plain_program_that_found_the_same() {
        let times = |ms: &[u64]| ms.iter().map(|ms| Duration::from_millis(*ms)).collect::<Vec<_>>();
        let cost = Cost { processor_ms: 4.0, peak_bytes: Some(5) };
        let mut figures = Figures::default();
        figures.add(Found::Database, [times(&[30, 20, 900]), times(&[10, 10, 10])], &[cost; 2]);
        let row = figures.row(Found::Database, Side::Flowkit).unwrap();
        assert_eq!((row.total_ms, row.ratio_to_plain, row.cost), (30.0, 3.0, cost));
        assert!(figures.row(Found::Nothing, Side::Plain).is_none());
    }
}

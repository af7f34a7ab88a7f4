//! What one run measures, and how often.
//!
//! Here and not in the program, so that a test runs it too.

use std::error::Error;
use std::path::PathBuf;

use super::durare::Durare;
use super::figures::{CHAIN, FAN_OUT, Figures};
use super::side::Ground;
use super::{caching, disk, history};

/// What one run measures.
#[derive(Debug)]
pub struct Plan {
    /// Where the databases are made.
    pub folder: PathBuf,
    /// Only shapes whose name contains this text, `caching` or `history`.
    pub only: String,
    /// Passes of each side.
    pub passes: usize,
    /// Fsyncs for the median.
    pub fsyncs: usize,
    /// Runs in the long history; `None` leaves it out.
    pub runs: Option<u64>,
    /// The peer, if it is built.
    pub durare: Option<Durare>,
}

impl Plan {
    /// Everything, but the peer. An odd number of passes, so that the median is a measured one; and enough of them, for a
    /// disk is not steady.
    #[must_use]
    pub fn full(folder: PathBuf) -> Self {
        let runs = Some(history::RUNS);
        Self { folder, only: String::new(), passes: 11, fsyncs: 500, runs, durare: None }
    }

    /// A pass of each side and no history: it is enough that everything runs.
    #[must_use]
    pub fn quick(folder: PathBuf) -> Self {
        Self { passes: 1, fsyncs: 20, runs: None, ..Self::full(folder) }
    }

    /// Measures everything, and reports progress on stderr.
    ///
    /// # Errors
    /// If a store or the disk fails, or a side returns a wrong result.
    pub fn measure(self) -> Result<Figures, Box<dyn Error>> {
        let ground = Ground::new(&self.folder, self.durare)?;
        let fsync = disk::fsync(ground.folder(), self.fsyncs)?;
        let mut figures = Figures { fsync_us: fsync.as_secs_f64() * 1e6, ..Figures::default() };
        for shape in [FAN_OUT, CHAIN].into_iter().filter(|shape| shape.to_string().contains(&self.only)) {
            eprintln!("timing {shape}");
            figures.measure(&ground, shape, self.passes)?;
        }
        if "caching".contains(&self.only) {
            eprintln!("timing cached tasks");
            figures.caching = caching::measure(ground.folder(), self.passes)?;
        }
        if let Some(runs) = self.runs.filter(|_| "history".contains(&self.only)) {
            eprintln!("writing {runs} runs");
            figures.history = Some(history::measure(ground.folder(), runs)?);
        }
        Ok(figures)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report;
    use crate::store::promises::verdicts;
    use crate::store::side::Keeper;

    #[test]
    fn the_quick_run_measures_every_side_and_prints_it() {
        let folder = tempfile::tempdir().unwrap();
        let figures = Plan { runs: Some(40), ..Plan::quick(folder.path().into()) }.measure().unwrap();
        let printed = report::store::render(&figures, &verdicts(&figures));
        for keeper in Keeper::ALL.into_iter().filter(|keeper| !keeper.is_peer()) {
            assert!(printed.contains(keeper.name()), "{keeper} is not in\n{printed}");
            assert!(figures.row(CHAIN, keeper).is_some(), "{keeper} has not done {CHAIN}");
        }
        let unmeasured = |verdict: &&crate::bounds::Verdict| verdict.measured.is_none();
        let verdicts = verdicts(&figures);
        let left: Vec<_> = verdicts.iter().filter(unmeasured).map(|verdict| &verdict.promise).collect();
        assert!(left.iter().all(|promise| promise.contains("durare")), "{left:?}");
        for caching in &figures.caching {
            assert!(printed.contains(&format!("cached, misses, {}", caching.durability)), "{printed}");
        }
        assert!(report::json::render(&figures, &verdicts).unwrap().contains("task_us"));
    }
}

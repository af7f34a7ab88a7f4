//! What flowkit promises about the start of a program, and whether one run met it.
//!
//! Pure: reads figures, measures nothing.

use super::figures::{Figures, Row};
use super::program::{Found, Side};
use crate::bounds::Verdict;

/// The time against the plain program.
const TIME_MAX: f64 = 3.0;
/// Resident memory, in 10^6 bytes.
const MEMORY_MAX: f64 = 30.0;

/// Compares one run with every promise.
#[must_use]
pub fn verdicts(figures: &Figures) -> Vec<Verdict> {
    let row = |found| figures.row(found, Side::Flowkit);
    let time = |found| {
        let measured = row(found).map(|row| row.ratio_to_plain);
        verdict(format!("{found}: time against {}", Side::Plain), TIME_MAX, "×", measured)
    };
    let megabytes = |row: &Row| row.cost.peak_bytes.map(|bytes| bytes as f64 / 1e6);
    let largest = Found::ALL.into_iter().filter_map(|found| megabytes(row(found)?)).max_by(f64::total_cmp);
    let memory = verdict("everywhere: peak resident memory".to_owned(), MEMORY_MAX, "MB", largest);
    Found::ALL.into_iter().map(time).chain([memory]).collect()
}

fn verdict(promise: String, limit: f64, unit: &'static str, measured: Option<f64>) -> Verdict {
    let reached = measured.map(|measured| measured <= limit);
    Verdict { promise, limit, unit, measured, decided_by: None, reached }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::startup::cost::Cost;

    #[test]
    fn what_was_not_measured_is_neither_kept_nor_broken() {
        let verdicts = verdicts(&Figures::default());
        assert_eq!(verdicts.len(), 4);
        assert!(verdicts.iter().all(|verdict| verdict.measured.is_none() && verdict.reached.is_none()));
    }

    #[test]
    fn the_largest_memory_decides() {
        let row = |found, megabytes: u64| Row {
            found,
            side: Side::Flowkit,
            total_ms: 10.0,
            ratio_to_plain: 2.0,
            cost: Cost { processor_ms: 5.0, peak_bytes: Some(megabytes * 1_000_000) },
        };
        let rows = vec![row(Found::Nothing, 12), row(Found::History, 31)];
        let verdicts = verdicts(&Figures { rows, ..Figures::default() });
        let memory = verdicts.last().unwrap();
        assert_eq!((memory.measured, memory.reached), (Some(31.0), Some(false)));
        assert_eq!(verdicts[0].reached, Some(true));
    }
}

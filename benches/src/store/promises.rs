//! What flowkit promises about the cost of persisting runs, and whether one run met it.
//!
//! Pure: reads figures, measures nothing.

use super::caching::{self, Caching};
use super::figures::{CHAIN, FAN_OUT, Figures};
use super::history::Look;
use super::side::Keeper;
use crate::bounds::Verdict;
use crate::shape::Shape;

/// Compares one run with every promise.
#[must_use]
pub fn verdicts(figures: &Figures) -> Vec<Verdict> {
    let total = |shape: Shape, keeper: Keeper| figures.row(shape, keeper).map(|row| row.total_ms);
    let against = |shape: Shape, keeper: Keeper| Some(total(shape, Keeper::Full)? / total(shape, keeper)?);
    let in_memory = |time: Option<f64>| Some(time? / total(FAN_OUT, Keeper::Memory)?);
    let relaxed = figures.row(FAN_OUT, Keeper::Relaxed);
    let history = figures.history.as_ref();
    let slowest = history.and_then(|history| history.looks.iter().map(Look::slower).max_by(f64::total_cmp));
    let mut verdicts = vec![
        verdict(
            format!("{FAN_OUT}: 20,000 tasks in a second"),
            50.0,
            "µs/task",
            figures.row(FAN_OUT, Keeper::Full).map(|row| row.task_us),
        ),
        of_floor(
            format!("{FAN_OUT}: time against {}", Keeper::Groups),
            3.0,
            against(FAN_OUT, Keeper::Groups),
        ),
        of_floor(
            format!("{CHAIN}: time against {}", Keeper::OneByOne),
            1.5,
            against(CHAIN, Keeper::OneByOne),
        ),
        of_floor(
            format!("{CHAIN}: time against {}", Keeper::OneByOneGrown),
            1.5,
            against(CHAIN, Keeper::OneByOneGrown),
        ),
        verdict(
            format!("{FAN_OUT}: relaxed against memory, until the last task ended"),
            2.0,
            "×",
            in_memory(relaxed.and_then(|row| row.until_last_task_ms)),
        ),
        verdict(
            format!("{FAN_OUT}: relaxed against memory, until the run is kept"),
            2.0,
            "×",
            in_memory(relaxed.map(|row| row.total_ms)),
        ),
        verdict(
            format!("{FAN_OUT}: time against {}", Keeper::DurareFull),
            1.0,
            "×",
            against(FAN_OUT, Keeper::DurareFull),
        ),
        verdict(
            format!("{CHAIN}: time against {}", Keeper::DurareFull),
            1.0,
            "×",
            against(CHAIN, Keeper::DurareFull),
        ),
        verdict("history: opening the file".to_owned(), 100.0, "ms", history.map(|history| history.open_ms)),
        verdict("history: the slowest page of runs".to_owned(), 50.0, "ms", slowest),
    ];
    verdicts.extend(of_caching(&figures.caching));
    verdicts
}

fn of_caching(figures: &[Caching]) -> impl Iterator<Item = Verdict> {
    ["full", "relaxed"].into_iter().flat_map(move |durability| {
        let figures = figures.iter().find(|caching| caching.durability == durability);
        let shape = caching::SHAPE;
        let misses = figures.map(Caching::misses_to_uncached);
        let hits = figures.map(Caching::hits_to_misses);
        [
            verdict(format!("{shape}, cached, {durability}: misses against uncached"), 2.0, "×", misses),
            verdict(format!("{shape}, cached, {durability}: hits against misses"), 1.0, "×", hits),
        ]
    })
}

fn verdict(promise: String, limit: f64, unit: &'static str, measured: Option<f64>) -> Verdict {
    let reached = measured.map(|measured| measured <= limit);
    Verdict { promise, limit, unit, measured, decided_by: None, reached }
}

/// No side is faster than a floor that does only part of the same work. If the figures say so, the disk did not treat both
/// alike: other programs used it, or it is slow when a log grows. Then they say nothing about the promise.
fn of_floor(promise: String, limit: f64, measured: Option<f64>) -> Verdict {
    let verdict = verdict(promise, limit, "×", measured);
    Verdict { reached: verdict.reached.filter(|_| measured.is_some_and(|ratio| ratio >= 1.0)), ..verdict }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_floor_that_was_slower_than_what_stands_on_it_proves_nothing() {
        let reached = |measured| of_floor(String::new(), 1.5, Some(measured)).reached;
        assert_eq!([reached(0.5), reached(1.2), reached(1.6)], [None, Some(true), Some(false)]);
    }

    #[test]
    fn what_was_not_measured_is_neither_kept_nor_broken() {
        let verdicts = verdicts(&Figures::default());
        assert!(!verdicts.is_empty());
        assert!(verdicts.iter().all(|verdict| verdict.measured.is_none() && verdict.reached.is_none()));
    }

    #[test]
    fn a_promise_is_broken_just_beyond_its_bound() {
        let reached = |measured| verdict(String::new(), 3.0, "×", Some(measured)).reached;
        assert_eq!((reached(3.0), reached(3.01)), (Some(true), Some(false)));
    }
}

//! Everything one run measured: the rows of the table.

use std::time::Duration;

use serde::Serialize;

use crate::allocations::Allocations;
use crate::measure::per_task_ns;
use crate::million::Million;
use crate::shape::Shape;
use crate::side::Side;

/// What one side made of one shape. A value is `None` where the side cannot express the shape,
/// or where it was not measured.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The work.
    pub shape: Shape,
    /// Who did it.
    pub side: Side,
    /// The median pass.
    pub total_ms: Option<f64>,
    /// The same, per task.
    pub task_ns: Option<f64>,
    /// (time of this side) / (time of the baseline).
    pub ratio_to_baseline: Option<f64>,
    /// Requests for new or larger memory.
    pub allocations_per_task: Option<f64>,
    /// Bytes asked for, whether or not they were given back since.
    pub bytes_per_task: Option<f64>,
    /// (time per task of a million) / (time per task of ten thousand).
    pub ratio_to_10k: Option<f64>,
    /// The most memory the process ever held.
    pub peak_bytes: Option<u64>,
    /// Why the row is empty, or what this side does differently.
    pub note: Option<&'static str>,
}

/// The rows of one run, grouped by shape.
#[derive(Debug, Serialize)]
pub struct Results {
    /// The side every ratio is relative to.
    pub baseline: Side,
    /// The rows of each shape are adjacent.
    pub rows: Vec<Row>,
}

impl Default for Results {
    fn default() -> Self {
        Self { baseline: Side::BASELINE, rows: Vec::new() }
    }
}

impl Results {
    /// Adds the median times of all sides for one shape, in the order of [`Side::ALL`].
    pub fn add_times(&mut self, shape: Shape, times: &[Option<Duration>], allocations: &[Allocations]) {
        let rows = Side::ALL.iter().zip(times).map(|(&side, &time)| {
            let counted =
                allocations.iter().find(|it| it.side == side.name() && it.shape == shape.to_string());
            Row {
                total_ms: time.map(|time| time.as_secs_f64() * 1_000.0),
                task_ns: time.map(|time| per_task_ns(time, shape)),
                allocations_per_task: counted.map(|it| it.per_task),
                bytes_per_task: counted.map(|it| it.bytes_per_task),
                ..Row::empty(shape, side)
            }
        });
        self.add(rows.collect());
    }

    /// Adds what a million tasks cost.
    pub fn add_millions(&mut self, millions: &[Million]) {
        let rows = millions.iter().filter_map(|million| {
            let side = Side::named(&million.side)?;
            Some(Row {
                total_ms: Some(million.total_ms),
                task_ns: Some(million.task_ns),
                ratio_to_10k: Some(million.ratio_to_10k),
                peak_bytes: million.peak_bytes,
                ..Row::empty(Shape::INDEPENDENT_1M, side)
            })
        });
        self.add(rows.collect());
    }

    /// The row of this side and shape.
    #[must_use]
    pub fn row(&self, shape: Shape, side: Side) -> Option<&Row> {
        self.rows.iter().find(|row| row.shape == shape && row.side == side)
    }

    /// (time of the baseline) / (time of `side`): what a bound limits.
    #[must_use]
    pub fn cost_against(&self, shape: Shape, side: Side) -> Option<f64> {
        Some(1.0 / self.row(shape, side)?.ratio_to_baseline?)
    }

    fn add(&mut self, mut rows: Vec<Row>) {
        let baseline_ns = rows.iter().find(|row| row.side == self.baseline).and_then(|row| row.task_ns);
        for row in &mut rows {
            row.ratio_to_baseline = row.task_ns.zip(baseline_ns).map(|(own, baseline)| own / baseline);
        }
        self.rows.extend(rows);
    }
}

impl Row {
    fn empty(shape: Shape, side: Side) -> Self {
        Self {
            shape,
            side,
            total_ms: None,
            task_ns: None,
            ratio_to_baseline: None,
            allocations_per_task: None,
            bytes_per_task: None,
            ratio_to_10k: None,
            peak_bytes: None,
            note: side.note(shape),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_relative_to_the_baseline_of_the_same_shape() {
        let time = |side: Side| match side {
            Side::Dagrs => None,
            _ if side == Side::BASELINE => Some(Duration::from_millis(10)),
            _ => Some(Duration::from_millis(40)),
        };
        let times: Vec<_> = Side::ALL.iter().map(|&side| time(side)).collect();
        let mut results = Results::default();
        results.add_times(Shape::CHAIN_10K, &times, &[]);

        let dagx = results.row(Shape::CHAIN_10K, Side::Dagx).expect("every side has a row");
        assert_eq!(dagx.ratio_to_baseline, Some(4.0));
        assert_eq!(results.cost_against(Shape::CHAIN_10K, Side::Dagx), Some(0.25));
        assert_eq!(results.cost_against(Shape::CHAIN_10K, Side::Dagrs), None);
    }
}

//! What flowkit promises about its cost, and whether one run met it.
//!
//! Pure: reads results, measures nothing.

use serde::Serialize;

use crate::results::{Results, Row};
use crate::shape::Shape;
use crate::side::Side;

/// One promise.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// What is limited.
    pub subject: Subject,
    /// The largest value that keeps the promise, in the unit of the subject.
    pub limit: f64,
}

/// What is limited.
#[derive(Clone, Copy, Debug)]
pub enum Subject {
    /// (time of flowkit) / (time of that side).
    Time(Shape, Side),
    /// The same, for whichever shape it is largest. Shapes that side cannot express do not count.
    EveryTime(Side),
    /// Requests to the allocator per task.
    Allocations(Shape),
    /// (time per task of a million) / (time per task of ten thousand).
    MillionCost,
    /// Peak resident memory of a million tasks, in 10^6 bytes.
    MillionPeak,
}

/// The promises.
#[rustfmt::skip]
pub const PROMISED: &[Bound] = &[
    Bound { limit: 3.0,   subject: Subject::Time(Shape::INDEPENDENT_10K, Side::Spawn) },
    Bound { limit: 1.5,   subject: Subject::Time(Shape::CHAIN_10K, Side::Shared) },
    Bound { limit: 1.5,   subject: Subject::Time(Shape::LAYERED, Side::Shared) },
    Bound { limit: 1.0,   subject: Subject::EveryTime(Side::Dagx) },
    Bound { limit: 1.0,   subject: Subject::EveryTime(Side::Dagrs) },
    Bound { limit: 1.5,   subject: Subject::MillionCost },
    Bound { limit: 600.0, subject: Subject::MillionPeak },
    Bound { limit: 2.0,   subject: Subject::Allocations(Shape::INLINE_10K) },
    Bound { limit: 2.0,   subject: Subject::Allocations(Shape::INDEPENDENT_10K) },
    Bound { limit: 4.0,   subject: Subject::Allocations(Shape::CHAIN_10K) },
    Bound { limit: 4.0,   subject: Subject::Allocations(Shape::FAN_OUT) },
    Bound { limit: 4.0,   subject: Subject::Allocations(Shape::LAYERED) },
];

/// Allocations of the run itself (its record, the list of handles) are spread over its tasks, the fewest
/// being the thousand of the fan-out. This much per task is theirs.
const RUN_ALLOCATIONS_PER_TASK: f64 = 0.05;

/// What became of one promise.
#[derive(Clone, Debug, Serialize)]
pub struct Verdict {
    /// What is limited, in words.
    pub promise: String,
    /// The largest value that keeps the promise.
    pub limit: f64,
    /// The unit of `limit` and `measured`; empty for a count.
    pub unit: &'static str,
    /// `None`: not measured in this run.
    pub measured: Option<f64>,
    /// The shape that decided, where several were measured.
    pub decided_by: Option<Shape>,
    /// Whether the promise was met. `None`: not measured, or the figures contradict themselves.
    pub reached: Option<bool>,
}

/// Compares one run with every promise.
#[must_use]
pub fn verdicts(results: &Results) -> Vec<Verdict> {
    PROMISED.iter().map(|bound| bound.verdict(results)).collect()
}

impl Bound {
    fn verdict(&self, results: &Results) -> Verdict {
        let (decided_by, measured) = self.subject.measured(results).unzip();
        let tolerance = match self.subject {
            Subject::Allocations(_) => RUN_ALLOCATIONS_PER_TASK,
            _ => 0.0,
        };
        Verdict {
            promise: self.subject.promise(),
            limit: self.limit,
            unit: self.subject.unit(),
            measured,
            decided_by: decided_by.filter(|_| matches!(self.subject, Subject::EveryTime(_))),
            reached: measured.map(|measured| measured <= self.limit + tolerance),
        }
    }
}

impl Subject {
    fn promise(self) -> String {
        match self {
            Self::Time(shape, side) => format!("{shape}: time against {side}"),
            Self::EveryTime(side) => format!("every shape: time against {side}"),
            Self::Allocations(shape) => format!("{shape}: allocations per task"),
            Self::MillionCost => format!("{}: time per task against 10k", Shape::INDEPENDENT_1M),
            Self::MillionPeak => format!("{}: peak resident memory", Shape::INDEPENDENT_1M),
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Time(..) | Self::EveryTime(_) | Self::MillionCost => "×",
            Self::Allocations(_) => "",
            Self::MillionPeak => "MB",
        }
    }

    /// The value, and the shape it was measured on. `None` in a build without flowkit.
    fn measured(self, results: &Results) -> Option<(Shape, f64)> {
        let flowkit = Side::named("flowkit")?;
        let row = |shape| results.row(shape, flowkit);
        let of_million = |value: fn(&Row) -> Option<f64>| value(row(Shape::INDEPENDENT_1M)?);
        match self {
            Self::Time(shape, side) => results.cost_against(shape, side).map(|cost| (shape, cost)),
            Self::EveryTime(side) => {
                let costs = results.rows.iter().filter(|row| row.side == side);
                costs
                    .filter_map(|row| Some((row.shape, results.cost_against(row.shape, side)?)))
                    .max_by(|(_, a), (_, b)| a.total_cmp(b))
            }
            Self::Allocations(shape) => row(shape)?.allocations_per_task.map(|count| (shape, count)),
            Self::MillionCost => {
                of_million(|row| row.ratio_to_10k).map(|ratio| (Shape::INDEPENDENT_1M, ratio))
            }
            Self::MillionPeak => of_million(|row| row.peak_bytes.map(|bytes| bytes as f64 / 1e6))
                .map(|megabytes| (Shape::INDEPENDENT_1M, megabytes)),
        }
    }
}

//! The shapes of work, and the result each must give.
//!
//! Pure: a shape says what is computed, never how.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::bodies::wrapping_sum;

/// A graph of small tasks, or a loop of small calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Submit `tasks` independent tasks, then await them all: task `i` returns `i + 1`.
    Independent {
        /// How many tasks.
        tasks: u64,
    },
    /// Each of `tasks` tasks adds one to the result of the task before.
    Chain {
        /// How many tasks.
        tasks: u64,
    },
    /// One task feeds `width` tasks, and one task adds up what they give.
    FanOut {
        /// How many tasks between source and sink.
        width: u64,
    },
    /// Each task adds up three neighbours of the layer before; the first layer returns its own position plus one.
    Layered {
        /// How many layers.
        layers: u64,
        /// How many tasks in each.
        width: u64,
    },
    /// `calls` calls, each awaited in place before the next is made.
    Inline {
        /// How many calls.
        calls: u64,
    },
    /// `calls` calls with the same arguments, only the first of which runs the body.
    CacheHit {
        /// How many calls.
        calls: u64,
    },
}

impl Shape {
    /// Ten thousand independent tasks.
    pub const INDEPENDENT_10K: Self = Self::Independent { tasks: 10_000 };
    /// A hundred thousand independent tasks.
    pub const INDEPENDENT_100K: Self = Self::Independent { tasks: 100_000 };
    /// A million independent tasks.
    pub const INDEPENDENT_1M: Self = Self::Independent { tasks: 1_000_000 };
    /// A chain of ten thousand tasks.
    pub const CHAIN_10K: Self = Self::Chain { tasks: 10_000 };
    /// One to a thousand to one.
    pub const FAN_OUT: Self = Self::FanOut { width: 1_000 };
    /// A hundred layers of a hundred tasks.
    pub const LAYERED: Self = Self::Layered { layers: 100, width: 100 };
    /// Ten thousand calls in place.
    pub const INLINE_10K: Self = Self::Inline { calls: 10_000 };
    /// Ten thousand calls, one body.
    pub const CACHE_HIT_10K: Self = Self::CacheHit { calls: 10_000 };

    /// The shapes of the table. A million tasks are measured separately, in their own process.
    pub const TABLE: [Self; 7] = [
        Self::INDEPENDENT_10K,
        Self::INDEPENDENT_100K,
        Self::CHAIN_10K,
        Self::FAN_OUT,
        Self::LAYERED,
        Self::INLINE_10K,
        Self::CACHE_HIT_10K,
    ];

    /// How many task runs (or calls) the shape asks for. Costs "per task" are divided by it, also where a side
    /// needs more tasks than that to express the shape.
    #[must_use]
    pub fn tasks(self) -> u64 {
        match self {
            Self::Independent { tasks } | Self::Chain { tasks } => tasks,
            Self::FanOut { width } => width + 2,
            Self::Layered { layers, width } => layers * width,
            Self::Inline { calls } | Self::CacheHit { calls } => calls,
        }
    }

    /// The result every side must give, computed in plain code.
    #[must_use]
    pub fn expected(self) -> u64 {
        match self {
            Self::Independent { tasks } => wrapping_sum(1..=tasks),
            Self::Chain { tasks } | Self::Inline { calls: tasks } => tasks,
            Self::FanOut { width } => wrapping_sum(1..=width),
            Self::Layered { layers, width } => last_layer_sum(layers, width),
            Self::CacheHit { calls } => calls * 3,
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Independent { tasks } => write!(f, "independent {}", short(tasks)),
            Self::Chain { tasks } => write!(f, "chain {}", short(tasks)),
            Self::FanOut { width } => write!(f, "fan-out 1→{width}→1"),
            Self::Layered { layers, width } => write!(f, "layered {layers}×{width}"),
            Self::Inline { calls } => write!(f, "inline {}", short(calls)),
            Self::CacheHit { calls } => write!(f, "cache hit {}", short(calls)),
        }
    }
}

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The positions in the layer before from which position `column` takes its three inputs.
#[must_use]
pub fn neighbours(column: u64, width: u64) -> [usize; 3] {
    [0, 1, 2].map(|offset| ((column + offset) % width) as usize)
}

fn last_layer_sum(layers: u64, width: u64) -> u64 {
    let mut row: Vec<u64> = (1..=width).collect();
    for _ in 1..layers {
        row =
            (0..width).map(|column| wrapping_sum(neighbours(column, width).map(|from| row[from]))).collect();
    }
    wrapping_sum(row)
}

fn short(count: u64) -> String {
    match count {
        1_000_000.. => format!("{}M", count / 1_000_000),
        1_000.. => format!("{}k", count / 1_000),
        _ => count.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expected_results_match_a_count_by_hand() {
        assert_eq!(Shape::Independent { tasks: 3 }.expected(), 1 + 2 + 3);
        assert_eq!(Shape::Chain { tasks: 3 }.expected(), 3);
        assert_eq!(Shape::FanOut { width: 3 }.expected(), 1 + 2 + 3);
        assert_eq!(Shape::Layered { layers: 2, width: 3 }.expected(), 3 * (1 + 2 + 3));
        assert_eq!(Shape::CacheHit { calls: 3 }.expected(), 3 * (1 + 2));
    }

    #[test]
    fn names_are_short_and_distinct() {
        let mut names: Vec<String> = Shape::TABLE.iter().map(Shape::to_string).collect();
        assert_eq!(names[1], "independent 100k");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), Shape::TABLE.len());
    }
}

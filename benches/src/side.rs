//! Who does the work.

use std::fmt;

use futures::future::BoxFuture;
use serde::{Serialize, Serializer};

use crate::shape::Shape;
use crate::{by_hand, peers};

/// One pass: builds what the shape needs, runs it, returns the result, and leaves nothing behind.
pub type Work = BoxFuture<'static, u64>;

/// A way to do the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// flowkit.
    Flowkit,
    /// Bare `tokio::spawn` and `JoinHandle`.
    Spawn,
    /// `tokio::spawn` with a recorder written by hand.
    Recorder,
    /// A graph by hand, with `futures` `Shared`.
    Shared,
    /// The crate `dagx`.
    Dagx,
    /// The crate `async_dag`.
    AsyncDag,
    /// The crate `dagrs`.
    Dagrs,
}

impl Side {
    /// Every side, in the order of the table.
    pub const ALL: &'static [Self] =
        &[Self::Flowkit, Self::Spawn, Self::Recorder, Self::Shared, Self::Dagx, Self::AsyncDag, Self::Dagrs];

    /// The side every ratio of the table is relative to, and whose promises are checked.
    pub const BASELINE: Self = Self::Flowkit;

    /// The name in the table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Flowkit => "flowkit",
            Self::Spawn => "tokio::spawn",
            Self::Recorder => "spawn + recorder",
            Self::Shared => "futures Shared",
            Self::Dagx => "dagx",
            Self::AsyncDag => "async_dag",
            Self::Dagrs => "dagrs",
        }
    }

    /// The side with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|side| side.name() == name)
    }

    /// One pass over `shape`. Does nothing until polled; `None` where this side cannot express the shape.
    #[must_use]
    pub fn work(self, shape: Shape) -> Option<Work> {
        match self {
            Self::Flowkit => crate::flowkit_side::work(shape),
            Self::Spawn => by_hand::spawn(shape),
            Self::Recorder => by_hand::recorder(shape),
            Self::Shared => by_hand::shared::work(shape),
            Self::Dagx => peers::dagx::work(shape),
            Self::AsyncDag => peers::async_dag::work(shape),
            Self::Dagrs => peers::dagrs::work(shape),
        }
    }

    /// What a reader must know to judge this side's row: why it is empty, or what it does differently.
    #[must_use]
    pub fn note(self, shape: Shape) -> Option<&'static str> {
        match self {
            Self::Flowkit => None,
            Self::Spawn => by_hand::spawn_note(shape),
            Self::Recorder => by_hand::recorder_note(shape),
            Self::Shared => by_hand::shared::note(shape),
            Self::Dagx => peers::dagx::note(shape),
            Self::AsyncDag => peers::async_dag::note(shape),
            Self::Dagrs => peers::dagrs::note(shape),
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Side {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure;

    /// Small enough for a test, large enough for a tree of sums with a gap in it.
    const SMALL: [Shape; 7] = [
        Shape::Independent { tasks: 100 },
        Shape::Chain { tasks: 100 },
        Shape::FanOut { width: 1 },
        Shape::FanOut { width: 100 },
        Shape::Layered { layers: 10, width: 10 },
        Shape::Inline { calls: 100 },
        Shape::CacheHit { calls: 100 },
    ];

    #[test]
    fn every_side_gives_the_expected_result() {
        let runtime = measure::runtime();
        for &side in Side::ALL {
            for shape in SMALL {
                // `pass` panics on a wrong result.
                let ran = measure::pass(&runtime, side, shape).is_some();
                assert!(ran || side.note(shape).is_some(), "`{side}` must say why it cannot do `{shape}`");
            }
        }
    }
}

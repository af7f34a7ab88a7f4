//! Who does the work: flowkit with its ways to keep a run, SQLite alone, and the peer.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::time::Duration;

use flowkit::Durability;
use serde::{Serialize, Serializer};
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::durare::Durare;
use super::floor::Floor;
use super::kept::{self, Kept};
use crate::measure;
use crate::shape::Shape;

/// A way to do the work and to keep it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keeper {
    /// flowkit on SQLite; each result is on the disk before anybody gets it. The baseline of every ratio.
    Full,
    /// The same, but only the end of the run is waited for.
    Relaxed,
    /// flowkit with a store that this flow does not use.
    Memory,
    /// flowkit in a runtime without a store.
    NoStore,
    /// The same rows with rusqlite alone, in as many transactions.
    Groups,
    /// The rows of the task runs with rusqlite alone, a transaction each.
    OneByOne,
    /// The same into a log that has its length already, so that no commit makes the file longer.
    OneByOneGrown,
    /// durare on SQLite, with commits that wait for the disk as ours do.
    DurareFull,
    /// durare as its `connect` sets SQLite up: a power cut may take the last moments.
    DurareNormal,
}

impl Keeper {
    /// Every side, in the order of the table.
    pub const ALL: [Self; 9] = [
        Self::Full,
        Self::Relaxed,
        Self::Memory,
        Self::NoStore,
        Self::Groups,
        Self::OneByOne,
        Self::OneByOneGrown,
        Self::DurareFull,
        Self::DurareNormal,
    ];

    /// The name in the table.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "flowkit, full",
            Self::Relaxed => "flowkit, relaxed",
            Self::Memory => "flowkit, memory",
            Self::NoStore => "flowkit, no store",
            Self::Groups => "SQLite, group commits",
            Self::OneByOne => "SQLite, a commit per row",
            Self::OneByOneGrown => "SQLite, the same, log grown",
            Self::DurareFull => "durare, full",
            Self::DurareNormal => "durare, normal",
        }
    }

    /// Whether this is the peer, which takes seconds for a pass.
    #[must_use]
    pub const fn is_peer(self) -> bool {
        matches!(self, Self::DurareFull | Self::DurareNormal)
    }
}

impl fmt::Display for Keeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Serialize for Keeper {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// What one pass cost.
#[derive(Clone, Copy, Debug)]
pub struct Pass {
    /// From the first line of the work to its result.
    pub elapsed: Duration,
    /// What flowkit's own side left; `None` for the others.
    pub kept: Option<Kept>,
}

/// Where passes run, and with what.
#[derive(Debug)]
pub struct Ground {
    tokio: Runtime,
    folder: TempDir,
    durare: Option<Durare>,
}

impl Ground {
    /// Makes a folder for databases below `parent`. Without `durare`, its sides are left out.
    ///
    /// # Errors
    /// What the disk says.
    pub fn new(parent: &Path, durare: Option<Durare>) -> std::io::Result<Self> {
        Ok(Self { tokio: measure::runtime(), folder: TempDir::new_in(parent)?, durare })
    }

    /// The folder with the databases of the passes.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs `shape` once with a store, and takes the floor from what is left.
    ///
    /// # Errors
    /// What a store or the disk says.
    pub fn floor(&self, shape: Shape) -> Result<Floor, Box<dyn Error>> {
        let folder = self.fresh()?;
        let database = folder.path().join("runs.db");
        let kept = kept::pass(&self.tokio, shape, Some((&database, Durability::Full)))?;
        Floor::of(&database, &kept)
    }

    /// Runs one pass in a new database. `None` where this side is not there or has no such shape.
    ///
    /// # Errors
    /// What a store or the disk says; or if the result is not the expected one.
    pub fn pass(&self, keeper: Keeper, shape: Shape, floor: &Floor) -> Result<Option<Pass>, Box<dyn Error>> {
        let folder = self.fresh()?;
        let path = &folder.path().join("runs.db");
        let flowkit = |store| kept::pass(&self.tokio, shape, store).map(Some);
        let durare = |synchronous: &str| match &self.durare {
            Some(durare) => durare.pass(shape, path, synchronous),
            None => Ok(None),
        };
        let (elapsed, result, kept) = match keeper {
            Keeper::Full => timed(flowkit(Some((path, Durability::Full)))?),
            Keeper::Relaxed => timed(flowkit(Some((path, Durability::Relaxed)))?),
            Keeper::Memory => timed(flowkit(Some((path, Durability::Memory)))?),
            Keeper::NoStore => timed(flowkit(None)?),
            Keeper::Groups => (Some(floor.in_groups(path)?), None, None),
            // A commit for each of ten thousand rows says nothing that one for each of a thousand does not.
            Keeper::OneByOne | Keeper::OneByOneGrown if shape.tasks() > 1000 => (None, None, None),
            Keeper::OneByOne => (Some(floor.one_by_one(path, false)?), None, None),
            Keeper::OneByOneGrown => (Some(floor.one_by_one(path, true)?), None, None),
            Keeper::DurareFull => untold(durare("full")?),
            Keeper::DurareNormal => untold(durare("normal")?),
        };
        if let Some(result) = result.filter(|result| *result != shape.expected()) {
            return Err(format!("`{keeper}` gives {result} for `{shape}`, not {}", shape.expected()).into());
        }
        Ok(elapsed.map(|elapsed| Pass { elapsed, kept }))
    }

    fn fresh(&self) -> std::io::Result<TempDir> {
        TempDir::new_in(self.folder.path())
    }
}

type Timed = (Option<Duration>, Option<u64>, Option<Kept>);

fn timed(kept: Option<Kept>) -> Timed {
    (kept.map(|kept| kept.elapsed), kept.map(|kept| kept.result), kept)
}

fn untold(pass: Option<(Duration, u64)>) -> Timed {
    let (elapsed, result) = pass.unzip();
    (elapsed, result, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_side_of_flowkit_and_the_floor_do_the_whole_work() {
        let ground = Ground::new(&std::env::temp_dir(), None).unwrap();
        for shape in [Shape::Independent { tasks: 50 }, Shape::Chain { tasks: 20 }] {
            let floor = ground.floor(shape).unwrap();
            assert_eq!(floor.task_runs() as u64, shape.tasks(), "the floor has a row for each task run");
            for keeper in Keeper::ALL {
                // `pass` fails on a wrong result.
                let ran = ground.pass(keeper, shape, &floor).unwrap().is_some();
                assert_eq!(ran, !keeper.is_peer(), "{keeper}");
            }
        }
    }

    #[test]
    fn a_flow_in_memory_leaves_nothing_and_one_on_disk_leaves_all() {
        let ground = Ground::new(&std::env::temp_dir(), None).unwrap();
        let shape = Shape::Independent { tasks: 50 };
        let floor = ground.floor(shape).unwrap();
        let kept = |keeper| ground.pass(keeper, shape, &floor).unwrap().unwrap().kept.unwrap();
        assert_eq!(kept(Keeper::Memory).transactions, 0);
        assert!(kept(Keeper::Full).bytes > kept(Keeper::Memory).bytes);
        assert!(kept(Keeper::Full).transactions > 0);
    }
}

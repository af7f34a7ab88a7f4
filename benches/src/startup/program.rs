//! The two programs, and the databases that they find.

use std::error::Error;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde::{Serialize, Serializer};

use crate::store::history;

/// Which of the programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// `flowkit::main!`, the baseline of no ratio: it is what is judged.
    Flowkit,
    /// The same work, and one row in SQLite.
    Plain,
}

impl Side {
    /// Both, in the order of the table.
    pub const ALL: [Self; 2] = [Self::Flowkit, Self::Plain];
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flowkit => "flowkit::main!",
            Self::Plain => "plain program, one row in SQLite",
        })
    }
}

impl Serialize for Side {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a program finds where its database is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing: it makes the database.
    Nothing,
    /// A database with the few runs of the passes before.
    Database,
    /// A database with many runs.
    History,
}

impl Found {
    /// All, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Nothing, Self::Database, Self::History];
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "no database yet",
            Self::Database => "a small database",
            Self::History => "a long history",
        })
    }
}

impl Serialize for Found {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where the two programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `startup/hello.rs`.
    pub flowkit: PathBuf,
    /// `startup/plain.rs`.
    pub plain: PathBuf,
}

impl Programs {
    /// The command that runs one of them on a database, as users would type it. Its output is discarded.
    #[must_use]
    pub fn command(&self, side: Side, database: &Path) -> Command {
        let mut command = match side {
            Side::Flowkit => {
                let mut command = Command::new(&self.flowkit);
                command.args(["run", "hello", "--db"]).arg(database).args(["--name", "world"]);
                command
            }
            Side::Plain => {
                let mut command = Command::new(&self.plain);
                command.arg(database).arg("world");
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The time of one process, from its start to its end.
    ///
    /// # Errors
    /// If it cannot be started, or does not end well.
    pub fn pass(&self, side: Side, database: &Path) -> Result<Duration, Box<dyn Error>> {
        let mut command = self.command(side, database);
        let started = Instant::now();
        let status = command.status()?;
        let elapsed = started.elapsed();
        if status.success() { Ok(elapsed) } else { Err(format!("`{command:?}` ended with {status}").into()) }
    }
}

/// Prepares what `side` is to find in `folder`, and returns where its database is.
///
/// # Errors
/// What a store or SQLite says.
pub fn database(folder: &Path, side: Side, found: Found, runs: u64) -> Result<PathBuf, Box<dyn Error>> {
    let folder = folder.join(format!("{side:?}-{found:?}"));
    fs::create_dir_all(&folder)?;
    let database = folder.join("runs.db");
    match (side, found) {
        (_, Found::Nothing | Found::Database) => {}
        (Side::Flowkit, Found::History) => history::fill(&database, runs)?,
        (Side::Plain, Found::History) => {
            let connection = Connection::open(&database)?;
            connection.execute_batch(
                "CREATE TABLE greetings (no INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",
            )?;
            connection.execute(
                "WITH RECURSIVE run (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM run WHERE no < ?1)
                 INSERT INTO greetings (text) SELECT 'hello world' FROM run",
                [i64::try_from(runs)?],
            )?;
        }
    }
    Ok(database)
}

/// Takes everything away that a pass has left, where the next one is to find nothing.
///
/// # Errors
/// What the disk says.
pub fn clear(database: &Path, found: Found) -> std::io::Result<()> {
    let Some(folder) = database.parent().filter(|_| found == Found::Nothing) else { return Ok(()) };
    fs::remove_dir_all(folder)?;
    fs::create_dir_all(folder)
}

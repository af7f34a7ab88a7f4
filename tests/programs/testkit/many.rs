//! As many small tasks as requested, all at once: load for the store.

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{BoxError, Runtime};

use crate::{Said, database};

#[task]
async fn small(n: u64) -> u64 {
    n
}

#[flow]
async fn many(tasks: u64) -> Result<u64> {
    Ok(small::map(0..tasks).await?.iter().sum())
}

/// `<tasks>`: says how many KB of memory it had at the most, beyond those that it had before.
pub(crate) async fn run(said: &Said) -> Result<(), BoxError> {
    let tasks = said.number(0)?;
    let runtime = Runtime::builder().store(SqliteStore::open(database())?).build();
    let before = peak_kb();
    let sum = many(tasks).on(&runtime).await?;
    if sum != tasks * (tasks - 1) / 2 {
        return Err(format!("{sum} is not the sum of {tasks} numbers").into());
    }
    println!("{}", peak_kb().saturating_sub(before));
    Ok(())
}

/// The most memory that this process ever had.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0)
}

//! Removing old runs: how long it takes, whether twice as many take twice as long, and how long other writers wait meanwhile.

use std::error::Error;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use flowkit::prelude::*;
use flowkit::store::{History as _, Retention, RunLog as _, SqliteStore};
use rusqlite::Connection;
use serde::Serialize;

use super::figures::ms;
use super::history::{story, tell};
use super::kept::size;

/// Runs in the file before it is pruned.
pub const RUNS: u64 = 100_000;
/// Runs that are left.
const LEFT: u64 = 100;
/// One run every minute.
const EVERY: Duration = Duration::from_secs(60);

/// What removing all runs but a few cost.
#[derive(Debug, Serialize)]
pub struct Pruning {
    /// Flow runs that were removed.
    pub runs: u64,
    /// How long it took.
    pub total_s: f64,
    /// The time of one run, divided by that in a file of a tenth of the length: 1 is linear.
    pub ratio_to_tenth: f64,
    /// How long another process waited for the right to write, at most.
    pub longest_wait_ms: f64,
    /// The length of the database before.
    pub before: u64,
    /// And after.
    pub after: u64,
}

impl fmt::Display for Pruning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { runs, total_s, ratio_to_tenth, longest_wait_ms, before, after } = self;
        writeln!(
            f,
            "removed {runs} runs in {total_s:.2} s; the time of one is {ratio_to_tenth:.2} × that in a tenth of the file"
        )?;
        writeln!(f, "another writer waited for {longest_wait_ms:.1} ms at most")?;
        write!(f, "the file was {} MB long, and is {} MB now", before >> 20, after >> 20)
    }
}

/// Writes `runs` runs into a new file below `folder`, and removes all but a few.
///
/// # Errors
/// If the store fails.
pub fn measure(folder: &Path, runs: u64) -> Result<Pruning, Box<dyn Error>> {
    let tenth = prune(&folder.join("tenth.db"), (runs / 10).max(2 * LEFT))?;
    let whole = prune(&folder.join("whole.db"), runs)?;
    let per_run = |pruning: &Pruning| pruning.total_s / pruning.runs as f64;
    Ok(Pruning { ratio_to_tenth: per_run(&whole) / per_run(&tenth), ..whole })
}

fn prune(path: &Path, runs: u64) -> Result<Pruning, Box<dyn Error>> {
    fill(path, runs)?;
    let store = SqliteStore::open(path)?;
    let before = size(path);
    let is_over = AtomicBool::new(false);
    let (total, report, longest_wait) = std::thread::scope(|scope| -> Result<_, Box<dyn Error>> {
        let waits = scope.spawn(|| longest_wait(path, &is_over));
        let started = Instant::now();
        let mut retention = Retention::default();
        retention.newest = Some(LEFT);
        let report = store.prune(retention);
        let total = started.elapsed();
        is_over.store(true, Ordering::Relaxed);
        let longest = waits.join().map_err(|_| "the other writer panicked")??;
        Ok((total, report?, longest))
    })?;
    assert_eq!(report.flow_runs, runs - LEFT, "other runs were removed");
    Ok(Pruning {
        runs: report.flow_runs,
        total_s: total.as_secs_f64(),
        ratio_to_tenth: 1.0,
        longest_wait_ms: ms(longest_wait),
        before,
        after: size(path),
    })
}

/// Asks for the right to write again and again, as another process would.
fn longest_wait(path: &Path, is_over: &AtomicBool) -> rusqlite::Result<Duration> {
    let connection = Connection::open(path)?;
    // Asks every few microseconds: the handler of SQLite sleeps longer and longer.
    connection.busy_handler(Some(|_| {
        std::thread::sleep(Duration::from_micros(50));
        true
    }))?;
    let mut longest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let started = Instant::now();
        connection.execute_batch("BEGIN IMMEDIATE; ROLLBACK")?;
        longest = longest.max(started.elapsed());
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(longest)
}

#[task]
async fn extract(part: u64) -> u64 {
    part
}

#[flow]
async fn nightly() -> Result<u64> {
    Ok(extract(1).await? + extract(2).await?)
}

fn fill(path: &Path, runs: u64) -> Result<(), Box<dyn Error>> {
    let night = story(async { nightly().await })?;
    let store = SqliteStore::open(path)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    for number in 0..runs {
        let age = EVERY.saturating_mul(u32::try_from(runs - number)?);
        tell(&store, &night, now.saturating_sub(age))?;
    }
    Ok(store.flush()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pruning_leaves_the_newest_runs_and_a_shorter_file() {
        let folder = tempfile::tempdir().unwrap();
        let pruning = measure(folder.path(), 3000).unwrap();
        assert_eq!(pruning.runs, 2900);
        assert!(pruning.after < pruning.before, "{pruning}");
        assert!(pruning.to_string().contains("removed 2900 runs"), "{pruning}");
    }
}

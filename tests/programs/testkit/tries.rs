//! A task with any number of attempts, each with an error of two kilobytes: load for the records of attempts.

use std::io;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{BoxError, Runtime};

use crate::{Said, database};

#[task]
async fn tried(times: u32) -> io::Result<u32> {
    // Longer than what is gathered for one transaction.
    tokio::time::sleep(Duration::from_millis(6)).await;
    match ctx().attempt() {
        attempt if attempt < times => {
            Err(io::Error::other(format!("{attempt}: {}", "no answer ".repeat(200))))
        }
        attempt => Ok(attempt),
    }
}

#[flow]
async fn tries(times: u32) -> Result<u32> {
    Ok(tried(times).retries(times).await?)
}

/// `<times>`: says how many bytes the process has written.
pub(crate) async fn run(said: &Said) -> Result<(), BoxError> {
    let times = u32::try_from(said.number(0)?)?;
    let runtime = Runtime::builder().store(SqliteStore::open(database())?).build();
    if tries(times).on(&runtime).await? != times {
        return Err("it was tried less often".into());
    }
    println!("{}", written());
    Ok(())
}

fn written() -> u64 {
    let told = std::fs::read_to_string("/proc/self/io").unwrap_or_default();
    told.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).unwrap_or(0)
}

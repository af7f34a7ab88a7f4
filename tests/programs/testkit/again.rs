//! A flow with a sub-flow that is rerun on request, in a process that dies during that.

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{BoxError, Runtime};

use crate::{Said, database, folder, note, runs};

/// Leaves a line, and ends the process where the file `<folder>/dies` names the step.
fn step(name: &str) -> std::io::Result<()> {
    note(name)?;
    if std::fs::read_to_string(folder().join("dies")).is_ok_and(|dies| dies == name) {
        std::process::abort();
    }
    Ok(())
}

/// What the tasks read: it differs from one process to the next.
fn source() -> u64 {
    std::fs::read_to_string(folder().join("source")).map_or(0, |text| text.len() as u64)
}

#[task]
async fn extract() -> std::io::Result<u64> {
    step("extract").map(|()| source())
}

#[task]
async fn clean(rows: u64) -> std::io::Result<u64> {
    step("clean").map(|()| rows * 10)
}

#[flow]
async fn part() -> Result<u64> {
    let rows = extract().submit();
    Ok(clean::of(&rows).await?)
}

#[task]
async fn load(rows: u64) -> std::io::Result<u64> {
    step("load").map(|()| rows + 1)
}

#[flow]
async fn whole() -> Result<u64> {
    let rows = part().submit();
    let loaded = load::of(&rows).submit();
    Ok(loaded.await?)
}

/// Begins the run; with a number, reruns that part; otherwise resumes the run.
pub(crate) async fn run(said: &Said) -> Result<(), BoxError> {
    let store = SqliteStore::open(database())?;
    let earlier = runs(&store)?.pop();
    let runtime = Runtime::builder().store(store).build();
    let value = match earlier {
        None => whole().on(&runtime).await?,
        Some(run) if said.number(0).is_ok() => whole::resume(run.id).on(&runtime).rerun_from("part").await?,
        Some(run) => whole::resume(run.id).on(&runtime).await?,
    };
    println!("{value}");
    Ok(())
}

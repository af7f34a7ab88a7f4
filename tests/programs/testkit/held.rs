//! Runs that wait in their only task, for other processes to find: dead, or running.

use std::io::{self, BufRead};

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{BoxError, Runtime};

use crate::{Said, appears, database, note};

#[task]
async fn sit(index: u64) -> io::Result<u64> {
    // Ten bytes, as `watch` counts lines.
    note(&format!("sits {index:>4}"))?;
    appears(&format!("release-{index}")).await;
    Ok(index)
}

#[flow]
async fn held(index: u64) -> Result<u64> {
    Ok(sit(index).await?)
}

/// `<runs>`: begins so many, and waits in all of them.
pub(crate) async fn hold(said: &Said) -> Result<(), BoxError> {
    let runtime = Runtime::builder().store(SqliteStore::open(database())?).build();
    let runs: Vec<_> = (0..said.number(0)?).map(|index| held(index).on(&runtime).start()).collect();
    for run in runs {
        run.await.into_result()?;
    }
    Ok(())
}

/// Reads ids of runs, and resumes each: prints `done`, or `refused` and why.
pub(crate) async fn race() -> Result<(), BoxError> {
    let store = SqliteStore::open(database())?;
    let runtime = Runtime::builder().store(store).build();
    println!("ready");
    for id in io::stdin().lock().lines() {
        let found = runtime.store().map(|store| store.find(&id?, 1).map_err(BoxError::from));
        let run = found.transpose()?.and_then(|mut ids| ids.pop()).ok_or("there is no such run")?;
        match held::resume(run).on(&runtime).await {
            Ok(_) => println!("done"),
            Err(error) => println!("refused {}", crate::told(&error)),
        }
    }
    Ok(())
}

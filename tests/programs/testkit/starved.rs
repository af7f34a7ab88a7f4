//! The flow of squares on a disk that fills up: what it reports, and that it continues when there is room again.

use std::fs::File;
use std::time::Duration;

use flowkit::store::{SqliteStore, StoreError};
use flowkit::{BoxError, Runtime};

use crate::squares::squares;
use crate::{Said, database, folder, note, told};

fn open() -> Result<SqliteStore, StoreError> {
    // Patience would only make the test longer; a value larger than this becomes a file.
    SqliteStore::options().retry_for(Duration::from_millis(20)).inline_max(20_000).open(database())
}

fn runtime(store: SqliteStore) -> Runtime {
    Runtime::builder().store(store).limit("slots", 4).build()
}

/// The disk has room again, as the shim sees it.
fn make_room() -> std::io::Result<()> {
    File::create(folder().join("room")).map(drop)
}

/// `<pairs> <bytes of each result>`: says `full` and why when the disk is full; then makes room, and ends all the same.
pub(crate) async fn run(said: &Said) -> Result<(), BoxError> {
    let (pairs, ballast) = (said.number(0)?, usize::try_from(said.number(1)?)?);
    let store = match open() {
        Ok(store) => store,
        Err(error) => {
            println!("full {}", told(&error));
            make_room()?;
            open()?
        }
    };
    let runtime = runtime(store);
    let run = squares(pairs, ballast, 1).on(&runtime).run().await;
    match run.result() {
        Ok((sum, _)) => return Ok(note(&format!("sum {sum}"))?),
        Err(error) => println!("full {}", told(error)),
    }
    make_room()?;
    // The run that the full disk broke continues, in the same process.
    let store = runtime.store().ok_or("no store")?;
    let known = run.id().map(|id| store.flow_run(id)).transpose()?.flatten();
    let (sum, _) = match known {
        Some(known) => squares::resume(known.id).on(&runtime).await?,
        None => squares(pairs, ballast, 1).on(&runtime).await?,
    };
    note(&format!("sum {sum}"))?;
    Ok(())
}

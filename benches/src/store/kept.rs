//! flowkit: the shapes of the other benchmark, in a runtime with a store.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use flowkit::store::SqliteStore;
use flowkit::{Durability, Runtime};
use rusqlite::{Connection, OpenFlags};

use crate::shape::Shape;
use crate::side::Side;

/// The time of one pass, its result, and what it left.
#[derive(Clone, Copy, Debug)]
pub struct Kept {
    /// From the call of the flow to its result, which comes once the end of the run is persisted.
    pub elapsed: Duration,
    /// What the flow gave.
    pub result: u64,
    /// From the beginning of the run to the end of its last task, according to the store; after that only the disk is
    /// waited for. `None` if nothing was persisted.
    pub until_last_task: Option<Duration>,
    /// Transactions that it took.
    pub transactions: u64,
    /// What the database and its log hold once the store is closed.
    pub bytes: u64,
}

/// One pass with a store at `path`, or with none.
///
/// # Errors
/// If the store cannot be opened or read.
pub fn pass(
    tokio: &tokio::runtime::Runtime,
    shape: Shape,
    store: Option<(&Path, Durability)>,
) -> Result<Kept, Box<dyn Error>> {
    let runtime = match store {
        Some((path, durability)) => {
            Runtime::builder().store(SqliteStore::open(path)?).durability(durability).build()
        }
        None => Runtime::builder().build(),
    };
    let path = store.map(|(path, _)| path);
    let before = transactions(path)?;
    let (elapsed, result) = timed(tokio, &runtime, shape)?;
    let transactions = transactions(path)?.saturating_sub(before);
    drop(runtime);
    let (bytes, until_last_task) = match path {
        Some(path) => (size(path), until_last_task(path)?),
        None => (0, None),
    };
    Ok(Kept { elapsed, result, until_last_task, transactions, bytes })
}

fn timed(
    tokio: &tokio::runtime::Runtime,
    runtime: &Runtime,
    shape: Shape,
) -> Result<(Duration, u64), Box<dyn Error>> {
    let work = Side::Flowkit.work(shape).ok_or("flowkit has every shape")?;
    let runtime = runtime.clone();
    // On a worker: a hand-off to the thread that blocks costs many times one between workers.
    let timed = tokio.spawn(async move {
        let started = Instant::now();
        let result = runtime.scope(work).await;
        (started.elapsed(), result)
    });
    Ok(tokio.block_on(timed)?)
}

/// The bytes of a database and its log.
#[must_use]
pub fn size(database: &Path) -> u64 {
    let mut log = database.as_os_str().to_owned();
    log.push("-wal");
    let length = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    length(database) + length(log.as_ref())
}

/// The number of the last transaction, which an open store writes beside its name.
fn transactions(database: Option<&Path>) -> rusqlite::Result<u64> {
    let Some(database) = database else { return Ok(0) };
    let last: i64 =
        read(database)?.query_row("SELECT max(last_transaction) FROM owners", [], |row| row.get(0))?;
    Ok(last.unsigned_abs())
}

fn until_last_task(database: &Path) -> rusqlite::Result<Option<Duration>> {
    let sql = "SELECT max(r.ended_at) - f.created_at FROM task_runs r JOIN flow_runs f ON f.no = r.run";
    let micros: Option<i64> = read(database)?.query_row(sql, [], |row| row.get(0))?;
    Ok(micros.map(|micros| Duration::from_micros(micros.unsigned_abs())))
}

fn read(database: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

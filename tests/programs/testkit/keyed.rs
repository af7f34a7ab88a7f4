//! A run that exists once per key, however many processes start it.

use std::io;

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{BoxError, Runtime};

use crate::{database, note, pay, told};

#[task]
async fn charge(customer: u64) -> io::Result<u64> {
    note("charge 1")?;
    pay("charge")?;
    Ok(10 * customer)
}

#[flow]
async fn bill(customer: u64) -> Result<u64> {
    Ok(charge(customer).await?)
}

/// Says `done` with the id of the run, or `refused` and why.
pub(crate) async fn run() -> Result<(), BoxError> {
    let runtime = Runtime::builder().store(SqliteStore::open(database())?).build();
    let run = bill(7).on(&runtime).idempotency_key("november").run().await;
    match (run.result(), run.id()) {
        (Ok(70), Some(id)) => println!("done {id}"),
        (Ok(amount), _) => println!("odd {amount}"),
        (Err(error), _) => println!("refused {}", told(error)),
    }
    Ok(())
}

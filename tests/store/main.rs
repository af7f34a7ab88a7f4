//! The contract of stores as the author of another store tests it: from another crate, with the features `store` and `testing`.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod reading;
mod run;
mod shelf;

use flowkit::prelude::*;
use flowkit::store::{FlowRunFilter, Store};
use flowkit::testing::{StorePlace, store_contract};
use flowkit::{Runtime, State};

use crate::shelf::Shelf;

impl StorePlace for Shelf {
    const HISTORIES: u32 = 5000;

    fn new() -> Self {
        Self::default()
    }

    fn store(&self) -> &dyn Store {
        self
    }

    fn elsewhere(&self) -> Option<Box<dyn Store>> {
        Some(Box::new(self.of_another_process()))
    }

    fn crash(&mut self) {
        *self = self.of_another_process();
    }
}

#[test]
fn another_crate_opens_a_database_with_the_sqlite_of_flowkit() {
    let connection = flowkit::rusqlite::Connection::open_in_memory().unwrap();
    connection.execute_batch("CREATE TABLE prices (price INTEGER); INSERT INTO prices VALUES (7)").unwrap();
    let price: i64 = connection.query_row("SELECT price FROM prices", [], |row| row.get(0)).unwrap();
    assert_eq!(price, 7);
}

mod contract {
    use super::*;

    store_contract!(Shelf);
}

#[task]
fn double(number: u32) -> Result<u32> {
    if number > 9 {
        return Err("too large".into());
    }
    Ok(2 * number)
}

#[flow]
async fn doubles(numbers: Vec<u32>) -> Result<u32> {
    Ok(double::map(numbers).await?.into_iter().sum())
}

#[tokio::test]
async fn a_runtime_persists_runs_in_it() {
    let runtime = Runtime::builder().store(Shelf::default()).build();
    assert_eq!(doubles(vec![1, 2]).on(&runtime).await.unwrap(), 6);
    doubles(vec![1, 20]).on(&runtime).await.unwrap_err();
    let page = runtime.store().unwrap().flow_runs(&FlowRunFilter::default(), None, 9).unwrap();
    let runs: Vec<_> = page.runs.iter().map(|run| (run.state, run.failures)).collect();
    assert_eq!(runs, [(State::Failed, 1), (State::Completed, 0)]);
}

//! A program to be killed: a flow of `2 * pairs` tasks, each of which leaves a line in a file when it begins.
//!
//! `killed <folder> <pairs> <at most so many at a time>`: begins the flow, or goes on with the run that it finds.
//! `begin k` is written by task `k` when it runs, `relied k` by a task that uses its result: from then on it must never
//! begin again.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::{FlowRunFilter, History, SqliteStore};
use flowkit::{BoxError, Runtime};

fn note(line: &str) -> std::io::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_default();
    let mut file = OpenOptions::new().append(true).create(true).open(Path::new(&folder).join("notes"))?;
    // One write: lines of several tasks do not mix.
    file.write_all(format!("{line}\n").as_bytes())
}

#[task(concurrency = "slots")]
async fn work(k: u64) -> std::io::Result<u64> {
    note(&format!("begin {k}"))?;
    tokio::time::sleep(Duration::from_micros(500 + k % 7 * 700)).await;
    Ok(k * k)
}

#[task(concurrency = "slots")]
async fn rely(k: u64, square: u64) -> std::io::Result<u64> {
    note(&format!("relied {k}"))?;
    Ok(square + 1)
}

#[flow]
async fn squares(pairs: u64) -> Result<u64> {
    let mut relied = Vec::new();
    for k in 0..pairs {
        let square = work(k).submit();
        relied.push(rely::submit(k, &square));
    }
    let mut sum = 0;
    for handle in relied {
        sum += handle.await?;
    }
    Ok(sum)
}

#[tokio::main]
async fn main() -> Result<(), BoxError> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, pairs, slots] = &arguments[..] else {
        return Err("killed <folder> <pairs> <slots>".into());
    };
    let store = SqliteStore::open(Path::new(folder).join("runs.db"))?;
    let unfinished = store.flow_runs(&FlowRunFilter::default(), None, 1)?.runs.pop();
    let runtime = Runtime::builder().store(store).limit("slots", slots.parse()?).build();
    let sum = match unfinished {
        Some(run) => squares::resume(run.id).on(&runtime).await?,
        None => squares(pairs.parse()?).on(&runtime).await?,
    };
    note(&format!("sum {sum}"))?;
    Ok(())
}

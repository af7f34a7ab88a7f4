//! A program that gets signals to stop: a flow of `tasks` tasks, four at a time, each of which takes `milliseconds` and leaves
//! a line `done k` in a file.
//!
//! `signalled <folder> <tasks> <milliseconds> [linger|late]`: begins the flow, or resumes the run that it finds. Prints
//! `ready` at the beginning, and `heard` at SIGTERM; with `linger` it stays when the flow has ended, and prints `lingers`; with
//! `late` it begins the flow only when the file `go` is there.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::{FlowRunFilter, History, SqliteStore};
use flowkit::{BoxError, Runtime};
use tokio::signal::unix::{SignalKind, signal};

fn argument(position: usize) -> String {
    std::env::args().nth(position).unwrap_or_default()
}

#[task(concurrency = "slots")]
async fn work(k: u64, milliseconds: u64) -> std::io::Result<u64> {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    let mut file =
        OpenOptions::new().append(true).create(true).open(Path::new(&argument(1)).join("notes"))?;
    file.write_all(format!("done {k}\n").as_bytes())?;
    Ok(k)
}

#[flow]
async fn works(tasks: u64, milliseconds: u64) -> Result<u64> {
    Ok(work::map(0..tasks, milliseconds).await?.iter().sum())
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let (tasks, milliseconds) = (argument(2).parse()?, argument(3).parse()?);
    let store = SqliteStore::open(Path::new(&argument(1)).join("runs.db"))?;
    let known = store.flow_runs(&FlowRunFilter::default(), None, 1)?.runs.pop();
    let runtime = Runtime::builder().store(store).limit("slots", 4).build();
    let job = async {
        println!("ready");
        while argument(4) == "late" && !Path::new(&argument(1)).join("go").exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let sum = match known {
            Some(run) => works::resume(run.id).on(&runtime).await?,
            None => works(tasks, milliseconds).on(&runtime).await?,
        };
        println!("sum {sum}");
        if argument(4) == "linger" {
            println!("lingers");
            std::future::pending::<()>().await;
        }
        Ok(ExitCode::SUCCESS)
    };
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::spawn(async move {
        terminate.recv().await;
        println!("heard");
    });
    match runtime.until_signal(job).await {
        Ok(done) => done,
        Err(interrupted) => {
            println!("{interrupted}");
            Ok(interrupted.into())
        }
    }
}

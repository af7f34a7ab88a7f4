//! A program whose tasks have child processes in its own process group, so that a signal to the group reaches them as well.
//!
//! `struck <folder>`: begins a flow of four tasks, each of which waits for a child that never ends, or resumes the run that it
//! finds, in which the children end at once. Leaves lines in `notes`: `begun k` for each attempt, `failed k` from the hook.
//!
//! `struck <folder> command`: the same with one task whose child is a `flowkit::Command`, in its own group, which ends when
//! there is a file `go`. The child writes its process id to a file `process`.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::process::{ExitCode, Stdio};

use flowkit::prelude::*;
use flowkit::store::{FlowRunFilter, History, SqliteStore};
use flowkit::{BoxError, Command, CommandError, Runtime, TaskRun};

fn folder() -> String {
    std::env::args().nth(1).unwrap_or_default()
}

fn note(line: &str) -> std::io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(Path::new(&folder()).join("notes"))?;
    file.write_all(format!("{line}\n").as_bytes())
}

fn note_failure(run: &TaskRun) {
    note(&format!("failed {}", run.index.unwrap_or_default())).ok();
}

/// Fails if its child does; one further try would be in vain as well. It waits before that, or its child would be spared by a
/// signal that this program has not heard yet.
#[task(retries = 1, retry_delay = "1s", on_failure = note_failure)]
fn waits_for_a_child(k: u64, is_endless: bool) -> std::io::Result<u64> {
    let mut child = std::process::Command::new("sleep")
        .arg(if is_endless { "1000" } else { "0" })
        // A reader of what this program prints does not wait for its child.
        .stdout(Stdio::null())
        .spawn()?;
    note(&format!("begun {k}"))?;
    let status = child.wait()?;
    if status.success() { Ok(k) } else { Err(std::io::Error::other(format!("the child ended by {status}"))) }
}

/// Continues without what failed.
#[flow]
async fn adds_what_there_is(tasks: u64) -> Result<u64> {
    let is_endless = !Path::new(&folder()).join("resumed").exists();
    let mut sum = 0;
    let mut handles = Vec::new();
    for k in 0..tasks {
        handles.push(waits_for_a_child::submit(k, is_endless));
    }
    for outcome in settle_all(handles).await {
        sum += outcome.unwrap_or(0);
    }
    Ok(sum)
}

#[task]
async fn waits_for_a_file() -> Result<String, CommandError> {
    let script = "echo $$ > draft; mv draft process; while [ ! -e go ]; do sleep 0.01; done; printf went";
    let output = Command::shell(script).current_dir(folder()).output().await?;
    Ok(String::from_utf8_lossy(&output).into_owned())
}

#[flow]
async fn waits() -> Result<String> {
    Ok(waits_for_a_file().await?)
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let store = SqliteStore::open(Path::new(&folder()).join("runs.db"))?;
    let known = store.flow_runs(&FlowRunFilter::default(), None, 1)?.runs.pop();
    let runtime = Runtime::builder().store(store).build();
    let job = async {
        if std::env::args().nth(2).is_some() {
            println!("{}", waits().on(&runtime).await?);
            return Ok(ExitCode::SUCCESS);
        }
        let sum = match known {
            Some(run) => adds_what_there_is::resume(run.id).on(&runtime).await?,
            None => adds_what_there_is(4).on(&runtime).await?,
        };
        println!("sum {sum}");
        Ok(ExitCode::SUCCESS)
    };
    match runtime.until_signal(job).await {
        Ok(done) => done,
        Err(interrupted) => {
            println!("{interrupted}");
            Ok(interrupted.into())
        }
    }
}

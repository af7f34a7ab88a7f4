//! A program to kill, starve and race: the recovery tests start it as separate processes.
//!
//! `testkit <what> <folder> [numbers]`. It persists its runs in `<folder>/runs.db`, unless `FLOWKIT_TEST_DATABASE` names another
//! file, and appends a line to `<folder>/notes` for each thing that happened. It judges nothing: the tests do.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

mod again;
mod deadly;
mod decided;
mod held;
mod keyed;
mod lasting;
mod made;
mod many;
mod once;
mod output;
mod squares;
mod starved;
mod tries;

use std::error::Error;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;
use std::time::Duration;

use flowkit::BoxError;
use flowkit::model::StoredFlowRun;
use flowkit::prelude::ctx;
use flowkit::store::{FlowRunFilter, History, SqliteStore, StoreError, Synchronous};

/// What the command line says.
pub(crate) struct Said(Vec<String>);

impl Said {
    fn what(&self) -> &str {
        self.0.get(1).map_or("", |what| what)
    }

    /// A number after the folder, counting from 0.
    pub(crate) fn number(&self, index: usize) -> Result<u64, BoxError> {
        Ok(self.0.get(3 + index).ok_or("testkit <what> <folder> <numbers>")?.parse()?)
    }
}

pub(crate) fn folder() -> PathBuf {
    std::env::args().nth(2).unwrap_or_default().into()
}

pub(crate) fn database() -> PathBuf {
    std::env::var_os("FLOWKIT_TEST_DATABASE").map_or_else(|| folder().join("runs.db"), PathBuf::from)
}

/// A file to which lines are added.
struct Lines(&'static str, OnceLock<File>);

impl Lines {
    /// One write, so that lines of several tasks do not mix.
    fn add(&self, line: &str) -> io::Result<()> {
        let open = || OpenOptions::new().append(true).create(true).open(folder().join(self.0));
        let mut file = match self.1.get() {
            Some(file) => file,
            // A second one that opens it closes it again.
            None => open().map(|file| self.1.get_or_init(|| file))?,
        };
        file.write_all(format!("{line}\n").as_bytes())
    }
}

/// Leaves a line.
pub(crate) fn note(line: &str) -> io::Result<()> {
    static NOTES: Lines = Lines("notes", OnceLock::new());
    NOTES.add(line)
}

/// Pays for `what`, at a receiver that takes one payment under one key.
pub(crate) fn pay(what: &str) -> io::Result<()> {
    static PAYMENTS: Lines = Lines("payments", OnceLock::new());
    PAYMENTS.add(&format!("{} {what}", ctx().idempotency_key().unwrap_or_default()))
}

/// Adds to the file `<folder>/<name>`.
pub(crate) fn append(name: &str, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).create(true).open(folder().join(name))?;
    file.write_all(text.as_bytes())
}

/// Opens the database; with `FLOWKIT_TEST_RELAXED`, no commit waits for the disk.
pub(crate) fn open() -> Result<SqliteStore, StoreError> {
    let relaxed = std::env::var_os("FLOWKIT_TEST_RELAXED").is_some();
    let synchronous = if relaxed { Synchronous::Normal } else { Synchronous::Full };
    SqliteStore::options().synchronous(synchronous).open(database())
}

/// Waits until the file `<folder>/<name>` exists.
pub(crate) async fn appears(name: &str) {
    let path = folder().join(name);
    while !path.exists() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// All runs but those of sub-flows, the newest first.
pub(crate) fn runs(store: &dyn History) -> Result<Vec<StoredFlowRun>, StoreError> {
    Ok(store.flow_runs(&FlowRunFilter::default(), None, usize::MAX)?.runs)
}

/// An error with its causes, in one line.
pub(crate) fn told(error: &dyn Error) -> String {
    let (mut told, mut cause) = (error.to_string(), error.source());
    while let Some(error) = cause {
        told = format!("{told}: {error}");
        cause = error.source();
    }
    told.replace('\n', " ")
}

#[tokio::main]
async fn main() -> ExitCode {
    let said = Said(std::env::args().collect());
    match run(&said).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}", told(&*error));
            ExitCode::from(2)
        }
    }
}

async fn run(said: &Said) -> Result<(), BoxError> {
    match said.what() {
        "squares" => squares::run(said).await,
        "made" => made::run(said).await,
        "many" => many::run(said).await,
        "hold" => held::hold(said).await,
        "race" => held::race().await,
        "keyed" => keyed::run().await,
        "deadly" => deadly::run().await,
        "stubborn" => deadly::run_stubborn().await,
        "decided" => decided::run(said).await,
        "again" => again::run(said).await,
        "lasting" => lasting::run(said).await,
        "anew" => lasting::anew().await,
        "forget" => lasting::prune(),
        "once" => once::run(said).await,
        "output" => output::run(),
        "starved" => starved::run(said).await,
        "tries" => tries::run(said).await,
        "open" => SqliteStore::open(database()).map(drop).map_err(Into::into),
        other => Err(format!("there is no `{other}` in the testkit").into()),
    }
}

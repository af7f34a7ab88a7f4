//! A flow with everything that must survive a power cut: large results, artifacts, outputs and cached results, in a run with
//! an idempotency key. It can be suspended, rerun and pruned.
//!
//! A task notes `begin <task> <k> v<version>` when it runs; one that uses its result notes `relied <task> <k> v<version>`. At
//! the end comes `sum n`. The version is what the tasks find outside: it changes before they run again.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use flowkit::prelude::*;
use flowkit::store::{History, Retention};
use flowkit::{BoxError, Output, Runtime, artifact};

use crate::{Said, append, database, folder, note, open, runs};

/// Every second text is too large to be stored in the database itself.
const LARGE: usize = 300_000;
/// What two runs look up is the same.
const WORDS: u64 = 100;

/// How many results were relied on, in this process.
static RELIED: AtomicU64 = AtomicU64::new(0);

fn version() -> u64 {
    fs::metadata(folder().join("version")).map_or(0, |version| version.len())
}

fn relied(what: &str, k: u64, version: u64) -> io::Result<()> {
    RELIED.fetch_add(1, Ordering::SeqCst);
    note(&format!("relied {what} {k} v{version}"))
}

/// Where outputs are put, on the disk of the database.
fn outputs() -> PathBuf {
    database().with_file_name("outputs")
}

fn text(k: u64, version: u64) -> String {
    let line = format!("text {k} v{version}\n");
    line.repeat(if k.is_multiple_of(2) { LARGE / line.len() } else { 10 })
}

#[task]
async fn compose(k: u64) -> io::Result<String> {
    let version = version();
    note(&format!("begin compose {k} v{version}"))?;
    Ok(text(k, version))
}

#[task]
async fn publish(k: u64, text: &str) -> Result<u64> {
    let version = version();
    relied("compose", k, version)?;
    note(&format!("begin publish {k} v{version}"))?;
    let place = outputs().join(k.to_string());
    let mut output = Output::atomic(&place)?;
    output.write_all(text.as_bytes())?;
    output.commit()?;
    artifact::file("text", &place)?;
    artifact::markdown("note", format!("published {k} v{version}"));
    Ok(version)
}

#[task(cache = "inputs")]
async fn look_up(word: u64) -> io::Result<u64> {
    note(&format!("begin look_up {word} v0"))?;
    Ok(word)
}

#[task]
async fn check(k: u64, version: u64, word: u64) -> io::Result<u64> {
    relied("publish", k, version)?;
    relied("look_up", word, 0)?;
    if fs::read_to_string(outputs().join(k.to_string()))? != text(k, version) {
        return Err(io::Error::other(format!("the output {k} is not the one that was published")));
    }
    Ok(k + 1000 * version)
}

#[flow(max_concurrency = 4)]
async fn chapter(from: u64, count: u64) -> Result<u64> {
    let mut checks = Vec::new();
    for k in from..from + count {
        let text = compose(k).submit();
        let published = publish::submit(k, &text);
        let word = look_up(k % WORDS).submit();
        checks.push(check::submit(k, &published, &word));
    }
    let mut sum = 0;
    for check in checks {
        sum += check.await?;
    }
    Ok(sum)
}

/// Makes the folder for outputs, as a program that relies on them has to: its name is safe.
fn make_outputs() -> io::Result<()> {
    match fs::create_dir(outputs()) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(database().with_file_name("."))?.sync_all()
}

/// `<from> <count>`: the run of these chapters, also if another process began it. `<from> <count> <relied>`: suspends it after
/// so many.
pub(crate) async fn run(said: &Said) -> Result<(), BoxError> {
    let (from, count) = (said.number(0)?, said.number(1)?);
    make_outputs()?;
    let runtime = Runtime::builder().store(open()?).max_crashes(1000).build();
    let run = chapter(from, count).on(&runtime).idempotency_key(from.to_string()).run();
    let Ok(until) = said.number(2) else {
        let run = run.await;
        let sum = run.into_result()?;
        return Ok(note(&format!("sum {sum}"))?);
    };
    let put_aside = async {
        while RELIED.load(Ordering::SeqCst) < until {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        runtime.suspend(Duration::ZERO).await
    };
    let (_, put_aside) = tokio::join!(run, put_aside);
    put_aside?;
    Ok(())
}

/// The world changes, and everything is done again in the newest run.
pub(crate) async fn anew() -> Result<(), BoxError> {
    make_outputs()?;
    let store = open()?;
    let run = runs(&store)?.into_iter().next().ok_or("there is no run")?;
    let runtime = Runtime::builder().store(store).max_crashes(1000).build();
    append("version", "x")?;
    let sum = chapter::resume(run.id).on(&runtime).rerun_from("compose").await?;
    Ok(note(&format!("sum {sum}"))?)
}

/// Prunes all runs but the newest, and every unused file: all of them are old.
pub(crate) fn prune() -> Result<(), BoxError> {
    let store = open()?;
    let shelves = fs::read_dir(database().with_file_name("runs.db.values")).into_iter().flatten().flatten();
    for file in shelves.flat_map(|shelf| fs::read_dir(shelf.path()).into_iter().flatten().flatten()) {
        File::options().write(true).open(file.path())?.set_modified(SystemTime::UNIX_EPOCH)?;
    }
    let mut keep = Retention::default();
    keep.newest = Some(1);
    let removed = store.prune(keep)?;
    println!("{} {}", removed.flow_runs, removed.files);
    Ok(())
}

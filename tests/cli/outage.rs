//! The database can no longer be written while a flow runs: the program says so, and what to do.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::Value;

use super::{Answer, Shell};

/// Calls the flow that waits for a file; what breaks the database is called while its task runs.
fn broken<B>(shell: &Shell, options: &str, breaks: impl FnOnce(&Path) -> B) -> (Answer, B) {
    let mut command = shell.command(&format!("run patient --file go --output json {options}"));
    command.env("FLOWKIT_STORE_RETRY", "100ms").stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut told = String::new();
    while !told.contains("\"task.started\"") {
        assert_ne!(out.read_line(&mut told).unwrap(), 0, "the program ended: {told}");
    }
    let is_kept = || shell.call("show --output json").out.contains("\"task_run\"");
    while !is_kept() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let is_broken = breaks(&shell.path().join(".flowkit/runs.db"));
    shell.write("go", "");
    told.extend(out.lines().map(|line| line.unwrap() + "\n"));
    let output = child.wait_with_output().unwrap();
    let answer = Answer { out: told, ..Answer::of(output) };
    (answer, is_broken)
}

fn locked(database: &Path) -> Connection {
    let connection = Connection::open(database).unwrap();
    connection.busy_timeout(Duration::from_secs(60)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

#[track_caller]
fn says(line: &Value, words: &str) {
    assert!(line.to_string().contains(words), "{line}");
}

#[test]
fn a_run_that_the_store_gives_up_fails_with_a_code_and_can_be_resumed_when_that_is_over() {
    let shell = Shell::new();
    let (answer, lock) = broken(&shell, "", locked);
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let finished = answer.line("run.finished");
    assert_eq!(finished["state"], "failed", "{finished}");
    says(&finished, "could not be written");
    says(&finished, "are not persisted");
    says(&finished, "database is locked");
    drop(lock);
    // It is not shown as crashed: it ended in order, although that could not be written.
    let run = shell.call("show --output json").ok().line("run");
    assert_eq!(run["state"], "suspended", "{run}");
    let shown = shell.call("show").ok().out;
    assert!(shown.contains("could not be written") && !shown.contains("died"), "{shown}");
    assert!(shown.contains("pipeline resume "), "{shown}");
    let logged = shell.call("logs").ok();
    assert!(logged.err.contains("the last lines may be missing: the database"), "{logged:?}");
    shell.call("resume").ok();
    assert_eq!(shell.call("show --output json").ok().line("run")["state"], "completed");
}

#[test]
fn a_run_whose_database_is_removed_fails_with_a_code() {
    let shell = Shell::new();
    let folder = shell.path().join(".flowkit");
    let (answer, ()) = broken(&shell, "", |_| std::fs::remove_dir_all(&folder).unwrap());
    assert_eq!(answer.code, Some(1), "{answer:?}");
    let finished = answer.line("run.finished");
    assert_eq!(finished["state"], "failed", "{finished}");
    says(&finished, "was removed or replaced");
}

#[test]
fn how_long_a_store_is_patient_is_a_length_of_time() {
    let shell = Shell::new();
    shell.write("flowkit.toml", "store_retry = '2m'\n");
    shell.call("run etl").ok();
    let refused = shell.call_with(&[("FLOWKIT_STORE_RETRY", "soon")], "run etl");
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("write `FLOWKIT_STORE_RETRY=60s`"), "{refused:?}");
    shell.write("flowkit.toml", "store_retry = 5\n");
    let refused = shell.call("run etl");
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("write `store_retry = \"60s\"`"), "{refused:?}");
}

//! `run --idempotency-key`: a flow that runs once for its key.

use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

use super::Shell;

#[test]
fn a_second_run_with_the_same_key_returns_the_first() {
    let shell = Shell::new();
    let result = |typed: &str| shell.call(&format!("run etl --output json {typed}")).ok().line("run.result");
    let first = result("--rows 2 --idempotency-key k");
    let second = result("--rows 9 --idempotency-key k");
    assert_eq!((&first["id"], &first["value"]), (&second["id"], &second["value"]));
    let other = result("--rows 9 --idempotency-key other");
    assert_ne!(first["id"], other["id"]);
    assert_eq!(shell.call("runs --output json").ok().lines().len(), 2);
}

#[test]
fn a_run_that_failed_is_resumed_by_its_key() {
    let shell = Shell::new();
    let failed = shell.call("run fragile --file go --idempotency-key k");
    assert_eq!(failed.code, Some(1), "{failed:?}");
    shell.write("go", "");
    shell.call("run fragile --file go --idempotency-key k").ok();
    assert_eq!(shell.call("runs --output json").ok().lines().len(), 1);
}

#[test]
fn a_key_whose_run_another_process_is_running_is_refused_with_code_2() {
    let shell = Shell::new();
    let typed = "run patient --file go --idempotency-key k";
    let mut owner = shell.command(typed).arg("--output").arg("json").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains("\"task.started\"")), "the task waits");
    let refused = shell.call(typed);
    shell.write("go", "");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    let owned_by = format!("process {}", owner.id());
    assert!(refused.err.contains(&owned_by), "{refused:?}");
    assert_eq!(lines.filter(|line| line.contains("\"run.result\"")).count(), 1);
    assert!(owner.wait().unwrap().success());
}

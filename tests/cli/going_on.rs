//! A run that failed goes on where it stopped, and a run can be done again from a task.

use super::Shell;

#[test]
fn a_failed_run_says_how_to_go_on_and_does_so() {
    let shell = Shell::new();
    let failed = shell.call("run fragile --file data.txt");
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.out.is_empty(), "standard output is the program's own: {failed:?}");
    let id = shell.call("runs --output json").ok().lines()[0]["run"].as_str().unwrap().to_owned();
    assert!(failed.err.contains(&format!("pipeline resume {id}")), "{failed:?}");
    assert!(failed.err.lines().count() <= 30);
    let shown = shell.call("show").ok().out;
    assert!(shown.contains("✗ load failed") && shown.contains("No such file or directory"), "{shown}");

    shell.write("data.txt", "");
    let resumed = shell.call("resume --output json").ok();
    assert_eq!(resumed.line("run.result")["value"], 2);
    let again: Vec<_> = resumed.lines().into_iter().filter(|line| line["t"] == "task.started").collect();
    assert_eq!(again.len(), 1, "only what failed runs: {again:?}");
    assert_eq!(again[0]["label"], "load");
}

#[test]
fn retry_does_what_failed_and_rerun_what_is_named() {
    let shell = Shell::new();
    shell.call("run fragile --file data.txt");
    assert_eq!(shell.call("retry").code, Some(1));
    shell.write("data.txt", "");
    shell.call("retry last-failed").ok();
    assert_eq!(shell.call("runs --output json").ok().lines().len(), 1, "it is one run");

    shell.call("run etl --rows 2").ok();
    let rerun = shell.call("rerun --from double --output json").ok();
    let started = |line: &serde_json::Value| line["t"] == "task.started";
    let mut labels: Vec<_> = rerun
        .lines()
        .into_iter()
        .filter(started)
        .map(|line| line["label"].as_str().unwrap().to_owned())
        .collect();
    labels.sort();
    assert_eq!(labels, ["double[0]", "double[1]"], "equal inputs of `total` are found in the cache");
}

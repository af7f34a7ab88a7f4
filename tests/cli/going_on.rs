//! A failed run continues where it stopped, and a run can be rerun from a task.

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
    let nothing = shell.call("retry");
    assert_eq!(nothing.code, Some(2), "{nothing:?}");
    assert!(
        nothing.err.contains("nothing has failed") && nothing.err.contains("rerun --from"),
        "{nothing:?}"
    );
    let rerun = shell.call("rerun --from double --output json").ok();
    assert_eq!(rerun.started(), ["double[0]", "double[1]", "total"], "`total` is not taken from the cache");
}

#[test]
fn a_rerun_does_what_its_dry_run_says_also_with_what_is_cached_and_leaves_that_for_others() {
    let shell = Shell::new();
    shell.call("run etl --rows 2").ok();
    let dry = shell.call("rerun --from total --dry-run").ok().out;
    assert!(dry.lines().any(|line| line.contains("total") && line.contains("runs")), "{dry}");
    assert_eq!(shell.call("rerun --from total --output json").ok().started(), ["total"]);
    let all = ["double[0]", "double[1]", "extract"];
    assert_eq!(shell.call("run etl --rows 2 --output json").ok().started(), all, "it is in the cache");
    let refreshed = shell.call("run etl --rows 2 --refresh-cache --output json").ok();
    assert_eq!(refreshed.started(), ["double[0]", "double[1]", "extract", "total"]);
    assert_eq!(shell.call("run etl --rows 2 --output json").ok().started(), all);
    let both = shell.call("run etl --rows 2 --refresh-cache --no-cache");
    assert!(both.code == Some(2) && both.err.contains("--no-cache"), "{both:?}");
}

#[test]
fn what_had_completed_before_it_was_done_again_is_shown_so() {
    let shell = Shell::new();
    shell.write("data.txt", "");
    shell.call("run fragile --file data.txt").ok();
    shell.call("rerun --from extract").ok();
    let shown = shell.call("show last extract").ok().out;
    assert!(shown.contains("  attempt 1: Completed\n  attempt 2: Completed\n"), "{shown}");
    let told = shell.call("show last extract --output json").ok();
    let row = told.lines().into_iter().find(|line| line["task"] == "extract").unwrap();
    let earlier = &row["earlier_attempts"][0];
    assert_eq!((&earlier["number"], &earlier["state"]), (&1.into(), &"completed".into()), "{row}");
    assert!(earlier["error"].is_null(), "{row}");
}

#[test]
fn a_task_inside_a_sub_flow_is_done_again_with_the_sub_flow() {
    let shell = Shell::new();
    shell.write("data.txt", "");
    shell.call("run nested --file data.txt").ok();
    let refused = shell.call("rerun --from load");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("its sub-flow `fragile` has: `--from fragile`"), "{refused:?}");
    // The sub-flow is a node of `nested`, and its own run.
    let rerun = shell.call("rerun --from fragile --output json").ok();
    assert_eq!(rerun.started(), ["extract", "fragile", "fragile", "load"]);
}

#[test]
fn without_the_cache_everything_runs_and_nothing_is_left_there() {
    let shell = Shell::new();
    let all = ["double[0]", "double[1]", "extract", "total"];
    assert_eq!(shell.call("run etl --rows 2 --no-cache --output json").ok().started(), all);
    let after = shell.call("run etl --rows 2 --output json").ok();
    assert_eq!(after.started(), all, "nothing was left in the cache");
    let found = shell.call("run etl --rows 2 --output json").ok();
    assert_eq!(found.started(), &all[..3], "this one has left it there");
    assert_eq!(shell.call("run etl --rows 2 --no-cache --output json").ok().started(), all);
    let rerun = shell.call("rerun --from double --no-cache --output json").ok();
    assert_eq!(rerun.started(), ["double[0]", "double[1]", "total"]);
    let why = shell.call("explain-cache last total").ok().out;
    assert!(why.contains("it ran without the cache"), "{why}");
}
